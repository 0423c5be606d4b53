"""
A CUSTOM or AUDIT policy without `targetRefs` is for ambient pods, and ztunnel does not enforce it.

## What it does

Finds AuthorizationPolicies with action CUSTOM or AUDIT and a selector, or for a whole namespace or the
mesh, that are for ambient pods. AUDIT is a warning. Pods with sidecars and gateways enforce the policy
as written; they are shown beside the finding. Where a policy with `targetRefs` and the same rules is
enforced at the waypoint of all the pods, it is `leftover-selector-policy`.

## Why it matters

This fails open: istiod does not send the policy to ztunnel at all, and requests reach the pods without
the external authorizer being asked. The status says `ZtunnelAccepted=False`, reason `UnsupportedValue`,
and nothing else shows it.

## How to fix it

Have a waypoint enforce it: replace the selector by `targetRefs` to the Services of the pods, or to the
waypoint, and label the Services or the namespace with `istio.io/use-waypoint`. A waypoint sees the ports
of the Service where ztunnel sees those of the pods.
"""

from collections.abc import Iterator

from meshlint import AuthorizationPolicy, Impact, Mesh, Problem, Severity, check, kind
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
def unsupported_ztunnel_action(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find CUSTOM and AUDIT policies that are left to ztunnel."""
    scope = mesh.ambient_scope(policy)
    if policy.action not in ("CUSTOM", "AUDIT") or scope.is_empty:
        return
    is_custom = policy.action == "CUSTOM"
    yield Problem(
        f"ztunnel does not support the action {policy.action}: "
        f"requests to {ambient_pods(policy, mesh)} {_outcome(policy)}",
        at=policy.at("spec", "action"),
        related=tuple(explanation(policy, scope, mesh)),
        fix=enforce_at_waypoint(policy, mesh),
        severity=Severity.ERROR if is_custom else Severity.WARNING,
        impact=Impact.EXPOSURE if is_custom else Impact.INEFFECTIVE,
    )


def _outcome(policy: AuthorizationPolicy) -> str:
    if policy.action == "AUDIT":
        return "are not audited"
    by = f" {policy.provider!r}" if policy.provider else ""
    return f"pass without the external authorizer{by}"
