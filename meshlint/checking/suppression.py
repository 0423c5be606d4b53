"""How users say that a finding is meant to be: comments in the text, and an annotation of the object."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from operator import itemgetter
from typing import Any

from meshlint.checking.finding import Finding
from meshlint.checking.own import FAMILY
from meshlint.checking.policy import names_of
from meshlint.checking.run import CHECK_CRASHED
from meshlint.model.keys import IGNORE
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Location, Manifest, Place
from meshlint.source.text import SourceFile

LINE_VERB, FILE_VERB = VERBS = ("ignore", "file-ignore")
_START = r"(?<!\S)#+[ \t]*meshlint:[ \t]*"
_COMMENT = regex(
    rf"{_START}(?P<verb>[A-Za-z-]+)[ \t]*(?P<words>\[[^\]\r\n]*\])?(?P<reason>(?:(?!{_START})[^\r\n])*)"
)
_WORD = regex(r"[^\s,](?:[^,]*[^\s,])?")
_ENTRY = regex(r"[^;]+")
_UNTIL = regex(r"\(?\buntil[ \t]+(\d{4}-[\d-]*)\)?")
_DAY = regex(r"\d{4}-\d{2}-\d{2}")
# What may stand above a comment that holds for the whole file.
_TOP: Any = regex(r"(?:(?:[ \t\ufeff]*(?:#[^\r\n]*)?|---[ \t]*(?:#[^\r\n]*)?|%[^\r\n]*)[\r\n])*+[ \t]*")


class Scope(Enum):
    """What a suppression holds for."""

    LINE = "line"
    FILE = "file"
    OBJECT = "object"


class Mark(NamedTuple):
    """
    A comment or an annotation that suppresses.

    `at` is where it stands, `verb` what a comment says it does, `reason` what follows the brackets. A
    `manifest` has it as an annotation. `is_top` tells that it stands above everything in its file.
    """

    scope: Scope
    at: Location
    verb: str = LINE_VERB
    reason: str = ""
    manifest: Manifest | None = None
    is_top: bool = False


class Suppression(NamedTuple):
    """One word that says what is not to be shown, where it stands, and why."""

    word: str
    at: Location
    reason: str
    mark: Mark

    @property
    def until(self) -> str | None:
        """The last day on which it holds, as written; None if it has no end."""
        match = _UNTIL.search(self.reason)
        return match[1] if match else None

    @property
    def why(self) -> str:
        """The reason without its end."""
        return _UNTIL.sub("", self.reason).strip(" \t,;:.-()")

    @property
    def has_unreadable_end(self) -> bool:
        """Whether its `until` names no day."""
        return self.until is not None and not _is_day(self.until)

    def names(self, finding: Finding) -> bool:
        """Whether it speaks of a finding. What meshlint says of suppressions has to be named itself."""
        if finding.check == CHECK_CRASHED.id:
            return False
        names = (finding.check, FAMILY) if finding.family == FAMILY else names_of(finding)
        return self.word in names


def comments_of(file: SourceFile, manifests: Sequence[Manifest]) -> Iterator[Suppression | Mark]:
    """
    What the comments of a file suppress: each word of each; a bare `Mark` for what cannot be read as one.

    `manifests` are those of the file: text that looks like a comment within them is none.
    """
    if "meshlint:" not in file.text:
        return
    scalars = sorted(stretch for manifest in manifests for stretch in _scalars(manifest))
    top = _TOP.match(file.text).end()
    for match in _COMMENT.finditer(file.text):
        if not _is_in_scalar(file.text, match.start(), scalars):
            yield from _comment(file, match, is_top=match.start() <= top)


def annotations_of(manifest: Manifest) -> Iterator[Suppression]:
    """What the annotation of an object suppresses: `check=reason; other=reason`."""
    text = _annotations(manifest).get(IGNORE)
    if not isinstance(text, str):
        return
    at = manifest.at("metadata", "annotations", IGNORE)
    for entry in _ENTRY.findall(text):
        word, _, reason = entry.partition("=")
        if word.strip():
            mark = Mark(Scope.OBJECT, at, reason=entry.strip(), manifest=manifest)
            yield Suppression(word.strip(), at, reason.strip(), mark)


def strange_annotations(manifest: Manifest) -> Iterator[str]:
    """The annotations of an object that are under meshlint's prefix, and are none that it knows."""
    prefix = IGNORE.partition("/")[0] + "/"
    return (key for key in _annotations(manifest) if str(key).startswith(prefix) and key != IGNORE)


