"""
Pods on the host's network are to be ambient, and are never captured.

## What it does

Finds workloads with `hostNetwork: true` whose pods are ambient by their Namespace or by their own labels.
It is a note; a warning if the pods themselves are labelled `istio.io/dataplane-mode: ambient`; an error if
the selector of an AuthorizationPolicy, or of a PeerAuthentication that asks for STRICT, names their labels.

It is silent about pods that opt out, about Istio's own components, and about `kube-system`.

## Why it matters

Such pods share the network of their node, where ztunnel cannot tell their traffic from that of others. They
are in no mesh, in any version: their calls are plaintext, which STRICT workloads refuse, and plaintext to
them is taken whatever policies say.

## How to fix it

Do without `hostNetwork` if the pods are to be protected, or guard their ports by other means. If they are
to stay outside, say so: label the pod template `istio.io/dataplane-mode: none`.
"""

from collections.abc import Iterator

from meshlint import (
    AuthorizationPolicy,
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    PeerAuthentication,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    keys,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)
_NODES_NAMESPACE = "kube-system"
_STRICT = "STRICT"


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, kind.PEER_AUTHENTICATION, kind.AUTHORIZATION_POLICY, *_INSTALLERS),
    since="0.1.0",
)
def host_network_in_ambient(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find pods on the host's network that are to be ambient."""
    if not workload.host_network or mesh.maker_of(workload) or mesh.is_component(workload):
        return
    asked = mesh.asked_for_ambient(workload)
    if not asked.value or workload.namespace == _NODES_NAMESPACE or mesh.is_gateway_proxy(workload):
        return
    unenforced = tuple(_unenforced(workload, mesh))
    yield Problem(
        f"{workload.kind.name} {workload.name!r} runs on the host's network and is never captured: "
        + (
            "these policies do not protect it"
            if unenforced
            else "no mTLS, and STRICT workloads refuse its calls"
        ),
        at=workload.pod_at("spec", "hostNetwork"),
        related=(*unenforced, *asked.because),
        fix=Fix(f"do without 'hostNetwork', or label the pods '{keys.DATAPLANE_MODE}: none'"),
        severity=_severity(workload, unenforced),
        impact=Impact.EXPOSURE if unenforced else Impact.INEFFECTIVE,
    )


def _severity(workload: Workload, unenforced: tuple[Cause, ...]) -> Severity:
    if unenforced:
        return Severity.ERROR
    is_labelled = workload.pod_labels.get(keys.DATAPLANE_MODE) == DataplaneMode.AMBIENT.value
    return Severity.WARNING if is_labelled else Severity.NOTE


def _unenforced(workload: Workload, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.policies_selecting(workload):
        if _protects(edge.source):
            yield Cause(f"{edge.source.kind.name} {edge.source.name!r} is not enforced", edge.declared_at)


def _protects(policy: Resource) -> bool:
    """Whether a policy that selects pods is to keep somebody from them."""
    match policy:
        case AuthorizationPolicy(action=action):
            return action in ("ALLOW", "DENY")
        case PeerAuthentication():
            return _STRICT in (policy.mode, *policy.port_modes.values())
        case _:
            return False
