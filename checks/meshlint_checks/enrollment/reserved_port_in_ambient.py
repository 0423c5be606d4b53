"""
A container of an ambient pod uses a port that ztunnel needs within the pod.

## What it does

Looks at the ports that the containers of ambient pods declare, init containers included, for 15001, 15006,
15008 and 15053. Gateways are left alone. For 15053 it is a warning: ztunnel needs it only where it answers
DNS, which it does by default from Istio 1.25 on.

## Why it matters

ztunnel opens its sockets in the network of each pod: 15001 for what the pod sends, 15006 for plaintext that
comes in, 15008 for HBONE, 15053 for DNS. Only one of both can have the port. Either the application does
not start, or ztunnel cannot take the pod's traffic. This is so in all versions with ambient mode.

## How to fix it

Let the application listen on another port, or keep the pods out of ambient mode with the label
`istio.io/dataplane-mode: none`.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    Problem,
    Severity,
    Workload,
    check,
    keys,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def reserved_port_in_ambient(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find ports of ambient pods that ztunnel needs."""
    ports, mode = mesh.reserved_ports(workload), mesh.dataplane_mode(workload)
    if not ports or mode.value is not DataplaneMode.AMBIENT:
        return
    if mesh.maker_of(workload) or mesh.is_gateway_proxy(workload) or mesh.is_component(workload):
        return
    for port in ports:
        yield Problem(
            f"port {port.number} is where ztunnel {port.use} within the pod: one of both fails to start",
            at=port.at,
            related=mode.because,
            fix=Fix(f"use another port, or label the pods '{keys.DATAPLANE_MODE}: none'"),
            severity=Severity.ERROR if port.is_always_used else Severity.WARNING,
        )
