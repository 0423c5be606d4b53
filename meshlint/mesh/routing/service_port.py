"""What a port of a Service or ServiceEntry speaks, in Istio's eyes."""

from enum import Enum

from meshlint.mesh.changes import WEBSOCKET_PROTOCOLS
from meshlint.model.kinds.core import ServicePort
from meshlint.model.kinds.traffic import EntryPort
from meshlint.model.version import IstioVersion

UNSUPPORTED = "UnsupportedProtocol"
"""Istio's name for a protocol that is not declared."""

_PROTOCOLS = {
    name.lower(): name
    for name in (
        "TCP", "UDP", "GRPC", "GRPC-Web", "HTTP", "HTTP_PROXY", "HTTP2", "HTTPS", "TLS", "Mongo", "Redis",
        "MySQL",
    )
}  # fmt: skip
_HTTP = frozenset({"HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-Web"})
_WELL_KNOWN_TCP = frozenset({25, 53, 3306, 27017})
_KUBERNETES = {"kubernetes.io/h2c": "HTTP2", "kubernetes.io/ws": "HTTP", "kubernetes.io/wss": "HTTPS"}


class PortTraffic(Enum):
    """
    What a waypoint builds for a port: routes for HTTP, a plain proxy for TCP, or both where it has to sniff.

    istio `pilot/pkg/networking/core/listener_waypoint.go`, buildWaypointInternal.
    """

    HTTP = "http"
    TCP = "tcp"
    SNIFFED = "sniffed"
    UDP = "udp"

    @property
    def may_be_http(self) -> bool:
        """Whether routes for HTTP can act."""
        return self in (PortTraffic.HTTP, PortTraffic.SNIFFED)

    @property
    def may_be_tcp(self) -> bool:
        """Whether routes for TCP and TLS can act."""
        return self in (PortTraffic.TCP, PortTraffic.SNIFFED)


def protocol(port: ServicePort | EntryPort, version: IstioVersion) -> str:
    """
    The protocol of a port, in Istio's spelling; `UnsupportedProtocol` if it is not declared.

    Of a Service: `appProtocol`, else the name up to its first `-`
    (istio `pkg/config/kube/conversion.go`, ConvertProtocol). Of a ServiceEntry: its `protocol`
    (istio `pkg/config/protocol/instance.go`, Parse).
    """
    if isinstance(port, EntryPort):
        return _PROTOCOLS.get(port.protocol.lower(), UNSUPPORTED)
    if port.protocol == "UDP":
        return "UDP"
    known = _of_kubernetes(port.app_protocol, version)
    if known is not None:
        return known
    name = port.app_protocol or port.name
    if name.lower().startswith("grpc-web"):
        return "GRPC-Web"
    declared = _PROTOCOLS.get(name.partition("-")[0].lower(), UNSUPPORTED)
    return "TCP" if declared == UNSUPPORTED and port.number in _WELL_KNOWN_TCP else declared


def traffic(port: ServicePort | EntryPort, version: IstioVersion) -> PortTraffic:
    """What a port carries: HTTP, TCP, whichever the first bytes tell, or UDP, which the mesh leaves alone."""
    spoken = protocol(port, version)
    if spoken == UNSUPPORTED:
        return PortTraffic.SNIFFED
    if spoken == "UDP":
        return PortTraffic.UDP
    return PortTraffic.HTTP if spoken in _HTTP else PortTraffic.TCP


def _of_kubernetes(app_protocol: str, version: IstioVersion) -> str | None:
    """Kubernetes' own names: `h2c` in all versions, the two for WebSocket from 1.24."""
    if app_protocol != "kubernetes.io/h2c" and not WEBSOCKET_PROTOCOLS.holds(version):
        return None
    return _KUBERNETES.get(app_protocol)
