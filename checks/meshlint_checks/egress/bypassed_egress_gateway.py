"""
A VirtualService sends egress through a gateway, and ambient clients go past it.

## What it does

Looks at VirtualServices for the mesh that send calls to a host outside (of a ServiceEntry with
`MESH_EXTERNAL`) to a gateway in the cluster. A destination counts as a gateway if its pods are one, if Istio
makes the Service for a Gateway, or if a VirtualService for gateways leads the same host on. It speaks where
some pods or namespaces of the set are ambient, and the manifests show that no waypoint takes the calls to the
ServiceEntry.

It is an error, or a warning where other pods of the set have sidecars: the rule may be meant for those, and
they follow it. Where a label asks for a waypoint in vain, the finding about that label shows the
VirtualService instead.

## Why it matters

ztunnel knows no VirtualServices: it sends the traffic of ambient pods straight to the host outside. The
egress gateway, its policies, its logs and its source address are passed by, and nothing says so.

## How to fix it

Bind the ServiceEntry to a waypoint: label it, or its Namespace, with `istio.io/use-waypoint`. The waypoint
can then be the egress gateway itself, or follow this VirtualService. To make sure that nothing goes out any
other way takes a NetworkPolicy in any case.
"""

from collections.abc import Iterator

from meshlint import (
    Bypass,
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    Namespace,
    Problem,
    ResourceRef,
    Severity,
    VirtualService,
    check,
    keys,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.VIRTUAL_SERVICE,),
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
def bypassed_egress_gateway(rule: VirtualService, mesh: Mesh) -> Iterator[Problem]:
    """Find detours through an egress gateway that ambient clients do not take."""
    for detour in mesh.egress_detours(rule):
        bypass = mesh.bypass(detour.entry)
        if bypass is None:
            continue
        others = mesh.evidence_of(DataplaneMode.SIDECAR)
        certain = others is None and _is_seen_by_ambient(rule, mesh)
        yield Problem(
            f"{bypass.reason}: ambient clients go straight to {detour.host!r}, "
            f"past gateway {detour.gateway!r}",
            at=detour.at,
            related=(*bypass.because, *detour.because, *((others,) if others else ())),
            fix=_remedy(bypass),
            severity=Severity.ERROR if certain else Severity.WARNING,
        )


def _is_seen_by_ambient(rule: VirtualService, mesh: Mesh) -> bool:
    """Whether `exportTo` shows it to all namespaces, or to one that is known to be ambient."""
    names = {rule.namespace if name == "." else name for name in rule.export_to}
    if not names or "*" in names:
        return True
    found = (mesh.find(ResourceRef(kind.NAMESPACE, None, name)).value for name in names if name)
    return any(
        isinstance(namespace, Namespace) and mesh.namespace_mode(namespace).value is DataplaneMode.AMBIENT
        for namespace in found
    )


def _remedy(bypass: Bypass) -> Fix:
    name = f"ServiceEntry {bypass.service.name!r}"
    label = f"label it {keys.USE_WAYPOINT!r} with the name of a waypoint for egress"
    if not bypass.has_virtual_ip:
        return Fix(f"give {name} an address that ztunnel knows it by, and {label}")
    return Fix(f"bind {name} to a waypoint: {label}")
