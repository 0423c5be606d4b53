"""References that are written as labels."""

from collections.abc import Mapping

from meshlint.model.keys import (
    USE_WAYPOINT,
    USE_WAYPOINT_CANARY,
    USE_WAYPOINT_CANARY_NAMESPACE,
    USE_WAYPOINT_NAMESPACE,
)
from meshlint.model.kind import GATEWAY, ResourceRef

NO_WAYPOINT = "none"
"""The value of `use-waypoint` that opts out; no Gateway can be used under this name."""


def waypoint_reference(labels: Mapping[str, str], namespace: str | None) -> ResourceRef | None:
    """
    The Gateway that `istio.io/use-waypoint` names; None without the label or with `none`.

    `namespace` is where the labelled object stands; `use-waypoint-namespace` counts only beside
    `use-waypoint` on the same object
    (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, getUseWaypoint, 1.23 and newer).
    """
    name = labels.get(USE_WAYPOINT)
    if name is None or name == NO_WAYPOINT:
        return None
    return ResourceRef(GATEWAY, labels.get(USE_WAYPOINT_NAMESPACE, namespace), name)


def canary_reference(labels: Mapping[str, str], namespace: str | None) -> ResourceRef | None:
    """
    The Gateway that `istio.io/use-waypoint-canary` names; None without the label, empty or with `none`.

    istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, getUseWaypointCanary, 1.31 and newer.
    """
    name = labels.get(USE_WAYPOINT_CANARY)
    if not name or name == NO_WAYPOINT:
        return None
    return ResourceRef(GATEWAY, labels.get(USE_WAYPOINT_CANARY_NAMESPACE, namespace), name)
