"""
A virtual machine is to join the mesh in an ambient namespace, which it cannot.

## What it does

Finds WorkloadGroups in ambient namespaces, and WorkloadEntries there that a machine registers
itself by (annotation `istio.io/autoRegistrationGroup` or `istio.io/workloadController`). Entries
of a WorkloadGroup that is reported are not reported again.

A WorkloadEntry without these annotations is a mere destination, which ambient mode supports. The
label `networking.istio.io/tunnel: http` says that the machine accepts HBONE itself, and is no
finding either.

## Why it matters

ztunnel runs on the cluster's nodes alone, so a machine cannot be captured by it. Istio supports no
virtual machines in ambient mode in any version up to 1.31, the newest when this was written. A
machine that joins all the same runs a sidecar: ambient pods call it in plaintext, which it
refuses under STRICT, unless its entry is labelled for HBONE. Registration sets that label by itself from
1.29.6, 1.30.3 and 1.31 on, and only for machines whose proxy accepts HBONE.

## How to fix it

Put the WorkloadGroup into a namespace without ambient mode, and let the machines run as sidecars
there. If their proxies accept HBONE (`ISTIO_META_ENABLE_HBONE`), label the group's
`spec.metadata.labels` with `networking.istio.io/tunnel: http`. If the machine is only called,
a plain WorkloadEntry without registration is enough.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Fix,
    Impact,
    Mesh,
    Problem,
    Resource,
    ResourceRef,
    Severity,
    WorkloadEntry,
    WorkloadGroup,
    check,
    keys,
    kind,
)

_INSTALLERS = tuple(each for each in kind.INSTALLATION if each not in kind.WORKLOADS)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.UNSUPPORTED,
    subjects=(kind.WORKLOAD_GROUP, kind.WORKLOAD_ENTRY),
    reads=(kind.NAMESPACE, kind.WORKLOAD_GROUP, *_INSTALLERS),
    since="0.1.0",
)
def vm_in_ambient(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find virtual machines that are to join ambient namespaces."""
    namespace, joins = mesh.namespace_of(subject), _joins(subject, mesh)
    if namespace is None or joins is None:
        return
    ambient = mesh.selects_ambient(namespace)
    if not ambient.value:
        return
    yield Problem(
        f"virtual machines cannot join ambient namespace {namespace.name!r} in any Istio version up to 1.31: "
        f"pods call those of {subject.kind.name} {subject.name!r} in plaintext",
        at=joins.at,
        related=ambient.because,
        fix=Fix(
            "use a namespace without ambient mode, or label them 'networking.istio.io/tunnel: http' "
            "if their proxies accept HBONE"
        ),
    )


def _joins(subject: Resource, mesh: Mesh) -> Cause | None:
    """The line that lets machines join; None if it does not, or if they speak HBONE."""
    match subject:
        case WorkloadGroup():
            if mesh.speaks_hbone(subject.workload_labels):
                return None
            return Cause("machines register by it", subject.at("metadata", "namespace"))
        case WorkloadEntry():
            if mesh.speaks_hbone({**subject.workload_labels, **subject.labels}) or _has_group(subject, mesh):
                return None
            return mesh.registration(subject)
        case _:
            return None


def _has_group(entry: WorkloadEntry, mesh: Mesh) -> bool:
    name = entry.annotations.get(keys.AUTO_REGISTRATION_GROUP, "")
    return bool(mesh.copies(ResourceRef(kind.WORKLOAD_GROUP, entry.namespace, name)))
