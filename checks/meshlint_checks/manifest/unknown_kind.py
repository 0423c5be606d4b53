"""
An object is of a kind that its API group does not have, so that the Kubernetes API refuses it.

## What it does

Looks at objects whose `apiVersion` is of Istio, of the Gateway API or of the Sail operator, and speaks
where no supported version has that kind in that group, and no CustomResourceDefinition of the set defines
it. Groups that Istio gave up long ago (`rbac.istio.io`, `authentication.istio.io`, `config.istio.io`) have
no kinds at all. The kind or group that may be meant is named.

## Why it matters

The API server has no such kind (`no matches for kind`), so the object is never there: the policy, route or
waypoint that it stands for does not exist. Some published guides show `kind: Waypoint`, which Istio never
had: a waypoint is a Gateway.

## How to fix it

Use the kind and group that are named. A waypoint is a `Gateway` of `gateway.networking.k8s.io` with
`gatewayClassName: istio-waypoint`, which Namespaces, Services and pods choose by the label
`istio.io/use-waypoint`.
"""

from collections.abc import Iterator

from meshlint import (
    ENDED_GROUPS,
    KNOWN_KINDS,
    Fix,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    check,
    kind,
    nearest,
)

_WAYPOINT = "waypoint"
_SUCCESSORS = {
    "authentication.istio.io": "'PeerAuthentication' and 'RequestAuthentication' of 'security.istio.io'",
    "config.istio.io": "'Telemetry' of 'telemetry.istio.io', or 'WasmPlugin' of 'extensions.istio.io'",
    "rbac.istio.io": "'AuthorizationPolicy' of 'security.istio.io'",
}
_LIST = "List"
_REFUSED = ": the Kubernetes API refuses the object"


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def unknown_kind(resource: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find kinds that Istio and the Gateway API do not have."""
    group, name = resource.kind
    known = KNOWN_KINDS.get(group, ())
    if not known and group not in ENDED_GROUPS:
        return
    if not name or name.removesuffix(_LIST) in known or mesh.defines(resource.kind):
        return
    yield _ended(resource) if group in ENDED_GROUPS else _unknown(resource)


def _ended(resource: Resource) -> Problem:
    group = resource.kind.group
    return Problem(
        f"Istio has no API group {group!r} since {ENDED_GROUPS[group]}{_REFUSED}",
        at=resource.at("apiVersion"),
        fix=Fix(f"use {_SUCCESSORS[group]}"),
    )


def _unknown(resource: Resource) -> Problem:
    group, name = resource.kind
    homes = " or ".join(repr(home) for home, kinds in KNOWN_KINDS.items() if name in kinds)
    if homes:
        return Problem(
            f"{group!r} has no kind {name!r}: it is one of {homes}",
            at=resource.at("apiVersion"),
            fix=Fix(f"write {homes}, followed by its version"),
        )
    return Problem(
        f"{group!r} has no kind {name!r}{_REFUSED}", at=resource.at("kind"), fix=_meant(group, name)
    )


def _meant(group: str, name: str) -> Fix | None:
    if name.lower() == _WAYPOINT:
        return Fix("use a Gateway of class 'istio-waypoint', and the label 'istio.io/use-waypoint'")
    meant = nearest(name, KNOWN_KINDS[group])
    return Fix(f"use {meant!r}") if meant else None
