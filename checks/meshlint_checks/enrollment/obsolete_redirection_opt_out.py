"""
A pod template opts out of ambient mode by an annotation that Istio no longer reads.

## What it does

Finds pod templates with `ambient.istio.io/redirection: disabled`. It is an error where the pods are
ambient, so that they are captured against their will, and a warning elsewhere. It is silent where the
pods carry the label `istio.io/dataplane-mode: none` as well, and about Istio's own components, to which
the charts of 1.21 gave the annotation.

## Why it matters

Up to Istio 1.21 this annotation kept pods out of ambient mode. From 1.22 it is a status that istio-cni
writes, and `disabled` in it means nothing: in an ambient namespace the pods are captured by ztunnel. What
cannot work there, such as a VPN, or what has to take plaintext under STRICT, breaks.

## How to fix it

Label the pod template `istio.io/dataplane-mode: none`, and remove the annotation.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Edit,
    Fix,
    Impact,
    Mesh,
    Problem,
    Severity,
    Workload,
    append_entry,
    check,
    delete_entries,
    keys,
    kind,
)

_OPT_OUT = "disabled"
_NONE = DataplaneMode.NONE.value
_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    istio=">=1.22",
    since="0.1.0",
)
def obsolete_redirection_opt_out(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find opt-outs by annotation."""
    opted_out = workload.pod_labels.get(keys.DATAPLANE_MODE) == _NONE
    asked = workload.pod_annotations.get(keys.REDIRECTION) == _OPT_OUT
    if not asked or opted_out or mesh.maker_of(workload) or mesh.is_component(workload):
        return
    mode = mesh.dataplane_mode(workload)
    is_captured = mode.value is DataplaneMode.AMBIENT
    effect = "the pods are captured by ztunnel" if is_captured else "it would not keep the pods out"
    yield Problem(
        f"'{keys.REDIRECTION}: {_OPT_OUT}' is no opt-out since Istio 1.22: {effect}",
        at=workload.pod_annotation_at(keys.REDIRECTION),
        related=mode.because if is_captured else (),
        fix=Fix(f"label the pods '{keys.DATAPLANE_MODE}: {_NONE}' instead", _use_label(workload)),
        severity=Severity.ERROR if is_captured else Severity.WARNING,
        impact=Impact.OUTAGE if is_captured else Impact.INEFFECTIVE,
    )


def _use_label(workload: Workload) -> tuple[Edit, ...]:
    deletion = delete_entries([workload.pod_annotation_at(keys.REDIRECTION)])
    insertion = append_entry(workload.pod_at("metadata", "labels"), keys.DATAPLANE_MODE, _NONE)
    has_label = keys.DATAPLANE_MODE in workload.pod_labels
    return (*deletion, *insertion) if deletion and insertion and not has_label else ()
