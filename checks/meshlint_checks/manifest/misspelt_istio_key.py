"""
A label or annotation is a slip of one that Istio reads, so that Istio does not see it.

## What it does

Compares every key of labels and annotations, of objects, pod templates and what else Istio reads
labels of, with the keys that some version of Istio knows. A key counts as a slip if it differs only in
case and punctuation (`istio.io/use_waypoint`, `istio.io./waypoint-for`), by one letter, or by two
in a name of ten or more (`istio.io/dataplan-mode`), or if it is a known name under another
prefix of Istio's (`ambient.istio.io/dataplane-mode`).

It is a warning where the key that was meant decides neither enrolment nor a waypoint or policy, and
where two keys are as near. It is silent where the key that was meant is there as well.

## Why it matters

Nothing refuses a key that nobody knows. A namespace with `istio.io/dataplan-mode: ambient` is not in
the mesh, a Service with `istio.io/use-waypoints` has no waypoint: traffic flows, in plain text or
past every L7 policy. Only a few slips, such as a prefix that ends in a dot, are refused by the
Kubernetes API; the message says so.

## How to fix it

Use the key that is named. Mind that this switches on what was never in effect: look at the policies
that then apply. A key of your own is better put under a prefix of your own.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, KnownKey, Mesh, Problem, Resource, Severity, check, kind, rename_key
from meshlint_checks.manifest._entries import Entries, labels_and_annotations
from meshlint_checks.manifest._known_keys import meant
from meshlint_checks.manifest._syntax import key_fault


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def misspelt_istio_key(resource: Resource, _: Mesh) -> Iterator[Problem]:
    """Find keys that are slips of keys that Istio reads."""
    for entries in labels_and_annotations(resource):
        for key in entries.written:
            known = meant(key)
            if known and not any(candidate.name in entries.written for candidate in known):
                yield _problem(resource, entries, key, known)


def _problem(resource: Resource, entries: Entries, key: str, known: tuple[KnownKey, ...]) -> Problem:
    at = resource.at(*entries.path, key)
    fault = key_fault(key.lower() if entries.noun == "annotation" else key)
    effect = "Istio does not read" if fault is None else "the Kubernetes API refuses"
    names = " or ".join(repr(candidate.name) for candidate in known)
    decides = any(candidate.decides for candidate in known)
    [first, *others] = known
    return Problem(
        f"{effect} the {entries.noun} {key!r}: did you mean {names}?",
        at=at,
        fix=None if others else Fix(f"use {first.name!r}", rename_key(at, first.name)),
        severity=Severity.WARNING if others or not decides else None,
        impact=None if decides else Impact.INEFFECTIVE,
    )
