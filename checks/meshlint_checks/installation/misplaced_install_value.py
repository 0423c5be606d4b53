"""
An install value stands under a path that no chart and no operator of Istio reads.

## What it does

Looks at the values that Istio's charts get from a Flux HelmRelease or an Argo CD Application, at
IstioOperators, and at Sail's `Istio`, `IstioCNI` and `ZTunnel`. It finds keys that are nearly a known one
(`gobal`), values that are one level too deep (`cni.values.excludeNamespaces`, `ztunnel.resources` for chart
ztunnel), fields that belong elsewhere (`spec.cni` of an IstioOperator), and `defaults`, which charts refuse
from 1.24. Charts istiod and cni before 1.24 read their own values only under `pilot` and `cni`: where the
Istio version is known, it finds those at the top.

A key that is merely unknown is left alone, and so are values files, of which nothing tells the chart.

## Why it matters

Helm takes any key without a word. The setting is not there, and what it was to switch on or off
is as if nothing had been written. istioctl and Sail's API refuse fields that they do not know, or drop them.

## How to fix it

Move the value to the path that the finding names.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Mesh, MisplacedValue, Problem, Resource, Severity, check, kind

_HOLDERS = (
    kind.ISTIO_OPERATOR,
    kind.SAIL_ISTIO,
    kind.SAIL_CNI,
    kind.SAIL_ZTUNNEL,
    kind.HELM_RELEASE,
    kind.ARGO_APPLICATION,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=_HOLDERS,
    since="0.1.0",
)
def misplaced_install_value(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find values for which there is no reader."""
    for found in mesh.misplaced_values(subject):
        yield Problem(
            f"{found.reader} {_outcome(found)} '{found.written}'{_hint(found)}",
            at=found.at,
            fix=Fix(f"move it to {_place(found)}"),
        )


def _outcome(found: MisplacedValue) -> str:
    return "refuses" if found.is_refused else "does not read"


def _hint(found: MisplacedValue) -> str:
    return f": its place is {_place(found)}"


def _place(found: MisplacedValue) -> str:
    return "the top of the values" if found.meant == "the top" else f"'{found.meant}'"
