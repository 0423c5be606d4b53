"""Under which names istiod deploys a Gateway, and the identity of its proxies."""

from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.waypoints import waypoint
from meshlint.mesh.waypoints.waypoint import controller_of, is_managed
from meshlint.model.keys import GATEWAY_SERVICE_ACCOUNT, NAME_OVERRIDE
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.version import IstioVersion


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
