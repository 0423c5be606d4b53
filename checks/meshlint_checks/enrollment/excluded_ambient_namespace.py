"""
A namespace asks for ambient mode, and istio-cni is told to leave that namespace out.

## What it does

Finds Namespaces whose labels choose ambient mode, and pod templates that choose it for
themselves, in a namespace on istio-cni's exclude list. The list is read from the ConfigMap
`istio-cni-config` (`EXCLUDE_NAMESPACES`) or from chart values (`excludeNamespaces`,
`cni.excludeNamespaces`). If the set holds neither, Istio's default counts: `kube-system`.

## Why it matters

The outcome depends on the version. From Istio 1.30 the list wins: the pods are never captured, so
there is no mTLS, and no policy protects them. Before 1.30 only the CNI plugin honours the list, when a
pod is created; the node agent then enrols the same pod at its next change. Istio 1.23.0 to
1.24.4, and 1.25.0 and 1.25.1, write the list under a key that nothing reads: there it excludes
nothing, and this check is silent.

It is an error from 1.30 on, if the list is in the set and the version is known; otherwise a
warning.

## How to fix it

Take the namespace off the list, or remove the label. Most of `kube-system` cannot be in a mesh in
any case: pods on the host's network are never captured.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    Derived,
    Fix,
    Impact,
    Mesh,
    Namespace,
    Problem,
    Resource,
    Severity,
    Workload,
    check,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.NAMESPACE, *kind.WORKLOADS),
    reads=(kind.NAMESPACE, *kind.INSTALLATION),
    since="0.1.0",
)
def excluded_ambient_namespace(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find what asks for ambient mode in an excluded namespace."""
    name = subject.name if isinstance(subject, Namespace) else subject.namespace
    if name not in mesh.excluded_namespaces.value or mesh.enrollment_rules.exclusion_is_lost:
        return
    asked = _asks_for_ambient(subject, mesh)
    if not asked.value or not asked.because:
        return
    listed = mesh.excluded_namespaces.because
    by_default = "" if listed else " by default"
    yield Problem(
        f"namespace {name!r} is on istio-cni's exclude list{by_default}: {_effect(mesh)}",
        at=asked.because[0].at,
        related=listed,
        fix=Fix(f"take {name!r} off the exclude list, or remove the label"),
        severity=Severity.ERROR if _is_certain(listed, mesh) else Severity.WARNING,
    )


def _asks_for_ambient(subject: Resource, mesh: Mesh) -> Derived[bool]:
    if isinstance(subject, Namespace):
        return mesh.selects_ambient(subject)
    namespace = mesh.namespace_of(subject)
    told_already = namespace is not None and mesh.selects_ambient(namespace).value
    if told_already or not isinstance(subject, Workload) or mesh.maker_of(subject):
        return Derived(False)
    return mesh.enrolls_itself(subject)


def _effect(mesh: Mesh) -> str:
    if not mesh.version_known:
        return "from Istio 1.30 its pods are not captured, before they are enrolled only after a change"
    if mesh.enrollment_rules.node_agent_honours_exclusion:
        return "its pods are not captured and run without mTLS and policies (Istio 1.30 and newer)"
    return "new pods are skipped and enrolled at their next change, from Istio 1.30 they are not captured"


def _is_certain(listed: tuple[Cause, ...], mesh: Mesh) -> bool:
    return bool(listed) and mesh.version_known and mesh.enrollment_rules.node_agent_honours_exclusion
