"""
The labels and annotations that Istio knows, and the kinds of its API groups.

From `label/labels.yaml` and `annotation/annotations.yaml` of istio/api (August 2026, and the
release branches from 1.22), and the constants that istio uses without registering them; the kinds from
the CustomResourceDefinitions of Istio, of the Gateway API that it is built with, and of the Sail operator.
"""

from collections.abc import Mapping
from enum import Enum

from meshlint.named import NamedTuple


class KeyRole(Enum):
    """Whether Istio reads a key as a label or as an annotation."""

    LABEL = "label"
    ANNOTATION = "annotation"
    BOTH = "label or annotation"


class KnownKey(NamedTuple):
    """A key that Istio reads. `decides`: enrolment, injection, a waypoint or a policy hangs on it."""

    name: str
    role: KeyRole
    decides: bool = False


_DECIDING_LABELS = (
    "istio-injection",
    "istio.io/dataplane-mode",
    "istio.io/ingress-use-waypoint",
    "istio.io/use-waypoint",
    "istio.io/use-waypoint-canary",
    "istio.io/use-waypoint-canary-namespace",
    "istio.io/use-waypoint-namespace",
    "istio.io/waypoint-for",
    "networking.istio.io/enable-autoallocate-ip",
)
_LABELS = (
    "gateway.istio.io/managed",
    "gateway.networking.k8s.io/gateway-class-name",
    "gateway.networking.k8s.io/gateway-name",
    "install.operator.istio.io/owning-resource",
    "install.operator.istio.io/owning-resource-namespace",
    "istio.io/deployment-revision",
    "istio.io/gateway-name",
    "istio.io/global",
    "istio.io/owned-by",
    "istio.io/tag",
    "istio/multiCluster",
    "networking.istio.io/gatewayPort",
    "networking.istio.io/tunnel",
    "operator.istio.io/component",
    "operator.istio.io/managed",
    "operator.istio.io/version",
    "release.istio.io/version",
    "security.istio.io/tlsMode",
    "service.istio.io/canonical-name",
    "service.istio.io/canonical-revision",
    "service.istio.io/workload-name",
    "topology.istio.io/cluster",
    "topology.istio.io/locality",
    "topology.istio.io/network",
    "topology.istio.io/subzone",
)
_BOTH = ("istio.io/rev", "sidecar.istio.io/inject")
_DECIDING_ANNOTATIONS = (
    "ambient.istio.io/bypass-inbound-capture",
    "ambient.istio.io/dns-capture",
    "ambient.istio.io/redirection",
    "ambient.istio.io/waypoint-inbound-binding",
    "inject.istio.io/templates",
    "istio.io/dry-run",
    "istio.io/use-waypoint-canary-weight",
)
_ANNOTATIONS = (
    "alpha.istio.io/canonical-serviceaccounts",
    "alpha.istio.io/identity",
    "alpha.istio.io/kubernetes-serviceaccounts",
    "ambient.istio.io/xfcc-include-client-identity",
    "envoyfilter.istio.io/referenced-services",
    "experimental.istio.io/disable-gateway-port-translation",
    "galley.istio.io/analyze-suppress",
    "gateway.istio.io/alias-for",
    "gateway.istio.io/controller-version",
    "gateway.istio.io/defaults-for-class",
    "gateway.istio.io/name-override",
    "gateway.istio.io/service-account",
    "gateway.istio.io/tls-cipher-suites",
    "gateway.istio.io/tls-terminate-mode",
    "istio.io/autoRegistrationGroup",
    "istio.io/connect-strategy",
    "istio.io/connectedAt",
    "istio.io/disconnectedAt",
    "istio.io/for-service-account",
    "istio.io/reroute-virtual-interfaces",
    "istio.io/workloadController",
    "networking.istio.io/address-type",
    "networking.istio.io/exportTo",
    "networking.istio.io/service-type",
    "networking.istio.io/traffic-distribution",
    "policy.istio.io/checkBaseRetryWaitTime",
    "policy.istio.io/checkMaxRetryWaitTime",
    "policy.istio.io/checkRetries",
    "prometheus.istio.io/merge-metrics",
    "prometheus.istio.io/scrape-targets",
    "prometheus.istio.io/secure-port",
    "proxy.istio.io/config",
    "proxy.istio.io/health-checks-enabled",
    "proxy.istio.io/overrides",
    "readiness.status.sidecar.istio.io/applicationPorts",
    "readiness.status.sidecar.istio.io/failureThreshold",
    "readiness.status.sidecar.istio.io/initialDelaySeconds",
    "readiness.status.sidecar.istio.io/periodSeconds",
    "sidecar.istio.io/agentLogLevel",
    "sidecar.istio.io/bootstrapOverride",
    "sidecar.istio.io/capNetBindService",
    "sidecar.istio.io/componentLogLevel",
    "sidecar.istio.io/controlPlaneAuthPolicy",
    "sidecar.istio.io/discoveryAddress",
    "sidecar.istio.io/enableCoreDump",
    "sidecar.istio.io/extraStatTags",
    "sidecar.istio.io/interceptionMode",
    "sidecar.istio.io/logLevel",
    "sidecar.istio.io/nativeSidecar",
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyCPULimit",
    "sidecar.istio.io/proxyImage",
    "sidecar.istio.io/proxyImageType",
    "sidecar.istio.io/proxyMemory",
    "sidecar.istio.io/proxyMemoryLimit",
    "sidecar.istio.io/rewriteAppHTTPProbers",
    "sidecar.istio.io/statsCompression",
    "sidecar.istio.io/statsEvictionInterval",
    "sidecar.istio.io/statsFlushInterval",
    "sidecar.istio.io/statsHistogramBins",
    "sidecar.istio.io/statsHistogramBuckets",
    "sidecar.istio.io/statsInclusionPrefixes",
    "sidecar.istio.io/statsInclusionRegexps",
    "sidecar.istio.io/statsInclusionSuffixes",
    "sidecar.istio.io/status",
    "sidecar.istio.io/userVolume",
    "sidecar.istio.io/userVolumeMount",
    "status.sidecar.istio.io/port",
    "topology.istio.io/controlPlaneClusters",
    "traffic.istio.io/nodeSelector",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
)

