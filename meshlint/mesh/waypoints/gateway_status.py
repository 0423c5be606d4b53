"""What istiod will write into the status of a Gateway, as far as that can be told without a cluster."""

from collections.abc import Iterator, Sequence

from meshlint.mesh.changes import EAST_WEST_PASSTHROUGH, LISTENERS_DECIDE_ACCEPTANCE
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.waypoints.waypoint import (
    AGENTGATEWAY_CONTROLLER,
    AGENTGATEWAY_WAYPOINT_CONTROLLER,
    EASTWEST_CONTROLLER,
    GATEWAY_CONTROLLER,
    HBONE,
    HBONE_PORT,
    MESH_CONTROLLER,
    UNMANAGED_CONTROLLER,
    is_managed,
)
from meshlint.model.keys import NAME_OVERRIDE
from meshlint.model.kinds.gateway import Gateway, Listener
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_ENCRYPTED = frozenset({"HTTPS", "TLS"})
_UNSUPPORTED = "UnsupportedProtocol"
_PROTOCOLS = frozenset({"HTTP", "HTTPS", "TLS", "TCP", HBONE})
_WAYPOINT_LISTENER = 'Expected a single listener on port 15008 with protocol "HBONE"'
_EASTWEST_LISTENER = (
    'East-west gateway listeners must be either port 15008 with protocol "HBONE" and TLS.Mode == Terminate, '
    "or TLS with TLS.Mode == Passthrough"
)
_HBONE_CONTROLLERS = {
    GATEWAY_CONTROLLER: frozenset({MESH_CONTROLLER, EASTWEST_CONTROLLER}),
    AGENTGATEWAY_CONTROLLER: frozenset({AGENTGATEWAY_CONTROLLER, AGENTGATEWAY_WAYPOINT_CONTROLLER}),
}
_WAYPOINTS = frozenset({MESH_CONTROLLER, AGENTGATEWAY_WAYPOINT_CONTROLLER})
_AGENTGATEWAYS = frozenset({AGENTGATEWAY_CONTROLLER, AGENTGATEWAY_WAYPOINT_CONTROLLER})


class ListenerFault(NamedTuple):
    """What istiod says against a listener. `is_fatal`: it counts as invalid for the Gateway too."""

    message: str
    is_fatal: bool


class ListenerCondition(NamedTuple):
    """The condition `Accepted` of one listener of a Gateway."""

    listener: Listener
    condition: PredictedCondition


def gateway_conditions(
    gateway: Gateway, controller: str, version: IstioVersion
) -> tuple[PredictedCondition, ...]:
    """
    The conditions of a Gateway, then the condition `Accepted` of each of its listeners.

    A waypoint that stands in the set counts as ready. Of a gateway for ingress only a listener that is
    refused is told: the rest hangs on certificates and load balancers
    (istio `pilot/pkg/config/kube/gateway/conversion.go`, reportGatewayStatus).
    """
    if controller == UNMANAGED_CONTROLLER:
        return (
            PredictedCondition("Accepted", "True", "Accepted", "Resource accepted"),
            PredictedCondition(
                "Programmed", "True", "Programmed", "This Gateway is remote; Istio will not program it"
            ),
        )
    listeners = tuple(found.condition for found in listener_conditions(gateway, controller, version))
    if controller in (GATEWAY_CONTROLLER, AGENTGATEWAY_CONTROLLER):
        return tuple(condition for condition in listeners if condition.status == "False")
    return (*_of_gateway(gateway, controller, version), *listeners)


def listener_conditions(
    gateway: Gateway, controller: str, version: IstioVersion
) -> Iterator[ListenerCondition]:
    """
    The condition `Accepted` of each listener.

    istio `pilot/pkg/config/kube`, `gateway/conversion.go` and `agentgateway/listener.go`, buildListener.
    Nothing of listeners that share a port: which of them wins is another question.
    """
    if controller == UNMANAGED_CONTROLLER:
        return
    for listener in gateway.listeners:
        if _shares_port(listener, gateway.listeners):
            continue
        fault = listener_fault(listener, controller, version)
        if fault:
            condition = PredictedCondition("Accepted", "False", _UNSUPPORTED, fault.message)
        else:
            condition = PredictedCondition("Accepted", "True", "Accepted", "No errors found")
        yield ListenerCondition(listener, condition)


