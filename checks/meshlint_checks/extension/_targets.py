"""How a policy that selects pods is attached by `targetRefs`, where a waypoint acts by it."""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Coverage,
    Fix,
    Gateway,
    Mesh,
    Namespace,
    Resource,
    Service,
    TargetedPolicy,
    Workload,
    append_entry,
    kind,
    replace_entry,
)


def attach(policy: TargetedPolicy, coverage: Coverage, mesh: Mesh) -> Fix:
    """The change that has a waypoint act by a policy for ambient pods."""
    if coverage.is_proxied:
        return Fix("write another one with 'targetRefs' for the ambient pods")
    return _to_service(policy, coverage, mesh) if policy.selector else _to_waypoint(policy, coverage, mesh)


def _to_service(policy: TargetedPolicy, coverage: Coverage, mesh: Mesh) -> Fix:
    """Attach it to the Service that all of the pods have in common, if its waypoint is there."""
    services = _common_services(coverage, mesh)
    bound = [service for service in services if _waypoint_of(service, mesh)]
    match bound or services:
        case [only] if only.namespace != policy.namespace:
            return Fix(f"attach it by 'targetRefs' to Service {only.name!r}, beside that Service")
        case [only] if bound:
            edits = replace_entry(policy.at("spec", _selector_key(policy)), "targetRefs", [_reference(only)])
            return Fix(f"attach it to Service {only.name!r} by 'targetRefs'", edits)
        case [only]:
            return Fix(f"have Service {only.name!r} use a waypoint, and attach it there by 'targetRefs'")
        case _:
            return Fix("attach it by 'targetRefs' to a Service that uses a waypoint, or to the waypoint")


def _to_waypoint(policy: TargetedPolicy, coverage: Coverage, mesh: Mesh) -> Fix:
    """Attach it to the waypoint that all of the pods use that use one."""
    waypoints = {gateway.ref: gateway for pod in coverage.ambient for gateway in _waypoints(pod, mesh)}
    match list(waypoints.values()):
        case [only] if only.namespace == policy.namespace:
            edits = append_entry(policy.at("spec"), "targetRefs", [_reference(only)])
            return Fix(f"attach it to waypoint {only.name!r} by 'targetRefs'", edits)
        case []:
            return Fix("deploy a waypoint for these pods, and attach it there by 'targetRefs'")
        case _:
            return Fix("attach it to the waypoints of these pods by 'targetRefs', beside each of them")


def _common_services(coverage: Coverage, mesh: Mesh) -> list[Service]:
    """The Services that select all of the pods."""
    of_each = [mesh.services_of(pod) for pod in coverage.ambient if isinstance(pod, Workload)]
    first, *others = of_each or [()]
    return [service for service in first if all(service in services for services in others)]


def _waypoints(pod: Workload | Namespace, mesh: Mesh) -> Iterator[Gateway]:
    services = mesh.services_of(pod) if isinstance(pod, Workload) else ()
    for subject in (pod, *services):
        gateway = _waypoint_of(subject, mesh)
        if gateway is not None:
            yield gateway


def _waypoint_of(subject: Resource, mesh: Mesh) -> Gateway | None:
    binding = mesh.waypoint_binding(subject)
    return binding.gateway if binding.state is BindingState.BOUND else None


def _selector_key(policy: TargetedPolicy) -> str:
    return "workloadSelector" if policy.kind == kind.ENVOY_FILTER else "selector"


def _reference(target: Resource) -> dict[str, str]:
    return {"group": target.kind.group, "kind": target.kind.name, "name": target.name}
