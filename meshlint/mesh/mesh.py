"""The one object that a check is given to look around in."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.graph.known import Known
from meshlint.mesh import carriers, control_plane, dataplane, identity, installation, waypoint
from meshlint.mesh.binding import (
    BindingState,
    WaypointBinding,
    WaypointBindings,
    class_of,
    waypoint_label_holders,
)
from meshlint.mesh.dataplane import DataplaneMode, EnrollmentRules, InjectionSource
from meshlint.mesh.dependents import dependents, hanging_policies
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.identity import SpireIdentity
from meshlint.mesh.installation import EnablementSelector, Values
from meshlint.model.keys import GATEWAY_NAME, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE
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
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.references import canary_reference
from meshlint.model.resource import Resource
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion
from meshlint.source.document import FieldPath, Location

F = TypeVar("F")

_WAYPOINT_USERS = (NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, *WORKLOADS)

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

    def asked_revision(self, namespace: Namespace) -> str | None:
        """The revision whose injector a namespace's `istio.io/rev` asks for, installed or not."""
        return dataplane.asked_revision(namespace)

    def may_get_sidecars(self, namespace: Namespace) -> bool:
        """Whether some pods of a namespace could be injected: false if all of its known ones refuse."""
        modes = [self.dataplane_mode(workload).value for workload in self.workloads_in(namespace)]
        spared = (DataplaneMode.AMBIENT, DataplaneMode.NONE)
        return not modes or any(mode not in spared for mode in modes)

    def enrolls_itself(self, workload: Workload) -> Derived[bool]:
        """Whether the pods' own labels choose ambient mode, whatever their namespace says."""
        return dataplane.enrolls_itself(workload, self.enrollment_rules)

    def label_carriers(self, key: str) -> tuple[Kind, ...]:
        """The kinds from whose labels Istio reads a key of ambient mode; Pod stands for pod templates too."""
        return carriers.label_carriers(key, self.version)

    def workloads_beside(self, resource: Resource) -> Iterator[Workload]:
        """The workloads in the namespace of a resource."""
        members = self.graph.in_namespace(resource.namespace, *WORKLOADS)
        return (member for member in members if isinstance(member, Workload))

    # What ambient mode does not do

    @cached_property
    def ambient_installation(self) -> tuple[Cause, ...]:
        """The lines by which ambient mode is installed."""
        return control_plane.ambient_installation(self.graph, self.chart_values)

    def remote_control_plane(self, resource: Resource) -> tuple[Cause, ...]:
        """The lines of an object that put a control plane outside of the cluster."""
        return control_plane.remote_control_plane(resource, self.chart_values)

    def registration(self, entry: WorkloadEntry) -> Cause | None:
        """The line that shows that a machine registers itself by a WorkloadEntry; None for a destination."""
        return identity.registration(entry)

    def speaks_hbone(self, labels: Mapping[str, str]) -> bool:
        """Whether what is labelled so accepts HBONE itself."""
        return identity.speaks_hbone(labels)

    def spire_identity(self, workload: Workload) -> tuple[SpireIdentity, ...]:
        """The lines of a pod template that ask for an identity from SPIRE."""
        return tuple(identity.spire_identity(workload))

    def is_gateway_proxy(self, workload: Workload) -> bool:
        """Whether the pods are a gateway or a waypoint: injected as one, or deployed from a Gateway."""
        mode = self.dataplane_mode(workload).value
        return mode is DataplaneMode.GATEWAY or self.is_deployed_gateway(workload)

    def is_deployed_gateway(self, workload: Workload) -> bool:
        """Whether istiod deploys the pods for a Gateway of the Gateway API."""
        return GATEWAY_NAME in workload.pod_labels

    def spire_templates(self, resource: Resource) -> tuple[SpireIdentity, ...]:
        """The injection templates with SPIRE that an object's chart values bring along."""
        held = (values for values in self.chart_values if values.resource is resource)
        return tuple(line for values in held for line in identity.spire_templates(values))

    # Enrolment, its rules

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

    def possible_users(self, gateway: Gateway) -> Iterator[Resource]:
        """
        The objects whose labels may name a Gateway: as their waypoint, or from 1.31 as its canary.

        Where the manifests do not tell the namespace of the one or the other, the name decides.
        """
        named = self._users_by_name.get(gateway.name, ())
        return (user for namespace, user in named if _may_be_one(namespace, gateway.namespace))

    def dependents(self, gateway: Gateway) -> Iterator[Cause]:
        """What only a waypoint would enforce: what names this one, or a Service beside it that has none."""
        return dependents(self.graph, gateway, self.waypoint_binding)

    def hanging_policies(self, binding: WaypointBinding) -> Iterator[Cause]:
        """The policies that nobody enforces when a request for a waypoint comes to nothing."""
        return hanging_policies(self.graph, binding, self.waypoint_binding)

    def gateways_of_class(self, gateway_class: GatewayClass) -> Iterator[Gateway]:
        """The Gateways of a class."""
        gateways = self.graph.of_kind(GATEWAY)
        return (g for g in gateways if isinstance(g, Gateway) and g.class_name == gateway_class.name)

    def are_users_known(self, gateway: Gateway) -> bool:
        """Whether whatever may use a waypoint is in the set."""
        admits_others = waypoint.admits_others(gateway, class_of(self.graph, gateway))
        return self.is_complete or (self.is_closed(gateway.namespace) and not admits_others)

    def admits(self, gateway: Gateway, subject: Resource) -> Derived[bool | None]:
        """Whether an object may use a waypoint; None if that takes labels of a namespace not known."""
        return self._bindings.admits(gateway, subject)

    def lost_requests(self) -> Iterator[WaypointBinding]:
        """The `use-waypoint` labels that name no Gateway of the set."""
        return iter(self._lost_requests)

    def near_waypoint(self, binding: WaypointBinding) -> Gateway | None:
        """The waypoint whose name a label's is a slip of; None if there is none, or several."""
        if binding.wanted is None:
            return None
        there = {g.name: g for g in self.gateways_in(binding.wanted.namespace) if self.is_waypoint(g).value}
        near = nearest(binding.wanted.name, there)
        return there[near] if near is not None else None

    def waypoint_elsewhere(self, binding: WaypointBinding) -> Gateway | None:
        """
        The only waypoint of the name that a label asks for, in another namespace than the label means.

        None also where the label names a namespace itself, and where the one that is asked for may
        be missing from the set and this one does not admit the object: they often share one name.
        """
        wanted, subject, at = binding.wanted, binding.asked_by, binding.asked_at
        if wanted is None or wanted.namespace is None or subject is None or self.could_be(wanted):
            return None
        if at and at.manifest and at.manifest.value(*at.field[:-1], USE_WAYPOINT_NAMESPACE) is not None:
            return None
        named = {g.namespace: g for g in self.gateways_named(wanted.name) if self.is_waypoint(g).value}
        match list(named.values()):
            case [only] if binding.state is BindingState.NOT_READY or self.admits(only, subject).value:
                return only
            case _:
                return None

    def could_be(self, ref: ResourceRef) -> bool:
        """Whether the set holds an object that a reference may mean, if only its namespace were known."""
        return any(_may_be_one(ref.namespace, r.namespace) for r in self.graph.named(ref.kind, ref.name))

    @cached_property
    def _users_by_name(self) -> dict[str, list[tuple[str | None, Resource]]]:
        """Who names a waypoint, and in which namespace it is to be, by the waypoint's name."""
        users: dict[str, list[tuple[str | None, Resource]]] = defaultdict(list)
        for user in self.graph.of_kind(*_WAYPOINT_USERS):
            for edge in self.graph.edges_from(user, Relation.USES_WAYPOINT):
                users[edge.target.name].append((edge.target.namespace, user))
            canary = self._canary_of(user)
            if canary is not None:
                users[canary.name].append((canary.namespace, user))
        return users

    def _canary_of(self, user: Resource) -> ResourceRef | None:
        # Pods and WorkloadEntries have no canaries (istiod resolves them in ambient/services.go alone).
        if self.version < IstioVersion(1, 31, 0) or user.kind not in (NAMESPACE, SERVICE, SERVICE_ENTRY):
            return None
        return canary_reference(user.labels, user.name if user.kind == NAMESPACE else user.namespace)

    @cached_property
    def _lost_requests(self) -> tuple[WaypointBinding, ...]:
        return tuple(
            binding
            for user in self.graph.of_kind(*_WAYPOINT_USERS)
            for binding in self.waypoint_requests(user)
            if binding.wanted is not None and not self.could_be(binding.wanted)
        )

    def _fact(self, name: str, subject: Resource, derive: Callable[[], F]) -> F:
        key = (name, subject)
        if key not in self._facts:
            self._facts[key] = derive()
        fact: F = self._facts[key]
        return fact


def _may_be_one(namespace: str | None, other: str | None) -> bool:
    return namespace is None or other is None or namespace == other
