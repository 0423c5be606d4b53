"""From resources to edges: every reference that a manifest declares, with the line that does."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.graph.scope import Scopes
from meshlint.model.keys import USE_WAYPOINT
from meshlint.model.kind import GATEWAY_CLASS, NAMESPACE, ResourceRef, is_cluster_wide
from meshlint.model.kinds.core import ApiExtension, Namespace, Service
from meshlint.model.kinds.gateway import Gateway, ObjectReference, Route
from meshlint.model.kinds.policy import PeerAuthentication, TargetedPolicy
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.references import waypoint_reference
from meshlint.model.resource import Resource
from meshlint.source.document import FieldPath, Location, Manifest


def build_graph(
    resources: Sequence[Resource], scopes: Scopes, altered: Mapping[Manifest, Location] = MappingProxyType({})
) -> ResourceGraph:
    """Link resources by everything that they say of each other."""
    pods = _PodIndex(resources)
    edges = (edge for resource in resources for edge in _edges(resource, pods))
    return ResourceGraph(resources, scopes, edges, altered)


class _PodIndex:
    """Workloads by namespace and pod label, so that no selector looks at every workload."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._by_label: dict[tuple[str | None, str, str], list[Workload]] = defaultdict(list)
        for workload in resources:
            if isinstance(workload, Workload):
                for key, value in workload.pod_labels.items():
                    self._by_label[workload.namespace, key, value].append(workload)

    def selected(self, namespace: str | None, selector: Mapping[str, str]) -> Iterator[Workload]:
        """The workloads whose pods have all the labels; none for an empty selector."""
        if not selector:
            return
        candidates = min(
            (self._by_label.get((namespace, key, value), []) for key, value in selector.items()), key=len
        )
        for workload in candidates:
            if all(workload.pod_labels.get(key) == value for key, value in selector.items()):
                yield workload


def _edges(resource: Resource, pods: _PodIndex) -> Iterator[Edge]:
    if resource.namespace is not None:
        namespace = ResourceRef(NAMESPACE, None, resource.namespace)
        yield Edge(resource, Relation.IN_NAMESPACE, namespace, resource.at("metadata", "namespace"))
    match resource:
        case Service():
            yield from _selected(resource, resource.selector, ("spec", "selector"), pods)
            yield from _uses_waypoint(resource)
        case Workload() | WorkloadEntry() | Namespace() | ServiceEntry():
            yield from _uses_waypoint(resource)
        case Gateway():
            reference = ResourceRef(GATEWAY_CLASS, None, resource.class_name)
            yield Edge(resource, Relation.OF_CLASS, reference, resource.at("spec", "gatewayClassName"))
        case Route():
            yield from (_reference(resource, Relation.PARENT, parent) for parent in resource.parents)
            yield from (_reference(resource, Relation.BACKEND, backend) for backend in resource.backends)
        case TargetedPolicy():
            yield from (_reference(resource, Relation.TARGETS, target) for target in resource.targets)
            yield from _selected(resource, resource.selector or {}, ("spec", "selector"), pods)
        case PeerAuthentication():
            yield from _selected(resource, resource.selector or {}, ("spec", "selector"), pods)
        case ApiExtension():
            for call in resource.calls:
                yield Edge(resource, Relation.CALLS, call.service, resource.at(*call.path, "name"))
        case _:
            pass


def _selected(
    resource: Resource, selector: Mapping[str, str], path: tuple[str, ...], pods: _PodIndex
) -> Iterator[Edge]:
    for workload in pods.selected(resource.namespace, selector):
        yield Edge(resource, Relation.SELECTS, workload.ref, resource.at(*path))


def _reference(resource: Resource, relation: Relation, reference: ObjectReference) -> Edge:
    namespace = None
    if not is_cluster_wide(reference.kind):
        namespace = reference.namespace if reference.namespace is not None else resource.namespace
    target = ResourceRef(reference.kind, namespace, reference.name)
    return Edge(resource, relation, target, resource.at(*reference.path, "name"))


def _uses_waypoint(resource: Resource) -> Iterator[Edge]:
    for labels, way in _labels(resource):
        if USE_WAYPOINT in labels:
            own = resource.name if resource.kind == NAMESPACE else resource.namespace
            gateway = waypoint_reference(labels, own)
            if gateway is not None:
                yield Edge(resource, Relation.USES_WAYPOINT, gateway, resource.at(*way, USE_WAYPOINT))


def _labels(resource: Resource) -> Iterator[tuple[Mapping[str, str], FieldPath]]:
    """The labels by which a resource may use a waypoint, each with the way to them."""
    match resource:
        case Workload():
            yield resource.pod_labels, (*resource.template, "metadata", "labels")
        case ServiceEntry():
            yield resource.labels, ("metadata", "labels")
            for endpoint in resource.endpoints:
                yield endpoint.labels, (*endpoint.path, "labels")
        case _:
            yield resource.labels, ("metadata", "labels")
