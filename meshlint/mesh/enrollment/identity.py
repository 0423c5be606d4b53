"""Machines that join by themselves, and identities that ztunnel cannot use."""

from collections.abc import Iterator, Mapping

from meshlint.mesh.derived import Cause
from meshlint.mesh.installation.values import Values
from meshlint.model.keys import (
    AUTO_REGISTRATION_GROUP,
    INJECT_TEMPLATES,
    TUNNEL,
    WORKLOAD_CONTROLLER,
)
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.named import NamedTuple
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
