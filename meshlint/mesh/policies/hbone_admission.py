"""The rules of NetworkPolicies that admit HBONE: whom they leave out, and what else comes in with it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshlint.mesh.policies.hbone_gaps import HboneGaps
from meshlint.mesh.policies.network import NetworkPolicies, covers_port, pods_of
from meshlint.mesh.waypoints.binding import BindingState
from meshlint.mesh.waypoints.waypoint import HBONE_PORT
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.network import NetworkPolicy, PolicyRule
from meshlint.model.kinds.workload import Workload
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts


class UnadmittedWaypoint(NamedTuple):
    """A rule that admits clients to HBONE, but not the waypoint in front of a Service of the pods."""

    rule: PolicyRule
    waypoint: Gateway
    service: Service
    workload: Workload


class MootPorts(NamedTuple):
    """A rule for some ports of ambient pods that admits HBONE too, by the entry of an index."""

    rule: PolicyRule
    entry: int
    pods: tuple[Workload, ...]


class HboneAdmission:
    """What follows from it that HBONE carries the traffic for all ports, and comes from the waypoint."""

    def __init__(self, mesh: "PolicyFacts", policies: NetworkPolicies, gaps: HboneGaps) -> None:
        self._mesh = mesh
        self._policies = policies
        self._gaps = gaps

    def unadmitted_waypoints(self, policy: NetworkPolicy) -> Iterator[UnadmittedWaypoint]:
        """
        The waypoints that may not send to the pods behind them.

        Of several policies that let clients in to the same pods, the first is the one that is meant.
        """
        for workload in self._ambient(policy):
            rule = self._first_rule(policy, workload)
            for service in self._mesh.services_of(workload) if rule else ():
                waypoint = self._waypoint(service)
                if rule and waypoint and self._is_kept_out(waypoint, workload):
                    yield UnadmittedWaypoint(rule, waypoint, service, workload)

    def moot_ports(self, policy: NetworkPolicy) -> Iterator[MootPorts]:
        """The rules for some ports of ambient pods that admit HBONE by number too."""
        pods = tuple(self._ambient(policy))
        for rule in policy.ingress if pods else ():
            index = _hbone_entry(rule)
            if index is not None:
                yield MootPorts(rule, index, pods)

    def _waypoint(self, service: Service) -> Gateway | None:
        """The waypoint that calls to a Service go through; those to a headless one go to the pods."""
        binding = self._mesh.waypoint_binding(service)
        gateway = binding.gateway if binding.state is BindingState.BOUND else None
        if gateway is None or service.is_headless or self._mesh.is_waypoint(gateway).value is False:
            return None
        return gateway

    def _ambient(self, policy: NetworkPolicy) -> Iterator[Workload]:
        if policy.isolates_ingress:
            yield from (pods for pods in self._gaps.selected(policy) if isinstance(pods, Workload))

    def _first_rule(self, policy: NetworkPolicy, workload: Workload) -> PolicyRule | None:
        """The rule of a policy that admits HBONE, unless one of another policy does before it."""
        pods = pods_of(workload)
        for other in self._policies.selecting(workload):
            for rule in other.ingress if other.isolates_ingress else ():
                if rule.peers and covers_port(rule, HBONE_PORT, pods):
                    return rule if other is policy else None
        return None

    def _is_kept_out(self, waypoint: Gateway, workload: Workload) -> bool:
        admitted = self._policies.admits_peer(workload, waypoint, HBONE_PORT, as_written=True)
        return admitted.value is False


def _hbone_entry(rule: PolicyRule) -> int | None:
    """The entry of a rule for HBONE, beside which there is one for another TCP port."""
    entries = [(index, entry) for index, entry in enumerate(rule.ports) if entry.protocol == "TCP"]
    if any(entry.port is None for _, entry in entries):
        return None
    hbone = [index for index, entry in entries if covers_port(PolicyRule((), (entry,), ()), HBONE_PORT, None)]
    return hbone[0] if hbone and len(entries) > len(hbone) else None
