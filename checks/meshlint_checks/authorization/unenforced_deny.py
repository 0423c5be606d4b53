"""
A DENY policy without `targetRefs` has no rule that ztunnel can enforce, so that nothing is denied.

## What it does

Finds DENY policies with a selector, or for a whole namespace or the mesh, that are for ambient pods and
of which every rule is dead at ztunnel. ztunnel does not see what takes HTTP (`methods`, `paths`, `hosts`,
`requestPrincipals`, `remoteIpBlocks`, their `not` forms, and in `when` all keys but `source.ip`,
`source.namespace`, `source.principal`, `destination.ip` and `destination.port`). A rule is dead if
nothing is left of its `to`, of its `from`, or of one entry of its `when`: then no connection matches it.

Pods with sidecars and gateways enforce the policy as written; they are shown beside the finding. Where
only some rules are dead, `weakened-deny` speaks. Where a policy with `targetRefs` and the same rules is
enforced at the waypoint of all the pods, it is `leftover-selector-policy`.

## Why it matters

This fails open, and in silence. The classic "require a token" (`notRequestPrincipals: ["*"]` with a
selector) protects a pod with a sidecar, and nothing at all once the pod is ambient. Up to 1.31 the status
even says that the policy is "more restrictive than requested".

## How to fix it

Have a waypoint enforce it: replace the selector by `targetRefs` to the Services of the pods, or to the
waypoint, and label the Services or the namespace with `istio.io/use-waypoint`. A waypoint sees the ports
of the Service where ztunnel sees those of the pods. Clients that do not go through the waypoint (from
outside of the mesh, with sidecars, by the address of a pod) are not held by it: a policy with a selector
that allows the waypoint's identity alone keeps them out.
"""

from collections.abc import Iterator

from meshlint import AuthorizationPolicy, Impact, Mesh, Problem, RuleOutcome, Severity, check, kind
from meshlint_checks.authorization._losses import losses, named
from meshlint_checks.authorization._remedy import enforce_at_waypoint
from meshlint_checks.authorization._scope import ambient_pods, explanation


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
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
def unenforced_deny(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find DENY policies of which ztunnel enforces nothing."""
    scope = mesh.ambient_scope(policy)
    if policy.action != "DENY" or scope.is_empty:
        return
    verdicts = mesh.rule_verdicts(policy)
    if any(verdict.outcome is not RuleOutcome.NO_EFFECT for verdict in verdicts):
        return
    lost = losses(policy, (cause for verdict in verdicts for cause in verdict.because), mesh)
    if not lost:
        return
    yield Problem(
        f"ztunnel cannot match {named(lost)}, and no rule of this DENY policy has an effect: "
        f"requests to {ambient_pods(policy, mesh)} that it is to deny are let through",
        at=lost[0].at,
        related=(*lost[1:], *explanation(policy, scope, mesh)),
        fix=enforce_at_waypoint(policy, mesh),
    )
