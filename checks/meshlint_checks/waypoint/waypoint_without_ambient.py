"""
A namespace uses a waypoint, but none of its pods is in ambient mode.

## What it does

Looks at Namespaces that carry `istio.io/use-waypoint`, or hold Services that do, and at the pods that the
set shows there. It speaks if none of them is in the mesh, and the Namespace does not choose ambient mode.

It is silent where the set shows no pods (a namespace of ServiceEntries for egress has none), where some
pod is ambient or has a sidecar, where the mode of a pod is not known, and where istio-cni does no ambient
mode at all.

## Why it matters

Only ambient clients take the way through a waypoint. These pods call each other past it, whoever is
outside of the mesh calls them past it, and nothing can deny that: without ztunnel no policy of Istio is
enforced on them. What the waypoint checks is checked for calls from other, ambient namespaces alone.

## How to fix it

Label the Namespace `istio.io/dataplane-mode: ambient`, or take the label of the waypoint away.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    Namespace,
    Problem,
    Resource,
    Severity,
    WaypointBinding,
    Workload,
    check,
    keys,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.NAMESPACE,),
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, kind.SERVICE, *kind.WORKLOADS, *kind.INSTALLATION),
    istio=">=1.22",
    since="0.1.0",
)
def waypoint_without_ambient(namespace: Namespace, mesh: Mesh) -> Iterator[Problem]:
    """Find namespaces with a waypoint and without ambient pods."""
    asked = list(_requests(namespace, mesh))
    if not asked or not _is_outside(namespace, mesh):
        return
    pods = [pod for pod in mesh.workloads_in(namespace) if not mesh.is_gateway_proxy(pod)]
    if not pods or any(mesh.dataplane_mode(pod).value is not DataplaneMode.NONE for pod in pods):
        return
    own = asked[0].asked_by is namespace
    name = asked[0].wanted.name if asked[0].wanted else ""
    yield Problem(
        f"namespace {namespace.name!r} uses waypoint {name!r}, but none of its pods is ambient: "
        "they call each other past it, and are called past it from outside of the mesh",
        at=asked[0].asked_at if own and asked[0].asked_at else namespace.at(),
        related=(*_asking(asked[own:]), *_shown(pods)),
        fix=Fix(f"label the namespace '{keys.DATAPLANE_MODE}: ambient', or let the waypoint go"),
    )


def _requests(namespace: Namespace, mesh: Mesh) -> Iterator[WaypointBinding]:
    """What the Namespace and its Services ask for, as far as that is not somebody else's waypoint."""
    carriers: list[Resource] = [namespace, *mesh.members(namespace, kind.SERVICE)]
    for carrier in carriers:
        for binding in mesh.waypoint_requests(carrier):
            gateway = binding.gateway
            if binding.wanted is not None and (gateway is None or mesh.is_waypoint(gateway).value):
                yield binding


def _is_outside(namespace: Namespace, mesh: Mesh) -> bool:
    """Whether what is written of a Namespace is all, and keeps its pods out of the mesh."""
    is_certain = mesh.find(namespace.ref).value is namespace and mesh.ambient_enabled.value is not False
    is_chosen = mesh.selects_ambient(namespace).value
    return is_certain and not is_chosen and mesh.namespace_mode(namespace).value is DataplaneMode.NONE


def _asking(asked: list[WaypointBinding]) -> Iterator[Cause]:
    for binding in asked:
        if binding.asked_at is not None and binding.asked_by is not None:
            yield Cause(f"Service {binding.asked_by.name!r} uses one", binding.asked_at)


def _shown(pods: list[Workload]) -> Iterator[Cause]:
    for pod in pods[:1]:
        yield Cause(f"the pods of {pod.kind.name} {pod.name!r} are outside of the mesh", pod.at())
