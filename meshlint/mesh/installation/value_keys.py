"""
The keys that Istio's charts, istioctl and the Sail operator read at the top of what they are given.

istio `manifests/charts/*/values.yaml` and templates of 1.22 to 1.32; `operator/pkg/apis/types.go` and
`values_types.proto`; sail-operator `api/v1`.
"""

from meshlint.model import kind as k


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ISTIOD_OWN = _words(
    """
    affinity autoscaleBehavior autoscaleEnabled autoscaleMax autoscaleMin cni configMap cpu
    crlConfigMapName deploymentAnnotations deploymentLabels env envVarFrom extraContainerArgs hub
    image initContainers ipFamilies ipFamilyPolicy jwksResolverExtraRootCA
    keepaliveMaxServerConnectionAge memory nodeSelector pdb podAnnotations podLabels replicaCount
    resources rollingMaxSurge rollingMaxUnavailable seccompProfile serviceAccountAnnotations
    serviceAnnotations sidecarInjectorWebhookAnnotations tag taint terminationMessagePolicy
    tolerations topologySpreadConstraints traceSampling trafficDistribution trustedZtunnelName
    trustedZtunnelNamespace variant volumeMounts volumes
    """
)
CNI_OWN = _words(
    """
    affinity ambient chained cniBinDir cniConfDir cniConfFileName cniNetnsDir daemonSetLabels env
    excludeNamespaces hub image istioOwnedCNIConfig istioOwnedCNIConfigFileName logging
    podAnnotations podLabels privileged provider psp_cluster_role pullPolicy repair resourceQuotas
    resource_quotas resources rollingMaxUnavailable seLinuxOptions seccompProfile tag
    terminationGracePeriodSeconds tolerations updateStrategy useAppArmorAnnotation variant
    """
)
ZTUNNEL_OWN = _words(
    """
    affinity annotations caAddress dnsConfig dnsPolicy env hub image imagePullPolicy
    imagePullSecrets istioNamespace labels logAsJson logLevel meshConfig multiCluster network
    nodeSelector peerCaCrl podAnnotations podLabels resourceName resourceQuotas resourceScope
    resources revision seLinuxOptions tag terminationGracePeriodSeconds tolerations trustBundleName
    updateStrategy variant volumeMounts volumes xdsAddress
    """
)
_GATEWAY_OWN = _words(
    """
    additionalContainers affinity annotations autoscaling containerSecurityContext dnsConfig
    dnsPolicy env envVarFrom imagePullPolicy imagePullSecrets initContainers kind labels lifecycle
    minReadySeconds name networkGateway networkGatewayPorts nodeSelector podAnnotations
    podDisruptionBudget priorityClassName rbac readinessProbe replicaCount resources securityContext
    service serviceAccount strategy terminationGracePeriodSeconds tolerations
    topologySpreadConstraints volumeMounts volumes
    """
)
OF_EACH = _words(
    """
    _internal_defaults_do_not_set compatibilityVersion enabled global ownerName platform profile
    revision
    """
)
_ISTIOD_SHARED = _words(
    """
    base defaultRevision experimental gatewayClasses gateways istiodRemote istio_cni meshConfig
    pilot revisionTags sidecarInjectorWebhook telemetry
    """
)
OWN = {"istiod": ISTIOD_OWN, "cni": CNI_OWN, "ztunnel": ZTUNNEL_OWN, "gateway": _GATEWAY_OWN}
CHART_KEYS = {
    "base": frozenset({*OF_EACH, "base", "defaultRevision", "experimental", "pilot"}),
    "istiod": OF_EACH | ISTIOD_OWN | _ISTIOD_SHARED,
    "cni": OF_EACH | CNI_OWN | {"cni"},
    "ztunnel": OF_EACH | ZTUNNEL_OWN,
    "gateway": OF_EACH | _GATEWAY_OWN,
}
HOME = {"istiod": "pilot", "cni": "cni"}
"""Where a chart reads its own settings besides the top."""
SUBCHARTS = ("base", "istiod", "cni", "ztunnel")

OPERATOR_KEYS = _words(
    """
    profile installPackagePath hub tag namespace revision compatibilityVersion meshConfig components
    values unvalidatedValues
    """
)
COMPONENTS = frozenset(
    {"base", "pilot", "cni", "ztunnel", "istiodRemote", "ingressGateways", "egressGateways"}
)
OTHER_NAMES = {"istiod": "pilot", "istio-cni": "cni", "istioCni": "cni", "istio_cni": "cni"}
OPERATOR_VALUES = _words(
    """
    cni gateways global pilot ztunnel telemetry sidecarInjectorWebhook istio_cni revision ownerName
    meshConfig base istiodRemote revisionTags defaultRevision profile compatibilityVersion
    experimental gatewayClasses
    """
)
SAIL_KEYS = frozenset({"version", "namespace", "profile", "values", "updateStrategy", "targetRef"})
SAIL_VALUES = {
    k.SAIL_ISTIO: _words(
        """
    base compatibilityVersion defaultRevision experimental gatewayClasses global istiodRemote
    meshConfig pilot profile revision sidecarInjectorWebhook telemetry
    """
    ),
    k.SAIL_CNI: frozenset({"cni", "global"}),
    k.SAIL_ZTUNNEL: frozenset({"ztunnel", "global"}),
}
SAIL_HOMES = {
    k.SAIL_ISTIO: ("pilot", ISTIOD_OWN),
    k.SAIL_CNI: ("cni", CNI_OWN),
    k.SAIL_ZTUNNEL: ("ztunnel", ZTUNNEL_OWN),
}
