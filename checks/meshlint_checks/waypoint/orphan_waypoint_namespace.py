"""
A `use-waypoint-namespace` label stands without the `use-waypoint` label that it belongs to, and does nothing.

## What it does

Looks at every `istio.io/use-waypoint-namespace` label that Istio reads (1.23 and newer): on a Namespace,
a Service, a ServiceEntry and its endpoints, a WorkloadEntry, a pod template. It speaks where the same
object has no `istio.io/use-waypoint`, or says `none` by it. The same goes for
`istio.io/use-waypoint-canary-namespace` and `istio.io/use-waypoint-canary` (1.31 and newer).

## Why it matters

Istio reads both labels from one and the same object. A Service that only says where the waypoint is takes
nothing from there: it keeps to what its Namespace asks for, with the namespace written there, or has no
waypoint at all. Nothing refuses the label, and no status tells.

## How to fix it

Write both labels on the object, or take this one away.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    IdleLabel,
    Impact,
    Location,
    Mesh,
    Problem,
    Resource,
    Severity,
    check,
    edit_distance,
    keys,
    kind,
)

_SLIPS = 2


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS),
    istio=">=1.23",
    since="0.1.0",
)
def orphan_waypoint_namespace(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find labels with a waypoint's namespace that are not read."""
    for idle in mesh.idle_waypoint_labels(subject):
        yield Problem(
            _message(idle),
            at=idle.at,
            related=(*_said_elsewhere(idle), *_inherited(idle, subject, mesh)),
            fix=Fix(_advice(idle, mesh)),
        )


def _message(idle: IdleLabel) -> str:
    if idle.value is None:
        return f"label {idle.key!r} does nothing: there is no {idle.beside!r} on the same object"
    said = f"'{idle.beside}: {idle.value}'" if idle.value else f"the empty {idle.beside!r}"
    return f"label {idle.key!r} does nothing: {said} beside it names no waypoint"


def _said_elsewhere(idle: IdleLabel) -> Iterator[Cause]:
    """The lines on which the missing label may stand in another form: other checks speak of those."""
    if idle.value_at is not None:
        yield Cause("this names no waypoint", idle.value_at)
    manifest, labels = idle.at.manifest, idle.at.field[:-1]
    if manifest is None:
        return
    for holder in (labels, (*labels[:-1], "annotations")):
        written = manifest.value(*holder)
        for key in written if isinstance(written, dict) else ():
            is_near = edit_distance(str(key), idle.beside, _SLIPS) <= _SLIPS
            if is_near and (*holder, key) != (*labels, idle.beside):
                yield Cause(f"this is no label {idle.beside!r}", manifest.at(*holder, key))


def _inherited(idle: IdleLabel, subject: Resource, mesh: Mesh) -> Iterator[Cause]:
    asked: Location | None = mesh.shadowed_request(subject)
    if idle.value is None and idle.beside == keys.USE_WAYPOINT and subject.kind != kind.NAMESPACE and asked:
        yield Cause("the namespace's waypoint is looked up where its own labels say", asked)


def _advice(idle: IdleLabel, mesh: Mesh) -> str:
    namespace = idle.at.manifest.value(*idle.at.field) if idle.at.manifest else None
    there = [gateway for gateway in mesh.gateways_in(str(namespace)) if mesh.is_waypoint(gateway).value]
    what = f"{idle.beside}: {there[0].name}" if len(there) == 1 else idle.beside
    if idle.value is None:
        return f"add '{what}', or remove {idle.key!r}"
    return f"remove {idle.key!r}, or write '{what}'" + ("" if len(there) == 1 else " with a waypoint's name")
