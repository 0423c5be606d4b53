"""Kinds of Kubernetes objects, and references to objects."""

from meshlint.named import NamedTuple


class Kind(NamedTuple):
    """What an object is: API group (empty for the core group) and kind, whatever the version."""

    group: str
    name: str

    def __str__(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name


class ResourceRef(NamedTuple):
    """
    Which object is meant.

    `namespace` is None for a cluster-wide object, and for one of which the manifests do not
    tell the namespace: it is never taken to be `default`.
    """

    kind: Kind
    namespace: str | None
    name: str

    def __str__(self) -> str:
        namespace = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.name} {namespace}{self.name}"


ANY_RESOURCE = Kind("*", "*")
"""As the subject of a check: every resource, of whatever kind."""

NAMESPACE = Kind("", "Namespace")
SERVICE = Kind("", "Service")
SERVICE_ACCOUNT = Kind("", "ServiceAccount")
CONFIG_MAP = Kind("", "ConfigMap")

POD = Kind("", "Pod")
DEPLOYMENT = Kind("apps", "Deployment")
STATEFUL_SET = Kind("apps", "StatefulSet")
DAEMON_SET = Kind("apps", "DaemonSet")
REPLICA_SET = Kind("apps", "ReplicaSet")
JOB = Kind("batch", "Job")
CRON_JOB = Kind("batch", "CronJob")
ROLLOUT = Kind("argoproj.io", "Rollout")
WORKLOADS = (POD, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB, ROLLOUT)
"""The kinds that make pods: their pod templates decide what becomes of the pods."""

_GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY = Kind(_GATEWAY_API, "Gateway")
GATEWAY_CLASS = Kind(_GATEWAY_API, "GatewayClass")
HTTP_ROUTE = Kind(_GATEWAY_API, "HTTPRoute")
GRPC_ROUTE = Kind(_GATEWAY_API, "GRPCRoute")
TCP_ROUTE = Kind(_GATEWAY_API, "TCPRoute")
TLS_ROUTE = Kind(_GATEWAY_API, "TLSRoute")
REFERENCE_GRANT = Kind(_GATEWAY_API, "ReferenceGrant")
LISTENER_SET = Kind(_GATEWAY_API, "ListenerSet")
BACKEND_TLS_POLICY = Kind(_GATEWAY_API, "BackendTLSPolicy")
ROUTES = (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE)
GATEWAY_API = (GATEWAY_CLASS, GATEWAY, *ROUTES, REFERENCE_GRANT, LISTENER_SET, BACKEND_TLS_POLICY)
"""The kinds of the Gateway API that Istio reads."""

_NETWORKING = "networking.istio.io"
VIRTUAL_SERVICE = Kind(_NETWORKING, "VirtualService")
DESTINATION_RULE = Kind(_NETWORKING, "DestinationRule")
SERVICE_ENTRY = Kind(_NETWORKING, "ServiceEntry")
WORKLOAD_ENTRY = Kind(_NETWORKING, "WorkloadEntry")
WORKLOAD_GROUP = Kind(_NETWORKING, "WorkloadGroup")
SIDECAR = Kind(_NETWORKING, "Sidecar")
ENVOY_FILTER = Kind(_NETWORKING, "EnvoyFilter")
PROXY_CONFIG = Kind(_NETWORKING, "ProxyConfig")
ISTIO_GATEWAY = Kind(_NETWORKING, "Gateway")

AUTHORIZATION_POLICY = Kind("security.istio.io", "AuthorizationPolicy")
PEER_AUTHENTICATION = Kind("security.istio.io", "PeerAuthentication")
REQUEST_AUTHENTICATION = Kind("security.istio.io", "RequestAuthentication")
TELEMETRY = Kind("telemetry.istio.io", "Telemetry")
WASM_PLUGIN = Kind("extensions.istio.io", "WasmPlugin")
TRAFFIC_EXTENSION = Kind("extensions.istio.io", "TrafficExtension")
TARGETED_POLICIES = (
    AUTHORIZATION_POLICY,
    REQUEST_AUTHENTICATION,
    WASM_PLUGIN,
    TRAFFIC_EXTENSION,
    TELEMETRY,
    ENVOY_FILTER,
)
"""The kinds that attach by `targetRefs`."""

