"""
Ambient mode is combined with a control plane in another cluster.

## What it does

Looks at what installs Istio (IstioOperator, Sail's Istio, chart values of a Flux HelmRelease or an
Argo CD Application, a rendered istiod) and at Namespaces for a control plane that is outside of
the cluster or serves other clusters: profile `remote` or `external`, `istiodRemote.enabled`,
`global.remotePilotAddress`, `global.externalIstiod` (istiod's `EXTERNAL_ISTIOD`),
`global.configCluster`, the annotation `topology.istio.io/controlPlaneClusters`.

It is an error if the same installation has ambient mode: ztunnel, profile `ambient`, istiod's or
the CNI's ambient switches. It is a warning if the set only holds a namespace that is labelled for
ambient mode, or if ambient mode is installed by another file and nothing says that both are
applied together. Each IstioOperator, and each of Sail's `Istio`s, is an installation of its own:
what another one says is not held against it. Sail's profiles, `Istio`s without a name, install nothing.

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

_WHOLE = (kind.ISTIO_OPERATOR, kind.SAIL_ISTIO)


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
    installed = _beside(subject, mesh)
    # If another installation has ambient mode, the ambient namespaces are that one's.
    ambient = installed or (() if mesh.ambient_installation else _ambient_namespace(mesh))
    if not ambient:
        return
    first, *further = remote
    yield Problem(
        f"ambient mode is combined with a remote or external control plane ({first.message}): "
        "no Istio version up to 1.31 supports that",
        at=first.at,
        related=(*further, ambient[0]),
        fix=Fix("install istiod in each cluster (multi-primary, beta from Istio 1.29), or keep sidecars"),
        severity=Severity.ERROR
        if installed and _is_one_mesh(subject, ambient[0], mesh)
        else Severity.WARNING,
    )


def _beside(subject: Resource, mesh: Mesh) -> tuple[Cause, ...]:
    """The lines that install ambient mode where the subject is installed, its own first."""
    own = tuple(it for it in mesh.ambient_installation if it.at.manifest is subject.manifest)
    # Each of these is a whole installation: another one is an alternative, or another cluster's.
    whole = {resource.manifest for resource in mesh.resources(*_WHOLE)}
    others = (it for it in mesh.ambient_installation if it.at.manifest is not subject.manifest)
    if subject.kind in _WHOLE:
        others = (it for it in others if it.at.manifest not in whole)
    if subject.kind == kind.ISTIO_OPERATOR:
        # It installs ztunnel itself: one that is rendered in a file aside is another installation's.
        others = (it for it in others if _is_one_mesh(subject, it, mesh))
    return (*own, *others)


def _is_one_mesh(subject: Resource, ambient: Cause, mesh: Mesh) -> bool:
    """Whether both are certainly for one cluster, and not files of two that lie side by side."""
    return mesh.is_applied_together or ambient.at.file is subject.manifest.file


def _ambient_namespace(mesh: Mesh) -> tuple[Cause, ...]:
    for namespace in mesh.resources(kind.NAMESPACE):
        if isinstance(namespace, Namespace):
            selected = mesh.selects_ambient(namespace)
            if selected.value:
                return selected.because
    return ()
