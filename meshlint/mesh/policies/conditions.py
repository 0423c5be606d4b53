"""The conditions that istiod will write on an AuthorizationPolicy."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meshlint.mesh import changes
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.policies.authorization import (
    ENFORCED_ACTIONS,
    ZtunnelRule,
    is_dry_run,
    translate,
)
from meshlint.mesh.policies.target_attachment import target_references
from meshlint.mesh.waypoints.binding import BindingState
from meshlint.mesh.waypoints.waypoint import GATEWAY_CONTROLLER, MESH_CONTROLLER, UNMANAGED_CONTROLLER
from meshlint.model import kind as k
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import GatewayClass, ObjectReference
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

ZTUNNEL_ACCEPTED = "ZtunnelAccepted"
WAYPOINT_ACCEPTED = "WaypointAccepted"
_ACTIONS = ENFORCED_ACTIONS | {"CUSTOM", "AUDIT"}
# istiod makes these GatewayClasses by itself, whatever it is told to enable.
_ALWAYS_THERE = {
    "istio": GATEWAY_CONTROLLER,
    "istio-remote": UNMANAGED_CONTROLLER,
    "istio-waypoint": MESH_CONTROLLER,
}
_HTTP = (
    "ztunnel does not support HTTP attributes (found: {}). "
    "In ambient mode you must use a waypoint proxy to enforce HTTP rules. {}"
)
_FIRST_HTTP = (
    "ztunnel does not support HTTP rules ({} require HTTP parsing), "
    "in ambient mode you must use waypoint proxy to enforce HTTP rules. {}"
)
_ALLOW = (
    "Within an ALLOW policy, rules matching HTTP attributes are omitted. "
    "This will be more restrictive than requested."
)
_FIRST_ALLOW = (
    "Allow rules with HTTP attributes will be empty and never match. This is more restrictive than requested."
)
_DENY = (
    "DENY policy with HTTP attributes is enforced without the HTTP rules. "
    "This will be more restrictive than requested."
)
_FIRST_DENY = (
    "Deny rules with HTTP attributes will be enforced without their HTTP components. "
    "This is more restrictive than intended."
)
_DENY_WITHOUT_EFFECT = (
    "After omitting unsupported HTTP attributes, this DENY policy has no enforceable rules at ztunnel "
    "and will have no effect. Deploy a waypoint proxy and use a targetRef to enforce this policy."
)


class _Bound(NamedTuple):
    """What istiod says of one target; `ancestor` names it in the words of the joint message."""

    is_bound: bool
    reason: str
    message: str
    ancestor: str


def policy_conditions(policy: AuthorizationPolicy, mesh: "PolicyFacts") -> Iterator[PredictedCondition]:
    """
    The conditions of an AuthorizationPolicy, from 1.24 on; none where they depend on what is not known.

    istiod writes them on no other kind of policy (istio `pilot/pkg/serviceregistry/ambient/ambientindex.go`
    and `policies.go`; the flattening: `pilot/pkg/model/service.go`). The index asks the annotation
    before the targets, so that from 1.29 a dry run with targets gets both conditions.
    """
    if not changes.POLICY_CONDITIONS.holds(mesh.version) or policy.action not in _ACTIONS:
        return
    targets = _reported_targets(policy, mesh.version)
    is_kept_back = changes.DRY_RUNS_STAY_AT_ISTIOD.holds(mesh.version) and not mesh.sends_dry_runs
    if is_dry_run(policy) and is_kept_back:
        if changes.DRY_RUNS_CAN_BE_SENT.holds(mesh.version):
            yield _refused_dry_run(policy)
    elif not target_references(policy, mesh.version):
        yield _ztunnel_accepted(policy, mesh.version)
    if targets:
        bound = [_bound(policy, target, mesh) for target in targets]
        known = [entry for entry in bound if entry is not None]
        if len(known) == len(bound):
            yield _flattened(known)


def _reported_targets(policy: AuthorizationPolicy, version: IstioVersion) -> Sequence[ObjectReference]:
    """The targets that the condition is about: to 1.24.1 not the singular `targetRef`."""
    targets = target_references(policy, version)
    if not changes.TARGET_REF_IN_CONDITION.holds(version):
        return [target for target in targets if "targetRefs" in target.path]
    return targets


def _refused_dry_run(policy: AuthorizationPolicy) -> PredictedCondition:
    message = (
        f'found policy "{policy.namespace}/{policy.name}" using dry-run annotation, '
        "but support for ambient dry-run authorizationPolicies isn't enabled"
    )
    return PredictedCondition(ZTUNNEL_ACCEPTED, "False", "UnsupportedValue", message)


def _ztunnel_accepted(policy: AuthorizationPolicy, version: IstioVersion) -> PredictedCondition:
    if policy.action not in ENFORCED_ACTIONS:
        message = f"ztunnel does not support the {policy.action} action"
        return PredictedCondition(ZTUNNEL_ACCEPTED, "False", "UnsupportedValue", message)
    rules = translate(policy, version)
    found = sorted({name for rule in rules for name, _ in rule.http})
    if not found:
        return PredictedCondition(ZTUNNEL_ACCEPTED, "True", "Accepted", "attached to ztunnel")
    wording = _HTTP if changes.CONDITION_NAMES_ATTRIBUTES.holds(version) else _FIRST_HTTP
    message = wording.format(", ".join(found), _consequence(policy, rules, version))
    return PredictedCondition(ZTUNNEL_ACCEPTED, "True", "UnsupportedValue", message)


def _consequence(policy: AuthorizationPolicy, rules: Sequence[ZtunnelRule], version: IstioVersion) -> str:
    first = not changes.CONDITION_NAMES_ATTRIBUTES.holds(version)
    if policy.action == "ALLOW":
        return _FIRST_ALLOW if first else _ALLOW
    # hasEffectiveRules (istio#61126): what can never match for its values still counts.
    is_effective = any(
        all(any(alternative.terms for alternative in clause) for clause in rule.clauses) for rule in rules
    )
    if changes.CONDITION_TELLS_EMPTY_DENY.holds(version) and not is_effective:
        return _DENY_WITHOUT_EFFECT
    return _FIRST_DENY if first else _DENY


def _bound(policy: AuthorizationPolicy, target: ObjectReference, mesh: "PolicyFacts") -> _Bound | None:
    """
    What istiod finds out about one target; None if that depends on what is not known.

    WaypointPolicyStatusCollection looks at the kind alone, not at the group.
    """
    namespace = target.namespace or policy.namespace
    if namespace is None:
        return None
    key = f"{namespace}/{target.name}"
    ancestor = f"{target.kind.name}.{target.kind.group or 'core'}:{key}"
    nothing = _Bound(is_bound=False, reason="unknown", message="not bound", ancestor=ancestor)
    match target.kind.name:
        case "GatewayClass" if changes.CLASSES_IN_CONDITION.holds(mesh.version):
            return _class_bound(namespace, target.name, nothing, mesh)
        case "Gateway":
            return _gateway_bound(namespace, target.name, nothing, mesh)
        case "Service":
            return _service_bound(ResourceRef(k.SERVICE, namespace, target.name), nothing, mesh)
        case "ServiceEntry":
            return _service_bound(ResourceRef(k.SERVICE_ENTRY, namespace, target.name), nothing, mesh)
        case _:
            return nothing


def _class_bound(namespace: str, name: str, nothing: _Bound, mesh: "PolicyFacts") -> _Bound | None:
    root = mesh.root_namespace.value
    if namespace != root:
        message = (
            f"AuthorizationPolicy must be in the root namespace `{root}` when referencing a GatewayClass"
        )
        return nothing._replace(reason="Invalid", message=message)
    found = mesh.find(ResourceRef(k.GATEWAY_CLASS, None, name))
    if isinstance(found.value, GatewayClass):
        controller = found.value.controller_name
    elif name in _ALWAYS_THERE:
        controller = _ALWAYS_THERE[name]
    else:
        return nothing._replace(reason="TargetNotFound") if found.is_absent else None
    if controller != MESH_CONTROLLER:
        message = f"GatewayClass must use controller name `{MESH_CONTROLLER}` for waypoints"
        return nothing._replace(reason="Invalid", message=message)
    return nothing._replace(is_bound=True, reason="Accepted", message=f"bound to {name}")


def _gateway_bound(namespace: str, name: str, nothing: _Bound, mesh: "PolicyFacts") -> _Bound | None:
    """Any Gateway with an address counts, also one that is no waypoint."""
    found = mesh.find(ResourceRef(k.GATEWAY, namespace, name))
    if found.value is not None:
        return nothing._replace(is_bound=True, reason="Accepted", message=f"bound to {namespace}/{name}")
    return nothing._replace(reason="TargetNotFound") if found.is_absent else None


def _service_bound(ref: ResourceRef, nothing: _Bound, mesh: "PolicyFacts") -> _Bound | None:
    name, key = ref.kind.name, f"{ref.namespace}/{ref.name}"
    found = mesh.find(ref)
    if found.value is None:
        missing = nothing._replace(reason="TargetNotFound", message=f"{name} {key} was not found")
        return missing if found.is_absent else None
    if isinstance(found.value, Service) and found.value.is_external_name:
        # istiod asks the labels of an alias like any other's, though it never binds it.
        binding = mesh.nominal_binding(found.value)
    else:
        binding = mesh.waypoint_binding(found.value)
    if binding.state is BindingState.UNKNOWN:
        return None
    if binding.state is BindingState.BOUND and binding.wanted is not None:
        message = f"bound to {binding.wanted.namespace}/{binding.wanted.name}"
        return nothing._replace(is_bound=True, reason="Accepted", message=message)
    return nothing._replace(reason="AncestorNotBound", message=f"{name} {key} is not bound to a waypoint")


def _flattened(targets: Sequence[_Bound]) -> PredictedCondition:
    """As flattenConditions does (istio `pilot/pkg/model/service.go`)."""
    if len(targets) == 1:
        [only] = targets
        return PredictedCondition(WAYPOINT_ACCEPTED, str(only.is_bound), only.reason, only.message)
    unbound = [target.ancestor for target in targets if not target.is_bound]
    is_bound = len(unbound) < len(targets)
    reason = "Invalid"
    if is_bound:
        reason = "PartiallyInvalid" if unbound else "Accepted"
    message = f"Invalid targetRefs: {', '.join(unbound)}" if unbound else ""
    return PredictedCondition(WAYPOINT_ACCEPTED, str(is_bound), reason, message)
