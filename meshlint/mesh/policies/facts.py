"""What is enforced where, and what becomes of plaintext."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.mesh.waypoints.facts import WaypointFacts
from meshlint.model.kind import AUTHORIZATION_POLICY, GATEWAY, GATEWAY_CLASS, REQUEST_AUTHENTICATION
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import AuthorizationPolicy, TargetedPolicy
from meshlint.model.kinds.traffic import ServiceEntry, Sidecar
from meshlint.model.kinds.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshlint.graph.known import Known
    from meshlint.mesh.condition import PredictedCondition
    from meshlint.mesh.derived import Derived
    from meshlint.mesh.enrollment.dataplane import DataplaneMode
    from meshlint.mesh.policies.ambient_scope import AmbientScope
    from meshlint.mesh.policies.attachment import Attachments
    from meshlint.mesh.policies.authorization import PrefixedPrincipal, RuleVerdict, ZtunnelRule
    from meshlint.mesh.policies.coverage import Coverage
    from meshlint.mesh.policies.decision import Decision, Peer
    from meshlint.mesh.policies.hbone_admission import HboneAdmission, MootPorts, UnadmittedWaypoint
    from meshlint.mesh.policies.hbone_gaps import HboneGap, HboneGaps
    from meshlint.mesh.policies.levels import PodSource
    from meshlint.mesh.policies.lost_strict import LostStrict
    from meshlint.mesh.policies.mtls import MtlsVerdict, PeerAuthentications
    from meshlint.mesh.policies.network import NetworkPolicies
    from meshlint.mesh.policies.outside import ApiServerCall, ExposedPort, IngressControllers
    from meshlint.mesh.policies.peer_authentication import MtlsLine
    from meshlint.mesh.policies.target_attachment import Enforcement, EnforcementPoint, PolicyTarget, Reach
    from meshlint.mesh.policies.target_presence import Makers
    from meshlint.mesh.policies.waypoint_admission import WaypointDenial
    from meshlint.mesh.policies.waypoint_selection import WaypointSelection
    from meshlint.model.kind import Kind, ResourceRef
    from meshlint.model.kinds.core import Namespace
    from meshlint.model.kinds.gateway import ObjectReference
    from meshlint.model.kinds.network import Ingress, NetworkPolicy
    from meshlint.model.kinds.policy import PeerAuthentication
    from meshlint.model.resource import Resource


class PolicyFacts(WaypointFacts):
    """What is enforced where, and what becomes of plaintext."""

    def enforced_at(self, policy: TargetedPolicy) -> Derived[tuple[Enforcement, ...]]:
        """Where a policy is enforced, as far as this set tells; empty is nowhere, and the causes say why."""
        from meshlint.mesh.derived import Derived

        reach = self.reach(policy)
        return Derived(reach.enforcements, reach.because)

    def reach(self, policy: TargetedPolicy) -> Reach:
        """Where a policy is enforced, and whether there can be more places than this set shows."""
        return self._fact("reach", policy, lambda: self._attachments.reach(policy))

    def ambient_scope(self, policy: TargetedPolicy) -> AmbientScope:
        """The ambient pods that a policy without targets is for, whatever ztunnel makes of it."""
        return self._fact("ambient_scope", policy, lambda: self._attachments.ambient_scope(policy))

    def services_in_scope(self, policy: AuthorizationPolicy) -> tuple[Service, ...]:
        """The Services by which the pods of a policy without targets are called: the ambient ones, if any."""
        from meshlint.mesh.policies.twins import services_in_scope

        return self._fact(
            "services_in_scope", policy, lambda: tuple(dict.fromkeys(services_in_scope(policy, self)))
        )

    def twins(self, policy: AuthorizationPolicy) -> tuple[AuthorizationPolicy, ...]:
        """The policies with targets by which waypoints enforce all that one without targets says."""
        from meshlint.mesh.policies.twins import twins

        return self._fact("twins", policy, lambda: twins(policy, self))

    def sidecar_twins(self, policy: AuthorizationPolicy, service: Service) -> tuple[AuthorizationPolicy, ...]:
        """The policies without targets by which sidecars enforce all that one for their Service says."""
        from meshlint.mesh.policies.twins import sidecar_twins

        return sidecar_twins(policy, service, self)

    def enforcing_waypoint(self, service: Service | ServiceEntry) -> Gateway | None:
        """The waypoint that enforces AuthorizationPolicies for a Service; None if nobody does, or may not."""
        from meshlint.mesh.waypoints.binding import BindingState

        binding = self.waypoint_binding(service)
        if binding.state is not BindingState.BOUND or binding.gateway is None:
            return None
        return binding.gateway if self._attachments.enforces(binding.gateway, service) else None

    def coverage(self, resource: TargetedPolicy | Sidecar) -> Coverage:
        """Which pods a policy or a Sidecar without targets is for; nobody's for a policy with targets."""
        from meshlint.mesh.policies.coverage import policy_coverage, sidecar_coverage

        if isinstance(resource, Sidecar):
            return self._fact("coverage", resource, lambda: sidecar_coverage(resource, self))
        return self._fact("coverage", resource, lambda: policy_coverage(resource, self._attachments, self))

    def at_waypoints_of(self, subject: Workload | Namespace, kind: Kind) -> tuple[TargetedPolicy, ...]:
        """
        The policies of a kind with targets by which a waypoint in front of a workload acts.

        In front of it are the waypoint of its pods and those of the Services that select them; in
        front of a Namespace the waypoint that its label names.
        """
        return self._fact(
            f"at_waypoints_of {kind}", subject, lambda: tuple(self._at_waypoints_of(subject, kind))
        )

    def enforcement_point(self, gateway: Gateway) -> EnforcementPoint | None:
        """What a Gateway's proxies are to a policy; None if they are no Envoys of Istio, or not known."""
        return self._attachments.point_of(gateway)

    def policy_targets(self, policy: TargetedPolicy) -> tuple[PolicyTarget, ...]:
        """
        What becomes of each target of a policy that can be one.

        None of a policy that has a selector as well: nobody takes that.
        """
        return self._fact("policy_targets", policy, lambda: tuple(self._attachments.targets(policy)))

    def waypoint_selection(self, policy: TargetedPolicy) -> WaypointSelection | None:
        """What the selector of a policy says of the pods of waypoints; None unless it is for those alone."""
        return self._attachments.waypoint_selection(policy)

    def target_kinds(self, policy: TargetedPolicy) -> tuple[Kind, ...]:
        """The kinds that the targets of a policy may be of."""
        from meshlint.mesh.policies.target_attachment import target_kinds

        return target_kinds(policy.kind, self.version)

    def invalid_targets(self, policy: TargetedPolicy) -> tuple[ObjectReference, ...]:
        """The targets of a policy whose kind, or its group, cannot be a target's."""
        from meshlint.mesh.policies.target_attachment import canonical_kind, target_references

        allowed = self.target_kinds(policy)
        read = target_references(policy, self.version)
        return tuple(target for target in read if canonical_kind(target.kind) not in allowed)

    def has_singular_target(self, policy: TargetedPolicy) -> bool:
        """Whether policies of this kind have the older field `targetRef` as well."""
        from meshlint.mesh.policies.target_attachment import has_singular_target

        return has_singular_target(policy.kind)

    def possible_maker(self, ref: ResourceRef) -> Resource | None:
        """An object whose controller may make the Service that is meant, so that no manifest holds that."""
        return self._makers.of(ref)

    @cached_property
    def _makers(self) -> Makers:
        from meshlint.mesh.policies.target_presence import Makers

        return Makers(self.graph.resources)

    def policies_at(self, resource: Resource) -> tuple[tuple[TargetedPolicy, EnforcementPoint], ...]:
        """The AuthorizationPolicies that act on a workload, a Service or a ServiceEntry, and where."""
        return self._fact("policies_at", resource, lambda: tuple(self._policies_at(resource)))

    def waypoint_policies(self, service: Resource) -> tuple[TargetedPolicy, ...]:
        """The policies that allow or deny calls to a Service or ServiceEntry at its waypoint."""
        gateway = self.waypoint_binding(service).gateway
        for_all = self._access_policies.get(gateway, ()) if gateway is not None else ()
        return tuple(dict.fromkeys((*self._access_policies.get(service, ()), *for_all)))

    def gateway_policies(self, gateway: Gateway) -> tuple[TargetedPolicy, ...]:
        """The policies that allow or deny what comes in at a Gateway, or all that goes through a waypoint."""
        return tuple(dict.fromkeys(self._access_policies.get(gateway, ())))

    @cached_property
    def _access_policies(self) -> Mapping[Resource, Sequence[TargetedPolicy]]:
        """By the Service or ServiceEntry that they are for, or by the Gateway that enforces them for all."""
        found: dict[Resource, list[TargetedPolicy]] = defaultdict(list)
        for policy in self.resources(AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION):
            if not isinstance(policy, TargetedPolicy):
                continue
            for enforced in self.reach(policy).enforcements:
                is_for_one = isinstance(enforced.target, Service | ServiceEntry | Gateway)
                holder = enforced.target if is_for_one else enforced.gateway
                if holder is not None:
                    found[holder].append(policy)
        return found

    def policy_conditions(self, policy: TargetedPolicy) -> tuple[PredictedCondition, ...]:
        """The conditions that istiod will write on a policy; none where they cannot be known."""
        from meshlint.mesh.policies.conditions import policy_conditions

        if not isinstance(policy, AuthorizationPolicy) or not self._is_read(policy):
            return ()
        return self._fact("policy_conditions", policy, lambda: tuple(policy_conditions(policy, self)))

    def rule_verdicts(self, policy: AuthorizationPolicy) -> tuple[RuleVerdict, ...]:
        """What becomes of each rule: at ztunnel, or with targets, as written where it is enforced at all."""
        return self._fact("rule_verdicts", policy, lambda: self._rule_verdicts(policy))

    def ztunnel_rules(self, policy: AuthorizationPolicy) -> tuple[ZtunnelRule, ...]:
        """The rules of a policy as ztunnel gets them."""
        from meshlint.mesh.policies.authorization import translate

        return self._fact("ztunnel_rules", policy, lambda: translate(policy, self.version))

    def prefixed_principals(self, policy: AuthorizationPolicy) -> tuple[PrefixedPrincipal, ...]:
        """The principals of a policy that are written with `spiffe://`, and so match nobody."""
        from meshlint.mesh.policies.authorization import prefixed_principals

        return tuple(prefixed_principals(policy))

    def authorization(self, workload: Workload, peer: Peer, *, as_written: bool = False) -> Derived[Decision]:
        """
        Whether ztunnel lets a connection to the pods of a workload through, PeerAuthentication aside.

        `as_written` takes it that there are no other policies than those of this set. A sidecar or a
        gateway is not judged, nor what istiod is told to add of its own (`PILOT_AUTO_ALLOW_WAYPOINT_POLICY`).
        """
        from meshlint.mesh.derived import Derived
        from meshlint.mesh.enrollment.dataplane import DataplaneMode
        from meshlint.mesh.policies.decision import AppliedPolicy, Decision, decide
        from meshlint.mesh.policies.target_attachment import EnforcementPoint

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
        namespaces = (workload.namespace, self.root_namespace.value)
        closed = all(self.is_closed(namespace, AUTHORIZATION_POLICY) for namespace in namespaces)
        complete = (as_written or self.is_complete or closed) and not self.allows_waypoints
        return decide(applied, peer, complete=complete)

    def _at_waypoints_of(self, subject: Workload | Namespace, kind: Kind) -> Iterator[TargetedPolicy]:
        in_front = self._waypoints_of(subject)
        for policy in self.graph.of_kind(kind):
            if (
                isinstance(policy, TargetedPolicy)
                and policy.targets
                and any(_is_in_front(place, in_front) for place in self.reach(policy).enforcements)
            ):
                yield policy

    def _waypoints_of(self, subject: Workload | Namespace) -> Mapping[Resource, Gateway]:
        """The waypoints that a workload and its Services are bound to."""
        from meshlint.mesh.waypoints.binding import BindingState

        services = self.services_of(subject) if isinstance(subject, Workload) else ()
        bindings = [(one, self.waypoint_binding(one)) for one in (subject, *services)]
        return {
            one: binding.gateway
            for one, binding in bindings
            if binding.state is BindingState.BOUND and binding.gateway is not None
        }

    def waypoint_denials(self, workload: Workload) -> tuple[WaypointDenial, ...]:
        """The waypoints that ztunnel turns away from the pods of a workload: no ALLOW policy admits them."""
        from meshlint.mesh.policies.waypoint_admission import waypoint_denials

        return self._fact("waypoint_denials", workload, lambda: tuple(waypoint_denials(workload, self)))

    @cached_property
    def _attachments(self) -> Attachments:
        from meshlint.mesh.policies.attachment import Attachments

        return Attachments(self)

    def _policies_at(self, resource: Resource) -> Iterator[tuple[TargetedPolicy, EnforcementPoint]]:
        from meshlint.mesh.policies.target_attachment import EnforcementPoint
        from meshlint.mesh.waypoints.binding import BindingState

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
        from meshlint.mesh.policies.authorization import RuleOutcome, RuleVerdict, rule_verdicts

        if not policy.targets:
            return rule_verdicts(policy, self.version)
        reach = self.reach(policy)
        if not reach.enforcements:
            return ()
        return tuple(
            RuleVerdict(rule.index, RuleOutcome.ENFORCED, reach.because)
            for rule in self.ztunnel_rules(policy)
        )

    def mtls(self, source: PodSource) -> MtlsVerdict:
        """What really becomes of plaintext to pods, port by port."""
        mode = self.pods_mode(source)
        return self._fact("mtls", source, lambda: self._peer_authentications.verdict(source, mode))

    def asked_mtls(self, source: PodSource) -> MtlsVerdict:
        """What the PeerAuthentications ask for by plain inheritance, honoured or not."""
        return self._fact("asked_mtls", source, lambda: self._peer_authentications.asked(source))

    def pods_mode(self, source: PodSource) -> Derived[DataplaneMode]:
        """What the pods run in that a workload makes, a Namespace has, or a policy selects."""
        from meshlint.mesh.derived import Derived
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        if isinstance(source, Workload):
            return self.dataplane_mode(source)
        namespace = self.namespace_of(source)
        return self.namespace_mode(namespace) if namespace else Derived(DataplaneMode.UNKNOWN)

    def governed_pods(self, policy: PeerAuthentication) -> tuple[PodSource, ...]:
        """
        The pods for which a PeerAuthentication may speak, as ambient mode counts.

        A Namespace stands for its pods where the set holds none of them, and so does a policy for those that
        it selects. None where the API server refuses the policy.
        """
        return self._peer_authentications.governed(policy)

    def mtls_lines(self, policy: PeerAuthentication) -> Iterator[MtlsLine]:
        """The modes that a PeerAuthentication sets: for all ports, and for single ones."""
        from meshlint.mesh.policies.peer_authentication import lines_of

        return lines_of(policy)

    def mtls_line(self, source: PodSource, port: int | None = None) -> MtlsLine | None:
        """
        The line by which plain inheritance goes for a port of ambient pods, or for those that none names.

        None without one, or if several may be the one.
        """
        from meshlint.mesh.policies.peer_authentication import OTHER_PORTS

        return self._peer_authentications.line(source, OTHER_PORTS if port is None else port)

    def inherited_mtls(self, source: PodSource) -> Known[str]:
        """The mode that ambient pods have from their namespace or the mesh; absent where none is set."""
        return self._peer_authentications.inherited(source)

    def lost_strict(self, source: PodSource) -> tuple[LostStrict, ...]:
        """Where ambient pods accept plaintext although their policies ask for STRICT."""
        return self._fact("lost_strict", source, lambda: self._peer_authentications.lost(source))

    def refuses(self, policy: PeerAuthentication) -> bool:
        """Whether the API server certainly refuses a PeerAuthentication."""
        from meshlint.mesh.policies.peer_authentication import is_rejected

        return is_rejected(policy)

    def api_server_calls(self, workload: Workload) -> tuple[ApiServerCall, ...]:
        """The calls that the API server is told to make to the pods of a workload."""
        from meshlint.mesh.policies.outside import api_server_calls

        return tuple(api_server_calls(workload, self.graph))

    def exposed_ports(self, resource: Service | Ingress) -> tuple[ExposedPort, ...]:
        """The ports of Services that a Service, or an Ingress, opens to clients outside of the cluster."""
        from meshlint.mesh.policies.outside import exposed_by_ingress, exposed_by_service

        if isinstance(resource, Service):
            return tuple(exposed_by_service(resource))
        return tuple(exposed_by_ingress(resource, self._ingress_carrier(resource), self.graph))

    def _ingress_carrier(self, ingress: Ingress) -> Derived[bool | None]:
        return self._ingress_controllers.is_outside(ingress, self.dataplane_mode)

    @cached_property
    def _ingress_controllers(self) -> IngressControllers:
        from meshlint.mesh.policies.outside import IngressControllers

        return IngressControllers(self.graph)

    @cached_property
    def _peer_authentications(self) -> PeerAuthentications:
        from meshlint.mesh.policies.mtls import PeerAuthentications

        return PeerAuthentications(self.graph, self.version, self.mesh_config.root_namespace)

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

    def ingress_gaps(self, policy: NetworkPolicy) -> tuple[HboneGap, ...]:
        """The rules for other ports of ambient pods or waypoints, where these are closed to HBONE."""
        return self._fact("ingress_gaps", policy, lambda: tuple(self._hbone_gaps.ingress(policy)))

    def egress_gaps(self, policy: NetworkPolicy) -> tuple[HboneGap, ...]:
        """The rules that let ambient pods out to other ports, where they cannot send HBONE."""
        return self._fact("egress_gaps", policy, lambda: tuple(self._hbone_gaps.egress(policy)))

    def unadmitted_waypoints(self, policy: NetworkPolicy) -> tuple[UnadmittedWaypoint, ...]:
        """The waypoints that may not send to the ambient pods behind them, though others may."""
        return tuple(self._hbone_admission.unadmitted_waypoints(policy))

    def moot_ports(self, policy: NetworkPolicy) -> tuple[MootPorts, ...]:
        """The rules for some ports of ambient pods that admit HBONE too, and so all ports."""
        return tuple(self._hbone_admission.moot_ports(policy))

    @cached_property
    def _hbone_admission(self) -> HboneAdmission:
        from meshlint.mesh.policies.hbone_admission import HboneAdmission

        return HboneAdmission(self, self._network_policies, self._hbone_gaps)

    @cached_property
    def _hbone_gaps(self) -> HboneGaps:
        from meshlint.mesh.policies.hbone_gaps import HboneGaps

        return HboneGaps(self, self._network_policies)

    @cached_property
    def _network_policies(self) -> NetworkPolicies:
        from meshlint.mesh.policies.network import NetworkPolicies

        return NetworkPolicies(self.graph)


def _is_in_front(place: Enforcement, in_front: Mapping[Resource, Gateway]) -> bool:
    """Whether a policy acts where it does on what is bound to waypoints."""
    if place.target is not None and place.target.kind not in (GATEWAY, GATEWAY_CLASS):
        return place.target in in_front
    return place.gateway is not None and place.gateway in in_front.values()
