"""
istiod is given a switch of ambient mode that has no effect.

## What it does

Looks at the environment of istiod: its own, and that in the values of its chart, of an IstioOperator and of
Sail's `Istio`. It finds switches that no istiod reads since 1.22 (`PILOT_ENABLE_AMBIENT_CONTROLLERS`,
`PILOT_ENABLE_HBONE`), and those that istiod ignores as long as ambient mode is off
(`AMBIENT_ENABLE_MULTI_NETWORK`, `PILOT_AUTO_ALLOW_WAYPOINT_POLICY`, `PILOT_ENABLE_SENDING_HBONE` and the
like).

A removed switch is an error where ambient mode is off: it was to switch it on. All else is a warning.

## Why it matters

`PILOT_ENABLE_AMBIENT` is the one switch for ambient mode. Without it istiod logs `ignoring …; requires
PILOT_ENABLE_AMBIENT=true` and goes on: there are no waypoints, and ztunnel is told nothing.

## How to fix it

Set `PILOT_ENABLE_AMBIENT=true`, best by profile `ambient`, and remove the switches that are gone.
"""

from collections.abc import Iterator

from meshlint import Component, Fix, Impact, Mesh, Part, Problem, Resource, Severity, check, kind

_REMOVED = ("PILOT_ENABLE_AMBIENT_CONTROLLERS", "PILOT_ENABLE_HBONE")


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.INSTALLATION,
    istio=">=1.22",
    since="0.1.0",
)
def dead_ambient_flag(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find switches of ambient mode that istiod does not heed."""
    for part in mesh.parts_of(subject):
        if part.component is Component.ISTIOD:
            yield from _dead(part, mesh)


def _dead(istiod: Part, mesh: Mesh) -> Iterator[Problem]:
    ambient = mesh.does_ambient(istiod)
    for name, cause in mesh.dead_switches(istiod):
        if name not in _REMOVED:
            message = f"istiod ignores {name}: it requires PILOT_ENABLE_AMBIENT=true"
        elif ambient.value is False:
            message = (
                f"no istiod reads {name} since 1.22: without PILOT_ENABLE_AMBIENT there is no ambient mode"
            )
        else:
            message = f"no istiod reads {name} since 1.22: this line does nothing"
        missing = ambient.value is False
        yield Problem(
            message,
            at=cause.at,
            related=ambient.because if missing else (),
            fix=Fix("set PILOT_ENABLE_AMBIENT=true" if missing else "remove it"),
            severity=Severity.ERROR if missing and name in _REMOVED else Severity.WARNING,
        )
