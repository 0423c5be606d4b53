"""The whole mesh in plain records: what `meshlint describe` says of it, subject by subject."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from meshlint.mesh.condition import Condition, PredictedCondition, confirmed
from meshlint.mesh.derived import Cause
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway, Route
from meshlint.model.kinds.policy import AuthorizationPolicy, TargetedPolicy
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple


class Fact(NamedTuple):
    """A value in the words of the contract, with its causes; None where there is none."""

    value: str | None
    because: tuple[Cause, ...] = ()


class WaypointFact(NamedTuple):
    """
    The waypoint of an object.

    `value` is `namespace/name` when bound, else None. `state` is `bound`, `absent`, `opted-out`,
    `unknown`, or istiod's reason to refuse. `gateway` is the Gateway that is asked for, if it is there.
    """

    value: str | None
    state: str
    because: tuple[Cause, ...]
    gateway: Resource | None = None


class MtlsFact(NamedTuple):
    """What becomes of plaintext: for all ports, and for those that differ."""

    value: str
    ports: Mapping[int, str]
    because: tuple[Cause, ...]


class NamespaceDescription(NamedTuple):
    """A namespace, and what its new pods run in."""

    resource: Resource
    dataplane_mode: Fact


class WorkloadDescription(NamedTuple):
    """Something that makes pods, or a WorkloadEntry. `policies` act on it."""

    resource: Resource
    dataplane_mode: Fact
    waypoint: WaypointFact
    mtls: MtlsFact
    policies: tuple[ResourceRef, ...]
    conditions: tuple[Condition, ...]


class ServiceDescription(NamedTuple):
    """A Service or ServiceEntry. `policies` are attached to it, `routes` have it as parent."""

    resource: Resource
    waypoint: WaypointFact
    workloads: tuple[ResourceRef, ...]
    policies: tuple[ResourceRef, ...]
    routes: tuple[ResourceRef, ...]
    conditions: tuple[Condition, ...]


class EnforcementDescription(NamedTuple):
    """A place where a policy is enforced, and on which workloads."""

    point: str
    workloads: tuple[ResourceRef, ...]
    because: tuple[Cause, ...]


class RuleDescription(NamedTuple):
    """What becomes of one rule."""

    number: int
    enforced: str
    because: tuple[Cause, ...]


class PolicyDescription(NamedTuple):
    """A policy: where it is enforced, and what becomes of its rules."""

    resource: Resource
    enforced_at: tuple[EnforcementDescription, ...]
    because: tuple[Cause, ...]
    conditions: tuple[Condition, ...]
    rules: tuple[RuleDescription, ...]


class GatewayDescription(NamedTuple):
    """A Gateway. `is_waypoint` is None for a class that is not judged."""

    resource: Resource
    is_waypoint: bool | None
    waypoint_for: str | None
    conditions: tuple[Condition, ...]


class ParentDescription(NamedTuple):
    """A parent of a route. `respected` is None where it cannot be known."""

    ref: ResourceRef
    respected: bool | None
    conditions: tuple[Condition, ...]
    because: tuple[Cause, ...]


class RouteDescription(NamedTuple):
    """A route and its parents."""

    resource: Resource
    parents: tuple[ParentDescription, ...]


class Description(NamedTuple):
    """All that is said of one manifest set, each list in the order of the manifests."""

    name: str
    namespaces: tuple[NamespaceDescription, ...]
    workloads: tuple[WorkloadDescription, ...]
    services: tuple[ServiceDescription, ...]
    policies: tuple[PolicyDescription, ...]
    gateways: tuple[GatewayDescription, ...]
    routes: tuple[RouteDescription, ...]


def describe(name: str, mesh: Mesh, resources: Iterable[Resource]) -> Description:
    """Describe resources of a mesh."""
    found: dict[str, list[Any]] = defaultdict(list)
    for resource in resources:
        for field, entry in _entries(resource, mesh):
            found[field].append(entry)
    return Description(name, *(tuple(found[field]) for field in Description._fields[1:]))


def _entries(resource: Resource, mesh: Mesh) -> Iterator[tuple[str, Any]]:
    match resource:
        case Namespace():
            yield "namespaces", _namespace(resource, mesh)
        case Workload() | WorkloadEntry():
            yield "workloads", _workload(resource, mesh)
        case Service() | ServiceEntry():
            yield "services", _service(resource, mesh)
        case TargetedPolicy():
            yield "policies", _policy(resource, mesh)
        case Gateway():
            yield "gateways", _gateway(resource, mesh)
        case Route():
            yield "routes", _route(resource, mesh)
        case _:
            pass


def _namespace(namespace: Namespace, mesh: Mesh) -> NamespaceDescription:
    mode = mesh.namespace_mode(namespace)
    return NamespaceDescription(namespace, Fact(mode.value.value, mode.because))


def _workload(resource: Resource, mesh: Mesh) -> WorkloadDescription:
    binding = _waypoint(mesh.waypoint_binding(resource))
    conditions = _conditions(resource, mesh.binding_conditions(resource), mesh)
    policies = tuple(policy.ref for policy, _ in mesh.policies_at(resource))
    if not isinstance(resource, Workload):
        # No CNI ever sees a WorkloadEntry: it is in the mesh by what it runs itself.
        outside = Fact("none", (Cause("a WorkloadEntry is no pod", resource.at()),))
        return WorkloadDescription(
            resource, outside, binding, MtlsFact("permissive", {}, ()), policies, conditions
        )
    mode, mtls = mesh.dataplane_mode(resource), mesh.mtls(resource)
    return WorkloadDescription(
        resource,
        Fact(mode.value.value, mode.because),
        binding,
        MtlsFact(mtls.value.value, {port: m.value for port, m in mtls.ports.items()}, mtls.because),
        policies,
        conditions,
    )


def _service(resource: Resource, mesh: Mesh) -> ServiceDescription:
    return ServiceDescription(
        resource,
        _waypoint(mesh.waypoint_binding(resource)),
        workloads=tuple(edge.target for edge in mesh.selected_workloads(resource)),
        policies=tuple(policy.ref for policy, _ in mesh.policies_at(resource)),
        routes=tuple(route.ref for route in mesh.routes_of(resource)),
        conditions=_conditions(resource, mesh.binding_conditions(resource), mesh),
    )


def _policy(policy: TargetedPolicy, mesh: Mesh) -> PolicyDescription:
    enforced = mesh.enforced_at(policy)
    verdicts = mesh.rule_verdicts(policy) if isinstance(policy, AuthorizationPolicy) else ()
    return PolicyDescription(
        policy,
        enforced_at=tuple(
            EnforcementDescription(
                entry.point.value, tuple(workload.ref for workload in entry.workloads), entry.because
            )
            for entry in enforced.value
        ),
        because=enforced.because,
        conditions=_conditions(policy, mesh.policy_conditions(policy), mesh),
        rules=tuple(RuleDescription(v.index, v.outcome.value, v.because) for v in verdicts),
    )


def _gateway(gateway: Gateway, mesh: Mesh) -> GatewayDescription:
    judged = mesh.is_waypoint(gateway).value
    return GatewayDescription(
        gateway,
        judged,
        mesh.traffic_type(gateway).value if judged else None,
        _conditions(gateway, mesh.gateway_conditions(gateway), mesh),
    )


def _route(route: Route, mesh: Mesh) -> RouteDescription:
    return RouteDescription(
        route,
        tuple(
            ParentDescription(
                parent.ref,
                parent.respected,
                confirmed(parent.conditions, mesh.written_about_parent(route, reference)),
                parent.because,
            )
            for reference, parent in zip(route.parents, mesh.route_parents(route), strict=True)
        ),
    )


def _conditions(
    resource: Resource, predicted: Sequence[PredictedCondition], mesh: Mesh
) -> tuple[Condition, ...]:
    return confirmed(predicted, mesh.written_conditions(resource))


def _waypoint(binding: WaypointBinding) -> WaypointFact:
    value = None
    if binding.state is BindingState.BOUND and binding.wanted is not None:
        value = "/".join(part for part in (binding.wanted.namespace, binding.wanted.name) if part)
    return WaypointFact(value, binding.state.value, binding.because, binding.gateway)
