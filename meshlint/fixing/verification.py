"""Whether edits did what they were to do, and nothing else."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from meshlint.checking.finding import Edit, Finding
from meshlint.checking.vocabulary import Severity
from meshlint.source.document import Place
from meshlint.source.reading import Reading
from meshlint.source.text import SourceFile

_Stretch = tuple[int, int]
_Known = dict[tuple[int, int], list[_Stretch]]


def keeps_the_rest(before: Reading, after: Reading, edits: Sequence[Edit]) -> bool:
    """
    Whether a file reads as it did, but for the entries that edits stand in.

    An edit that changes what an alias means elsewhere, that breaks the syntax, or that makes another
    object of its neighbour does not.
    """
    same_shape = len(before.manifests) == len(after.manifests) and len(after.unread) <= len(before.unread)
    if not same_shape or len(after.duplicate_keys) > len(before.duplicate_keys):
        return False
    text = before.file.text
    return all(
        any(edit.start <= _line_end(text, end) and start <= edit.end for edit in edits)
        for old, new in zip(before.manifests, after.manifests, strict=True)
        for start, end in _differences(old.data, new.data, old.place, {})
    )


def remaining(findings: Iterable[Finding], wanted: Iterable[Finding]) -> Finding | None:
    """A finding that is still made, of those that were to be mended; None if all are gone."""
    after = Counter(_key(finding) for finding in findings)
    before = Counter(_key(finding) for finding in wanted)
    return next((finding for finding in wanted if after[_key(finding)] >= before[_key(finding)]), None)


def new_error(
    before: Iterable[Finding], after: Iterable[Finding], texts: Iterable[SourceFile]
) -> Finding | None:
    """
    An error that was not there before, on a line that stands in the old `texts`; None if there is none.

    On a line that is new, what was wrong with it beneath the first fault comes to light: no harm is done.
    """
    known = Counter(_key(finding) for finding in before)
    old = {file.path: set(file.lines) for file in texts}
    for finding in after:
        known[_key(finding)] -= 1
        is_new = known[_key(finding)] < 0 and finding.severity is Severity.ERROR
        line = finding.at.file.line(finding.at.span.start_line)
        if is_new and line in old.get(finding.at.file.path, {line}):
            return finding
    return None


def _key(finding: Finding) -> str:
    """The fingerprint without the number of those that are alike."""
    return finding.fingerprint.rpartition(":")[0]


def _differences(before: object, after: object, place: Place, known: _Known) -> list[_Stretch]:
    """The stretches of the old text in which something reads differently; `known` are those found already."""
    both = (id(before), id(after))
    if both not in known:
        known[both] = [*_found(before, after, place, known)]
    return known[both]


def _found(before: object, after: object, place: Place, known: _Known) -> Iterator[_Stretch]:
    match before, after, place.children:
        case dict(), dict(), dict():
            yield from _of_mapping(before, after, place, known)
        case list(), list(), list(children) if len(before) == len(after):
            for old, new, child in zip(before, after, children, strict=True):
                yield from _within(child, _differences(old, new, child, known))
        case _ if type(before) is not type(after) or before != after:
            yield place.start, place.end


def _of_mapping(
    before: dict[str, object], after: dict[str, object], place: Place, known: _Known
) -> Iterator[_Stretch]:
    children = place.children if isinstance(place.children, dict) else {}
    for key in dict.fromkeys((*before, *after)):
        child = children.get(key)
        if key not in before or child is None:
            if before.get(key) != after.get(key):
                yield place.start, place.end
            continue
        whole = (place.keys[key][0] if place.keys else place.start, child.end)
        if key not in after:
            yield whole
            continue
        for stretch in _within(child, _differences(before[key], after[key], child, known)):
            yield whole if stretch == (child.start, child.end) else stretch


def _within(place: Place, stretches: Iterable[_Stretch]) -> Iterator[_Stretch]:
    """The stretches; for what an alias repeats, the alias."""
    for start, end in stretches:
        yield (start, end) if place.start <= start and end <= place.end else (place.start, place.end)


def _line_end(text: str, offset: int) -> int:
    """The start of the line behind an offset, where an entry is inserted that belongs to what ends here."""
    end = text.find("\n", max(offset - 1, 0))
    return len(text) if end < 0 else end + 1
