"""What is written for an ambient mesh across several networks."""

from meshlint.mesh.derived import Cause
from meshlint.model.keys import GLOBAL
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.resource import Resource

_EAST_WEST_CLASS = "istio-east-west"


def multi_network_use(resource: Resource) -> Cause | None:
    """
    The line by which an object is for several networks; None if it is not.

    A Gateway of class `istio-east-west`, which there is for ambient mode alone, and a Service with
    `istio.io/global`, which profile ambient makes global in its scope (istio
    `pilot/pkg/config/kube/gatewaycommon/classinfo.go`, `manifests/helm-profiles/ambient.yaml`).
    """
    match resource:
        case Gateway() if resource.class_name == _EAST_WEST_CLASS:
            return Cause("this Gateway leads to other networks", resource.at("spec", "gatewayClassName"))
        case Service() if resource.labels.get(GLOBAL) == "true":
            return Cause("this Service is to be called from other networks", resource.label_at(GLOBAL))
        case _:
            return None
