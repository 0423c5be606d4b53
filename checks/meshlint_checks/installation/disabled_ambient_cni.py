"""
Objects are labelled for ambient mode, and istio-cni has it switched off.

## What it does

Looks at istio-cni (the rendered ConfigMap, a chart by Flux or Argo CD, an IstioOperator, Sail's `IstioCNI`)
where it certainly does no ambient mode, and for a Namespace or a pod template with
`istio.io/dataplane-mode: ambient`.

It speaks only about sets that are complete: elsewhere another istio-cni may be in the cluster. Where istiod
does ambient mode, `half-enabled-ambient` speaks instead.

## Why it matters

The labels look right and do nothing: no pod is captured, and traffic runs without mTLS and past every policy.

## How to fix it

Give chart cni `profile: ambient`, or remove the labels.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Component,
    Fix,
    Impact,
    Mesh,
    Namespace,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=kind.INSTALLATION,
    reads=(kind.NAMESPACE, *kind.WORKLOADS),
    since="0.1.0",
)
def disabled_ambient_cni(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find an istio-cni without ambient mode where something is labelled for it."""
    agents = [part for part in mesh.parts if part.component is Component.CNI]
    if not mesh.is_complete or any(mesh.does_ambient(agent).value is not False for agent in agents):
        return
    for agent in agents:
        labels = next(_ambient_labels(mesh), None)
        if agent.resource is subject and labels:
            yield Problem(
                "istio-cni does no ambient mode, which namespaces or pods are labelled for: "
                "they are not captured, traffic runs without mTLS and past every policy",
                at=mesh.does_ambient(agent).because[0].at,
                related=labels,
                fix=Fix("install istio-cni with profile 'ambient', or remove the labels"),
            )


def _ambient_labels(mesh: Mesh) -> Iterator[tuple[Cause, ...]]:
    for namespace in mesh.resources(kind.NAMESPACE):
        if isinstance(namespace, Namespace):
            selected = mesh.selects_ambient(namespace)
            if selected.value and selected.because:
                yield selected.because
    for workload in mesh.resources(*kind.WORKLOADS):
        if isinstance(workload, Workload):
            enrolled = mesh.enrolls_itself(workload)
            if enrolled.value and enrolled.because:
                yield enrolled.because
