"""What NetworkPolicies let through to pods and from them, as far as ambient mode depends on it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.policies.selection import SelectorIndex
from meshlint.mesh.waypoints.waypoint import HBONE_PORT, WAYPOINT_CLASSES
from meshlint.model.keys import DATAPLANE_MODE, GATEWAY_CLASS_NAME, GATEWAY_NAME, INJECT, MANAGED
from meshlint.model.kind import DAEMON_SET, NAMESPACE, NETWORK_POLICY, ResourceRef
from meshlint.model.kinds.core import NAMESPACE_NAME_LABEL, Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.network import IpBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from meshlint.model.kinds.workload import ContainerPort, Workload
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple

PROBE_ADDRESSES = ("169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff")
"""Whence the kubelet's probes come to ambient pods (istio `cni/pkg/nodeagent/options.go`)."""
_PROBE_VARIABLES = ("HOST_PROBE_SNAT_IP", "HOST_PROBE_SNAT_IPV6")

_GATEWAY_PORTS = (ContainerPort("metrics", 15020, "TCP"), ContainerPort("status-port", 15021, "TCP"))
_RESERVED = "gateway.networking.k8s.io/"
_CONTROLLERS = {"istio-waypoint": "istio.io-mesh-controller", "istio": "istio.io-gateway-controller"}

_Answer = bool | None
_AsksRule = Callable[[NetworkPolicy, PolicyRule], _Answer]


class Pods(NamedTuple):
    """
    Pods as NetworkPolicies see them.

    `all_labels` tells whether they have no other labels than these. `on_host` are on the node's
    network, where policies mean nothing that is the same everywhere.
    """

    namespace: str | None
    labels: Mapping[str, str]
    ports: tuple[ContainerPort, ...]
    all_labels: bool = True
    on_host: bool = False

    def match(self, selector: LabelSelector) -> _Answer:
        """Whether a selector selects them; None if labels that are not known could matter."""
        if selector.is_empty:
            return True
        return selector.matches(self.labels) if self.all_labels else None


class _Direction(NamedTuple):
    """Ingress or egress: whether a policy isolates in it, and by which rules it lets through."""

    isolates: Callable[[NetworkPolicy], bool]
    rules: Callable[[NetworkPolicy], Sequence[PolicyRule]]


_INGRESS = _Direction(lambda policy: policy.isolates_ingress, lambda policy: policy.ingress)
_EGRESS = _Direction(lambda policy: policy.isolates_egress, lambda policy: policy.egress)


def pods_of(subject: Workload | Gateway) -> Pods:
    """
    The pods of a workload, or those that istiod deploys for a Gateway.

    istio `manifests/charts/istio-control/istio-discovery/files/waypoint.yaml`, and
    `pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go`, extractInfrastructureMetadata.
    """
    if isinstance(subject, Workload):
        ports = tuple(port for container in subject.containers for port in container.declared_ports)
        return Pods(subject.namespace, subject.pod_labels, ports, on_host=subject.host_network)
    own = subject.infrastructure_labels
    copied = subject.labels if own is None else own
    labels = {
        INJECT: "false",
        DATAPLANE_MODE: "none",
        **{key: value for key, value in copied.items() if own is None or not key.startswith(_RESERVED)},
        GATEWAY_NAME: subject.name,
        GATEWAY_CLASS_NAME: subject.class_name,
        MANAGED: _CONTROLLERS.get(subject.class_name, ""),
    }
    if subject.class_name in WAYPOINT_CLASSES:
        labels["service.istio.io/canonical-name"] = subject.name
    known = subject.class_name in _CONTROLLERS
    return Pods(subject.namespace, labels, _GATEWAY_PORTS, all_labels=known)


