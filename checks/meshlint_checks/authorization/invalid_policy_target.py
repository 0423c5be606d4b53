"""
A target of a policy is of a kind that no policy can be attached to.

## What it does

Looks at the kind and group of each entry of `targetRefs`. There are four that Istio takes, for
every kind of policy:

- `Service` of the core group (`group: ""`, or none)
- `ServiceEntry` of `networking.istio.io`, from Istio 1.24
- `Gateway` of `gateway.networking.k8s.io`
- `GatewayClass` of `gateway.networking.k8s.io`, from Istio 1.25

A `Gateway` without its group is of the core group, which has none. A Namespace, a ServiceAccount, a
Deployment, a route, or a Gateway of `networking.istio.io` cannot be a target.

## Why it matters

Istio's webhook refuses the policy, so that it is not there, or stays as it was before. Where the
webhook is not asked, as for an EnvoyFilter, the target matches nothing: neither a waypoint nor
ztunnel enforces the policy.

## How to fix it

Write the group, or target what can be: the Service that is called, or the Gateway of the waypoint
for all that goes through it. A policy for pods takes a `selector` instead of targets, and one for a
whole namespace takes neither; in ambient mode ztunnel enforces those, as far as they need no HTTP.
Who calls is said in the rules (`from.source.serviceAccounts`), not by a target.
"""

from collections.abc import Iterator

from meshlint import (
    Edit,
    Fix,
    Impact,
    Kind,
    Mesh,
    ObjectReference,
    Problem,
    Severity,
    TargetedPolicy,
    append_entry,
    check,
    kind,
    nearest,
    replace_value,
)
from meshlint_checks.authorization._unenforced import impact_of

_PODS = "target the Service of its pods, or select them by 'selector' instead of 'targetRefs'"
_ADVICE = {
    kind.NAMESPACE: "target the Gateway of its waypoint, or leave 'targetRefs' out for all of its pods",
    kind.SERVICE_ACCOUNT: _PODS,
    kind.ISTIO_GATEWAY: "select its pods by 'selector' instead of 'targetRefs'",
    **dict.fromkeys(kind.WORKLOADS, _PODS),
    **dict.fromkeys(kind.ROUTES, "target the Service or the Gateway that the route is attached to"),
}


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.TARGETED_POLICIES,
    istio=">=1.22",
    since="0.1.0",
)
def invalid_policy_target(subject: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find targets of kinds that cannot be one."""
    for target in mesh.invalid_targets(subject):
        meant = _meant(target.kind, mesh.target_kinds(subject))
        is_misspelt = meant is None or meant.name != target.kind.name
        wrong = "kind" if is_misspelt or not target.kind.group else "group"
        yield Problem(
            f"{_complaint(target.kind, meant, mesh)}: {_outcome(subject)}",
            at=subject.at(*target.path, wrong),
            fix=_correct(subject, target, meant),
            impact=impact_of(subject),
        )


def _meant(written: Kind, allowed: tuple[Kind, ...]) -> Kind | None:
    """The kind that is meant, unless what is written is one of its own."""
    if written in _ADVICE:
        return None
    name = nearest(written.name, (kind.name for kind in allowed))
    return next((kind for kind in allowed if kind.name == name), None)


def _complaint(written: Kind, meant: Kind | None, mesh: Mesh) -> str:
    if not written.name:
        return "a target needs a kind"
    if meant is None:
        since = f" in Istio {mesh.version}" if written in (kind.SERVICE_ENTRY, kind.GATEWAY_CLASS) else ""
        return f"kind {written.name!r}{_of(written)} cannot be the target of a policy{since}"
    if meant.name != written.name:
        return f"there is no kind {written.name!r} for a target, {meant.name!r} is near"
    group = f"group {meant.group!r}" if meant.group else "the core group"
    if not written.group:
        return f"kind {meant.name!r} is of {group}, which the target does not say"
    return f"kind {meant.name!r} is of {group}, not {written.group!r}"


def _of(written: Kind) -> str:
    return f" of {written.group!r}" if written == kind.ISTIO_GATEWAY else ""


def _outcome(policy: TargetedPolicy) -> str:
    if policy.kind == kind.ENVOY_FILTER:
        return "the filter is attached to nothing"
    return "Istio refuses the policy, and nobody enforces it"


def _correct(policy: TargetedPolicy, target: ObjectReference, meant: Kind | None) -> Fix:
    if meant is None:
        return Fix(_ADVICE.get(target.kind, "target a Service, a ServiceEntry or a Gateway"))
    edits = []
    if target.kind.name != meant.name:
        edits.append(replace_value(policy.at(*target.path, "kind"), meant.name))
    if target.kind.group != meant.group:
        edits.append(_group(policy, target, meant.group))
    is_whole = all(edits)
    title = f"write kind {meant.name!r} and group {meant.group!r}"
    return Fix(title, tuple(edit for part in edits for edit in part) if is_whole else ())


def _group(policy: TargetedPolicy, target: ObjectReference, group: str) -> tuple[Edit, ...]:
    at = policy.at(*target.path, "group")
    return replace_value(at, group) if at.place else append_entry(policy.at(*target.path), "group", group)
