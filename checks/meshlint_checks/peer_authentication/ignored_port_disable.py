"""
A port is set to DISABLE under an inherited STRICT, and stays STRICT for ambient pods.

## What it does

Looks at the `portLevelMtls` of a PeerAuthentication that sets no mode of its own (`mtls.mode` is not
written, or UNSET) while the namespace or the mesh is STRICT. A port with DISABLE is not taken out of
STRICT then, unless another port of the same policy is PERMISSIVE.

Where the mode that the pods inherit is not known from the manifests, or the pods are not among them, this
is a warning: the line depends on it.

## Why it matters

istiod makes ztunnel's rules of these policies, and here counts only PERMISSIVE as an exception (`DISABLE`
does count beside `mtls.mode: STRICT`). ztunnel goes on to refuse plaintext on the port: a client outside
of the mesh, for which the line was written, is cut off. Sidecars honour the line, so it stops working
with the migration to ambient mode. No status tells.

## How to fix it

Write PERMISSIVE. To ambient pods it means what DISABLE would mean: plaintext is accepted, and clients in
the mesh still use mTLS.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
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


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    istio=">=1.22",
    since="0.1.0",
)
def ignored_port_disable(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find ports with DISABLE that stay STRICT."""
    for line in mesh.mtls_lines(policy):
        if line.is_for_port and line.mode == "DISABLE":
            ambient = [pods for pods in mesh.governed_pods(policy) if _is_ambient(pods, mesh)]
            ignored = [pods for pods in ambient if _stays_strict(line, pods, mesh)]
            doubtful = [pods for pods in ambient if _may_stay_strict(line, pods, mesh)]
            if ignored:
                yield _certainly(line, ignored, mesh)
            elif doubtful:
                yield _possibly(line, doubtful, mesh)


def _is_ambient(pods: PodSource, mesh: Mesh) -> bool:
    return mesh.pods_mode(pods).value is DataplaneMode.AMBIENT


def _stays_strict(line: MtlsLine, pods: PodSource, mesh: Mesh) -> bool:
    return mesh.mtls_line(pods, line.port) == line and mesh.mtls(pods).on(line.port) is MtlsMode.STRICT


def _may_stay_strict(line: MtlsLine, pods: PodSource, mesh: Mesh) -> bool:
    """Whether it would if the pods inherit STRICT, which they may."""
    policy = line.policy
    inherits = policy.mode in ("", "UNSET") and "PERMISSIVE" not in policy.port_modes.values()
    return inherits and mesh.mtls_line(pods, line.port) == line and mesh.inherited_mtls(pods).is_unknown


def _certainly(line: MtlsLine, ignored: list[PodSource], mesh: Mesh) -> Problem:
    shown = any(pods is not line.policy for pods in ignored)
    strict = mesh.mtls_line(ignored[0])
    parent = (Cause("the pods inherit STRICT from here", strict.at),) if strict else ()
    whose = "" if shown else ", if the pods that it selects are ambient as their namespace is"
    return Problem(
        f"port {line.port} stays STRICT, and clients outside of the mesh are refused: "
        f"DISABLE does not take a port out of an inherited STRICT in ambient mode{whose}",
        at=line.at,
        related=(*parent, *mesh.pods_mode(ignored[0]).because),
        fix=_open(line),
        severity=Severity.ERROR if shown else Severity.WARNING,
    )


def _possibly(line: MtlsLine, doubtful: list[PodSource], mesh: Mesh) -> Problem:
    return Problem(
        f"port {line.port} stays STRICT if the pods inherit STRICT, which is not told here: "
        "DISABLE does not take a port out of an inherited STRICT in ambient mode",
        at=line.at,
        related=mesh.pods_mode(doubtful[0]).because,
        fix=_open(line),
        severity=Severity.WARNING,
    )


def _open(line: MtlsLine) -> Fix:
    return Fix("write PERMISSIVE", replace_value(line.at, "PERMISSIVE"))
