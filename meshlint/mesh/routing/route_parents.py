"""Whether ambient clients are routed by a route, and what istiod says of it: parent by parent."""

from collections.abc import Iterator

from meshlint.graph.graph import ResourceGraph
from meshlint.graph.known import ABSENT, Known
from meshlint.mesh.changes import (
    OTHER_WAYPOINTS_ARE_NOT_TOLD,
    ROUTES_BESIDE_THE_SERVICE,
    ROUTES_TELL_WAYPOINTS,
    TCP_AT_WAYPOINTS,
    TCP_ROUTES_BY_DEFAULT,
    TLS_ROUTES_BY_DEFAULT,
)
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.derived import Cause
from meshlint.mesh.routing.at_waypoint import Surroundings, in_front, served_ports, tells_ports
from meshlint.mesh.routing.gateway_parent import Admission, gateway_admission
from meshlint.mesh.routing.hosts import hosts_of, matches
from meshlint.mesh.routing.route_backends import Conversion, conversion
from meshlint.mesh.waypoints.binding import class_of
from meshlint.mesh.waypoints.waypoint import (
    AGENTGATEWAY_CONTROLLER,
    AGENTGATEWAY_WAYPOINT_CONTROLLER,
    EASTWEST_CONTROLLER,
    GATEWAY_CONTROLLER,
    MESH_CONTROLLER,
    UNMANAGED_CONTROLLER,
    controller_of,
)
from meshlint.model.keys import USE_WAYPOINT
from meshlint.model.kind import (
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    ResourceRef,
)
from meshlint.model.kinds.gateway import Gateway, ObjectReference, Route
from meshlint.model.references import waypoint_reference
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_KNOWN_GROUPS = frozenset({"", "gateway.networking.k8s.io", "networking.istio.io"})
_LISTENER_SETS = frozenset({"ListenerSet", "XListenerSet"})
# From when on alpha routes are read by default: `pilot/pkg/config/kube/gateway/controller.go`.
_STABLE = {TCP_ROUTE: TCP_ROUTES_BY_DEFAULT, TLS_ROUTE: TLS_ROUTES_BY_DEFAULT}
_ALPHA = "PILOT_ENABLE_ALPHA_GATEWAY_API"
_MADE_BY = {
    AGENTGATEWAY_CONTROLLER: "PILOT_ENABLE_AGENTGATEWAY",
    AGENTGATEWAY_WAYPOINT_CONTROLLER: "PILOT_ENABLE_AGENTGATEWAY",
    EASTWEST_CONTROLLER: "AMBIENT_ENABLE_MULTI_NETWORK",
}
_NO_LABEL = (
    "istio.io/use-waypoint label missing from parent and parent namespace; "
    "in ambient mode, route will not be respected"
)


class RouteParent(NamedTuple):
    """
    A parent of a route.

    `respected` tells whether the ambient clients of the parent, or the clients of a Gateway, are routed by
    this route; None where it depends on something outside of the set. `conditions` are what istiod writes
    for this parent, as far as that can be known; none where istiod leaves the parent to others.
    """

    ref: ResourceRef
    text: str
    respected: bool | None
    conditions: tuple[PredictedCondition, ...]
    because: tuple[Cause, ...]


class _Verdict(NamedTuple):
    value: bool | None
    because: tuple[Cause, ...] = ()


def route_parents(route: Route, around: Surroundings) -> tuple[RouteParent, ...]:
    """
    What becomes of a route at each of its parents.

    istio `pilot/pkg/config/kube/gateway/conversion.go`, extractParentReferenceInfo and referenceAllowed.
    """
    return tuple(_parent(route, reference, around) for reference in route.parents)


def _parent(route: Route, reference: ObjectReference, around: Surroundings) -> RouteParent:
    namespace = reference.namespace if reference.namespace is not None else route.namespace
    ref = ResourceRef(reference.kind, namespace, reference.name)
    text = "/".join(part for part in (ref.kind.name, ref.namespace, ref.name) if part)
    at = route.at(*reference.path)
    is_read = _is_read(route, around)
    if is_read.value is not True:
        return RouteParent(ref, text, is_read.value, (), is_read.because)
    if ref.kind in (SERVICE, SERVICE_ENTRY):
        return _mesh_parent(route, reference, ref, text, around)
    if ref.kind == GATEWAY:
        admission = gateway_admission(route, reference, ref, around)
        converted = conversion(route, around, in_mesh=False)
        return RouteParent(
            ref, text, admission.respected, _conditions(admission, converted, around), admission.because
        )
    if ref.kind.name in _LISTENER_SETS or ref.kind.group not in _KNOWN_GROUPS:
        return RouteParent(ref, text, None, (), (Cause(f"{ref.kind} is not judged", at),))
    return RouteParent(ref, text, False, (), (Cause(f"Istio knows no parents of kind {ref.kind}", at),))


