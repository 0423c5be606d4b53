"""Patterns of files, as in a `.gitignore`."""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# Each wildcard multiplies the work of a failing match; a hostile pattern must not hang the run.
_MOST_WILDCARDS = 6


class PatternsFrom(NamedTuple):
    """Patterns from a file in some directory: they hold below it."""

    directory: str
    lines: tuple[str, ...]


class FilePatterns:
    """Patterns that hold for the files below a directory."""

    def __init__(self, base: str, lines: Sequence[str]) -> None:
        self._base = os.path.realpath(base)
        self._spec = compile_patterns(lines)
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
        return bool(self._spec.check_file(real[len(prefix) :].replace(os.sep, "/")).include)


def compile_patterns(lines: Sequence[str]) -> "GitIgnoreSpec":
    """Compile patterns; those that are none, or that could hang a run, are left out."""
    from pathspec import GitIgnoreSpec

    usable = [line for line in lines if len(re.findall(r"\*+", line)) <= _MOST_WILDCARDS]
    try:
        return GitIgnoreSpec.from_lines(usable)
    except (ValueError, re.error):
        return GitIgnoreSpec.from_lines(line for line in usable if is_pattern(line))


def is_pattern(line: str) -> bool:
    """Whether a line is a pattern that is used."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return len(re.findall(r"\*+", line)) <= _MOST_WILDCARDS
