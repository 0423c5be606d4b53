"""
A `use-waypoint` label names a waypoint that does not exist.

## What it does

Looks at every `istio.io/use-waypoint` label that Istio reads: on a Namespace, a Service, a
ServiceEntry and its endpoints, a WorkloadEntry, a pod template. It speaks where the set holds no
Gateway of that name in that namespace.

If the namespace is told completely by the manifests (its Namespace object is among them, or they
are a dump of the cluster), this is an error. Waypoints are also made by hand, with
`istioctl waypoint apply`: where the set holds no waypoint at all it is a warning. If other
manifests may hold the Gateway it is a note, or a warning if a Gateway with nearly that name is
there. It is silent about a Gateway of that name of which the manifests do not tell the namespace.

Policies that this leaves without anybody to enforce them are shown with the finding.

## Why it matters

Ambient mode fails open: traffic goes straight to the pods, and every policy and route that the
waypoint would enforce is skipped. Nothing refuses the label. istiod writes
`istio.io/WaypointBound=False`, reason `WaypointIsNotReady`, into the status of a Service, and
nothing at all into that of a Pod. There is no fall-back: a label on a Service hides a good one on
its namespace.

## How to fix it

Correct the name, deploy the Gateway (class `istio-waypoint`), or write `none` to say that no
waypoint is wanted. Where few other namespaces hold a waypoint of that name, the advice names
them. If the waypoint is made elsewhere, show its manifests with `--context`.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Gateway,
    Impact,
    IstioVersion,
    Location,
    Mesh,
    Problem,
    Resource,
    ResourceRef,
    Severity,
    WaypointBinding,
    check,
    keys,
    kind,
    replace_value,
    waypoint,
)

_TWO_LABELS_SINCE = IstioVersion(1, 23, 0)
_FEW = 3  # With more of one name, each is the waypoint of its own namespace.


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WAYPOINT_RULES),
    istio=">=1.22",
    since="0.1.0",
)
def dangling_waypoint(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels whose Gateway is not there."""
    for binding in mesh.waypoint_requests(subject):
        wanted, at = binding.wanted, binding.asked_at
        if wanted is None or at is None or mesh.could_be(wanted):
            continue
        if not waypoint.is_gateway_name(wanted.name):
            continue
        meant = mesh.near_waypoint(binding)
        yield Problem(
            f"no waypoint {wanted.name!r}{_place(wanted)}{_outcome(binding)} "
            "traffic goes straight to the pods and L7 policies are skipped",
            at=at,
            related=tuple(_explanations(binding, subject, meant, mesh)),
            fix=_use(meant, at) if meant else _advice(binding, wanted, subject, mesh),
            severity=_severity(binding, meant, mesh),
        )


def _severity(binding: WaypointBinding, meant: Gateway | None, mesh: Mesh) -> Severity:
    if binding.state is BindingState.NOT_READY:
        return Severity.ERROR if mesh.is_complete or any(mesh.waypoints()) else Severity.WARNING
    return Severity.WARNING if meant else Severity.NOTE


def _explanations(
    binding: WaypointBinding, subject: Resource, meant: Gateway | None, mesh: Mesh
) -> Iterator[Cause]:
    if meant is not None:
        yield Cause(f"waypoint {meant.name!r} is here", meant.at())
    shadowed = mesh.shadowed_request(subject)
    if subject.kind != kind.NAMESPACE and shadowed is not None:
        yield Cause("this label of the namespace is shadowed: there is no fall-back", shadowed)
    yield from mesh.hanging_policies(binding)


def _use(meant: Gateway, at: Location) -> Fix:
    return Fix(f"use {meant.name!r}", replace_value(at, meant.name))


def _advice(binding: WaypointBinding, wanted: ResourceRef, subject: Resource, mesh: Mesh) -> Fix:
    """What to do about a name that is no slip of another."""
    deploy = f"deploy a Gateway {wanted.name!r} of class 'istio-waypoint'{_place(wanted)}"
    elsewhere = _elsewhere(binding, wanted, mesh)
    if not elsewhere:
        return Fix(f"{deploy}, or write 'none'")
    places = " or ".join(repr(gateway.namespace) for gateway in elsewhere)
    name = f"write {places} into '{keys.USE_WAYPOINT_NAMESPACE}'"
    if not all(mesh.admits(gateway, subject).value for gateway in elsewhere):
        name += ", where the waypoint has to admit this namespace"
    return Fix(f"{deploy}, or write 'none', or {name}")


def _elsewhere(binding: WaypointBinding, wanted: ResourceRef, mesh: Mesh) -> Sequence[Gateway]:
    """The waypoints of the name in other namespaces, if they are so few that one of them may be meant."""
    if mesh.version < _TWO_LABELS_SINCE:
        return ()
    named = mesh.waypoints_named(wanted.name)
    # Of the only one waypoint-in-other-namespace speaks, unless the label tells a namespace.
    few = range(1 if _says_namespace(binding) else 2, _FEW + 1)
    if len(named) - (None in named) not in few:
        return ()
    return [gateway for _, gateway in sorted((place, it) for place, it in named.items() if place)]


def _says_namespace(binding: WaypointBinding) -> bool:
    at = binding.asked_at
    if at is None or at.manifest is None:
        return False
    return at.manifest.value(*at.field[:-1], keys.USE_WAYPOINT_NAMESPACE) is not None


def _place(wanted: ResourceRef) -> str:
    return f" in namespace {wanted.namespace!r}" if wanted.namespace else ""


def _outcome(binding: WaypointBinding) -> str:
    return ":" if binding.state is BindingState.NOT_READY else " among these manifests: without it"
