"""Which VirtualServices lead calls to a host outside of the mesh by way of an egress gateway."""

from collections.abc import Callable, Iterator

from meshlint.mesh.derived import Cause
from meshlint.mesh.routing.at_waypoint import Surroundings
from meshlint.mesh.routing.hosts import CLUSTER_DOMAIN, full_name, matches
from meshlint.mesh.routing.route_parents import is_made_by_a_gateway
from meshlint.model.kind import SERVICE, VIRTUAL_SERVICE, ResourceRef
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.traffic import Destination, ServiceEntry, TrafficRule, VirtualService
from meshlint.named import NamedTuple
from meshlint.source.document import Location

_CLUSTER = f".svc.{CLUSTER_DOMAIN}"


class EgressDetour(NamedTuple):
    """Calls inside the mesh to a host of a ServiceEntry go to a gateway; `because` shows that it is one."""

    host: str
    at: Location
    entry: ServiceEntry
    gateway: str
    because: tuple[Cause, ...]


def egress_detours(
    rule: VirtualService, is_gateway: Callable[[Service], bool], around: Surroundings
) -> Iterator[EgressDetour]:
    """
    The detours of a VirtualService, at most one for a host.

    A Service in the cluster is a gateway if its pods are, if istiod deploys it for a Gateway, or if a
    VirtualService for gateways leads the same host on. `is_gateway` tells of the pods.
    """
    if not rule.is_for_mesh:
        return
    for index, host in enumerate(rule.hosts):
        entry = next((s for s in around.hosts.matching(host) if _is_outside(s)), None)
        if not isinstance(entry, ServiceEntry):
            continue
        for destination in _of_mesh(rule):
            cause = _gateway_cause(rule, host, destination, is_gateway, around)
            if cause is not None:
                at = rule.at("spec", "hosts", index)
                sent = Cause("calls inside the mesh are sent there", rule.at(*destination.path, "host"))
                yield EgressDetour(host, at, entry, destination.host, (sent, cause))
                break


def _is_outside(service: object) -> bool:
    return isinstance(service, ServiceEntry) and service.location == "MESH_EXTERNAL"


def _of_mesh(rule: VirtualService) -> Iterator[Destination]:
    return (found for block in rule.rules if block.is_for_mesh for found in rule.destinations_of(block))


def _gateway_cause(
    rule: VirtualService,
    host: str,
    destination: Destination,
    is_gateway: Callable[[Service], bool],
    around: Surroundings,
) -> Cause | None:
    """What shows that a destination is a gateway for a host; None if nothing does."""
    full = full_name(destination.host, rule.namespace)
    if full is None or not full.endswith(_CLUSTER):
        return None
    for service in around.hosts.named(full):
        if isinstance(service, Service) and is_gateway(service):
            return Cause("its pods are a gateway", service.at())
    name, _, namespace = full.removesuffix(_CLUSTER).partition(".")
    if is_made_by_a_gateway(ResourceRef(SERVICE, namespace, name), around.graph, around.version):
        return Cause("Istio makes this Service for a Gateway", rule.at(*destination.path, "host"))
    return next(_led_on(host, full, around), None)


def _led_on(host: str, gateway: str, around: Surroundings) -> Iterator[Cause]:
    """The rules for gateways that lead a host on to anywhere but to the gateway itself."""
    for rule in around.graph.of_kind(VIRTUAL_SERVICE):
        if not isinstance(rule, VirtualService) or not any(name != "mesh" for name in rule.gateways):
            continue
        if any(matches(host, own) for own in rule.hosts):
            for block in rule.rules:
                if block.is_for_gateways and _leads_elsewhere(rule, block, gateway):
                    yield Cause("a gateway leads the same host on", rule.at(*block.path))


def _leads_elsewhere(rule: VirtualService, block: TrafficRule, gateway: str) -> bool:
    hosts = (full_name(found.host, rule.namespace) for found in rule.destinations_of(block))
    return any(host != gateway for host in hosts)
