"""
An ALLOW policy without `targetRefs` has rules about HTTP, which ztunnel drops: what they allow is denied.

## What it does

Finds ALLOW policies with a selector, or for a whole namespace or the mesh, that are for ambient pods and
have rules with attributes that take HTTP: `methods`, `paths`, `hosts`, `requestPrincipals`,
`remoteIpBlocks`, their `not` forms, and in `when` every key but `source.ip`, `source.namespace`,
`source.principal`, `destination.ip` and `destination.port`. istiod leaves such a rule out altogether.

It says whether any rule is left. Pods with sidecars and gateways enforce the policy as written: they are
left out, and shown beside the finding. What the set does not show to be ambient is left out as well.

## Why it matters

This fails closed. ztunnel works on connections and sees no HTTP. The policy stays in force without the
rule, and an ALLOW policy denies whatever none of its rules allows. If no rule is left it denies all
requests to its pods that no other policy allows. istiod writes no more than `ZtunnelAccepted=True` with
reason `UnsupportedValue` into the status.

## How to fix it

Have a waypoint enforce it: replace the selector by `targetRefs` to the Services of the pods, or to the
waypoint, and label the Services or the namespace with `istio.io/use-waypoint`. A waypoint sees the ports
of the Service where ztunnel sees those of the pods. Keep rules about identities, addresses and ports
alone in a policy with the selector; it has to allow the waypoint's own identity, as that is who calls
the pods then. In `when`, write `source.serviceAccount` as `from.source.serviceAccounts` (1.25 and newer).

During a migration leave the policy to the pods with sidecars, and delete it when the last of them is gone.
"""

from collections.abc import Iterator

from meshlint import AuthorizationPolicy, Impact, Mesh, Problem, Severity, check, kind
from meshlint_checks.authorization._losses import losses, named
from meshlint_checks.authorization._remedy import enforce_at_waypoint, split_for_waypoint
from meshlint_checks.authorization._scope import ambient_pods, explanation


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
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
def l7_rule_at_ztunnel(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find ALLOW policies of which ztunnel drops rules."""
    scope = mesh.ambient_scope(policy)
    if policy.action != "ALLOW" or scope.is_empty:
        return
    removed = [rule for rule in mesh.ztunnel_rules(policy) if rule.is_removed]
    if not removed:
        return
    lost = losses(policy, (cause for rule in removed for _, cause in rule.http), mesh)
    is_whole = len(removed) == len(policy.rules)
    yield Problem(
        f"ztunnel cannot match {named(lost)} and drops {_outcome(policy, len(removed), mesh)}",
        at=lost[0].at,
        related=(*lost[1:], *explanation(policy, scope, mesh)),
        fix=enforce_at_waypoint(policy, mesh)
        if is_whole
        else split_for_waypoint(policy, [rule.index for rule in removed], mesh),
    )


def _outcome(policy: AuthorizationPolicy, removed: int, mesh: Mesh) -> str:
    pods, count = ambient_pods(policy, mesh), len(policy.rules)
    if removed < count:
        return f"{removed} of the {count} rules: requests to {pods} that no other rule allows are denied"
    dropped = "the only rule" if count == 1 else f"all {count} rules"
    return f"{dropped}: requests to {pods} are denied unless another policy allows them"
