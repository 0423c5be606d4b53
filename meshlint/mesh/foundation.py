"""The objects of a set and their references: what every fact stands on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from meshlint.graph.graph import Relation
from meshlint.model.kind import CUSTOM_RESOURCE_DEFINITION, SERVICE, WORKLOADS, Kind
from meshlint.model.kinds.core import CustomResourceDefinition, Namespace, Service
from meshlint.model.kinds.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from meshlint.graph.graph import Edge, ResourceGraph
    from meshlint.graph.known import Known
    from meshlint.model.kind import ResourceRef
    from meshlint.model.resource import Resource
    from meshlint.model.version import IstioVersion

F = TypeVar("F")


class Foundation:
    """The objects of a set and their references: what every fact stands on."""

    def __init__(self, graph: ResourceGraph, version: IstioVersion, *, version_known: bool = True) -> None:

        self.graph = graph
        self.version = version
        self.version_known = version_known
        self._facts: dict[tuple[str, Resource], Any] = {}

    def resources(self, *kinds: Kind) -> Iterator[Resource]:
        """All resources of some kinds."""
        return self.graph.of_kind(*kinds)

    def resources_elsewhere(self, *kinds: Kind) -> Iterator[Resource]:
        """The resources of some kinds in the other sets of the run, which may be for another cluster."""
        others = self.graph.scopes.neighbours
        return others.resources(*kinds) if others else iter(())

    def members(self, namespace: Resource, *kinds: Kind) -> Iterator[Resource]:
        """The resources of some kinds in a namespace."""
        return self.graph.in_namespace(namespace.name, *kinds)

    def workloads_in(self, namespace: Resource) -> Iterator[Workload]:
        """The workloads of a namespace."""
        return (member for member in self.members(namespace, *WORKLOADS) if isinstance(member, Workload))

    def workloads_beside(self, resource: Resource) -> Iterator[Workload]:
        """The workloads in the namespace of a resource."""
        members = self.graph.in_namespace(resource.namespace, *WORKLOADS)
        return (member for member in members if isinstance(member, Workload))

    def maker_of(self, workload: Workload) -> Workload | None:
        """The workload of the set that makes another one: a pod's ReplicaSet, a ReplicaSet's Deployment."""
        makers = (copy for owner in workload.owners for copy in self.copies(owner))
        return next((maker for maker in makers if isinstance(maker, Workload)), None)

    def find(self, ref: ResourceRef) -> Known[Resource]:
        """Look an object up; absent only where the set is closed."""
        return self.graph.find(ref)

    def copies(self, ref: ResourceRef) -> Sequence[Resource]:
        """All definitions of an object in the set: usually one, or none."""
        return self.graph.copies(ref)

    def first_in_file(self, resource: Resource) -> Resource:
        """The first definition of an object in the file that holds this one: usually this one itself."""
        return self.graph.first_in_file(resource)

    def namespace_of(self, resource: Resource) -> Namespace | None:
        """The Namespace object of a resource, None if its labels are not known."""
        found = self.graph.namespace_of(resource).value
        return found if isinstance(found, Namespace) else None

    def is_closed(self, namespace: str | None, *kinds: Kind) -> bool:
        """Whether nothing of a namespace, or nothing of some kinds of it, can be missing from the set."""
        return self.graph.scopes.is_closed(namespace, *kinds)

    @property
    def is_applied_together(self) -> bool:
        """Whether all of the set is applied as it is written, rather than found side by side."""
        return self.graph.scopes.together

    def overlap(self, one: Resource, other: Resource) -> Sequence[Resource]:
        """What the file of one object defines and the file of another defines again, as the latter does."""
        return self.graph.overlaps.get((one.manifest.file.path, other.manifest.file.path), ())

    @property
    def is_complete(self) -> bool:
        """Whether nothing at all can be missing from the set."""
        return self.graph.scopes.cluster

    def is_altered(self, resource: Resource) -> bool:
        """Whether something that was not applied changes an object: it is not there as it is written."""
        return resource.manifest in self.graph.altered

    def policies_targeting(self, ref: ResourceRef) -> Iterator[Edge]:
        """The `targetRefs` that name an object."""
        return self.graph.edges_to(ref, Relation.TARGETS)

    def policies_selecting(self, workload: Workload) -> Iterator[Edge]:
        """The policies whose selector names labels of the pods, Services aside."""
        edges = self.graph.edges_to(workload.ref, Relation.SELECTS)
        return (edge for edge in edges if edge.source.kind != SERVICE)

    def selected_workloads(self, resource: Resource) -> Iterator[Edge]:
        """The workloads that the selector of a Service or a policy selects."""
        return self.graph.edges_from(resource, Relation.SELECTS)

    def services_of(self, workload: Workload) -> tuple[Service, ...]:
        """The Services that select the pods of a workload."""
        return tuple(self.graph.services_of(workload))

    def defines(self, kind: Kind) -> bool:
        """Whether a CustomResourceDefinition of the set defines a kind."""
        return kind in self._defined_kinds

    @cached_property
    def _defined_kinds(self) -> frozenset[Kind]:
        found = self.resources(CUSTOM_RESOURCE_DEFINITION)
        return frozenset(crd.defines for crd in found if isinstance(crd, CustomResourceDefinition))

    def could_be(self, ref: ResourceRef) -> bool:
        """Whether the set holds an object that a reference may mean, if only its namespace were known."""
        return self.graph.could_be(ref)

    def _fact(self, name: str, subject: Resource, derive: Callable[[], F]) -> F:
        key = (name, subject)
        try:
            fact: F = self._facts[key]
        except KeyError:
            fact = self._facts[key] = derive()
        return fact
