"""
A policy targets a Service that no waypoint serves, so nobody enforces it.

## What it does

Looks at each entry of `targetRefs` that names a Service or a ServiceEntry of the set, and asks whether
that gets a waypoint which enforces the policy. It does not if:

- neither it nor its Namespace carries `istio.io/use-waypoint`, or it opts out with `none`
- the Gateway that it uses is no waypoint, or one of agentgateway, which does not know Istio's policies
- the waypoint is in another namespace, and this version of Istio does not look for the policy here
- its request for a waypoint comes to nothing

Of the last the checks that look at the label speak (`dangling-waypoint`, `waypoint-traffic-mismatch`,
`denied-waypoint-attachment` and the like): they show the policy, and this check is silent unless
they have nothing to report on.

It is a note for a Telemetry, where the Namespace is not among the manifests and may carry the label, and
where all pods of the Service have sidecars that enforce a policy with the same rules: then it is there for
the time after a migration.
Where no waypoint is among them at all it is a warning: `istioctl waypoint apply` makes the waypoint and
the label by hand. A waypoint of somebody else's class is not judged.

## Why it matters

A policy with targets is for waypoints alone. ztunnel leaves it out and sidecars ignore it, so that without
a waypoint it does nothing: what it denies is allowed, and tokens are not checked. istiod writes
`WaypointAccepted=False`, reason `AncestorNotBound`, into the status of an AuthorizationPolicy (Istio
1.24 and newer) and nothing into that of the other kinds.

## How to fix it

Label the Service, or its whole Namespace, with `istio.io/use-waypoint` and the name of a waypoint. A
policy that needs no HTTP can do without one: write a `selector` instead of `targetRefs`, and ztunnel
enforces it. If the label is set elsewhere, show the Namespace with `--context`.
"""

from collections.abc import Iterator

from meshlint import (
    AuthorizationPolicy,
    BindingState,
    Cause,
    Edit,
    EnforcementPoint,
    Fix,
    Gateway,
    Impact,
    Mesh,
    PolicyTarget,
    Problem,
    Resource,
    ResourceRef,
    Service,
    Severity,
    TargetedPolicy,
    WaypointBinding,
    append_entry,
    check,
    keys,
    kind,
    waypoint,
)
from meshlint_checks.authorization._unenforced import impact_of
from meshlint_checks.manifest._known_keys import meant

