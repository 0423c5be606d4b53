"""
An AuthorizationPolicy with a selector and its twin with `targetRefs` stand side by side.

## What it does

Finds policies without `targetRefs` with rules that take HTTP (or action CUSTOM or AUDIT) for which there
are others with the same action, the same rules and `targetRefs`, enforced by the waypoints of all Services
that have the pods. Ports count as the same where the Service translates them.

It is a warning where the pods are ambient and this policy has no effect at ztunnel, or only part of it;
a note where it still protects pods with sidecars, or gateways.

An ALLOW policy that denies requests to ambient pods is `l7-rule-at-ztunnel`, and a DENY rule that denies
too much is `broadened-deny`, twin or not.

## Why it matters

The waypoint does the work, and the older policy only looks as if it did: whoever changes it later changes
nothing. One that is kept for pods with sidecars turns against them if it allows: as soon as they are
ambient, ztunnel drops its rules and denies what they allow.

## How to fix it

Delete it once the last of its pods runs without a sidecar. Until then it is needed: callers with sidecars
do not go through waypoints, and pods with sidecars know no `targetRefs`. What names identities, addresses
and ports alone may well stay with the selector: ztunnel enforces that for all callers.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    AuthorizationPolicy,
    Cause,
    EnforcementPoint,
    Fix,
    Impact,
    Mesh,
    Problem,
    RuleOutcome,
    Severity,
    check,
    kind,
)
from meshlint_checks.authorization._scope import enforced_elsewhere, others

_UNSUPPORTED = ("CUSTOM", "AUDIT")
_LOST = {RuleOutcome.NO_EFFECT, RuleOutcome.PARTLY}


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.HYGIENE,
    subjects=(kind.AUTHORIZATION_POLICY,),
    reads=(
        kind.NAMESPACE,
        *kind.WORKLOADS,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    since="0.1.0",
)
def leftover_selector_policy(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find selector policies whose place a policy with targets has taken."""
    if not _takes_http(policy, mesh):
        return
    effect = _effect(policy, mesh)
    twins = mesh.twins(policy) if effect else ()
    if not twins:
        return
    yield Problem(
        f"{_says_the_same(twins)} at the waypoint, {effect}",
        at=policy.at(),
        related=(
            *(Cause("the policy with targetRefs", twin.at()) for twin in twins),
            *enforced_elsewhere(policy, mesh),
        ),
        fix=_remedy(policy, mesh),
        severity=Severity.NOTE if others(policy, mesh) else Severity.WARNING,
    )


def _remedy(policy: AuthorizationPolicy, mesh: Mesh) -> Fix:
    if mesh.ambient_scope(policy).is_empty:
        return Fix("delete it when none of its pods has a sidecar any more")
    kept_for = others(policy, mesh)
    if kept_for:
        return Fix(f"keep it for {kept_for} alone")
    is_partly_enforced = any(verdict.outcome not in _LOST for verdict in mesh.rule_verdicts(policy))
    return Fix("delete it, or leave in it what ztunnel enforces" if is_partly_enforced else "delete it")


def _takes_http(policy: AuthorizationPolicy, mesh: Mesh) -> bool:
    """Whether a policy is more than ztunnel can do."""
    return policy.action in _UNSUPPORTED or any(rule.http for rule in mesh.ztunnel_rules(policy))


def _effect(policy: AuthorizationPolicy, mesh: Mesh) -> str:
    """What is left for the policy to do; empty where it is not left over, or others speak of it."""
    if mesh.ambient_scope(policy).is_empty:
        return _once_ambient(policy) if _has_sidecars(policy, mesh) else ""
    outcomes = {verdict.outcome for verdict in mesh.rule_verdicts(policy)}
    if policy.action == "ALLOW" or not outcomes & _LOST:
        return ""
    extent = "nothing" if outcomes == {RuleOutcome.NO_EFFECT} else "only a part"
    return f"and ztunnel enforces {extent} of this one"


def _once_ambient(policy: AuthorizationPolicy) -> str:
    denied = " and denies what that allows" if policy.action == "ALLOW" else ""
    return f"and this one is left over{denied} once its pods are ambient"


def _says_the_same(twins: Sequence[AuthorizationPolicy]) -> str:
    names = " and ".join(repr(twin.name) for twin in twins)
    return f"policy {names} says the same" if len(twins) == 1 else f"policies {names} say the same"


def _has_sidecars(policy: AuthorizationPolicy, mesh: Mesh) -> bool:
    return any(entry.point is EnforcementPoint.SIDECAR for entry in mesh.reach(policy).enforcements)
