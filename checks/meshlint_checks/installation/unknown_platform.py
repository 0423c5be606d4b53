"""
Istio is installed for a platform that its charts do not know, so that they fail to render.

## What it does

Looks at `global.platform` and `platform` in the values that charts of Istio get from Flux, Argo CD, an
IstioOperator or Sail. Charts know `k3d`, `k3s`, `microk8s`, `minikube`, `openshift` and, from Istio 1.25,
`gke`.

It is an error, and a warning where the Istio version is not known: charts before 1.24 take any platform.

## Why it matters

The platform is the name of a profile in the chart. Without such a profile the chart stops with `unknown
platform`: nothing is installed or upgraded, and Flux or Argo CD report a failed release.

## How to fix it

Leave the value out on platforms that need nothing special (EKS, AKS, kind), or correct the name.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Mesh, Problem, RefusedChoice, Resource, Severity, check, kind, nearest


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(
        kind.ISTIO_OPERATOR,
        kind.SAIL_ISTIO,
        kind.SAIL_CNI,
        kind.SAIL_ZTUNNEL,
        kind.HELM_RELEASE,
        kind.ARGO_APPLICATION,
    ),
    istio=">=1.24",
    since="0.1.0",
)
def unknown_platform(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find platforms at which charts fail."""
    for found in mesh.refused_platforms(subject):
        yield Problem(
            f"platform {found.value!r} is unknown to {found.reader}: "
            "rendering fails, and nothing is installed",
            at=found.at,
            fix=Fix(_advice(found)),
            severity=Severity.ERROR if mesh.version_known else Severity.WARNING,
        )


def _advice(found: RefusedChoice) -> str:
    meant = nearest(found.value, found.known)
    return f"use {meant!r}" if meant else "leave the platform out"
