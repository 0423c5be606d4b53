"""Which waypoint stands in front of a service for its ambient clients, if one really does."""

from collections.abc import Callable

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.routing.egress import is_served
from meshlint.mesh.routing.hosts import HostIndex
from meshlint.mesh.routing.service_port import PortTraffic, traffic
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple


class Surroundings(NamedTuple):
    """What the rules of routing ask of the rest of the mesh."""

    graph: ResourceGraph
    version: IstioVersion
    hosts: HostIndex
    root_namespace: str
    bind: Callable[[Resource], WaypointBinding]
    virtual_ip: Callable[[Resource], Derived[bool | None]]
    judge: Callable[[Gateway], Derived[bool | None]]
    switch: Callable[[str], Derived[bool | None]]


class InFront(NamedTuple):
    """Whether a waypoint takes the calls to a service, and which; None where that is not known."""

    value: bool | None
    waypoint: ResourceRef | None
    because: tuple[Cause, ...]


def in_front(service: Resource, around: Surroundings) -> InFront:
    """
    The waypoint that the calls of ambient clients to a service go through.

    The service is bound to it, ztunnel knows the service by a virtual IP, and behind the Gateway's name
    there is a waypoint.
    """
    address = around.virtual_ip(service)
    if address.value is False:
        return InFront(False, None, address.because)
    binding = around.bind(service)
    if binding.state is BindingState.UNKNOWN:
        return InFront(None, None, binding.because)
    if binding.state is not BindingState.BOUND or binding.gateway is None:
        none = Cause(f"{service.kind.name} {service.name!r} has no waypoint", service.at())
        return InFront(False, None, binding.because or (none,))
    judged = around.judge(binding.gateway)
    if judged.value is False:
        return InFront(False, None, judged.because)
    if judged.value is None or address.value is None:
        return InFront(None, binding.wanted, judged.because if judged.value is None else address.because)
    return InFront(True, binding.wanted, binding.because)


def served_ports(service: Resource, around: Surroundings) -> dict[int, PortTraffic]:
    """The ports that a waypoint serves, by number, with what they carry; none if the manifest tells none."""
    ports: dict[int, PortTraffic] = {}
    match service:
        case Service():
            for port in service.ports:
                carried = traffic(port, around.version)
                if port.number is not None and carried is not PortTraffic.UDP:
                    ports[port.number] = carried
        case ServiceEntry():
            for entry_port in service.ports:
                served = is_served(service, entry_port, around.version, around.switch).value
                if entry_port.number is not None and served is not False:
                    ports[entry_port.number] = traffic(entry_port, around.version)
        case _:
            pass
    return ports


def tells_ports(service: Resource) -> bool:
    """Whether the manifest of a service tells its ports; a patch of one may not."""
    return isinstance(service, Service | ServiceEntry) and bool(service.ports)
