"""Faults of what extends proxies: RequestAuthentication, WasmPlugin, Telemetry, EnvoyFilter, Sidecar."""

from accuracy.mesh import At, HealthyMesh, Object, labels, made, namespace_of, replace_key
from accuracy.mutation import mutation

_JWT_RULES = [{"issuer": "https://login.example.com", "jwksUri": "https://login.example.com/keys"}]
_PATCHES = [
    {
        "applyTo": "HTTP_FILTER",
        "match": {"context": "SIDECAR_INBOUND"},
        "patch": {"operation": "INSERT_BEFORE", "value": {"name": "envoy.filters.http.compressor"}},
    }
]


def _for_pods(
    mesh: HealthyMesh, api_version: str, kind: str, spec: Object, key: str = "selector"
) -> Object | None:
    """A new object that selects the pods of a Service, all of them ambient."""
    for service, _ in mesh.ambient_services():
        names = "labels" if key == "workloadSelector" else "matchLabels"
        scope = {key: {names: dict(service["spec"]["selector"])}}
        return mesh.add(made(api_version, kind, "added", namespace_of(service), scope | spec), service)
    return None


def _for_namespace(mesh: HealthyMesh, api_version: str, kind: str, spec: Object) -> Object | None:
    """A new object for a namespace of which all pods are ambient, and that has no gateway."""
    for service, _ in mesh.ambient_services():
        delivered = any(namespace_of(each) == namespace_of(service) for each in mesh.of("HelmRelease"))
        if _is_ambient_only(mesh, service) and not delivered:
            return mesh.add(made(api_version, kind, "added", namespace_of(service), spec), service)
    return None


def _is_ambient_only(mesh: HealthyMesh, service: Object) -> bool:
    ambient = list(mesh.ambient_workloads())
    workloads = [
        each
        for each in mesh.beside(service, "Deployment", "StatefulSet", "DaemonSet")
        if not each["metadata"].get("ownerReferences")
    ]
    others = [each for each in workloads if not any(each is one for one in ambient)]
    gateways = [
        each
        for each in mesh.beside(service, "Gateway")
        if each["spec"].get("gatewayClassName") != "istio-waypoint"
    ]
    return not others and not gateways


@mutation("unchecked-jwt", "a new RequestAuthentication selects pods")
def tokens_for_pods(mesh: HealthyMesh) -> At | None:
    added = _for_pods(mesh, "security.istio.io/v1", "RequestAuthentication", {"jwtRules": _JWT_RULES})
    return At(added, ("spec", "selector")) if added else None


@mutation("unchecked-jwt", "a new RequestAuthentication is for a whole namespace")
def tokens_for_namespace(mesh: HealthyMesh) -> At | None:
    added = _for_namespace(mesh, "security.istio.io/v1", "RequestAuthentication", {"jwtRules": _JWT_RULES})
    return At(added, ("spec",)) if added else None


@mutation(
    "unchecked-jwt", "a RequestAuthentication selects the pods, instead of having their Service as target"
)
def tokens_by_selector(mesh: HealthyMesh) -> At | None:
    ambient = [service for service, _ in mesh.ambient_services()]
    for policy, _, service in mesh.targeted("RequestAuthentication"):
        if any(service is each for each in ambient):
            selector = {"matchLabels": dict(service["spec"]["selector"])}
            replace_key(policy["spec"], "targetRefs", "selector", selector)
            return At(policy, ("spec", "selector"))
    return None


@mutation("unattached-extension", "a new WasmPlugin selects pods")
def plugin_for_pods(mesh: HealthyMesh) -> At | None:
    spec = {"url": "oci://registry.example.com/plugins/headers:1.4", "pluginConfig": {"header": "x-team"}}
    added = _for_pods(mesh, "extensions.istio.io/v1alpha1", "WasmPlugin", spec)
    return At(added, ("spec", "selector")) if added else None


@mutation("unattached-extension", "a new WasmPlugin that authenticates is for a whole namespace")
def plugin_for_namespace(mesh: HealthyMesh) -> At | None:
    spec = {"url": "oci://registry.example.com/plugins/api-keys:2.0", "phase": "AUTHN"}
    added = _for_namespace(mesh, "extensions.istio.io/v1alpha1", "WasmPlugin", spec)
    return At(added, ("spec",)) if added else None


@mutation("unattached-telemetry", "a new Telemetry selects pods")
def telemetry_for_pods(mesh: HealthyMesh) -> At | None:
    spec = {"tracing": [{"randomSamplingPercentage": 100}]}
    added = _for_pods(mesh, "telemetry.istio.io/v1", "Telemetry", spec)
    return At(added, ("spec", "selector")) if added else None


@mutation(
    "unattached-telemetry", "a new Telemetry of the root namespace has the class of waypoints as its target"
)
def telemetry_for_class(mesh: HealthyMesh) -> At | None:
    target = {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
    spec = {"targetRefs": [target], "accessLogging": [{"providers": [{"name": "envoy"}]}]}
    for gateway in mesh.waypoints():
        if namespace_of(gateway) and not mesh.is_before(25):
            added = mesh.add(
                made("telemetry.istio.io/v1", "Telemetry", "added", "istio-system", spec), gateway
            )
            return At(added, ("spec", "targetRefs", 0, "name"))
    return None


@mutation("leftover-envoy-filter", "a new EnvoyFilter selects pods")
def filter_for_pods(mesh: HealthyMesh) -> At | None:
    spec = {"configPatches": _PATCHES}
    added = _for_pods(mesh, "networking.istio.io/v1alpha3", "EnvoyFilter", spec, "workloadSelector")
    return At(added, ("spec", "workloadSelector")) if added and not mesh.is_before(27) else None


@mutation("leftover-envoy-filter", "a new EnvoyFilter is for a whole namespace")
def filter_for_namespace(mesh: HealthyMesh) -> At | None:
    spec = {"configPatches": _PATCHES}
    added = _for_namespace(mesh, "networking.istio.io/v1alpha3", "EnvoyFilter", spec)
    return At(added, ("spec",)) if added and not mesh.is_before(27) else None


@mutation("sidecar-resource-in-ambient", "a new Sidecar limits what a namespace knows")
def scope_of_namespace(mesh: HealthyMesh) -> At | None:
    spec = {"egress": [{"hosts": ["./*", "istio-system/*"]}]}
    added = _for_namespace(mesh, "networking.istio.io/v1", "Sidecar", spec)
    return At(added, ("metadata", "name")) if added else None


@mutation("sidecar-resource-in-ambient", "a new Sidecar holds pods to what is registered")
def registry_only(mesh: HealthyMesh) -> At | None:
    spec = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    added = _for_pods(mesh, "networking.istio.io/v1", "Sidecar", spec, "workloadSelector")
    return At(added, ("metadata", "name")) if added else None


@mutation(
    "sidecar-resource-in-ambient",
    "the namespace of a Sidecar moves to ambient mode",
    also=("l7-rule-at-ztunnel", "unenforced-deny", "weakened-deny", "unchecked-jwt", "leftover-envoy-filter"),
)
def moved_namespace(mesh: HealthyMesh) -> At | None:
    for sidecar in mesh.of("Sidecar"):
        namespace = mesh.find("Namespace", None, namespace_of(sidecar) or "")
        is_injected = namespace and labels(namespace).get("istio-injection") == "enabled"
        if namespace and is_injected and not any(mesh.beside(sidecar, "Pod")):
            replace_key(labels(namespace), "istio-injection", "istio.io/dataplane-mode", "ambient")
            return At(sidecar, ("metadata", "name"))
    return None
