"""Patterns of files, as in a `.gitignore`."""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# Each wildcard multiplies the work of a failing match; a hostile pattern must not hang the run.
_MOST_WILDCARDS = 6


class PatternsFrom(NamedTuple):
    """Patterns from a file in some directory: they hold below it."""

    directory: str
    lines: tuple[str, ...]


class Patterns:
    """Patterns as in a `.gitignore`; those that are none, or that could hang a run, are left out."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = [line for line in lines if line.strip() and not line.startswith("#")]
        # What has to stand in a path for a pattern to match; None if that cannot be told.
        self._words = {_word(line) for line in self._lines}
        self._spec: GitIgnoreSpec | None = None

    def verdict(self, path: str) -> bool | None:
        """True for a path that is meant, False for one taken back, None if no pattern speaks of it."""
        # Most paths can do without the library, whose import is a good part of the start-up.
        if not any(word is None or word in path for word in self._words):
            return None
        self._spec = self._spec or _compiled(self._lines)
        return self._spec.check_file(path).include


class FilePatterns:
    """Patterns that hold for the files below a directory."""

    def __init__(self, base: str, lines: Iterable[str]) -> None:
        self._base = os.path.realpath(base)
        self._patterns = Patterns(lines)
        self._known: dict[str, bool] = {}

    def match(self, path: str) -> bool:
        """Whether a file is meant; never one that is not below the directory."""
        if path not in self._known:
            self._known[path] = self._match(path)
        return self._known[path]

    def _match(self, path: str) -> bool:
        real = os.path.realpath(path)
        prefix = self._base.rstrip(os.sep) + os.sep
        if not real.startswith(prefix):
            return False
        return bool(self._patterns.verdict(real[len(prefix) :].replace(os.sep, "/")))


def is_pattern(line: str) -> bool:
    """Whether a line is a pattern that is used."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return _is_harmless(line)


def _is_harmless(line: str) -> bool:
    return len(re.findall(r"\*+", line)) <= _MOST_WILDCARDS


def _compiled(lines: Iterable[str]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    usable = [line for line in lines if _is_harmless(line)]
    try:
        return GitIgnoreSpec.from_lines(usable)
    except (ValueError, re.error):
        return GitIgnoreSpec.from_lines(line for line in usable if is_pattern(line))


def _word(line: str) -> str | None:
    """The longest text that stands in every path that a pattern matches; None if it is not plain to see."""
    words = re.split(r"[*?/]|\[[A-Za-z0-9-]+\]|\A\s*!|\A\s+|\s+\Z", line)
    longest = max(words, key=len)
    return None if not longest or any(set("\\[") & set(word) for word in words) else longest
