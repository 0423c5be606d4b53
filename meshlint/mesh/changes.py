"""
The rules of Istio that changed between the versions that meshlint knows: the one table of them.

Nothing else in the mesh compares versions. `docs/versions.md` is made of this table.
"""

from meshlint.model.version import IstioVersion, VersionRange
from meshlint.named import NamedTuple


class Change(NamedTuple):
    """
    A rule of Istio, the versions in which it holds, and what shows that.

    `evidence` names release notes (files of `releasenotes/notes/`), pull requests and source files of
    istio/istio; `ambient/` is `pilot/pkg/serviceregistry/ambient/`, and up to 1.29
    `pilot/pkg/serviceregistry/kube/controller/ambient/`.
    """

    rule: str
    istio: VersionRange
    evidence: str

    def holds(self, version: IstioVersion) -> bool:
        """Whether the rule is one of a version."""
        return version in self.istio

    @property
    def since(self) -> IstioVersion:
        """The first version in which the rule holds."""
        return self.istio.lowest


def _from(version: str, rule: str, evidence: str) -> Change:
    """A rule that holds from a version on."""
    return Change(rule, VersionRange(f">={version}"), evidence)


# Installation

SERVICES_ARE_TAGS = _from(
    "1.28",
    "A Service with `istio.io/tag` is a tag of a revision, as a webhook is; "
    "the default validator's revision is the default one",
    "note revision-tags-as-svc; `pkg/revisions/tag_watcher.go`",
)
TRUSTED_ZTUNNEL_IN_VALUES = _from(
    "1.23",
    "Chart istiod has istiod trust the ztunnel of its own namespace, or of `trustedZtunnelNamespace`; "
    "before, profile ambient names istio-system and kube-system",
    "`manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`: CA_TRUSTED_NODE_ACCOUNTS",
)
ZTUNNEL_ACCOUNT_HAS_ITS_NAME = _from(
    "1.26",
    "`resourceName` of chart ztunnel names its service account, which istiod trusts by `trustedZtunnelName`",
    "`manifests/charts/ztunnel/templates/_helpers.tpl`, note ztunnel-helm-chart",
)
VALUES_AT_THE_TOP = _from(
    "1.24",
    "Charts istiod and cni read their own values at the top as well as under `pilot` and `cni`; "
    "charts refuse `defaults`",
    "`manifests/charts/istio-cni/templates`, zzy_descope_legacy.yaml and zzz_profile.yaml",
)
PROFILES_OF_PLATFORMS = _from(
    "1.24",
    "Charts have profiles of platforms, and fail to render for a platform that they do not have",
    "`manifests/charts/istio-cni/templates/zzz_profile.yaml` and `files/profile-platform-*.yaml`",
)
PLATFORM_GKE = _from(
    "1.25",
    "Charts have a profile of platform gke",
    "`manifests/charts/istio-cni/files/profile-platform-gke.yaml`",
)
BACKEND_TLS_BY_1_4 = _from(
    "1.28",
    "istiod reads BackendTLSPolicies only where their CRD is of bundle v1.4.0 of the Gateway API or newer",
    "`pkg/kube/kclient/crdwatcher.go`, minimumCRDVersions",
)
TLS_ROUTES_BY_1_5 = _from(
    "1.30",
    "istiod reads TLSRoutes only where their CRD is of bundle v1.5.0 of the Gateway API or newer",
    "`pkg/kube/kclient/crdwatcher.go`, minimumCRDVersions",
)
TCP_ROUTES_BY_1_6 = _from(
    "1.31",
    "istiod reads TCPRoutes only where their CRD is of bundle v1.6.0 of the Gateway API or newer",
    "`pkg/config/schema/gatewayapi/minimumversions.go`",
)
AMBIENT_COMPARES_REVISIONS = Change(
    "Ambient mode takes a ServiceEntry, WorkloadEntry or AuthorizationPolicy with `istio.io/rev` "
    "only if that is the revision of istiod",
    VersionRange(">=1.25.4,<1.26 || >=1.26.3"),
    "`ambient/ambientindex.go`, inRevision",
)
DRY_RUNS_CAN_BE_SENT = _from(
    "1.29",
    "A switch has istiod send policies with `istio.io/dry-run` to ztunnel, to be logged; "
    "without it their status says so",
    "note authz-dry-run-ambient",
)

