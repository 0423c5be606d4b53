"""
A pod template is to be ambient and to have a sidecar, and the sidecar wins.

## What it does

Finds workloads whose pods are to be in ambient mode, by their Namespace or by their own labels, and
which get a sidecar all the same:

- the pod template asks for one, by the label `sidecar.istio.io/inject: "true"` or `istio.io/rev`;
- or it is labelled `istio.io/dataplane-mode: ambient` itself, and its Namespace injects sidecars.

It is silent where the Namespace itself asks for both: `dual-mode-namespace` and
`injecting-revision-label` speak of that. It is silent about pods with `istio.io/dataplane-mode: none`,
which say that the sidecar is meant, and about gateways.

## Why it matters

The sidecar injector does not know of ambient mode, and istio-cni leaves alone what has a sidecar. So
the pods run as sidecars in the midst of ambient ones, in all versions of Istio: their calls go
past every waypoint, and what is enforced for their neighbours at ztunnel is not enforced for them
there.

## How to fix it

Remove the label that asks for the sidecar, and restart the pods. If they are to keep it, label them
`istio.io/dataplane-mode: none`: that changes nothing, and tells everybody that it is meant. In a
Namespace that injects, pods that are to be ambient need `sidecar.istio.io/inject: "false"` too.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    DataplaneMode,
    Derived,
    Edit,
    Fix,
    Impact,
    Mesh,
    Namespace,
    Problem,
    Severity,
    Workload,
    check,
    delete_entries,
    insert_after,
    keys,
    kind,
    replace_value,
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
def dual_mode_pod(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find pod templates that are ambient and get a sidecar."""
    chosen, injection = mesh.chosen_for_ambient(workload), mesh.injection(workload)
    is_sidecar = mesh.dataplane_mode(workload).value is DataplaneMode.SIDECAR
    if not chosen.value or not injection.value or not is_sidecar or mesh.maker_of(workload):
        return
    namespace = mesh.namespace_of(workload)
    injects = namespace is not None and mesh.namespace_injection(namespace).value is not None
    if namespace is not None and injects and mesh.selects_ambient(namespace).value:
        return
    if injects:
        yield _injected_by_namespace(workload, chosen, injection)
    elif asking := _asking(workload):
        yield _injected_by_itself(workload, namespace, chosen, asking)


def _injected_by_itself(
    workload: Workload,
    namespace: Namespace | None,
    chosen: Derived[bool | None],
    asking: Sequence[str],
) -> Problem:
    if workload.pod_labels.get(keys.DATAPLANE_MODE) == DataplaneMode.AMBIENT.value:
        asks = "asks for ambient mode and for a sidecar"
    else:
        asks = f"asks for a sidecar in ambient namespace {workload.namespace!r}"
    unless = "" if namespace else ", unless its namespace forbids it"
    return Problem(
        f"{_name(workload)} {asks}: it gets the sidecar{unless}, and is not captured by ztunnel",
        at=workload.pod_label_at(asking[0]),
        related=chosen.because,
        fix=_ask_for_nothing(workload, asking),
    )


def _injected_by_namespace(
    workload: Workload, chosen: Derived[bool | None], injection: Derived[bool | None]
) -> Problem:
    return Problem(
        f"{_name(workload)} asks for ambient mode, and namespace {workload.namespace!r} injects sidecars: "
        "it gets one, and is not captured by ztunnel",
        at=chosen.because[0].at if chosen.because else workload.at(),
        related=(*injection.because, *chosen.because[1:]),
        fix=Fix("label the pods 'sidecar.istio.io/inject: \"false\"'", _refuse(workload)),
    )


def _name(workload: Workload) -> str:
    return f"{workload.kind.name} {workload.name!r}"


def _asking(workload: Workload) -> list[str]:
    """The labels by which the pods ask for a sidecar."""
    asks = workload.pod_labels.get(keys.INJECT) == "true"
    return [keys.INJECT] * asks + [keys.REVISION] * (keys.REVISION in workload.pod_labels)


def _ask_for_nothing(workload: Workload, asking: Sequence[str]) -> Fix:
    names = " and ".join(repr(key) for key in asking)
    edits = delete_entries([workload.pod_label_at(key) for key in asking])
    return Fix(f"remove {names}, or add 'istio.io/dataplane-mode: none' to keep the sidecar", edits)


def _refuse(workload: Workload) -> tuple[Edit, ...]:
    if keys.INJECT in workload.pod_labels:
        return replace_value(workload.pod_label_at(keys.INJECT), "false")
    return insert_after(workload.pod_label_at(keys.DATAPLANE_MODE), keys.INJECT, "false")
