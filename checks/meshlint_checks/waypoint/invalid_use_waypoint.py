"""
A `use-waypoint` label has a value that cannot be the name of a waypoint.

## What it does

Looks at every `istio.io/use-waypoint` label that Istio reads, for what is no name of a Gateway:
`namespace/name`, `#none`, nothing, capital letters (`None`), more than 63 characters, and words such as
`true` where no Gateway is called so. YAML reads `~`, and a value that starts with an unquoted `#`, as
nothing: the API server makes an empty text of it.

## Why it matters

The API server refuses an object with a `/` or `#` in the value of a label. All other values it takes,
and Istio looks for a waypoint of that name. There is none, and ambient mode fails open: traffic goes
straight to the pods, and every policy and route that the waypoint would enforce is skipped. Only `none`,
written exactly so, says that no waypoint is wanted.

## How to fix it

Write the name of the waypoint alone, and its namespace into a second label,
`istio.io/use-waypoint-namespace` (Istio 1.23 and newer). To opt out write `none`.
"""

from collections.abc import Iterator

from meshlint import (
    Edit,
    Fix,
    Gateway,
    Impact,
    IstioVersion,
    Location,
    Mesh,
    Problem,
    Resource,
    ResourceRef,
    Severity,
    WaypointBinding,
    check,
    insert_after,
    keys,
    kind,
    replace_value,
    waypoint,
)
from meshlint_checks._malformed import is_no_scalar

_TWO_LABELS_SINCE = IstioVersion(1, 23, 0)
_NO = frozenset({"", "none", "null", "false", "no", "off", "disabled"})


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS),
    istio=">=1.22",
    since="0.1.0",
)
def invalid_use_waypoint(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels whose value names nothing."""
    for binding in mesh.waypoint_requests(subject):
        if binding.wanted is None or binding.asked_at is None or is_no_scalar(binding.asked_at):
            continue
        complaint = _complaint(binding.wanted, mesh)
        if complaint is not None:
            yield Problem(complaint, at=binding.asked_at, fix=_correct(binding, binding.asked_at, mesh))


def _complaint(wanted: ResourceRef, mesh: Mesh) -> str | None:
    value = wanted.name
    if not value:
        return "'istio.io/use-waypoint' is empty and names no waypoint: traffic goes straight to the pods"
    if not waypoint.is_label_value(value):
        return f"{value!r} is no value of a label: the API server refuses it"
    if not waypoint.is_gateway_name(value):
        return f"no Gateway can be called {value!r}: traffic goes straight to the pods"
    if value in waypoint.YES | _NO and not mesh.could_be(wanted):
        return f"no Gateway is called {value!r}: traffic goes straight to the pods"
    return None


def _correct(binding: WaypointBinding, at: Location, mesh: Mesh) -> Fix | None:
    value = binding.wanted.name if binding.wanted else ""
    namespace, slash, name = value.partition("/")
    if slash:
        return _without_slash(binding, at, namespace, name, mesh)
    if value.strip("#~ ").lower() in _NO:
        return Fix("write 'none'", replace_value(at, "none"))
    meant = _only_waypoint(binding, mesh) if value.lower() in waypoint.YES else mesh.near_waypoint(binding)
    return Fix(f"use {meant.name!r}", replace_value(at, meant.name)) if meant else None


def _without_slash(
    binding: WaypointBinding, at: Location, namespace: str, name: str, mesh: Mesh
) -> Fix | None:
    if name == "none":
        return Fix("write 'none'", replace_value(at, "none"))
    if not waypoint.is_gateway_name(name) or not waypoint.is_gateway_name(namespace):
        return None
    if binding.wanted and binding.wanted.namespace == namespace:
        return Fix(f"use {name!r}", replace_value(at, name))
    if mesh.version < _TWO_LABELS_SINCE:
        return None
    title = f"use {name!r} with '{keys.USE_WAYPOINT_NAMESPACE}: {namespace}'"
    return Fix(title, _in_two_labels(at, namespace, name))


def _in_two_labels(at: Location, namespace: str, name: str) -> tuple[Edit, ...]:
    """Both edits or none: one of them alone would name something else."""
    beside = at.manifest.value(*at.field[:-1], keys.USE_WAYPOINT_NAMESPACE) if at.manifest else None
    first, second = replace_value(at, name), insert_after(at, keys.USE_WAYPOINT_NAMESPACE, namespace)
    return (*first, *second) if first and second and beside is None else ()


def _only_waypoint(binding: WaypointBinding, mesh: Mesh) -> Gateway | None:
    return mesh.only_waypoint_in(binding.wanted.namespace) if binding.wanted else None
