"""The one object that a check is given to look around in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.graph.known import Known
from meshlint.mesh import dataplane, installation, waypoint
from meshlint.mesh.binding import WaypointBinding, WaypointBindings, class_of, waypoint_label_holders
from meshlint.mesh.dataplane import DataplaneMode, EnrollmentRules, InjectionSource
from meshlint.mesh.derived import Derived
from meshlint.mesh.installation import EnablementSelector, Values
from meshlint.model.keys import USE_WAYPOINT, USE_WAYPOINT_CANARY, USE_WAYPOINT_CANARY_NAMESPACE
from meshlint.model.kind import (
    GATEWAY,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    WORKLOADS,
    Kind,
    ResourceRef,
)
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.source.document import FieldPath, Location

F = TypeVar("F")

DEFAULT_EXCLUDED = frozenset({"kube-system"})
"""What istio-cni leaves alone by default from 1.22 (`manifests/charts/istio-cni/values.yaml`)."""


class Mesh:
    """
    What ambient mode makes of a set of manifests.

    Facts are worked out when they are first asked for, and once. `version` is the Istio version
    that they hold for; `version_known` is False where it is only assumed.
    """

    def __init__(self, graph: ResourceGraph, version: IstioVersion, *, version_known: bool = True) -> None:
        self.graph = graph
        self.version = version
        self.version_known = version_known
        self._bindings = WaypointBindings(graph, version)
        self._facts: dict[tuple[str, Resource], Any] = {}

    # What is there

    def resources(self, *kinds: Kind) -> Iterator[Resource]:
        """All resources of some kinds."""
        return self.graph.of_kind(*kinds)

    def members(self, namespace: Resource, *kinds: Kind) -> Iterator[Resource]:
        """The resources of some kinds in a namespace."""
        return self.graph.in_namespace(namespace.name, *kinds)

    def workloads_in(self, namespace: Resource) -> Iterator[Workload]:
        """The workloads of a namespace."""
        return (member for member in self.members(namespace, *WORKLOADS) if isinstance(member, Workload))

    def find(self, ref: ResourceRef) -> Known[Resource]:
        """Look an object up; absent only where the set is closed."""
        return self.graph.find(ref)

    def copies(self, ref: ResourceRef) -> Sequence[Resource]:
        """All definitions of an object in the set: usually one, or none."""
        return self.graph.copies(ref)

    def namespace_of(self, resource: Resource) -> Namespace | None:
        """The Namespace object of a resource, None if its labels are not known."""
        found = self.graph.namespace_of(resource).value
        return found if isinstance(found, Namespace) else None

    def is_closed(self, namespace: str | None) -> bool:
        """Whether nothing of a namespace can be missing from the set."""
        return self.graph.scopes.is_closed(namespace)

    def policies_targeting(self, ref: ResourceRef) -> Iterator[Edge]:
        """The `targetRefs` that name an object."""
        return self.graph.edges_to(ref, Relation.TARGETS)

    # Enrolment

    def dataplane_mode(self, workload: Workload) -> Derived[DataplaneMode]:
        """What the pods of a workload will run in, and because of which labels."""
        return self._fact(
            "dataplane_mode",
            workload,
            lambda: dataplane.dataplane_mode(workload, self.namespace_of(workload), self.enrollment_rules),
        )

    def selects_ambient(self, namespace: Namespace) -> Derived[bool]:
        """Whether a namespace's labels choose ambient mode for its pods."""
        return dataplane.selects_ambient(namespace, self.enrollment_rules)

    def namespace_injection(self, namespace: Namespace) -> Derived[InjectionSource | None]:
        """Which of a namespace's labels has sidecars injected, if one does."""
        return dataplane.namespace_injection(namespace, self.enrollment_rules)

    @cached_property
    def enrollment_rules(self) -> EnrollmentRules:
        """What decides enrolment beside labels."""
        return EnrollmentRules(
            version=self.version,
            selectors=self.enablement_selectors,
            excluded=self.excluded_namespaces,
            revisions=installation.installed_revisions(self.graph),
        )

    @cached_property
    def enablement_selectors(self) -> Derived[tuple[EnablementSelector, ...]] | None:
        """Custom rules for which pods are ambient; None for Istio's own."""
        return installation.enablement_selectors(self.graph)

    @cached_property
    def excluded_namespaces(self) -> Derived[frozenset[str]]:
        """The namespaces that istio-cni leaves alone; without causes it is the default."""
        return installation.excluded_namespaces(self.graph) or Derived(DEFAULT_EXCLUDED)

    @cached_property
    def chart_values(self) -> tuple[Values, ...]:
        """All values for Istio's charts that the manifests hold."""
        return tuple(installation.chart_values(self.graph))

    # Waypoints

    def is_waypoint(self, gateway: Gateway) -> Derived[bool | None]:
        """Whether a Gateway is a waypoint; None for a class that is not Istio's own."""
        return waypoint.is_waypoint(gateway, class_of(self.graph, gateway))

    def traffic_type(self, gateway: Gateway) -> Derived[str | None]:
        """What traffic a waypoint is for, as written; None if that cannot be known."""
        return waypoint.traffic_type(gateway, class_of(self.graph, gateway))

    def waypoint_binding(self, subject: Resource) -> WaypointBinding:
        """Which waypoint an object gets, by its own label or its namespace's."""
        return self._fact("waypoint_binding", subject, lambda: self._bindings.effective(subject))

    def waypoint_requests(self, subject: Resource) -> tuple[WaypointBinding, ...]:
        """What becomes of each `use-waypoint` label that an object itself carries."""
        return self._fact("waypoint_requests", subject, lambda: tuple(self._bindings.own(subject)))

    def shadowed_request(self, subject: Resource) -> Location | None:
        """The namespace's `use-waypoint` that an object's own label hides; None if there is none."""
        namespace = self.namespace_of(subject)
        if namespace is None or USE_WAYPOINT not in namespace.labels:
            return None
        return namespace.label_at(USE_WAYPOINT)

    def waypoint_label_holders(self, subject: Resource) -> Iterator[tuple[Mapping[str, str], FieldPath]]:
        """Where an object can carry `use-waypoint` for Istio to read it: labels, and the way to them."""
        return waypoint_label_holders(subject)

    def gateways_named(self, name: str) -> Iterator[Gateway]:
        """The Gateways of a name, in whatever namespace."""
        return (gateway for gateway in self.graph.named(GATEWAY, name) if isinstance(gateway, Gateway))

    def gateways_in(self, namespace: str | None) -> Iterator[Gateway]:
        """The Gateways of a namespace."""
        return (g for g in self.graph.in_namespace(namespace, GATEWAY) if isinstance(g, Gateway))

    def waypoints(self) -> Iterator[Gateway]:
        """All waypoints of Istio's own classes."""
        for gateway in self.graph.of_kind(GATEWAY):
            if isinstance(gateway, Gateway) and self.is_waypoint(gateway).value:
                yield gateway

    def waypoint_users(self, gateway: Gateway) -> Iterator[Edge]:
        """The `use-waypoint` labels that name a Gateway, whether they bind to it or not."""
        return self.graph.edges_to(gateway.ref, Relation.USES_WAYPOINT)

    def canary_users(self, gateway: Gateway) -> Iterator[Resource]:
        """The objects that name a Gateway as the canary of their waypoint (1.31 and newer)."""
        return iter(self._canary_users.get((gateway.namespace, gateway.name), ()))

    @cached_property
    def _canary_users(self) -> dict[tuple[str | None, str], list[Resource]]:
        users: dict[tuple[str | None, str], list[Resource]] = {}
        for user in self.graph.of_kind(NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, *WORKLOADS):
            labels = user.pod_labels if isinstance(user, Workload) else user.labels
            name = labels.get(USE_WAYPOINT_CANARY)
            if name:
                own = user.name if user.kind == NAMESPACE else user.namespace
                users.setdefault((labels.get(USE_WAYPOINT_CANARY_NAMESPACE, own), name), []).append(user)
        return users

    def _fact(self, name: str, subject: Resource, derive: Callable[[], F]) -> F:
        key = (name, subject)
        if key not in self._facts:
            self._facts[key] = derive()
        fact: F = self._facts[key]
        return fact
