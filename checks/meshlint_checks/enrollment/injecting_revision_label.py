"""
The label `istio.io/rev` on an ambient Namespace brings the sidecars back.

## What it does

Finds a Namespace whose labels choose ambient mode and which carries `istio.io/rev` without
`istio-injection`. If the set shows all that the cluster holds, and no injector of that revision
or tag is in it, it is a note: then the label only says which istiod deploys the namespace's
waypoints. It is a note, too, if all workloads that the set shows of the namespace refuse the
sidecar.

## Why it matters

The label selects the revision's sidecar injector, which does not know of ambient mode: new pods
get a sidecar, and ztunnel does not capture them. Nothing in ambient mode itself needs the label.
ztunnel and istio-cni have no revisions; only waypoints are deployed by the istiod of a revision.
Istio's upgrade page for ambient mode nevertheless shows the label on namespaces, and it is true
there only while the revision has no injector. This is so in all versions of Istio with ambient
mode. From 1.28 a revision tag can be a Service, without the webhook that injects; the chart value
`revisionTags` makes both.

## How to fix it

Move the label to the Gateways that need it: a Gateway's own `istio.io/rev` is read before its
namespace's. If the Namespace must keep it, add `istio-injection: disabled`. That blocks every
injector, and istiod still reads `istio.io/rev` for the Gateways.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Namespace,
    Problem,
    Severity,
    append_entry,
    check,
    delete_entry,
    insert_after,
    keys,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.NAMESPACE,),
    reads=(*kind.WORKLOADS, kind.GATEWAY, *kind.INSTALLATION),
    since="0.1.0",
)
def injecting_revision_label(namespace: Namespace, mesh: Mesh) -> Iterator[Problem]:
    """Find ambient Namespaces that a revision's injector selects."""
    revision, ambient = mesh.asked_revision(namespace), mesh.selects_ambient(namespace)
    if revision is None or not ambient.value:
        return
    gateways = [it for it in mesh.gateways_in(namespace.name) if keys.REVISION not in it.labels]
    if mesh.namespace_injection(namespace).value is None:
        yield _powerless(namespace, revision, gateways)
        return
    effect, severity = "new pods get one and are not captured by ztunnel", Severity.WARNING
    if not mesh.may_get_sidecars(namespace):
        effect, severity = "its workloads refuse them, any other new pod gets one", Severity.NOTE
    yield Problem(
        f"revision {revision!r} injects sidecars into ambient namespace {namespace.name!r}: {effect}",
        at=namespace.label_at(keys.REVISION),
        related=(*ambient.because, *_owned(gateways)),
        fix=_move_to(gateways, namespace, revision) or _block_injection(namespace),
        severity=severity,
    )


def _powerless(namespace: Namespace, revision: str, gateways: Sequence[Gateway]) -> Problem:
    return Problem(
        f"no injector of revision {revision!r} is installed: in ambient namespace {namespace.name!r} "
        "the label only chooses the istiod that deploys waypoints",
        at=namespace.label_at(keys.REVISION),
        related=tuple(_owned(gateways)),
        severity=Severity.NOTE,
        impact=Impact.HYGIENE,
    )


def _owned(gateways: Sequence[Gateway]) -> Iterator[Cause]:
    for gateway in gateways:
        yield Cause(f"Gateway {gateway.name!r} is deployed by the istiod that the label names", gateway.at())


def _move_to(gateways: Sequence[Gateway], namespace: Namespace, revision: str) -> Fix | None:
    """Hand the label to each Gateway; None without Gateways, or where that is more than an added line."""
    deletion = delete_entry(namespace.label_at(keys.REVISION))
    labels = [gateway.at("metadata", "labels") for gateway in gateways]
    insertions = [append_entry(mapping, keys.REVISION, revision) for mapping in labels]
    if not deletion or not insertions or not all(insertions):
        return None
    names = ", ".join(repr(gateway.name) for gateway in gateways)
    edits = tuple(edit for edits in (deletion, *insertions) for edit in edits)
    return Fix(f"move 'istio.io/rev' to Gateway {names}", edits)


def _block_injection(namespace: Namespace) -> Fix:
    edits = insert_after(namespace.label_at(keys.REVISION), keys.INJECTION, "disabled")
    return Fix("add 'istio-injection: disabled', which leaves the revision to Gateways", edits)
