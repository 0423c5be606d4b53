"""
NetworkPolicies admit application ports to ambient pods, but not port 15008, where the mesh's traffic arrives.

## What it does

Looks at the rules for ingress of every NetworkPolicy that selects ambient pods or a waypoint. It speaks of
rules that admit clients to single TCP ports, where no rule of any NetworkPolicy admits anybody to port
15008 of these pods.

This is an error if clients in the mesh are among those that the rule admits. It is a note if that is not
known, and if the namespace is not told completely: another NetworkPolicy may admit port 15008. A rule
without `from` admits the mesh too, unless it looks to be for others: for the API server, to the port of a
webhook, or for clients outside of the cluster, by a Service of type LoadBalancer or NodePort.

It is silent where nobody is let in, where only addresses are, and about rules for clients that are surely
in no mesh, such as a scraper of metrics.

## Why it matters

ztunnel wraps all TCP traffic between ambient pods into HBONE, to port 15008 of the pod. That is what the
CNI sees: the port of the application appears nowhere outside of the tunnel. A NetworkPolicy that was right
before the pod joined the mesh now drops every call from ambient clients, waypoints and ingress gateways.
Clients see connections that time out.

## How to fix it

Add port 15008 (TCP) to the rule. It carries the traffic for all ports of the pod, so from then on the rule
admits its clients to all of them: which ports they may use is for an AuthorizationPolicy to say.

Keep the port of the application in the rule as long as clients outside of the mesh use it. If the pods are
behind a waypoint, it is the waypoint's pods that have to be admitted to 15008.
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
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.NETWORK_POLICY,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def blocked_hbone_ingress(policy: NetworkPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find rules that admit clients in the mesh to the wrong port."""
    is_closed = mesh.is_closed(policy.namespace, kind.NETWORK_POLICY)
    for gap in mesh.ingress_gaps(policy):
        if gap.is_for_mesh is False:
            continue
        yield Problem(
            f"this rule admits only {tcp_ports(gap.rule)}: {_effect(gap, is_closed=is_closed)}",
            at=policy.at(*gap.rule.path, "ports"),
            related=mesh_causes(gap.pods, mesh, "selected"),
            fix=_admit_hbone(policy, gap),
            severity=Severity.ERROR if is_closed and gap.is_for_mesh else Severity.NOTE,
        )


def _effect(gap: HboneGap, *, is_closed: bool) -> str:
    arrive = f"to {naming(gap.pods)} arrive on {waypoint.HBONE_PORT} and are dropped"
    if not gap.is_for_mesh:
        return f"if these clients are in the mesh, their calls {arrive}"
    unless = "" if is_closed else ", unless another NetworkPolicy admits them"
    return f"calls from the mesh {arrive}{unless}"


def _admit_hbone(policy: NetworkPolicy, gap: HboneGap) -> Fix:
    ports = policy.at(*gap.rule.path, "ports")
    edits = append_item(ports, {"port": waypoint.HBONE_PORT, "protocol": "TCP"})
    return Fix(f"admit port {waypoint.HBONE_PORT} too, which opens all ports to clients in the mesh", edits)
