"""
A Service carries card data, and no waypoint looks at its traffic.

## What it does

Looks at Services that are labelled `shop.example/data: cards`, and asks the mesh which waypoint they get.
It speaks if nobody asks for one, or if somebody says that none is wanted. Of waypoints that are asked for
and not there, meshlint's own checks speak.

## Why it matters

Our auditors want a record of every request that reads a card number. Only a waypoint sees requests;
ztunnel sees connections.

## How to fix it

Label the Service or its namespace `istio.io/use-waypoint: audit`.
"""

from collections.abc import Iterator

from meshlint import BindingState, Fix, Impact, Mesh, Problem, Service, Severity, check, kind

DATA = "shop.example/data"


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.SERVICE,),
    reads=(kind.NAMESPACE, kind.GATEWAY, kind.GATEWAY_CLASS),
    istio=">=1.22",
    since="1.0.0",
)
def unguarded_card_data(service: Service, mesh: Mesh) -> Iterator[Problem]:
    """Find Services with card data that no waypoint was asked for."""
    if service.labels.get(DATA) != "cards":
        return
    binding = mesh.waypoint_binding(service)
    if binding.state not in (BindingState.ABSENT, BindingState.OPTED_OUT):
        return
    yield Problem(
        f"service {service.name!r} carries card data, and no waypoint records who reads it",
        at=service.at("metadata", "labels", DATA),
        related=binding.because,
        fix=Fix("label it 'istio.io/use-waypoint: audit'"),
    )