# Enrollment

EXCLUSION_IS_LOST = Change(
    "The charts write the namespaces to exclude under a key that istio-cni does not read",
    VersionRange(">=1.23,<1.24.5 || >=1.25,<1.25.2"),
    "`manifests/charts/istio-cni/templates/configmap-cni.yaml`: EXCLUDED_NAMESPACES for EXCLUDE_NAMESPACES",
)
NODE_AGENT_EXCLUDES = _from(
    "1.30",
    "The node agent leaves pods of excluded namespaces alone, as the CNI plugin always did",
    "note 59295",
)
ENABLEMENT_SELECTORS = _from(
    "1.27",
    "Selectors in the values of istio-cni replace the rule for which pods are ambient",
    "`cni/pkg/util/enablement_selector.go`",
)
DNS_CAPTURE_BY_DEFAULT = _from(
    "1.25",
    "ztunnel answers the DNS queries of ambient pods, unless that is switched off",
    "note ambient-dns-on",
)
CAPTURE_CAN_BE_BYPASSED = _from(
    "1.24",
    "A pod with `ambient.istio.io/bypass-inbound-capture` gets what comes in past ztunnel",
    "`cni/pkg/nodeagent/net.go`",
)
VIRTUAL_INTERFACES = _from(
    "1.25",
    "What comes from the interfaces of `istio.io/reroute-virtual-interfaces` is captured as what it sends",
    "`cni/pkg/nodeagent/net.go`",
)

# Waypoints

