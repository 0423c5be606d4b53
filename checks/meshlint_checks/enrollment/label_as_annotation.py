"""
A key that Istio reads as a label is written as an annotation, and does nothing.

## What it does

Looks through the annotations of Namespaces, Services, ServiceEntries, WorkloadEntries, Gateways,
GatewayClasses, and of workloads and their pod templates, for the keys by which Istio is told as
labels about enrolment and waypoints: `istio.io/dataplane-mode`, `istio.io/use-waypoint` and its
companions, `istio.io/waypoint-for`, `istio.io/ingress-use-waypoint`, `istio-injection`,
`networking.istio.io/enable-autoallocate-ip`. (`istio.io/use-waypoint-canary-weight` is rightly an
annotation.)

It is an error where the object is one whose labels Istio reads for that key. It is a warning if the
value only opts out (`none`, `disabled`, `false`), or if the label would do nothing on that object
either. If the label is there too, with the same value, the annotation is harmless and not
reported; with another value it is a note, since the label counts.

## Why it matters

Istio ignores the annotation without a word. Pods that were to be ambient stay outside of the mesh;
a waypoint that was to enforce policies is not used, and traffic passes it by. Pre-releases of 1.22
did use annotations for waypoints, and some guides still show them; from 1.22 on all these keys are labels.

## How to fix it

Move the line from `annotations` to `labels`. For pods both are those of the pod template.
"""

from collections.abc import Iterator, Mapping

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
    delete_entry,
    kind,
)
from meshlint_checks._malformed import is_no_scalar

_LABELS_ONLY = frozenset(key.name for key in KNOWN_KEYS.values() if key.role is KeyRole.LABEL and key.decides)
_OPTS_OUT = frozenset({"none", "disabled", "false"})


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.WORKLOAD_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
    ),
    istio=">=1.22",
    since="0.1.0",
)
def label_as_annotation(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find annotations that had to be labels."""
    if isinstance(subject, Workload) and mesh.maker_of(subject):
        return
    for key in sorted(_LABELS_ONLY.intersection(subject.annotations)):
        yield from _judged(subject, key, subject.annotations[key], subject.annotation_at(key), mesh)
    if isinstance(subject, Workload) and subject.is_controller:
        annotations = subject.pod_annotations
        for key in sorted(_LABELS_ONLY.intersection(annotations)):
            yield from _judged(subject, key, annotations[key], subject.pod_annotation_at(key), mesh)


def _judged(subject: Resource, key: str, value: str, at: Location, mesh: Mesh) -> Iterator[Problem]:
    carriers, label = mesh.label_carriers(key), _labels(subject).get(key)
    if not carriers or label == value or is_no_scalar(at):
        return
    is_carrier = _carrier(subject) in carriers
    if label is not None and is_carrier:
        message = f"annotation {key!r} has no effect: the label counts, and says {label!r}"
        yield Problem(message, at=at, severity=Severity.NOTE, impact=Impact.HYGIENE, fix=_drop(key, at))
        return
    whose = _whose(subject, key, mesh)
    asks = is_carrier and value not in _OPTS_OUT
    yield Problem(
        f"annotation {key!r} has no effect: Istio reads it as a label{whose}",
        at=at,
        fix=_move(subject, key, value, at) if is_carrier else Fix(f"write it as a label{whose}"),
        severity=Severity.ERROR if asks else Severity.WARNING,
        impact=Impact.EXPOSURE if asks else Impact.INEFFECTIVE,
    )


def _labels(subject: Resource) -> Mapping[str, str]:
    return subject.pod_labels if isinstance(subject, Workload) else subject.labels


def _carrier(subject: Resource) -> Kind:
    return kind.POD if isinstance(subject, Workload) else subject.kind


def _whose(subject: Resource, key: str, mesh: Mesh) -> str:
    carriers = mesh.label_carriers(key)
    if _carrier(subject) not in carriers:
        return " of a " + " or ".join(carrier.name for carrier in carriers)
    return " of the pod template" if isinstance(subject, Workload) and subject.is_controller else ""


def _drop(key: str, at: Location) -> Fix:
    return Fix(f"remove annotation {key!r}", delete_entry(at))


def _move(subject: Resource, key: str, value: str, at: Location) -> Fix:
    """Move the line to the labels; advice where that is more than moving a line."""
    labels = ("metadata", "labels")
    beside = subject.pod_at(*labels) if isinstance(subject, Workload) else subject.at(*labels)
    deletion, insertion = delete_entry(at), append_entry(beside, key, value)
    edits = (*deletion, *insertion) if deletion and insertion else ()
    return Fix(f"move {key!r} to the labels", edits)