WAYPOINT_RULES = (*TARGETED_POLICIES, *ROUTES, VIRTUAL_SERVICE, DESTINATION_RULE)
"""The kinds that act on ambient clients only at a waypoint."""

WAYPOINT_USERS = (NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, *WORKLOADS)
"""The kinds on which Istio reads `istio.io/use-waypoint`."""

NETWORK_POLICY = Kind("networking.k8s.io", "NetworkPolicy")
INGRESS = Kind("networking.k8s.io", "Ingress")
INGRESS_CLASS = Kind("networking.k8s.io", "IngressClass")

CUSTOM_RESOURCE_DEFINITION = Kind("apiextensions.k8s.io", "CustomResourceDefinition")
MUTATING_WEBHOOK = Kind("admissionregistration.k8s.io", "MutatingWebhookConfiguration")
VALIDATING_WEBHOOK = Kind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration")
API_SERVICE = Kind("apiregistration.k8s.io", "APIService")
API_EXTENSIONS = (MUTATING_WEBHOOK, VALIDATING_WEBHOOK, CUSTOM_RESOURCE_DEFINITION, API_SERVICE)
"""The kinds that have the API server call Services."""
ISTIO_OPERATOR = Kind("install.istio.io", "IstioOperator")
SAIL_ISTIO = Kind("sailoperator.io", "Istio")
SAIL_CNI = Kind("sailoperator.io", "IstioCNI")
SAIL_ZTUNNEL = Kind("sailoperator.io", "ZTunnel")
HELM_RELEASE = Kind("helm.toolkit.fluxcd.io", "HelmRelease")
ARGO_APPLICATION = Kind("argoproj.io", "Application")
FLUX_KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "Kustomization")
CLUSTER_SPIFFE_ID = Kind("spire.spiffe.io", "ClusterSPIFFEID")
MESH_CONFIG = (
    CONFIG_MAP,
    ISTIO_OPERATOR,
    SAIL_ISTIO,
    SAIL_CNI,
    SAIL_ZTUNNEL,
    HELM_RELEASE,
    ARGO_APPLICATION,
)
"""The kinds that can hold MeshConfig, or values of Istio's charts."""
INSTALLATION = (*MESH_CONFIG, DEPLOYMENT, DAEMON_SET, MUTATING_WEBHOOK)
"""The kinds that can tell how Istio is installed."""

MESH_CONFIG_HOLDERS = (
    CONFIG_MAP,
    ISTIO_OPERATOR,
    SAIL_ISTIO,
    SAIL_CNI,
    SAIL_ZTUNNEL,
    HELM_RELEASE,
    ARGO_APPLICATION,
)
"""The kinds that can hold MeshConfig, or values for the charts that make it."""

_CLUSTER_WIDE_GROUPS = {
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "node.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
}
_CLUSTER_WIDE = {
    NAMESPACE,
    GATEWAY_CLASS,
    SAIL_ISTIO,
    SAIL_CNI,
    SAIL_ZTUNNEL,
    CLUSTER_SPIFFE_ID,
    Kind("", "Node"),
    Kind("", "PersistentVolume"),
    Kind("rbac.authorization.k8s.io", "ClusterRole"),
    Kind("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    INGRESS_CLASS,
    Kind("certificates.k8s.io", "CertificateSigningRequest"),
    Kind("policy", "PodSecurityPolicy"),
    Kind("cert-manager.io", "ClusterIssuer"),
    Kind("kyverno.io", "ClusterPolicy"),
    Kind("cilium.io", "CiliumClusterwideNetworkPolicy"),
    Kind("external-secrets.io", "ClusterSecretStore"),
    Kind("spire.spiffe.io", "ClusterFederatedTrustDomain"),
}
_NAMESPACED_STORAGE = Kind("storage.k8s.io", "CSIStorageCapacity")


def is_cluster_wide(kind: Kind) -> bool:
    """Whether objects of this kind have no namespace. Kinds that are not known count as namespaced."""
    return kind in _CLUSTER_WIDE or (kind.group in _CLUSTER_WIDE_GROUPS and kind != _NAMESPACED_STORAGE)