class Suppressions:
    """The suppressions that hold, by what they hold for; remembers which were needed."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._by_line: dict[tuple[str, int], list[Suppression]] = defaultdict(list)
        self._by_file: dict[str, list[Suppression]] = defaultdict(list)
        self._by_manifest: dict[Manifest, list[Suppression]] = defaultdict(list)
        self._files_with_lines: set[str] = set()
        self._block = ("", range(0))
        self._needed: set[tuple[str, tuple[int, int], str]] = set()
        for suppression in suppressions:
            self._add(suppression)

    def split(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Part findings into those to show and those that are suppressed."""
        shown: list[Finding] = []
        suppressed: list[Finding] = []
        for finding in findings:
            holding = [one for one in self._near(finding) if one.names(finding)]
            self._needed.update(map(_place, holding))
            (suppressed if holding else shown).append(finding)
        return shown, suppressed

    def was_needed(self, suppression: Suppression) -> bool:
        """Whether it, or the same text in another manifest set, has suppressed anything."""
        return _place(suppression) in self._needed

    def _add(self, suppression: Suppression) -> None:
        mark = suppression.mark
        path = mark.at.file.path
        if mark.manifest is not None:
            self._by_manifest[mark.manifest].append(suppression)
        elif mark.scope is Scope.FILE:
            self._by_file[path].append(suppression)
        else:
            self._by_line[path, self._line_meant(mark.at)].append(suppression)
            self._files_with_lines.add(path)

    def _line_meant(self, at: Location) -> int:
        """The line that a comment is about: its own, or the next one that is not all comment."""
        file, line = at.file, at.span.start_line
        path, block = self._block
        if path != file.path or line not in block:
            self._block = (file.path, range(line, _end_of_comments(file, line)))
            block = self._block[1]
        return block.stop if block else line

    def _near(self, finding: Finding) -> Iterator[Suppression]:
        path, manifest = finding.at.file.path, finding.at.manifest
        yield from self._by_file.get(path, ())
        if manifest is not None:
            yield from self._by_manifest.get(manifest, ())
        if path in self._files_with_lines:
            yield from self._by_line.get((path, finding.at.span.start_line), ())


def _comment(file: SourceFile, match: re.Match[str], *, is_top: bool) -> Iterator[Suppression | Mark]:
    verb = match["verb"]
    mark = Mark(
        Scope.FILE if verb == FILE_VERB else Scope.LINE,
        Location(file, match.start(), match.start() + len(match[0].rstrip())),
        verb,
        match["reason"].strip(),
        is_top=is_top,
    )
    inside = (match.start("words") + 1, match.end("words") - 1)
    words = [*_WORD.finditer(file.text, *inside)] if match["words"] and verb in VERBS else []
    if not words:
        yield mark
    for word in words:
        yield Suppression(word[0], Location(file, *word.span()), mark.reason, mark)


def _end_of_comments(file: SourceFile, line: int) -> int:
    """The first line from this one on that is not all comment."""
    last = file.span(len(file.text), len(file.text)).start_line
    while line <= last and file.line(line).lstrip().startswith("#"):
        line += 1
    return line


def _place(suppression: Suppression) -> tuple[str, tuple[int, int], str]:
    at = suppression.at
    return at.file.path, at.offsets, suppression.word


def _annotations(manifest: Manifest) -> dict[str, object]:
    annotations = manifest.value("metadata", "annotations")
    return annotations if isinstance(annotations, dict) else {}


def _is_day(text: str) -> bool:
    from datetime import date

    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


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
