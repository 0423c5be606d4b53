"""
The label `istio.io/dataplane-mode` has a value that means nothing to Istio.

## What it does

Looks at `istio.io/dataplane-mode` on Namespaces and pod templates. Istio knows two values:
`ambient` and `none`, exactly so written. Any other is reported with what comes of it: a
Namespace with it is not ambient; a pod with it is not enrolled by it and, in an ambient
namespace, not kept out either.

It is an error where pods end up elsewhere than the value says. It is a warning where they do not
(`disabled` on a Namespace: its pods stay out, as with `none`), where the set does not tell what
the Namespace says, and where istio-cni has an enablement selector of its own (Istio 1.27 and
newer); values that such a selector mentions are not reported.

## Why it matters

istio-cni compares the value as text, in all versions. `Ambient` or `enabled` on a Namespace
leaves every pod outside of the mesh: no mTLS, no policies. `disabled` or `false` on a pod of an
ambient namespace leaves it inside. Nothing refuses the label, and nothing reports it.

## How to fix it

Write `ambient` or `none`. There is no value that selects sidecars; a pod that is to have one in an
ambient namespace needs the label `sidecar.istio.io/inject: "true"`.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Fix,
    Impact,
    Location,
    Mesh,
    Namespace,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    keys,
    kind,
    nearest,
    replace_value,
)
from meshlint_checks._malformed import is_no_scalar

_AMBIENT, _NONE = "ambient", "none"
_MEANT_AMBIENT = frozenset({"enabled", "enable", "true", "on", "yes", "ztunnel", "ambient-mode"})
_MEANT_NONE = frozenset({"disabled", "disable", "false", "off", "no", "sidecar", "null", ""})


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.NAMESPACE, *kind.WORKLOADS),
    reads=(kind.NAMESPACE, *kind.INSTALLATION),
    since="0.1.0",
)
def invalid_dataplane_mode(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `dataplane-mode` labels that are neither `ambient` nor `none`."""
    labels = subject.pod_labels if isinstance(subject, Workload) else subject.labels
    value = labels.get(keys.DATAPLANE_MODE)
    at = _place(subject)
    if value is None or value in (_AMBIENT, _NONE) or _is_custom(value, mesh) or is_no_scalar(at):
        return
    if isinstance(subject, Workload) and mesh.maker_of(subject):
        return
    meant = _meant(value)
    effect, severity = _outcome(subject, meant, mesh)
    yield Problem(
        f"{value!r} is no data-plane mode: {effect}",
        at=at,
        related=mesh.enablement_selectors.because if mesh.enablement_selectors else (),
        fix=Fix(f"use {meant!r}", replace_value(at, meant)) if meant else Fix("use 'ambient' or 'none'"),
        severity=Severity.WARNING if mesh.enablement_selectors else severity,
        impact=Impact.EXPOSURE if severity is Severity.ERROR else Impact.INEFFECTIVE,
    )


def _is_custom(value: str, mesh: Mesh) -> bool:
    rules = mesh.enablement_selectors
    return rules is not None and any(rule.mentions(value) for rule in rules.value)


def _meant(value: str) -> str | None:
    word = value.strip().lower()
    if word in _MEANT_AMBIENT:
        return _AMBIENT
    return _NONE if word in _MEANT_NONE else nearest(word, (_AMBIENT, _NONE))


def _outcome(subject: Resource, meant: str | None, mesh: Mesh) -> tuple[str, Severity]:
    """What comes of the label, and how bad that is for who wrote it."""
    if isinstance(subject, Workload):
        return _outcome_for_pods(subject, meant, mesh)
    assert isinstance(subject, Namespace)
    if mesh.selects_ambient(subject).value:
        return f"namespace {subject.name!r} is ambient by another label", Severity.WARNING
    effect = f"namespace {subject.name!r} is not ambient and its pods stay outside of the mesh"
    if mesh.namespace_injection(subject).value is not None:
        effect = f"namespace {subject.name!r} is not ambient and its new pods get sidecars"
    return effect, Severity.WARNING if meant == _NONE else Severity.ERROR


def _outcome_for_pods(workload: Workload, meant: str | None, mesh: Mesh) -> tuple[str, Severity]:
    match mesh.dataplane_mode(workload).value:
        case DataplaneMode.AMBIENT:
            effect = "only 'none' opts out, the pods are captured by ztunnel all the same"
            return effect, Severity.WARNING if meant == _AMBIENT else Severity.ERROR
        case DataplaneMode.UNKNOWN:
            return "the label neither enrols the pods nor opts them out", Severity.WARNING
        case DataplaneMode.NONE:
            effect = "the label does not enrol the pods, they stay outside of the mesh"
            return effect, Severity.WARNING if meant == _NONE else Severity.ERROR
        case _:
            return "the label has no effect, the pods run with a proxy of their own", Severity.WARNING


def _place(subject: Resource) -> Location:
    if isinstance(subject, Workload):
        return subject.pod_label_at(keys.DATAPLANE_MODE)
    return subject.label_at(keys.DATAPLANE_MODE)
