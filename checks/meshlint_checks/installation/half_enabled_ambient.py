"""
Ambient mode is on in istiod and off in istio-cni, or the other way round.

## What it does

Compares istiod with istio-cni, in whatever form they are installed: an IstioOperator, Sail's `Istio` and
`IstioCNI`, charts by Flux or Argo CD, rendered objects. istiod does ambient mode with
`PILOT_ENABLE_AMBIENT`, istio-cni with `ambient.enabled`; profile `ambient` sets both, each chart needs it.

It is an error if both are certainly for one cluster, and a warning if they only lie side by side. Where one
half is not there at all, it is an error in a set that is complete and else a note: it may be installed
elsewhere. It is silent where several installations could be meant, and where values come from files
that are not read (`valuesFrom`, `valueFiles`).

## Why it matters

Nothing refuses half of ambient mode. With istio-cni alone, pods are captured and sent to a ztunnel that
istiod tells nothing: their traffic fails. With istiod alone, no pod is captured: traffic runs in plain
text, past every policy, however the namespaces are labelled.

## How to fix it

Give both charts `profile: ambient`. In an IstioOperator and in Sail's kinds it is `spec.profile: ambient`;
Sail needs it in `Istio` and in `IstioCNI`.
"""

from collections.abc import Iterator

from meshlint import Cause, Component, Fix, Impact, Mesh, Part, Problem, Resource, Severity, check, kind

_OTHER = {Component.ISTIOD: Component.CNI, Component.CNI: Component.ISTIOD}
_EFFECT = {
    Component.ISTIOD: "pods are captured, but ztunnel is told nothing and their traffic fails",
    Component.CNI: "no pod is captured, traffic runs without mTLS and past every policy",
}
_IMPACT = {Component.ISTIOD: Impact.OUTAGE, Component.CNI: Impact.EXPOSURE}


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.INSTALLATION,
    reads=(kind.FLUX_KUSTOMIZATION,),
    since="0.1.0",
)
def half_enabled_ambient(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find an istiod and an istio-cni of which only one does ambient mode."""
    for part in mesh.parts_of(subject):
        if part.component not in _OTHER:
            continue
        does_ambient = mesh.does_ambient(part)
        if does_ambient.value is False:
            yield from _off(part, does_ambient.because[0], mesh)
        elif does_ambient.value:
            yield from _alone(part, does_ambient.because[0], mesh)


def _off(part: Part, because: Cause, mesh: Mesh) -> Iterator[Problem]:
    """A part without ambient mode, if the other half has it and no other of its sort does."""
    found = mesh.companions(part, _OTHER[part.component])
    on = [switch for other in found.parts if (switch := mesh.does_ambient(other)).value]
    siblings = mesh.companions(part, part.component).parts
    if not on or any(mesh.does_ambient(sibling).value is not False for sibling in siblings):
        return
    this, other = part.component.value, _OTHER[part.component].value
    yield Problem(
        f"{other} does ambient mode, {this} does not: {_EFFECT[part.component]}",
        at=because.at,
        related=on[0].because,
        fix=Fix(f"install {this} with profile 'ambient'"),
        severity=Severity.ERROR if found.is_certain else Severity.WARNING,
        impact=_IMPACT[part.component],
    )


def _alone(part: Part, because: Cause, mesh: Mesh) -> Iterator[Problem]:
    """A part with ambient mode, if nothing installs the other half."""
    missing = _OTHER[part.component]
    if not mesh.companions(part, missing).is_missing:
        return
    here = "" if mesh.is_complete else " here"
    left_out = mesh.left_out(part.resource, missing)
    yield Problem(
        f"{part.component.value} does ambient mode, and nothing{here} installs {missing.value}: "
        f"without it {_EFFECT[missing]}",
        at=left_out or because.at,
        related=(because,) if left_out else (),
        fix=Fix(f"install {missing.value} with profile 'ambient'"),
        severity=Severity.ERROR if mesh.is_complete else Severity.NOTE,
        impact=_IMPACT[missing],
    )
