"""Why ambient clients call a service past any waypoint, so that no route or traffic rule acts."""

from meshlint.mesh.derived import Cause
from meshlint.mesh.routing.at_waypoint import Surroundings, in_front
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple


class Bypass(NamedTuple):
    """
    Ambient clients call a service directly.

    `reason` says in words why no waypoint is between, `because` shows the lines: first the label that comes
    to nothing or opts out, if there is one. `state` is that of the binding: BOUND only where the service has
    no virtual IP, so that ztunnel does not know its traffic.
    """

    service: Resource
    state: BindingState
    has_virtual_ip: bool
    reason: str
    because: tuple[Cause, ...]


def bypass(service: Resource, callers: Cause, around: Surroundings) -> Bypass | None:
    """
    Why ambient clients pass by any waypoint of a service; None if they do not, or that is not known.

    None also where a label names a Gateway that is no waypoint: calls fail there. `callers` is a line by
    which there are such clients.
    """
    if in_front(service, around).value is not False:
        return None
    binding, address = around.bind(service), around.virtual_ip(service)
    has_virtual_ip = address.value is not False
    if not has_virtual_ip:
        asked = binding.because if binding.state is BindingState.BOUND else ()
        reason, because = "has no virtual IP", (*address.because, *asked)
    elif binding.state is BindingState.BOUND:
        return None
    else:
        reason, because = _reason(binding), binding.because
    name = f"{service.kind.name} {service.name!r}"
    because = because or (Cause(f"{name} is here, without a label", service.at()),)
    return Bypass(service, binding.state, has_virtual_ip, f"{name} {reason}", (*because, callers))


def _reason(binding: WaypointBinding) -> str:
    match binding.state:
        case BindingState.OPTED_OUT:
            return "opts out of waypoints"
        case BindingState.ABSENT:
            return "has no waypoint"
        case _:
            return (
                f"is not bound to waypoint {binding.wanted.name!r}" if binding.wanted else "has no waypoint"
            )
