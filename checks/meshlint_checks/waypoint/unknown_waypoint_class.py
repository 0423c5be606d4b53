"""
The class of a Gateway is a slip of a waypoint's, so that no controller deploys it.

## What it does

Looks for a `gatewayClassName` that is one or two slips away from a class of Istio's waypoints
(`istio-waypoint`, `istio-agentgateway-waypoint`), and neither a class of Istio's own nor a GatewayClass
of the set. Where the set is complete it is an error; else somebody may have made that class, and it is a
warning.

## Why it matters

No controller knows the class. The Gateway is taken by the API server and stays without status, address
and pods. To the objects that name it there is no waypoint, and ambient mode fails open: traffic goes
straight to the pods, and every policy and route of the waypoint is skipped.

## How to fix it

Write the class that is meant. If the class is made elsewhere, show its manifest with `--context`.
"""

from collections.abc import Iterator

from meshlint import Cause, Fix, Gateway, Impact, Mesh, Problem, Severity, check, kind, replace_value


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.GATEWAY,),
    reads=(kind.GATEWAY_CLASS, kind.NAMESPACE, kind.SERVICE),
    istio="all",
    since="0.1.0",
)
def unknown_waypoint_class(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    """Find Gateways whose class is nearly one of waypoints."""
    meant = mesh.meant_class(gateway)
    if meant is None:
        return
    at = gateway.at("spec", "gatewayClassName")
    yield Problem(
        f"no controller is known for class {gateway.class_name!r}: "
        "nobody deploys this waypoint, and traffic goes straight to the pods",
        at=at,
        related=tuple(_users(gateway, mesh)),
        fix=Fix(f"use class {meant!r}", replace_value(at, meant)),
        severity=Severity.ERROR if mesh.is_complete else Severity.WARNING,
    )


def _users(gateway: Gateway, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.waypoint_users(gateway):
        user = edge.source
        yield Cause(f"{user.kind.name} {user.name!r} goes without a waypoint", edge.declared_at)
