"""
A ServiceEntry asks for a waypoint, and can get no address by which ztunnel would know its traffic.

## What it does

Looks at ServiceEntries that a `use-waypoint` label, their own or their Namespace's, binds to a waypoint. It
speaks where there are no `addresses` and istiod gives none either: with `resolution: NONE`, with wildcard
hosts and another resolution than `DYNAMIC_DNS`, with the label
`networking.istio.io/enable-autoallocate-ip: "false"`, and where automatic allocation is switched off or not
known to the Istio version.

It is an error if the ServiceEntry carries the label itself, or if a policy is for it or for that waypoint;
else a warning, since the label of the Namespace may have been meant for the Services there.

## Why it matters

ztunnel tells traffic by its destination address. Calls to a host of which it has no address pass through to
wherever the name leads, and neither the waypoint nor any policy on it sees them: egress that was to be
checked is open. The status of the ServiceEntry says that the waypoint is bound.

## How to fix it

Write `addresses`, or let istiod give one: `resolution: DNS` with exact hosts, or `DYNAMIC_DNS` with wildcards
(Istio 1.28 and newer). Clients then have to resolve names through ztunnel, which is the default from 1.25.
"""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Impact,
    Mesh,
    Problem,
    ServiceEntry,
    Severity,
    WaypointBinding,
    check,
    keys,
    kind,
)

_CONTROLS = (kind.AUTHORIZATION_POLICY, kind.REQUEST_AUTHENTICATION)
_ISTIOD = (
    kind.CONFIG_MAP,
    kind.DEPLOYMENT,
    kind.ISTIO_OPERATOR,
    kind.SAIL_ISTIO,
    kind.SAIL_CNI,
    kind.SAIL_ZTUNNEL,
    kind.HELM_RELEASE,
    kind.ARGO_APPLICATION,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.SERVICE_ENTRY,),
    reads=(
        kind.NAMESPACE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *_CONTROLS,
        *_ISTIOD,
    ),
    since="0.1.0",
)
def service_entry_without_vip(entry: ServiceEntry, mesh: Mesh) -> Iterator[Problem]:
    """Find ServiceEntries for which a waypoint is asked in vain, because ztunnel cannot know them."""
    binding = mesh.waypoint_binding(entry)
    if binding.state not in (BindingState.BOUND, BindingState.UNKNOWN) or binding.wanted is None:
        return
    address = mesh.virtual_ip(entry)
    if entry.addresses or entry.resolution == "DYNAMIC_DNS" or address.value is not False:
        return
    [reason, *_] = address.because
    is_own = reason.at.manifest is entry.manifest
    policies = tuple(_policies(entry, binding, mesh))
    yield Problem(
        f"{reason.message}: calls never reach waypoint {binding.wanted.name!r}, and its policies are skipped",
        at=reason.at if is_own else entry.at("spec"),
        related=(*(() if is_own else (reason,)), *binding.because[:1], *policies),
        fix=Fix(_remedy(entry)),
        severity=Severity.ERROR if policies or binding.asked_by is entry else Severity.WARNING,
    )


def _policies(entry: ServiceEntry, binding: WaypointBinding, mesh: Mesh) -> Iterator[Cause]:
    """The security policies that are for a ServiceEntry, or for all that goes through its waypoint."""
    for ref in (entry.ref, binding.wanted):
        for edge in mesh.policies_targeting(ref) if ref is not None else ():
            if edge.source.kind in _CONTROLS:
                yield Cause(f"{edge.source.kind.name} {edge.source.name!r} is skipped", edge.declared_at)


def _remedy(entry: ServiceEntry) -> str:
    if any(host.startswith("*") for host in entry.hosts):
        return "use resolution 'DYNAMIC_DNS' (Istio 1.28 and newer), or name the hosts"
    if entry.resolution == "NONE":
        return "use resolution 'DNS', or write 'addresses'"
    if keys.AUTO_ALLOCATE in entry.labels:
        return f"remove the label {keys.AUTO_ALLOCATE!r}, or write 'addresses'"
    return "write 'addresses', or have istiod give them by PILOT_ENABLE_IP_AUTOALLOCATE"
