"""Which listeners of a Gateway admit a route, and what istiod says where none does."""

from collections.abc import Sequence

from meshlint.mesh.changes import (
    EAST_WEST_PASSTHROUGH,
    FAULTY_LISTENERS_TAKE_NO_ROUTES,
    HTTP_ROUTES_IN_V1,
    TCP_ROUTES_BY_DEFAULT,
    TLS_ROUTES_BY_DEFAULT,
    TLS_ROUTES_TERMINATE,
)
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.derived import Cause
from meshlint.mesh.routing.at_waypoint import Surroundings
from meshlint.mesh.routing.hosts import matches
from meshlint.mesh.waypoints.binding import class_of
from meshlint.mesh.waypoints.waypoint import (
    EASTWEST_CONTROLLER,
    GATEWAY_CONTROLLER,
    HBONE_PORT,
    MESH_CONTROLLER,
    UNMANAGED_CONTROLLER,
    controller_of,
    is_managed,
)
from meshlint.model.kind import GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, Kind, ResourceRef
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway, Listener, ObjectReference, Route
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_ACCEPTED = PredictedCondition("Accepted", "True", "Accepted", "Route was valid")


class Admission(NamedTuple):
    """Whether a Gateway routes by a route; `condition` is `Accepted`, None where istiod writes none."""

    respected: bool | None
    condition: PredictedCondition | None
    because: tuple[Cause, ...]


class _Denial(NamedTuple):
    """Why a listener does not admit a route; a lower rank is told rather than a higher one."""

    rank: int
    reason: str
    message: str


def gateway_admission(
    route: Route, reference: ObjectReference, ref: ResourceRef, around: Surroundings
) -> Admission:
    """
    What a Gateway makes of a route that names it as parent.

    istio `pilot/pkg/config/kube/gateway/gateway_collection.go`, GatewayCollection: a waypoint takes no routes
    itself, nor does a remote gateway. `conversion.go`, referenceAllowed; `conditions.go`, createRouteStatus.
    """
    at = route.at(*reference.path, "name")
    found = around.graph.find(ref)
    if not isinstance(found.value, Gateway):
        missing = Cause(f"there is no Gateway {ref.name!r}", at)
        return Admission(False if found.is_absent else None, None, (missing,))
    gateway = found.value
    controller = controller_of(gateway, class_of(around.graph, gateway), around.version)
    by_class = Cause(
        f"Gateway {ref.name!r} is of class {gateway.class_name!r}", gateway.at("spec", "gatewayClassName")
    )
    if controller in (MESH_CONTROLLER, UNMANAGED_CONTROLLER):
        return Admission(False, None, (by_class,))
    if controller not in (GATEWAY_CONTROLLER, EASTWEST_CONTROLLER):
        return Admission(None, None, (by_class,))
    listeners = _listeners(gateway, controller, around.version)
    if not listeners:
        return Admission(False, None, (Cause("it has no listener for routes", gateway.at("spec")),))
    return _merged(route, reference, gateway, listeners, around)


def _merged(
    route: Route,
    reference: ObjectReference,
    gateway: Gateway,
    listeners: Sequence[Listener],
    around: Surroundings,
) -> Admission:
    """One listener that admits the route is enough."""
    admitting: list[Listener] = []
    denials: list[_Denial] = []
    unsure = False
    for listener in listeners:
        denial = _denial(route, reference, listener, gateway, around)
        if isinstance(denial, _Denial):
            denials.append(denial)
        elif denial:
            admitting.append(listener)
        else:
            unsure = True
    if admitting:
        by = Cause(f"listener {admitting[0].name!r} admits it", gateway.at(*admitting[0].path))
        return Admission(True, None if unsure else _accepted(len(admitting)), (by,))
    if unsure:
        labels = Cause("whom it admits depends on the labels of the route's Namespace", gateway.at("spec"))
        return Admission(None, None, (labels,))
    rank, reason, _ = min(denials, key=lambda denial: denial.rank)
    message = "; ".join(denial.message for denial in denials if denial.rank == rank)
    condition = PredictedCondition("Accepted", "False", reason, message)
    return Admission(False, condition, (Cause(message, route.at(*reference.path)),))


def _accepted(count: int) -> PredictedCondition:
    if count == 1:
        return _ACCEPTED
    return _ACCEPTED._replace(message=f"Route was valid, bound to {count} parents")


def _denial(
    route: Route, reference: ObjectReference, listener: Listener, gateway: Gateway, around: Surroundings
) -> _Denial | bool:
    """Why a listener does not admit a route: True if it does, False if that is not known."""
    section = _section_denial(reference, listener) or _hostname_denial(route, listener)
    if section is not None:
        return section
    admitted = _admits(listener, route, gateway, around)
    if admitted is None:
        return False
    if not admitted:
        text = (
            f'hostnames matched parent hostname "{listener.hostname or ""}", but namespace '
            f'"{route.namespace}" is not allowed by the parent'
        )
        return _Denial(1, "NotAllowedByListeners", text)
    if route.kind not in _kinds(listener, around.version):
        text = f"kind {_versioned(route.kind, around.version)} is not allowed"
        return _Denial(1, "NotAllowedByListeners", text)
    return True


