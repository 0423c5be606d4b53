"""
A field has a type that the Kubernetes API does not take there, so that the object is refused.

## What it does

Speaks where a field that meshlint reads is a text instead of a number, a mapping instead of a list,
and so on: in the metadata of every object, and in the specs of workloads, Services, and the kinds of
Istio and the Gateway API. Labels, annotations and variables that are numbers or booleans are
`unquoted-label-value`.

## Why it matters

The API server refuses the object, and the cluster keeps what it had. Where it is plain what is meant, as
with a number in quotes, meshlint says of the object what would be true with that; other such fields it
reads as empty.

## How to fix it

Write the value in the type that is named: numbers and `true` or `false` without quotes, texts that look
like them with quotes, each item of a list after `- `.
"""

from collections.abc import Iterator

from meshlint import (
    Edit,
    Fix,
    Impact,
    Location,
    Malformed,
    Mesh,
    Problem,
    Resource,
    Severity,
    check,
    field_text,
    kind,
)
from meshlint_checks.manifest._scalars import as_written, quote, type_of, unquote, unquoted_noun
from meshlint_checks.manifest._syntax import shown

_OPENINGS = ("{{", "<<", "${")


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.HYGIENE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def malformed_field(resource: Resource, _: Mesh) -> Iterator[Problem]:
    """Find fields of a type that the Kubernetes API does not take there."""
    # A field that is read twice is noted twice.
    fields = {malformed.path: malformed for malformed in resource.malformed}
    for path, malformed in fields.items():
        at = resource.at(*path)
        if unquoted_noun(malformed) is None and not _is_whole(malformed) and not _is_template(at):
            yield Problem(
                f"{field_text(path)} is {_found(malformed, at)}, not {malformed.expected}",
                at=at,
                fix=_fix(malformed, at),
            )


def _is_whole(malformed: Malformed) -> bool:
    """Whether it is a number such as `80.0`, which reaches the API server as `80`."""
    found = malformed.found
    return malformed.expected == "a whole number" and isinstance(found, float) and found.is_integer()


def _is_template(at: Location) -> bool:
    """Whether a renderer will put something else here: unquoted, `{{ x }}` reads as a mapping."""
    start, end = at.value_offsets
    return any(opening in at.file.text[start:end] for opening in _OPENINGS)


def _found(malformed: Malformed, at: Location) -> str:
    match malformed.found:
        case str(text):
            return f"text ({shown(text)!r})"
        case dict() | list():
            return type_of(malformed.found)
        case _:
            return f"{type_of(malformed.found)} ({as_written(at)})"


def _fix(malformed: Malformed, at: Location) -> Fix | None:
    edits: tuple[Edit, ...] = ()
    match malformed.found:
        case str():
            title, edits = "take the quotes off", unquote(at, malformed.expected)
        case bool() | int() | float() if malformed.expected == "text":
            title, edits = "quote the value", quote(at)
        case _:
            return None
    return Fix(title, edits, safe=True) if edits else None
