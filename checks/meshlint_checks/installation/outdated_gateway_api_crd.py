"""
A CRD of the Gateway API is older than istiod takes, so that objects of its kind do nothing.

## What it does

Compares the annotation `gateway.networking.k8s.io/bundle-version` of the CRDs of the Gateway API with what
istiod asks for: v1.1.0 for GRPCRoute, v1.4.0 for BackendTLSPolicy (Istio 1.28 and newer), v1.5.0 for TLSRoute
(1.30 and newer), v1.6.0 for TCPRoute (1.31 and newer). A release candidate counts as its release. istiod does
not take a CRD without this annotation, either.

It is a warning, and a note where the Istio version is not known and older ones take the CRD. Other kinds
may be of any release.

## Why it matters

istiod does not watch such a kind. It says so in its log, and nowhere in the objects: routes are applied, and
traffic goes on without them.

## How to fix it

Upgrade the CRDs: `kubectl apply -f` the bundle of a newer release of kubernetes-sigs/gateway-api.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    CustomResourceDefinition,
    Fix,
    Impact,
    Mesh,
    OutdatedBundle,
    Problem,
    Severity,
    check,
    keys,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=(kind.CUSTOM_RESOURCE_DEFINITION,),
    reads=(kind.GRPC_ROUTE, kind.TCP_ROUTE, kind.TLS_ROUTE, kind.BACKEND_TLS_POLICY),
    istio=">=1.22",
    since="0.1.0",
)
def outdated_gateway_api_crd(subject: CustomResourceDefinition, mesh: Mesh) -> Iterator[Problem]:
    """Find CRDs that istiod does not take."""
    found = mesh.outdated_bundle(subject)
    if found is None:
        return
    name = subject.defines.name
    unused = next(mesh.resources(subject.defines), None)
    related = () if unused is None else (Cause(f"this {name} does nothing", unused.at()),)
    yield Problem(
        f"{_release(found)}, {_reader(found, mesh)} takes {found.minimum} or newer: it reads no {name}",
        at=subject.at() if found.bundle is None else subject.annotation_at(keys.BUNDLE_VERSION),
        related=related,
        fix=Fix(f"upgrade the CRDs of the Gateway API to {found.minimum}"),
        severity=Severity.WARNING if mesh.version_known or found.since is None else Severity.NOTE,
    )


def _release(found: OutdatedBundle) -> str:
    if found.bundle is None:
        return "this CRD does not tell its release of the Gateway API"
    return f"this CRD is of Gateway API {found.bundle!r}"


def _reader(found: OutdatedBundle, mesh: Mesh) -> str:
    if found.since is None:
        return "istiod"
    if mesh.version_known:
        return f"istiod {mesh.version.minor_release}"
    return f"istiod from {found.since.minor_release}"
