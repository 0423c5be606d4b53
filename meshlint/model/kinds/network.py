"""NetworkPolicy and Ingress: which traffic Kubernetes lets through, between pods and into the cluster."""

from collections.abc import Iterator
from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.keys import DEFAULT_INGRESS_CLASS, INGRESS_CLASS_NAME
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath


class PolicyPort(NamedTuple):
    """Ports of a rule: a number, up to `end` if it is set; the name of a container's port; None for all."""

    protocol: str
    port: int | str | None
    end: int | None


class IpBlock(NamedTuple):
    """A range of addresses, without the ranges that are taken out of it."""

    cidr: str
    excluded: tuple[str, ...]


class PolicyPeer(NamedTuple):
    """Who a rule is about. None stands for a field that is not written; an empty selector selects all."""

    pods: LabelSelector | None
    namespaces: LabelSelector | None
    ip_block: IpBlock | None
    path: FieldPath


class PolicyRule(NamedTuple):
    """What a rule lets through. No peers are all peers, no ports all ports."""

    peers: tuple[PolicyPeer, ...]
    ports: tuple[PolicyPort, ...]
    path: FieldPath


class NetworkPolicy(Resource):
    """
    A NetworkPolicy.

    `isolates_ingress` and `isolates_egress` tell the directions of which it lets through only
    what its rules say; without `policyTypes` ingress, and egress if it has rules for it
    (kubernetes `pkg/apis/networking/v1/defaults.go`, SetDefaults_NetworkPolicy).
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        types = spec.texts("policyTypes")
        self.pod_selector: Final = LabelSelector.read(spec.part("podSelector"))
        self.ingress: Final = tuple(_rule(rule, "from") for rule in spec.each("ingress"))
        self.egress: Final = tuple(_rule(rule, "to") for rule in spec.each("egress"))
        self.isolates_ingress: Final = "Ingress" in types or not types
        self.isolates_egress: Final = "Egress" in types or (not types and bool(self.egress))


class IngressBackend(NamedTuple):
    """A Service that an Ingress sends to, at a port by number or name; None if it tells none."""

    service: str
    port: int | str | None
    path: FieldPath


class Ingress(Resource):
    """An Ingress. `class_name` is empty if it names no class, in the annotation of old neither."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.class_name: Final = head.annotations.get(INGRESS_CLASS_NAME) or spec.text("ingressClassName")
        self.backends: Final = tuple(_ingress_backends(spec))


class IngressClass(Resource):
    """An IngressClass: cluster-wide."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        self.controller: Final = document.part("spec").text("controller")

    @property
    def is_default(self) -> bool:
        """Whether Ingresses that name no class are of this one."""
        return self.annotations.get(DEFAULT_INGRESS_CLASS) == "true"


def _ingress_backends(spec: Fields) -> Iterator[IngressBackend]:
    backends = [spec.part("defaultBackend")]
    for rule in spec.each("rules"):
        backends.extend(path.part("backend") for path in rule.part("http").each("paths"))
    for backend in backends:
        if "service" in backend:
            service = backend.part("service")
            port = service.part("port")
            named = port.text("name") or port.number("number")
            yield IngressBackend(service.text("name"), named, service.path)


def _rule(rule: Fields, peers: str) -> PolicyRule:
    return PolicyRule(
        tuple(_peer(peer) for peer in rule.each(peers)),
        tuple(_port(port) for port in rule.each("ports")),
        rule.path,
    )


def _peer(peer: Fields) -> PolicyPeer:
    block = peer.part("ipBlock")
    return PolicyPeer(
        pods=_selector(peer, "podSelector"),
        namespaces=_selector(peer, "namespaceSelector"),
        ip_block=IpBlock(block.text("cidr"), block.texts("except")) if "ipBlock" in peer else None,
        path=peer.path,
    )


def _selector(peer: Fields, key: str) -> LabelSelector | None:
    return LabelSelector.read(peer.part(key)) if key in peer else None


def _port(port: Fields) -> PolicyPort:
    number = port.data.get("port")
    return PolicyPort(
        protocol=port.text("protocol") or "TCP",
        port=number if isinstance(number, int | str) else None,
        end=port.number("endPort"),
    )
