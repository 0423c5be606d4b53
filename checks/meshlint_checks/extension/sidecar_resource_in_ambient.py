"""
A Sidecar resource covers only ambient pods, which have no sidecar to configure.

## What it does

Looks at every Sidecar (`networking.istio.io`), with a `workloadSelector` or for all of its namespace, and
speaks where the pods that it covers are known to be ambient, and none of them has a sidecar. In an ambient
namespace of which the manifests hold no pods, one without selector is for ambient pods too.

It is silent about a Sidecar of which some pods run a sidecar, or may run one.

## Why it matters

A Sidecar limits what a sidecar proxy knows and where it lets its pod connect to. ztunnel does not read it,
and a waypoint has a scope of its own. An `egress` list of hosts hides nothing from ambient pods, and
`outboundTrafficPolicy: REGISTRY_ONLY` holds nothing back: the pods reach whatever the network lets them
reach. `istioctl analyze` says the same on a cluster (IST0167).

## How to fix it

Delete it. Where it kept pods from connecting to something, write a NetworkPolicy for egress, or send that
traffic through a waypoint with a ServiceEntry and an AuthorizationPolicy.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Mesh, Problem, Severity, Sidecar, check, kind
from meshlint_checks._pods import are_ambient, mesh_causes


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.SIDECAR,),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def sidecar_resource_in_ambient(sidecar: Sidecar, mesh: Mesh) -> Iterator[Problem]:
    """Find Sidecars for pods that have none."""
    coverage = mesh.coverage(sidecar)
    if not coverage.is_lost:
        return
    yield Problem(
        f"this Sidecar does nothing: {are_ambient(coverage.ambient)}, and only sidecars read it",
        at=sidecar.at(),
        related=mesh_causes(coverage.ambient, mesh, "covered"),
        fix=Fix("delete it"),
    )