def _conditions(
    admission: Admission, converted: Conversion, around: Surroundings
) -> tuple[PredictedCondition, ...]:
    if admission.condition is None:
        return ()
    found = [admission.condition]
    if converted.condition is not None:
        found.append(converted.condition)
    if ROUTES_TELL_WAYPOINTS.holds(around.version):
        found.append(_resolved_waypoints("All waypoints resolved"))
    return tuple(found)


def _mesh_parent(
    route: Route, reference: ObjectReference, ref: ResourceRef, text: str, around: Surroundings
) -> RouteParent:
    found = around.graph.find(ref)
    at = route.at(*reference.path, "name")
    if found.is_unknown:
        return RouteParent(ref, text, None, (), (Cause(f"{text} is not in this set", at),))
    if (
        found.value is None
        and ref.kind == SERVICE
        and is_made_by_a_gateway(ref, around.graph, around.version)
    ):
        return RouteParent(ref, text, None, (), (Cause(f"Istio makes {text} for a Gateway", at),))
    if found.value is not None:
        other = _is_anothers(found.value, around)
        if other.value is not False:
            return RouteParent(ref, text, None, (), other.because)
    converted = conversion(route, around, in_mesh=True)
    conditions = tuple(_mesh_conditions(ref, found.value, converted, around))
    if found.value is None:
        return RouteParent(ref, text, False, conditions, (Cause(f"there is no {text}", at),))
    verdict = _respected(route, reference, found.value, converted, around)
    return RouteParent(ref, text, verdict.value, conditions, verdict.because)


def is_made_by_a_gateway(ref: ResourceRef, graph: ResourceGraph, version: IstioVersion) -> bool:
    """Whether a Service has the name of one that istiod deploys for a Gateway (getDefaultName)."""
    name, _, class_name = ref.name.rpartition("-")
    for its_name in (ref.name, name):
        gateway = graph.find(ResourceRef(GATEWAY, ref.namespace, its_name)).value
        if not isinstance(gateway, Gateway):
            continue
        controller = controller_of(gateway, class_of(graph, gateway), version)
        if controller == GATEWAY_CONTROLLER:
            if its_name == name and gateway.class_name == class_name:
                return True
        elif controller not in (None, UNMANAGED_CONTROLLER) and its_name == ref.name:
            return True
    return False


def _mesh_conditions(
    ref: ResourceRef, parent: Resource | None, converted: Conversion, around: Surroundings
) -> Iterator[PredictedCondition]:
    """Istiod looks for the parent and its label from 1.25.1; before, it accepts whatever is named."""
    checked = ROUTES_TELL_WAYPOINTS.holds(around.version)
    if parent is None and checked:
        kind = "service" if ref.kind == SERVICE else "service entry"
        text = f'parent {kind}: "{ref.name}" not found'
        yield PredictedCondition("Accepted", "False", "NoMatchingParent", text)
    else:
        yield PredictedCondition("Accepted", "True", "Accepted", "Route was valid")
    if converted.condition is not None:
        yield converted.condition
    if checked:
        message = "parent not found" if parent is None else _waypoint_message(parent, around)
        if message is not None:
            yield _resolved_waypoints(message)


def _waypoint_message(parent: Resource, around: Surroundings) -> str | None:
    """
    What istiod says of the label, of which it looks at no more than the value; None if it is not known.

    An opt-out on the parent sends it to the Namespace all the same, however it is spelt (waypointConfigured).
    """
    if _asks(parent):
        return "All waypoints resolved"
    namespace = around.graph.namespace_of(parent)
    if namespace.is_unknown:
        return None
    return _NO_LABEL if namespace.value and not _asks(namespace.value) else "All waypoints resolved"


def _asks(holder: Resource) -> bool:
    return holder.labels.get(USE_WAYPOINT, "").lower() not in ("", "none")


def _is_anothers(parent: Resource, around: Surroundings) -> _Verdict:
    """
    Whether the parent's waypoint is of a class that another controller manages: istiod then is silent.

    waypointManagedByAnotherController, 1.31 and newer; it needs the GatewayClass to be in the cluster.
    """
    if not OTHER_WAYPOINTS_ARE_NOT_TOLD.holds(around.version):
        return _Verdict(False)
    holder: Resource | None = parent
    if USE_WAYPOINT not in parent.labels:
        holder = around.graph.find(ResourceRef(NAMESPACE, None, parent.namespace or "")).value
    if holder is None or not _asks(holder):
        return _Verdict(False)
    wanted = waypoint_reference(holder.labels, parent.namespace)
    found: Known[Resource] = around.graph.find(wanted) if wanted is not None else ABSENT
    if not isinstance(found.value, Gateway):
        return _Verdict(None if found.is_unknown else False)
    return _is_of_anothers_class(found.value, around)


