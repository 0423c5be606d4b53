"""
A key that Istio reads as an annotation is written as a label, and does nothing.

## What it does

Looks through the labels of Namespaces, Services, ServiceEntries, Gateways, GatewayClasses and pod
templates for the keys by which ambient mode is told as annotations:
`ambient.istio.io/bypass-inbound-capture`, `ambient.istio.io/dns-capture`,
`istio.io/reroute-virtual-interfaces`, `istio.io/use-waypoint-canary-weight`, `istio.io/connect-strategy`,
`networking.istio.io/traffic-distribution` and others. It speaks where the annotation would be read from that
object.

If the annotation is there too, with the same value, the label is harmless and not reported; with another
value it is a note, since the annotation counts.

## Why it matters

Istio ignores the label without a word, in all versions: what was to bypass ztunnel is captured, what was to
be balanced by locality is not.

## How to fix it

Move the line from `labels` to `annotations`. For pods both are those of the pod template.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from meshlint import (
    KNOWN_KEYS,
    Fix,
    Impact,
    KeyRole,
    Kind,
    Location,
    Mesh,
    Problem,
    Resource,
    Severity,
    Workload,
    append_entry,
    check,
    delete_entries,
    keys,
    kind,
)
from meshlint_checks._malformed import is_no_scalar

_ANNOTATIONS = frozenset(key.name for key in KNOWN_KEYS.values() if key.role is KeyRole.ANNOTATION)


class _Holder(NamedTuple):
    """An object, or what pods are made of, by its metadata."""

    kind: Kind
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    metadata: Location

    def place(self, *path: str) -> Location:
        """The place of a field of the metadata."""
        return self.metadata._replace(field=(*self.metadata.field, *path))


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
    ),
    since="0.1.0",
)
def annotation_as_label(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find labels that had to be annotations."""
    if isinstance(subject, Workload) and mesh.maker_of(subject):
        return
    holder = _holder(subject)
    for key in sorted(_ANNOTATIONS.intersection(holder.labels)):
        if holder.kind in mesh.annotation_carriers(key):
            yield from _judged(holder, key)


def _holder(subject: Resource) -> _Holder:
    if isinstance(subject, Workload):
        return _Holder(kind.POD, subject.pod_labels, subject.pod_annotations, subject.pod_at("metadata"))
    return _Holder(subject.kind, subject.labels, subject.annotations, subject.at("metadata"))


def _judged(holder: _Holder, key: str) -> Iterator[Problem]:
    at, annotation = holder.place("labels", key), holder.annotations.get(key)
    if annotation == holder.labels[key] or is_no_scalar(at):
        return
    if annotation is not None:
        yield Problem(
            f"label {key!r} has no effect: the annotation counts, and says {annotation!r}",
            at=at,
            fix=Fix(f"remove label {key!r}", delete_entries([at])),
            severity=Severity.NOTE,
            impact=Impact.HYGIENE,
        )
        return
    whose = " of the pods" if holder.kind == kind.POD else ""
    yield Problem(
        f"label {key!r} has no effect: Istio reads it as an annotation{whose}",
        at=at,
        fix=_fix(holder, key),
    )


def _fix(holder: _Holder, key: str) -> Fix:
    """Move the line to the annotations; a status that only istio-cni may write is just removed."""
    deletion = delete_entries([holder.place("labels", key)])
    if key == keys.REDIRECTION:
        return Fix(f"remove label {key!r}", deletion)
    insertion = append_entry(holder.place("annotations"), key, holder.labels[key])
    return Fix(f"move {key!r} to the annotations", (*deletion, *insertion) if deletion and insertion else ())
