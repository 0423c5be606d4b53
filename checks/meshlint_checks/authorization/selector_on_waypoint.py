"""
A policy selects the pods of a waypoint by their labels, which no waypoint looks at.

## What it does

Looks at policies without `targetRefs` whose selector asks for a label that Istio gives to the pods
of Gateways: `gateway.networking.k8s.io/gateway-name`,
`gateway.networking.k8s.io/gateway-class-name` or `gateway.istio.io/managed`. It speaks if the
Gateway is a waypoint of the set, or the label itself says that it is for waypoints (class
`istio-waypoint`).

It is silent where the selector matches an ordinary Gateway as well: those honour selectors. For a
Telemetry it is a note, for an EnvoyFilter a warning: up to Istio 1.26 waypoints took those by their
selector.

## Why it matters

A waypoint takes policies by their targets alone, and ztunnel does not capture the pods of
waypoints. So nobody enforces such a policy: what it denies is allowed, and tokens are not checked.
Nothing refuses it, and for an AuthorizationPolicy istiod even writes `ZtunnelAccepted=True` into
the status.

## How to fix it

Write `targetRefs` instead of the selector, to the Gateway of the waypoint, or to the Services for
which the policy is. The policy has to be in the namespace of what it targets.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Edit,
    Fix,
    Impact,
    Mesh,
    Problem,
    Severity,
    TargetedPolicy,
    WaypointSelection,
    check,
    kind,
    replace_entry,
)
from meshlint_checks.authorization._unenforced import as_grave_as, impact_of


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.TARGETED_POLICIES,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.MESH_CONFIG_HOLDERS),
    istio=">=1.22",
    since="0.1.0",
)
def selector_on_waypoint(subject: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find selectors for the pods of waypoints."""
    selection = mesh.waypoint_selection(subject)
    if selection is None:
        return
    is_telemetry = subject.kind == kind.TELEMETRY
    yield Problem(
        f"waypoints do not look at selectors: nobody enforces the policy {_where(selection)}",
        at=selection.at,
        related=tuple(Cause(f"waypoint {it.name!r} is here", it.at()) for it in selection.waypoints),
        fix=_target(subject, selection),
        severity=Severity.NOTE if is_telemetry else as_grave_as(subject, Severity.ERROR),
        impact=impact_of(subject),
    )


def _where(selection: WaypointSelection) -> str:
    match selection.waypoints:
        case []:
            return "at any of them"
        case [only]:
            return f"at waypoint {only.name!r}"
        case several:
            return f"at the {len(several)} waypoints that it selects"


def _target(subject: TargetedPolicy, selection: WaypointSelection) -> Fix:
    match selection.waypoints:
        case [only] if only.namespace == subject.namespace:
            return Fix(f"target Gateway {only.name!r} instead", _in_place_of_selector(subject, only.name))
        case [only]:
            return Fix(f"target Gateway {only.name!r} instead, in namespace {only.namespace!r}")
        case _:
            return Fix("target their Gateways instead, each in its own namespace")


def _in_place_of_selector(subject: TargetedPolicy, name: str) -> tuple[Edit, ...]:
    selector = "workloadSelector" if subject.kind == kind.ENVOY_FILTER else "selector"
    target = {"group": kind.GATEWAY.group, "kind": kind.GATEWAY.name, "name": name}
    return replace_entry(subject.at("spec", selector), "targetRefs", [target])