def _is_of_anothers_class(gateway: Gateway, around: Surroundings) -> _Verdict:
    its_class = class_of(around.graph, gateway)
    controller = controller_of(gateway, its_class, around.version)
    if controller in (GATEWAY_CONTROLLER, MESH_CONTROLLER):
        return _Verdict(False)
    text = f"class {gateway.class_name!r} is another controller's"
    because = (Cause(text, gateway.at("spec", "gatewayClassName")),)
    if its_class.value or controller == UNMANAGED_CONTROLLER:
        return _Verdict(True, because)
    # istiod makes the other classes itself, where what they are for is switched on.
    if its_class.is_absent and controller in _MADE_BY:
        made = around.switch(_MADE_BY[controller])
        return _Verdict(made.value is True, because)
    return _Verdict(False if its_class.is_absent else None, because)


def _respected(
    route: Route, reference: ObjectReference, parent: Resource, converted: Conversion, around: Surroundings
) -> _Verdict:
    """Whether the waypoint of a parent routes by this route: a waypoint, its namespaces, its ports."""
    front = in_front(parent, around)
    if front.value is not True or front.waypoint is None:
        return _Verdict(front.value, front.because)
    at = route.at(*reference.path)
    if route.kind in _STABLE and not TCP_AT_WAYPOINTS.holds(around.version):
        return _Verdict(False, (Cause(f"waypoints of Istio {around.version} take no {route.kind.name}", at),))
    takes = {front.waypoint.namespace}
    if ROUTES_BESIDE_THE_SERVICE.holds(around.version):
        takes.add(parent.namespace)
    if route.namespace not in takes:
        text = f"a waypoint in namespace {front.waypoint.namespace!r} takes no routes of {route.namespace!r}"
        return _Verdict(False, (Cause(text, route.at("metadata", "namespace")), *front.because))
    if converted.is_lost and converted.condition is not None:
        return _Verdict(False, (Cause(converted.condition.message, route.at("spec", "rules")),))
    misfit = _port_misfit(route, reference, parent, around) or _sni_misfit(route, parent)
    return _Verdict(False, (misfit,)) if misfit else _Verdict(True, front.because)


def _port_misfit(
    route: Route, reference: ObjectReference, parent: Resource, around: Surroundings
) -> Cause | None:
    """A `port` that the parent does not have matches nothing (augmentPortMatch), as another protocol does."""
    if not tells_ports(parent):
        return None
    ports = served_ports(parent, around)
    if reference.port is not None:
        ports = {number: carried for number, carried in ports.items() if number == reference.port}
        if not ports:
            return Cause(f"its parent serves no port {reference.port}", route.at(*reference.path, "port"))
    is_http = route.kind in (HTTP_ROUTE, GRPC_ROUTE)
    if any(carried.may_be_http if is_http else carried.may_be_tcp for carried in ports.values()):
        return None
    wanted = "HTTP" if is_http else "TCP"
    return Cause(f"no port of its parent carries {wanted}", parent.at("spec", "ports"))


def _sni_misfit(route: Route, parent: Resource) -> Cause | None:
    """
    A TLSRoute counts only with the parent's host as its one SNI host, or without `hostnames`.

    Of several, those that do not fit the host are left out before (compatibleRoutesForHost).
    """
    if route.kind != TLS_ROUTE or not route.hostnames or route.hostnames == ("*",):
        return None
    for host in hosts_of(parent):
        names = route.hostnames
        if len(names) > 1:
            names = tuple(name for name in names if matches(host, name))
        if names == (host,):
            return None
    return Cause("its `hostnames` are not the parent's host", route.at("spec", "hostnames"))


def _is_read(route: Route, around: Surroundings) -> _Verdict:
    """Whether istiod reads such routes: alpha ones only where that is switched on."""
    stable = _STABLE.get(route.kind)
    if stable is None or stable.holds(around.version):
        return _Verdict(True)
    told = around.switch(_ALPHA)
    if told.value is not None:
        return _Verdict(told.value, told.because)
    return _Verdict(None, (Cause(f"before {stable.since.minor_release} that takes {_ALPHA}", route.at()),))


def _resolved_waypoints(message: str) -> PredictedCondition:
    return PredictedCondition("ResolvedWaypoints", "True", "ResolvedWaypoints", message)
