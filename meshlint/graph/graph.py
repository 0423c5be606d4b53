"""The resources of a set as a graph: what is there, and what refers to what."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from meshlint.graph.known import ABSENT, UNKNOWN, Known, present
from meshlint.graph.scope import Scopes
from meshlint.model.kind import NAMESPACE, SERVICE, Kind, ResourceRef, is_cluster_wide
from meshlint.model.kinds.core import Service
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.source.document import Location, Manifest
from meshlint.source.outline import is_outline

if TYPE_CHECKING:
    import networkx as nx

R = TypeVar("R", bound=Resource)


class Relation(Enum):
    """In which way one object refers to another."""

    IN_NAMESPACE = "is in"
    SELECTS = "selects"
    TARGETS = "targets"
    PARENT = "attaches to"
    BACKEND = "sends to"
    OF_CLASS = "is of class"
    USES_WAYPOINT = "uses waypoint"
    CALLS = "has the API server call"


class Edge(NamedTuple):
    """One object refers to another, which may not be in the set; `declared_at` is the line that says so."""

    source: Resource
    relation: Relation
    target: ResourceRef
    declared_at: Location


class ResourceGraph:
    """
    Resources and the references between them.

    Look-ups answer in three ways (`Known`): an object that is not in the set is absent only
    where the set is closed. `altered` are the objects that something changes which was not
    applied, each with the place that says so: what is written of them is not what will be there.
    `on_read` is told each kind that is looked at.
    """

    def __init__(
        self,
        resources: Sequence[Resource],
        scopes: Scopes,
        edges: Iterable[Edge] = (),
        altered: Mapping[Manifest, Location] = MappingProxyType({}),
    ) -> None:
        self.resources = resources
        self.scopes = scopes
        self.altered = altered
        self.on_read: Callable[[Kind], object] | None = None
        self._agreeing: dict[ResourceRef, bool] = {}
        self._found: dict[ResourceRef, Known[Resource]] = {}
        self._by_kind: dict[Kind, list[Resource]] = defaultdict(list)
        self._by_ref: dict[ResourceRef, list[Resource]] = defaultdict(list)
        self._members: dict[tuple[Kind, str | None], list[Resource]] = defaultdict(list)
        self._namespaces_of_name: dict[tuple[Kind, str], list[Resource]] = defaultdict(list)
        for resource in resources:
            ref = resource.head.ref
            kind, namespace, name = ref
            self._by_kind[kind].append(resource)
            self._by_ref[ref].append(resource)
            self._members[kind, namespace].append(resource)
            self._namespaces_of_name[kind, name].append(resource)
        self._from: dict[Resource, list[Edge]] = defaultdict(list)
        self._to: dict[ResourceRef, list[Edge]] = defaultdict(list)
        for edge in edges:
            source, _, target, _ = edge
            self._from[source].append(edge)
            self._to[target].append(edge)

    def of_kind(self, *kinds: Kind) -> Iterator[Resource]:
        """All resources of some kinds, in the order of the manifests within each kind."""
        for kind in kinds:
            self._note(kind)
            yield from self._by_kind.get(kind, ())

    def in_namespace(self, namespace: str | None, *kinds: Kind) -> Iterator[Resource]:
        """
        The resources of some kinds in one namespace.

        None stands for the namespace that the manifests do not tell: objects without one are
        taken to be together.
        """
        for kind in kinds:
            self._note(kind)
            yield from self._members.get((kind, namespace), ())

    def named(self, kind: Kind, name: str) -> Sequence[Resource]:
        """The resources of a kind that have some name, in whatever namespace."""
        self._note(kind)
        return self._namespaces_of_name.get((kind, name), ())

    def find(self, ref: ResourceRef) -> Known[Resource]:
        """
        Look an object up.

        Unknown also if the set defines it more than once and the copies differ, if it is altered or only
        said to be there, and if an object of that name stands in the set without telling its namespace,
        or in another set of the run that may be for the same cluster.
        """
        self._note(ref.kind)
        found = self._found.get(ref)
        if found is None:
            found = self._found[ref] = self._look_up(ref)
        return found

    def _look_up(self, ref: ResourceRef) -> Known[Resource]:
        copies = self._by_ref.get(ref, ())
        if copies:
            first = copies[0]
            altered = self.altered and any(copy.manifest in self.altered for copy in copies)
            told = self.agree(ref) and not altered and not is_outline(first.manifest)
            return present(first) if told else UNKNOWN
        if self._may_be_elsewhere(ref):
            return UNKNOWN
        return ABSENT

    def could_be(self, ref: ResourceRef) -> bool:
        """Whether some object may be the one that is meant, if only its namespace were known."""
        if ref.namespace is None:
            is_there = bool(self.named(ref.kind, ref.name))
        else:
            self._note(ref.kind)
            is_there = ref in self._by_ref or ref._replace(namespace=None) in self._by_ref
        return is_there or self.scopes.may_hold_elsewhere(ref)

    def namespace_of(self, resource: Resource) -> Known[Resource]:
        """The Namespace object of a resource; of a Namespace, the object itself."""
        if resource.kind == NAMESPACE:
            return present(resource)
        if resource.namespace is None:
            self._note(NAMESPACE)
            return UNKNOWN
        return self.find(ResourceRef(NAMESPACE, None, resource.namespace))

    def copies(self, ref: ResourceRef) -> Sequence[Resource]:
        """All definitions of one object in the set."""
        self._note(ref.kind)
        return self._by_ref.get(ref, ())

    def agree(self, ref: ResourceRef) -> bool:
        """Whether all definitions of one object say the same."""
        copies = self._by_ref.get(ref, ())
        if len(copies) <= 1:
            return True
        if ref not in self._agreeing:
            first, *others = copies
            self._agreeing[ref] = all(other.says_the_same(first) for other in others)
        return self._agreeing[ref]

    def first_in_file(self, resource: Resource) -> Resource:
        """The first definition of an object in the file that holds this one."""
        return self._firsts.get((resource.ref, resource.manifest.file.path), resource)

    @cached_property
    def _firsts(self) -> Mapping[tuple[ResourceRef, str], Resource]:
        firsts: dict[tuple[ResourceRef, str], Resource] = {}
        for copies in self.duplicated():
            for copy in copies:
                firsts.setdefault((copy.ref, copy.manifest.file.path), copy)
        return firsts

    def duplicated(self) -> Iterator[Sequence[Resource]]:
        """The objects that are defined more than once, each with its definitions."""
        return (copies for ref, copies in self._by_ref.items() if len(copies) > 1 and ref.name)

    @cached_property
    def overlaps(self) -> Mapping[tuple[str, str], Sequence[Resource]]:
        """What one file defines and another one again, by the paths of both: the later definitions."""
        overlaps: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        for first, *others in self.duplicated():
            for other in {other.manifest.file.path: other for other in reversed(others)}.values():
                overlaps[first.manifest.file.path, other.manifest.file.path].append(other)
        return overlaps

    def edges_from(self, resource: Resource, *relations: Relation) -> Iterator[Edge]:
        """What a resource refers to."""
        for edge in self._from.get(resource, ()):
            if not relations or edge.relation in relations:
                self._note(edge.target.kind)
                yield edge

    def edges_to(self, ref: ResourceRef, *relations: Relation) -> Iterator[Edge]:
        """What refers to an object, whether the set holds that object or not."""
        for edge in self._to.get(ref, ()):
            if not relations or edge.relation in relations:
                self._note(edge.source.kind)
                yield edge

    def services_of(self, workload: Resource) -> Iterator[Service]:
        """The Services that select the pods of a workload."""
        for edge in self._to.get(workload.ref, ()):
            if edge.relation is Relation.SELECTS and isinstance(edge.source, Service):
                self._note(SERVICE)
                yield edge.source

    def to_networkx(self) -> "nx.MultiDiGraph[ResourceRef]":
        """
        The graph for algorithms and pictures.

        Nodes are `ResourceRef`s with the attribute `resource` (None for an object that is
        referred to but not in the set); edges have `relation` and `declared_at`.
        """
        import networkx as nx  # 200 ms, so only for who asks

        graph: nx.MultiDiGraph[ResourceRef] = nx.MultiDiGraph()
        for resource in self.resources:
            graph.add_node(resource.ref, resource=resource)
        for edges in self._from.values():
            for edge in edges:
                if edge.target not in graph:
                    graph.add_node(edge.target, resource=None)
                graph.add_edge(
                    edge.source.ref, edge.target, relation=edge.relation, declared_at=edge.declared_at
                )
        return graph

    def _may_be_elsewhere(self, ref: ResourceRef) -> bool:
        if is_cluster_wide(ref.kind):
            return not self.scopes.is_cluster_closed(ref.kind)
        return not self.scopes.is_closed(ref.namespace, ref.kind) or self.could_be(ref)

    def _note(self, kind: Kind) -> None:
        if self.on_read:
            self.on_read(kind)
