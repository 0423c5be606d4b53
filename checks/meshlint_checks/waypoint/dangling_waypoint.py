"""
A `use-waypoint` label names a waypoint that does not exist.

## What it does

Looks at every `istio.io/use-waypoint` label that Istio reads: on a Namespace, a Service, a
ServiceEntry and its endpoints, a WorkloadEntry, a pod template. It speaks where the set holds no
Gateway of that name in that namespace.

If the namespace is told completely by the manifests (its Namespace object is among them, or they
are a dump of the cluster), this is an error. Waypoints are also made by hand, with
`istioctl waypoint apply`: where the set holds no waypoint at all it is a warning. If other
manifests may hold the Gateway it is a note, or a warning if a Gateway with nearly that name is
there.

## Why it matters

Ambient mode fails open: traffic goes straight to the pods, and every policy and route that the
waypoint would enforce is skipped. Nothing refuses the label. istiod writes
`istio.io/WaypointBound=False`, reason `WaypointIsNotReady`, into the status of a Service, and
nothing at all into that of a Pod. There is no fall-back: a label on a Service hides a good one on
its namespace.

## How to fix it

Correct the name, deploy the Gateway (class `istio-waypoint`), or write `none` to say that no
waypoint is wanted. If the waypoint is made elsewhere, show its manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    WaypointBinding,
    check,
    kind,
    nearest,
    replace_value,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.WORKLOAD_ENTRY,
        *kind.WORKLOADS,
    ),
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.TARGETED_POLICIES),
    istio=">=1.22",
    since="0.1.0",
)
def dangling_waypoint(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels whose Gateway is not there."""
    for binding in mesh.waypoint_requests(subject):
        if binding.wanted is None or binding.asked_at is None or mesh.copies(binding.wanted):
            continue
        meant = _meant(binding, mesh)
        yield Problem(
            f"no waypoint {binding.wanted.name!r} in {_place(binding)}: "
            "traffic goes straight to the pods and L7 policies are skipped",
            at=binding.asked_at,
            related=tuple(_explanations(binding, subject, meant, mesh)),
            fix=Fix(f"use {meant.name!r}", replace_value(binding.asked_at, meant.name)) if meant else None,
            severity=_severity(binding, meant, mesh),
        )


def _meant(binding: WaypointBinding, mesh: Mesh) -> Gateway | None:
    """The waypoint of that namespace whose name the label's is a slip of."""
    assert binding.wanted is not None
    there = {g.name: g for g in mesh.gateways_in(binding.wanted.namespace) if mesh.is_waypoint(g).value}
    near = nearest(binding.wanted.name, there)
    return there[near] if near is not None else None


def _severity(binding: WaypointBinding, meant: Gateway | None, mesh: Mesh) -> Severity:
    if binding.state is BindingState.NOT_READY:
        return Severity.ERROR if any(mesh.waypoints()) else Severity.WARNING
    return Severity.WARNING if meant else Severity.NOTE


def _explanations(
    binding: WaypointBinding, subject: Resource, meant: Gateway | None, mesh: Mesh
) -> Iterator[Cause]:
    assert binding.wanted is not None
    if meant is not None:
        yield Cause(f"waypoint {meant.name!r} is here", meant.at())
    if subject.kind != kind.NAMESPACE:
        shadowed = mesh.shadowed_request(subject)
        if shadowed is not None:
            yield Cause("this label of the namespace is shadowed: there is no fall-back", shadowed)
    for ref in (subject.ref, binding.wanted):
        for edge in mesh.policies_targeting(ref):
            policy = edge.source
            yield Cause(f"{policy.kind.name} {policy.name!r} is enforced by nobody", edge.declared_at)


def _place(binding: WaypointBinding) -> str:
    assert binding.wanted is not None
    namespace = binding.wanted.namespace
    return f"namespace {namespace!r}" if namespace else "these manifests"
