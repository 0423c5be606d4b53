"""What istiod itself has written about the waypoint of an object, which outdoes what is derived."""

from meshlint.mesh.condition import written_conditions
from meshlint.mesh.derived import Cause
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import WorkloadEntry
from meshlint.model.resource import Resource

WAYPOINT_BOUND = "istio.io/WaypointBound"
_REFUSALS = {
    state.value: state
    for state in (
        BindingState.NOT_READY,
        BindingState.ATTACHMENT_DENIED,
        BindingState.UNSUPPORTED_TRAFFIC_TYPE,
        BindingState.CROSS_NAMESPACE,
    )
}


def as_written(subject: Resource, binding: WaypointBinding) -> WaypointBinding:
    """
    A binding as the condition of a live object tells it; as derived if there is none about that waypoint.

    A Service has no generation that would tell whether a condition is older than a label, but istiod
    names the waypoint in the message (istio `pilot/pkg/serviceregistry/ambient/status.go`).
    """
    wanted = binding.wanted
    if wanted is None or not isinstance(subject, Service | ServiceEntry | WorkloadEntry):
        return binding
    for condition in written_conditions(subject):
        if condition.type != WAYPOINT_BOUND or f"{wanted.namespace}/{wanted.name}" not in condition.message:
            continue
        is_bound = condition.status == "True"
        state = BindingState.BOUND if is_bound else _REFUSALS.get(condition.reason, binding.state)
        if state is binding.state:
            return binding
        said = Cause(f"istiod has written {condition.status} ({condition.reason})", condition.at)
        return binding._replace(state=state, because=(*binding.because, said))
    return binding
