"""
A waypoint does not admit the namespace that a `use-waypoint` label uses it from.

## What it does

Looks at every `istio.io/use-waypoint` label whose waypoint is in the set, and asks the `allowedRoutes`
of the waypoint's HBONE listener on port 15008 whether they admit the namespace of the object. Without
such a listener, and by default, only the waypoint's own namespace is admitted. Where a selector
decides and the labels of the namespace are not known, it is a note.

## Why it matters

istiod refuses the attachment (`istio.io/WaypointBound=False`, reason `AttachmentDenied`; for a pod no
status tells), and ambient mode fails open: traffic goes straight to the pods, and every policy and
route that the waypoint would enforce is skipped. A ReferenceGrant does not help.

## How to fix it

Write `allowedRoutes: {namespaces: {from: All}}` on the listener with port 15008 and protocol HBONE, or
`from: Selector` with a selector that the labels of the namespace meet, as one on
`kubernetes.io/metadata.name`: it has to name the waypoint's own namespace too, if that uses it. Istio
reads them from 1.23 on.
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
    WaypointBinding,
    check,
    kind,
    replace_value,
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
def denied_waypoint_attachment(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels that a waypoint's `allowedRoutes` turn down."""
    for binding in mesh.waypoint_requests(subject):
        gateway, at = binding.gateway, binding.asked_at
        if gateway is None or at is None or not mesh.is_waypoint(gateway).value:
            continue
        admitted = mesh.admits(gateway, subject)
        if admitted.value or not admitted.because:
            continue
        severity = _severity(binding, gateway, subject)
        if severity is None:
            continue
        yield Problem(
            _message(gateway, subject, severity),
            at=at,
            related=(*admitted.because, *_labels(subject, mesh), *mesh.hanging_policies(binding)),
            fix=_widen(admitted.because[0], subject),
            severity=severity,
        )


def _severity(binding: WaypointBinding, gateway: Gateway, subject: Resource) -> Severity | None:
    if binding.state is BindingState.ATTACHMENT_DENIED:
        return Severity.ERROR
    known = gateway.namespace is not None and _namespace(subject) is not None
    return Severity.NOTE if known else None


def _message(gateway: Gateway, subject: Resource, severity: Severity) -> str:
    who = f"waypoint {gateway.name!r} in namespace {gateway.namespace!r}"
    if severity is Severity.NOTE:
        return f"{who} admits namespaces by labels, and those of {_namespace(subject)!r} are not known here"
    return (
        f"{who} does not admit namespace {_namespace(subject)!r}: "
        "traffic goes straight to the pods and L7 policies are skipped"
    )


def _labels(subject: Resource, mesh: Mesh) -> Iterator[Cause]:
    namespace = mesh.namespace_of(subject)
    if namespace is not None:
        yield Cause(f"namespace {namespace.name!r} is here", namespace.at("metadata", "labels"))


def _widen(rule: Cause, subject: Resource) -> Fix:
    written = rule.at.manifest.value(*rule.at.field) if rule.at.manifest else None
    if written == "Same":
        return Fix("admit all namespaces", replace_value(rule.at, "All"))
    return Fix(admission(_namespace(subject)))


def _namespace(subject: Resource) -> str | None:
    return subject.name if subject.kind == kind.NAMESPACE else subject.namespace
