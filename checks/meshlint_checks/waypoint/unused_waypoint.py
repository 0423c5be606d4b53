"""
A waypoint is deployed, but no object is labelled to use it.

## What it does

Looks at every waypoint for a label that names it: `istio.io/use-waypoint` on a Namespace, a Service, a
ServiceEntry or its endpoints, a WorkloadEntry or a pod template, or `istio.io/use-waypoint-canary` (1.31 and
newer). Where the set holds none, this is a note.

It is a warning if something would only act at the waypoint: a policy with `targetRefs` to it, or a policy, a
mesh route, a VirtualService or a DestinationRule for a Service in its namespace that has no waypoint. It
stays a note where users may be missing from the set: its namespace is not told completely,
`allowedRoutes` admit other namespaces, or a policy or route beside it is for a Service that is not in
the set, and may carry the label. Such policies and routes are shown with the finding. It is a note, too,
where all pods of the namespace have sidecars: a migration deploys waypoints and their policies first, and
labels the users later.

## Why it matters

Deploying a waypoint changes nothing by itself: traffic goes from pod to pod as before. The policies and
routes that are written for it look right and do nothing.

## How to fix it

Label the Namespace, or single Services, with `istio.io/use-waypoint`, or delete the Gateway. A policy that
names a waypoint does not make anybody use it. If the labels are made elsewhere, show those manifests with
`--context`.
"""

from collections.abc import Iterator

from meshlint import Cause, DataplaneMode, Fix, Gateway, Impact, Mesh, Problem, Severity, check, keys, kind


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.GATEWAY,),
    reads=(
        kind.GATEWAY_CLASS,
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.WORKLOAD_ENTRY,
        *kind.WORKLOADS,
        *kind.TARGETED_POLICIES,
        *kind.ROUTES,
        kind.VIRTUAL_SERVICE,
        kind.DESTINATION_RULE,
        *kind.INSTALLATION,
    ),
    istio=">=1.22",
    since="0.1.0",
)
def unused_waypoint(subject: Gateway, mesh: Mesh) -> Iterator[Problem]:
    """Find waypoints that no label names."""
    if not mesh.is_waypoint(subject).value or any(mesh.possible_users(subject)):
        return
    dependents, possible = tuple(mesh.dependents(subject)), tuple(mesh.possible_dependents(subject))
    certain = mesh.are_users_known(subject) and not possible
    unless = ":" if certain else " here: unless others are,"
    lost = ", and what is written for it has no effect" if dependents or possible else ""
    yield Problem(
        f"no object is labelled to use waypoint {subject.name!r}{unless} no traffic goes through it{lost}",
        at=subject.at(),
        related=(*_near_labels(subject, mesh), *dependents, *possible),
        fix=Fix(f"label its users '{keys.USE_WAYPOINT}: {subject.name}', or delete it"),
        severity=Severity.WARNING
        if dependents and certain and not _is_ahead(subject, mesh)
        else Severity.NOTE,
    )


def _is_ahead(subject: Gateway, mesh: Mesh) -> bool:
    """Whether the waypoint is there before its users can be: all pods beside it have sidecars."""
    modes = {mesh.dataplane_mode(pod).value for pod in mesh.workloads_beside(subject)}
    return modes == {DataplaneMode.SIDECAR}


def _near_labels(subject: Gateway, mesh: Mesh) -> Iterator[Cause]:
    """Labels that name nothing and may mean this waypoint: other checks speak of those."""
    return (Cause("this label may mean it", at) for at in mesh.lost_labels_for(subject))
