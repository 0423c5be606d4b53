"""The line that is shown of a place, and which part of it is underlined."""

import re
from bisect import bisect_right
from functools import lru_cache

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.report.terminal import cells, plain
from meshlint.source.document import Location
from meshlint.source.text import SourceFile

_LONGEST = 120
_BEFORE = 40
_TAB = " " * 4
_CUT = "…"

_DOCUMENT_BREAK = regex(r"^---(?:\s|$)", re.MULTILINE)
_TOP_KIND = regex(r"^[\"']?kind[\"']?\s*:\s*[\"']?(\w+)", re.MULTILINE)
_KEY = regex(r"\s*(?:- +)*[\"']?[\w./-]+[\"']?\s*:(?=\s|$)")
_SECRET = regex(r"\bkind[\"']?\s*:\s*[\"']?Secret\b")


class Excerpt(NamedTuple):
    """A line as it is shown: harmless text, and the columns of the terminal to underline."""

    number: int
    text: str
    indent: int
    length: int


def excerpt(location: Location) -> Excerpt | None:
    """The first line of a place, cut if it is very long; None if there is nothing to see in it."""
    span = location.span
    line = location.file.line(span.start_line)
    if not line.strip():
        return None
    start = min(span.start_column - 1, len(line))
    end = max(start, span.end_column - 1 if span.end_line == span.start_line else len(line))
    if _is_secret(location):
        line = _without_value(line)
        start, end = min(start, len(line)), min(end, len(line))
    return _shown(span.start_line, line, start, end)


def _is_secret(location: Location) -> bool:
    """Whether the line may hold a value of a Secret: none is ever shown, broken documents included."""
    if location.manifest is not None:
        return location.manifest.data.get("kind") == "Secret"
    starts, secret = _documents(location.file)
    return secret[bisect_right(starts, location.offsets[0]) - 1]


@lru_cache(maxsize=4)
def _documents(file: SourceFile) -> tuple[list[int], list[bool]]:
    """Where the documents of a file start, and whether each may be a Secret."""
    starts = [0, *(match.end() for match in _DOCUMENT_BREAK.finditer(file.text))]
    ends = [*starts[1:], len(file.text)]
    return starts, [_may_be_secret(file.text[start:end]) for start, end in zip(starts, ends, strict=True)]


def _may_be_secret(document: str) -> bool:
    top = _TOP_KIND.search(document)
    if top is None or top[1].endswith("List"):
        return _SECRET.search(document) is not None
    return top[1] == "Secret"


def _without_value(line: str) -> str:
    key = _KEY.match(line)
    return f"{key[0]} {_CUT}" if key else _CUT


def _shown(number: int, line: str, start: int, end: int) -> Excerpt:
    first, last = 0, len(line)
    if last > _LONGEST:
        first = 0 if end <= _LONGEST else max(0, start - _BEFORE)
        last = min(last, first + _LONGEST)
        end = min(end, last)
    before = (_CUT if first else "") + _visible(line[first:start])
    marked = _visible(line[start:end])
    after = _visible(line[end:last]) + (_CUT if last < len(line) else "")
    return Excerpt(number, plain(before + marked + after).rstrip(), cells(before), max(1, cells(marked)))


def _visible(text: str) -> str:
    return plain(text.replace("\t", _TAB))
