"""
SPIRE identities are configured for ambient workloads, whose identities ztunnel takes from istiod alone.

## What it does

Finds what gives SPIRE identities to pods that run in ambient mode: the annotation
`inject.istio.io/templates` with a template of SPIRE, a volume of the CSI driver `csi.spiffe.io`,
and a ClusterSPIFFEID that selects such pods or an ambient namespace. One without
`namespaceSelector` selects every namespace. A volume under another name than `workload-socket`, in
which Istio's proxies look, may serve the application alone and is a warning.

A ClusterSPIFFEID by itself changes nothing in the mesh: applications may use SPIRE's Workload API
beside ambient mode. It is a note, and an error only if the mesh is configured for SPIRE, too: an
injection template of SPIRE, asked for by pods or in the values of an installation, the volume
`workload-socket` of `csi.spiffe.io` in a pod of the mesh, or that driver in the values of
Istio's charts, in an IstioOperator, or in the pods of istiod or ztunnel.

Gateways and waypoints in an ambient namespace are a note; those that istiod deploys from a
Gateway are an error before 1.31. A template of SPIRE in the values of an ambient installation is a
note, too: sidecars can use it, ambient pods never do.

## Why it matters

ztunnel asks istiod for the certificates of all pods on its node. It cannot take them from SPIRE in
any version up to 1.31, the newest when this was written. Ambient pods therefore carry
identities that istiod attested, not SPIRE, and the sidecar template with SPIRE's socket is not
injected. Gateways and waypoints run Envoy and can use SPIRE; with the pod templates before 1.31,
SPIRE's volume conflicts with one that istiod writes.

## How to fix it

Keep workloads that need SPIRE in sidecar mode: label their pods `istio.io/dataplane-mode: none`
and `sidecar.istio.io/inject: "true"`. Or drop SPIRE for workloads that move to ambient mode, and
narrow the selectors of the ClusterSPIFFEID so that they leave the ambient namespaces out.
"""

from collections.abc import Iterable, Iterator, Mapping

from meshlint import (
    Cause,
    ClusterSpiffeId,
    DataplaneMode,
    Derived,
    Fix,
    Impact,
    IstioVersion,
    Location,
    Mesh,
    Namespace,
    Problem,
    Resource,
    Severity,
    SpireIdentity,
    Workload,
    check,
    kind,
)

