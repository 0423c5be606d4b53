"""
NetworkPolicies admit clients to pods behind a waypoint, but not the waypoint, from which the calls come.

## What it does

Looks at the ambient pods of every Service that is bound to a waypoint. It speaks where NetworkPolicies
admit some pods to port 15008 of these, and none of their rules admits the pods of the waypoint. It says so
at the first rule that admits somebody to port 15008.

If another NetworkPolicy may be missing, since the namespace is not told completely, it is a note.

## Why it matters

Calls to the Service go to the waypoint, and the waypoint calls the pods: with its own address and identity,
on port 15008. A rule that admits the clients by their labels admits nobody who comes. Every call to the
Service is dropped, and the waypoint answers with 503. Calls to the addresses of pods still arrive, which
makes it hard to see.

## How to fix it

Add the waypoint's pods to the rule, by the label `gateway.networking.k8s.io/gateway-name`, and with a
`namespaceSelector` if the waypoint is in another namespace. Keep the clients only if they also call the
pods by their own addresses: what they may call through the waypoint is for an AuthorizationPolicy to say.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    NetworkPolicy,
    Problem,
    Severity,
    UnadmittedWaypoint,
    append_item,
    check,
    keys,
    kind,
)
from meshlint_checks._pods import mesh_causes


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
def blocked_waypoint_traffic(policy: NetworkPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find rules that admit clients of a Service, and not its waypoint."""
    first: dict[object, UnadmittedWaypoint] = {}
    for found in mesh.unadmitted_waypoints(policy):
        first.setdefault((found.waypoint, found.rule.path), found)
    for found in first.values():
        yield _problem(policy, found, mesh)


def _problem(policy: NetworkPolicy, found: UnadmittedWaypoint, mesh: Mesh) -> Problem:
    name, is_closed = found.waypoint.name, mesh.is_closed(policy.namespace, kind.NETWORK_POLICY)
    unless = "" if is_closed else ", unless another NetworkPolicy admits it"
    peers = policy.at(*found.rule.path, "from")
    bound = mesh.waypoint_binding(found.service)
    return Problem(
        f"this rule does not admit waypoint {name!r}: calls to Service {found.service.name!r} come "
        f"from its pods and are dropped{unless}",
        at=peers,
        related=(
            *mesh_causes([found.workload], mesh, "selected"),
            Cause(f"Service {found.service.name!r} is called through the waypoint", found.service.at()),
            *bound.because,
        ),
        fix=Fix(f"admit the pods of waypoint {name!r}", append_item(peers, _peer(policy, found.waypoint))),
        severity=Severity.ERROR if is_closed else Severity.NOTE,
    )


def _peer(policy: NetworkPolicy, waypoint: Gateway) -> dict[str, dict[str, dict[str, str]]]:
    """The pods of a waypoint, as a peer of a rule."""
    pods = {"podSelector": {"matchLabels": {keys.GATEWAY_NAME: waypoint.name}}}
    if waypoint.namespace is None or waypoint.namespace == policy.namespace:
        return pods
    place = {"matchLabels": {"kubernetes.io/metadata.name": waypoint.namespace}}
    return {"namespaceSelector": place, **pods}
