"""
A file of manifests holds a document that cannot be read, so that it cannot be applied and was not checked.

## What it does

Looks at every document of a file that speaks of `apiVersion` and `kind`. It speaks where the text is
not YAML, where the top level is text or a list of objects instead of one object, where a document among
objects has a `metadata.name` but no `apiVersion` or no `kind`, where bytes are not in the encoding of
the file, where nesting or aliases go beyond every sensible bound, and where a file cannot be opened.
It points to the place where reading stopped.

Files without Kubernetes objects are not looked at. Template syntax that nobody has rendered is
`unrendered-template`; documents encrypted with SOPS are only counted in the summary.

## Why it matters

kubectl and GitOps controllers refuse the whole file, often with the documents that are well. What
cannot be read was not checked either: until it is mended, other checks do not know whether an object
is missing or merely unreadable, and say less about its namespace.

## How to fix it

Correct the text at the place that is named. A value with `: `, `#` or a leading `*`, `&`, `@`, `%`
or `` ` `` needs quotes; indentation is made of spaces; a list of objects becomes one document each,
parted by `---`.
"""

from collections.abc import Iterator

from meshlint import Impact, Mesh, Problem, Severity, TextSubject, Unread, UnreadReason, check

_BROKEN = frozenset((UnreadReason.SYNTAX, UnreadReason.ENCODING, UnreadReason.LIMIT, UnreadReason.UNREADABLE))


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.HYGIENE,
    subjects=(TextSubject.UNREAD,),
    since="0.1.0",
)
def unparsable_manifest(unread: Unread, _: Mesh) -> Iterator[Problem]:
    """Find text that cannot be read as manifests."""
    if unread.reason in _BROKEN:
        yield Problem(unread.message, at=unread.at)
