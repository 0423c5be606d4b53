"""
The annotation `ambient.istio.io/redirection`, which istio-cni writes into live pods, stands in a manifest.

## What it does

Finds pod templates with `ambient.istio.io/redirection: enabled` or `pending`. Pods as a cluster holds
them are left alone: there istio-cni has written it.

It is an error for `enabled` on pods that are known to be in no mesh. Otherwise it is a warning. The value
`disabled` is `obsolete-redirection-opt-out`.

## Why it matters

The annotation is a status, not a switch: it enrols nothing. istiod believes it. With `enabled` it tells
all callers in the mesh to send HBONE to the pods, and if ztunnel does not capture these, nobody
answers: calls fail until istio-cni takes the annotation away again, or for good if istio-cni does not run
in ambient mode. On pods that are ambient it hides that capturing them has failed. `pending` has
istio-cni try again, or clean up, what it never did. This is so in all versions of Istio with ambient mode.

## How to fix it

Remove the annotation. To enrol the pods, label their Namespace or the pod template with
`istio.io/dataplane-mode: ambient`.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    Problem,
    Severity,
    Workload,
    check,
    delete_entries,
    keys,
    kind,
)

_ENABLED = "enabled"
_WRITTEN_BY_CNI = (_ENABLED, "pending")
_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def handwritten_redirection_status(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find istio-cni's status in manifests."""
    value = workload.pod_annotations.get(keys.REDIRECTION)
    if value not in _WRITTEN_BY_CNI or workload.is_live_pod or mesh.maker_of(workload):
        return
    mode, at = mesh.dataplane_mode(workload), workload.pod_annotation_at(keys.REDIRECTION)
    breaks = value == _ENABLED and mode.value is DataplaneMode.NONE
    is_repeated = value != _ENABLED or mode.value is DataplaneMode.AMBIENT
    yield Problem(
        f"{keys.REDIRECTION!r} is a status that istio-cni writes: {_effect(value, mode.value)}",
        at=at,
        related=mode.because,
        fix=Fix("remove the annotation", delete_entries([at]), safe=is_repeated),
        severity=Severity.ERROR if breaks else Severity.WARNING,
        impact=Impact.OUTAGE if value == _ENABLED else Impact.INEFFECTIVE,
    )


def _effect(value: str, mode: DataplaneMode) -> str:
    if value != _ENABLED:
        return "this line enrols nothing"
    match mode:
        case DataplaneMode.AMBIENT:
            return "this line enrols nothing, and has calls fail if the pods are not captured"
        case DataplaneMode.NONE:
            return "callers send HBONE to pods that are not captured, and fail"
        case _:
            return "this line enrols nothing, and has calls fail unless the pods take HBONE"
