"""
A PeerAuthentication disables mTLS for ambient pods, where DISABLE means PERMISSIVE.

## What it does

Finds the mode DISABLE where it decides for ambient pods: of all ports, or of one. In a namespace that is
ambient and of which the manifests hold no pods, a policy for the whole namespace counts.

A port that the line does open, since the others are STRICT, is a note, and so is a policy whose pods are
not among the manifests. Where a port is not opened at all, `ignored-port-disable` speaks.

## Why it matters

ztunnel cannot switch mTLS off: clients in the mesh use HBONE whatever the policy says. DISABLE lets
plaintext in beside it, as PERMISSIVE does, also where the namespace or the mesh is STRICT. Who wants to
keep mTLS away from a workload (a server that does its own TLS, a packet capture) does not get that, and
who reads the policy is told something that is not so. Istio's migration guide asks to remove DISABLE
first.

## How to fix it

Write PERMISSIVE if plaintext is to be accepted, or delete the line if the namespace's mode will do. To
keep a workload away from mTLS take it out of the mesh: `istio.io/dataplane-mode: none` on its pods.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Edit,
    Fix,
    Impact,
    Mesh,
    MtlsLine,
    MtlsMode,
    PeerAuthentication,
    PodSource,
    Problem,
    Severity,
    check,
    kind,
    replace_value,
)

_OTHERWISE = (DataplaneMode.SIDECAR, DataplaneMode.UNKNOWN)
"""Where DISABLE may mean what it says."""


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def mtls_disabled_in_ambient(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find DISABLE where ambient pods go by it."""
    for line in mesh.mtls_lines(policy):
        if line.mode != "DISABLE":
            continue
        disabled = [pods for pods in mesh.governed_pods(policy) if mesh.mtls_line(pods, line.port) == line]
        modes = {pods: mesh.pods_mode(pods) for pods in disabled}
        ambient = [pods for pods in disabled if modes[pods].value is DataplaneMode.AMBIENT]
        if ambient:
            yield Problem(
                f"DISABLE {_where(line)}means PERMISSIVE to ambient pods: "
                "plaintext is accepted, and clients in the mesh use mTLS all the same",
                at=line.at,
                related=modes[ambient[0]].because,
                fix=_fix(line, for_sidecars=any(mode.value in _OTHERWISE for mode in modes.values())),
                severity=_severity(line, ambient, mesh),
            )


def _where(line: MtlsLine) -> str:
    return f"for port {line.port} " if line.is_for_port else ""


def _severity(line: MtlsLine, ambient: list[PodSource], mesh: Mesh) -> Severity:
    is_seen = any(pods is not line.policy for pods in ambient)
    return Severity.WARNING if is_seen and not all(_opens(line, p, mesh) for p in ambient) else Severity.NOTE


def _opens(line: MtlsLine, pods: PodSource, mesh: Mesh) -> bool:
    """Whether a port accepts plaintext because of the line."""
    verdict = mesh.mtls(pods)
    opened = verdict.on(line.port) is MtlsMode.PERMISSIVE and verdict.value is MtlsMode.STRICT
    return line.is_for_port and opened


def _fix(line: MtlsLine, *, for_sidecars: bool) -> Fix:
    if for_sidecars:
        return Fix("select the ambient pods by a policy of their own with PERMISSIVE")
    edits: tuple[Edit, ...] = replace_value(line.at, "PERMISSIVE")
    return Fix("write PERMISSIVE, or take the pods out of the mesh", edits)
