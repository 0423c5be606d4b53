"""
An annotation keeps traffic away from a sidecar, and in ambient mode that traffic is captured all the same.

## What it does

Looks at the pod templates of ambient workloads for the annotations `traffic.sidecar.istio.io/…` by which
traffic was left to the pods themselves:

- `excludeInboundPorts`, `includeInboundPorts`: a warning, and an error where plaintext to one of
  the ports is refused, by STRICT mTLS or by what AuthorizationPolicies come to. It is silent where the
  ports are set to PERMISSIVE one by one, and where `ambient.istio.io/bypass-inbound-capture` is set.
- `kubevirtInterfaces`: a warning, silent where `istio.io/reroute-virtual-interfaces` is there.
- `excludeOutboundPorts`, `excludeOutboundIPRanges`, `includeOutboundIPRanges`, `excludeInterfaces`: a note.

## Why it matters

istio-cni reads none of them in ambient mode, in any version: all TCP to and from the pods goes through
ztunnel. What was excluded inbound has clients that speak plaintext, such as scrapers, webhooks or
databases among themselves. Under STRICT, or any ALLOW policy that does not name them, ztunnel refuses
them. What was excluded outbound is captured and mostly passed on as it is.

## How to fix it

For single ports, set `portLevelMtls` to PERMISSIVE in a PeerAuthentication that selects the pods, and
let an AuthorizationPolicy admit the port. To leave all that comes in alone, use the annotation
`ambient.istio.io/bypass-inbound-capture: "true"` (Istio 1.24 and newer). To leave the pods out, label
them `istio.io/dataplane-mode: none`. Then remove the annotation.
"""

from collections.abc import Collection, Iterator, Sequence

from meshlint import (
    CaptureSetting,
    Cause,
    DataplaneMode,
    Decision,
    Fix,
    Impact,
    Mesh,
    MtlsMode,
    Peer,
    Problem,
    Severity,
    Spared,
    Workload,
    check,
    keys,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=kind.WORKLOADS,
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.PEER_AUTHENTICATION,
        kind.AUTHORIZATION_POLICY,
        kind.VALIDATING_WEBHOOK,
        *_INSTALLERS,
    ),
    since="0.1.0",
)
def ignored_capture_annotation(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find annotations by which ambient pods are to be spared capture."""
    settings = mesh.capture_settings(workload)
    if not settings or mesh.has_proxy_container(workload) or mesh.maker_of(workload):
        return
    if mesh.dataplane_mode(workload).value is not DataplaneMode.AMBIENT:
        return
    for setting in settings:
        match setting.spared:
            case Spared.INBOUND:
                yield from _inbound(workload, setting, mesh)
            case Spared.OUTBOUND:
                yield _outbound(workload, setting)
            case Spared.VIRTUAL_INTERFACES:
                yield _of_virtual_interfaces(workload, setting)


def _inbound(workload: Workload, setting: CaptureSetting, mesh: Mesh) -> Iterator[Problem]:
    ports = [port for port in setting.ports if not _is_settled(workload, port, mesh)]
    if mesh.bypasses_inbound(workload).value or (setting.ports and not ports):
        return
    refusals = {port: because for port in ports if (because := _refusal(workload, port, mesh))}
    if refusals:
        fate = f"{_listed(list(refusals))} captured, and plaintext to {_them(refusals)} is refused"
    else:
        fate = f"{_listed(ports)} captured, and plaintext is refused as soon as mTLS is STRICT"
    yield Problem(
        f"{setting.key!r} has no effect in ambient mode: {fate}",
        at=workload.pod_annotation_at(setting.key),
        related=tuple(dict.fromkeys(cause for because in refusals.values() for cause in because)),
        fix=Fix(
            "make the ports PERMISSIVE in a PeerAuthentication, "
            f"or opt the pods out with '{keys.DATAPLANE_MODE}: none'"
        ),
        severity=Severity.ERROR if refusals else Severity.WARNING,
    )


def _is_settled(workload: Workload, port: int, mesh: Mesh) -> bool:
    """Whether plaintext to a port is let in by a policy for just that port."""
    excepted = mesh.mtls(workload).ports.get(port) is MtlsMode.PERMISSIVE
    return excepted and not _refusal(workload, port, mesh)


def _refusal(workload: Workload, port: int, mesh: Mesh) -> tuple[Cause, ...]:
    """The lines by which plaintext to a port is refused; none if it may be let in."""
    mtls = mesh.mtls(workload)
    if mtls.on(port) is MtlsMode.STRICT:
        return mtls.because
    decision = mesh.authorization(workload, Peer(principal=None, port=port))
    return decision.because if decision.value is Decision.DENIED else ()


def _listed(ports: Sequence[int]) -> str:
    if not ports:
        return "all that comes in is"
    *before, last = map(str, ports)
    return f"ports {', '.join(before)} and {last} are" if before else f"port {last} is"


def _them(ports: Collection[int]) -> str:
    return "it" if len(ports) == 1 else "them"


def _outbound(workload: Workload, setting: CaptureSetting) -> Problem:
    return Problem(
        f"{setting.key!r} has no effect in ambient mode: ztunnel captures all that the pods send",
        at=workload.pod_annotation_at(setting.key),
        fix=Fix(f"remove it, or opt the pods out with '{keys.DATAPLANE_MODE}: none'"),
        severity=Severity.NOTE,
        impact=Impact.INEFFECTIVE,
    )


def _of_virtual_interfaces(workload: Workload, setting: CaptureSetting) -> Problem:
    instead = f"use {setting.successor!r}" if setting.successor else "use a sidecar, or Istio 1.25 and newer"
    return Problem(
        f"{setting.key!r} has no effect in ambient mode: "
        "what virtual machines send is not captured as the pods' own traffic",
        at=workload.pod_annotation_at(setting.key),
        fix=Fix(instead),
        impact=Impact.INEFFECTIVE,
    )
