"""From which objects Istio reads the labels of ambient mode."""

from collections.abc import Mapping

from meshlint.mesh.changes import (
    ADDRESS_ALLOCATION,
    CANARY_WAYPOINTS,
    INGRESS_USE_WAYPOINT_LABEL,
    USE_WAYPOINT_NAMESPACE_LABEL,
    Change,
)
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
_CARRIERS: Mapping[str, tuple[Change | None, tuple[Kind, ...]]] = {
    keys.DATAPLANE_MODE: (None, (NAMESPACE, POD, GATEWAY)),
    keys.USE_WAYPOINT: (None, _OF_TRAFFIC),
    keys.USE_WAYPOINT_NAMESPACE: (USE_WAYPOINT_NAMESPACE_LABEL, _OF_TRAFFIC),
    keys.USE_WAYPOINT_CANARY: (CANARY_WAYPOINTS, _OF_SERVICES),
    keys.USE_WAYPOINT_CANARY_NAMESPACE: (CANARY_WAYPOINTS, _OF_SERVICES),
    keys.INGRESS_USE_WAYPOINT: (INGRESS_USE_WAYPOINT_LABEL, _OF_SERVICES),
    keys.WAYPOINT_FOR: (None, (GATEWAY, GATEWAY_CLASS)),
    keys.INJECTION: (None, (NAMESPACE,)),
    "networking.istio.io/enable-autoallocate-ip": (ADDRESS_ALLOCATION, (SERVICE_ENTRY,)),
}


def label_carriers(key: str, version: IstioVersion) -> tuple[Kind, ...]:
    """
    The kinds from whose labels Istio reads a key of ambient mode; Pod stands for pod templates too.

    None for other keys, and for versions that do not know the key yet (istio/api
    `label/labels.yaml`; istio `cni/pkg/util/enablement_selector.go`,
    `pilot/pkg/serviceregistry/ambient/waypoints.go`).
    """
    change, kinds = _CARRIERS.get(key, (None, ()))
    return kinds if change is None or change.holds(version) else ()