USE_WAYPOINT_NAMESPACE_LABEL = _from(
    "1.23",
    "The label `istio.io/use-waypoint-namespace` says where the waypoint is",
    "`ambient/waypoints.go`, getUseWaypoint",
)
ALLOWED_ROUTES = _from(
    "1.23",
    "The `allowedRoutes` of a waypoint's listener decide which namespaces may use it",
    "`ambient/waypoints.go`, makeAllowedRoutes",
)
SANDWICH_LISTENERS = _from(
    "1.26",
    "`allowedRoutes` of a sandwich are those of the listener that it is bound to",
    "note 56011-sandwich-allowedRoutes",
)
CLASSES_SAY_TRAFFIC = _from(
    "1.23",
    "`istio.io/waypoint-for` on a GatewayClass is the default of its waypoints",
    "note 50933",
)
WAYPOINTS_HAVE_NO_WAYPOINT = _from(
    "1.23",
    "The Service of a waypoint has no waypoint itself",
    "`ambient/waypoints.go`, fetchWaypointForTarget",
)
EAST_WEST_GATEWAYS_HAVE_NO_WAYPOINT = _from(
    "1.27",
    "The Service of an east-west gateway has no waypoint",
    "`ambient/waypoints.go`, ManagedGatewayEastWestControllerLabel",
)
EAST_WEST_CLASS = _from(
    "1.27",
    "The class `istio-east-west` is Istio's also without a GatewayClass",
    "`pkg/config/constants/constants.go`, EastWestGatewayClassName",
)
AGENTGATEWAY_CLASS = _from(
    "1.29",
    "The class `istio-agentgateway` is Istio's also without a GatewayClass",
    "note 59209, which came with 1.30; `pkg/config/constants/constants.go`",
)
AGENTGATEWAY_WAYPOINT_CLASS = _from(
    "1.31",
    "The class `istio-agentgateway-waypoint` is Istio's also without a GatewayClass",
    "note agw-waypoint-gatewayclass",
)
CANARY_WAYPOINTS = _from(
    "1.31",
    "A Service can have a second waypoint: `istio.io/use-waypoint-canary`",
    "note 60801-weighted-waypoint-canary",
)
SERVICE_ENTRY_VISIBILITY = _from(
    "1.31",
    "`meshConfig.serviceEntryVisibility` limits who sees ServiceEntries; "
    "one of NAMESPACE visibility has no waypoint of another namespace",
    "note 60870-serviceentry-visibility",
)
EAST_WEST_PASSTHROUGH = _from(
    "1.30",
    "An east-west gateway may have listeners for TLS passthrough, which routes attach to",
    "note ewgw-tls-passthrough",
)
LISTENERS_DECIDE_ACCEPTANCE = _from(
    "1.31",
    "A Gateway is told of listeners that are not valid, and is refused if none is valid",
    "note gateway-listeners-not-valid",
)
OLD_GATEWAY_LABEL_IS_GONE = _from(
    "1.24",
    "istiod gives the pods of a new Gateway no label `istio.io/gateway-name`",
    "note 52049",
)
BINDING_CONDITIONS = _from(
    "1.24",
    "Services and ServiceEntries are told of their waypoint by a condition",
    "`pilot/pkg/model/service.go`, ServiceInfo.GetConditions",
)
WORKLOAD_ENTRY_SPEC_LABELS = _from(
    "1.24",
    "The labels in the `spec` of a WorkloadEntry count for its waypoint, after those of its metadata",
    "`pilot/pkg/serviceregistry/serviceentry/`, ConvertClientWorkloadEntry",
)
WORKLOAD_ENTRY_CONDITIONS = _from(
    "1.30",
    "WorkloadEntries are told of their waypoint by a condition",
    "note 59993",
)
INGRESS_IN_CONDITION = _from(
    "1.25",
    "The condition says whether ingress gateways use the waypoint",
    "note 53845-condition-for-ingress-waypoint",
)
NAMESPACE_INGRESS_IN_CONDITION = _from(
    "1.30",
    "What the condition says of ingress minds the Namespace's label, and any boolean of Go",
    "`ambient/services.go`, ingressUseWaypointFromLabels",
)
WILDCARD_CONDITION = _from(
    "1.28",
    "A ServiceEntry with a wildcard host and no waypoint is told so",
    "`pilot/pkg/model/service.go`, NoWaypointForWildcardService",
)
RACING_CONDITION = _from(
    "1.30",
    "A ServiceEntry with a racing `istio.io/connect-strategy` and no waypoint is told so",
    "note ambient-dns-connection-strategy",
)

# Policies