class NetworkPolicies:
    """
    The NetworkPolicies of a mesh, and what they let through.

    A pod is isolated in a direction by any policy that selects it, and what the rules of all of
    them let through is added up. Policies that are not in the set can isolate what is open here,
    and let through what is refused here: then the answer is None, as it is where addresses
    decide about pods. `as_written` takes it that there are no others.
    """

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._probe_addresses: tuple[str, ...] | None = None
        policies = (p for p in graph.of_kind(NETWORK_POLICY) if isinstance(p, NetworkPolicy))
        self._index: SelectorIndex[NetworkPolicy] = SelectorIndex(policies, lambda p: p.pod_selector)

    def admits_hbone(self, subject: Workload | Gateway, *, as_written: bool = False) -> Derived[bool | None]:
        """Whether some pods may reach the HBONE port of these."""
        pods = pods_of(subject)
        return self._decide(
            pods,
            _INGRESS,
            lambda _, rule: _both(covers_port(rule, HBONE_PORT, pods), _names_pods(rule)),
            as_written=as_written,
        )

    def reaches_hbone(self, subject: Workload | Gateway, *, as_written: bool = False) -> Derived[bool | None]:
        """Whether these pods may reach the HBONE port of some pods."""
        pods = pods_of(subject)
        return self._decide(
            pods,
            _EGRESS,
            lambda _, rule: _both(covers_port(rule, HBONE_PORT, None), _names_pods(rule)),
            as_written=as_written,
        )

    def admits_peer(
        self, subject: Workload | Gateway, peer: Workload | Gateway, port: int, *, as_written: bool = False
    ) -> Derived[bool | None]:
        """Whether a peer's pods may reach a TCP port of these pods, as far as ingress goes."""
        pods, others = pods_of(subject), pods_of(peer)
        return self._decide(
            pods,
            _INGRESS,
            lambda policy, rule: _both(covers_port(rule, port, pods), self._is_peer(policy, rule, others)),
            as_written=as_written,
        )

    def reaches_peer(
        self, subject: Workload | Gateway, peer: Workload | Gateway, port: int
    ) -> Derived[bool | None]:
        """Whether these pods may reach a TCP port of a peer's, as far as egress goes."""
        pods, others = pods_of(subject), pods_of(peer)
        return self._decide(
            pods,
            _EGRESS,
            lambda policy, rule: _both(covers_port(rule, port, others), self._is_peer(policy, rule, others)),
        )

    def admits_kubelet_probes(self, workload: Workload) -> Derived[bool | None]:
        """
        Whether rules let through the kubelet's probes, which ambient mode gives an address of its own.

        Where they do not, it depends on the CNI whether the probes fail.
        """
        pods = pods_of(workload)
        answers = [self._admits_kubelet(pods, port) for port in sorted(_probed_ports(workload))]
        refused = [answer for answer in answers if not answer.value]
        return min(refused, key=lambda answer: answer.value is None, default=Derived(True))

    def is_meant(self, policy: NetworkPolicy, peer: PolicyPeer, pods: Pods) -> bool | None:
        """Whether a peer of a rule of a policy is about these pods; None if that is not known."""
        # What an address range means for pods is left to the CNI.
        if peer.ip_block is not None or pods.on_host:
            return None
        by_labels = pods.match(peer.pods) if peer.pods is not None else True
        return _both(self._is_in(policy, peer.namespaces, pods), by_labels)

    def selecting(self, subject: Workload | Gateway) -> Iterator[NetworkPolicy]:
        """The policies that surely select these pods."""
        return (policy for policy, selected in self._selecting(pods_of(subject)) if selected)

    def _admits_kubelet(self, pods: Pods, port: int) -> Derived[bool | None]:
        return self._decide(
            pods, _INGRESS, lambda _, rule: _both(covers_port(rule, port, pods), self._is_kubelet(rule))
        )

    def _decide(
        self, pods: Pods, direction: _Direction, asks: _AsksRule, *, as_written: bool = False
    ) -> Derived[bool | None]:
        certain, possible = [], []
        for policy, selected in self._selecting(pods):
            if direction.isolates(policy):
                possible.append(policy)
                if selected:
                    certain.append(policy)
        value = _lets_through(certain, direction, asks)
        if pods.on_host or value is not _lets_through(possible, direction, asks):
            value = None
        is_open = not as_written and not self._graph.scopes.is_closed(pods.namespace, NETWORK_POLICY)
        if is_open and (not certain or value is False):
            value = None
        return Derived(value, tuple(_causes(possible, direction, asks, admitted=value is True)))

    def _selecting(self, pods: Pods) -> Iterator[tuple[NetworkPolicy, bool]]:
        """The policies that select pods, and whether they surely do."""
        if pods.all_labels:
            yield from ((policy, True) for policy in self._index.selecting(pods.namespace, pods.labels))
        else:
            for policy in self._graph.in_namespace(pods.namespace, NETWORK_POLICY):
                if isinstance(policy, NetworkPolicy):
                    yield policy, policy.pod_selector.is_empty
        if pods.namespace is not None:
            yield from ((policy, False) for policy in self._index.selecting(None, pods.labels))

    # Peers

    def _is_peer(self, policy: NetworkPolicy, rule: PolicyRule, pods: Pods) -> _Answer:
        if not rule.peers:
            return True
        return _any(self.is_meant(policy, peer, pods) for peer in rule.peers)

    def _is_in(self, policy: NetworkPolicy, selector: LabelSelector | None, pods: Pods) -> _Answer:
        """Whether pods are in a namespace that a peer is about: that of the policy without a selector."""
        if selector is None:
            known = (policy.namespace is None) == (pods.namespace is None)
            return policy.namespace == pods.namespace if known else None
        if selector.is_empty:
            return True
        if pods.namespace is None:
            return None
        found = self._graph.find(ResourceRef(NAMESPACE, None, pods.namespace)).value
        return matches_namespace(selector, pods.namespace, found if isinstance(found, Namespace) else None)

    def _is_kubelet(self, rule: PolicyRule) -> bool:
        blocks = [peer.ip_block for peer in rule.peers if peer.ip_block is not None]
        return not rule.peers or any(
            _holds(block, address) for block in blocks for address in self._kubelet_addresses()
        )

    def _kubelet_addresses(self) -> tuple[str, ...]:
        if self._probe_addresses is None:
            set_here = [
                container.env[variable]
                for agent in self._graph.of_kind(DAEMON_SET)
                if isinstance(agent, Workload)
                for container in agent.containers
                for variable in _PROBE_VARIABLES
                if container.env.get(variable)
            ]
            self._probe_addresses = tuple(set_here) or PROBE_ADDRESSES
        return self._probe_addresses


