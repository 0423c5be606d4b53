"""Where a policy with `targetRefs` lands."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from meshlint.graph.known import Known
from meshlint.mesh import changes
from meshlint.mesh.changes import Change
from meshlint.mesh.derived import Cause
from meshlint.mesh.waypoints.binding import BindingState, class_of
from meshlint.mesh.waypoints.waypoint import (
    AGENTGATEWAY_CONTROLLER,
    AGENTGATEWAY_WAYPOINT_CONTROLLER,
    GATEWAY_CONTROLLER,
    controller_of,
)
from meshlint.model import kind as k
from meshlint.model.keys import GATEWAY_NAME
from meshlint.model.kind import Kind, ResourceRef, is_cluster_wide
from meshlint.model.kinds.gateway import Gateway, ObjectReference
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts

WAYPOINT_CLASS = "istio-waypoint"
# From when a waypoint in another namespace than the Service looks for the Service's policies.
_ACROSS_NAMESPACES: Mapping[Kind, Change] = {
    k.AUTHORIZATION_POLICY: changes.AUTHORIZATION_ACROSS_NAMESPACES,
    k.REQUEST_AUTHENTICATION: changes.AUTHENTICATION_ACROSS_NAMESPACES,
    k.WASM_PLUGIN: changes.WASM_ACROSS_NAMESPACES,
    k.TRAFFIC_EXTENSION: changes.TRAFFIC_EXTENSIONS,
    k.TELEMETRY: changes.TELEMETRY_ACROSS_NAMESPACES,
}
_CLASS_TARGETS: Mapping[Kind, Change] = {
    k.AUTHORIZATION_POLICY: changes.CLASS_TARGETS,
    k.REQUEST_AUTHENTICATION: changes.CLASS_TARGETS,
    k.WASM_PLUGIN: changes.CLASS_TARGETS,
    k.TRAFFIC_EXTENSION: changes.TRAFFIC_EXTENSIONS,
    k.TELEMETRY: changes.CLASS_TARGETS,
    k.ENVOY_FILTER: changes.ENVOY_FILTER_CLASS_TARGETS,
}


class EnforcementPoint(Enum):
    """Which proxy enforces a policy."""

    ZTUNNEL = "ztunnel"
    WAYPOINT = "waypoint"
    SIDECAR = "sidecar"
    GATEWAY = "gateway"


class Enforcement(NamedTuple):
    """
    A place where a policy is enforced.

    `workloads` are those that it is enforced on at ztunnel, a sidecar or a gateway. `target` is what it is
    attached to at a waypoint or a gateway, `gateway` the waypoint.
    """

    point: EnforcementPoint
    workloads: tuple[Workload, ...]
    target: Resource | None
    gateway: Gateway | None
    because: tuple[Cause, ...]


class Reach(NamedTuple):
    """
    All places where a policy is enforced; `because` tells also why it is not elsewhere.

    Unless `is_known`, there may be more of them: the set is open, or a proxy is not Istio's.
    """

    enforcements: tuple[Enforcement, ...]
    is_known: bool
    because: tuple[Cause, ...]


class PolicyTarget(NamedTuple):
    """One target of a policy: as written, the object that it means, and where the policy lands by it."""

    reference: ObjectReference
    ref: ResourceRef
    found: Known[Resource]
    reach: Reach


def target_references(policy: TargetedPolicy, version: IstioVersion) -> tuple[ObjectReference, ...]:
    """
    The targets that Istio reads: `targetRefs`, else the older `targetRef`.

    istio `pilot/pkg/model/policyattachment.go`, GetTargetRefs. An EnvoyFilter's are ignored before 1.27.
    """
    if policy.kind == k.ENVOY_FILTER and not changes.ENVOY_FILTER_TARGETS.holds(version):
        return ()
    plural = tuple(target for target in policy.targets if "targetRefs" in target.path)
    return plural or (policy.targets if has_singular_target(policy.kind) else ())


def has_singular_target(kind: Kind) -> bool:
    """
    Whether policies of a kind have the older field `targetRef` as well.

    istio/api `kubernetes/customresourcedefinitions.gen.yaml`: the API server drops it from the others.
    """
    return kind not in (k.ENVOY_FILTER, k.TRAFFIC_EXTENSION)


def target_kinds(kind: Kind, version: IstioVersion) -> tuple[Kind, ...]:
    """
    The kinds that the targets of a policy of some kind may be of.

    istio `pkg/config/validation/validation.go`, allowedTargetRefs: one list for all kinds of policies.
    The targets of an EnvoyFilter nobody validates, and it is attached to the same kinds at most.
    """
    since = {k.SERVICE_ENTRY: changes.SERVICE_ENTRY_TARGETS, k.GATEWAY_CLASS: _CLASS_TARGETS[kind]}
    kinds = (k.SERVICE, k.SERVICE_ENTRY, k.GATEWAY, k.GATEWAY_CLASS)
    return tuple(each for each in kinds if each not in since or since[each].holds(version))


def canonical_kind(kind: Kind) -> Kind:
    """A kind with the group as Istio compares it: `core` is the empty one."""
    return Kind("", kind.name) if kind.group == "core" else kind


class TargetAttachments:
    """The rules for `targetRefs` (istio `pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy)."""

    def __init__(self, mesh: "PolicyFacts") -> None:
        self._mesh = mesh
        self._version = mesh.version

    def reach(self, policy: TargetedPolicy, targets: Sequence[ObjectReference]) -> Reach:
        """Where a policy lands by its targets."""
        parts = [self.by_target(policy, target) for target in targets]
        return Reach(
            tuple(enforcement for part in parts for enforcement in part.enforcements),
            all(part.is_known for part in parts),
            tuple(cause for part in parts for cause in part.because),
        )

    def targets(self, policy: TargetedPolicy) -> Iterator[PolicyTarget]:
        """What becomes of each target that can be one; it means an object of the policy's own namespace."""
        allowed = target_kinds(policy.kind, self._version)
        for reference in target_references(policy, self._version):
            kind = canonical_kind(reference.kind)
            if kind not in allowed or reference.namespace:
                continue
            namespace = None if is_cluster_wide(kind) else policy.namespace
            ref = ResourceRef(kind, namespace, reference.name)
            yield PolicyTarget(reference, ref, self._mesh.find(ref), self.by_target(policy, reference))

    def point_of(self, gateway: Gateway) -> EnforcementPoint | None:
        """What a Gateway's proxies are to a policy; None if they are no Envoys of Istio, or not known."""
        if self._is_agentgateway(gateway):
            return None
        if self._mesh.is_waypoint(gateway).value:
            return EnforcementPoint.WAYPOINT
        return EnforcementPoint.GATEWAY if self._controller(gateway) == GATEWAY_CONTROLLER else None

    def by_target(self, policy: TargetedPolicy, target: ObjectReference) -> Reach:
        """Where a policy lands by one of its targets."""
        kind = canonical_kind(target.kind)
        at = policy.at(*target.path)
        if target.namespace:
            return _nowhere("a target has no namespace", policy.at(*target.path, "namespace"))
        match kind:
            case k.GATEWAY:
                return self._gateway(policy, target)
            case k.GATEWAY_CLASS:
                return self._class(policy, target)
            case k.SERVICE_ENTRY if not changes.SERVICE_ENTRY_TARGETS.holds(self._version):
                return _nowhere("a ServiceEntry can be a target from 1.24", at)
            case k.SERVICE | k.SERVICE_ENTRY if policy.kind != k.ENVOY_FILTER:
                return self._service(policy, target, kind)
            case _:
                return _nowhere(f"{policy.kind.name} is never attached to a {target.kind.name}", at)

    def _service(self, policy: TargetedPolicy, target: ObjectReference, kind: Kind) -> Reach:
        at = policy.at(*target.path, "name")
        found = self._mesh.find(ResourceRef(kind, policy.namespace, target.name))
        if found.value is None:
            return _missing(policy, target, kind, absent=found.is_absent)
        binding = self._mesh.waypoint_binding(found.value)
        gateway = binding.gateway
        if binding.state is BindingState.UNKNOWN:
            return Reach((), is_known=False, because=binding.because)
        named = Cause(f"it is for {kind.name} {target.name!r}", at)
        if binding.state is not BindingState.BOUND or gateway is None:
            without = Cause(f"{kind.name} {target.name!r} is not bound to a waypoint", at)
            return Reach((), is_known=True, because=(without, *binding.because))
        if gateway.namespace != policy.namespace and not self._looks_across(policy):
            since = _ACROSS_NAMESPACES[policy.kind].since
            text = f"before Istio {since} waypoints of other namespaces do not look for {policy.kind.name}"
            return _nowhere(text, policy.at("metadata", "namespace"))
        return self._at_waypoint(gateway, found.value, (named, *binding.because))

    def _at_waypoint(self, gateway: Gateway, target: Resource, because: tuple[Cause, ...]) -> Reach:
        point = self.point_of(gateway)
        if point is EnforcementPoint.WAYPOINT:
            enforcement = Enforcement(point, (), target, gateway, because)
            return Reach((enforcement,), is_known=True, because=because)
        return self._unjudged(gateway, because)

    def _unjudged(self, gateway: Gateway, because: tuple[Cause, ...]) -> Reach:
        """Nowhere, or not known if the proxies of a Gateway are not Istio's."""
        at = gateway.at("spec", "gatewayClassName")
        if self._is_agentgateway(gateway):
            return _nowhere("agentgateway does not know Istio's policies", at)
        known = self._mesh.is_waypoint(gateway).value is not None
        text = f"Gateway {gateway.name!r} is of class {gateway.class_name!r}"
        return Reach((), known, (Cause(text, at), *because))

    def _gateway(self, policy: TargetedPolicy, target: ObjectReference) -> Reach:
        gateways = list(self._gateways(policy, target))
        if not gateways:
            found = self._mesh.find(ResourceRef(k.GATEWAY, policy.namespace, target.name))
            return _missing(policy, target, k.GATEWAY, absent=found.is_absent)
        because = (Cause(f"it is for Gateway {target.name!r}", policy.at(*target.path, "name")),)
        enforcements = []
        for gateway in gateways:
            point = self.point_of(gateway)
            if point is None:
                return self._unjudged(gateway, because)
            waypoint = gateway if point is EnforcementPoint.WAYPOINT else None
            pods = () if waypoint else tuple(self._instances(gateway))
            enforcements.append(Enforcement(point, pods, gateway, waypoint, because))
        return Reach(tuple(enforcements), is_known=True, because=because)

    def _gateways(self, policy: TargetedPolicy, target: ObjectReference) -> Iterator[Gateway]:
        """The Gateways of a name beside the policy; before 1.25 those everywhere for the root namespace's."""
        everywhere = not changes.TARGETS_STAY_AT_HOME.holds(self._version) and self._is_in_root(policy)
        for gateway in self._mesh.gateways_named(target.name):
            if everywhere or gateway.namespace == policy.namespace:
                yield gateway

    def _instances(self, gateway: Gateway) -> Iterator[Workload]:
        for workload in self._mesh.workloads_beside(gateway):
            if workload.pod_labels.get(GATEWAY_NAME) == gateway.name:
                yield workload

    def _class(self, policy: TargetedPolicy, target: ObjectReference) -> Reach:
        at = policy.at(*target.path, "name")
        if not _CLASS_TARGETS[policy.kind].holds(self._version):
            return _nowhere("this version does not know the target GatewayClass", at)
        if not self._is_in_root(policy):
            root = self._mesh.root_namespace
            text = f"a policy for a GatewayClass has to be in the root namespace {root.value!r}"
            return _nowhere(text, policy.at("metadata", "namespace"), *root.because)
        if target.name != WAYPOINT_CLASS:
            return _nowhere(f"only GatewayClass {WAYPOINT_CLASS!r} is ever matched", at)
        because = (Cause("it is for all waypoints", at),)
        target_class = self._mesh.find(ResourceRef(k.GATEWAY_CLASS, None, target.name)).value
        enforcements = tuple(
            Enforcement(EnforcementPoint.WAYPOINT, (), target_class, gateway, because)
            for gateway in self._mesh.waypoints()
            if self.point_of(gateway) is EnforcementPoint.WAYPOINT and self._reads_root(policy, gateway)
        )
        return Reach(enforcements, self._mesh.is_complete, because)

    def _reads_root(self, policy: TargetedPolicy, gateway: Gateway) -> bool:
        # applicableTelemetries looks for targets in the one namespace of the waypoint or the service.
        return policy.kind != k.TELEMETRY or gateway.namespace == policy.namespace

    def _is_in_root(self, policy: TargetedPolicy) -> bool:
        return policy.namespace == self._mesh.root_namespace.value

    def _looks_across(self, policy: TargetedPolicy) -> bool:
        # What stands in the root namespace is always looked for.
        if self._is_in_root(policy) and policy.kind != k.TELEMETRY:
            return True
        return _ACROSS_NAMESPACES[policy.kind].holds(self._version)

    def _is_agentgateway(self, gateway: Gateway) -> bool:
        """Whether the proxies are agentgateway (1.29, waypoints 1.31): it reads none of Istio's own kinds."""
        return self._controller(gateway) in (AGENTGATEWAY_CONTROLLER, AGENTGATEWAY_WAYPOINT_CONTROLLER)

    def _controller(self, gateway: Gateway) -> str | None:
        return controller_of(gateway, class_of(self._mesh.graph, gateway), self._version)


def _missing(policy: TargetedPolicy, target: ObjectReference, kind: Kind, *, absent: bool) -> Reach:
    text = f"there is no {kind.name} {target.name!r} in namespace {policy.namespace!r}"
    if not absent:
        text = f"{kind.name} {target.name!r} is not in this set"
    return Reach((), absent, (Cause(text, policy.at(*target.path, "name")),))


def _nowhere(message: str, at: Location, *more: Cause) -> Reach:
    return Reach((), is_known=True, because=(Cause(message, at), *more))
