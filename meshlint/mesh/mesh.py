"""The one object that a check is given to look around in."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from meshlint.graph.graph import Edge, Relation, ResourceGraph
from meshlint.graph.known import ABSENT, UNKNOWN, Known, present
from meshlint.mesh import (
    carriers,
    components,
    control_plane,
    dataplane,
    identity,
    injection,
    installation,
    waypoint,
)
from meshlint.mesh.at_waypoint import Surroundings
from meshlint.mesh.attachment import Attachments
from meshlint.mesh.authorization import RuleOutcome, RuleVerdict, ZtunnelRule, rule_verdicts, translate
from meshlint.mesh.binding import (
    BindingState,
    WaypointBinding,
    WaypointBindings,
    class_of,
    waypoint_label_holders,
)
from meshlint.mesh.binding_status import Bound, binding_conditions
from meshlint.mesh.canary import CanaryBinding, canary_binding
from meshlint.mesh.components import Account
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.dataplane import DataplaneMode, EnrollmentRules
from meshlint.mesh.decision import AppliedPolicy, Decision, Peer, decide
from meshlint.mesh.dependents import dependents, hanging_policies
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.destination_rules import DestinationRules, destination_rule_effect
from meshlint.mesh.dns_capture import dns_capture
from meshlint.mesh.egress import virtual_ip, virtual_ip_of_service
from meshlint.mesh.gateway_status import ListenerCondition, gateway_conditions, listener_conditions
from meshlint.mesh.hosts import HostIndex, full_name
from meshlint.mesh.identity import SpireIdentity
from meshlint.mesh.injection import InjectionSource
from meshlint.mesh.injector import injectors
from meshlint.mesh.installation import EnablementSelector, Values
from meshlint.mesh.mesh_config import MeshConfig, mesh_config
from meshlint.mesh.mtls import MtlsVerdict, PeerAuthentications
from meshlint.mesh.network import NetworkPolicies
from meshlint.mesh.passage import Called, Client, passes_waypoint
from meshlint.mesh.policy_conditions import policy_conditions
from meshlint.mesh.proxy_settings import settings_effect
from meshlint.mesh.revisions import Revisions, owner, revisions
from meshlint.mesh.routing import RouteParent, route_parents
from meshlint.mesh.switches import istiod_switch
from meshlint.mesh.target_attachment import Enforcement, EnforcementPoint, Reach
from meshlint.mesh.traffic import HostEffect, TrafficEffect, virtual_service_effect
from meshlint.model.keys import GATEWAY_NAME, REVISION, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE
from meshlint.model.kind import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    WORKLOADS,
    Kind,
    ResourceRef,
)
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway, GatewayClass, Route
from meshlint.model.kinds.policy import AuthorizationPolicy, TargetedPolicy
from meshlint.model.kinds.traffic import DestinationRule, ServiceEntry, VirtualService
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.references import canary_reference
from meshlint.model.resource import Resource
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion, VersionRange
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
        self._bindings = WaypointBindings(graph, version, lambda: self.mesh_config.service_entry_visibility)
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

    def selected_workloads(self, resource: Resource) -> Iterator[Edge]:
        """The workloads that the selector of a Service or a policy selects."""
        return self.graph.edges_from(resource, Relation.SELECTS)

    # Enrolment

    def dataplane_mode(self, workload: Workload) -> Derived[DataplaneMode]:
        """What the pods of a workload will run in, and because of which labels."""
        return self._fact(
            "dataplane_mode",
            workload,
            lambda: dataplane.dataplane_mode(workload, self.namespace_of(workload), self.enrollment_rules),
        )

    def namespace_mode(self, namespace: Namespace) -> Derived[DataplaneMode]:
        """What the pods of a namespace run in that carry no deciding labels themselves."""
        return dataplane.namespace_mode(namespace, self.enrollment_rules)

    def selects_ambient(self, namespace: Namespace) -> Derived[bool]:
        """Whether a namespace's labels choose ambient mode for its pods."""
        return dataplane.selects_ambient(namespace, self.enrollment_rules)

    def namespace_injection(self, namespace: Namespace) -> Derived[InjectionSource | None]:
        """Which of a namespace's labels has sidecars injected, if one does."""
        return injection.namespace_injection(namespace, self.enrollment_rules.injectors)

    def asked_revision(self, namespace: Namespace) -> str | None:
        """The revision whose injector a namespace's `istio.io/rev` asks for, installed or not."""
        return injection.asked_revision(namespace)

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
        if self.dataplane_mode(workload).value is DataplaneMode.GATEWAY:
            return True
        return dataplane.own_proxy(workload).value is DataplaneMode.GATEWAY

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
            injectors=injectors(self.graph, self.chart_values, installation.installed_revisions(self.graph)),
            cni=self.ambient_enabled,
        )

    @cached_property
    def enablement_selectors(self) -> Derived[tuple[EnablementSelector, ...]] | None:
        """Custom rules for which pods are ambient; None for Istio's own, as always before 1.27."""
        if self.version < IstioVersion(1, 27, 0):
            return None
        return installation.enablement_selectors(self.graph)

    @cached_property
    def excluded_namespaces(self) -> Derived[frozenset[str]]:
        """The namespaces that istio-cni leaves alone; without causes it is the default."""
        return installation.excluded_namespaces(self.graph) or Derived(DEFAULT_EXCLUDED)

    @cached_property
    def chart_values(self) -> tuple[Values, ...]:
        """All values for Istio's charts that the manifests hold."""
        return tuple(installation.chart_values(self.graph))

    @cached_property
    def mesh_config(self) -> MeshConfig:
        """MeshConfig: root namespace, trust domain, discovery selectors and the like."""
        return mesh_config(self.graph, self.chart_values)

    # Policies

    @property
    def root_namespace(self) -> Derived[str]:
        """The namespace whose policies are for the whole mesh; without causes it is the default."""
        return self.mesh_config.root_namespace

    def enforced_at(self, policy: TargetedPolicy) -> Derived[tuple[Enforcement, ...]]:
        """Where a policy is enforced, as far as this set tells; empty is nowhere, and the causes say why."""
        reach = self.reach(policy)
        return Derived(reach.enforcements, reach.because)

    def reach(self, policy: TargetedPolicy) -> Reach:
        """Where a policy is enforced, and whether there can be more places than this set shows."""
        return self._fact("reach", policy, lambda: self._attachments.reach(policy))

    def policies_at(self, resource: Resource) -> tuple[tuple[TargetedPolicy, EnforcementPoint], ...]:
        """The AuthorizationPolicies that act on a workload, a Service or a ServiceEntry, and where."""
        return self._fact("policies_at", resource, lambda: tuple(self._policies_at(resource)))

    def policy_conditions(self, policy: TargetedPolicy) -> tuple[PredictedCondition, ...]:
        """The conditions that istiod will write on a policy; none where they cannot be known."""
        if not isinstance(policy, AuthorizationPolicy) or not self._is_read(policy):
            return ()
        return self._fact("policy_conditions", policy, lambda: tuple(policy_conditions(policy, self)))

    def rule_verdicts(self, policy: AuthorizationPolicy) -> tuple[RuleVerdict, ...]:
        """What becomes of each rule: at ztunnel, or with targets, as written where it is enforced at all."""
        return self._fact("rule_verdicts", policy, lambda: self._rule_verdicts(policy))

    def ztunnel_rules(self, policy: AuthorizationPolicy) -> tuple[ZtunnelRule, ...]:
        """The rules of a policy as ztunnel gets them."""
        return self._fact("ztunnel_rules", policy, lambda: translate(policy, self.version))

    def authorization(self, workload: Workload, peer: Peer, *, as_written: bool = False) -> Derived[Decision]:
        """
        Whether ztunnel lets a connection to the pods of a workload through, PeerAuthentication aside.

        `as_written` takes it that there are no other policies than those of this set. A sidecar or a
        gateway is not judged, nor what istiod is told to add of its own (`PILOT_AUTO_ALLOW_WAYPOINT_POLICY`).
        """
        mode = self.dataplane_mode(workload)
        if mode.value is DataplaneMode.NONE:
            return Derived(Decision.ALLOWED, mode.because)
        if mode.value is not DataplaneMode.AMBIENT:
            return Derived(Decision.UNKNOWN, mode.because)
        applied = [
            AppliedPolicy(policy, self.ztunnel_rules(policy))
            for policy, point in self.policies_at(workload)
            if point is EnforcementPoint.ZTUNNEL and isinstance(policy, AuthorizationPolicy)
        ]
        closed = self.is_closed(workload.namespace) and self.is_closed(self.root_namespace.value)
        complete = (as_written or self.is_complete or closed) and not self.allows_waypoints
        return decide(applied, peer, complete=complete)

    def waypoint_identity(self, gateway: Gateway) -> Derived[str | None]:
        """The identity of a Gateway's proxies as `namespace/serviceaccount`; None if that cannot be known."""
        return identity.gateway_identity(gateway, class_of(self.graph, gateway), self.version)

    @cached_property
    def sends_dry_runs(self) -> bool:
        """Whether istiod sends policies with `istio.io/dry-run` to ztunnel, to be logged (1.29 and newer)."""
        name = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
        switch = istiod_switch(self.graph, self.chart_values, name)
        return self.version >= IstioVersion(1, 29, 0) and switch is not None and switch.value

    @cached_property
    def allows_waypoints(self) -> bool:
        """Whether istiod adds an ALLOW policy for the waypoint to each workload behind one."""
        switch = istiod_switch(self.graph, self.chart_values, "PILOT_AUTO_ALLOW_WAYPOINT_POLICY")
        return switch is not None and switch.value

    @cached_property
    def _attachments(self) -> Attachments:
        return Attachments(self)

    def _policies_at(self, resource: Resource) -> Iterator[tuple[TargetedPolicy, EnforcementPoint]]:
        if isinstance(resource, Workload):
            yield from self._attachments.acting_on(resource)
        elif not isinstance(resource, Service | ServiceEntry):
            return
        for edge in self.policies_targeting(resource.ref):
            policy = edge.source
            if isinstance(policy, AuthorizationPolicy) and any(
                enforcement.target is resource for enforcement in self.reach(policy).enforcements
            ):
                yield policy, EnforcementPoint.WAYPOINT
        binding = self.waypoint_binding(resource)
        if binding.state is BindingState.BOUND and binding.gateway is not None:
            for policy in self._attachments.at_waypoint(binding.gateway):
                yield policy, EnforcementPoint.WAYPOINT

    def _rule_verdicts(self, policy: AuthorizationPolicy) -> tuple[RuleVerdict, ...]:
        if not policy.targets:
            return rule_verdicts(policy, self.version)
        reach = self.reach(policy)
        if not reach.enforcements:
            return ()
        return tuple(
            RuleVerdict(rule.index, RuleOutcome.ENFORCED, reach.because)
            for rule in self.ztunnel_rules(policy)
        )

    # Mutual TLS

    def mtls(self, workload: Workload) -> MtlsVerdict:
        """What really becomes of plaintext to the pods of a workload, port by port."""
        mode = self.dataplane_mode(workload)
        return self._fact("mtls", workload, lambda: self._peer_authentications.verdict(workload, mode))

    def asked_mtls(self, workload: Workload) -> MtlsVerdict:
        """What the PeerAuthentications ask for by plain inheritance, honoured or not."""
        return self._fact("asked_mtls", workload, lambda: self._peer_authentications.asked(workload))

    @cached_property
    def _peer_authentications(self) -> PeerAuthentications:
        return PeerAuthentications(self.graph, self.version, self.mesh_config.root_namespace)

    # The installation

    @cached_property
    def ambient_enabled(self) -> Derived[bool | None]:
        """Whether istio-cni does ambient mode, so that pods are captured; None where nothing tells."""
        return components.ambient_cni(self.graph, self.chart_values)

    @cached_property
    def istiod_ambient(self) -> Derived[bool | None]:
        """Whether istiod does ambient mode, so that there are waypoints; None where nothing tells."""
        return components.ambient_istiod(self.graph, self.chart_values)

    @cached_property
    def multi_network(self) -> Derived[bool | None]:
        """Whether ambient mode spans networks; None where nothing tells."""
        return components.multi_network(self.graph, self.chart_values)

    @cached_property
    def agentgateway(self) -> Derived[bool | None]:
        """Whether istiod serves the classes of agentgateway; None where nothing tells."""
        return components.agentgateway(self.graph, self.chart_values)

    @cached_property
    def istiod_namespace(self) -> Derived[str]:
        """The namespace of istiod; without causes it is the usual one."""
        return components.istiod_namespace(self.graph, self.chart_values)

    @cached_property
    def ztunnel_account(self) -> Derived[Account]:
        """The service account of ztunnel; without causes it is the usual one."""
        return components.ztunnel_account(self.graph, self.chart_values)

    @cached_property
    def platform(self) -> Derived[str | None]:
        """The platform that Istio is installed for; None where nothing tells."""
        return components.platform(self.graph, self.chart_values)

    @cached_property
    def revisions(self) -> Revisions:
        """The control planes and tags that the set tells of."""
        return revisions(self.graph, self.chart_values, self.version)

    def owner(self, gateway: Gateway) -> Derived[Known[str]]:
        """The revision that deploys and programs a Gateway; absent if no control plane does."""
        found = self.graph.namespace_of(gateway)
        namespace = Known(found.presence, found.value if isinstance(found.value, Namespace) else None)
        return owner(gateway, namespace, self.revisions)

    def is_discovered(self, resource: Resource) -> bool | None:
        """Whether istiod watches the namespace of an object; None if that takes labels not known."""
        selectors = self.mesh_config.discovery_selectors
        if selectors is None:
            return True
        namespace = self.namespace_of(resource)
        if namespace is None:
            return None
        return any(selector.matches(namespace.effective_labels) for selector in selectors.value)

    # NetworkPolicy

    def admits_hbone(self, subject: Workload | Gateway) -> Derived[bool | None]:
        """Whether some pods may reach the HBONE port of a workload, or of what a Gateway deploys."""
        return self._fact("admits_hbone", subject, lambda: self._network_policies.admits_hbone(subject))

    def reaches_hbone(self, subject: Workload | Gateway) -> Derived[bool | None]:
        """Whether a workload, or what a Gateway deploys, may reach the HBONE port of some pods."""
        return self._fact("reaches_hbone", subject, lambda: self._network_policies.reaches_hbone(subject))

    def admits_peer(
        self, subject: Workload | Gateway, peer: Workload | Gateway, port: int
    ) -> Derived[bool | None]:
        """Whether NetworkPolicies let a peer in to a TCP port of the pods."""
        return self._network_policies.admits_peer(subject, peer, port)

    def reaches_peer(
        self, subject: Workload | Gateway, peer: Workload | Gateway, port: int
    ) -> Derived[bool | None]:
        """Whether NetworkPolicies let the pods out to a TCP port of a peer."""
        return self._network_policies.reaches_peer(subject, peer, port)

    def admits_kubelet_probes(self, workload: Workload) -> Derived[bool | None]:
        """Whether NetworkPolicies let in the kubelet's probes, which have another address in ambient mode."""
        return self._fact(
            "admits_kubelet_probes", workload, lambda: self._network_policies.admits_kubelet_probes(workload)
        )

    @cached_property
    def _network_policies(self) -> NetworkPolicies:
        return NetworkPolicies(self.graph)

    # Routes and traffic rules

    def route_parents(self, route: Route) -> tuple[RouteParent, ...]:
        """What becomes of a route at each of its parents, and what istiod writes about it."""
        return self._fact("route_parents", route, lambda: route_parents(route, self._surroundings))

    def routes_of(self, service: Resource) -> tuple[Route, ...]:
        """The routes that name a Service or ServiceEntry as parent, whether they are respected or not."""
        edges = self.graph.edges_to(service.ref, Relation.PARENT)
        return tuple(dict.fromkeys(edge.source for edge in edges if isinstance(edge.source, Route)))

    def virtual_service_effect(self, rule: VirtualService) -> tuple[HostEffect, ...]:
        """What ambient clients notice of a VirtualService, host by host; empty for a delegate."""
        return self._fact(
            "virtual_service_effect", rule, lambda: virtual_service_effect(rule, self._surroundings)
        )

    def destination_rule_effect(self, rule: DestinationRule) -> HostEffect:
        """What ambient clients notice of a DestinationRule."""
        return self._fact(
            "destination_rule_effect",
            rule,
            lambda: destination_rule_effect(rule, self._destination_rules, self._surroundings),
        )

    def settings_effect(self, resource: Resource) -> Derived[TrafficEffect]:
        """What ambient clients notice of a Sidecar, a ProxyConfig, or a Telemetry without `targetRefs`."""
        return settings_effect(resource, self._surroundings)

    def service_of_host(self, host: str, namespace: str | None) -> Known[Resource]:
        """The Service or ServiceEntry that a host means, written in an object of some namespace."""
        full = full_name(host, namespace)
        named = self._hosts.named(full) if full is not None else ()
        if named:
            # A Service wins, then what stands beside the object.
            best = min(named, key=lambda s: (s.kind != SERVICE, s.namespace != namespace))
            return present(best)
        return ABSENT if full is not None and self.is_complete else UNKNOWN

    def virtual_ip(self, service: Resource) -> Derived[bool | None]:
        """Whether ztunnel can tell traffic to a Service or ServiceEntry by an IP of its own."""
        return self._fact("virtual_ip", service, lambda: self._virtual_ip(service))

    def passes_waypoint(self, client: Workload, service: Resource) -> Derived[bool | None]:
        """Whether calls of a workload to a Service or ServiceEntry go through the service's waypoint."""
        name = client.pod_labels.get(GATEWAY_NAME)
        found = self.find(ResourceRef(GATEWAY, client.namespace, name)).value if name else None
        gateway = found if isinstance(found, Gateway) else None
        caller = Client(
            client,
            self.dataplane_mode(client),
            gateway_class=gateway.class_name if gateway else "",
            gateway_is_waypoint=self.is_waypoint(gateway).value if gateway else (None if name else False),
            dns_capture=dns_capture(client, self.graph, self.chart_values, self.version),
        )
        namespace = self.graph.namespace_of(service)
        called = Called(
            service,
            namespace.value if isinstance(namespace.value, Namespace) else None,
            namespace_known=not namespace.is_unknown,
            binding=self.waypoint_binding(service),
            virtual_ip=self.virtual_ip(service),
        )
        return passes_waypoint(caller, called, self.version)

    def _virtual_ip(self, service: Resource) -> Derived[bool | None]:
        match service:
            case Service():
                return virtual_ip_of_service(service)
            case ServiceEntry():
                return virtual_ip(service, self.version, self._istiod_switch)
            case _:
                return Derived(None)

    @cached_property
    def _hosts(self) -> HostIndex:
        return HostIndex(self.graph)

    @cached_property
    def _destination_rules(self) -> DestinationRules:
        return DestinationRules(self.graph)

    @cached_property
    def _surroundings(self) -> Surroundings:
        return Surroundings(
            graph=self.graph,
            version=self.version,
            hosts=self._hosts,
            root_namespace=self.mesh_config.root_namespace.value,
            bind=self.waypoint_binding,
            virtual_ip=self.virtual_ip,
            judge=self.is_waypoint,
            switch=self._istiod_switch,
        )

    def _istiod_switch(self, name: str) -> Derived[bool] | None:
        return istiod_switch(self.graph, self.chart_values, name)

    # Waypoints

    def is_waypoint(self, gateway: Gateway) -> Derived[bool | None]:
        """Whether a Gateway is a waypoint; None for a class that is not Istio's own."""
        return waypoint.is_waypoint(gateway, class_of(self.graph, gateway), self.version)

    def traffic_type(self, gateway: Gateway) -> Derived[str | None]:
        """What traffic a waypoint is for, as written; None if that cannot be known."""
        return waypoint.traffic_type(gateway, class_of(self.graph, gateway), self.version)

    def waypoint_binding(self, subject: Resource) -> WaypointBinding:
        """Which waypoint an object gets, by its own label or its namespace's."""
        return self._fact("waypoint_binding", subject, lambda: self._bindings.effective(subject))

    def canary_binding(self, subject: Resource) -> CanaryBinding | None:
        """The second waypoint of a Service or ServiceEntry (1.31 and newer); None if it has none."""
        if self.version < IstioVersion(1, 31, 0) or not isinstance(subject, Service | ServiceEntry):
            return None
        primary = self.waypoint_binding(subject)
        return self._fact(
            "canary_binding",
            subject,
            lambda: canary_binding(subject, self.namespace_of(subject), primary, self._bindings),
        )

    def endpoint_bindings(self, entry: ServiceEntry) -> tuple[WaypointBinding, ...]:
        """Which waypoint each inline endpoint of a ServiceEntry gets, in their order."""
        return self._fact("endpoint_bindings", entry, lambda: tuple(self._bindings.of_endpoints(entry)))

    def binding_conditions(self, subject: Resource) -> tuple[PredictedCondition, ...]:
        """What istiod will write about waypoints into the status of a Service or entry."""
        if self.istiod_ambient.value is False or not self._is_read(subject):
            return ()
        bound = Bound(
            subject,
            self.namespace_of(subject),
            self.waypoint_binding(subject),
            self.canary_binding(subject),
            self.mesh_config.service_entry_visibility,
        )
        return binding_conditions(bound, self.version)

    def gateway_conditions(self, gateway: Gateway) -> tuple[PredictedCondition, ...]:
        """
        What istiod will write into the status of a Gateway: its own conditions, then those of its listeners.

        Nothing where no control plane serves it, or its class is not Istio's.
        """
        controller = self._controller(gateway)
        return gateway_conditions(gateway, controller, self.version) if controller else ()

    def listener_conditions(self, gateway: Gateway) -> tuple[ListenerCondition, ...]:
        """Whether istiod will accept each listener of a Gateway."""
        controller = self._controller(gateway)
        return tuple(listener_conditions(gateway, controller, self.version)) if controller else ()

    def _controller(self, gateway: Gateway) -> str | None:
        """The controller of Istio that serves a Gateway, as far as it is switched on; None without one."""
        controller = waypoint.controller_of(gateway, class_of(self.graph, gateway), self.version)
        switches = {
            waypoint.MESH_CONTROLLER: self.istiod_ambient,
            waypoint.EASTWEST_CONTROLLER: self.multi_network,
            waypoint.AGENTGATEWAY_CONTROLLER: self.agentgateway,
            waypoint.AGENTGATEWAY_WAYPOINT_CONTROLLER: self.agentgateway,
        }
        is_off = controller in switches and switches[controller].value is False
        is_served = not self.owner(gateway).value.is_absent and self.is_discovered(gateway)
        return None if is_off or not is_served else controller

    def _is_read(self, subject: Resource) -> bool:
        """
        Whether istiod certainly reads an object: of a namespace that it watches, and of its revision.

        From 1.27 ambient mode takes a ServiceEntry, WorkloadEntry or AuthorizationPolicy with `istio.io/rev`
        only if that is the revision itself, no tag
        (istio `pilot/pkg/serviceregistry/ambient/ambientindex.go`, inRevision).
        """
        revision = subject.labels.get(REVISION)
        if revision and subject.kind in (SERVICE_ENTRY, WORKLOAD_ENTRY, AUTHORIZATION_POLICY):
            since = VersionRange(">=1.25.4,<1.26 || >=1.26.3")
            if self.version in since and revision not in self.revisions.names:
                return False
        return self.is_discovered(subject) is True

    def waypoint_requests(self, subject: Resource) -> tuple[WaypointBinding, ...]:
        """What becomes of each `use-waypoint` label that an object itself carries."""
        return self._fact("waypoint_requests", subject, lambda: tuple(self._bindings.own(subject)))

    def nominal_binding(self, service: Service) -> WaypointBinding:
        """What the labels of a Service would bind it to, also of an alias that is never bound."""
        return self._fact("nominal_binding", service, lambda: self._bindings.nominal(service))

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
        admits_others = waypoint.admits_others(gateway, class_of(self.graph, gateway), self.version)
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
