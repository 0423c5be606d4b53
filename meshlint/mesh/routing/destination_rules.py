"""Which DestinationRule a waypoint finds for a service, and what it makes of it."""

from collections import defaultdict

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.changes import TRAFFIC_POLICIES_AT_WAYPOINTS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.routing.at_waypoint import Surroundings, in_front
from meshlint.mesh.routing.hosts import covering, covers, full_name, hosts_of
from meshlint.mesh.routing.virtual_services import (
    HostEffect,
    TrafficEffect,
    combined,
    is_exported_to,
    nobodys_host,
)
from meshlint.mesh.waypoints.traffic_policy import traffic_settings
from meshlint.model.kind import DESTINATION_RULE
from meshlint.model.kinds.traffic import DestinationRule
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion

_Table = dict[str, list[DestinationRule]]


class DestinationRules:
    """
    The DestinationRules of each namespace by host: those that act there, and those that others may see.

    istio `pilot/pkg/model/push_context.go`, setDestinationRules and destinationRule.
    """

    def __init__(self, graph: ResourceGraph) -> None:
        self._local: dict[str | None, _Table] = defaultdict(lambda: defaultdict(list))
        self._private: dict[str | None, _Table] = defaultdict(lambda: defaultdict(list))
        self._exported: dict[str | None, _Table] = defaultdict(lambda: defaultdict(list))
        for rule in graph.of_kind(DESTINATION_RULE):
            host = full_name(rule.host, rule.namespace) if isinstance(rule, DestinationRule) else None
            if isinstance(rule, DestinationRule) and host is not None:
                self._add(rule, host)

    def chosen(
        self, host: str, namespace: str | None, service_namespace: str | None, root: str
    ) -> list[DestinationRule]:
        """
        The rules that a proxy of a namespace goes by for a service's host.

        Its own namespace's first, then what the service's and the root namespace export to it. In the
        root namespace itself only private ones come first.
        """
        own = self._private if namespace == root else self._local
        found = _most_specific(own.get(namespace), host)
        if found:
            return found
        for owner in (service_namespace, root):
            shown = _most_specific(self._exported.get(owner), host)
            visible = [rule for rule in shown if is_exported_to(_export_to(rule), namespace, owner)]
            if visible:
                return visible
        return []

    def _add(self, rule: DestinationRule, host: str) -> None:
        own = {".", rule.namespace}
        export_to = set(_export_to(rule))
        if not export_to or export_to & {"*", *own}:
            self._local[rule.namespace][host].append(rule)
        private = len(export_to) == 1 and export_to <= own
        (self._private if private else self._exported)[rule.namespace][host].append(rule)


def destination_rule_effect(
    rule: DestinationRule, rules: DestinationRules, around: Surroundings
) -> HostEffect:
    """
    What ambient clients notice of a DestinationRule.

    istio `pilot/pkg/networking/core/cluster_waypoint.go`, buildWaypointInboundVIP.
    """
    at = rule.at("spec", "host")
    full = full_name(rule.host, rule.namespace)
    if full is None:
        return HostEffect(rule.host, TrafficEffect.UNKNOWN, (), (Cause("its namespace is not known", at),))
    if rule.has_workload_selector:
        selects = Cause(
            "a waypoint skips a rule with `workloadSelector`", rule.at("spec", "workloadSelector")
        )
        return HostEffect(rule.host, TrafficEffect.ELSEWHERE, (), (selects,))
    services = [
        service
        for service in around.hosts.matching(full)
        if any(covers(full, host) for host in hosts_of(service))
    ]
    if not services:
        return nobodys_host(rule.host, full, Cause(f"no service has the host {full!r}", at), around)
    useless = _uselessness(rule, around.version)
    if useless is not None:
        return HostEffect(rule.host, TrafficEffect.NOWHERE, tuple(services), (useless,))
    verdicts = ((service, _on_service(rule, full, service, rules, around)) for service in services)
    return combined(rule.host, verdicts)


def _on_service(
    rule: DestinationRule, full: str, service: Resource, rules: DestinationRules, around: Surroundings
) -> Derived[bool | None]:
    front = in_front(service, around)
    if front.value is not True or front.waypoint is None:
        return Derived(front.value, front.because)
    namespace, root = front.waypoint.namespace, around.root_namespace
    for host in hosts_of(service):
        if covers(full, host):
            chosen = rules.chosen(host, namespace, service.namespace, root)
            if rule in chosen:
                return Derived(True, front.because)
            if chosen:
                other = Cause(f"DestinationRule {chosen[0].name!r} takes precedence", chosen[0].at())
                return Derived(False, (other,))
    hidden = Cause(f"a waypoint in namespace {namespace!r} does not see it", rule.at("metadata", "namespace"))
    return Derived(False, (hidden,))


def _uselessness(rule: DestinationRule, version: IstioVersion) -> Cause | None:
    """Why a waypoint makes nothing of a rule, wherever it stands; None if it makes something of it."""
    if rule.subsets or any(traffic_settings(rule, version)):
        return None
    if not TRAFFIC_POLICIES_AT_WAYPOINTS.holds(version):
        return Cause("before 1.23 a waypoint reads only subsets", rule.at("spec"))
    return Cause("it asks nothing of a waypoint", rule.at("spec", "trafficPolicy"))


def _export_to(rule: DestinationRule) -> tuple[str, ...]:
    """A rule with `workloadSelector` is private, whatever it says."""
    return (".",) if rule.has_workload_selector else rule.export_to


def _most_specific(table: _Table | None, host: str) -> list[DestinationRule]:
    if not table:
        return []
    return next((table[pattern] for pattern in covering(host) if pattern in table), [])