PARENTS_COUNT_IN_CONVERSION = Change(
    "The policy that istiod makes of the ports of a PeerAuthentication minds the policies above it",
    VersionRange(">=1.22.8,<1.23 || >=1.23.5,<1.24 || >=1.24.3"),
    "notes 53884 and 54146",
)
SERVICE_ACCOUNTS = _from(
    "1.25",
    "ztunnel enforces `serviceAccounts` of an AuthorizationPolicy",
    "`ambient/authorization.go`",
)
DRY_RUNS_STAY_AT_ISTIOD = _from(
    "1.25.2",
    "ztunnel is not given policies with `istio.io/dry-run` to enforce",
    "#55414 (649cf33); `ambient/policies.go`",
)
POLICY_CONDITIONS = _from(
    "1.24",
    "AuthorizationPolicies are told by conditions where they are enforced",
    "note 53091",
)
TARGET_REF_IN_CONDITION = _from(
    "1.24.2",
    "The condition minds the singular `targetRef`",
    "`ambient/policies.go`, GetTargetRefs",
)
CLASSES_IN_CONDITION = _from(
    "1.25.2",
    "The condition minds targets of kind GatewayClass",
    "`ambient/policies.go`",
)
CONDITION_NAMES_ATTRIBUTES = _from(
    "1.24.3",
    "The condition lists the HTTP attributes that ztunnel omits",
    "`ambient/authorization.go`",
)
CONDITION_TELLS_EMPTY_DENY = _from(
    "1.32",
    "The condition says of a DENY policy that is left without rules that it has no effect",
    "note 61126",
)
SERVICE_ENTRY_TARGETS = _from(
    "1.24",
    "A policy can have a ServiceEntry as its target",
    "`pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy",
)
CLASS_TARGETS = _from(
    "1.25",
    "A policy of the root namespace can have a GatewayClass as its target: all waypoints",
    "`pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy",
)
TARGETS_STAY_AT_HOME = _from(
    "1.25",
    "A policy's target Gateway is in the policy's namespace also for those of the root namespace",
    "`pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy",
)
AUTHORIZATION_ACROSS_NAMESPACES = _from(
    "1.24",
    "A waypoint looks for AuthorizationPolicies in the namespaces of its Services",
    "`pilot/pkg/model/policyattachment.go`, ShouldAttachPolicy",
)
AUTHENTICATION_ACROSS_NAMESPACES = _from(
    "1.24.2",
    "A waypoint looks for RequestAuthentications in the namespaces of its Services",
    "`pilot/pkg/model/authentication.go`, GetJwtPoliciesForWorkload",
)
WASM_ACROSS_NAMESPACES = _from(
    "1.25",
    "A waypoint looks for WasmPlugins in the namespaces of its Services",
    "`pilot/pkg/model/push_context.go`, WasmPluginsByListenerInfo",
)
TELEMETRY_ACROSS_NAMESPACES = _from(
    "1.30.3",
    "A waypoint looks for Telemetries in the namespaces of its Services",
    "`pilot/pkg/model/telemetry.go`, applicableTelemetries",
)
TRAFFIC_EXTENSIONS = _from(
    "1.30",
    "Istio reads TrafficExtensions",
    "note trafficextension",
)
ENVOY_FILTER_TARGETS = _from(
    "1.27",
    "An EnvoyFilter acts on a waypoint by its targets, and no more by its selector",
    "note 56476; `pilot/pkg/model/push_context.go`, getMatchedEnvoyFilters",
)
ENVOY_FILTER_CLASS_TARGETS = _from(
    "1.27.4",
    "An EnvoyFilter of the root namespace can have a GatewayClass as its target",
    "#58037 (aa6b0c7)",
)

# Routing

