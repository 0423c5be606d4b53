"""
A label of a waypoint is copied to its own pods, and has ztunnel or a sidecar capture them.

## What it does

Looks at the labels that istiod copies to the pods of a waypoint: those of `spec.infrastructure`, or else
those of the Gateway. It speaks of `istio.io/dataplane-mode: ambient`, unless the annotation
`ambient.istio.io/waypoint-inbound-binding` says that the waypoint takes its traffic from ztunnel, and of
`sidecar.istio.io/inject: "true"`, where the labels of the namespace do not keep injection off.

## Why it matters

istiod labels the pods of a waypoint so that nothing captures them, and what the Gateway carries comes
last. Then ztunnel, or a sidecar, takes port 15008 of these pods, on which the waypoint itself waits for
HBONE: calls through it fail.

## How to fix it

Take the label away. Whether a waypoint's users are ambient is decided on their Namespaces and pods, not
on the Gateway.
"""

from collections.abc import Iterator

from meshlint import (
    Capture,
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Severity,
    check,
    delete_entry,
    kind,
    waypoint,
)

_INJECTION = tuple(set(kind.INSTALLATION) - {kind.DEPLOYMENT, kind.DAEMON_SET})
_BY = {Capture.ZTUNNEL: "ztunnel captures them", Capture.SIDECAR: "they get a sidecar"}


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.GATEWAY,),
    reads=(kind.GATEWAY_CLASS, kind.NAMESPACE, kind.SERVICE, *_INJECTION),
    istio=">=1.22",
    since="0.1.0",
)
def self_captured_waypoint(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    """Find waypoints that label their own pods into the mesh."""
    is_native = mesh.gateway_controller(gateway) in waypoint.WAYPOINT_CONTROLLERS
    if not is_native or not waypoint.is_managed(gateway):
        return
    for capture in mesh.self_captures(gateway):
        yield Problem(
            f"'{capture.key}: {capture.value}' goes to the pods of waypoint {gateway.name!r} too: "
            f"{_BY[capture.by]}, and calls through the waypoint fail",
            at=capture.at,
            related=tuple(_users(gateway, mesh)),
            fix=Fix(f"remove {capture.key!r}", delete_entry(capture.at)),
        )


def _users(gateway: Gateway, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.waypoint_users(gateway):
        yield Cause(f"{edge.source.kind.name} {edge.source.name!r} uses it", edge.declared_at)
