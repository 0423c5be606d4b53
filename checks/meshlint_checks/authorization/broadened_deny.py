"""
A DENY rule without `targetRefs` loses its HTTP attributes at ztunnel, and denies more than is written.

## What it does

Finds DENY policies with a selector, or for a whole namespace or the mesh, that are for ambient pods and
have an entry of `from` or `to` with both: attributes that ztunnel knows (identities, namespaces,
addresses, ports) and others that it does not see (`methods`, `paths`, `hosts`, `requestPrincipals`,
`remoteIpBlocks`, their `not` forms). ztunnel gets the entry without the latter, and matches more.

It says what is denied now. Pods with sidecars and gateways enforce the policy as written. Of rules and
entries of which nothing is left, `unenforced-deny` and `weakened-deny` speak.

## Why it matters

This fails closed: `ports: ["8080"]` beside `methods: [DELETE]` denies the whole port, and `principals`
beside `requestPrincipals` everything from these callers.

## How to fix it

Move the rule into a policy with `targetRefs` to the Services of the pods, or to the waypoint, and label
the Services or the namespace with `istio.io/use-waypoint`. A waypoint sees the ports of the Service where
ztunnel sees those of the pods.
"""

from collections.abc import Iterator

from meshlint import (
    Alternative,
    AuthorizationPolicy,
    Cause,
    Impact,
    Mesh,
    Problem,
    Severity,
    ZtunnelRule,
    check,
    kind,
)
from meshlint_checks.authorization._losses import losses, named
from meshlint_checks.authorization._remedy import split_for_waypoint
from meshlint_checks.authorization._scope import ambient_pods, explanation, quoted

_SAID = {
    "ports": "on port",
    "destinationIps": "to address",
    "principals": "from principal",
    "namespaces": "from namespace",
    "serviceAccounts": "from service account",
    "ipBlocks": "from address",
}


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
def broadened_deny(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find DENY rules that match more at ztunnel than is written."""
    scope = mesh.ambient_scope(policy)
    if policy.action != "DENY" or scope.is_empty:
        return
    for rule in mesh.ztunnel_rules(policy):
        widened = list(_widened(policy, rule, mesh))
        if not widened:
            continue
        (alternative, lost), *further = widened
        yield Problem(
            f"ztunnel cannot match {named(lost)} and denies more than is written: "
            f"all requests to {ambient_pods(policy, mesh)} {_matched(alternative, rule)}",
            at=lost[0].at,
            related=(
                *lost[1:],
                *(cause for _, causes in further for cause in causes),
                *explanation(policy, scope, mesh),
            ),
            fix=split_for_waypoint(policy, [rule.index], mesh),
        )


def _widened(
    policy: AuthorizationPolicy, rule: ZtunnelRule, mesh: Mesh
) -> Iterator[tuple[Alternative, tuple[Cause, ...]]]:
    """The alternatives that match more than is written, each with what it lost."""
    if rule.is_dead:
        return
    for clause in rule.clauses:
        for alternative in clause:
            lost = losses(policy, alternative.widened, mesh)
            if lost and not alternative.is_dead:
                yield alternative, lost


def _matched(alternative: Alternative, rule: ZtunnelRule) -> str:
    """What an alternative still matches, in words."""
    parts = [
        f"{_SAID[name]} {quoted(terms.values, 'or')}"
        for name, terms in alternative.terms.items()
        if terms.values
    ]
    parts.extend(
        f"not {_SAID[name]} {quoted(terms.not_values, 'or')}"
        for name, terms in alternative.terms.items()
        if terms.not_values
    )
    rest = " that match the rest of the rule" if len(rule.clauses) > 1 else ""
    return " ".join(parts) + rest
