"""
A DestinationRule for ambient pods says only `ISTIO_MUTUAL`, which the mesh does by itself.

## What it does

Finds DestinationRules whose only setting is `tls` with mode `ISTIO_MUTUAL`, for all ports or for single ones,
and whose host is that of Services with nothing but ambient pods. Subsets without settings of their own do not
count as settings. It is silent in a set in which pods have sidecars, and about hosts with a wildcard unless
the set is complete.

## Why it matters

It does no harm. ztunnel does not read it; the clients that do, gateways, replace `ISTIO_MUTUAL` by HBONE for
pods that speak it. Whoever reads the rule may believe that it is what encrypts the traffic, or that deleting
it would stop that. To refuse plaintext takes a PeerAuthentication with `STRICT`.

## How to fix it

Delete the DestinationRule, or its `trafficPolicy` where a VirtualService sends to its subsets.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Derived,
    DestinationRule,
    Fix,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.HYGIENE,
    subjects=(kind.DESTINATION_RULE,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def redundant_mtls_destination_rule(rule: DestinationRule, mesh: Mesh) -> Iterator[Problem]:
    """Find DestinationRules that ask for the mTLS which ambient pods have anyway."""
    at = mesh.mtls_setting(rule)
    if at is None or mesh.evidence_of(DataplaneMode.SIDECAR):
        return
    if rule.host.startswith("*") and not mesh.is_complete:
        return
    services = mesh.destination_rule_effect(rule).services
    modes = [mode for service in services for mode in _modes(service, mesh)]
    if not modes or any(mode.value is not DataplaneMode.AMBIENT for mode in modes):
        return
    yield Problem(
        f"'ISTIO_MUTUAL' does nothing for {rule.host!r}: all of its pods are ambient, and HBONE replaces it",
        at=at,
        related=modes[0].because[:1],
        fix=Fix("remove the 'trafficPolicy'" if rule.subsets else "delete this DestinationRule"),
    )


def _modes(service: Resource, mesh: Mesh) -> Iterator[Derived[DataplaneMode]]:
    """The modes of the pods of a Service; unknown if the set shows none."""
    shown = False
    for edge in mesh.selected_workloads(service):
        for workload in mesh.copies(edge.target):
            if isinstance(workload, Workload):
                shown = True
                yield mesh.dataplane_mode(workload)
    if not shown:
        yield Derived(DataplaneMode.UNKNOWN)