def _lets_through(policies: Sequence[NetworkPolicy], direction: _Direction, asks: _AsksRule) -> _Answer:
    """What the rules of policies come to for pods that all of them select; without policies all is open."""
    if not policies:
        return True
    return _any(asks(policy, rule) for policy in policies for rule in direction.rules(policy))


def _causes(
    policies: Sequence[NetworkPolicy], direction: _Direction, asks: _AsksRule, *, admitted: bool
) -> Iterator[Cause]:
    """The rule that lets through; or each policy that isolates, and each of its rules for other ports."""
    for policy in policies:
        name = f"NetworkPolicy {policy.name!r}"
        if not admitted:
            yield Cause(f"{name} isolates the pods", policy.at("spec", "podSelector"))
        for rule in direction.rules(policy):
            if admitted and asks(policy, rule):
                yield Cause(f"{name} lets this through", policy.at(*rule.path))
                return
            if not admitted:
                narrowed = "ports" if rule.ports else ("from" if direction is _INGRESS else "to")
                yield Cause("this rule is not enough", policy.at(*rule.path, narrowed))


def covers_port(rule: PolicyRule, port: int, pods: Pods | None) -> _Answer:
    """Whether a rule is about a TCP port; None if that takes to know which ports unknown pods declare."""
    return not rule.ports or _any(_is_port(entry, port, pods) for entry in rule.ports)


def _is_port(entry: PolicyPort, port: int, pods: Pods | None) -> _Answer:
    match entry.port:
        case _ if entry.protocol != "TCP":
            return False
        case None:
            return True
        case int(number):
            return number <= port <= (number if entry.end is None else entry.end)
        case _ if pods is None:
            return None
        case name:
            return ContainerPort(name, port, "TCP") in pods.ports


def _names_pods(rule: PolicyRule) -> _Answer:
    """Whether a rule is about pods of some sort; None if it is only about addresses."""
    return not rule.peers or any(peer.ip_block is None for peer in rule.peers) or None


def _probed_ports(workload: Workload) -> Iterator[int]:
    for container in workload.containers:
        named = {port.name: port.number for port in container.declared_ports}
        for probe in container.probes:
            port = named.get(probe.port) if isinstance(probe.port, str) else probe.port
            if port is not None:
                yield port


def matches_namespace(selector: LabelSelector, name: str, namespace: Namespace | None) -> _Answer:
    """Whether a namespace is selected; None if that takes labels of it that are not known."""
    if namespace is not None:
        return selector.matches(namespace.effective_labels)
    asked = {*selector.match_labels, *(term.key for term in selector.match_expressions)}
    if not asked <= {NAMESPACE_NAME_LABEL}:
        return None
    return selector.matches({NAMESPACE_NAME_LABEL: name})


def _holds(block: IpBlock, address: str) -> bool:
    """Whether an address is in a block; never in one that is malformed."""
    from ipaddress import ip_address, ip_network  # only needed where a policy writes addresses

    wanted = ip_address(address)
    try:
        excluded = any(wanted in ip_network(cidr, strict=False) for cidr in block.excluded)
        return wanted in ip_network(block.cidr, strict=False) and not excluded
    except ValueError:
        return False


def _any(answers: Iterable[_Answer]) -> _Answer:
    """True if one is true, else None if one is not known."""
    found = set(answers)
    return True if True in found else (None if None in found else False)


def _both(one: _Answer, other: _Answer) -> _Answer:
    """False if one is false, else None if one is not known."""
    return False if False in (one, other) else (None if None in (one, other) else True)
