"""Which Gateways are waypoints, for what traffic, and whom they admit."""

from typing import TYPE_CHECKING

from meshlint.graph.known import Known
from meshlint.mesh.changes import (
    AGENTGATEWAY_CLASS,
    AGENTGATEWAY_WAYPOINT_CLASS,
    ALLOWED_ROUTES,
    CLASSES_SAY_TRAFFIC,
    EAST_WEST_CLASS,
    SANDWICH_LISTENERS,
    Change,
)
from meshlint.mesh.derived import Cause, Derived
from meshlint.model.keys import DATAPLANE_MODE, WAYPOINT_BINDING, WAYPOINT_FOR
from meshlint.model.kinds.core import NAMESPACE_NAME_LABEL, Namespace
from meshlint.model.kinds.gateway import Gateway, GatewayClass, Listener
from meshlint.model.references import NO_WAYPOINT
from meshlint.model.selector import LabelSelector
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import FieldPath, Location

if TYPE_CHECKING:
    from collections.abc import Mapping

HBONE_PORT = 15008
HBONE = "HBONE"
SANDWICH_PROTOCOL = "istio.io/PROXY"
GATEWAY_CONTROLLER = "istio.io/gateway-controller"
UNMANAGED_CONTROLLER = "istio.io/unmanaged-gateway"
MESH_CONTROLLER = "istio.io/mesh-controller"
EASTWEST_CONTROLLER = "istio.io/eastwest-controller"
AGENTGATEWAY_CONTROLLER = "istio.io/agentgateway-controller"
AGENTGATEWAY_WAYPOINT_CONTROLLER = "istio.io/agentgateway-waypoint-controller"
WAYPOINT_CONTROLLERS = frozenset({MESH_CONTROLLER, AGENTGATEWAY_WAYPOINT_CONTROLLER})
# The classes that exist without a GatewayClass in the cluster, and what they came with.
_BUILT_IN: dict[str, tuple[str, Change | None]] = {
    "istio": (GATEWAY_CONTROLLER, None),
    "istio-remote": (UNMANAGED_CONTROLLER, None),
    "istio-waypoint": (MESH_CONTROLLER, None),
    "istio-east-west": (EASTWEST_CONTROLLER, EAST_WEST_CLASS),
    "istio-agentgateway": (AGENTGATEWAY_CONTROLLER, AGENTGATEWAY_CLASS),
    "istio-agentgateway-waypoint": (AGENTGATEWAY_WAYPOINT_CONTROLLER, AGENTGATEWAY_WAYPOINT_CLASS),
}
WAYPOINT_CLASSES = frozenset(name for name, (by, _) in _BUILT_IN.items() if by in WAYPOINT_CONTROLLERS)
_ISTIO_CONTROLLERS = frozenset(controller for controller, _ in _BUILT_IN.values())

TRAFFIC_TYPES = ("service", "workload", "all", "none")
SERVICE_TRAFFIC = frozenset({"service", "all"})
WORKLOAD_TRAFFIC = frozenset({"workload", "all"})

YES = frozenset({"true", "yes", "on", "enabled"})
"""Words, in small letters, for a waypoint that is wanted, which may stand where its name has to be."""

