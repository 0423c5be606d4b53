"""
A Namespace asks for ambient mode and for sidecars at once, and new pods get sidecars.

## What it does

Finds a Namespace whose labels choose ambient mode (`istio.io/dataplane-mode: ambient`, or the
rule that a custom enablement selector of istio-cni sets) and which carries
`istio-injection: enabled` too. If all workloads that the set shows of that namespace refuse the
sidecar by their own labels, it is a note.

The same state brought about by `istio.io/rev` is `injecting-revision-label`. Any other value of
`istio-injection` switches injection off and is no finding.

## Why it matters

The sidecar injector does not know of ambient mode, and istio-cni leaves alone what has a sidecar.
So injection wins, for every pod that is created from now on. Pods that were created before stay
in ambient mode until they restart: the namespace changes over pod by pod, and what waypoints
enforce for clients without sidecars no longer holds for the others. This is so in all versions of
Istio with ambient mode.

A migration passes through this state on purpose, between labelling the namespace for ambient mode
and removing the injection label.

## How to fix it

Remove `istio-injection` if the namespace is to be ambient, and restart its pods; remove
`istio.io/dataplane-mode` if it is to keep its sidecars. If the Namespace carries `istio.io/rev`
as well, set `istio-injection: disabled` instead of removing it: without it, the revision would
inject.
"""

from collections.abc import Iterator

from meshlint import (
    Edit,
    Fix,
    Impact,
    InjectionSource,
    Mesh,
    Namespace,
    Problem,
    Severity,
    check,
    delete_entry,
    keys,
    kind,
    replace_value,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.NAMESPACE,),
    reads=(*kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def dual_mode_namespace(namespace: Namespace, mesh: Mesh) -> Iterator[Problem]:
    """Find ambient Namespaces with `istio-injection: enabled`."""
    ambient, injection = mesh.selects_ambient(namespace), mesh.namespace_injection(namespace)
    if not ambient.value or injection.value is not InjectionSource.LABEL:
        return
    if mesh.may_get_sidecars(namespace):
        effect = "new pods get a sidecar and are not captured by ztunnel, pods created before stay ambient"
        severity = Severity.WARNING
    else:
        effect = "its workloads refuse the sidecar themselves, any other new pod gets one"
        severity = Severity.NOTE
    yield Problem(
        f"namespace {namespace.name!r} is labelled for ambient mode and for sidecar injection: {effect}",
        at=namespace.label_at(keys.INJECTION),
        related=ambient.because,
        fix=_inject_nothing(namespace),
        severity=severity,
    )


def _inject_nothing(namespace: Namespace) -> Fix:
    at = namespace.label_at(keys.INJECTION)
    if keys.REVISION in namespace.labels:
        return Fix("set 'istio-injection' to 'disabled'", replace_value(at, "disabled"))
    edits: tuple[Edit, ...] = delete_entry(at)
    return Fix("remove 'istio-injection', or 'istio.io/dataplane-mode' to keep the sidecars", edits)