_UNLABELLED = (BindingState.ABSENT, BindingState.UNKNOWN)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.TARGETED_POLICIES,
    reads=(
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.NAMESPACE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    istio=">=1.22",
    since="0.1.0",
)
def policy_without_enforcer(subject: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find policies for Services without a waypoint."""
    for target in mesh.policy_targets(subject):
        service = target.found.value
        if service is None or target.reach.enforcements or not _waits_for_waypoint(target, subject):
            continue
        binding = mesh.waypoint_binding(service)
        if not _is_judged(target, binding, mesh):
            continue
        yield Problem(
            f"{_complaint(target, service, binding)} nobody enforces the policy",
            at=subject.at(*target.reference.path, "name"),
            related=(*_explanations(target, service, binding, mesh), *_twins(subject, service, mesh)),
            fix=_advice(target, service, binding, mesh),
            severity=_severity(subject, service, binding, mesh),
            impact=impact_of(subject),
        )


def _waits_for_waypoint(target: PolicyTarget, subject: TargetedPolicy) -> bool:
    return target.ref.kind in (kind.SERVICE, kind.SERVICE_ENTRY) and subject.kind != kind.ENVOY_FILTER


def _is_judged(target: PolicyTarget, binding: WaypointBinding, mesh: Mesh) -> bool:
    """Whether what is known says that nobody enforces it, but for a label of a Namespace that is not here."""
    if target.reach.is_known or binding.state not in (BindingState.BOUND, BindingState.UNKNOWN):
        return True
    if binding.state is BindingState.BOUND or binding.wanted is not None:
        return False
    namespace = target.ref.namespace
    return namespace is None or not mesh.copies(ResourceRef(kind.NAMESPACE, None, namespace))


def _complaint(target: PolicyTarget, service: Resource, binding: WaypointBinding) -> str:
    name, wanted = f"{service.kind.name} {service.name!r}", binding.wanted.name if binding.wanted else ""
    match binding.state:
        case BindingState.UNKNOWN:
            return f"{name} does not ask for a waypoint: unless its namespace does,"
        case BindingState.ABSENT if _is_alias(service):
            return f"{name} is an alias of a DNS name and never gets a waypoint:"
        case BindingState.ABSENT:
            return f"{name} uses no waypoint:"
        case BindingState.OPTED_OUT:
            return f"{name} opts out of waypoints:"
        case BindingState.BOUND:
            return f"{name} uses waypoint {wanted!r}, but {target.reach.because[0].message}:"
        case _:
            return f"{name} does not get waypoint {wanted!r}, which it asks for:"


def _is_alias(service: Resource) -> bool:
    return isinstance(service, Service) and service.is_external_name


def _explanations(
    target: PolicyTarget, service: Resource, binding: WaypointBinding, mesh: Mesh
) -> Iterator[Cause]:
    yield Cause(f"{service.kind.name} {service.name!r} is here", service.at())
    namespace = mesh.namespace_of(service)
    if binding.state is BindingState.BOUND:
        yield from (target.reach.because[0], binding.because[0])
    else:
        yield from binding.because
    if binding.state is BindingState.ABSENT and namespace is not None:
        yield Cause(f"namespace {namespace.name!r} asks for no waypoint either", namespace.at())
    if binding.state in _UNLABELLED:
        yield from _lost_labels(service)
        yield from _lost_labels(namespace) if namespace else ()
        only = _only_waypoint(target.ref.namespace, mesh)
        if only is not None:
            yield Cause(f"waypoint {only.name!r} is here", only.at())


def _lost_labels(holder: Resource) -> Iterator[Cause]:
    """What is written as if it asked for a waypoint, and is not read: other checks speak of those."""
    text = "this asks for none: Istio does not read it"
    for key in holder.labels:
        if any(known.name == keys.USE_WAYPOINT for known in meant(key)):
            yield Cause(text, holder.label_at(key))
    if keys.USE_WAYPOINT in holder.annotations:
        yield Cause(text, holder.annotation_at(keys.USE_WAYPOINT))


def _only_waypoint(namespace: str | None, mesh: Mesh) -> Gateway | None:
    """The waypoint for Services that a namespace has, if it is the only one."""
    found = [gateway for gateway in mesh.gateways_in(namespace) if _serves_services(gateway, mesh)]
    return found[0] if len(found) == 1 else None


def _serves_services(gateway: Gateway, mesh: Mesh) -> bool:
    enforces = mesh.enforcement_point(gateway) is EnforcementPoint.WAYPOINT
    return enforces and mesh.traffic_type(gateway).value in waypoint.SERVICE_TRAFFIC


def _advice(target: PolicyTarget, service: Resource, binding: WaypointBinding, mesh: Mesh) -> Fix:
    name = f"{service.kind.name} {service.name!r}"
    match binding.state:
        case BindingState.ABSENT if _is_alias(service):
            return Fix("target a ServiceEntry for the DNS name instead")
        case BindingState.ABSENT | BindingState.UNKNOWN:
            return _label(service, _only_waypoint(target.ref.namespace, mesh))
        case BindingState.OPTED_OUT:
            return Fix(f"have {name} use a waypoint, or delete the policy")
        case BindingState.BOUND if binding.gateway is not None:
            return _replace(binding.gateway, target)
        case _:
            return Fix(f"give {name} a waypoint that serves it")


def _label(service: Resource, only: Gateway | None) -> Fix:
    name = f"{service.kind.name} {service.name!r}"
    if only is None:
        return Fix(f"label {name} or its namespace with '{keys.USE_WAYPOINT}' and the name of a waypoint")
    edits: tuple[Edit, ...] = append_entry(service.at("metadata", "labels"), keys.USE_WAYPOINT, only.name)
    return Fix(f"label {name} '{keys.USE_WAYPOINT}: {only.name}'", edits)


def _replace(gateway: Gateway, target: PolicyTarget) -> Fix:
    """What to do about a Gateway that is used and does not enforce the policy."""
    if target.reach.because[0].at.manifest is gateway.manifest:
        return Fix("have it use a waypoint of class 'istio-waypoint'")
    return Fix(f"target Gateway {gateway.name!r} by a policy in namespace {gateway.namespace!r}")


def _twins(subject: TargetedPolicy, service: Resource, mesh: Mesh) -> Iterator[Cause]:
    """The policies by which sidecars do, for now, what this one is for."""
    if isinstance(subject, AuthorizationPolicy) and isinstance(service, Service):
        for twin in mesh.sidecar_twins(subject, service):
            yield Cause(f"sidecars enforce the same by {twin.name!r}", twin.at())


def _severity(subject: TargetedPolicy, service: Resource, binding: WaypointBinding, mesh: Mesh) -> Severity:
    if subject.kind == kind.TELEMETRY or binding.state is BindingState.UNKNOWN:
        return Severity.NOTE
    if any(_twins(subject, service, mesh)):
        return Severity.NOTE
    may_be_made_by_hand = binding.state in (BindingState.ABSENT, BindingState.NOT_READY)
    if may_be_made_by_hand and not (_is_alias(service) or mesh.is_complete or any(mesh.waypoints())):
        return Severity.WARNING
    return Severity.ERROR
