"""Machines that join by themselves, and identities that ztunnel cannot use."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.values import Values
from meshlint.mesh.waypoints import waypoint
from meshlint.mesh.waypoints.waypoint import controller_of
from meshlint.model.keys import (
    AUTO_REGISTRATION_GROUP,
    GATEWAY_SERVICE_ACCOUNT,
    INJECT_TEMPLATES,
    TUNNEL,
    WORKLOAD_CONTROLLER,
)
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.version import IstioVersion
from meshlint.source.document import Location

_SPIFFE_CSI_DRIVER = "csi.spiffe.io"
# The volume in which a proxy looks for its identity.
_WORKLOAD_SOCKET = "workload-socket"


def speaks_hbone(labels: Mapping[str, str]) -> bool:
    """
    Whether a workload that is no ambient pod accepts HBONE itself.

    istio `pilot/pkg/model/service.go`, SupportsTunnel: the label is a comma-separated list.
    """
    return "http" in labels.get(TUNNEL, "").split(",")


def registration(entry: WorkloadEntry) -> Cause | None:
    """
    The line that shows that a machine which connects to istiod stands behind a WorkloadEntry.

    istiod writes both annotations when the machine's proxy connects
    (istio `pilot/pkg/autoregistration/controller.go`). Without them it is a mere destination.
    """
    for key in (AUTO_REGISTRATION_GROUP, WORKLOAD_CONTROLLER):
        if entry.annotations.get(key):
            return Cause("a machine registers itself by it", entry.annotation_at(key))
    return None


class SpireIdentity(NamedTuple):
    """A line that asks SPIRE for an identity: for the proxy, or maybe for the application alone."""

    message: str
    at: Location
    for_proxy: bool


def spire_identity(workload: Workload) -> Iterator[SpireIdentity]:
    """
    The lines of a pod template that ask SPIRE for an identity: an injection template, a CSI volume.

    istio `samples/security/spire`; what is for the proxy comes first.
    """
    for name in workload.pod_annotations.get(INJECT_TEMPLATES, "").split(","):
        if "spire" in name.lower():
            at = workload.pod_annotation_at(INJECT_TEMPLATES)
            yield SpireIdentity(f"injection template {name.strip()!r}", at, for_proxy=True)
    for volume in sorted(workload.volumes, key=lambda volume: volume.name != _WORKLOAD_SOCKET):
        if volume.csi_driver == _SPIFFE_CSI_DRIVER:
            at = workload.at(*volume.path, "csi", "driver")
            yield SpireIdentity(f"SPIRE volume {volume.name!r}", at, volume.name == _WORKLOAD_SOCKET)


def spire_templates(values: Values) -> Iterator[SpireIdentity]:
    """
    The sidecar injector's templates with SPIRE that chart values bring along.

    istio `samples/security/spire/istio-spire-config.yaml`; ambient pods are never injected.
    """
    path = ("sidecarInjectorWebhook", "templates")
    templates = values.get(*path)
    for name in templates if isinstance(templates, Mapping) else ():
        if "spire" in str(name).lower():
            yield SpireIdentity(f"injection template {name!r}", values.at(*path, name), for_proxy=True)


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
