"""
A mesh route names a port of its parent that the Service does not have, so it never matches.

## What it does

Compares `parentRefs[].port` with the ports of the Service, or of the ServiceEntry, that is the parent.

## Why it matters

Istio does not validate the port. It makes the route match requests for that port only, and there are none:
the route is accepted, and does nothing. The port of a container (`targetPort`) is what is most often written
by mistake.

## How to fix it

Write the port of the Service, or none at all for all of its ports. Where the number is the `targetPort` of
exactly one port, the fix writes that port.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Route,
    Service,
    ServiceEntry,
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
    reads=(kind.SERVICE, kind.SERVICE_ENTRY, kind.GATEWAY),
    istio=">=1.22",
    since="0.1.0",
)
def unmatched_parent_port(route: Route, mesh: Mesh) -> Iterator[Problem]:
    """Find mesh routes for ports that their parents do not have."""
    for reference, edge in zip(route.parents, mesh.parent_edges(route), strict=True):
        service = mesh.find(edge.target).value if reference.port is not None else None
        if not isinstance(service, Service | ServiceEntry) or not service.ports:
            continue
        numbers = [port.number for port in service.ports]
        if reference.port in numbers or None in numbers:
            continue
        at = route.at(*reference.path, "port")
        yield Problem(
            f"{service.kind.name} {service.name!r} has no port {reference.port}: "
            f"this {route.kind.name} never matches",
            at=at,
            related=_ports(service),
            fix=_remedy(service, reference.port, at),
        )


def _ports(service: Service | ServiceEntry) -> tuple[Cause, ...]:
    numbers = ", ".join(str(port.number) for port in service.ports)
    word = "port" if len(service.ports) == 1 else "ports"
    return (Cause(f"it has {word} {numbers}", service.at("spec", "ports")),)


def _remedy(service: Service | ServiceEntry, written: int | None, at: Location) -> Fix:
    """The port that is meant if one leads to the container's port that is written."""
    ports = service.ports if isinstance(service, Service) else ()
    meant = [port.number for port in ports if port.target == written and port.number is not None]
    if len(meant) != 1:
        return Fix(f"use a port of the {service.kind.name}, or none at all for all of its ports")
    return Fix(f"use port {meant[0]}, which leads to {written}", replace_value(at, meant[0]))
