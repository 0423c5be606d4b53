"""
A `waypoint-for` label has a value that Istio does not know, so nothing can use the waypoint.

## What it does

Looks at the label `istio.io/waypoint-for` of Gateways and GatewayClasses. Istio knows `service`,
`workload`, `all` and `none`, written exactly so. On a Gateway or class of Istio's that is no
waypoint the label does nothing, and the finding is a note.

## Why it matters

Nothing validates the value. istiod compares it with the kinds of traffic that an object needs, finds
no match, and binds nothing to the waypoint: it behaves as `none`. Traffic goes straight to the pods,
and every policy and route that the waypoint would enforce is skipped.

## How to fix it

Write `service` for calls by a Service's name, `workload` for calls to the addresses of pods, or
`all` for both. Without the label a waypoint is for `service`.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Gateway,
    GatewayClass,
    Impact,
    Mesh,
    Problem,
    Severity,
    check,
    keys,
    kind,
    nearest,
    replace_value,
    waypoint,
)
from meshlint_checks._malformed import is_no_scalar


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.GATEWAY, kind.GATEWAY_CLASS),
    reads=(kind.NAMESPACE, kind.SERVICE),
    istio=">=1.22",
    since="0.1.0",
)
def invalid_waypoint_for(subject: Gateway | GatewayClass, mesh: Mesh) -> Iterator[Problem]:
    """Find values of `waypoint-for` that Istio does not know."""
    value, at = subject.labels.get(keys.WAYPOINT_FOR), subject.label_at(keys.WAYPOINT_FOR)
    if value is None or value in waypoint.TRAFFIC_TYPES or is_no_scalar(at):
        return
    serves = _may_serve(subject, mesh)
    yield Problem(
        f"a waypoint cannot be for {value!r}: "
        + ("it behaves as 'none', and nothing can use it" if serves else "and this is no waypoint"),
        at=at,
        related=tuple(_users(subject, mesh)),
        fix=_correct(subject, value),
        severity=Severity.ERROR if serves else Severity.NOTE,
    )


def _may_serve(subject: Gateway | GatewayClass, mesh: Mesh) -> bool:
    if isinstance(subject, Gateway):
        return mesh.is_waypoint(subject).value is not False
    return waypoint.is_waypoint_class(subject) is not False


def _users(subject: Gateway | GatewayClass, mesh: Mesh) -> Iterator[Cause]:
    gateways = [subject] if isinstance(subject, Gateway) else mesh.gateways_of_class(subject)
    for gateway in gateways:
        if gateway is subject or keys.WAYPOINT_FOR not in gateway.labels:
            for edge in mesh.waypoint_users(gateway):
                user = edge.source
                yield Cause(f"{user.kind.name} {user.name!r} goes without a waypoint", edge.declared_at)


def _correct(subject: Gateway | GatewayClass, value: str) -> Fix:
    meant = nearest(value, waypoint.TRAFFIC_TYPES)
    if meant is None:
        return Fix("write 'service', 'workload' or 'all'")
    return Fix(f"write {meant!r}", replace_value(subject.label_at(keys.WAYPOINT_FOR), meant))
