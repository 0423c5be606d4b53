"""Whether ztunnel lets waypoints through to the pods that they are in front of."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meshlint.graph.graph import Relation
from meshlint.mesh.derived import Cause
from meshlint.mesh.policies.decision import AppliedPolicy, Decision, Peer, decide
from meshlint.mesh.policies.target_attachment import EnforcementPoint
from meshlint.mesh.waypoints.binding import BindingState
from meshlint.model.kinds.core import Service, ServicePort
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

_Ports = tuple[int | None, ...]


class WaypointCall(NamedTuple):
    """
    What a waypoint calls for its clients: the pods of a workload, on some ports of theirs.

    `served` is what uses the waypoint: a Service of the pods, or their workload. A port of None is not known.
    """

    gateway: Gateway
    served: Resource
    ports: _Ports
    because: tuple[Cause, ...]


class WaypointDenial(NamedTuple):
    """
    A waypoint that ztunnel turns away, since there are ALLOW policies and none admits it.

    `policies` are those, the one to change first. `account` is the waypoint's identity as
    `namespace/serviceaccount`, `principal` the same with its likely trust domain.
    """

    call: WaypointCall
    workload: Workload
    account: str
    principal: str
    policies: tuple[AuthorizationPolicy, ...]
    because: tuple[Cause, ...]


def waypoint_calls(workload: Workload, mesh: "PolicyFacts") -> Iterator[WaypointCall]:
    """
    The waypoints that call the pods of a workload.

    A waypoint calls under its own identity (istio `tests/integration/ambient/baseline_test.go`,
    TestAuthorizationWaypointDefaultDeny). Clients of a headless Service call pods, and pass none for it.
    """
    for edge in mesh.graph.edges_to(workload.ref, Relation.SELECTS):
        service = edge.source
        if isinstance(service, Service) and not service.is_headless:
            ports = tuple(_target_port(port, workload) for port in service.ports if port.protocol == "TCP")
            yield from _calls(service, ports or (None,), mesh)
    declared = (port for container in workload.containers for port in container.declared_ports)
    yield from _calls(workload, tuple(port.number for port in declared) or (None,), mesh)


def waypoint_denials(workload: Workload, mesh: "PolicyFacts") -> Iterator[WaypointDenial]:
    """
    The waypoints that ztunnel turns away from the pods of a workload, as the policies of the set have it.

    None where nothing is meant to be let in: no ALLOW policy there has rules, and none is at the waypoint.
    DENY policies are not looked at. A waypoint of which the identity is not known is not judged.
    """
    allowing = list(_allowing(workload, mesh))
    if not allowing or mesh.allows_waypoints:
        return
    policies, domains = _by_scope(allowing, mesh), _trust_domains(allowing, mesh)
    for call in waypoint_calls(workload, mesh):
        identity = mesh.waypoint_identity(call.gateway)
        is_meant = any(policy.rules for policy in allowing) or _lets_in(call, mesh)
        if identity.value is None or not is_meant:
            continue
        principals = [_principal(domain, identity.value) for domain in domains]
        if not any(_may_pass(principal, call.ports, policies, mesh) for principal in principals):
            yield WaypointDenial(call, workload, identity.value, principals[0], policies, identity.because)


def _calls(served: Service | Workload, ports: _Ports, mesh: "PolicyFacts") -> Iterator[WaypointCall]:
    binding, canary = mesh.waypoint_binding(served), mesh.canary_binding(served)
    for bound in (binding, canary):
        if bound is None or bound.state is not BindingState.BOUND or bound.gateway is None:
            continue
        if mesh.is_waypoint(bound.gateway).value:
            yield WaypointCall(bound.gateway, served, ports, bound.because)


def _target_port(port: ServicePort, workload: Workload) -> int | None:
    """The port of the pods that a port of their Service leads to."""
    if not isinstance(port.target, str):
        return port.number if port.target is None else port.target
    for container in workload.containers:
        for declared in container.declared_ports:
            if declared.name == port.target:
                return declared.number
    return None


def _allowing(workload: Workload, mesh: "PolicyFacts") -> Iterator[AuthorizationPolicy]:
    """The ALLOW policies at ztunnel, those aside that are empty there for all their rules need HTTP."""
    for policy, point in mesh.policies_at(workload):
        if point is not EnforcementPoint.ZTUNNEL or not isinstance(policy, AuthorizationPolicy):
            continue
        rules = mesh.ztunnel_rules(policy)
        if policy.action == "ALLOW" and not (rules and all(rule.is_removed for rule in rules)):
            yield policy


def _lets_in(call: WaypointCall, mesh: "PolicyFacts") -> bool:
    """Whether a policy at the waypoint tells that calls are to get through."""
    return any(
        point is EnforcementPoint.WAYPOINT and isinstance(policy, AuthorizationPolicy) and policy.rules
        for policy, point in mesh.policies_at(call.served)
    )


def _by_scope(
    policies: Sequence[AuthorizationPolicy], mesh: "PolicyFacts"
) -> tuple[AuthorizationPolicy, ...]:
    """The policies that reach least first: they are the ones to change."""
    root = mesh.root_namespace.value
    return tuple(sorted(policies, key=lambda policy: (policy.namespace == root, not policy.selector)))


def _trust_domains(policies: Sequence[AuthorizationPolicy], mesh: "PolicyFacts") -> list[str]:
    """The trust domain; where it is not told all that it may be, and first those that the policies name."""
    told = mesh.mesh_config.trust_domain
    if told.because:
        return [told.value]
    principals = (
        value
        for policy in policies
        for rule in policy.rules
        for source in rule.sources
        for value in source.values.get("principals", ())
    )
    named = (value.partition("/ns/")[0] for value in principals if "/ns/" in value)
    return list(dict.fromkeys((*(domain for domain in named if "*" not in domain), told.value)))


def _principal(trust_domain: str, account: str) -> str:
    namespace, _, name = account.partition("/")
    return f"{trust_domain}/ns/{namespace}/sa/{name}"


def _may_pass(
    principal: str, ports: _Ports, policies: Sequence[AuthorizationPolicy], mesh: "PolicyFacts"
) -> bool:
    """Whether some policy lets a caller in on some port, or may do so."""
    applied = [AppliedPolicy(policy, mesh.ztunnel_rules(policy)) for policy in policies]
    peers = (Peer(principal, port=port) for port in ports)
    return any(decide(applied, peer, complete=True).value is not Decision.DENIED for peer in peers)
