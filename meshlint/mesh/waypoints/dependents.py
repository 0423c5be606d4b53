"""What would need a waypoint to be of any effect, and has none."""

from collections.abc import Callable, Collection, Iterable, Iterator

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.mesh.derived import Cause
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.mesh.waypoints.traffic_policy import traffic_settings
from meshlint.model.kind import (
    DESTINATION_RULE,
    ROUTES,
    SERVICE,
    SERVICE_ENTRY,
    TARGETED_POLICIES,
    VIRTUAL_SERVICE,
    Kind,
    ResourceRef,
)
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.traffic import DestinationRule, ServiceEntry, VirtualService
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.source.document import FieldPath, Location

Bind = Callable[[Resource], WaypointBinding]


def dependents(graph: ResourceGraph, gateway: Gateway, bind: Bind, version: IstioVersion) -> Iterator[Cause]:
    """
    What only a waypoint would enforce: what names this one, or a Service beside it that has none.

    ztunnel knows neither routes, nor DestinationRules, nor policies with `targetRefs`
    (istio `pilot/pkg/serviceregistry/ambient/authorization.go`, and
    `pilot/pkg/networking/core/waypoint.go` for who reads them; all versions).
    """
    kinds = (*TARGETED_POLICIES, *ROUTES)
    for edge in _referring(graph, gateway.namespace, {gateway.ref}, kinds):
        yield Cause(f"{_name(edge.source)} is for this waypoint", edge.declared_at)
    without = [s for s in _services(graph, gateway.namespace) if _asks_for_none(bind(s))]
    for edge in _referring(graph, gateway.namespace, {service.ref for service in without}, kinds):
        target = f"{edge.target.kind.name} {edge.target.name!r}"
        yield Cause(f"{_name(edge.source)} needs a waypoint for {target}", edge.declared_at)
    for rule, service, at in _traffic_rules(graph, gateway.namespace, without, version):
        yield Cause(f"{_name(rule)} needs a waypoint for {_name(service)}", at)


def possible_dependents(graph: ResourceGraph, gateway: Gateway) -> Iterator[Cause]:
    """What may need a waypoint: policies and routes for Services beside it that the set does not hold."""
    for resource in graph.in_namespace(gateway.namespace, *TARGETED_POLICIES, *ROUTES):
        for edge in graph.edges_from(resource, Relation.TARGETS, Relation.PARENT):
            target = edge.target
            is_beside = target.kind in (SERVICE, SERVICE_ENTRY) and target.namespace == gateway.namespace
            if is_beside and not graph.copies(target):
                whose = f"{target.kind.name} {target.name!r}, which is not among these manifests"
                yield Cause(f"{_name(resource)} may need it for {whose}", edge.declared_at)


def hanging_policies(
    graph: ResourceGraph, binding: WaypointBinding, bind: Bind, version: IstioVersion
) -> Iterator[Cause]:
    """
    What nobody enforces when a request for a waypoint comes to nothing.

    Policies with `targetRefs` to what asks, to the Services that rely on the label of their Namespace, and to
    the waypoint itself if there is none; the routes and traffic rules for those Services.
    """
    subject, wanted = binding.asked_by, binding.wanted
    if subject is None or wanted is None:
        return
    services, namespace = [subject], subject.namespace
    if isinstance(subject, Namespace):
        namespace = subject.name
        services = [s for s in _services(graph, namespace) if bind(s).asked_by is subject]
    refs = {service.ref for service in services}
    edges = list(_referring(graph, namespace, refs, TARGETED_POLICIES))
    if binding.gateway is None:
        edges.extend(_referring(graph, wanted.namespace, {wanted}, TARGETED_POLICIES))
    for edge in edges:
        yield Cause(f"{_name(edge.source)} is enforced by nobody", edge.declared_at)
    for edge in _referring(graph, namespace, refs, ROUTES):
        yield Cause(f"{_name(edge.source)} is not followed by ambient clients", edge.declared_at)
    for rule, _, at in _traffic_rules(graph, namespace, services, version):
        yield Cause(f"{_name(rule)} is not followed by ambient clients", at)


def _asks_for_none(binding: WaypointBinding) -> bool:
    """No label of the set asks for a waypoint, though one of a Namespace that is not in it may."""
    is_open = binding.state is BindingState.UNKNOWN and binding.wanted is None
    return is_open or binding.state is BindingState.ABSENT


def _services(graph: ResourceGraph, namespace: str | None) -> Iterator[Resource]:
    return graph.in_namespace(namespace, SERVICE, SERVICE_ENTRY)


def _referring(
    graph: ResourceGraph, namespace: str | None, refs: Collection[ResourceRef], kinds: Iterable[Kind]
) -> Iterator[Edge]:
    """What policies and routes of a namespace say of some objects there: they reach no further."""
    for resource in graph.in_namespace(namespace, *kinds):
        for edge in graph.edges_from(resource, Relation.TARGETS, Relation.PARENT):
            if edge.target in refs:
                yield edge


def _traffic_rules(
    graph: ResourceGraph, namespace: str | None, services: Iterable[Resource], version: IstioVersion
) -> Iterator[tuple[Resource, Resource, Location]]:
    """The VirtualServices and DestinationRules of a namespace for some Services there, by their hosts."""
    named = {host: service for service in services for host in _hosts(service)}
    if not named:
        return
    for rule in graph.in_namespace(namespace, VIRTUAL_SERVICE, DESTINATION_RULE):
        for host, path in _rule_hosts(rule, version):
            if host in named:
                yield rule, named[host], rule.at(*path)


def _rule_hosts(rule: Resource, version: IstioVersion) -> Iterator[tuple[str, FieldPath]]:
    """The hosts for which a rule asks something of a waypoint, and where they stand."""
    match rule:
        case VirtualService() if rule.is_for_mesh:
            yield from ((host, ("spec", "hosts", index)) for index, host in enumerate(rule.hosts))
        case DestinationRule() if any(traffic_settings(rule, version)):
            yield rule.host, ("spec", "host")
        case _:
            pass


def _hosts(service: Resource) -> tuple[str, ...]:
    """How the rules of its own namespace name a Service or ServiceEntry."""
    match service:
        case ServiceEntry():
            return service.hosts
        case Service():
            name = f"{service.name}.{service.namespace}"
            return (service.name, name, f"{name}.svc", f"{name}.svc.cluster.local")
        case _:
            return ()


def _name(resource: Resource) -> str:
    return f"{resource.kind.name} {resource.name!r}"
