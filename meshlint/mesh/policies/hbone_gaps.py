"""Which rules of NetworkPolicies are for pods in the mesh, and leave the port out that the mesh uses."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.policies.network import NetworkPolicies, Pods, covers_port, matches_namespace, pods_of
from meshlint.mesh.waypoints.binding import class_of
from meshlint.mesh.waypoints.waypoint import HBONE_PORT, controller_of
from meshlint.model.kind import GATEWAY, NAMESPACE, WORKLOADS
from meshlint.model.kinds.core import NAMESPACE_NAME_LABEL, Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.network import NetworkPolicy, PolicyPeer, PolicyRule
from meshlint.model.kinds.workload import Workload
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

_DNS_PORTS = frozenset({53, "dns", "dns-tcp"})
_TLS_PORTS = frozenset({443, 6443})
# Of webhooks by the defaults of controller-runtime and of cert-manager: the API server calls them.
_WEBHOOK_PORTS = frozenset({9443, 10250})
_OPEN_TO_ALL = frozenset({"LoadBalancer", "NodePort"})


class HboneGap(NamedTuple):
    """
    A rule for other ports of pods that, for want of port 15008, the mesh does not reach.

    `pods` are those that the policy selects and that no rule of any policy opens for HBONE. `is_for_mesh`
    tells whether pods of the mesh are among those at the other end, None if that is not known.
    """

    rule: PolicyRule
    pods: tuple[Workload | Gateway, ...]
    is_for_mesh: bool | None


class HboneGaps:
    """
    The rules by which traffic of the mesh comes to grief.

    Between ambient pods all TCP traffic goes to port 15008 of the pod, or of its waypoint, and that is
    what NetworkPolicies see: ztunnel's sockets are in the network namespace of the pod
    (istio `architecture/ambient/ztunnel-cni-lifecycle.md`; all versions from 1.22).
    """

    def __init__(self, mesh: "PolicyFacts", policies: NetworkPolicies) -> None:
        self._mesh = mesh
        self._policies = policies
        self._selected: dict[NetworkPolicy, tuple[Workload | Gateway, ...]] = {}
        self._beside: dict[str | None, list[tuple[Workload | Gateway, Pods]]] = {}

    def ingress(self, policy: NetworkPolicy) -> Iterator[HboneGap]:
        """The rules that let clients in to other ports of ambient pods or waypoints than HBONE's."""
        if not policy.isolates_ingress:
            return
        admits = self._policies.admits_hbone
        pods = tuple(p for p in self.selected(policy) if admits(p, as_written=True).value is False)
        for rule in policy.ingress if pods else ():
            if _is_for_tcp(rule) and not _is_for_addresses(rule):
                yield HboneGap(rule, pods, self._admits_mesh(policy, rule, pods))

    def egress(self, policy: NetworkPolicy) -> Iterator[HboneGap]:
        """The rules that let ambient pods out to other ports than HBONE's."""
        if not policy.isolates_egress:
            return
        reaches = self._policies.reaches_hbone
        ambient = (pods for pods in self.selected(policy) if isinstance(pods, Workload))
        pods = tuple(p for p in ambient if reaches(p, as_written=True).value is False)
        for rule in policy.egress if pods else ():
            if _is_for_tcp(rule) and not _is_for_addresses(rule) and not _leads_elsewhere(rule):
                yield HboneGap(rule, pods, self._is_for_mesh(policy, rule, self._servers))

    def selected(self, policy: NetworkPolicy) -> tuple[Workload | Gateway, ...]:
        """The ambient pods and the waypoints that a policy selects."""
        if policy not in self._selected:
            self._selected[policy] = tuple(
                subject
                for subject, pods in self._candidates(policy.namespace)
                if pods.match(policy.pod_selector)
            )
        return self._selected[policy]

    def _candidates(self, namespace: str | None) -> Sequence[tuple[Workload | Gateway, Pods]]:
        """The ambient pods and the waypoints of a namespace."""
        if namespace not in self._beside:
            mesh = self._mesh
            members = mesh.graph.in_namespace(namespace, *WORKLOADS)
            workloads = (member for member in members if isinstance(member, Workload))
            ambient = (w for w in workloads if mesh.dataplane_mode(w).value is DataplaneMode.AMBIENT)
            waypoints = (g for g in mesh.gateways_in(namespace) if mesh.is_waypoint(g).value)
            found: list[Workload | Gateway] = [*ambient, *waypoints]
            self._beside[namespace] = [(subject, pods_of(subject)) for subject in found]
        return self._beside[namespace]

    def _admits_mesh(
        self, policy: NetworkPolicy, rule: PolicyRule, pods: Sequence[Workload | Gateway]
    ) -> bool | None:
        """Whether clients in the mesh are admitted; of a rule for all clients, unless others may be meant."""
        if rule.peers:
            return self._is_for_mesh(policy, rule, self._clients)
        is_for_others = all(
            isinstance(pod, Workload) and self._is_called_from_outside(pod, rule) for pod in pods
        )
        return None if is_for_others else True

    def _is_called_from_outside(self, workload: Workload, rule: PolicyRule) -> bool:
        """Whether there are callers outside of the mesh: beyond the cluster, or the API server."""
        if any(service.type in _OPEN_TO_ALL for service in self._mesh.services_of(workload)):
            return True
        declared = {
            port.number: port.name for container in workload.containers for port in container.declared_ports
        }
        ports = {entry.port for entry in rule.ports if entry.protocol == "TCP"}
        names = {declared.get(port, "") if isinstance(port, int) else str(port) for port in ports}
        return ports <= _WEBHOOK_PORTS or all("webhook" in name for name in names)

    def _is_for_mesh(self, policy: NetworkPolicy, rule: PolicyRule, in_mesh: Sequence[Pods]) -> bool | None:
        """Whether pods of the mesh are among the peers of a rule; None if it is for everybody."""
        if not rule.peers:
            return None
        answers = {self._is_in_mesh(policy, peer, in_mesh) for peer in rule.peers if peer.ip_block is None}
        return True if True in answers else (None if None in answers else False)

    def _is_in_mesh(self, policy: NetworkPolicy, peer: PolicyPeer, in_mesh: Sequence[Pods]) -> bool | None:
        if any(self._policies.is_meant(policy, peer, pods) for pods in in_mesh):
            return True
        namespaces = self._namespaces(policy, peer)
        modes = [self._mesh.namespace_mode(namespace).value for namespace in namespaces or ()]
        is_for_all = peer.pods is None or peer.pods.is_empty
        if is_for_all and DataplaneMode.AMBIENT in modes:
            return True
        if namespaces is None or any(mode is not DataplaneMode.NONE for mode in modes):
            return None
        # Without workloads it is not known what runs there: a gateway from a chart, say.
        return False if all(self._is_told(namespace) for namespace in namespaces) else None

    def _is_told(self, namespace: Namespace) -> bool:
        modes = [self._mesh.dataplane_mode(workload).value for workload in self._mesh.workloads_in(namespace)]
        return bool(modes) and DataplaneMode.UNKNOWN not in modes and DataplaneMode.SIDECAR not in modes

    def _namespaces(self, policy: NetworkPolicy, peer: PolicyPeer) -> Sequence[Namespace] | None:
        """The namespaces that a peer is about; None if they are not all in the set."""
        if peer.namespaces is None:
            own = self._mesh.namespace_of(policy)
            return None if own is None else [own]
        found = [n for n in self._mesh.graph.of_kind(NAMESPACE) if isinstance(n, Namespace)]
        meant = [n for n in found if matches_namespace(peer.namespaces, n.name, n)]
        named = _names(peer.namespaces)
        if self._mesh.is_complete or (named is not None and named == {n.name for n in meant}):
            return meant
        # What is known to be ambient counts, whatever else there is.
        ambient = [n for n in meant if self._mesh.namespace_mode(n).value is DataplaneMode.AMBIENT]
        return ambient or None

    @cached_property
    def _clients(self) -> Sequence[Pods]:
        """The pods that surely send HBONE: ambient ones, gateways and waypoints."""
        mesh = self._mesh
        gateways = (g for g in mesh.graph.of_kind(GATEWAY) if isinstance(g, Gateway))
        return [
            *self._in_mode(DataplaneMode.AMBIENT),
            *self._in_mode(DataplaneMode.GATEWAY),
            *(pods_of(g) for g in gateways if controller_of(g, class_of(mesh.graph, g), mesh.version)),
        ]

    @cached_property
    def _servers(self) -> Sequence[Pods]:
        """The pods to which ambient pods surely send HBONE: ambient ones and waypoints."""
        return [*self._in_mode(DataplaneMode.AMBIENT), *map(pods_of, self._mesh.waypoints())]

    def _in_mode(self, mode: DataplaneMode) -> Iterator[Pods]:
        for workload in self._mesh.graph.of_kind(*WORKLOADS):
            if isinstance(workload, Workload) and self._mesh.dataplane_mode(workload).value is mode:
                yield pods_of(workload)


def _is_for_tcp(rule: PolicyRule) -> bool:
    """Whether a rule is for single TCP ports, HBONE's not among them."""
    is_for_some = any(entry.protocol == "TCP" and entry.port is not None for entry in rule.ports)
    return is_for_some and not covers_port(rule, HBONE_PORT, None)


def _is_for_addresses(rule: PolicyRule) -> bool:
    return bool(rule.peers) and all(peer.ip_block is not None for peer in rule.peers)


def _leads_elsewhere(rule: PolicyRule) -> bool:
    """Whether a rule for egress is for DNS, or looks to be for the API server or what is outside."""
    ports = {entry.port for entry in rule.ports if entry.protocol == "TCP"}
    return ports <= _DNS_PORTS or (not rule.peers and ports <= _DNS_PORTS | _TLS_PORTS)


def _names(selector: LabelSelector) -> set[str] | None:
    """The namespaces that a selector names; None if it goes by other labels."""
    match selector:
        case LabelSelector(labels, ()) if labels.keys() == {NAMESPACE_NAME_LABEL}:
            return set(labels.values())
        case LabelSelector(labels, (term,)) if not labels and term.key == NAMESPACE_NAME_LABEL:
            return set(term.values) if term.operator == "In" else None
        case _:
            return None
