"""
A `use-waypoint` label names a waypoint that stands in another namespace, and does not say so.

## What it does

Looks at every `istio.io/use-waypoint` label that has no `istio.io/use-waypoint-namespace` beside it,
and whose namespace holds no Gateway of that name, while exactly one waypoint of that name stands in
another namespace of the set, or the object's Namespace asks for one of that name there.

It is an error where the manifests tell the namespace that is asked completely: then the waypoint
is certainly not there. Where other manifests may hold it, it is a warning, and only if the waypoint
elsewhere admits the namespace.

One way to get there is a Namespace that names the right namespace, and an object's own label that
loses it: the two labels are read from one and the same object, and the Namespace's second half is
not inherited. The finding shows that line.

## Why it matters

Istio looks for the waypoint in the object's own namespace. It finds none, and ambient mode fails
open: traffic goes straight to the pods, and every policy and route that the waypoint would enforce
is skipped.

## How to fix it

Write `istio.io/use-waypoint-namespace` beside the label (Istio 1.23 and newer). The waypoint has to
admit the namespace by the `allowedRoutes` of its listener: by default it admits only its own. Where
it does not, the advice says so.
"""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    check,
    insert_after,
    keys,
    kind,
)
from meshlint_checks.waypoint._admission import admission


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WAYPOINT_RULES),
    istio=">=1.23",
    since="0.1.0",
)
def waypoint_in_other_namespace(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels that lack the namespace of the waypoint."""
    for binding in mesh.waypoint_requests(subject):
        there = mesh.waypoint_elsewhere(binding)
        if there is None or there.namespace is None or binding.asked_at is None:
            continue
        dropped = _is_dropped(there, subject, mesh)
        yield Problem(
            f"waypoint {there.name!r} stands in namespace {there.namespace!r}, which the label does not say: "
            "traffic goes straight to the pods and L7 policies are skipped",
            at=binding.asked_at,
            related=(*_explanations(there, subject, mesh, dropped=dropped), *mesh.hanging_policies(binding)),
            fix=Fix(
                f"add '{keys.USE_WAYPOINT_NAMESPACE}: {there.namespace}'{_besides(there, subject, mesh)}",
                insert_after(binding.asked_at, keys.USE_WAYPOINT_NAMESPACE, there.namespace),
            ),
            severity=Severity.ERROR if binding.state is BindingState.NOT_READY else Severity.WARNING,
        )


def _besides(there: Gateway, subject: Resource, mesh: Mesh) -> str:
    """What else is to be done for the waypoint to be used: nothing if it admits the namespace."""
    if mesh.admits(there, subject).value:
        return ""
    return f", and {admission(subject.name if subject.kind == kind.NAMESPACE else subject.namespace)}"


def _is_dropped(there: Gateway, subject: Resource, mesh: Mesh) -> bool:
    """Whether the Namespace names the namespace of the waypoint, and the object's own label loses it."""
    namespace = mesh.namespace_of(subject)
    if namespace is None or namespace is subject:
        return False
    asked = mesh.waypoint_requests(namespace)
    return any(request.wanted and request.wanted.namespace == there.namespace for request in asked)


def _explanations(there: Gateway, subject: Resource, mesh: Mesh, *, dropped: bool) -> Iterator[Cause]:
    yield Cause(f"waypoint {there.name!r} is here", there.at())
    namespace = mesh.namespace_of(subject)
    if dropped and namespace is not None:
        at = namespace.label_at(keys.USE_WAYPOINT_NAMESPACE)
        yield Cause("this half of the namespace's choice is not inherited", at)
    admitted = mesh.admits(there, subject)
    if admitted.value is False:
        yield from admitted.because
