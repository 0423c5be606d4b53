"""
Ambient mode is combined with a control plane in another cluster.

## What it does

Looks at what installs Istio (IstioOperator, Sail's Istio, chart values of a Flux HelmRelease or an
Argo CD Application, a rendered istiod) and at Namespaces for a control plane that is outside of
the cluster or serves other clusters: profile `remote` or `external`, `istiodRemote.enabled`,
`global.remotePilotAddress`, `global.externalIstiod` (istiod's `EXTERNAL_ISTIOD`),
`global.configCluster`, the annotation `topology.istio.io/controlPlaneClusters`.

It is an error if the same set installs ambient mode: ztunnel, profile `ambient`, istiod's or the
CNI's ambient switches. If it only holds a namespace that is labelled for ambient mode, it is a
warning.

## Why it matters

Ambient mode supports several clusters only if each has a control plane of its own. Primary-remote
and external control planes are not supported in any version up to 1.31, the newest when this was
written. No chart refuses the combination: it installs, and what of it works is nobody's promise.

## How to fix it

Install a full istiod in each cluster (multi-primary). Across networks that is alpha in 1.27 and beta
from 1.29. Otherwise keep the sidecars in the clusters that have a remote control plane.
"""

from collections.abc import Iterator

from meshlint import Cause, Fix, Impact, Mesh, Namespace, Problem, Resource, Severity, check, kind


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.UNSUPPORTED,
    subjects=(
        kind.ISTIO_OPERATOR,
        kind.SAIL_ISTIO,
        kind.HELM_RELEASE,
        kind.ARGO_APPLICATION,
        kind.DEPLOYMENT,
        kind.NAMESPACE,
    ),
    reads=(kind.NAMESPACE, *kind.INSTALLATION),
    since="0.1.0",
)
def remote_control_plane(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find install objects that put the control plane of an ambient mesh elsewhere."""
    remote = mesh.remote_control_plane(subject)
    if not remote:
        return
    ambient = mesh.ambient_installation or _ambient_namespace(mesh)
    if not ambient:
        return
    first, *further = remote
    yield Problem(
        f"ambient mode is combined with a remote or external control plane ({first.message}): "
        "no Istio version up to 1.31 supports that",
        at=first.at,
        related=(*further, _nearest(ambient, subject)),
        fix=Fix("install istiod in each cluster (multi-primary, beta from Istio 1.29), or keep sidecars"),
        severity=Severity.ERROR if mesh.ambient_installation else Severity.WARNING,
    )


def _ambient_namespace(mesh: Mesh) -> tuple[Cause, ...]:
    for namespace in mesh.resources(kind.NAMESPACE):
        if isinstance(namespace, Namespace):
            selected = mesh.selects_ambient(namespace)
            if selected.value:
                return selected.because
    return ()


def _nearest(ambient: tuple[Cause, ...], subject: Resource) -> Cause:
    """The line of the same object, if one says that ambient mode is installed."""
    return next((cause for cause in ambient if cause.at.manifest is subject.manifest), ambient[0])
