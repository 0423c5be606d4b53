"""
A NetworkPolicy restricts the ports of ambient pods, and admits port 15008, which carries the traffic of all.

## What it does

Looks at the rules for ingress of every NetworkPolicy that selects ambient pods, and speaks of those that
name port 15008 beside other TCP ports. It is silent if an AuthorizationPolicy acts on each of these pods.

## Why it matters

Through port 15008 clients in the mesh reach every port of the pod: the tunnel ends in ztunnel, behind the
CNI. The other ports of the rule restrict clients outside of the mesh alone. Port 15008 has to be open; but
what the list of ports promised is now for an AuthorizationPolicy to say.

## How to fix it

Write an AuthorizationPolicy with `action: ALLOW` for these pods that names their `ports`, and who may call
them. ztunnel enforces both.
"""

from collections.abc import Iterator

from meshlint import (
    AuthorizationPolicy,
    Fix,
    Impact,
    Mesh,
    NetworkPolicy,
    PolicyRule,
    Problem,
    Severity,
    Workload,
    check,
    kind,
    waypoint,
)
from meshlint_checks._pods import mesh_causes, naming
from meshlint_checks.network_policy._wording import tcp_ports


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.EXPOSURE,
    subjects=(kind.NETWORK_POLICY,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.AUTHORIZATION_POLICY,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    since="0.1.0",
)
def moot_port_restriction(policy: NetworkPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find rules whose ports restrict nobody in the mesh."""
    for found in mesh.moot_ports(policy):
        open_to_all = [pods for pods in found.pods if not _is_guarded(pods, mesh)]
        if not open_to_all:
            continue
        yield Problem(
            f"port {waypoint.HBONE_PORT} carries the traffic for all ports of {naming(open_to_all)}: "
            f"clients in the mesh are not restricted to {_others(found.rule)}",
            at=policy.at(*found.rule.path, "ports", found.entry),
            related=mesh_causes(open_to_all, mesh, "selected"),
            fix=Fix("restrict the ports by an AuthorizationPolicy"),
        )


def _is_guarded(pods: Workload, mesh: Mesh) -> bool:
    return any(isinstance(policy, AuthorizationPolicy) for policy, _ in mesh.policies_at(pods))


def _others(rule: PolicyRule) -> str:
    """The ports of a rule but that of HBONE."""
    ports = tuple(entry for entry in rule.ports if entry.port != waypoint.HBONE_PORT)
    return tcp_ports(rule._replace(ports=ports))
