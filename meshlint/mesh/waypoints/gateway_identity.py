"""The identity under which the proxies of a Gateway call and are called."""

from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.waypoints import waypoint
from meshlint.mesh.waypoints.waypoint import controller_of
from meshlint.model.keys import GATEWAY_SERVICE_ACCOUNT
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
    name = own or _default_account(gateway, gateway_class, version)
    is_managed = all(kind == "IPAddress" for kind, _ in gateway.addresses) and len(gateway.addresses) <= 1
    if name is None or gateway.namespace is None or not is_managed:
        return Derived(None)
    if own:
        because = Cause(f"its proxies run as {own!r}", gateway.annotation_at(GATEWAY_SERVICE_ACCOUNT))
    else:
        because = Cause(f"its proxies run as {name!r}", gateway.at())
    return Derived(f"{gateway.namespace}/{name}", (because,))


def _default_account(
    gateway: Gateway, gateway_class: Known[GatewayClass], version: IstioVersion
) -> str | None:
    match controller_of(gateway, gateway_class, version):
        case waypoint.GATEWAY_CONTROLLER:
            return f"{gateway.name}-{gateway.class_name}"
        case None | waypoint.UNMANAGED_CONTROLLER:
            return None
        case _:
            # DisableNameSuffix of classinfo.go.
            return gateway.name
