"""From which objects Istio reads the labels of ambient mode, and its annotations."""

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
_OF_PODS = (POD,)
_ANNOTATED: Mapping[str, tuple[Kind, ...]] = {
    keys.BYPASS_INBOUND_CAPTURE: _OF_PODS,
    keys.DNS_CAPTURE: _OF_PODS,
    keys.REDIRECTION: _OF_PODS,
    keys.REROUTE_VIRTUAL_INTERFACES: _OF_PODS,
    keys.WAYPOINT_BINDING: (GATEWAY, GATEWAY_CLASS),
    "ambient.istio.io/xfcc-include-client-identity": (GATEWAY,),
    keys.USE_WAYPOINT_CANARY_WEIGHT: _OF_SERVICES,
    keys.CONNECT_STRATEGY: (SERVICE, SERVICE_ENTRY),
    "networking.istio.io/traffic-distribution": _OF_SERVICES,
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


def annotation_carriers(key: str) -> tuple[Kind, ...]:
    """
    The kinds from whose annotations Istio reads a key of ambient mode; Pod stands for pod templates too.

    None for other keys (istio/api `annotation/annotations.yaml`; istio `cni/pkg/nodeagent/net.go`,
    `pilot/pkg/model/service.go`, `pilot/pkg/networking/core/listener_waypoint.go`).
    """
    return _ANNOTATED.get(key, ())
