"""
A waypoint has a name that its Service cannot have, or that no label can ask for.

## What it does

Looks at the names of waypoints that istiod deploys: at the Gateway's own, or at the one that the
annotation `gateway.istio.io/name-override` gives. It speaks where that cannot be the name of a Service,
and where a Gateway is called `none`.

A Gateway may have a name of up to 253 characters, with dots, that starts with a digit; a Service has one
of up to 63 characters, without dots, that starts with a letter. For a name that only starts with a digit
it is a warning, since Kubernetes from 1.34 on can be told to take those.

## Why it matters

istiod calls the Service and the Deployment of a waypoint exactly as the Gateway. The API server refuses
the Service, the waypoint never gets an address, and ambient mode fails open: traffic goes straight to the
pods, and every policy and route of the waypoint is skipped. `istio.io/use-waypoint: none` says that no
waypoint is wanted, whatever there is of that name.

## How to fix it

Give the Gateway a name of lower-case letters, digits and dashes that starts with a letter, and name that
in the labels.
"""

import re
from collections.abc import Iterator

from meshlint import Cause, Derived, Fix, Gateway, Impact, Mesh, Problem, Severity, check, kind, waypoint

_LONGEST = 63
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.GATEWAY,),
    reads=(kind.GATEWAY_CLASS, kind.NAMESPACE, kind.SERVICE),
    istio=">=1.22",
    since="0.1.0",
)
def unusable_waypoint_name(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    """Find waypoints whose name keeps them from being deployed or used."""
    if mesh.gateway_controller(gateway) not in waypoint.WAYPOINT_CONTROLLERS or not gateway.name:
        return
    if waypoint.is_opt_out(gateway.name):
        yield Problem(
            "no label can ask for a waypoint called 'none': the value says that no waypoint is wanted",
            at=gateway.at(),
            fix=Fix("give it another name"),
        )
        return
    deployed = mesh.deployed_name(gateway)
    fault = _fault(deployed)
    if fault is not None:
        yield Problem(
            f"no Service can be called {_short(deployed)}, {fault}: "
            "istiod never gets this waypoint ready, and traffic goes straight to the pods",
            at=deployed.because[0].at,
            related=tuple(_users(gateway, mesh)),
            fix=Fix("use a name of lower-case letters, digits and dashes that starts with a letter"),
            severity=Severity.WARNING if fault == _DIGIT else Severity.ERROR,
        )


_DIGIT = "which starts with a digit"


def _fault(deployed: Derived[str | None]) -> str | None:
    """What is against the name of a Service (apimachinery `pkg/util/validation`, IsDNS1035Label)."""
    name = deployed.value
    if name is None:
        return None
    if len(name) > _LONGEST:
        return f"which has {len(name)} characters, over {_LONGEST}"
    if "." in name:
        return "which has a dot"
    if _LABEL.fullmatch(name) is None:
        return "which is not made of lower-case letters, digits and dashes"
    return _DIGIT if name[0].isdigit() else None


def _short(deployed: Derived[str | None]) -> str:
    name = deployed.value or ""
    return repr(name) if len(name) <= _LONGEST else repr(f"{name[:20]}…")


def _users(gateway: Gateway, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.waypoint_users(gateway):
        user = edge.source
        yield Cause(f"{user.kind.name} {user.name!r} goes without a waypoint", edge.declared_at)
