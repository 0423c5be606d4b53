"""
A Telemetry selects only ambient pods, or targets a GatewayClass, and no proxy acts by it.

## What it does

Speaks of a Telemetry with a `selector` that covers ambient pods alone, and of one with a GatewayClass among
its `targetRefs` if waypoints are in other namespaces than the Telemetry.

A Telemetry without `selector` and `targetRefs` is no finding: waypoints act by those of their namespace, of
the root namespace and, from 1.30.3, of the namespaces of their Services.

## Why it matters

ztunnel reads no Telemetry, and a waypoint (1.24 and newer) looks neither at a `selector` nor at other
namespaces: `targetRefs` count if the Telemetry is in the namespace of the waypoint or, from 1.30.3, of the
Service. So one in the root namespace for GatewayClass `istio-waypoint` is read by the waypoints of the root
namespace, if there are any, though the API's documentation allows it. Metrics, traces and access logs stay
as they were, and no status tells why.

## How to fix it

For a `selector`: have the Service use a waypoint, and write `targetRefs` to it in the place of `selector`.
ztunnel's own metrics and access logs are configured at its installation.

For a GatewayClass: remove `targetRefs`, so that it is for all proxies, or write one Telemetry beside each
waypoint that targets the Gateway.
"""

from collections.abc import Iterator

from meshlint import Cause, Fix, Gateway, Impact, Mesh, Problem, Severity, TargetedPolicy, check, kind
from meshlint_checks._pods import are_ambient, mesh_causes
from meshlint_checks.extension._targets import attach

_SHOWN = 3  # The others are there for the same reason.


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.TELEMETRY,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    istio=">=1.24",
    since="0.1.0",
)
def unattached_telemetry(telemetry: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find Telemetries that select ambient pods, or name a class of waypoints that do not look for them."""
    coverage = mesh.coverage(telemetry)
    if telemetry.selector and coverage.is_lost:
        yield Problem(
            f"this Telemetry does nothing: {are_ambient(coverage.ambient)}, "
            "ztunnel reads no Telemetry, and waypoints ignore a 'selector'",
            at=telemetry.at("spec", "selector"),
            related=mesh_causes(coverage.ambient, mesh, "covered"),
            fix=attach(telemetry, coverage, mesh),
        )
    yield from _for_classes(telemetry, mesh)


def _for_classes(telemetry: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """What is wrong with targets of kind GatewayClass."""
    for target in telemetry.targets:
        if target.kind != kind.GATEWAY_CLASS or target.name != "istio-waypoint":
            continue
        missed = [gateway for gateway in mesh.waypoints() if _is_elsewhere(gateway, telemetry)]
        if missed:
            yield Problem(
                f"waypoints outside of namespace {telemetry.namespace!r} do not see this Telemetry: "
                "its target GatewayClass counts for those beside it alone",
                at=telemetry.at(*target.path, "name"),
                related=tuple(_missed(gateway) for gateway in missed[:_SHOWN]),
                fix=Fix("remove 'targetRefs', or write one Telemetry beside each waypoint for its Gateway"),
            )


def _is_elsewhere(gateway: Gateway, telemetry: TargetedPolicy) -> bool:
    return None not in (gateway.namespace, telemetry.namespace) and gateway.namespace != telemetry.namespace


def _missed(gateway: Gateway) -> Cause:
    return Cause(f"waypoint {gateway.name!r} of namespace {gateway.namespace!r} is one", gateway.at())
