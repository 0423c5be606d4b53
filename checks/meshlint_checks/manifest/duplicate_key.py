"""
A mapping holds one key twice, so that all but the last value are lost.

## What it does

Looks at every mapping of every Kubernetes object. The finding points to an entry that is lost, and
shows the one that wins. A key that a merge (`<<`) brings and the mapping itself overrides is no
duplicate.

## Why it matters

kubectl and GitOps controllers keep the last entry without a word, unless the API server is asked to
validate strictly: then it refuses the object. It hurts most where two blocks of `labels` or
`annotations` stand in one object: the whole first block is gone, and with it `use-waypoint` or
`dataplane-mode`, which puts the traffic past every L7 policy, or out of the mesh.

## How to fix it

Delete the entry that is not meant. If both are blocks, move what the first one holds into the last.
The fix deletes the earlier entry, which keeps what is in effect today; it is safe where both values
are equal, and otherwise may delete the value that was intended.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DuplicateKey,
    Edit,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Severity,
    TextSubject,
    check,
    field_text,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.HYGIENE,
    subjects=(TextSubject.DUPLICATE_KEY,),
    since="0.1.0",
)
def duplicate_key(duplicate: DuplicateKey, _: Mesh) -> Iterator[Problem]:
    """Find entries of mappings that a later entry with the same key replaces."""
    where = field_text(duplicate.kept.field[:-1])
    lost = "it says the same" if duplicate.same_value else "this value is lost"
    yield Problem(
        f"{duplicate.key!r} stands in {where or 'the object'} again further down: {lost}",
        at=duplicate.lost,
        related=(Cause("this entry wins", duplicate.kept),),
        fix=_fix(duplicate),
    )


def _fix(duplicate: DuplicateKey) -> Fix:
    edits = _without_line(duplicate.lost)
    if edits or duplicate.same_value:
        return Fix(f"delete the earlier {duplicate.key!r}", edits, safe=duplicate.same_value)
    return Fix(f"keep one {duplicate.key!r}")


def _without_line(lost: Location) -> tuple[Edit, ...]:
    """Delete an entry that has one line for itself; no edit for blocks, nor where aliases may name it."""
    text = lost.file.text
    start, end = lost.offsets
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line_end = text.find("\n", end) + 1 or len(text)
    rest = text[end:line_end].strip()
    if text[line_start:start].strip() or (rest and not rest.startswith("#")) or "&" in text[start:end]:
        return ()
    return (Edit(lost.file, line_start, line_end, ""),)
