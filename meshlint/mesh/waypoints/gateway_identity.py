"""Under which names and labels istiod deploys a Gateway, and the identity of its proxies."""

from collections.abc import Mapping

from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.waypoints import waypoint
from meshlint.mesh.waypoints.waypoint import controller_of, is_managed
from meshlint.model.keys import (
    GATEWAY_CLASS_NAME,
    GATEWAY_NAME,
    GATEWAY_SERVICE_ACCOUNT,
    MANAGED,
    NAME_OVERRIDE,
)
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.version import IstioVersion

WAYPOINT_LABEL = "istio.io-mesh-controller"
_CONTROLLER_LABELS = {
    waypoint.MESH_CONTROLLER: WAYPOINT_LABEL,
    waypoint.EASTWEST_CONTROLLER: "istio.io-eastwest-controller",
    waypoint.AGENTGATEWAY_WAYPOINT_CONTROLLER: "istio.io-agentgateway-waypoint-controller",
}


def gateway_identity(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> Derived[str | None]:
    """
    The identity of the proxies that istiod deploys for a Gateway: `namespace/serviceaccount`.

    None where istiod deploys none, or that is not known
    (istio `pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go`; to 1.30 under `gateway/`).
    """
    own = gateway.annotations.get(GATEWAY_SERVICE_ACCOUNT)
    name = own or _default_name(gateway, gateway_class, version)
    if name is None or gateway.namespace is None or not is_managed(gateway):
        return Derived(None)
    if own:
        because = Cause(f"its proxies run as {own!r}", gateway.annotation_at(GATEWAY_SERVICE_ACCOUNT))
    else:
        because = Cause(f"its proxies run as {name!r}", gateway.at())
    return Derived(f"{gateway.namespace}/{name}", (because,))


def gateway_pod_labels(gateway: Gateway, controller: str | None) -> Mapping[str, str]:
    """
    The labels of the pods that istiod deploys for a Gateway, as far as selectors ask for them.

    istio `manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml` and `waypoint.yaml`,
    `pilot/pkg/config/kube/gatewaycommon/classinfo.go` for the label of the controller.
    """
    own = gateway.infrastructure_labels
    return {
        **(gateway.labels if own is None else own),
        GATEWAY_NAME: gateway.name,
        GATEWAY_CLASS_NAME: gateway.class_name,
        MANAGED: _CONTROLLER_LABELS.get(controller or "", "istio.io-gateway-controller"),
    }


def deployed_name(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> Derived[str | None]:
    """
    The name of the Service and the Deployment that istiod makes for a Gateway; None where it makes none.

    istio `pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go`, configureIstioGateway.
    """
    default = _default_name(gateway, gateway_class, version)
    if default is None or not is_managed(gateway):
        return Derived(None)
    if gateway.annotations.get(NAME_OVERRIDE):
        own = Cause("its Service and Deployment are called so", gateway.annotation_at(NAME_OVERRIDE))
        return Derived(gateway.annotations[NAME_OVERRIDE], (own,))
    return Derived(default, (Cause("its Service and Deployment are called after it", gateway.at()),))


def _default_name(gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion) -> str | None:
    match controller_of(gateway, gateway_class, version):
        case waypoint.GATEWAY_CONTROLLER:
            return f"{gateway.name}-{gateway.class_name}"
        case None | waypoint.UNMANAGED_CONTROLLER:
            return None
        case _:
            # DisableNameSuffix of classinfo.go.
            return gateway.name
