"""
A label or annotation is one that the Kubernetes API refuses, so that the whole object is not applied.

## What it does

Looks at the keys of labels and annotations and at the values of labels: of objects, pod templates,
the `infrastructure` of Gateways, endpoints of ServiceEntries, WorkloadEntries and WorkloadGroups, and
of the selectors of Services, workloads, NetworkPolicies and PodDisruptionBudgets.

A key is a name of at most 63 letters, digits, `-`, `_` and `.`, after an optional DNS name in lower
case and a `/`. A label value may be empty, or is made like the name of a key. Letters of either case
are equal in keys of annotations, whose values may be any text. Placeholders that something fills in
later (`${TEAM}`) are left alone.

## Why it matters

The API server refuses the object. If it is a change of an object that is there, the cluster goes on
with the old one, so that an enrolment or a policy that everybody believes in is not there.

## How to fix it

Correct the character that is named. What does not fit into a label, such as a path, an address or a
sentence, belongs into an annotation.
"""

import re
from collections.abc import Iterator
from itertools import chain

from meshlint import Fix, Impact, Mesh, Problem, Resource, Severity, check, kind
from meshlint_checks.manifest._entries import Entries, labels_and_annotations, selectors
from meshlint_checks.manifest._syntax import key_fault, shown, value_fault

_PLACEHOLDER = re.compile(r"\{\{|\{%|<<|\[\[|#\{|\$[A-Za-z_{(]|<.*>")

_ALPHABET = "use letters, digits, '-', '_' and '.', at most 63"
_VALUE_ADVICE = Fix(f"{_ALPHABET}, with a letter or digit at both ends")
_KEY_ADVICE = Fix(f"{_ALPHABET}, after a DNS name in lower case and '/' if you like")


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def invalid_label(resource: Resource, _: Mesh) -> Iterator[Problem]:
    """Find labels and annotations that the Kubernetes API refuses."""
    for entries in chain(labels_and_annotations(resource), selectors(resource)):
        values_count = entries.noun != "annotation"
        for key, value in entries.written.items():
            # Nearly all are in order: no more than two cached look-ups for those.
            if key_fault(key) is None and not (values_count and type(value) is str and value_fault(value)):
                continue
            fault = _fault(entries, key, value)
            if fault is not None:
                yield Problem(
                    f"{fault}: the Kubernetes API refuses the object",
                    at=resource.at(*entries.path, key),
                    fix=_VALUE_ADVICE if key_fault(key) is None else _KEY_ADVICE,
                )


def _fault(entries: Entries, key: str, value: object) -> str | None:
    is_annotation = entries.noun == "annotation"
    fault = key_fault(key.lower() if is_annotation else key)
    if fault is not None:
        is_filled_in = _PLACEHOLDER.search(key)
        return None if is_filled_in else f"the {entries.noun} key {shown(key)!r} is no key, {fault}"
    if is_annotation or not isinstance(value, str):
        return None
    fault = value_fault(value)
    if fault is None or _PLACEHOLDER.search(value):
        return None
    return f"{shown(value)!r} is no value for the {entries.noun} {key!r}, {fault}"
