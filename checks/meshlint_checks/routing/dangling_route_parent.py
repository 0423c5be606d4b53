"""
The parent of a mesh route is a Service or ServiceEntry that does not exist.

## What it does

Looks up the Services and ServiceEntries that HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes name in
`parentRefs`. If the manifests tell the namespace completely and it holds no such object, this is a warning;
if other manifests may hold it, a note, or a warning if one with nearly that name is there.

It is silent about Services that Istio makes itself for a Gateway of the set, and about an object of that name
of which the manifests do not tell the namespace.

## Why it matters

The route does nothing: neither waypoints nor sidecars know a service of that name. From 1.25.1 its status
says `Accepted=False`, reason `NoMatchingParent`; before, it was accepted without a look.

## How to fix it

Correct the name. A parent in another namespace than the route's needs `namespace`. If the Service is made
elsewhere, show its manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Resource,
    ResourceRef,
    Route,
    Severity,
    check,
    kind,
    replace_value,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.ROUTES,
    reads=(kind.SERVICE, kind.SERVICE_ENTRY, kind.GATEWAY, kind.GATEWAY_CLASS),
    istio=">=1.22",
    since="0.1.0",
)
def dangling_route_parent(route: Route, mesh: Mesh) -> Iterator[Problem]:
    """Find mesh routes for what is not there."""
    places: dict[ResourceRef, Location] = {}
    for edge in mesh.parent_edges(route):
        places.setdefault(edge.target, edge.declared_at)
    for wanted, at in places.items():
        if wanted.kind not in (kind.SERVICE, kind.SERVICE_ENTRY) or mesh.could_be(wanted):
            continue
        if wanted.kind == kind.SERVICE and mesh.is_made_by_a_gateway(wanted):
            continue
        near, is_certain = mesh.near_service(wanted), mesh.find(wanted).is_absent
        yield Problem(
            f"no {wanted.kind.name} {wanted.name!r}{_place(wanted)}{_outcome(route, is_certain=is_certain)}",
            at=at,
            related=(Cause(f"{near.kind.name} {near.name!r} is here", near.at()),) if near else (),
            fix=_remedy(wanted, near, at),
            severity=Severity.WARNING if is_certain or near else Severity.NOTE,
        )


def _place(wanted: ResourceRef) -> str:
    return f" in namespace {wanted.namespace!r}" if wanted.namespace else ""


def _outcome(route: Route, *, is_certain: bool) -> str:
    if is_certain:
        return f": this {route.kind.name} does nothing for it"
    return f" among these manifests: without it this {route.kind.name} does nothing"


def _remedy(wanted: ResourceRef, near: Resource | None, at: Location) -> Fix:
    if near is not None:
        return Fix(f"use {near.name!r}", replace_value(at, near.name))
    return Fix(f"name a {wanted.kind.name} that exists, with its namespace if it is not the route's own")
