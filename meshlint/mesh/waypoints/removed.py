"""What the first waypoints were told by, and no Istio reads any more."""

from collections.abc import Iterator

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.changes import OLD_GATEWAY_LABEL_IS_GONE
from meshlint.mesh.waypoints.waypoint import deployed_labels
from meshlint.model.keys import FOR_SERVICE_ACCOUNT, OLD_GATEWAY_NAME
from meshlint.model.kind import GATEWAY, WORKLOADS
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location


class RemovedKey(NamedTuple):
    """A key that Istio no longer reads or writes, where it stands, and its value."""

    key: str
    value: str
    at: Location


def removed_keys(resource: Resource, graph: ResourceGraph, version: IstioVersion) -> Iterator[RemovedKey]:
    """
    The keys of a Gateway or a policy that belong to an earlier sort of waypoints.

    `istio.io/for-service-account` went with 1.22 (note 50572), the label `istio.io/gateway-name` that istiod
    put on a gateway's pods with 1.24 (note 52049). Whoever has that label from somebody else keeps it, and so
    does a Deployment from before (`deploymentcontroller.go`, apply).
    """
    match resource:
        case Gateway() if FOR_SERVICE_ACCOUNT in resource.annotations:
            value = resource.annotations[FOR_SERVICE_ACCOUNT]
            yield RemovedKey(FOR_SERVICE_ACCOUNT, value, resource.annotation_at(FOR_SERVICE_ACCOUNT))
        case TargetedPolicy(selector=selector) if selector and OLD_GATEWAY_NAME in selector:
            value = selector[OLD_GATEWAY_NAME]
            if OLD_GATEWAY_LABEL_IS_GONE.holds(version) and not _is_carried(value, graph):
                yield RemovedKey(OLD_GATEWAY_NAME, value, _selector_at(resource))
        case _:
            pass


def _is_carried(value: str, graph: ResourceGraph) -> bool:
    """Whether manifests give the label to pods, or to a Gateway, from which istiod copies it."""
    for carrier in graph.of_kind(GATEWAY, *WORKLOADS):
        match carrier:
            case Gateway():
                labels, _ = deployed_labels(carrier)
            case Workload():
                labels = carrier.pod_labels
            case _:
                continue
        if labels.get(OLD_GATEWAY_NAME) == value:
            return True
    return False


def _selector_at(policy: TargetedPolicy) -> Location:
    """EnvoyFilter calls it workloadSelector, and the labels `labels`."""
    if policy.manifest.value("spec", "selector") is None:
        return policy.at("spec", "workloadSelector", "labels", OLD_GATEWAY_NAME)
    return policy.at("spec", "selector", "matchLabels", OLD_GATEWAY_NAME)
