"""
A VirtualService is for a Service that has no working waypoint, so ambient clients do not follow it.

## What it does

Looks at VirtualServices that are for the mesh (without `gateways`, or with `mesh` among them). It speaks
where a host is that of a Service with ambient pods (or of a ServiceEntry that ambient clients call), and the
manifests show that no waypoint takes the calls to it: no label asks for one, a label opts out, or the Service
has no virtual IP.

It is a note where some pods of the set have sidecars: those follow VirtualServices without a waypoint. Rules
for gateways alone are no finding. Where a label asks for a waypoint in vain, the finding about that label
shows the VirtualService instead; so does the finding about a waypoint that nothing uses.

## Why it matters

In ambient mode the client's proxy is ztunnel, which knows no VirtualServices. Without a waypoint, calls go
straight to the pods: no split between versions, no retries, timeouts, faults or header changes. Nothing
refuses the object, and no status tells.

## How to fix it

Label the Service, or its Namespace, with `istio.io/use-waypoint`. At a waypoint VirtualServices are alpha:
for new rules, prefer an HTTPRoute with the Service as its parent. Or delete the VirtualService, if it is left
from the time of sidecars.
"""

from collections.abc import Iterator

from meshlint import (
    Bypass,
    Cause,
    Impact,
    Location,
    Mesh,
    Problem,
    Severity,
    TrafficEffect,
    VirtualService,
    check,
    kind,
)
from meshlint_checks.routing._bypass import causes, remedy, sidecars


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.VIRTUAL_SERVICE,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        kind.WORKLOAD_ENTRY,
        *kind.WORKLOADS,
        *kind.WAYPOINT_RULES,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def virtual_service_without_waypoint(rule: VirtualService, mesh: Mesh) -> Iterator[Problem]:
    """Find VirtualServices for hosts that no waypoint stands in front of."""
    lost = list(_lost_hosts(rule, mesh))
    if not lost:
        return
    (at, bypass), *more = lost
    others = sidecars(mesh)
    only = ", only those with sidecars do" if others else ""
    yield Problem(
        f"{bypass.reason}: ambient clients do not follow this VirtualService{only}",
        at=at,
        related=(
            *causes(bypass, at, mesh),
            *(Cause(also.reason, place) for place, also in more),
            *others,
        ),
        fix=remedy(bypass, rule, mesh),
        severity=Severity.NOTE if others else Severity.WARNING,
    )


def _lost_hosts(rule: VirtualService, mesh: Mesh) -> Iterator[tuple[Location, Bypass]]:
    """The hosts for which nothing acts, each with a Service that has no waypoint."""
    for index, host in enumerate(mesh.virtual_service_effect(rule)):
        if host.effect is TrafficEffect.NOWHERE:
            found = (mesh.bypass(service) for service in host.services)
            bypass = next((one for one in found if one is not None), None)
            if bypass is not None:
                yield rule.at("spec", "hosts", index), bypass