_ISTIOD_ONLY = "ztunnel takes their identities from istiod, not from SPIRE, in every Istio version up to 1.31"
_INSTALLERS = (kind.ISTIO_OPERATOR, kind.SAIL_ISTIO, kind.HELM_RELEASE, kind.ARGO_APPLICATION)
_SPIFFE_CSI_DRIVER = "csi.spiffe.io"


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.UNSUPPORTED,
    subjects=(*kind.WORKLOADS, kind.CLUSTER_SPIFFE_ID, *_INSTALLERS),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def spire_in_ambient(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find SPIRE identities for what runs in ambient mode."""
    match subject:
        case Workload():
            yield from _of_pods(subject, mesh)
        case ClusterSpiffeId():
            yield from _of_registrations(subject, mesh)
        case _:
            yield from _of_values(subject, mesh)


def _of_pods(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    asked = mesh.spire_identity(workload)
    if not asked:
        return
    mode = mesh.dataplane_mode(workload)
    first, *further = asked
    if mode.value is DataplaneMode.AMBIENT:
        yield Problem(
            f"{first.message} on ambient pods: {_ISTIOD_ONLY}",
            at=first.at,
            related=(*(Cause(other.message, other.at) for other in further), *mode.because),
            fix=Fix("keep these pods in sidecar mode, or give up SPIRE for them"),
            severity=Severity.ERROR if first.for_proxy else Severity.WARNING,
        )
    elif mesh.is_gateway_proxy(workload):
        yield from _of_gateway(workload, first, mesh)


def _of_gateway(workload: Workload, asked: SpireIdentity, mesh: Mesh) -> Iterator[Problem]:
    namespace = mesh.namespace_of(workload)
    if namespace is None or not mesh.selects_ambient(namespace).value:
        return
    conflicts = mesh.is_deployed_gateway(workload) and mesh.version < IstioVersion(1, 31, 0)
    effect = "works, but the ambient pods behind it have identities from istiod alone"
    if conflicts:
        effect = "conflicts with the volume that istiod writes before Istio 1.31"
    yield Problem(
        f"{asked.message} on a gateway {effect}",
        at=asked.at,
        related=mesh.selects_ambient(namespace).because,
        fix=Fix("use Istio 1.31 or newer, or give up SPIRE for the gateway") if conflicts else None,
        severity=Severity.ERROR if conflicts else Severity.NOTE,
    )


def _of_registrations(spiffe_id: ClusterSpiffeId, mesh: Mesh) -> Iterator[Problem]:
    found = next(_selected(spiffe_id, mesh), None)
    if found is None:
        return
    sign = next(_signs_of_spire(mesh), None)
    alone = "SPIRE's identities are for the applications alone, ztunnel takes those of the mesh from istiod"
    yield Problem(
        f"ClusterSPIFFEID {spiffe_id.name!r} selects {found.value}: {_ISTIOD_ONLY if sign else alone}",
        at=_selector_at(spiffe_id),
        related=(*found.because, *((sign,) if sign else ())),
        fix=Fix("narrow its selectors to what is not ambient") if sign else None,
        severity=Severity.ERROR if sign else Severity.NOTE,
    )


def _signs_of_spire(mesh: Mesh) -> Iterator[Cause]:
    """What tells that the mesh is to take identities from SPIRE, and not applications alone."""
    for installer in mesh.resources(*_INSTALLERS):
        yield from (Cause(f"{it.message} is installed", it.at) for it in mesh.spire_templates(installer))
        if installer.kind == kind.ISTIO_OPERATOR:
            path = _path_to_driver(installer.manifest.value("spec"))
            if path is not None:
                yield Cause("Istio is installed with SPIRE's volume", installer.at("spec", *path))
    for values in mesh.chart_values:
        path = _path_to_driver(values.data)
        if path is not None:
            yield Cause("Istio is installed with SPIRE's volume", values.resource.at(*values.path, *path))
    for workload in mesh.resources(*kind.WORKLOADS):
        if isinstance(workload, Workload):
            for asked in mesh.spire_identity(workload):
                if _is_of_mesh(workload, asked, mesh):
                    yield Cause(f"{asked.message} is for a proxy", asked.at)


def _is_of_mesh(workload: Workload, asked: SpireIdentity, mesh: Mesh) -> bool:
    if workload.pod_labels.get("app") in ("istiod", "ztunnel"):
        return True
    return asked.for_proxy and mesh.dataplane_mode(workload).value is not DataplaneMode.NONE


def _path_to_driver(data: object) -> tuple[str | int, ...] | None:
    """The way to the first `csi.spiffe.io` in some data."""
    match data:
        case Mapping():
            entries: Iterable[tuple[str | int, object]] = ((str(key), item) for key, item in data.items())
        case list():
            entries = enumerate(data)
        case _:
            return () if data == _SPIFFE_CSI_DRIVER else None
    ways = ((key, _path_to_driver(item)) for key, item in entries)
    return next(((key, *rest) for key, rest in ways if rest is not None), None)


def _selected(spiffe_id: ClusterSpiffeId, mesh: Mesh) -> Iterator[Derived[str]]:
    """What is ambient and selected, namespaces first."""
    for namespace in mesh.resources(kind.NAMESPACE):
        if isinstance(namespace, Namespace) and _selects_all_of(spiffe_id, namespace, mesh):
            whose = f"all pods of ambient namespace {namespace.name!r}"
            yield Derived(whose, mesh.selects_ambient(namespace).because)
    for workload in mesh.resources(*kind.WORKLOADS):
        if isinstance(workload, Workload) and _selects(spiffe_id, workload, mesh):
            mode = mesh.dataplane_mode(workload)
            if mode.value is DataplaneMode.AMBIENT:
                yield Derived(f"ambient pods, those of {workload.kind.name} {workload.name!r}", mode.because)


def _selects_all_of(spiffe_id: ClusterSpiffeId, namespace: Namespace, mesh: Mesh) -> bool:
    return (
        spiffe_id.pod_selector.is_empty
        and spiffe_id.namespace_selector.matches(namespace.effective_labels)
        and mesh.selects_ambient(namespace).value
        and mesh.namespace_injection(namespace).value is None
    )


def _selects(spiffe_id: ClusterSpiffeId, workload: Workload, mesh: Mesh) -> bool:
    if not spiffe_id.pod_selector.matches(workload.pod_labels):
        return False
    if spiffe_id.namespace_selector.is_empty:
        return True
    namespace = mesh.namespace_of(workload)
    return namespace is not None and spiffe_id.namespace_selector.matches(namespace.effective_labels)


def _selector_at(spiffe_id: ClusterSpiffeId) -> Location:
    if not spiffe_id.pod_selector.is_empty:
        return spiffe_id.at("spec", "podSelector")
    if not spiffe_id.namespace_selector.is_empty:
        return spiffe_id.at("spec", "namespaceSelector")
    return spiffe_id.at()


def _of_values(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    templates = mesh.spire_templates(subject)
    if templates and mesh.ambient_installation:
        yield Problem(
            f"{templates[0].message} reaches sidecars only: ambient pods have identities from istiod, "
            "not from SPIRE, in every Istio version up to 1.31",
            at=templates[0].at,
            related=mesh.ambient_installation[:1],
            severity=Severity.NOTE,
        )