TELEMETRY_AT_WAYPOINTS = _from(
    "1.24",
    "A waypoint reads Telemetries",
    "note ambient-telemetry",
)
TRAFFIC_POLICIES_AT_WAYPOINTS = _from(
    "1.23",
    "A waypoint reads the `trafficPolicy` of a DestinationRule, not its subsets alone",
    "`pilot/pkg/networking/core/cluster_waypoint.go`",
)
PORT_SETTINGS_AT_WAYPOINTS = _from(
    "1.23.1",
    "A waypoint reads the `portLevelSettings` of a DestinationRule",
    "note ambient-waypoint-portlevel",
)
ROUTES_BESIDE_THE_SERVICE = _from(
    "1.24",
    "A waypoint takes VirtualServices and routes of the Service's namespace too, not of its own alone",
    "`pilot/pkg/networking/core/listener_waypoint.go`, getVirtualServiceForWaypoint",
)
TCP_AT_WAYPOINTS = _from(
    "1.26",
    "A waypoint routes TCP and TLS by VirtualServices, TCPRoutes and TLSRoutes",
    "note waypoint-tcproute",
)
SOURCE_LABELS_NEVER_MATCH = _from(
    "1.25",
    "A waypoint drops matches with `sourceLabels`",
    "note 51565-waypoint-sourcelabels",
)
WEBSOCKET_PROTOCOLS = _from(
    "1.24",
    "`appProtocol` may be one of Kubernetes' names for WebSocket",
    "`pkg/config/kube/conversion.go`",
)
HTTP_ROUTES_IN_V1 = _from(
    "1.29",
    "Istio reads and names HTTPRoutes as `v1`",
    "`pkg/config/schema/gvk/resources.gen.go`",
)
TLS_ROUTES_BY_DEFAULT = _from(
    "1.30",
    "Istio reads TLSRoutes as `v1`, with no switch for alpha routes",
    "note tls-protocol-gateway-no-alpha-gate; `pkg/config/schema/gvk/resources.gen.go`",
)
TCP_ROUTES_BY_DEFAULT = _from(
    "1.31",
    "Istio reads TCPRoutes as `v1`, with no switch for alpha routes",
    "`pkg/config/schema/gvk/resources.gen.go`",
)
TLS_ROUTES_TERMINATE = _from(
    "1.30",
    "A TLS listener takes TLSRoutes in every mode, and TCPRoutes only where it terminates",
    "note 55728",
)
FAULTY_LISTENERS_TAKE_NO_ROUTES = _from(
    "1.31",
    "Routes do not attach to a listener without its TLS section, or in conflict with an earlier one",
    "notes invalid-listener-without-tls-section and listenerset-conflict-resolution",
)
ROUTES_TELL_WAYPOINTS = _from(
    "1.25.1",
    "Routes of a Service are told whether it is there and has a waypoint",
    "note httproute-status-for-svc-svcentry",
)
OTHER_WAYPOINTS_ARE_NOT_TOLD = _from(
    "1.31",
    "Routes of a Service get no status from istiod if another controller manages its waypoint",
    "`pilot/pkg/config/kube`, waypointManagedByAnotherController",
)
INGRESS_USE_WAYPOINT_LABEL = _from(
    "1.24",
    "Ingress gateways use the waypoint of a Service with `istio.io/ingress-use-waypoint`",
    "`ambient/services.go`",
)
NAMESPACES_ASK_INGRESS = _from(
    "1.25",
    "`istio.io/ingress-use-waypoint` may stand on the Namespace, and in any case of `true`",
    "note ingress-use-waypoint-namespace",
)
ANY_BOOLEAN_ASKS_INGRESS = _from(
    "1.30",
    "The value of `istio.io/ingress-use-waypoint` may be any boolean of Go",
    "`ambient/services.go`, ingressUseWaypointFromLabels",
)
ADDRESS_ALLOCATION = _from(
    "1.23",
    "A switch has istiod give addresses to ServiceEntries that have none",
    "`pilot/pkg/features`, PILOT_ENABLE_IP_AUTOALLOCATE",
)
ADDRESS_ALLOCATION_BY_DEFAULT = _from(
    "1.25",
    "istiod gives addresses to ServiceEntries that have none, unless that is switched off",
    "note ip-allocation-v2-default",
)
ADDRESS_RANGES = _from(
    "1.30",
    "Ambient mode takes ServiceEntries whose `addresses` are ranges",
    "note 59797",
)
NONE_PASSES_THROUGH = _from(
    "1.28",
    "An address of a ServiceEntry with resolution NONE leads to where the client wanted to go",
    "`ambient/services.go`, LoadBalancing_PASSTHROUGH",
)
DYNAMIC_DNS_FOR_HTTP = _from(
    "1.28",
    "A ServiceEntry can have wildcard hosts with resolution DYNAMIC_DNS, for HTTP",
    "note se-wildcard-host",
)
DYNAMIC_DNS_FOR_TLS = _from(
    "1.29",
    "DYNAMIC_DNS can be used for TLS; waypoints serve it where a switch is on",
    "note se-wildcard-tls-host",
)
DYNAMIC_DNS_FOR_MORE = _from(
    "1.30",
    "DYNAMIC_DNS can be used for GRPC and HTTP2, and without a waypoint also with MESH_INTERNAL",
    "`pkg/config/validation/validation.go`, ValidateServiceEntry",
)

ALL_CHANGES: tuple[Change, ...] = tuple(value for value in globals().values() if isinstance(value, Change))
"""All of them, by subject."""
