"""A text and the places in it."""

import codecs
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from meshlint.named import NamedTuple
from meshlint.regex import regex

# YAML 1.1 also breaks lines at U+0085, U+2028 and U+2029; editors and code scanning do not.
_LINE_BREAK = regex(r"\r\n|\n|\r")


def speaks_of_kubernetes(raw: bytes) -> bool:
    """Whether a file can hold a manifest: `apiVersion` and `kind` occur in it, or it is UTF-16."""
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return is_utf16 or (b"apiVersion" in raw and b"kind" in raw)


class SourceSpan(NamedTuple):
    """A stretch of text: 1-based lines and columns, columns in code points, the end exclusive."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int


class SourceFile:
    """
    A text that was read: its path as users are shown it, and what it says.

    `path` has `/` separators and is relative to the working directory where it is below it.
    `text` has no byte order mark (`has_bom` tells if the file has one) and keeps its line breaks.
    """

    def __init__(self, path: str, text: str, has_bom: bool = False) -> None:  # noqa: FBT001, FBT002 - a record
        self.path: Final = path
        self.has_bom: Final = has_bom
        self._text = text

    @property
    def text(self) -> str:
        """What the file says."""
        return self._text

    def __repr__(self) -> str:
        return f"<SourceFile {self.path}>"

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def span(self, start: int, end: int) -> SourceSpan:
        """Turn two offsets into the text into lines and columns."""
        return SourceSpan(*self._position(start), *self._position(end))

    def line(self, number: int) -> str:
        """The text of one line (1-based), without its line break."""
        starts = self._line_starts
        start = starts[number - 1]
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    @property
    def lines(self) -> Iterator[str]:
        """All lines, without their line breaks."""
        return (self.line(number) for number in range(1, len(self._line_starts) + 1))

    def offset(self, line: int, column: int) -> int:
        """Turn a line and a column (both 1-based) into an offset into the text."""
        return self._line_starts[line - 1] + column - 1

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1
