"""What would need a waypoint to be of any effect, and has none."""

from collections.abc import Callable, Collection, Iterable, Iterator

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.mesh.derived import Cause
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
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
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.traffic import DestinationRule, ServiceEntry, VirtualService
from meshlint.model.resource import Resource
from meshlint.source.document import Location

Bind = Callable[[Resource], WaypointBinding]


def dependents(graph: ResourceGraph, gateway: Gateway, bind: Bind) -> Iterator[Cause]:
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
    for service in without:
        yield from _traffic_rules(graph, service)


def possible_dependents(graph: ResourceGraph, gateway: Gateway) -> Iterator[Cause]:
    """What may need a waypoint: policies and routes for Services beside it that the set does not hold."""
    for resource in graph.in_namespace(gateway.namespace, *TARGETED_POLICIES, *ROUTES):
        for edge in graph.edges_from(resource, Relation.TARGETS, Relation.PARENT):
            target = edge.target
            is_beside = target.kind in (SERVICE, SERVICE_ENTRY) and target.namespace == gateway.namespace
            if is_beside and not graph.copies(target):
                whose = f"{target.kind.name} {target.name!r}, which is not among these manifests"
                yield Cause(f"{_name(resource)} may need it for {whose}", edge.declared_at)


def hanging_policies(graph: ResourceGraph, binding: WaypointBinding, bind: Bind) -> Iterator[Cause]:
    """
    The policies that nobody enforces when a request for a waypoint comes to nothing.

    Those with `targetRefs` to what asks, to the Services that rely on the label of their Namespace,
    and to the waypoint itself if there is none.
    """
    subject, wanted = binding.asked_by, binding.wanted
    if subject is None or wanted is None:
        return
    refs, namespace = {subject.ref}, subject.namespace
    if isinstance(subject, Namespace):
        namespace = subject.name
        refs = {s.ref for s in _services(graph, namespace) if bind(s).asked_by is subject}
    edges = list(_referring(graph, namespace, refs, TARGETED_POLICIES))
    if binding.gateway is None:
        edges.extend(_referring(graph, wanted.namespace, {wanted}, TARGETED_POLICIES))
    for edge in edges:
        yield Cause(f"{_name(edge.source)} is enforced by nobody", edge.declared_at)


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


def _traffic_rules(graph: ResourceGraph, service: Resource) -> Iterator[Cause]:
    """The VirtualServices and DestinationRules for a Service, of those in its namespace."""
    for rule in graph.in_namespace(service.namespace, VIRTUAL_SERVICE, DESTINATION_RULE):
        at = _host_at(rule, service)
        if at is not None:
            yield Cause(f"{_name(rule)} needs a waypoint for {_name(service)}", at)


def _host_at(rule: Resource, service: Resource) -> Location | None:
    match rule:
        case VirtualService() if rule.is_for_mesh:
            hosts = (i for i, host in enumerate(rule.hosts) if _is_host_of(host, service))
            first = next(hosts, None)
            return rule.at("spec", "hosts", first) if first is not None else None
        case DestinationRule() if _does_more_than_tls(rule) and _is_host_of(rule.host, service):
            return rule.at("spec", "host")
        case _:
            return None


def _does_more_than_tls(rule: DestinationRule) -> bool:
    policy = rule.manifest.value("spec", "trafficPolicy")
    return isinstance(policy, dict) and bool(policy.keys() - {"tls"})


def _is_host_of(host: str, service: Resource) -> bool:
    if isinstance(service, ServiceEntry):
        return host in service.hosts
    name = f"{service.name}.{service.namespace}"
    return host in (service.name, name, f"{name}.svc") or host.startswith(f"{name}.svc.")


def _name(resource: Resource) -> str:
    return f"{resource.kind.name} {resource.name!r}"