def _section_denial(reference: ObjectReference, listener: Listener) -> _Denial | None:
    if reference.port is not None and reference.port not in (0, listener.port):
        return _Denial(4, "NoMatchingParent", f"port {reference.port} not found")
    if reference.section and reference.section != listener.name:
        return _Denial(4, "NoMatchingParent", f'sectionName "{reference.section}" not found')
    return None


def _hostname_denial(route: Route, listener: Listener) -> _Denial | None:
    """One hostname that fits is enough; without any, all do."""
    pattern = listener.hostname if listener.hostname is not None else "*"
    if any(matches(pattern, hostname) for hostname in route.hostnames or ("*",)):
        return None
    text = f'no hostnames matched parent hostname "{listener.hostname or ""}"'
    return _Denial(2, "NoMatchingListenerHostname", text)


def _admits(listener: Listener, route: Route, gateway: Gateway, around: Surroundings) -> bool | None:
    """
    Whether a listener admits routes of a route's namespace; None if that takes labels that are not known.

    namespacesFromSelector: what is neither `Same` nor `Selector` with a selector admits all.
    """
    if listener.routes_from in (None, "Same"):
        return route.namespace == gateway.namespace
    if listener.routes_from == "All" or listener.routes_selector is None:
        return True
    found = around.graph.namespace_of(route)
    if isinstance(found.value, Namespace):
        return listener.routes_selector.matches(found.value.effective_labels)
    return None if found.is_unknown else False


def _kinds(listener: Listener, version: IstioVersion) -> tuple[Kind, ...]:
    """
    The kinds of routes that fit a listener (`gatewaycommon/conversion.go`, GenerateGatewaySupportedKinds).

    TLS takes TLSRoutes, and TCPRoutes if it terminates; before 1.30, TLSRoutes only with `Passthrough`
    and TCPRoutes otherwise.
    """
    supported: tuple[Kind, ...] = ()
    match listener.protocol:
        case "HTTP" | "HTTPS":
            supported = (HTTP_ROUTE, GRPC_ROUTE)
        case "TCP":
            supported = (TCP_ROUTE,)
        case "TLS" if TLS_ROUTES_TERMINATE.holds(version):
            supported = (TLS_ROUTE, TCP_ROUTE) if listener.tls_mode == "Terminate" else (TLS_ROUTE,)
        case "TLS":
            supported = (TLS_ROUTE,) if listener.tls_mode == "Passthrough" else (TCP_ROUTE,)
        case _:
            pass
    if listener.allowed_kinds:
        return tuple(kind for kind in supported if kind in listener.allowed_kinds)
    return supported


def _listeners(gateway: Gateway, controller: str, version: IstioVersion) -> list[Listener]:
    """
    The listeners that routes attach to.

    None of a gateway whose addresses are none that Istio can use; of an east-west gateway all but
    HBONE's from 1.30, none before. From 1.31 one without its TLS section is left out, and one that
    conflicts with an earlier one.
    """
    if _is_without_service(gateway):
        return []
    listeners = list(gateway.listeners)
    if controller == EASTWEST_CONTROLLER:
        if not EAST_WEST_PASSTHROUGH.holds(version):
            return []
        listeners = [listener for listener in listeners if listener.port != HBONE_PORT]
    if not FAULTY_LISTENERS_TAKE_NO_ROUTES.holds(version):
        return listeners
    kept: list[Listener] = []
    for listener in listeners:
        if not any(_conflict(listener, earlier) for earlier in kept):
            kept.append(listener)
    return [x for x in kept if x.has_tls or x.protocol not in ("HTTPS", "TLS")]


def _conflict(one: Listener, other: Listener) -> bool:
    """Whether two listeners cannot share a port (`gatewaycommon/listener_conflict.go`, listenersDistinct)."""
    if one.port != other.port:
        return False
    sorts = [_sort(one), _sort(other)]
    if None in sorts:
        return one.protocol == other.protocol
    if sorts == ["http", "http"]:
        return (one.hostname or "*") == (other.hostname or "*")
    return True


def _sort(listener: Listener) -> str | None:
    if listener.protocol in ("HTTP", "HTTPS", "TLS"):
        return "http"
    return "l4" if listener.protocol in ("TCP", "UDP") else None


def _is_without_service(gateway: Gateway) -> bool:
    """An unmanaged Gateway needs an address of type Hostname (extractGatewayServices)."""
    return not is_managed(gateway) and "Hostname" not in (kind for kind, _ in gateway.addresses)


def _versioned(kind: Kind, version: IstioVersion) -> str:
    """A kind as Istio's messages name it, with the version of the API that it reads."""
    api = "v1"
    if kind == HTTP_ROUTE and not HTTP_ROUTES_IN_V1.holds(version):
        api = "v1beta1"
    if (kind == TCP_ROUTE and not TCP_ROUTES_BY_DEFAULT.holds(version)) or (
        kind == TLS_ROUTE and not TLS_ROUTES_BY_DEFAULT.holds(version)
    ):
        api = "v1alpha2"
    return f"{kind.group}/{api}/{kind.name}"
