"""Selectors that are for the pods of waypoints, which never look at selectors."""

from collections.abc import Sequence

from meshlint.mesh.policies.target_attachment import WAYPOINT_CLASS
from meshlint.mesh.waypoints.gateway_identity import WAYPOINT_LABEL
from meshlint.model.keys import GATEWAY_CLASS_NAME, GATEWAY_NAME, MANAGED
from meshlint.model.kind import ENVOY_FILTER
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.named import NamedTuple
from meshlint.source.document import Location


class WaypointSelection(NamedTuple):
    """
    A selector that is for the pods of waypoints: those of the set, and the label that says so.

    Without `waypoints` the label itself says that it is for waypoints, of whatever name.
    """

    waypoints: tuple[Gateway, ...]
    at: Location


def waypoint_selection(policy: TargetedPolicy, selected: Sequence[Gateway]) -> WaypointSelection | None:
    """
    What a selector says of the pods of waypoints; `selected` are the waypoints whose pods it matches.

    Only the labels that Istio gives to the pods of Gateways tell that it is for those and no others
    (istio `manifests/charts/istio-control/istio-discovery/files/waypoint.yaml`).
    """
    labels = policy.selector or {}
    own = [key for key in (GATEWAY_NAME, GATEWAY_CLASS_NAME, MANAGED) if key in labels]
    says_so = labels.get(GATEWAY_CLASS_NAME) == WAYPOINT_CLASS or labels.get(MANAGED) == WAYPOINT_LABEL
    if not own or not (selected or says_so):
        return None
    path = ("workloadSelector", "labels") if policy.kind == ENVOY_FILTER else ("selector", "matchLabels")
    return WaypointSelection(tuple(selected), policy.at("spec", *path, own[0]))
