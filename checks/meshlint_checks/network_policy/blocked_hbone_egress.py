"""
NetworkPolicies let ambient pods out to application ports, but not to port 15008, to which ztunnel sends.

## What it does

Looks at the rules for egress of every NetworkPolicy that selects ambient pods. It speaks of rules for
single TCP ports, where no rule of any NetworkPolicy lets these pods out to port 15008.

It is a warning if ambient pods or waypoints are among those that the rule is about, and a note if that is
not known, or if the namespace is not told completely: another NetworkPolicy may let them out. It is silent
about rules for addresses and for DNS, about rules without `to` for the ports 443 and 6443, which mostly
lead out of the mesh, and about those for pods that are surely in no mesh.

## Why it matters

ztunnel sends what an ambient pod sends to another through a tunnel, from the pod's own network namespace to
port 15008 of the other pod or of its waypoint. The CNI sees that port, and not the one of the application.
A rule that was right before drops every call to pods in the mesh. Istio's documentation speaks of ingress
alone; that it is so for egress follows from where ztunnel's sockets are.

## How to fix it

Add port 15008 (TCP) to the rule. Where the Service that is called has a waypoint, the waypoint's pods have
to be among those that `to` is about.
"""

from collections.abc import Iterator

from meshlint import (
    Fix,
    HboneGap,
    Impact,
    Mesh,
    NetworkPolicy,
    Problem,
    Severity,
    append_item,
    check,
    kind,
    waypoint,
)
from meshlint_checks._pods import mesh_causes, naming
from meshlint_checks.network_policy._wording import tcp_ports


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=(kind.NETWORK_POLICY,),
    reads=(kind.NAMESPACE, kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def blocked_hbone_egress(policy: NetworkPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find rules that let ambient pods out to the wrong port."""
    is_closed = mesh.is_closed(policy.namespace, kind.NETWORK_POLICY)
    for gap in mesh.egress_gaps(policy):
        if gap.is_for_mesh is False:
            continue
        ports = policy.at(*gap.rule.path, "ports")
        yield Problem(
            f"this rule lets {naming(gap.pods)} out only to {tcp_ports(gap.rule)}: "
            f"{_effect(gap, is_closed=is_closed)}",
            at=ports,
            related=mesh_causes(gap.pods, mesh, "selected"),
            fix=Fix(
                f"let them out to port {waypoint.HBONE_PORT} too",
                append_item(ports, {"port": waypoint.HBONE_PORT, "protocol": "TCP"}),
            ),
            severity=Severity.WARNING if is_closed and gap.is_for_mesh else Severity.NOTE,
        )


def _effect(gap: HboneGap, *, is_closed: bool) -> str:
    go = f"calls go to port {waypoint.HBONE_PORT} and are dropped"
    if not gap.is_for_mesh:
        return f"if the other end is in the mesh, {go}"
    return go if is_closed else f"{go}, unless another NetworkPolicy lets them out"
