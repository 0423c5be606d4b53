"""From which objects Istio reads the labels of ambient mode."""

from collections.abc import Mapping

from meshlint.model import keys
from meshlint.model.kind import (
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
from meshlint.model.version import IstioVersion

_OF_TRAFFIC = (NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, POD)
_OF_SERVICES = (NAMESPACE, SERVICE, SERVICE_ENTRY)
_CARRIERS: Mapping[str, tuple[IstioVersion, tuple[Kind, ...]]] = {
    keys.DATAPLANE_MODE: (IstioVersion(1, 22), (NAMESPACE, POD, GATEWAY)),
    keys.USE_WAYPOINT: (IstioVersion(1, 22), _OF_TRAFFIC),
    keys.USE_WAYPOINT_NAMESPACE: (IstioVersion(1, 23), _OF_TRAFFIC),
    keys.USE_WAYPOINT_CANARY: (IstioVersion(1, 31), _OF_SERVICES),
    keys.USE_WAYPOINT_CANARY_NAMESPACE: (IstioVersion(1, 31), _OF_SERVICES),
    keys.INGRESS_USE_WAYPOINT: (IstioVersion(1, 24), _OF_SERVICES),
    keys.WAYPOINT_FOR: (IstioVersion(1, 22), (GATEWAY, GATEWAY_CLASS)),
    keys.INJECTION: (IstioVersion(1, 22), (NAMESPACE,)),
    "networking.istio.io/enable-autoallocate-ip": (IstioVersion(1, 23), (SERVICE_ENTRY,)),
}


def label_carriers(key: str, version: IstioVersion) -> tuple[Kind, ...]:
    """
    The kinds from whose labels Istio reads a key of ambient mode; Pod stands for pod templates too.

    None for other keys, and for versions that do not know the key yet (istio/api
    `label/labels.yaml`; istio `cni/pkg/util/enablement_selector.go`,
    `pilot/pkg/serviceregistry/ambient/waypoints.go`).
    """
    since, kinds = _CARRIERS.get(key, (version, ()))
    return kinds if version._replace(patch=0) >= since._replace(patch=0) else ()
