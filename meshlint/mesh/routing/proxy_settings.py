"""Where a Sidecar, a ProxyConfig or a Telemetry without target acts: settings of whole namespaces."""

from collections.abc import Iterable, Iterator, Mapping

from meshlint.mesh.changes import TELEMETRY_ACROSS_NAMESPACES, TELEMETRY_AT_WAYPOINTS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.routing.at_waypoint import Surroundings
from meshlint.mesh.routing.virtual_services import TrafficEffect
from meshlint.mesh.waypoints.binding import BindingState
from meshlint.model.keys import GATEWAY_NAME, MANAGED
from meshlint.model.kind import GATEWAY, PROXY_CONFIG, SERVICE, SERVICE_ENTRY, SIDECAR, TELEMETRY
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.resource import Resource

_GATEWAY_CLASS = "gateway.networking.k8s.io/gateway-class-name"


def settings_effect(resource: Resource, around: Surroundings) -> Derived[TrafficEffect]:
    """
    What ambient clients notice of a Sidecar, a ProxyConfig, or a Telemetry without `targetRefs`.

    ztunnel reads none of them. A waypoint has a scope of its own instead of a Sidecar's
    (istio `pilot/pkg/model/push_context.go`, doGetSidecarScope), takes the ProxyConfigs of its namespace
    and of the root namespace, and from 1.24 such Telemetries.
    """
    if resource.kind == SIDECAR:
        own = Cause("a waypoint has a scope of its own; ztunnel reads no Sidecar", resource.at())
        return Derived(TrafficEffect.ELSEWHERE, (own,))
    if resource.kind == PROXY_CONFIG:
        return _of_waypoints(resource, _selected(resource, around), around)
    if resource.kind == TELEMETRY and isinstance(resource, TargetedPolicy) and not resource.targets:
        return _telemetry(resource, around)
    return Derived(TrafficEffect.UNKNOWN)


def _telemetry(telemetry: TargetedPolicy, around: Surroundings) -> Derived[TrafficEffect]:
    if telemetry.selector is not None:
        ignored = Cause("a waypoint ignores a `selector`", telemetry.at("spec", "selector"))
        return Derived(TrafficEffect.ELSEWHERE, (ignored,))
    if not TELEMETRY_AT_WAYPOINTS.holds(around.version):
        old = Cause(f"waypoints of Istio {around.version} read no Telemetry", telemetry.at())
        return Derived(TrafficEffect.NOWHERE, (old,))
    effect = _of_waypoints(telemetry, _waypoints(telemetry, around), around)
    if effect.value is TrafficEffect.WAYPOINT or not TELEMETRY_ACROSS_NAMESPACES.holds(around.version):
        return effect
    for service in around.graph.in_namespace(telemetry.namespace, SERVICE, SERVICE_ENTRY):
        binding = around.bind(service)
        if binding.state is BindingState.BOUND:
            return Derived(TrafficEffect.WAYPOINT, binding.because)
        if binding.state is BindingState.UNKNOWN:
            effect = Derived(TrafficEffect.UNKNOWN, binding.because)
    return effect


def _of_waypoints(
    resource: Resource, waypoints: Iterable[Gateway], around: Surroundings
) -> Derived[TrafficEffect]:
    for waypoint in waypoints:
        return Derived(TrafficEffect.WAYPOINT, (Cause("it applies to this waypoint", waypoint.at()),))
    scopes = around.graph.scopes
    root = resource.namespace == around.root_namespace
    closed = scopes.cluster or (not root and scopes.is_closed(resource.namespace, GATEWAY))
    none = Cause("there is no waypoint that it applies to", resource.at())
    return Derived(TrafficEffect.NOWHERE if closed else TrafficEffect.UNKNOWN, (none,))


def _waypoints(resource: Resource, around: Surroundings) -> Iterator[Gateway]:
    """The waypoints of a namespace; of the root namespace, all."""
    root = resource.namespace == around.root_namespace
    found = around.graph.of_kind(GATEWAY) if root else around.graph.in_namespace(resource.namespace, GATEWAY)
    for gateway in found:
        if isinstance(gateway, Gateway) and around.judge(gateway).value:
            yield gateway


def _selected(config: Resource, around: Surroundings) -> Iterator[Gateway]:
    """The waypoints whose pods a ProxyConfig selects; without selector, all of its namespace."""
    selector = config.manifest.value("spec", "selector", "matchLabels")
    wanted = selector if isinstance(selector, Mapping) else {}
    for gateway in _waypoints(config, around):
        labels = _pod_labels(gateway)
        if all(labels.get(key) == value for key, value in wanted.items()):
            yield gateway


def _pod_labels(gateway: Gateway) -> Mapping[str, str]:
    """
    The labels that istiod gives the pods of a waypoint.

    istio `manifests/charts/istio-control/istio-discovery/files/waypoint.yaml`.
    """
    own = gateway.infrastructure_labels if gateway.infrastructure_labels is not None else gateway.labels
    return {
        "sidecar.istio.io/inject": "false",
        "istio.io/dataplane-mode": "none",
        "service.istio.io/canonical-name": gateway.name,
        "service.istio.io/canonical-revision": "latest",
        **own,
        GATEWAY_NAME: gateway.name,
        _GATEWAY_CLASS: gateway.class_name,
        MANAGED: "istio.io-mesh-controller",
    }
