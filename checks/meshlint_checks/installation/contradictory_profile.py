"""
Profile ambient is combined with settings that switch its parts off, or the profile does not exist.

## What it does

Looks at profiles in IstioOperators, and in the values that charts get from Flux, Argo CD or an
IstioOperator. With profile `ambient` it finds istio-cni or ztunnel left out (`components.ztunnel.enabled:
false`) while nothing else in the run installs them, and ambient mode switched off by its own switch
(`PILOT_ENABLE_AMBIENT`, `ambient.enabled`).

It also finds profiles that do not exist. Charts have `ambient`, `demo`, `preview`, `stable` and `remote`;
only istioctl has `default`, `minimal` and `empty` as well, and takes the path of a file.

Where one half of ambient mode is on and the other off, `half-enabled-ambient` speaks instead.

## Why it matters

What is written explicitly wins over the profile, without a word: ambient mode is not there, or pods that
join it do not start. With a profile that does not exist, charts and istioctl stop, and nothing is installed.

## How to fix it

Decide for one of them: another profile, or all parts of this one.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Component,
    Fix,
    Impact,
    Mesh,
    Part,
    Problem,
    RefusedChoice,
    Resource,
    Severity,
    check,
    kind,
    nearest,
)

_EFFECT = {
    Component.CNI: "no pod joins the mesh",
    Component.ZTUNNEL: "ambient pods do not start",
}
_HALVES = {Component.ISTIOD: Component.CNI, Component.CNI: Component.ISTIOD}


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=kind.INSTALLATION,
    reads=(kind.FLUX_KUSTOMIZATION,),
    since="0.1.0",
)
def contradictory_profile(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find profiles of ambient mode that are not carried through, and profiles that are none."""
    for part in mesh.parts_of(subject):
        if part.component is Component.ISTIOD:
            yield from _left_out(part, mesh)
        if part.component in _HALVES:
            yield from _switched_off(part, mesh)
    for found in mesh.refused_profiles(subject):
        yield Problem(
            f"profile {found.value!r} is unknown to {found.reader}: "
            "rendering fails, and nothing is installed",
            at=found.at,
            fix=Fix(_advice(found)),
        )


def _left_out(istiod: Part, mesh: Mesh) -> Iterator[Problem]:
    """What an IstioOperator leaves out of its profile, and nothing else installs."""
    profile = istiod.profile
    if profile is None or not istiod.has_ambient_profile:
        return
    for component, effect in _EFFECT.items():
        at = mesh.left_out(istiod.resource, component)
        if at is not None and mesh.companions(istiod, component).is_missing:
            yield Problem(
                f"profile {profile.value!r} is chosen and {component.value} left out: without it {effect}",
                at=at,
                related=(Cause(f"profile {profile.value!r}", profile.at),),
                fix=Fix("remove this line, or choose another profile"),
            )


def _switched_off(part: Part, mesh: Mesh) -> Iterator[Problem]:
    """Ambient mode that the profile switches on and another setting off again, in both halves."""
    profile, does_ambient = part.profile, mesh.does_ambient(part)
    if profile is None or not part.has_ambient_profile or does_ambient.value is not False:
        return
    others = mesh.companions(part, _HALVES[part.component]).parts
    if any(mesh.does_ambient(other).value for other in others):
        return
    yield Problem(
        f"profile {profile.value!r} is chosen, and this switches it off in {part.component.value}: "
        "there is no ambient mode",
        at=does_ambient.because[0].at,
        related=(Cause(f"profile {profile.value!r}", profile.at),),
        fix=Fix("remove this line, or choose another profile"),
        impact=Impact.EXPOSURE,
    )


def _advice(found: RefusedChoice) -> str:
    meant = nearest(found.value, found.known)
    return f"use {meant!r}" if meant else "use one of " + ", ".join(sorted(found.known))
