"""
istiod has written into the status of an object that it does not do in ambient mode what it asks for.

## What it does

Looks at objects that were read from a cluster, by `--cluster` or as a dump, and finds among the
conditions that istiod writes about ambient mode:

- `istio.io/WaypointBound` that is false, or true with words about a canary waypoint that is not attached,
  and `istio.io/WaypointMissing`, on Services, ServiceEntries and WorkloadEntries;
- `WaypointAccepted` and `ZtunnelAccepted` that are false, or tell that only part of an
  AuthorizationPolicy is enforced;
- `Programmed` or `Accepted` of a waypoint, or of its listener, that is not true;
- routes for a Service that no ambient client follows, or that match nothing of it.

A status in a manifest counts for nothing, nor does what was written about an older generation of the
object. Where a Service only waits for a waypoint that is not ready, this is said of the waypoint. And where
another check knows the line that is to blame, that check speaks, unless all that it has is a supposition.

## Why it matters

It is what is the case, not what would be: istiod has seen the object, and traffic goes past the waypoint, or
a policy is not enforced. Nothing but the status says so. Policies that ztunnel enforces without their HTTP
rules deny more than they say, if they are ALLOW policies.

## How to fix it

The message ends in istiod's own words. For a waypoint that is not ready, look at the Deployment of its name,
and at the revision that is to deploy it (`istio.io/rev`). `meshlint describe` shows what decides about an
object.
"""

from collections.abc import Iterator

from meshlint import (
    AuthorizationPolicy,
    BindingState,
    Cause,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    WrittenCondition,
    check,
    kind,
)

_LONGEST_WORDS = 200
_UNFOLLOWED = "use-waypoint label missing"
_WITHOUT_CANARY = "Canary waypoint not attached"


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.WORKLOAD_ENTRY,
        kind.GATEWAY,
        kind.AUTHORIZATION_POLICY,
        *kind.ROUTES,
    ),
    reads=(kind.NAMESPACE, kind.GATEWAY_CLASS),
    istio=">=1.24",
    since="0.1.0",
)
def failed_status_condition(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find conditions by which istiod says no."""
    for condition in mesh.written_conditions(subject):
        complaint = _complaint(subject, condition, mesh)
        if complaint is None or _waits_for_waypoint(subject, condition, mesh):
            continue
        words = " ".join(condition.message.split())[:_LONGEST_WORDS]
        reason = f"{condition.reason}: {words}" if words else condition.reason
        yield Problem(
            f"{subject.kind.name} {subject.name!r} {complaint}: istiod says {reason}",
            at=condition.at,
            related=tuple(_explanations(subject, condition, mesh)),
            impact=_impact(subject, condition),
        )


def _complaint(subject: Resource, condition: WrittenCondition, mesh: Mesh) -> str | None:
    """What a condition has to say against an object; None if nothing."""
    if isinstance(subject, Gateway):
        return _against_waypoint(condition) if mesh.is_waypoint(subject).value else None
    if isinstance(subject, AuthorizationPolicy):
        return _against_policy(condition)
    return _against_route(condition) if subject.kind in kind.ROUTES else _against_binding(condition)


def _against_waypoint(condition: WrittenCondition) -> str | None:
    return None if condition.status == "True" else f"is a waypoint that is not {condition.type.lower()}"


def _against_policy(condition: WrittenCondition) -> str | None:
    match condition.type, condition.status, condition.reason:
        case "WaypointAccepted", "True", "PartiallyInvalid":
            return "is enforced for some of its targets only"
        case "ZtunnelAccepted", "True", "UnsupportedValue":
            return "is not enforced by ztunnel as it is written"
        case "WaypointAccepted", "False", _:
            return "is enforced at no waypoint"
        case "ZtunnelAccepted", "False", _:
            return "is not enforced by ztunnel"
        case _:
            return None


def _against_route(condition: WrittenCondition) -> str | None:
    match condition.type, condition.status, condition.reason:
        case "ResolvedWaypoints", _, _ if _UNFOLLOWED in condition.message:
            return "is not followed by ambient clients"
        case "Accepted", "False", "NoMatchingParent":
            return "matches nothing of its parent"
        case _:
            return None


def _against_binding(condition: WrittenCondition) -> str | None:
    match condition.type, condition.status:
        case "istio.io/WaypointBound", "False":
            return "does not get the waypoint that it asks for"
        case "istio.io/WaypointBound", "True" if _WITHOUT_CANARY in condition.message:
            return "does not get the canary waypoint that it asks for"
        case "istio.io/WaypointMissing", "True":
            return "does nothing without a waypoint, and has none"
        case _:
            return None


def _waits_for_waypoint(subject: Resource, condition: WrittenCondition, mesh: Mesh) -> bool:
    """Whether a Service has no waypoint only because one is not ready, of which that is said itself."""
    if condition.reason != BindingState.NOT_READY.value:
        return False
    gateway = mesh.waypoint_binding(subject).gateway
    if gateway is None:
        return False
    return any(_complaint(gateway, of_gateway, mesh) for of_gateway in mesh.written_conditions(gateway))


def _explanations(subject: Resource, condition: WrittenCondition, mesh: Mesh) -> Iterator[Cause]:
    if condition.type.startswith("istio.io/Waypoint"):
        yield from mesh.waypoint_binding(subject).because
    else:
        yield Cause(f"{subject.kind.name} {subject.name!r} is here", subject.at())


def _impact(subject: Resource, condition: WrittenCondition) -> Impact | None:
    loses_rules = condition.type == "ZtunnelAccepted" and condition.status == "True"
    is_allow = isinstance(subject, AuthorizationPolicy) and subject.action == "ALLOW"
    return Impact.OUTAGE if loses_rules and is_allow else None
