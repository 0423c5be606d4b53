"""NetworkPolicy: which traffic Kubernetes lets through to pods and from them."""

from typing import Final, NamedTuple

from meshlint.model.fields import Fields
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
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