KNOWN_KEYS: Mapping[str, KnownKey] = {
    key.name: key
    for key in (
        *(KnownKey(name, KeyRole.LABEL, decides=True) for name in _DECIDING_LABELS),
        *(KnownKey(name, KeyRole.LABEL) for name in _LABELS),
        *(KnownKey(name, KeyRole.BOTH, decides=True) for name in _BOTH),
        *(KnownKey(name, KeyRole.ANNOTATION, decides=True) for name in _DECIDING_ANNOTATIONS),
        *(KnownKey(name, KeyRole.ANNOTATION) for name in _ANNOTATIONS),
    )
}
"""Every key that some supported version of Istio reads or writes, removed and hidden ones included."""

KNOWN_KINDS: Mapping[str, tuple[str, ...]] = {
    "extensions.istio.io": ("TrafficExtension", "WasmPlugin"),
    "install.istio.io": ("IstioOperator",),
    "networking.istio.io": (
        "DestinationRule",
        "EnvoyFilter",
        "Gateway",
        "ProxyConfig",
        "ServiceEntry",
        "Sidecar",
        "VirtualService",
        "WorkloadEntry",
        "WorkloadGroup",
    ),
    "security.istio.io": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    "telemetry.istio.io": ("Telemetry",),
    "gateway.networking.k8s.io": (
        "BackendLBPolicy",
        "BackendTLSPolicy",
        "GRPCRoute",
        "Gateway",
        "GatewayClass",
        "HTTPRoute",
        "ListenerSet",
        "ReferenceGrant",
        "ReferencePolicy",
        "TCPRoute",
        "TLSRoute",
        "UDPRoute",
    ),
    "gateway.networking.x-k8s.io": ("XBackend", "XBackendTrafficPolicy", "XListenerSet", "XMesh"),
    "sailoperator.io": ("Istio", "IstioCNI", "IstioRevision", "IstioRevisionTag", "RemoteIstio", "ZTunnel"),
}
"""The kinds of each API group of Istio, the Gateway API and the Sail operator, in any supported version."""

ENDED_GROUPS: Mapping[str, str] = {
    "authentication.istio.io": "1.6",
    "config.istio.io": "1.8",
    "rbac.istio.io": "1.8",
}
"""The API groups that Istio had once, and the first version without each (`crd-all.gen.yaml`)."""
