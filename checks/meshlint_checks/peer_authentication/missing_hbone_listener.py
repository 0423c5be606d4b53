"""
Sidecars do not listen for HBONE, so ambient clients and waypoints reach them in plaintext.

## What it does

Looks at MeshConfig, where the manifests show that istiod does ambient mode: the ConfigMap that a chart
has rendered, an IstioOperator, or the values of a chart. It speaks if `ISTIO_META_ENABLE_HBONE` is not
set to the text `"true"` in `defaultConfig.proxyMetadata`, there are ambient pods, and there are workloads
with sidecars for which no ProxyConfig and no annotation `proxy.istio.io/config` sets it either.

It is an error if a PeerAuthentication makes such a workload STRICT, and its namespace is told completely.
Values that do not mention the switch are no finding: the profile `ambient` sets it, and what a chart is
given may stand in several places.

## Why it matters

ztunnel and waypoints speak mTLS only as HBONE, not as sidecars do among themselves. A sidecar has to
listen for it on port 15008, and its pod has to be labelled `networking.istio.io/tunnel: http`; the
injector does both if the switch is on. Without it they send plaintext. A STRICT sidecar resets it, a
PERMISSIVE one takes it unencrypted and without an identity that a policy could know.

Sidecars send HBONE to ambient pods without the switch.

## How to fix it

Install istiod with the profile `ambient`, or set the value: `defaultConfig: {proxyMetadata:
{ISTIO_META_ENABLE_HBONE: "true"}}`. Then restart the pods with sidecars.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
    Edit,
    Fix,
    Impact,
    Location,
    Mesh,
    MtlsMode,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    kind,
    replace_value,
)

_NO_SERVERS = (kind.JOB, kind.CRON_JOB)
_ADVICE = "set 'ISTIO_META_ENABLE_HBONE' to '\"true\"', and restart the pods with sidecars"


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.MESH_CONFIG,
    reads=(kind.NAMESPACE, kind.PEER_AUTHENTICATION, kind.PROXY_CONFIG, *kind.WORKLOADS, *kind.INSTALLATION),
    istio=">=1.22",
    since="0.1.0",
)
def missing_hbone_listener(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find MeshConfig without HBONE for the sidecars that ambient pods may call."""
    switch = mesh.mesh_config.hbone_enabled
    if switch.value is not False or not mesh.istiod_ambient.value or not mesh.ambient_pods:
        return
    at = switch.because[0].at
    deaf = list(_deaf(mesh)) if at.manifest is subject.manifest else []
    strict = [workload for workload in deaf if _is_strict(workload, mesh)]
    if deaf:
        is_proved = any(mesh.is_closed(workload.namespace, kind.PEER_AUTHENTICATION) for workload in strict)
        yield Problem(
            f"sidecars do not listen for HBONE: {_outcome(deaf, strict)}",
            at=at,
            related=tuple(_causes((strict or deaf)[0], mesh)),
            fix=Fix(_ADVICE, _edits(at)),
            severity=Severity.ERROR if is_proved else Severity.WARNING,
            impact=Impact.OUTAGE if strict else Impact.EXPOSURE,
        )


def _deaf(mesh: Mesh) -> Iterator[Workload]:
    """The workloads with sidecars that do not hear ambient clients."""
    for workload in mesh.resources(*kind.WORKLOADS):
        if isinstance(workload, Workload) and workload.kind not in _NO_SERVERS:
            has_sidecars = mesh.dataplane_mode(workload).value is DataplaneMode.SIDECAR
            if has_sidecars and mesh.hears_hbone(workload).value is False:
                yield workload


def _is_strict(workload: Workload, mesh: Mesh) -> bool:
    verdict = mesh.mtls(workload)
    return MtlsMode.STRICT in (verdict.value, *verdict.ports.values())


def _outcome(deaf: list[Workload], strict: list[Workload]) -> str:
    if strict:
        return f"ambient clients call them in plaintext, which {_named(strict)} under STRICT refuse"
    return f"ambient clients call {_named(deaf)} in plaintext"


def _named(workloads: list[Workload]) -> str:
    first, more = workloads[0], len(workloads) - 1
    return f"{first.kind.name} {first.name!r}" + (f" and {more} more" if more else "")


def _causes(first: Workload, mesh: Mesh) -> Iterator[Cause]:
    yield from mesh.dataplane_mode(first).because
    yield from mesh.mtls(first).because
    yield Cause("there are ambient pods", mesh.ambient_pods[0].at)
    yield from mesh.istiod_ambient.because


def _edits(at: Location) -> tuple[Edit, ...]:
    """The switch itself, if it stands alone in a field."""
    return replace_value(at, "true") if at.field[-1:] == ("ISTIO_META_ENABLE_HBONE",) else ()