_LABEL_VALUE = regex(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_OBJECT_NAME = regex(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_ADMISSION = {
    "All": "it admits all namespaces",
    "Same": "it admits only its own namespace",
    "Selector": "it admits namespaces by their labels",
}
_NO_LISTENER = "without an HBONE listener on port 15008 it admits only its own namespace"


class AllowedRoutes(NamedTuple):
    """From which namespaces a waypoint may be used, and the line that says so."""

    listener: Listener | None
    routes_from: str
    at: Location


def controller_of(gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion) -> str | None:
    """
    The controller that serves a Gateway, as far as it is Istio's; None for any other.

    That of its GatewayClass, or what a class of that name is without one
    (istio `pilot/pkg/config/kube/gatewaycommon/classinfo.go`).
    """
    if gateway_class.value:
        controller = gateway_class.value.controller_name
        return controller if controller in _ISTIO_CONTROLLERS else None
    if gateway.class_name not in _BUILT_IN:
        return None
    controller, came_with = _BUILT_IN[gateway.class_name]
    return controller if came_with is None or came_with.holds(version) else None


def is_waypoint(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> Derived[bool | None]:
    """
    Whether a Gateway is a waypoint; None for a class that is not Istio's own.

    By its controller, or as a sandwich: captured by ztunnel, which passes the traffic on. Whether
    that captures what istiod does not deploy is not known, nor what an agentgateway makes of HBONE.
    """
    at = gateway.at("spec", "gatewayClassName")
    because = (Cause(f"Gateway {gateway.name!r} is of class {gateway.class_name!r}", at),)
    controller = controller_of(gateway, gateway_class, version)
    if controller in WAYPOINT_CONTROLLERS:
        return Derived(True, because)
    if _is_sandwich(gateway, gateway_class):
        captured = Cause("ztunnel terminates HBONE in front of it", _captured_at(gateway))
        return Derived(True, (captured,))
    is_told = is_managed(gateway) and controller != AGENTGATEWAY_CONTROLLER
    is_known = is_told or not _takes_from_ztunnel(gateway, gateway_class)
    return Derived(None if controller is None or not is_known else False, because)


def is_waypoint_class(gateway_class: GatewayClass) -> bool | None:
    """Whether the Gateways of a class are waypoints; None for a class that is not Istio's own."""
    controller = gateway_class.controller_name or _BUILT_IN.get(gateway_class.name, ("",))[0]
    if controller in WAYPOINT_CONTROLLERS:
        return True
    return False if controller in _ISTIO_CONTROLLERS else None


def meant_class(gateway: Gateway, gateway_class: Known[GatewayClass]) -> str | None:
    """The class of waypoints that a Gateway's class is a slip of; None for a class that exists."""
    if gateway_class.value or gateway.class_name in _BUILT_IN:
        return None
    return nearest(gateway.class_name, WAYPOINT_CLASSES)


def is_managed(gateway: Gateway) -> bool:
    """
    Whether istiod deploys a Gateway, rather than leaving it to a Service that its address names.

    istio `pilot/pkg/config/kube/gatewaycommon/gateway_utils.go`, IsManaged; to 1.30 under `gateway/`.
    """
    match gateway.addresses:
        case ():
            return True
        case ((kind, _),):
            return kind == "IPAddress"
        case _:
            return False


def lacks_address(gateway: Gateway) -> bool:
    """
    Whether a Gateway of a cluster is not ready to be a waypoint, for want of an address in its status.

    istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, gatewayToWaypointTransform. A manifest has
    no status, and counts as ready; so does what no controller has looked at.
    """
    if not gateway.head.live or not gateway.manifest.value("status", "conditions"):
        return False
    return not gateway.manifest.value("status", "addresses")


def deployed_labels(gateway: Gateway) -> tuple["Mapping[str, str]", FieldPath]:
    """
    The labels that istiod copies to what it deploys for a Gateway, and the way to them.

    Those of `infrastructure`, else the Gateway's own (istio
    `pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go`, extractInfrastructureMetadata).
    """
    if gateway.infrastructure_labels is not None:
        return gateway.infrastructure_labels, ("spec", "infrastructure", "labels")
    return gateway.labels, ("metadata", "labels")


def is_label_value(text: str) -> bool:
    """Whether the API server takes a text as the value of a label (apimachinery `pkg/util/validation`)."""
    return _LABEL_VALUE.fullmatch(text) is not None


def is_gateway_name(text: str) -> bool:
    """
    Whether a label can name a Gateway by a text: a DNS subdomain that is a label value as well.

    Istio takes the value as it is written; the API server has no Gateway of another name
    (apimachinery `pkg/util/validation/validation.go`, IsDNS1123Subdomain).
    """
    return is_label_value(text) and _OBJECT_NAME.fullmatch(text) is not None


def is_opt_out(text: str) -> bool:
    """Whether a label says by a text that no waypoint is wanted, whatever Gateway is called so."""
    return text == NO_WAYPOINT


def traffic_type(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> Derived[str | None]:
    """
    What traffic a waypoint is for, as written; None if a class outside of the set may say.

    The Gateway's label, else its class's (from 1.23), else `service`. Istio does not validate the
    value: what it does not know behaves as `none`
    (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, gatewayToWaypointTransform).
    """
    if WAYPOINT_FOR in gateway.labels:
        value = gateway.labels[WAYPOINT_FOR]
        return Derived(value, (Cause(f"it is for {value!r} traffic", gateway.label_at(WAYPOINT_FOR)),))
    its_class = gateway_class.value if CLASSES_SAY_TRAFFIC.holds(version) else None
    if its_class and WAYPOINT_FOR in its_class.labels:
        value = its_class.labels[WAYPOINT_FOR]
        by_class = Cause(f"its class is for {value!r} traffic", its_class.label_at(WAYPOINT_FOR))
        return Derived(value, (by_class,))
    default = Cause("without `istio.io/waypoint-for` it is for service traffic", gateway.at())
    is_known = its_class or not CLASSES_SAY_TRAFFIC.holds(version) or not gateway_class.is_unknown
    if is_known or gateway.class_name in _BUILT_IN:
        return Derived("service", (default,))
    return Derived(None)


def admits(
    gateway: Gateway,
    rule: AllowedRoutes,
    name: str | None,
    namespace: Known[Namespace],
) -> Derived[bool | None]:
    """
    Whether objects of a namespace may use a waypoint; None if its labels would have to be known.

    The namespace is that of the object that uses the waypoint, also where the namespace's label
    asks for it. No ReferenceGrant is involved
    (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, makeAllowedRoutes).
    """
    because = (Cause(_ADMISSION[rule.routes_from] if rule.listener else _NO_LISTENER, rule.at),)
    if rule.routes_from == "All":
        return Derived(True, because)
    if rule.routes_from != "Selector" or rule.listener is None:
        if (name is None) != (gateway.namespace is None):
            return Derived(None, because)
        return Derived(name == gateway.namespace, because)
    selector = rule.listener.routes_selector
    if selector is None:
        return Derived(False, because)
    if namespace.value is None:
        return Derived(_matches_by_name(selector, name), because)
    return Derived(selector.matches(namespace.value.effective_labels), because)


def admits_others(gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion) -> bool:
    """Whether objects of other namespaces than its own may be able to use a waypoint."""
    if not ALLOWED_ROUTES.holds(version):
        return True
    return allowed_routes(gateway, gateway_class, version).routes_from != "Same"


def _matches_by_name(selector: LabelSelector, name: str | None) -> bool | None:
    """Whether a selector that asks for a namespace's name alone matches; None if it asks for more."""
    asked = {*selector.match_labels, *(term.key for term in selector.match_expressions)}
    if name is None or not asked <= {NAMESPACE_NAME_LABEL}:
        return None
    return selector.matches({NAMESPACE_NAME_LABEL: name})


def _is_sandwich(gateway: Gateway, gateway_class: Known[GatewayClass]) -> bool:
    holders = (gateway.labels, gateway.infrastructure_labels or {})
    is_captured = any(labels.get(DATAPLANE_MODE) == "ambient" for labels in holders)
    return is_captured and _takes_from_ztunnel(gateway, gateway_class)


def _captured_at(gateway: Gateway) -> Location:
    labels, path = deployed_labels(gateway)
    return gateway.at(*path, DATAPLANE_MODE) if DATAPLANE_MODE in labels else gateway.label_at(DATAPLANE_MODE)


def _takes_from_ztunnel(gateway: Gateway, gateway_class: Known[GatewayClass]) -> bool:
    """Whether a Gateway is made for a ztunnel in front of it: bound to it, or with a port for its HBONE."""
    bound = inbound_binding(gateway, gateway_class) is not None
    return bound or any(listener.port == HBONE_PORT for listener in gateway.listeners)


def inbound_binding(gateway: Gateway, gateway_class: Known[GatewayClass]) -> tuple[str, int] | None:
    """Protocol and port (0 if none) of the binding annotation; None without a valid one."""
    holders: list[Mapping[str, str]] = [gateway.annotations]
    if gateway_class.value:
        holders.append(gateway_class.value.annotations)
    text = next((held[WAYPOINT_BINDING] for held in holders if WAYPOINT_BINDING in held), "")
    protocol, _, port = text.partition("/")
    if protocol not in ("NONE", "PROXY") or "/" in port:
        return None
    return protocol, int(port) if port.isdecimal() else 0


def allowed_routes(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> AllowedRoutes:
    """
    The rule by which a waypoint admits objects of other namespaces.

    istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, makeAllowedRoutes: that of the listener to
    which a sandwich is bound (from 1.26), else of the HBONE listener, else only its own namespace.
    """
    bound = _bound_listener(gateway, gateway_class) if SANDWICH_LISTENERS.holds(version) else None
    listener = bound or next(
        (x for x in gateway.listeners if x.protocol == HBONE and x.port == HBONE_PORT), None
    )
    if listener is None:
        return AllowedRoutes(None, "Same", gateway.at("spec", "listeners"))
    known = listener.routes_from if listener.routes_from in ("All", "Selector") else "Same"
    path = (*listener.path, "allowedRoutes", "namespaces", "from")
    return AllowedRoutes(listener, known, gateway.at(*path))


def _bound_listener(gateway: Gateway, gateway_class: Known[GatewayClass]) -> Listener | None:
    match inbound_binding(gateway, gateway_class):
        case (_, port) if port:
            return next((x for x in gateway.listeners if x.port == port), None)
        case ("PROXY", _):
            return next((x for x in gateway.listeners if x.protocol == SANDWICH_PROTOCOL), None)
        case _:
            return None
