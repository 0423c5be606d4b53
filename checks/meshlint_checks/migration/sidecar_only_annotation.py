"""
The pods of an ambient workload carry annotations that only a sidecar reads.

## What it does

Looks at the pod templates of ambient workloads for annotations that set up a sidecar:
`sidecar.istio.io/proxyCPU` and its like, `proxy.istio.io/config`, `inject.istio.io/templates`,
`status.sidecar.istio.io/port`, `readiness.status.sidecar.istio.io/…`,
`prometheus.istio.io/merge-metrics`, and those of `traffic.sidecar.istio.io` that keep nothing out. It is
one note for each workload.

Annotations that keep traffic away from a sidecar are `ignored-capture-annotation`. What brings a proxy of
its own along is left alone, and so are pods as a cluster holds them, if the set holds what made them.

## Why it matters

They do nothing: in ambient mode no proxy runs in the pod, and neither ztunnel nor istio-cni reads them, in
any version. They mislead who reads the manifest. CPU and memory that were set here for the proxy are
set for ztunnel as a whole, and for waypoints on their Gateway.

## How to fix it

Remove them. The fix is safe: the pods behave as before. Mind that a changed pod template restarts the
pods.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    Problem,
    Severity,
    Workload,
    check,
    delete_entries,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)
_FEW = 3


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.HYGIENE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def sidecar_only_annotation(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find annotations of ambient pods that are for sidecars."""
    keys = mesh.sidecar_only(workload)
    if not keys or mesh.has_proxy_container(workload) or mesh.maker_of(workload):
        return
    mode = mesh.dataplane_mode(workload)
    if mode.value is not DataplaneMode.AMBIENT or mesh.is_gateway_proxy(workload):
        return
    first, *others = (workload.pod_annotation_at(key) for key in keys)
    verb = "does" if len(keys) == 1 else "do"
    yield Problem(
        f"{_listed(keys)} {verb} nothing: the pods of {workload.kind.name} {workload.name!r} have no sidecar",
        at=first,
        related=(*(Cause("for a sidecar too", at) for at in others), *mode.because),
        fix=Fix(_removal(keys), delete_entries([first, *others]), safe=not mesh.is_altered(workload)),
    )


def _listed(keys: tuple[str, ...]) -> str:
    names = [repr(key) for key in keys[:_FEW]]
    if len(keys) > _FEW:
        names.append(f"{len(keys) - _FEW} more")
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def _removal(keys: tuple[str, ...]) -> str:
    return "remove the annotation" if len(keys) == 1 else f"remove the {len(keys)} annotations"
