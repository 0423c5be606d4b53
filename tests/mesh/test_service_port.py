"""What a port speaks, in Istio's eyes."""

import pytest

from meshlint.mesh.routing.service_port import protocol, traffic
from meshlint.model.kinds.core import ServicePort
from meshlint.model.kinds.traffic import EntryPort
from meshlint.model.version import IstioVersion

NEWEST = IstioVersion(1, 31)


def service_port(name: str = "", number: int = 80, app: str = "", transport: str = "TCP") -> ServicePort:
    return ServicePort(name, number, None, transport, app)


@pytest.mark.parametrize(
    ("port", "spoken", "carried"),
    [
        (service_port("http"), "HTTP", "http"),
        (service_port("http-web"), "HTTP", "http"),
        (service_port("HTTP-web"), "HTTP", "http"),
        (service_port("http2"), "HTTP2", "http"),
        (service_port("grpc-api"), "GRPC", "http"),
        (service_port("grpc-web"), "GRPC-Web", "http"),
        (service_port("grpc-website"), "GRPC-Web", "http"),
        (service_port("http_proxy"), "HTTP_PROXY", "http"),
        (service_port("tcp-db"), "TCP", "tcp"),
        (service_port("https"), "HTTPS", "tcp"),
        (service_port("tls"), "TLS", "tcp"),
        (service_port("mongo"), "Mongo", "tcp"),
        (service_port("redis"), "Redis", "tcp"),
        (service_port("mysql"), "MySQL", "tcp"),
        (service_port("udp-x"), "UDP", "udp"),
        (service_port("http", transport="UDP"), "UDP", "udp"),
        (service_port(), "UnsupportedProtocol", "sniffed"),
        (service_port("web"), "UnsupportedProtocol", "sniffed"),
        (service_port("httpx"), "UnsupportedProtocol", "sniffed"),
        (service_port("web", 25), "TCP", "tcp"),
        (service_port("", 53), "TCP", "tcp"),
        (service_port("", 3306), "TCP", "tcp"),
        (service_port("", 27017), "TCP", "tcp"),
        (service_port("http", 3306), "HTTP", "http"),
        (service_port("tcp", app="http"), "HTTP", "http"),
        (service_port("http", app="example.com/x"), "UnsupportedProtocol", "sniffed"),
        (service_port("tcp", app="kubernetes.io/h2c"), "HTTP2", "http"),
        (service_port("tcp", app="kubernetes.io/ws"), "HTTP", "http"),
        (service_port("tcp", app="kubernetes.io/wss"), "HTTPS", "tcp"),
        (EntryPort("http", 80, ""), "UnsupportedProtocol", "sniffed"),
        (EntryPort("tcp", 80, "http"), "HTTP", "http"),
        (EntryPort("x", 443, "TLS"), "TLS", "tcp"),
        (EntryPort("x", 3306, ""), "UnsupportedProtocol", "sniffed"),
    ],
)
def test_a_port_declares_its_protocol(port, spoken, carried):
    """
    `appProtocol` decides, else the name up to its first hyphen; well-known ports default to TCP.
    """
    found = (protocol(port, NEWEST), traffic(port, NEWEST).value)

    assert (spoken, carried) == found


def test_web_sockets_are_known_from_1_24():
    """
    Before 1.24 `kubernetes.io/ws` says nothing, while `h2c` is known in all versions.
    """
    old = IstioVersion(1, 23)
    found = [protocol(service_port(app=f"kubernetes.io/{app}"), old) for app in ("ws", "wss", "h2c")]

    assert ["UnsupportedProtocol", "UnsupportedProtocol", "HTTP2"] == found
