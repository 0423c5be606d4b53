"""
One namespace holds ambient workloads and workloads with sidecars, told apart by labels of their pods.

## What it does

Finds Namespaces in which some workloads run in ambient mode and others with a sidecar, because of labels
on their pod templates. One of each is shown with the label that decides.

Pods that are merely kept out of ambient mode (`istio.io/dataplane-mode: none`) do not count, nor do
gateways, nor pods on the host's network. It is silent where the mixture is a fault that another check
names: `dual-mode-namespace`, `injecting-revision-label`, `dual-mode-pod`, `preinjected-template`.

## Why it matters

Istio supports it in all versions, and advises against it: a namespace is to be one mode for most uses.
Both kinds call each other with mTLS, but they are governed differently. Sidecars enforce policies that
select them, HTTP rules included, and never send their calls through a waypoint; ztunnel enforces only
what is about connections. Who reads the namespace's labels knows half of it.

## How to fix it

Move the workloads that keep their sidecars into a namespace of their own, or finish the migration:
remove `sidecar.istio.io/inject` and `istio.io/rev` from their pod templates. If both are to stay,
nothing needs to be done.
"""

from collections.abc import Iterator
from typing import NamedTuple

from meshlint import (
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Location,
    Mesh,
    Namespace,
    Problem,
    Severity,
    Workload,
    check,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


class _Sample(NamedTuple):
    """A workload, and the lines that decide its mode."""

    workload: Workload
    because: tuple[Cause, ...]


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.HYGIENE,
    subjects=(kind.NAMESPACE,),
    reads=(*kind.WORKLOADS, *_INSTALLERS),
    since="0.1.0",
)
def mixed_dataplane_modes(namespace: Namespace, mesh: Mesh) -> Iterator[Problem]:
    """Find Namespaces with ambient workloads and sidecars."""
    samples: dict[DataplaneMode, _Sample] = {}
    for workload in mesh.workloads_in(namespace):
        if mesh.maker_of(workload) is None and not workload.is_live_pod:
            mode = mesh.dataplane_mode(workload)
            samples.setdefault(mode.value, _Sample(workload, mode.because))
    ambient, sidecar = samples.get(DataplaneMode.AMBIENT), samples.get(DataplaneMode.SIDECAR)
    if ambient is None or sidecar is None:
        return
    yield Problem(
        f"namespace {namespace.name!r} mixes modes: {_name(ambient)} is ambient, "
        f"{_name(sidecar)} has a sidecar, whose calls skip waypoints",
        at=_place(namespace, mesh),
        related=(*ambient.because, *sidecar.because),
        fix=Fix("keep one mode to a namespace"),
    )


def _name(sample: _Sample) -> str:
    return f"{sample.workload.kind.name} {sample.workload.name!r}"


def _place(namespace: Namespace, mesh: Mesh) -> Location:
    decided = mesh.namespace_mode(namespace).because
    return decided[0].at if decided else namespace.at()
