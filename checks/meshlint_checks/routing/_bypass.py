"""What the checks of this family say of a Service that ambient clients call past any waypoint."""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Bypass,
    Cause,
    DataplaneMode,
    Fix,
    Location,
    Mesh,
    Resource,
    append_entry,
    keys,
)


def causes(bypass: Bypass, at: Location, mesh: Mesh) -> Iterator[Cause]:
    """The lines that explain it, with the waypoint that is there and that nothing uses."""
    yield from bypass.because
    unused = mesh.unused_waypoint_for(at)
    if unused is not None:
        yield Cause(f"waypoint {unused.name!r} is here, and nothing uses it", unused.at())


def sidecars(mesh: Mesh) -> tuple[Cause, ...]:
    """A line by which there are clients with sidecars: they do follow routes and traffic rules."""
    line = mesh.evidence_of(DataplaneMode.SIDECAR)
    return (line,) if line is not None else ()


def remedy(bypass: Bypass, rule: Resource, mesh: Mesh) -> Fix | None:
    """What to do so that a route or traffic rule acts; None where another label has to be mended first."""
    service, this = bypass.service, f"this {rule.kind.name}"
    name = f"{service.kind.name} {service.name!r}"
    if not bypass.has_virtual_ip:
        return Fix(f"give {name} a virtual IP and a waypoint, or delete {this}")
    if bypass.state is BindingState.OPTED_OUT:
        return Fix(f"let {name} use a waypoint, or delete {this}")
    if bypass.state is not BindingState.ABSENT:
        return None
    waypoint = mesh.usable_waypoint(service)
    if waypoint is None:
        return Fix(
            f"deploy a waypoint in namespace {service.namespace!r}, "
            f"and label {name} '{keys.USE_WAYPOINT}' with its name"
        )
    labels = service.at("metadata", "labels")
    edits = append_entry(labels, keys.USE_WAYPOINT, waypoint.name)
    return Fix(f"label {name} '{keys.USE_WAYPOINT}: {waypoint.name}'", edits)
