"""
A DENY policy without `targetRefs` is enforced only in part: ztunnel does not see the rest.

## What it does

Finds DENY policies with a selector, or for a whole namespace or the mesh, that are for ambient pods and
of which ztunnel enforces something, but not all. It speaks of each rule that has no effect, and of each
that loses some of its alternatives: an entry of `from` or `to`, or a value. ztunnel does not see what
takes HTTP: `methods`, `paths`, `hosts`, `requestPrincipals`, `remoteIpBlocks`, their `not` forms, and in
`when` all keys but `source.ip`, `source.namespace`, `source.principal`, `destination.ip` and
`destination.port`.

Where nothing is enforced, `unenforced-deny` speaks; of a rule that denies more than is written,
`broadened-deny`. Where a policy with `targetRefs` and the same rules is enforced at the waypoint of all
the pods, it is `leftover-selector-policy`. Pods with sidecars and gateways enforce the policy as written.

## Why it matters

This fails open, and is easily missed: the policy visibly denies something, so it is taken to work.

## How to fix it

Split the policy. What names identities, namespaces, addresses and ports alone stays as it is. The rest
goes into a policy with `targetRefs` to the Services of the pods, or to the waypoint; the Services or the
namespace have to be labelled with `istio.io/use-waypoint`. A waypoint sees the ports of the Service where
ztunnel sees those of the pods.
"""

from collections.abc import Iterator

from meshlint import AuthorizationPolicy, Impact, Mesh, Problem, RuleOutcome, Severity, check, kind
from meshlint_checks.authorization._losses import losses, named
from meshlint_checks.authorization._remedy import split_for_waypoint
from meshlint_checks.authorization._scope import ambient_pods, explanation

_OUTCOMES = {
    RuleOutcome.NO_EFFECT: "this rule has no effect",
    RuleOutcome.PARTLY: "this part of the rule has no effect",
}


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
def weakened_deny(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find rules of DENY policies that ztunnel does not enforce, or not all of them."""
    scope = mesh.ambient_scope(policy)
    if policy.action != "DENY" or scope.is_empty:
        return
    verdicts = mesh.rule_verdicts(policy)
    if all(verdict.outcome is RuleOutcome.NO_EFFECT for verdict in verdicts):
        return
    for verdict in verdicts:
        lost = losses(policy, verdict.because, mesh)
        if verdict.outcome in _OUTCOMES and lost:
            yield Problem(
                f"ztunnel cannot match {named(lost)}, and {_OUTCOMES[verdict.outcome]}: "
                f"requests to {ambient_pods(policy, mesh)} that only it denies are let through",
                at=lost[0].at,
                related=(*lost[1:], *explanation(policy, scope, mesh)),
                fix=split_for_waypoint(policy, [verdict.index], mesh),
            )
