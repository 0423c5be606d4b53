"""
A label of ambient mode stands on an object from which Istio does not read it.

## What it does

Looks for `istio.io/dataplane-mode`, `istio.io/use-waypoint` and `istio.io/use-waypoint-namespace`
among the labels of objects where they do nothing: Deployments and other controllers (Istio reads
the pods' labels, that is those of the pod template), Services (for `dataplane-mode`),
ServiceAccounts, routes, VirtualServices and DestinationRules.

It is silent about a controller whose pod template carries the same label, about a Service if pods that
it selects do, and about other objects if pods beside them do: then it is a label that all objects have
in common. It is a note if the
namespace itself carries the same label.

Gateways are not looked at: what those labels do there is told by the checks about waypoints.

## Why it matters

Nothing refuses the label, and nothing happens: the pods are not enrolled or not kept out, their
traffic does not go through the waypoint. This is so in all versions since 1.22, the first that
reads these labels from pods and Services.

## How to fix it

Move the label to the pod template (`spec.template.metadata.labels`), or to the Namespace if it is
meant for all of its pods. A waypoint for traffic to a Service is chosen on the Service or its
namespace; on a pod template the label is for traffic to the pods' own addresses.
"""

from collections.abc import Iterator

from meshlint import (
    Fix,
    Impact,
    Mesh,
    Problem,
    Resource,
    Severity,
    Workload,
    append_entry,
    check,
    delete_entry,
    keys,
    kind,
)

_KEYS = (keys.DATAPLANE_MODE, keys.USE_WAYPOINT, keys.USE_WAYPOINT_NAMESPACE)
_CONTROLLERS = tuple(each for each in kind.WORKLOADS if each != kind.POD)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(
        *_CONTROLLERS,
        kind.SERVICE,
        kind.SERVICE_ACCOUNT,
        kind.SERVICE_ENTRY,
        kind.WORKLOAD_ENTRY,
        *kind.ROUTES,
        kind.VIRTUAL_SERVICE,
        kind.DESTINATION_RULE,
    ),
    reads=(kind.NAMESPACE, *kind.WORKLOADS),
    istio=">=1.22",
    since="0.1.0",
)
def misplaced_ambient_label(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find labels of ambient mode on objects from which nobody reads them."""
    if keys.MANAGED in subject.labels:
        return
    for key in _KEYS:
        if key not in subject.labels or _is_read_or_common(subject, key, mesh):
            continue
        namespace = mesh.namespace_of(subject)
        said_already = namespace is not None and namespace.labels.get(key) == subject.labels[key]
        yield Problem(
            f"label {key!r} on {subject.kind.name} {subject.name!r} has no effect: Istio reads it from "
            + _readers(subject, key, mesh)
            + ", and this Namespace says the same" * said_already,
            at=subject.label_at(key),
            fix=_move(subject, key, mesh),
            severity=Severity.NOTE if said_already else Severity.WARNING,
        )


def _is_read_or_common(subject: Resource, key: str, mesh: Mesh) -> bool:
    carriers = mesh.label_carriers(key)
    if not carriers or subject.kind in carriers:
        return True
    if isinstance(subject, Workload):
        return key in subject.pod_labels
    value = subject.labels[key]
    return any(workload.pod_labels.get(key) == value for workload in _pods_of(subject, mesh))


def _pods_of(subject: Resource, mesh: Mesh) -> list[Workload]:
    """The workloads that an object may have labels in common with: what it selects, or all beside it."""
    found = (mesh.find(edge.target).value for edge in mesh.selected_workloads(subject))
    selected = [workload for workload in found if isinstance(workload, Workload)]
    return selected or list(mesh.workloads_beside(subject))


def _readers(subject: Resource, key: str, mesh: Mesh) -> str:
    if isinstance(subject, Workload):
        return "the pod template or a Namespace"
    *names, last = (carrier.name for carrier in mesh.label_carriers(key) if carrier != kind.GATEWAY)
    return f"a {', '.join(names)} or {last}"


def _move(subject: Resource, key: str, mesh: Mesh) -> Fix:
    """Move the label to the pod template; advice where that is more than moving a line."""
    if not isinstance(subject, Workload):
        return Fix(f"put {key!r} on {_readers(subject, key, mesh)}")
    deletion = delete_entry(subject.label_at(key))
    insertion = append_entry(subject.pod_at("metadata", "labels"), key, subject.labels[key])
    edits = (*deletion, *insertion) if deletion and insertion else ()
    return Fix(f"move {key!r} to the labels of the pod template", edits)
