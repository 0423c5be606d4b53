"""Comments by which users say that a finding is meant to be."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from meshlint.checking.finding import Finding
from meshlint.source.document import Manifest, Place
from meshlint.source.live import LiveFile
from meshlint.source.text import SourceFile

_COMMENT = re.compile(r"(?<!\S)#+[ \t]*meshlint:[ \t]*ignore[ \t]*\[([^\]\r\n]*)\]")


def split_suppressed(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """
    Part findings into those to show and those that a comment suppresses.

    `# meshlint: ignore[dangling-waypoint] reason` counts at the end of the line that a finding
    points to, or on a line of its own above it. The words are those that `--ignore` takes,
    several are separated by commas.
    """
    comments = _Comments()
    shown: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        words = comments.words_for(finding)
        names = (finding.check, finding.family, f"impact:{finding.impact.value}", "all")
        is_suppressed = bool(words) and any(name in words for name in names)
        (suppressed if is_suppressed else shown).append(finding)
    return shown, suppressed


def ignored_words(file: SourceFile, manifests: Sequence[Manifest]) -> Iterator[tuple[int, str]]:
    """Each word that a comment of a file names, with the offset of the comment."""
    if "meshlint:" not in file.text:
        return
    scalars = sorted(stretch for manifest in manifests for stretch in _scalars(manifest))
    for match in _COMMENT.finditer(file.text):
        if not _is_in_scalar(file.text, match.start(), scalars):
            yield from ((match.start(), word) for word in _words(match))


class _Comments:
    """What comments say, each line and each manifest looked at once however many findings it has."""

    def __init__(self) -> None:
        self._matches: dict[tuple[str, int], list[re.Match[str]]] = {}
        self._scalars: dict[Manifest, list[tuple[int, int]]] = {}

    def words_for(self, finding: Finding) -> set[str]:
        file, manifest = finding.at.file, finding.at.manifest
        if isinstance(file, LiveFile):
            # A cluster keeps no comments; what looks like one is part of a value.
            return set()
        line = finding.at.span.start_line
        key = file.path, line
        if key not in self._matches:
            self._matches[key] = _matches(file, line)
        matches = self._matches[key]
        if not matches:
            return set()
        if manifest is not None and manifest not in self._scalars:
            self._scalars[manifest] = sorted(_scalars(manifest))
        scalars = self._scalars[manifest] if manifest is not None else ()
        return {
            word
            for match in matches
            if not _is_in_scalar(file.text, match.start(), scalars)
            for word in _words(match)
        }


def _matches(file: SourceFile, line: int) -> list[re.Match[str]]:
    """What looks like a comment for a line: on it, and on the lines above that are all comment."""
    matches = list(_on_line(file, line))
    for above in range(line - 1, 0, -1):
        if not file.line(above).lstrip().startswith("#"):
            break
        matches.extend(_on_line(file, above))
    return matches


def _on_line(file: SourceFile, line: int) -> Iterator[re.Match[str]]:
    start = file.offset(line, 1)
    return _COMMENT.finditer(file.text, start, start + len(file.line(line)))


def _words(match: re.Match[str]) -> list[str]:
    return [word.strip() for word in match[1].split(",") if word.strip()]


def _scalars(manifest: Manifest) -> Iterator[tuple[int, int]]:
    """Where the keys and the scalars of a manifest stand, what aliases share once."""
    seen: set[int] = set()
    pending: list[Place] = [manifest.place]
    while pending:
        place = pending.pop()
        if place.children is None:
            yield place.start, place.end
        elif id(place.children) not in seen:
            seen.add(id(place.children))
            yield from (place.keys or {}).values()
            pending.extend(place.children.values() if isinstance(place.children, dict) else place.children)


def _is_in_scalar(text: str, offset: int, scalars: Sequence[tuple[int, int]]) -> bool:
    """Whether an offset stands in one of some sorted stretches, and is part of what it says."""
    before = bisect_right(scalars, offset, key=itemgetter(0))
    if not before:
        return False
    start, end = scalars[before - 1]
    return offset < end and not _is_in_header(text, start, offset)


def _is_in_header(text: str, start: int, offset: int) -> bool:
    """Whether an offset into a block scalar is still on the line of its `|` or `>`."""
    return text[start] in "|>" and not re.search("[\r\n]", text[start:offset])
