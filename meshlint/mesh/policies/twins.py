"""Policies with targets, and those without that say the same: for waypoints, and for what is at the pods."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from meshlint.mesh.policies.target_attachment import EnforcementPoint
from meshlint.model.kind import SERVICE
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.policy import AuthorizationPolicy, Condition, Match
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource

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


def sidecar_twins(
    policy: AuthorizationPolicy, service: Service, mesh: "PolicyFacts"
) -> tuple[AuthorizationPolicy, ...]:
    """
    The policies without targets by which sidecars enforce the rules of one that targets a Service.

    None unless they do so at all of its pods.
    """
    pods = (mesh.find(edge.target).value for edge in mesh.selected_workloads(service))
    found = [tuple(_sidecar_twins_at(pod, policy, service, mesh)) for pod in pods if pod is not None]
    return tuple(dict.fromkeys(twin for each in found for twin in each)) if all(found) else ()


def _sidecar_twins_at(
    pod: Resource, policy: AuthorizationPolicy, service: Service, mesh: "PolicyFacts"
) -> Iterator[AuthorizationPolicy]:
    for twin in _acting_at(pod, EnforcementPoint.SIDECAR, mesh):
        if _agree(twin, policy, service):
            yield twin


def _twins_at(
    service: Service, policy: AuthorizationPolicy, mesh: "PolicyFacts"
) -> Iterator[AuthorizationPolicy]:
    for twin in _acting_at(service, EnforcementPoint.WAYPOINT, mesh):
        if _agree(policy, twin, service):
            yield twin


def _acting_at(
    resource: Resource, wanted: EnforcementPoint, mesh: "PolicyFacts"
) -> Iterator[AuthorizationPolicy]:
    for policy, point in mesh.policies_at(resource):
        if point is wanted and isinstance(policy, AuthorizationPolicy):
            yield policy


def _agree(at_pods: AuthorizationPolicy, at_waypoint: AuthorizationPolicy, service: Service) -> bool:
    """Whether one says at the pods what the other says at the waypoint: of pod ports, or of the Service's."""
    if (at_pods.action, at_pods.provider) != (at_waypoint.action, at_waypoint.provider):
        return False
    pod_ports = {str(port.number): str(port.target or port.number) for port in service.ports}
    return _meaning(at_pods, {}) in (_meaning(at_waypoint, {}), _meaning(at_waypoint, pod_ports))


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
