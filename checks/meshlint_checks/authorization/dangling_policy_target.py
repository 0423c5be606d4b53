"""
A policy targets an object that does not exist.

## What it does

Looks at each entry of `targetRefs` that names a Service, a ServiceEntry or a Gateway, for one that the
set does not hold in the policy's own namespace: a policy reaches no other.

If the manifests tell that namespace completely (its Namespace object is among them, or they are a
dump of the cluster), this is an error. Otherwise, and where the manifests show nothing of the
applications there, it is a note; it is a warning if an object of nearly that name is there, or
the only one of that name is in another namespace. A Service that a controller may make by itself, as
of a Postgres cluster, is a note too, and a Gateway where the set holds no waypoint at all a warning:
those are made by hand as well, with `istioctl waypoint apply`.

It is silent about an object of that name of which the manifests do not tell the namespace. Where a
`use-waypoint` label names the same Gateway, `dangling-waypoint` speaks, and shows the policy.

## Why it matters

Nothing refuses the policy. istiod writes `WaypointAccepted=False`, reason `TargetNotFound`, into the
status of an AuthorizationPolicy (Istio 1.24 and newer) and nothing into that of the other kinds.
Neither a waypoint nor ztunnel enforces it: what it denies is allowed.

## How to fix it

Correct the name, or move the policy into the namespace of the object. If the object is made
elsewhere, show its manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    PolicyTarget,
    Problem,
    Relation,
    Resource,
    ResourceRef,
    Severity,
    TargetedPolicy,
    check,
    kind,
    nearest,
    replace_value,
)
from meshlint_checks.authorization._unenforced import as_grave_as, impact_of

_APPLICATIONS = (kind.SERVICE, kind.SERVICE_ENTRY, kind.WORKLOAD_ENTRY, *kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.TARGETED_POLICIES,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WAYPOINT_USERS, *kind.MESH_CONFIG_HOLDERS),
    istio=">=1.22",
    since="0.1.0",
)
def dangling_policy_target(subject: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find targets that are not there."""
    for target in mesh.policy_targets(subject):
        if not _is_lost(target, subject, mesh):
            continue
        meant, elsewhere = _near(target.ref, mesh), _elsewhere(target, subject, mesh)
        is_certain = target.found.is_absent and _is_told(target.ref, mesh)
        severity = Severity.ERROR if is_certain else _guess(target, meant or elsewhere)
        yield Problem(
            f"no {target.ref.kind.name} {target.ref.name!r}{_outcome(target.ref, is_certain=is_certain)}",
            at=subject.at(*target.reference.path, "name"),
            related=tuple(_explanations(target.ref, meant, elsewhere, mesh)),
            fix=_correct(subject, target, meant, elsewhere, is_certain=is_certain),
            severity=as_grave_as(subject, severity),
            impact=impact_of(subject),
        )


def _is_lost(target: PolicyTarget, subject: TargetedPolicy, mesh: Mesh) -> bool:
    ref = target.ref
    if not ref.name or ref.kind == kind.GATEWAY_CLASS or target.reach.enforcements:
        return False
    if subject.kind == kind.ENVOY_FILTER and ref.kind != kind.GATEWAY:
        return False
    return target.found.value is None and not mesh.could_be(ref)


def _near(ref: ResourceRef, mesh: Mesh) -> Resource | None:
    """The object beside the policy whose name the target's is a slip of."""
    there = {found.name: found for found in mesh.graph.in_namespace(ref.namespace, ref.kind)}
    near = nearest(ref.name, there)
    return there[near] if near is not None else None


def _elsewhere(target: PolicyTarget, subject: TargetedPolicy, mesh: Mesh) -> Resource | None:
    """The only object of that kind and name, in another namespace; waypoints often share one name."""
    match mesh.graph.named(target.ref.kind, target.ref.name):
        case [Gateway() as only] if not target.found.is_absent:
            return only if mesh.admits(only, subject).value else None
        case [only]:
            return only
        case _:
            return None


def _is_told(ref: ResourceRef, mesh: Mesh) -> bool:
    """Whether the set holds what would be beside an object that is not there."""
    if mesh.is_complete:
        return True
    if ref.kind == kind.GATEWAY:
        return any(mesh.waypoints())
    shows_applications = any(mesh.graph.in_namespace(ref.namespace, *_APPLICATIONS))
    return shows_applications and mesh.possible_maker(ref) is None


def _guess(target: PolicyTarget, evidence: Resource | None) -> Severity:
    is_made_by_hand = target.found.is_absent and target.ref.kind == kind.GATEWAY
    return Severity.WARNING if evidence or is_made_by_hand else Severity.NOTE


def _outcome(ref: ResourceRef, *, is_certain: bool) -> str:
    place = f" in namespace {ref.namespace!r}" if ref.namespace else ""
    if is_certain:
        return f"{place}: nobody enforces the policy"
    return f"{place} among these manifests: without it nobody enforces the policy"


def _explanations(
    ref: ResourceRef, meant: Resource | None, elsewhere: Resource | None, mesh: Mesh
) -> Iterator[Cause]:
    if meant is not None:
        yield Cause(f"{meant.kind.name} {meant.name!r} is here", meant.at())
    if elsewhere is not None:
        text = f"{elsewhere.kind.name} {elsewhere.name!r} is in namespace {elsewhere.namespace!r}"
        yield Cause(f"{text}, and a policy has to be beside its target", elsewhere.at())
    maker = mesh.possible_maker(ref)
    if maker is not None:
        yield Cause(f"{maker.kind.name} {maker.name!r} may bring it along", maker.at())
    for edge in mesh.graph.edges_to(ref, Relation.USES_WAYPOINT):
        yield Cause("this label asks for the same Gateway", edge.declared_at)


def _correct(
    subject: TargetedPolicy,
    target: PolicyTarget,
    meant: Resource | None,
    elsewhere: Resource | None,
    *,
    is_certain: bool,
) -> Fix:
    name = target.ref.kind.name
    if meant is not None:
        at = subject.at(*target.reference.path, "name")
        return Fix(f"target {meant.name!r}", replace_value(at, meant.name))
    if elsewhere is not None:
        return Fix(f"move the policy to namespace {elsewhere.namespace!r}")
    if is_certain:
        return Fix(f"correct the name, or move the policy to the namespace of the {name}")
    return Fix(f"show the manifest of the {name} with '--context', or correct the name")
