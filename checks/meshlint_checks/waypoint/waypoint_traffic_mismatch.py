"""
A `use-waypoint` label names a waypoint that is for another kind of traffic.

## What it does

Compares each `istio.io/use-waypoint` label with the `istio.io/waypoint-for` of the waypoint: the
Gateway's label, else that of its GatewayClass, else `service`. A label on a Service or ServiceEntry
needs a waypoint for `service` or `all`; one on a pod template, a WorkloadEntry or the endpoint of a
ServiceEntry needs one for `workload` or `all`.

A mismatch is an error. On a Namespace it is a warning, if some Service there can rely on the label;
a waypoint for `none` is a documented way to try things out, and there a note. What pods
inherit from their namespace is not meant for them, and is no finding.

## Why it matters

istiod does not bind the object: traffic goes straight to the pods, and every policy and route that
the waypoint would enforce is skipped. For a Service it writes `istio.io/WaypointBound=False`, reason
`UnsupportedTrafficType` (1.24 and newer, for a WorkloadEntry 1.30); for a pod no status tells.

## How to fix it

Make the waypoint one for `all`, or label what it is for: Services for calls by a Service's name,
pods for calls to their addresses.
"""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    WaypointBinding,
    check,
    keys,
    kind,
    replace_value,
    waypoint,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WAYPOINT_RULES),
    istio=">=1.22",
    since="0.1.0",
)
def waypoint_traffic_mismatch(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels on what the waypoint is not for."""
    for binding in mesh.waypoint_requests(subject):
        gateway, at = binding.gateway, binding.asked_at
        if binding.state is not BindingState.UNSUPPORTED_TRAFFIC_TYPE or gateway is None or at is None:
            continue
        if mesh.is_waypoint(gateway).value is False or _is_moot(subject, mesh):
            continue
        traffic = mesh.traffic_type(gateway).value
        yield Problem(
            f"waypoint {gateway.name!r} is for {traffic!r} traffic: {_consequence(binding, subject)}",
            at=at,
            related=(*binding.because[1:], *_relying(subject, mesh), *mesh.hanging_policies(binding)),
            fix=_widen(gateway, binding, traffic),
            severity=_severity(subject, traffic),
        )


def _is_moot(subject: Resource, mesh: Mesh) -> bool:
    """Whether the label is a Namespace's, and certainly no Service relies on it."""
    if subject.kind != kind.NAMESPACE or not mesh.is_closed(subject.name):
        return False
    return not any(_relying(subject, mesh))


def _relying(subject: Resource, mesh: Mesh) -> Iterator[Cause]:
    """What relies on the label of a Namespace."""
    if subject.kind != kind.NAMESPACE:
        return
    for member in mesh.members(subject, kind.SERVICE, kind.SERVICE_ENTRY):
        if mesh.waypoint_binding(member).asked_by is subject:
            yield Cause(f"{member.kind.name} {member.name!r} relies on it", member.at())


def _consequence(binding: WaypointBinding, subject: Resource) -> str:
    if subject.kind == kind.NAMESPACE:
        return f"calls to the Services of namespace {subject.name!r} go straight to the pods"
    if binding.traffic == waypoint.SERVICE_TRAFFIC:
        return f"calls to this {subject.kind.name} go straight to the pods and L7 policies are skipped"
    unseen = ", and no status tells" if subject.kind in kind.WORKLOADS else ""
    return f"calls to a workload's address go straight to it and L7 policies are skipped{unseen}"


def _widen(gateway: Gateway, binding: WaypointBinding, traffic: str | None) -> Fix:
    needed = "service" if binding.traffic == waypoint.SERVICE_TRAFFIC else "workload"
    wider = "all" if traffic in ("service", "workload") else needed
    written = keys.WAYPOINT_FOR in gateway.labels
    edits = replace_value(gateway.label_at(keys.WAYPOINT_FOR), wider) if written else ()
    return Fix(f"label Gateway {gateway.name!r} '{keys.WAYPOINT_FOR}: {wider}'", edits)


def _severity(subject: Resource, traffic: str | None) -> Severity:
    if subject.kind != kind.NAMESPACE:
        return Severity.ERROR
    return Severity.NOTE if traffic == "none" else Severity.WARNING
