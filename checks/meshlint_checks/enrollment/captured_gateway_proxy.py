"""
A gateway that was deployed by hand runs in an ambient namespace, and ztunnel captures it.

## What it does

Finds workloads that bring an Istio gateway or waypoint proxy along (a container that runs `proxy router`
or `proxy waypoint`, or `istio-proxy` with Istio's image) and whose pods are ambient by their Namespace.

It is silent about gateways that are injected, which ztunnel leaves alone, about those that istiod deploys
for a Gateway, and about pods that are labelled `istio.io/dataplane-mode: ambient` themselves: ztunnel
before a proxy can be meant.

## Why it matters

The gateway is a proxy of the mesh itself: it speaks mTLS and HBONE to the pods. With ztunnel in between,
its connections are taken a second time, and clients outside of the mesh are refused where mTLS is STRICT.
The proxy may not even start. istio-cni cannot tell a gateway from an application, in any version. That is
why Istio's gateway charts opt out by themselves from 1.25 on.

## How to fix it

Label the pod template `istio.io/dataplane-mode: none`, or move the gateway to a namespace that is not
ambient.
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
    append_entry,
    check,
    keys,
    kind,
)

_NONE = DataplaneMode.NONE.value
_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.WORKLOADS,
    reads=(kind.NAMESPACE, *_INSTALLERS),
    since="0.1.0",
)
def captured_gateway_proxy(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find gateway proxies that are ambient."""
    mode = mesh.dataplane_mode(workload)
    if mode.value is not DataplaneMode.AMBIENT or not mesh.is_gateway_proxy(workload):
        return
    is_meant = workload.pod_labels.get(keys.DATAPLANE_MODE) == DataplaneMode.AMBIENT.value
    if is_meant or mesh.is_deployed_gateway(workload) or mesh.maker_of(workload):
        return
    name = f"{workload.kind.name} {workload.name!r}"
    yield Problem(
        f"ztunnel captures the gateway of {name}, whose connections are then taken twice and fail",
        at=mesh.own_proxy(workload).because[0].at,
        related=mode.because,
        fix=_opt_out(workload),
    )


def _opt_out(workload: Workload) -> Fix:
    title = f"label the pods '{keys.DATAPLANE_MODE}: {_NONE}'"
    if keys.DATAPLANE_MODE in workload.pod_labels:
        return Fix(title)
    return Fix(title, append_entry(workload.pod_at("metadata", "labels"), keys.DATAPLANE_MODE, _NONE))
