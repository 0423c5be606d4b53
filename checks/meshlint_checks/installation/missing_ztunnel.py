"""
istio-cni is installed for ambient mode, and nothing installs ztunnel.

## What it does

Looks beside every istio-cni that does ambient mode (profile `ambient` or `ambient.enabled`, in an
IstioOperator, Sail's `IstioCNI`, a chart by Flux or Argo CD, the rendered ConfigMap) for a ztunnel: a
DaemonSet, Sail's `ZTunnel`, the chart `ztunnel`, a component of the same IstioOperator.

It is an error in a set that is complete, and else a note: ztunnel may be installed elsewhere. It is
silent if anything in the whole run installs ztunnel, or may do so by its name.

## Why it matters

istio-cni hands each new pod of the mesh to the ztunnel of its node. Without one, the pods do not start:
creating their sandbox fails again and again. Pods that run already are left as they are.

## How to fix it

Install the chart `ztunnel`, in Sail's way a `ZTunnel`; in an IstioOperator take profile `ambient`, or write
`components.ztunnel.enabled: true`. If it is installed elsewhere, show those manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import Cause, Component, Fix, Impact, Mesh, Part, Problem, Resource, Severity, check, kind


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.INSTALLATION,
    reads=(kind.FLUX_KUSTOMIZATION,),
    since="0.1.0",
)
def missing_ztunnel(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find an ambient istio-cni without a ztunnel."""
    for part in mesh.parts_of(subject):
        if part.component is not Component.CNI or not mesh.does_ambient(part).value:
            continue
        if not mesh.companions(part, Component.ZTUNNEL).is_missing:
            continue
        first, *further = _causes(part, mesh)
        here = "" if mesh.is_complete else " here"
        yield Problem(
            f"istio-cni does ambient mode, and nothing{here} installs ztunnel: "
            "without it ambient pods do not start",
            at=first.at,
            related=tuple(further),
            fix=Fix("install ztunnel"),
            severity=Severity.ERROR if mesh.is_complete else Severity.NOTE,
        )


def _causes(part: Part, mesh: Mesh) -> Iterator[Cause]:
    """The line that leaves ztunnel out, if there is one, and what switches ambient mode on."""
    disabled = mesh.left_out(part.resource, Component.ZTUNNEL)
    if disabled is not None:
        yield Cause("ztunnel is left out", disabled)
    yield from mesh.does_ambient(part).because
