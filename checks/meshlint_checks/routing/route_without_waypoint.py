"""
A mesh route is for a Service that has no working waypoint, so ambient clients do not follow it.

## What it does

Looks at HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes that have a Service or a ServiceEntry as their
parent. It speaks where the pods of the Service are ambient (or the labels of its Namespace say so), and the
manifests show that no waypoint takes the calls to it: no label asks for one, a label opts out, or the
Service has no virtual IP.

It is a note where some pods of the set have sidecars: those follow such routes without a waypoint. Where a
label asks for a waypoint in vain, the finding about that label shows the route instead; so do the findings
about a waypoint that nothing uses, and about a headless Service that asks for one. It is silent about a
Service or Namespace that the set does not hold, and about waypoints of other vendors.

## Why it matters

ztunnel knows no routes. Without a waypoint, calls go straight to the pods: no split between versions, no
retries, no timeouts, no header changes. The route is accepted all the same. From 1.25.1 its condition
`ResolvedWaypoints` is `True` in any case, and only the message tells that the label is missing.

## How to fix it

Label the Service, or its Namespace, with `istio.io/use-waypoint`. A waypoint follows routes only of the
Service's namespace and of its own: move a route that stands elsewhere.
"""

from collections.abc import Iterator

from meshlint import Bypass, Fix, Impact, Mesh, Problem, ResourceRef, Route, Severity, check, kind
from meshlint_checks.routing._bypass import causes, remedy, sidecars


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.ROUTES,
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
    istio=">=1.22",
    since="0.1.0",
)
def route_without_waypoint(route: Route, mesh: Mesh) -> Iterator[Problem]:
    """Find mesh routes whose parent no waypoint stands in front of."""
    said = set[ResourceRef]()
    for reference, parent in zip(route.parents, mesh.route_parents(route), strict=True):
        if parent.respected or parent.ref.kind not in (kind.SERVICE, kind.SERVICE_ENTRY):
            continue
        service = mesh.find(parent.ref).value
        bypass = mesh.bypass(service) if service is not None else None
        if bypass is None or parent.ref in said:
            continue
        said.add(parent.ref)
        at, others = route.at(*reference.path, "name"), sidecars(mesh)
        only = ", only those with sidecars do" if others else ""
        yield Problem(
            f"{bypass.reason}: ambient clients do not follow this {route.kind.name}{only}",
            at=at,
            related=(*causes(bypass, at, mesh), *others),
            fix=_remedy(bypass, route, mesh),
            severity=Severity.NOTE if others else Severity.WARNING,
        )


def _remedy(bypass: Bypass, route: Route, mesh: Mesh) -> Fix | None:
    fix, home = remedy(bypass, route, mesh), bypass.service.namespace
    if fix is None or route.namespace == home:
        return fix
    return Fix(f"move it to namespace {home!r}, and {fix.title}")
