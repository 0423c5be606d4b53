"""The labels that say where a waypoint is, and count only beside the one that names it."""

from collections.abc import Iterator, Mapping

from meshlint.mesh.enrollment.carriers import label_carriers
from meshlint.mesh.waypoints.binding import waypoint_label_holders
from meshlint.model.keys import (
    USE_WAYPOINT,
    USE_WAYPOINT_CANARY,
    USE_WAYPOINT_CANARY_NAMESPACE,
    USE_WAYPOINT_NAMESPACE,
)
from meshlint.model.kind import POD, WORKLOADS
from meshlint.model.kinds.workload import WorkloadEntry
from meshlint.model.references import NO_WAYPOINT
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location

_PAIRS = (
    (USE_WAYPOINT_NAMESPACE, USE_WAYPOINT),
    (USE_WAYPOINT_CANARY_NAMESPACE, USE_WAYPOINT_CANARY),
)


class IdleLabel(NamedTuple):
    """
    A label that names the namespace of a waypoint, and is not read.

    `beside` is the label that would have to name the waypoint on the same object; `value` is what it
    says, None without it, and `value_at` its place.
    """

    key: str
    at: Location
    beside: str
    value: str | None
    value_at: Location | None


def idle_labels(subject: Resource, version: IstioVersion) -> Iterator[IdleLabel]:
    """
    The labels with a waypoint's namespace that no label with its name makes count.

    Both are read from one and the same object
    (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, getUseWaypoint and getUseWaypointCanary).
    """
    for index, (labels, path) in enumerate(waypoint_label_holders(subject, version)):
        # Canaries are read from the object itself, not from the endpoints of a ServiceEntry.
        for key, beside in _PAIRS if index == 0 else _PAIRS[:1]:
            if key in labels and _reads(subject, key, version) and not _names(labels, beside):
                at = _label_at(subject, path, key)
                value_at = _label_at(subject, path, beside) if beside in labels else None
                yield IdleLabel(key, at, beside, labels.get(beside), value_at)


def _reads(subject: Resource, key: str, version: IstioVersion) -> bool:
    carriers = label_carriers(key, version)
    return subject.kind in carriers or (subject.kind in WORKLOADS and POD in carriers)


def _names(labels: Mapping[str, str], key: str) -> bool:
    """Whether a label names a waypoint; an empty canary is none, an empty waypoint one that is not there."""
    value = labels.get(key)
    return value is not None and value != NO_WAYPOINT and (bool(value) or key == USE_WAYPOINT)


def _label_at(subject: Resource, path: FieldPath, key: str) -> Location:
    if isinstance(subject, WorkloadEntry) and key not in subject.labels:
        return subject.at("spec", "labels", key)
    return subject.at(*path, key)
