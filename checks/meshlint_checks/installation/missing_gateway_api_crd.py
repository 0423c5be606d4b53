"""
Resources of the Gateway API are used, and nothing installs their CRDs.

## What it does

Looks for the CustomResourceDefinition of each kind of the Gateway API that the manifests use, waypoints
included, in the whole run. It speaks once for all kinds if there is no such CRD at all, else at the first
object of each kind that has none: the standard channel, for one, was long without TCPRoute and TLSRoute.

It is a warning in a set that is complete and holds other CRDs or an installation of Istio. It is a note if
istiod is installed beside such objects: many clusters have the CRDs already. It is silent where
the API server evidently serves a kind (a dump that holds objects of it), where something by its
name may bring the CRDs along, and about sets of which parts were not rendered.

## Why it matters

Kubernetes does not ship the Gateway API. Without its CRDs the API server refuses the objects, and
istiod starts no controller for them: waypoints and gateways are never deployed, routes do nothing.

## How to fix it

Install the CRDs before istiod: `kubectl apply -f` the `standard-install.yaml` of a release of
kubernetes-sigs/gateway-api. If that is done elsewhere, show those manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import Component, Fix, Impact, Kind, Mesh, Problem, Resource, Severity, check, kind

_BROUGHT_BY = ("gateway", "crd")


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=kind.GATEWAY_API,
    reads=(kind.CUSTOM_RESOURCE_DEFINITION, kind.FLUX_KUSTOMIZATION, *kind.INSTALLATION),
    since="0.1.0",
)
def missing_gateway_api_crd(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find objects of the Gateway API without a CRD."""
    missing = [
        used for used in kind.GATEWAY_API if used not in mesh.gateway_api and any(mesh.resources(used))
    ]
    if not mesh.gateway_api:
        del missing[1:]
    if subject.kind not in missing or subject is not next(mesh.resources(subject.kind)):
        return
    if not (_is_all_told(mesh) if mesh.is_complete else _is_likely(mesh)):
        return
    yield Problem(
        _message(subject.kind, mesh),
        at=subject.at("kind"),
        fix=Fix("install the CRDs of the Gateway API"),
        severity=Severity.WARNING if mesh.is_complete else Severity.NOTE,
    )


def _is_all_told(mesh: Mesh) -> bool:
    """Whether what is cluster-wide belongs to a set that is said to be complete."""
    return bool(mesh.parts) or any(mesh.resources(kind.CUSTOM_RESOURCE_DEFINITION))


def _is_likely(mesh: Mesh) -> bool:
    """Whether istiod is installed beside such objects, and nothing that may bring the CRDs."""
    if not mesh.is_rendered or any(map(mesh.brings, _BROUGHT_BY)):
        return False
    return any(part.component is Component.ISTIOD for part in mesh.parts)


def _message(used: Kind, mesh: Mesh) -> str:
    here = "" if mesh.is_complete else " here"
    if mesh.gateway_api:
        return (
            f"the CRDs of the Gateway API{here} are without that of {used.name}: nothing reads such objects"
        )
    return (
        f"nothing{here} installs the CRDs of the Gateway API: "
        "without them such objects are refused and istiod deploys no waypoints and gateways"
    )
