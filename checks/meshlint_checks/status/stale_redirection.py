"""
A running pod is not captured although its labels ask for ambient mode, or is although they ask for a sidecar.

## What it does

Looks at running pods that were read from a cluster, by `--cluster` or as a dump, and compares what
istio-cni has noted on them (`ambient.istio.io/redirection`) with what their labels, their Namespace and the
way Istio is installed make of a pod today:

- pods that are to be in ambient mode, without `enabled`: they were never captured;
- pods that would get a sidecar, with `enabled`: they are older than the label that asks for it.

Pods of one controller are one finding.

## Why it matters

Labels tell what becomes of the next pod. A pod that istio-cni has not captured sends and receives
plaintext past every policy, whatever its labels say; `pending` means that it has tried and failed. A pod from
before the label for sidecars stays with ztunnel until it is restarted, and no sidecar enforces what is meant
for one.

## How to fix it

For a pod that is not captured, look at istio-cni on its node: whether it runs, whether ambient mode is
enabled in it, and what it logs about the pod. For one that is older than its label, restart it
(`kubectl rollout restart`).
"""

from collections.abc import Iterator

from meshlint import DataplaneMode, Impact, Mesh, Problem, Severity, Workload, check, keys, kind

_CAPTURED = "enabled"


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.POD,),
    reads=(*kind.WORKLOADS, kind.NAMESPACE, *kind.INSTALLATION),
    since="0.1.0",
)
def stale_redirection(pod: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find pods that run otherwise than their labels ask for."""
    fault = _fault(pod, mesh)
    if fault is None:
        return
    alike = [other for other in _of_one_controller(pod, mesh) if _fault(other, mesh) == fault]
    if alike and alike[0] is not pod:
        return
    others = f" (and {len(alike) - 1} more of {pod.owners[0]})" if len(alike) > 1 else ""
    yield Problem(
        f"Pod {pod.name!r}{others} {fault}",
        at=pod.annotation_at(keys.REDIRECTION) if keys.REDIRECTION in pod.annotations else pod.at(),
        related=mesh.dataplane_mode(pod).because,
    )


def _fault(pod: Workload, mesh: Mesh) -> str | None:
    if not pod.head.live or pod.manifest.value("status", "phase") != "Running":
        return None
    noted = pod.annotations.get(keys.REDIRECTION)
    match mesh.dataplane_mode(pod).value:
        case DataplaneMode.AMBIENT if noted is None:
            return "is to be in ambient mode, and istio-cni has not captured it: no policy acts on it"
        case DataplaneMode.AMBIENT if noted != _CAPTURED:
            return f"is to be in ambient mode, and istio-cni has not managed to capture it: {noted!r}"
        case DataplaneMode.SIDECAR if noted == _CAPTURED:
            return "is captured by ztunnel, and is older than what asks for a sidecar: restart it"
        case _:
            return None


def _of_one_controller(pod: Workload, mesh: Mesh) -> Iterator[Workload]:
    """The pods that were made by what made a pod, itself included; none of a pod that nothing made."""
    for other in mesh.workloads_beside(pod) if pod.owners else ():
        if other.kind == kind.POD and other.owners == pod.owners:
            yield other
