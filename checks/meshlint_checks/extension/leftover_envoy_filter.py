"""
An EnvoyFilter without `targetRefs` is for ambient pods alone, and no proxy applies it.

## What it does

Finds an EnvoyFilter that attaches by a `workloadSelector`, or to all of its namespace, where all that it
covers is known to be ambient: there is no sidecar and no gateway. One in the root namespace is mostly for
gateways: of it this is a note, and only if it selects ambient pods.

It is silent where gateways may be missing from the manifests: the namespace is not told completely, or they
hold no pods of it, or a Gateway in it is of a class that is not among them.

## Why it matters

An EnvoyFilter patches Envoy. ztunnel is none, and from 1.27 a waypoint applies only filters that name it in
`targetRefs`. What the filter did for the sidecars is gone: limits, headers, checks. Nothing tells so.

## How to fix it

Delete it, if what it did is not needed, or say it by what a waypoint supports: an HTTPRoute, an
AuthorizationPolicy, a WasmPlugin with `targetRefs`. From 1.27 an EnvoyFilter can be attached to a waypoint
by `targetRefs` to the Gateway; its patches then need the context `SIDECAR_INBOUND` or `ANY`. EnvoyFilters
on waypoints are alpha.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Mesh, Problem, Severity, TargetedPolicy, check, kind
from meshlint_checks._pods import are_ambient, mesh_causes


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.ENVOY_FILTER,),
    reads=(
        kind.NAMESPACE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.SERVICE,
        kind.VALIDATING_WEBHOOK,
    ),
    istio=">=1.27",
    since="0.1.0",
)
def leftover_envoy_filter(envoy_filter: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find EnvoyFilters for pods that no Envoy serves."""
    coverage = mesh.coverage(envoy_filter)
    is_in_root = envoy_filter.namespace == mesh.root_namespace.value
    if not coverage.is_lost or (is_in_root and not envoy_filter.selector):
        return
    yield Problem(
        f"no proxy applies this EnvoyFilter: {are_ambient(coverage.ambient)}, "
        "ztunnel is no Envoy, and waypoints take only filters with 'targetRefs'",
        at=envoy_filter.at("spec", "workloadSelector"),
        related=mesh_causes(coverage.ambient, mesh, "covered"),
        fix=Fix("delete it, or attach it to a waypoint by 'targetRefs'"),
        severity=Severity.NOTE if is_in_root else Severity.WARNING,
    )
