"""The second waypoint that a Service may try out: Istio 1.31 and newer."""

from meshlint.mesh.derived import Cause
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding, WaypointBindings
from meshlint.model.keys import (
    USE_WAYPOINT,
    USE_WAYPOINT_CANARY,
    USE_WAYPOINT_CANARY_WEIGHT,
)
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.references import NO_WAYPOINT, canary_reference
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.regex import regex

_INTEGER = regex(r"[+-]?[0-9]+")


class CanaryBinding(NamedTuple):
    """
    What became of a request for a canary: a part of the traffic goes to it if it is bound.

    `weight` is its share in percent. Where `state` is another than bound, all traffic stays with
    the first waypoint.
    """

    state: BindingState
    wanted: ResourceRef
    weight: int
    gateway: Gateway | None
    because: tuple[Cause, ...]


def canary_binding(
    subject: Service | ServiceEntry,
    namespace: Namespace | None,
    primary: WaypointBinding,
    bindings: WaypointBindings,
) -> CanaryBinding | None:
    """
    The canary of an object whose first waypoint is bound; None if it has none.

    The namespace's canary counts only for what takes the namespace's waypoint. Its weight is
    looked up by itself: the object's annotation, else the namespace's
    (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, buildWeightedWaypoints).
    """
    if primary.state is not BindingState.BOUND:
        return None
    has_own = subject.labels.get(USE_WAYPOINT, NO_WAYPOINT) != NO_WAYPOINT
    levels: list[Resource] = [subject] if has_own or namespace is None else [subject, namespace]
    holder = next((level for level in levels if USE_WAYPOINT_CANARY in level.labels), None)
    wanted = canary_reference(holder.labels, subject.namespace) if holder else None
    if holder is None or wanted is None:
        return None
    text = f"{holder.kind.name} {holder.name!r} asks for canary {wanted.name!r}"
    label = Cause(text, holder.label_at(USE_WAYPOINT_CANARY))
    canary = CanaryBinding(BindingState.CANARY_SAME_AS_PRIMARY, wanted, 0, None, (label,))
    if wanted == primary.wanted:
        return canary
    weight = _weight(levels)
    if weight is None:
        return canary._replace(state=BindingState.CANARY_INVALID_WEIGHT)
    bound = bindings.canary(subject, wanted, label)
    return CanaryBinding(bound.state, wanted, weight, bound.gateway, bound.because)


def _weight(levels: list[Resource]) -> int | None:
    """The weight in percent, 0 without any; None if it is none."""
    annotated = (level.annotations.get(USE_WAYPOINT_CANARY_WEIGHT) for level in levels)
    text = next((text for text in annotated if text is not None), "0")
    weight = int(text) if _INTEGER.fullmatch(text) else -1
    return weight if 0 <= weight <= 100 else None  # noqa: PLR2004 - percent
