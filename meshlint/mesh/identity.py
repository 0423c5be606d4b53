"""What is no pod of ambient mode: machines that join by themselves, and identities that ztunnel cannot use."""

from collections.abc import Iterator, Mapping

from meshlint.mesh.derived import Cause
from meshlint.model.keys import AUTO_REGISTRATION_GROUP, INJECT_TEMPLATES, TUNNEL, WORKLOAD_CONTROLLER
from meshlint.model.kinds.workload import Workload, WorkloadEntry

SPIFFE_CSI_DRIVER = "csi.spiffe.io"
WORKLOAD_SOCKET = "workload-socket"
"""The volume in which a proxy looks for its identity (istio `samples/security/spire`)."""


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


def spire_identity(workload: Workload) -> Iterator[Cause]:
    """
    The lines of a pod template that ask for an identity from SPIRE: an injection template, a CSI volume.

    istio `samples/security/spire`; the volume that Istio's proxies read comes first among volumes.
    """
    templates = workload.pod_annotations.get(INJECT_TEMPLATES, "").split(",")
    for name in templates:
        if "spire" in name.lower():
            at = workload.pod_annotation_at(INJECT_TEMPLATES)
            yield Cause(f"injection template {name.strip()!r}", at)
    for volume in sorted(workload.volumes, key=lambda volume: volume.name != WORKLOAD_SOCKET):
        if volume.csi_driver == SPIFFE_CSI_DRIVER:
            at = workload.at(*volume.path, "csi", "driver")
            yield Cause(f"volume {volume.name!r} of SPIRE", at)
