"""
A RequestAuthentication without `targetRefs` covers ambient pods, whose tokens nobody checks.

## What it does

Looks at every RequestAuthentication with `jwtRules` that attaches by a `selector`, or to all of its
namespace, and speaks if ambient pods are among those that it covers. In an ambient namespace of which the
manifests hold no pods, one without `selector` is for ambient pods too.

It is a warning if an ingress gateway checks the tokens by the same RequestAuthentication. It is silent
about pods for which a waypoint checks tokens of the same issuers, by another one with `targetRefs`.

## Why it matters

ztunnel does not read RequestAuthentications: it sees connections, not requests. And a waypoint acts only by
those that name it, or one of its Services, in `targetRefs`. So requests with forged or expired tokens are
let through, which a sidecar would have refused with 401. No status and no log tells so.

A rule of an AuthorizationPolicy that asks for `requestPrincipals` or `request.auth.claims` depends on this
check of tokens, and needs `targetRefs` as well.

## How to fix it

Have the Service use a waypoint (`istio.io/use-waypoint`), and write `targetRefs` to that Service, or to the
waypoint, in the place of `selector`. One policy has either `selector` or `targetRefs`: where sidecars are
covered too, they keep the old one, and the ambient pods get a second one.
"""

from collections.abc import Iterator

from meshlint import (
    EnforcementPoint,
    Impact,
    Mesh,
    Namespace,
    Problem,
    RequestAuthentication,
    Severity,
    Workload,
    check,
    kind,
)
from meshlint_checks._pods import mesh_causes, naming
from meshlint_checks.extension._targets import attach


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.REQUEST_AUTHENTICATION,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    since="0.1.0",
)
def unchecked_jwt(policy: RequestAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find RequestAuthentications for pods that no Envoy serves."""
    coverage = mesh.coverage(policy)
    unchecked = [pod for pod in coverage.ambient if not _is_checked(policy, pod, mesh)]
    if not policy.issuers or not unchecked:
        return
    yield Problem(
        f"nobody checks the tokens of requests to {naming(unchecked)}: "
        "ztunnel reads no RequestAuthentication, so that forged and expired ones get through",
        at=policy.at("spec", "selector"),
        related=mesh_causes(unchecked, mesh, "covered"),
        fix=attach(policy, coverage, mesh),
        severity=Severity.WARNING if _is_for_gateways(policy, mesh) else Severity.ERROR,
    )


def _is_checked(policy: RequestAuthentication, pod: Workload | Namespace, mesh: Mesh) -> bool:
    """Whether a waypoint checks the tokens of the same issuers."""
    others = mesh.at_waypoints_of(pod, kind.REQUEST_AUTHENTICATION)
    checked = {issuer for it in others if isinstance(it, RequestAuthentication) for issuer in it.issuers}
    return policy.issuers <= checked


def _is_for_gateways(policy: RequestAuthentication, mesh: Mesh) -> bool:
    return any(place.point is EnforcementPoint.GATEWAY for place in mesh.reach(policy).enforcements)
