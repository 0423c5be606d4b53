"""
`sidecar.istio.io/inject` on a pod template cannot do what it says.

## What it does

Looks at `sidecar.istio.io/inject` on pod templates, as label and as annotation, and speaks where

- the label says `"true"`, and nothing is injected: the Namespace has `istio-injection` with another
  value than `enabled`, the pods are on the host's network, or no injector serves them;
- the annotation says `"true"` in a Namespace that injects nothing, and there is no label: webhooks
  select pods by labels;
- label and annotation contradict each other: the label wins;
- the value is neither `true` nor `false`: then the injector does what its default policy says.

All but the last two need the Namespace in the set.

## Why it matters

Whoever wrote the line takes the pods to have a sidecar, or not to have one. Nothing refuses it, and
nothing reports it. In an ambient namespace such pods are captured by ztunnel like all others; elsewhere
they are in no mesh at all: no mTLS, no policies. A gateway without its proxy does not start. This is
so in all versions of Istio with ambient mode.

## How to fix it

For a sidecar, use the label with the value `"true"` in a Namespace without `istio-injection`, or with
`istio-injection: enabled`. In an ambient namespace, remove the line.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Severity,
    Workload,
    check,
    keys,
    kind,
)
from meshlint_checks._malformed import is_no_scalar

_SWITCHES = ("true", "false")
_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def powerless_inject_label(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find `sidecar.istio.io/inject` that is not followed."""
    if keys.SIDECAR_STATUS in workload.pod_annotations or mesh.maker_of(workload):
        return
    label, annotation = workload.pod_labels.get(keys.INJECT), workload.pod_annotations.get(keys.INJECT)
    label_at, annotation_at = workload.pod_label_at(keys.INJECT), workload.pod_annotation_at(keys.INJECT)
    if label is not None:
        yield from _judged(workload, label, label_at, mesh)
    elif annotation is not None:
        yield from _judged(workload, annotation, annotation_at, mesh)
    if label in _SWITCHES and annotation not in (None, label) and not is_no_scalar(annotation_at):
        yield Problem(
            f"annotation {keys.INJECT!r} has no effect: the label counts, and says {label!r}",
            at=annotation_at,
            related=(Cause("this label counts", label_at),),
            fix=Fix("remove the annotation"),
        )


def _judged(workload: Workload, value: str, at: Location, mesh: Mesh) -> Iterator[Problem]:
    obstacle = mesh.injection_obstacle(workload)
    if value not in ("", *_SWITCHES) and not is_no_scalar(at):
        yield _by_default_policy(workload, value, at, mesh)
    elif value == "true" and obstacle is not None:
        yield Problem(
            f"{keys.INJECT!r} asks for a sidecar in vain: {obstacle.message}, and {_fate(workload, mesh)}",
            at=at,
            related=(obstacle,),
            fix=_advice(workload, mesh),
        )


def _by_default_policy(workload: Workload, value: str, at: Location, mesh: Mesh) -> Problem:
    outcome = "" if mesh.injection(workload).value is None else f", and {_fate(workload, mesh)}"
    return Problem(
        f"{value!r} is neither 'true' nor 'false': the injector goes by its default policy{outcome}",
        at=at,
        fix=Fix('write "true" or "false"'),
    )


def _fate(workload: Workload, mesh: Mesh) -> str:
    match mesh.dataplane_mode(workload).value:
        case DataplaneMode.AMBIENT:
            return "the pods are captured by ztunnel"
        case DataplaneMode.NONE:
            return "the pods stay outside of the mesh"
        case _ if mesh.injection(workload).value:
            return "the pods get a sidecar"
        case _:
            return "the pods get no sidecar"


def _advice(workload: Workload, mesh: Mesh) -> Fix:
    if keys.INJECT not in workload.pod_labels:
        return Fix("write it as a label of the pods if they are to have a sidecar, else remove it")
    namespace = mesh.namespace_of(workload)
    if namespace is not None and keys.INJECTION in namespace.labels:
        return Fix(f"remove the label, or {keys.INJECTION!r} from the namespace")
    return Fix("remove the label")
