"""What the labels that istiod copies to a waypoint's own pods do to them."""

from collections.abc import Callable, Iterator
from enum import Enum

from meshlint.graph.known import Known
from meshlint.mesh.enrollment.injection import is_brought
from meshlint.mesh.installation.injector import Injectors
from meshlint.mesh.waypoints.waypoint import deployed_labels, inbound_binding
from meshlint.model.keys import DATAPLANE_MODE, INJECT
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.named import NamedTuple
from meshlint.source.document import Location


class Capture(Enum):
    """What stands between a waypoint and its traffic, where its pods are labelled so."""

    ZTUNNEL = "ztunnel"
    SIDECAR = "sidecar"


class SelfCapture(NamedTuple):
    """A label by which a waypoint's own pods are captured."""

    by: Capture
    key: str
    value: str
    at: Location


def self_captures(
    gateway: Gateway,
    gateway_class: Known[GatewayClass],
    namespace: Namespace | None,
    injectors: Callable[[], Injectors],
) -> Iterator[SelfCapture]:
    """
    The labels by which the pods that istiod deploys for a waypoint are captured themselves.

    They overwrite `istio.io/dataplane-mode: none` and `sidecar.istio.io/inject: "false"` of the template
    (istio `manifests/charts/istio-control/istio-discovery/files/waypoint.yaml`). A binding says that the
    waypoint takes its traffic from ztunnel. `namespace` is None if its labels are not known.
    """
    labels, path = deployed_labels(gateway)
    mode, inject = labels.get(DATAPLANE_MODE), labels.get(INJECT)
    if mode == "ambient" and inbound_binding(gateway, gateway_class) is None:
        yield SelfCapture(Capture.ZTUNNEL, DATAPLANE_MODE, mode, gateway.at(*path, DATAPLANE_MODE))
    if inject == "true" and is_brought(labels, namespace, injectors()):
        yield SelfCapture(Capture.SIDECAR, INJECT, inject, gateway.at(*path, INJECT))
