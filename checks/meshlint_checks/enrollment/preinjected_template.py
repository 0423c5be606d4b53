"""
A pod template in an ambient namespace was injected by hand, so its pods never become ambient.

## What it does

Finds pod templates with the annotation `sidecar.istio.io/status` whose pods are to be in ambient mode, by
their Namespace or by their own labels. The annotation is what `istioctl kube-inject` leaves behind. It is
an error if no proxy container is in the template, and none is injected: then the annotation is a leftover.
Pods as a cluster holds them are left alone: there the injector has written it.

## Why it matters

istio-cni leaves alone every pod that carries the annotation, whatever its value and whatever is in the
pod, in all versions with ambient mode. With the proxy container the pods go on as sidecars, and restarting
them changes nothing. Without it they are in no mesh at all: no mTLS, no policies, although the namespace
says otherwise.

## How to fix it

Apply the manifest as it was before `istioctl kube-inject`. If the containers `istio-proxy` and
`istio-init` are gone already, remove the annotation. If the pods are to keep their sidecar, label them
`istio.io/dataplane-mode: none`.
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

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def preinjected_template(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find templates of ambient pods that are injected already."""
    if keys.SIDECAR_STATUS not in workload.pod_annotations or workload.is_live_pod:
        return
    chosen = mesh.chosen_for_ambient(workload)
    if not chosen.value or mesh.maker_of(workload):
        return
    is_left_over = mesh.dataplane_mode(workload).value is DataplaneMode.NONE
    is_certain = is_left_over and mesh.namespace_of(workload) is not None
    fate = "nothing captures them, they are in no mesh" if is_left_over else "they keep their own proxy"
    name = f"{workload.kind.name} {workload.name!r}"
    yield Problem(
        f"{keys.SIDECAR_STATUS!r} keeps the pods of {name} out of ambient mode: {fate}",
        at=workload.pod_annotation_at(keys.SIDECAR_STATUS),
        related=chosen.because,
        fix=_drop(workload) if is_left_over else Fix("apply it as it was before 'istioctl kube-inject'"),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
        impact=Impact.EXPOSURE if is_left_over else Impact.INEFFECTIVE,
    )


def _drop(workload: Workload) -> Fix:
    return Fix("remove the annotation", delete_entries([workload.pod_annotation_at(keys.SIDECAR_STATUS)]))
