"""
A switch of ambient mode on a pod template holds no boolean, and is ignored.

## What it does

Looks at the annotations `ambient.istio.io/bypass-inbound-capture` (read from Istio 1.24 on) and
`ambient.istio.io/dns-capture` (from 1.25 on) of pod templates. Istio takes what Go takes for a boolean:
`true`, `True`, `TRUE`, `t`, `T`, `1`, and the same for false.

## Why it matters

istio-cni ignores any other value and writes a warning into its own log. `yes`, `enabled` or `on` change
nothing: what comes in is captured, and DNS is answered as everywhere else.

## How to fix it

Write `"true"` or `"false"`, with quotes. Mind that this switches on what was never in effect.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Mesh, Problem, Severity, Workload, check, kind
from meshlint_checks._malformed import is_no_scalar


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=kind.WORKLOADS,
    istio=">=1.24",
    since="0.1.0",
)
def invalid_ambient_boolean(workload: Workload, mesh: Mesh) -> Iterator[Problem]:
    """Find switches of ambient mode without a boolean."""
    if mesh.maker_of(workload):
        return
    for key in mesh.ignored_switches(workload):
        at = workload.pod_annotation_at(key)
        if not is_no_scalar(at):
            yield Problem(
                f"{key!r} is ignored: {workload.pod_annotations[key]!r} is no boolean",
                at=at,
                fix=Fix('write "true" or "false"'),
            )