def listener_fault(listener: Listener, controller: str, version: IstioVersion) -> ListenerFault | None:
    """
    What istiod has against a listener; the last word wins, as there.

    unexpectedWaypointListener, unexpectedEastWestWaypointListener, listenerProtocolToIstio.
    """
    protocol = _protocol_fault(listener.protocol, controller)
    fatal = protocol is not None
    if controller in _WAYPOINTS and (listener.port != HBONE_PORT or listener.protocol != HBONE):
        return ListenerFault(_WAYPOINT_LISTENER, fatal)
    if controller == EASTWEST_CONTROLLER:
        expected = _eastwest_fault(listener, version)
        if expected:
            return ListenerFault(expected, fatal)
    return ListenerFault(protocol, is_fatal=True) if protocol else None


def _protocol_fault(protocol: str, controller: str) -> str | None:
    by_agentgateway = controller in _AGENTGATEWAYS
    if protocol == HBONE:
        flavour = AGENTGATEWAY_CONTROLLER if by_agentgateway else GATEWAY_CONTROLLER
        if controller in _HBONE_CONTROLLERS[flavour]:
            return None
        return f'protocol "{protocol}" is only supported for waypoint proxies'
    if protocol == "TCP" and by_agentgateway:
        return f'protocol "{protocol}" is only supported when the alpha Gateway API is enabled'
    if protocol in _PROTOCOLS:
        return None
    upper = protocol.upper()
    hint = f'. hint: "{upper}" (uppercase) may be supported' if upper in _PROTOCOLS else ""
    return f'protocol "{protocol}" is unsupported{hint}'


def _eastwest_fault(listener: Listener, version: IstioVersion) -> str | None:
    terminates = listener.protocol == HBONE and listener.tls_mode == "Terminate"
    if listener.port == HBONE_PORT and terminates:
        return None
    if not EAST_WEST_PASSTHROUGH.holds(version):
        return f"{_WAYPOINT_LISTENER} and TLS.Mode == Terminate"
    passes = listener.protocol == "TLS" and listener.tls_mode == "Passthrough"
    return None if passes and listener.port != HBONE_PORT else _EASTWEST_LISTENER


def _of_gateway(gateway: Gateway, controller: str, version: IstioVersion) -> Iterator[PredictedCondition]:
    listeners = gateway.listeners
    if any(_shares_port(listener, listeners) or listener.tls_mode for listener in listeners):
        # Certificates and conflicts of listeners decide as well.
        return
    found = [listener_fault(listener, controller, version) for listener in listeners]
    valid = [fault for fault in found if fault is None or not fault.is_fatal]
    yield _accepted(len(valid), len(found), version)
    if any(listener.protocol in _ENCRYPTED and not listener.has_tls for listener in listeners):
        # From 1.30 istiod makes no server of them, before one without certificates.
        return
    # Whether there is a Service for a gateway that is not managed cannot be told.
    if gateway.namespace is not None and listeners and is_managed(gateway):
        yield _programmed(gateway, gateway.namespace)


def _accepted(valid: int, total: int, version: IstioVersion) -> PredictedCondition:
    """From 1.31 a Gateway is told of listeners that are not valid, and is refused if none is."""
    if valid == total or not LISTENERS_DECIDE_ACCEPTANCE.holds(version):
        return PredictedCondition("Accepted", "True", "Accepted", "Resource accepted")
    if valid:
        message = "One or more of the Gateway's listeners are invalid"
        return PredictedCondition("Accepted", "True", "ListenersNotValid", message)
    message = "None of the Gateway's listeners are valid"
    return PredictedCondition("Accepted", "False", "ListenersNotValid", message)


def _programmed(gateway: Gateway, namespace: str) -> PredictedCondition:
    host = f"{gateway.annotations.get(NAME_OVERRIDE) or gateway.name}.{namespace}.svc.cluster.local"
    # Istio's registry has no UDP ports.
    ports = {listener.port for listener in gateway.listeners if listener.protocol != "UDP"}
    services = sorted(f"{host}:{port}" for port in ports)
    assigned = f", assigned to service(s) {_joined(services)}" if services else ""
    message = f"Resource programmed{assigned}"
    return PredictedCondition("Programmed", "True", "Programmed", message)


def _joined(texts: Sequence[str]) -> str:
    """Istio `pilot/pkg/config/kube/gatewaycommon/conversion.go`, HumanReadableJoin."""
    match texts:
        case [first, second]:
            return f"{first} and {second}"
        case [*some, last] if some:
            return f"{', '.join(some)}, and {last}"
        case _:
            return texts[0]


def _shares_port(listener: Listener, listeners: Sequence[Listener]) -> bool:
    return sum(other.port == listener.port for other in listeners) > 1
