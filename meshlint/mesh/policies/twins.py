"""The policies with targets by which waypoints enforce what a policy without targets says."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from meshlint.mesh.policies.target_attachment import EnforcementPoint
from meshlint.model.kind import SERVICE
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.policy import AuthorizationPolicy, Condition, Match
from meshlint.model.kinds.workload import Workload

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

_PORTS = frozenset({"ports", "notPorts"})
_PORT_CONDITION = "destination.port"


def twins(policy: AuthorizationPolicy, mesh: "PolicyFacts") -> tuple[AuthorizationPolicy, ...]:
    """
    The policies with targets by which waypoints enforce the rules of a policy without targets.

    None unless they do so at every Service in its scope.
    """
    found = [tuple(_twins_at(service, policy, mesh)) for service in mesh.services_in_scope(policy)]
    return tuple(dict.fromkeys(twin for each in found for twin in each)) if all(found) else ()


def services_in_scope(policy: AuthorizationPolicy, mesh: "PolicyFacts") -> Iterator[Service]:
    """
    The Services by which the ambient pods of a policy without targets are called.

    Where it has none, those of its pods with sidecars.
    """
    scope = mesh.ambient_scope(policy)
    for workload in scope.workloads if not scope.is_empty else _with_sidecars(policy, mesh):
        yield from mesh.services_of(workload)
    for namespace in scope.namespaces:
        yield from _services_in(namespace, mesh)


def _with_sidecars(policy: AuthorizationPolicy, mesh: "PolicyFacts") -> Iterator[Workload]:
    for enforcement in mesh.reach(policy).enforcements:
        if enforcement.point is EnforcementPoint.SIDECAR:
            yield from enforcement.workloads


def _services_in(namespace: Namespace, mesh: "PolicyFacts") -> Iterator[Service]:
    for service in mesh.members(namespace, SERVICE):
        if isinstance(service, Service) and not service.is_external_name:
            yield service


def _twins_at(
    service: Service, policy: AuthorizationPolicy, mesh: "PolicyFacts"
) -> Iterator[AuthorizationPolicy]:
    """The policies that say the same at the waypoint of a Service: of pod ports, or of its own."""
    pod_ports = {str(port.number): str(port.target or port.number) for port in service.ports}
    for twin, point in mesh.policies_at(service):
        if point is not EnforcementPoint.WAYPOINT or not isinstance(twin, AuthorizationPolicy):
            continue
        if twin.action != policy.action or twin.provider != policy.provider:
            continue
        if _meaning(policy, {}) in (_meaning(twin, {}), _meaning(twin, pod_ports)):
            yield twin


def _meaning(policy: AuthorizationPolicy, ports: Mapping[str, str]) -> Collection[object]:
    """The rules of a policy whatever their order, with ports translated."""
    return frozenset(
        (
            frozenset(_of_match(match, ports) for match in rule.sources),
            frozenset(_of_match(match, ports) for match in rule.operations),
            frozenset(_of_condition(condition, ports) for condition in rule.conditions),
        )
        for rule in policy.rules
    )


def _of_match(match: Match, ports: Mapping[str, str]) -> Collection[object]:
    return frozenset(
        (name, _translated(values, ports if name in _PORTS else {}))
        for name, values in match.values.items()
        if values
    )


def _of_condition(condition: Condition, ports: Mapping[str, str]) -> tuple[object, ...]:
    known = ports if condition.key == _PORT_CONDITION else {}
    return condition.key, _translated(condition.values, known), _translated(condition.not_values, known)


def _translated(values: Collection[str], names: Mapping[str, str]) -> frozenset[str]:
    return frozenset(names.get(value, value) for value in values)
