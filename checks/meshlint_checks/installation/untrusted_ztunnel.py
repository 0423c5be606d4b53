"""
istiod does not trust the service account that ztunnel runs as.

## What it does

Compares the service account of ztunnel with those that istiod lets ask for the certificates of others:
`CA_TRUSTED_NODE_ACCOUNTS` of a rendered istiod, `trustedZtunnelNamespace` and `trustedZtunnelName` (1.26
and newer) of its chart, in an IstioOperator, in Sail's `Istio`, or by Flux or Argo CD. Without them it is
`ztunnel` in the namespace of istiod, on OpenShift in kube-system.

It is an error if istiod is rendered and certainly of the same cluster, and else a warning. It is silent if
another CA signs (`global.caAddress`), and where a value or a namespace is not known.

## Why it matters

ztunnel asks istiod for a certificate of each pod on its node, in the name of that pod. istiod refuses that
to everybody it does not trust, so that ambient pods have no identity: connections to and from
them fail. The log of istiod says `impersonation failed`.

## How to fix it

Set `trustedZtunnelNamespace` of chart istiod (`pilot.trustedZtunnelNamespace` in an IstioOperator and in
Sail's `Istio`) to the namespace of ztunnel, and `trustedZtunnelName` to the `resourceName` of chart ztunnel.
"""

from collections.abc import Iterator

from meshlint import Cause, Component, Fix, Impact, Mesh, Part, Problem, Resource, Severity, check, kind


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.INSTALLATION,
    reads=(kind.FLUX_KUSTOMIZATION,),
    since="0.1.0",
)
def untrusted_ztunnel(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find an istiod that does not trust the ztunnel beside it."""
    for istiod in mesh.parts_of(subject):
        if istiod.component is not Component.ISTIOD:
            continue
        trusted = mesh.trusted_by(istiod)
        found = mesh.companions(istiod, Component.ZTUNNEL)
        for ztunnel in found.parts:
            runs_as = mesh.runs_as(ztunnel)
            if runs_as.value is None or trusted.value is None or _is_trusted(ztunnel, istiod, mesh):
                continue
            namespace, name = runs_as.value
            yield Problem(
                f"istiod does not trust '{namespace}/{name}', as which ztunnel runs: "
                "ambient pods get no certificates and their traffic fails",
                at=trusted.because[0].at,
                related=(Cause(trusted.because[0].message, trusted.because[0].at), *runs_as.because),
                fix=_trust(istiod, namespace, name),
                severity=Severity.ERROR if istiod.is_rendered and found.is_certain else Severity.WARNING,
            )


def _is_trusted(ztunnel: Part, istiod: Part, mesh: Mesh) -> bool:
    """Whether an istiod of the installation may trust a ztunnel: it may be the one that it is for."""
    account = mesh.runs_as(ztunnel).value
    for one in (istiod, *mesh.companions(istiod, Component.ISTIOD).parts):
        trusted = mesh.trusted_by(one).value
        if trusted is None or account in trusted:
            return True
    return False


def _trust(istiod: Part, namespace: str, name: str) -> Fix:
    if istiod.is_rendered:
        return Fix(f"add '{namespace}/{name}' to CA_TRUSTED_NODE_ACCOUNTS")
    named = "" if name == "ztunnel" else f" and 'trustedZtunnelName' to {name!r}"
    return Fix(f"set 'pilot.trustedZtunnelNamespace' to {namespace!r}{named}")
