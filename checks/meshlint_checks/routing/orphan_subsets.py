"""
Nothing sends to the subsets of a DestinationRule: the Service is routed by a route that cannot name subsets.

## What it does

Looks at DestinationRules with `subsets` for a Service with ambient pods. If no VirtualService of the set
sends to one of the subsets, and a mesh route (HTTPRoute, GRPCRoute, TCPRoute, TLSRoute) of the Service sends
to nothing but the Service itself, this is a warning: the split between versions is lost. It is a note if the
route sends to other Services, one for each version for example: then the subsets are left over.

It is silent in a set in which pods have sidecars: the VirtualService may be on their side.

## Why it matters

Only a VirtualService can name a subset. Routes of the Gateway API know Services: after a VirtualService has
been replaced by an HTTPRoute whose `backendRefs` name the Service as before, requests go to all of its pods
alike, and the new version gets its full share. At a waypoint too, subsets work as long as a VirtualService
sends to them.

## How to fix it

Make a Service for each version, with the labels of the subset as its selector, and name these Services in
`backendRefs`. If that is done already, remove the subsets.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    Cause,
    DataplaneMode,
    DestinationRule,
    Fix,
    Impact,
    Mesh,
    Problem,
    Resource,
    Route,
    Severity,
    check,
    kind,
)

_SPLIT = "make a Service for each version, and name those in 'backendRefs'"
_REMOVE = "remove the subsets, or send to them by a VirtualService"


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.DESTINATION_RULE,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        kind.VIRTUAL_SERVICE,
        *kind.ROUTES,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def orphan_subsets(rule: DestinationRule, mesh: Mesh) -> Iterator[Problem]:
    """Find subsets of ambient Services to which nothing sends."""
    if not rule.subsets or any(mesh.subset_senders(rule)) or mesh.evidence_of(DataplaneMode.SIDECAR):
        return
    service = _ambient_service(rule, mesh)
    if service is None:
        return
    routes = mesh.routes_of(service)
    plain = [route for route in routes if _sends_to_nothing_else(route, service)]
    if not routes:
        return
    why = ""
    if plain:
        which = f"{plain[0].kind.name} {plain[0].name!r}"
        why = f": {which} cannot name subsets, so that requests go to all pods alike"
    yield Problem(
        f"nothing sends to {_subsets(rule)} of Service {service.name!r}{why}",
        at=rule.at("spec", "subsets"),
        related=tuple(_lines(plain or routes, service, mesh)),
        fix=Fix(_SPLIT if plain else _REMOVE),
        severity=Severity.WARNING if plain else Severity.NOTE,
    )


def _ambient_service(rule: DestinationRule, mesh: Mesh) -> Resource | None:
    """The first Service of its host with ambient pods."""
    for service in mesh.destination_rule_effect(rule).services:
        is_service = service.kind == kind.SERVICE
        if is_service and mesh.service_mode(service).value is DataplaneMode.AMBIENT:
            return service
    return None


def _subsets(rule: DestinationRule) -> str:
    word = "subset" if len(rule.subsets) == 1 else "subsets"
    return f"{word} {', '.join(map(repr, rule.subsets))}"


def _sends_to_nothing_else(route: Route, service: Resource) -> bool:
    return bool(route.backends) and all(
        (backend.kind, backend.name, backend.namespace or route.namespace)
        == (service.kind, service.name, service.namespace)
        for backend in route.backends
    )


def _lines(routes: Sequence[Route], service: Resource, mesh: Mesh) -> Iterator[Cause]:
    """The lines that make a Service the parent of routes."""
    for route in routes:
        for reference, parent in zip(route.parents, mesh.route_parents(route), strict=True):
            if parent.ref == service.ref:
                text = f"{route.kind.name} {route.name!r} routes the Service"
                yield Cause(text, route.at(*reference.path, "name"))
