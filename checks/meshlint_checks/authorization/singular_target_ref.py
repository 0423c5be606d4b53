"""
A policy names its target by the older field `targetRef`.

## What it does

Looks for `spec.targetRef` in policies that can have `targetRefs`. It is silent where both are
written: Istio refuses such a policy.

For an AuthorizationPolicy, a RequestAuthentication, a WasmPlugin or a Telemetry it is a note, and
the fix keeps what the policy means. A TrafficExtension and an EnvoyFilter have no such field. There
it is a warning: the API server refuses the field or drops it, and without it they act on their
whole namespace.

## Why it matters

`targetRef` came first, takes one target only, and is no longer documented; Istio still reads it.
Since Istio 1.22 `targetRefs` takes its place, and what is written about policies, tools included,
often knows that one alone.

## How to fix it

Write `targetRefs` with a list of one: `targetRef: X` is `targetRefs: [X]`.
"""

from collections.abc import Iterator

from meshlint import (
    Edit,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Severity,
    TargetedPolicy,
    check,
    kind,
    rename_key,
    wrap_in_list,
)


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.HYGIENE,
    subjects=kind.TARGETED_POLICIES,
    istio=">=1.22",
    since="0.1.0",
)
def singular_target_ref(subject: TargetedPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find policies with the older `targetRef`."""
    at = subject.at("spec", "targetRef")
    is_written = isinstance(subject.manifest.value(*at.field), dict)
    if not is_written or subject.manifest.value("spec", "targetRefs"):
        return
    fix = Fix("write 'targetRefs' with a list of one", _in_a_list(at))
    if mesh.has_singular_target(subject):
        text = "'targetRef' is the older way to name one target: 'targetRefs' takes its place"
        yield Problem(text, at=at, fix=fix._replace(safe=True))
    else:
        yield Problem(
            f"{subject.kind.name} has no field 'targetRef': without it, it acts on its whole namespace",
            at=at,
            fix=fix,
            severity=Severity.WARNING,
            impact=Impact.INEFFECTIVE,
        )


def _in_a_list(at: Location) -> tuple[Edit, ...]:
    """Both edits or none: one of them alone would name no target."""
    renamed, wrapped = rename_key(at, "targetRefs"), wrap_in_list(at)
    return (*renamed, *wrapped) if renamed and wrapped else ()
