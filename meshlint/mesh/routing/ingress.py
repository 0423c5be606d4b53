"""By which routes the ingress gateways of Istio send to a service."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from meshlint.graph.known import Known
from meshlint.mesh.routing.at_waypoint import Surroundings
from meshlint.mesh.routing.route_backends import conversion, receivers
from meshlint.mesh.routing.route_parents import RouteParent
from meshlint.mesh.routing.virtual_services import MESH
from meshlint.mesh.waypoints.binding import class_of
from meshlint.mesh.waypoints.waypoint import GATEWAY_CONTROLLER, controller_of
from meshlint.model.kind import GATEWAY, ROUTES, VIRTUAL_SERVICE
from meshlint.model.kinds.gateway import Gateway, Route
from meshlint.model.kinds.traffic import Destination, ServiceEntry, TrafficRule, VirtualService
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.source.document import Location


class IngressRoute(NamedTuple):
    """
    A route by which an ingress gateway sends to a service, and the line that names the service.

    `gateways` are those of the Gateway API that take it; none for a VirtualService. `port` is the service's,
    None where the route does not name it.
    """

    route: Resource
    gateways: tuple[Gateway, ...]
    at: Location
    port: int | None = None


def ingress_routes(
    around: Surroundings,
    parents: Callable[[Route], Sequence[RouteParent]],
    service_of_host: Callable[[str, str | None], Known[Resource]],
) -> Mapping[Resource, Sequence[IngressRoute]]:
    """The routes of ingress gateways, by the Service or ServiceEntry of the set that they lead to."""
    found: dict[Resource, list[IngressRoute]] = defaultdict(list)
    for route in around.graph.of_kind(*ROUTES):
        if isinstance(route, Route):
            for service, leading in _of_route(route, parents(route), around):
                found[service].append(leading)
    for rule in around.graph.of_kind(VIRTUAL_SERVICE):
        if isinstance(rule, VirtualService):
            for service, leading in _of_virtual_service(rule, service_of_host):
                found[service].append(leading)
    return found


def _of_route(
    route: Route, parents: Sequence[RouteParent], around: Surroundings
) -> Iterator[tuple[Resource, IngressRoute]]:
    gateways = tuple(_taking(parents, around))
    if not gateways or conversion(route, around, in_mesh=False).is_lost:
        return
    for backend, service in receivers(route, around):
        at = route.at(*backend.reference.path, "name")
        yield service, IngressRoute(route, gateways, at, backend.reference.port)


def _taking(parents: Sequence[RouteParent], around: Surroundings) -> Iterator[Gateway]:
    """The ingress gateways that certainly take a route. An east-west gateway minds waypoints by itself."""
    for parent in parents:
        found = around.graph.find(parent.ref).value if parent.ref.kind == GATEWAY else None
        if parent.respected and isinstance(found, Gateway):
            its_class = class_of(around.graph, found)
            if controller_of(found, its_class, around.version) == GATEWAY_CONTROLLER:
                yield found


def _of_virtual_service(
    rule: VirtualService, service_of_host: Callable[[str, str | None], Known[Resource]]
) -> Iterator[tuple[Resource, IngressRoute]]:
    if not any(name != MESH for name in rule.gateways):
        return
    for destination in rule.destinations:
        service = service_of_host(destination.host, rule.namespace).value
        # From the mesh to a gateway and on to a ServiceEntry is the way out.
        is_egress = isinstance(service, ServiceEntry) and rule.is_for_mesh
        if service is not None and not is_egress and _is_for_gateways(rule, destination):
            at = rule.at(*destination.path, "host")
            yield service, IngressRoute(rule, (), at, destination.port)


def _is_for_gateways(rule: VirtualService, destination: Destination) -> bool:
    """Whether the rule that a destination stands in is not kept to the mesh by all of its matches."""
    rules: tuple[TrafficRule, ...] = (*rule.http, *rule.tcp, *rule.tls)
    matches = next((r.matches for r in rules if r.path == destination.path[: len(r.path)]), ())
    if not matches:
        return True
    return any(not match.gateways or any(name != MESH for name in match.gateways) for match in matches)
