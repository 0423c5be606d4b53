"""
A Gateway or a policy uses a key of the first waypoints, which Istio no longer knows.

## What it does

Looks for two keys:

- The annotation `istio.io/for-service-account` on a Gateway, by which a waypoint was once for the pods of
  one service account. It went with Istio 1.22.
- The label `istio.io/gateway-name` in the selector of a policy. To 1.23 istiod put it on the pods of
  every Gateway. For a waypoint that is an error. For another gateway it is a warning: one that was
  deployed before 1.24 keeps the label when Istio is upgraded. If manifests give the label to pods, or to
  a Gateway, from which istiod copies it, nothing is said.

## Why it matters

Nothing refuses either. A waypoint is used by nobody for the sake of that annotation: traffic goes
straight to the pods, and every policy and route of the waypoint is skipped. A policy with that selector
selects no pod of a new gateway, so that whatever it denies is allowed.

## How to fix it

Label the pods of the service account `istio.io/use-waypoint`, and the Gateway `istio.io/waypoint-for:
workload`. Attach policies for a waypoint by `targetRefs`, since waypoints look at no selectors; for
another gateway select `gateway.networking.k8s.io/gateway-name`.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    RemovedKey,
    Resource,
    Severity,
    check,
    keys,
    kind,
    rename_key,
)

_DECIDES = (kind.GATEWAY, kind.AUTHORIZATION_POLICY, kind.REQUEST_AUTHENTICATION)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.GATEWAY, *kind.TARGETED_POLICIES),
    reads=(kind.GATEWAY_CLASS, *kind.WORKLOADS),
    istio=">=1.22",
    since="0.1.0",
)
def removed_waypoint_api(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find keys by which only older versions know waypoints."""
    for removed in mesh.removed_keys(subject):
        meant = _meant(removed, subject, mesh)
        is_waypoint = meant is not None and mesh.is_waypoint(meant).value
        yield Problem(
            _message(removed, subject),
            at=removed.at,
            related=(Cause(f"Gateway {meant.name!r} is here", meant.at()),) if meant else (),
            fix=_replace(removed, subject, is_waypoint=bool(is_waypoint), is_known=meant is not None),
            severity=_severity(removed, mesh, is_waypoint=bool(is_waypoint)),
            impact=Impact.EXPOSURE if subject.kind in _DECIDES else Impact.INEFFECTIVE,
        )


def _meant(removed: RemovedKey, subject: Resource, mesh: Mesh) -> Gateway | None:
    """The Gateway that a selector is for."""
    if subject.kind == kind.GATEWAY:
        return None
    beside = mesh.gateways_in(subject.namespace)
    return next((gateway for gateway in beside if gateway.name == removed.value), None)


def _message(removed: RemovedKey, subject: Resource) -> str:
    if subject.kind == kind.GATEWAY:
        return (
            f"annotation {removed.key!r} does nothing from Istio 1.22 on: "
            f"no pod of service account {removed.value!r} uses this waypoint for it"
        )
    return (
        f"from Istio 1.24 on istiod labels no gateway {removed.key!r}: "
        f"{subject.kind.name} {subject.name!r} selects no pod of {removed.value!r}"
    )


def _replace(removed: RemovedKey, subject: Resource, *, is_waypoint: bool, is_known: bool) -> Fix:
    if subject.kind == kind.GATEWAY:
        return Fix(
            f"label the pods '{keys.USE_WAYPOINT}: {subject.name}', and this '{keys.WAYPOINT_FOR}: workload'"
        )
    target = f"'targetRefs: [{{group: {kind.GATEWAY.group}, kind: Gateway, name: {removed.value}}}]'"
    if is_waypoint:
        return Fix(f"use {target} in place of the selector")
    if is_known:
        return Fix(f"select {keys.GATEWAY_NAME!r}", rename_key(removed.at, keys.GATEWAY_NAME))
    return Fix(f"use {target} for a waypoint, or select {keys.GATEWAY_NAME!r} for another gateway")


def _severity(removed: RemovedKey, mesh: Mesh, *, is_waypoint: bool) -> Severity:
    is_certain = removed.key == keys.FOR_SERVICE_ACCOUNT or (is_waypoint and mesh.version_known)
    return Severity.ERROR if is_certain else Severity.WARNING
