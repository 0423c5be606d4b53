"""
`sidecar.istio.io/inject: "false"` does not keep pods out of ambient mode.

## What it does

Finds pod templates of ambient workloads that refuse the sidecar, by label or by annotation, in a
Namespace that injects none, and that say nothing about ambient mode. It is a note, since it may be just a
leftover. Gateways and Istio's own components are left alone: their charts refuse injection for reasons
of their own.

## Why it matters

In a mesh of sidecars this line meant "not in the mesh". In ambient mode it means nothing: ztunnel captures
the pods, and policies apply to them, in all versions. What was left out for a reason, such as Jobs,
databases with TLS of their own, or pods that take plaintext under STRICT, is in the mesh now.

## How to fix it

If the pods are to stay outside, label the pod template `istio.io/dataplane-mode: none`. If they may be in
the mesh, remove the line.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Edit,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Severity,
    Workload,
    append_entry,
    check,
    keys,
    kind,
)

_NO = "false"
_NONE = DataplaneMode.NONE.value
_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.INEFFECTIVE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def sidecar_opt_out_only(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find ambient pods that refuse the sidecar and nothing else."""
    at, mode = _refusal(workload), mesh.dataplane_mode(workload)
    if at is None or mode.value is not DataplaneMode.AMBIENT or _is_left_alone(workload, mesh):
        return
    namespace = mesh.namespace_of(workload)
    if namespace is None or mesh.namespace_injection(namespace).value is not None:
        return
    name = f"{workload.kind.name} {workload.name!r}"
    yield Problem(
        f"{keys.INJECT!r} refuses a sidecar only: the pods of {name} are ambient all the same",
        at=at,
        related=mode.because,
        fix=Fix(
            f"label the pods '{keys.DATAPLANE_MODE}: {_NONE}' if they are to stay outside", _opt_out(workload)
        ),
    )


def _is_left_alone(workload: Workload, mesh: Mesh) -> bool:
    """Whether the pods decide about ambient mode themselves, or the refusal is no author's."""
    return (
        keys.DATAPLANE_MODE in workload.pod_labels
        or mesh.maker_of(workload) is not None
        or mesh.has_proxy_container(workload) is True
        or mesh.is_gateway_proxy(workload)
        or mesh.is_component(workload)
    )


def _refusal(workload: Workload) -> Location | None:
    """The line by which the pods refuse a sidecar: the label, or without one the annotation."""
    if keys.INJECT in workload.pod_labels:
        return workload.pod_label_at(keys.INJECT) if workload.pod_labels[keys.INJECT] == _NO else None
    refuses = workload.pod_annotations.get(keys.INJECT) == _NO
    return workload.pod_annotation_at(keys.INJECT) if refuses else None


def _opt_out(workload: Workload) -> tuple[Edit, ...]:
    return append_entry(workload.pod_at("metadata", "labels"), keys.DATAPLANE_MODE, _NONE)
