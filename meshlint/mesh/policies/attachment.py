"""Where a policy lands: at ztunnel, a waypoint, a sidecar, a gateway, or nowhere."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.mesh.changes import (
    AMBIENT_COMPARES_REVISIONS,
    AUTHORIZATION_ACROSS_NAMESPACES,
    ENVOY_FILTER_TARGETS,
    TRAFFIC_EXTENSIONS,
)
from meshlint.mesh.derived import Cause
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.policies.ambient_scope import NO_AMBIENT_PODS, AmbientScope
from meshlint.mesh.policies.authorization import is_dry_run, is_sent
from meshlint.mesh.policies.selection import SelectorIndex
from meshlint.mesh.policies.target_attachment import (
    Enforcement,
    EnforcementPoint,
    PolicyTarget,
    Reach,
    TargetAttachments,
    target_references,
)
from meshlint.mesh.policies.waypoint_selection import WaypointSelection, waypoint_selection
from meshlint.mesh.waypoints.binding import class_of
from meshlint.mesh.waypoints.gateway_identity import WAYPOINT_LABEL, gateway_pod_labels
from meshlint.mesh.waypoints.waypoint import MESH_CONTROLLER, controller_of
from meshlint.model import kind as k
from meshlint.model.keys import DRY_RUN, GATEWAY_NAME, MANAGED, REVISION
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import AuthorizationPolicy, TargetedPolicy
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.model.selector import LabelSelector
from meshlint.model.version import IstioVersion

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

_POINTS: Mapping[DataplaneMode, EnforcementPoint] = {
    DataplaneMode.AMBIENT: EnforcementPoint.ZTUNNEL,
    DataplaneMode.SIDECAR: EnforcementPoint.SIDECAR,
    DataplaneMode.GATEWAY: EnforcementPoint.GATEWAY,
}
_Where = tuple[str | None] | None
_NOWHERE = Reach((), is_known=True, because=())


class Attachments:
    """
    The rules by which Istio attaches policies.

    istio `pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy, for all Envoys; for ztunnel
    `pilot/pkg/serviceregistry/ambient/authorization.go`, convertAuthorizationPolicy, and
    `workloads.go`, buildWorkloadPolicies. Flags that are off by default stay off:
    `ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES` would have waypoints enforce selectors as well.
    """

    def __init__(self, mesh: "PolicyFacts") -> None:
        self._mesh = mesh
        self._graph = mesh.graph
        self._version = mesh.version
        self._targets = TargetAttachments(mesh)

    def reach(self, policy: TargetedPolicy) -> Reach:
        """Where a policy lands, and whether that is all."""
        ignored = self.ignored(policy)
        if ignored is not None:
            return _NOWHERE._replace(because=(ignored,))
        if self._is_kept_dry_run(policy):
            return _nowhere("a dry run is not enforced", policy, "metadata", "annotations", DRY_RUN)
        targets = target_references(policy, self._version)
        if targets and policy.selector is not None:
            return _nowhere("a policy has either a selector or targets", policy, "spec", "selector")
        reach = self._targets.reach(policy, targets) if targets else self._by_selector(policy)
        return reach if self._is_certainly_read(policy) else reach._replace(is_known=False)

    def ambient_scope(self, policy: TargetedPolicy) -> AmbientScope:
        """
        The ambient pods that a policy without targets is for, whatever ztunnel makes of it.

        None for a policy that istiod does not read, or perhaps not; none for a dry run that is not enforced.
        """
        if policy.targets or not self._is_certainly_read(policy) or self.ignored(policy):
            return NO_AMBIENT_PODS
        if policy.selector == {} or self._is_kept_dry_run(policy):
            return NO_AMBIENT_PODS
        modes = {workload: self._mesh.dataplane_mode(workload) for workload in self.selected(policy)}
        pods = {w: mode.because for w, mode in modes.items() if mode.value is DataplaneMode.AMBIENT}
        waiting = {n: self._mesh.selects_ambient(n).because for n in self._ambient_without_pods(policy)}
        because = next(iter((*pods.values(), *waiting.values())), ())
        return AmbientScope(tuple(pods), tuple(waiting), because)

    def point_of(self, gateway: Gateway) -> EnforcementPoint | None:
        """What a Gateway's proxies are to a policy; None if they are no Envoys of Istio, or not known."""
        return self._targets.point_of(gateway)

    def targets(self, policy: TargetedPolicy) -> Iterator[PolicyTarget]:
        """What becomes of each target of a policy that has no selector beside them."""
        return iter(()) if policy.selector is not None else self._targets.targets(policy)

    def waypoint_selection(self, policy: TargetedPolicy) -> WaypointSelection | None:
        """What a selector says of the pods of waypoints, if it is for those alone."""
        if policy.selector is None or target_references(policy, self._version):
            return None
        is_filter = policy.kind == k.ENVOY_FILTER
        if is_filter and not ENVOY_FILTER_TARGETS.holds(self._version):
            return None
        selected = [gateway for gateway in self.gateways_in_scope(policy) if self.selects(policy, gateway)]
        if any(self.controller(gateway) != MESH_CONTROLLER for gateway in selected):
            return None
        return waypoint_selection(policy, selected)

    @property
    def version(self) -> IstioVersion:
        """The version of Istio that the rules are for."""
        return self._version

    def acting_on(self, workload: Workload) -> Iterator[tuple[AuthorizationPolicy, EnforcementPoint]]:
        """The AuthorizationPolicies without targets that act on the pods of a workload."""
        point = self._point(workload)
        if point is None:
            return
        namespaces = dict.fromkeys((self._mesh.root_namespace.value, workload.namespace))
        for namespace in namespaces:
            for policy in self._selecting.selecting(namespace, workload.pod_labels):
                if self._lands(policy, point):
                    yield policy, point

    def at_waypoint(self, gateway: Gateway) -> Sequence[AuthorizationPolicy]:
        """The AuthorizationPolicies that name a waypoint or its class."""
        return self._by_waypoint.get(gateway, ())

    def enforces(self, gateway: Gateway, service: Resource) -> bool:
        """Whether a waypoint reads the AuthorizationPolicies of a Service that is bound to it."""
        is_beside = gateway.namespace == service.namespace
        looks = is_beside or AUTHORIZATION_ACROSS_NAMESPACES.holds(self._version)
        return looks and self._targets.point_of(gateway) is EnforcementPoint.WAYPOINT

    def _is_kept_dry_run(self, policy: TargetedPolicy) -> bool:
        """Whether a policy is only to be tried out, and really is nowhere enforced."""
        if not isinstance(policy, AuthorizationPolicy) or not is_dry_run(policy):
            return False
        return not is_sent_anyway(self, policy)

    def selected(self, policy: TargetedPolicy) -> Iterator[Workload]:
        """The workloads in the scope of a policy without targets."""
        everywhere = policy.namespace == self._mesh.root_namespace.value
        selector = policy.selector or {}
        if not selector:
            members = (
                self._graph.of_kind(*k.WORKLOADS)
                if everywhere
                else self._graph.in_namespace(policy.namespace, *k.WORKLOADS)
            )
            yield from (member for member in members if isinstance(member, Workload))
            return
        where = None if everywhere else (policy.namespace,)
        candidates = min((self._by_label.get((where, label), ()) for label in selector.items()), key=len)
        for workload in candidates:
            if LabelSelector(selector).matches(workload.pod_labels):
                yield workload

    def selects(self, policy: TargetedPolicy, gateway: Gateway) -> bool:
        """Whether a selector matches the pods that istiod deploys for a Gateway."""
        labels = gateway_pod_labels(gateway, self.controller(gateway))
        return LabelSelector(policy.selector or {}).matches(labels)

    def controller(self, gateway: Gateway) -> str | None:
        """The controller that serves a Gateway, as far as it is Istio's."""
        return controller_of(gateway, class_of(self._graph, gateway), self._version)

    def gateways_in_scope(self, policy: TargetedPolicy) -> Iterator[Gateway]:
        """The Gateways that a policy without targets can reach: of its namespace, or of all."""
        everywhere = policy.namespace == self._mesh.root_namespace.value
        gateways = self._graph.of_kind(k.GATEWAY) if everywhere else self._mesh.gateways_in(policy.namespace)
        return (gateway for gateway in gateways if isinstance(gateway, Gateway))

    def ignored(self, policy: TargetedPolicy) -> Cause | None:
        """Why istiod certainly does not read a policy."""
        if policy.kind == k.TRAFFIC_EXTENSION and not TRAFFIC_EXTENSIONS.holds(self._version):
            return Cause("TrafficExtension is there from 1.30", policy.at("kind"))
        if self._mesh.is_discovered(policy) is False:
            return Cause("istiod does not watch its namespace", policy.at("metadata", "namespace"))
        if self._mesh.revisions.is_complete and not self._is_certainly_read(policy):
            text = f"no control plane is of revision {policy.labels[REVISION]!r}"
            return Cause(text, policy.label_at(REVISION))
        return None

    def _is_certainly_read(self, policy: TargetedPolicy) -> bool:
        """
        Whether a policy is not for another control plane: a revision counts, a tag does not.

        istio `pkg/config/model.go`, LabelsInRevision; for ztunnel's policies from 1.25.4 and 1.26.3.
        """
        is_authorization = policy.kind == k.AUTHORIZATION_POLICY
        is_compared = not is_authorization or AMBIENT_COMPARES_REVISIONS.holds(self._version)
        revision = policy.labels.get(REVISION)
        return not (is_compared and revision) or revision in self._mesh.revisions.names

    def _by_selector(self, policy: TargetedPolicy) -> Reach:
        found = list(self.selected(policy))
        because = _scope_causes(policy, self._mesh.root_namespace.value)
        by_point: dict[EnforcementPoint, list[Workload]] = defaultdict(list)
        for workload in found:
            point = self._point(workload)
            if point is not None and self._lands(policy, point):
                by_point[point].append(workload)
        if self._lands(policy, EnforcementPoint.ZTUNNEL) and any(self._ambient_without_pods(policy)):
            by_point.setdefault(EnforcementPoint.ZTUNNEL, [])
        enforcements = [
            Enforcement(point, tuple(by_point[point]), None, None, because)
            for point in (EnforcementPoint.ZTUNNEL, EnforcementPoint.SIDECAR, EnforcementPoint.GATEWAY)
            if point in by_point
        ]
        enforcements.extend(self._at_gateways(policy, because))
        why_not = tuple(self._why_not_at_ztunnel(policy))
        return Reach(tuple(enforcements), self._is_known(policy, found), because=(*because, *why_not))

    def _point(self, workload: Workload) -> EnforcementPoint | None:
        """Which proxy of a workload honours selectors: none of a waypoint's does."""
        if self._is_waypoint_proxy(workload):
            return None
        return _POINTS.get(self._mesh.dataplane_mode(workload).value)

    def _is_waypoint_proxy(self, workload: Workload) -> bool:
        if GATEWAY_NAME not in workload.pod_labels:
            return False
        ref = ResourceRef(k.GATEWAY, workload.namespace, workload.pod_labels[GATEWAY_NAME])
        gateway = self._mesh.find(ref).value
        if isinstance(gateway, Gateway):
            return self.controller(gateway) == MESH_CONTROLLER
        return workload.pod_labels.get(MANAGED) == WAYPOINT_LABEL

    def _lands(self, policy: TargetedPolicy, point: EnforcementPoint) -> bool:
        if isinstance(policy, AuthorizationPolicy) and is_dry_run(policy):
            return point is EnforcementPoint.ZTUNNEL and is_sent_anyway(self, policy)
        if point is not EnforcementPoint.ZTUNNEL:
            return True
        return not any(True for _ in self._why_not_at_ztunnel(policy))

    def _why_not_at_ztunnel(self, policy: TargetedPolicy) -> Iterator[Cause]:
        if not isinstance(policy, AuthorizationPolicy):
            yield Cause(f"ztunnel does not know {policy.kind.name}", policy.at("kind"))
            return
        yield from is_sent(policy, self._version).because
        if policy.selector is not None and not policy.selector:
            # Of WORKLOAD_SELECTOR scope, and then filtered out: GetLabelSelector() is nil.
            yield Cause("an empty selector selects no ambient pod", policy.at("spec", "selector"))

    def _ambient_without_pods(self, policy: TargetedPolicy) -> Iterator[Namespace]:
        """The ambient namespaces that a policy is for as a whole, and of whose pods the set has none."""
        if policy.selector is not None:
            return
        everywhere = policy.namespace == self._mesh.root_namespace.value
        found = self._graph.of_kind(k.NAMESPACE) if everywhere else (self._mesh.namespace_of(policy),)
        for namespace in found:
            if isinstance(namespace, Namespace) and self._awaits_ambient_pods(namespace):
                yield namespace

    def _awaits_ambient_pods(self, namespace: Namespace) -> bool:
        is_known = self._mesh.find(namespace.ref).value is namespace
        if not is_known or any(self._mesh.workloads_in(namespace)):
            return False
        return self._mesh.namespace_mode(namespace).value is DataplaneMode.AMBIENT

    def _is_known(self, policy: TargetedPolicy, workloads: Iterable[Workload]) -> bool:
        everywhere = policy.namespace == self._mesh.root_namespace.value
        closed = self._mesh.is_complete if everywhere else self._mesh.is_closed(policy.namespace)
        unknown = DataplaneMode.UNKNOWN
        if isinstance(policy.manifest.value("spec", "selector", "matchLabels"), dict) and not policy.selector:
            # Read from the API server it is an empty map and selects all pods, but copied it is nil.
            return False
        return closed and all(self._mesh.dataplane_mode(w).value is not unknown for w in workloads)

    def _at_gateways(self, policy: TargetedPolicy, because: tuple[Cause, ...]) -> Iterator[Enforcement]:
        """The proxies of Gateways that a policy without targets reaches by namespace and labels."""
        for gateway in self.gateways_in_scope(policy):
            point = self._targets.point_of(gateway)
            if point is EnforcementPoint.WAYPOINT and self._reaches_waypoints(policy, gateway):
                yield Enforcement(point, (), None, gateway, because)
            if (
                point is EnforcementPoint.GATEWAY
                and self._lands(policy, point)
                and self.selects(policy, gateway)
            ):
                yield Enforcement(point, (), gateway, None, because)

    def _reaches_waypoints(self, policy: TargetedPolicy, gateway: Gateway) -> bool:
        """
        Whether a policy without targets acts on a waypoint: waypoints never look at selectors.

        A Telemetry for all of a namespace does (istio `pilot/pkg/model/telemetry.go`,
        applicableTelemetries), and to 1.26 an EnvoyFilter (`push_context.go`, getMatchedEnvoyFilters).
        """
        if policy.kind == k.TELEMETRY:
            return not policy.selector
        is_old_filter = policy.kind == k.ENVOY_FILTER and not ENVOY_FILTER_TARGETS.holds(self._version)
        return is_old_filter and self.selects(policy, gateway)

    @cached_property
    def _by_label(self) -> Mapping[tuple[_Where, tuple[str, str]], Sequence[Workload]]:
        """Workloads by a label of their pods: those of each namespace, and under None those of all."""
        by_label: dict[tuple[_Where, tuple[str, str]], list[Workload]] = defaultdict(list)
        for workload in self._graph.of_kind(*k.WORKLOADS):
            if isinstance(workload, Workload):
                for label in workload.pod_labels.items():
                    by_label[(workload.namespace,), label].append(workload)
                    by_label[None, label].append(workload)
        return by_label

    @cached_property
    def _selecting(self) -> SelectorIndex[AuthorizationPolicy]:
        return SelectorIndex(
            (p for p in self._authorization_policies if not p.targets),
            lambda policy: LabelSelector(policy.selector or {}),
        )

    @cached_property
    def _by_waypoint(self) -> Mapping[Gateway, Sequence[AuthorizationPolicy]]:
        by_waypoint: dict[Gateway, list[AuthorizationPolicy]] = defaultdict(list)
        for policy in self._authorization_policies:
            if policy.targets:
                for enforcement in self._mesh.reach(policy).enforcements:
                    names_waypoint = enforcement.target is None or enforcement.target.kind in (
                        k.GATEWAY,
                        k.GATEWAY_CLASS,
                    )
                    if enforcement.gateway is not None and names_waypoint:
                        by_waypoint[enforcement.gateway].append(policy)
        return by_waypoint

    @cached_property
    def _authorization_policies(self) -> Sequence[AuthorizationPolicy]:
        found = self._graph.of_kind(k.AUTHORIZATION_POLICY)
        return [p for p in found if isinstance(p, AuthorizationPolicy) and self.ignored(p) is None]


def is_sent_anyway(attachments: Attachments, policy: AuthorizationPolicy) -> bool:
    """Whether ztunnel enforces a dry run for real, as it did once."""
    return not policy.targets and is_sent(policy, attachments.version).value


def _scope_causes(policy: TargetedPolicy, root: str) -> tuple[Cause, ...]:
    if policy.selector is not None:
        key = "workloadSelector" if policy.kind == k.ENVOY_FILTER else "selector"
        return (Cause("it selects pods by their labels", policy.at("spec", key)),)
    at = policy.at("metadata", "namespace")
    if policy.namespace == root:
        return (Cause(f"it stands in the root namespace {root!r}", at),)
    return (Cause(f"it is for all of namespace {policy.namespace!r}", at),)


def _nowhere(message: str, policy: TargetedPolicy, *path: str) -> Reach:
    return _NOWHERE._replace(because=(Cause(message, policy.at(*path)),))
