"""
The quick reader: the YAML that nearly all manifests are written in, line by line.

It knows block mappings and sequences, scalars, and simple collections on one line. It reads nothing that
it does not know: whatever it gives is what `meshlint.source.compose` gives for the same text, and `compose`
reads all the rest. `benchmarks/equality.py` compares the two on generated, broken and real documents.
"""

import re
from itertools import islice
from typing import Any, Final

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.compose import MAX_DEPTH
from meshlint.source.scalars import (
    LONGEST_LINE,
    block_end,
    block_text,
    folded_plain,
    header,
    is_closed,
    one_line,
    quoted,
)


class Block(NamedTuple):
    """
    A document as plain data.

    `items` says where the items of a top-level `items` begin: line (from 0) and column of the first key of
    each. `items_end` is the line behind the last one.
    """

    data: dict[str, Any]
    items: tuple[tuple[int, int], ...] = ()
    items_end: int = 0


def read_block(text: str) -> Block | None:
    """Read one document, without a byte order mark; None if it holds anything that is not known here."""
    if text.isascii():
        if text.encode("ascii").translate(None, _PRINTABLE):
            return None
    elif _UNPRINTABLE.search(text):
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            return None
    return _read(text.split("\n"))


_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\r\n"
# What libyaml refuses, what it takes for a line break, and byte order marks.
_UNPRINTABLE = regex("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")

# What a line holds. `_PAIR` is a value with a key and without a `- `; a list or a mapping is copied, since
# the line is remembered. The last three take the lines below as well.
_PAIR, _VALUE, _NOTHING, _OPEN, _COLLECTION, _BLOCK, _QUOTED, _MORE = range(8)


class _Line(NamedTuple):
    """
    What a line says.

    `dash` is the column of its `- `, -1 without one; `column` that of what stands behind. `key` is None for
    an item that is no mapping.
    """

    what: int
    dash: int = -1
    column: int = 0
    key: str | None = None
    value: Any = None


# Manifests repeat their lines, indentation included.
_remembered: dict[str, _Line] = {}
_MOST_REMEMBERED: Final = 20_000
_LONGEST_REMEMBERED: Final = 200

_DEEPEST: Final = MAX_DEPTH - 2
_IN_DOCUMENT: Final = 2


def _read(lines: list[str]) -> Block | None:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one loop, for speed
    """Build the data; a collection is open until a line stands too far left to be in it."""
    end = len(lines)
    is_broken_off = bool(lines[-1])
    if not is_broken_off:
        end -= 1
    at = _first_line(lines)
    if at is None:
        return None
    # The current collection is `sequence` or `mapping`; those that it is in wait in `around`.
    root: dict[str, Any] = {}
    mapping, sequence, is_sequence, column = root, list[Any](), False, -1
    around: list[tuple[dict[str, Any], list[Any], bool, int]] = []
    # The key whose value stands on the next lines, if they stand further right.
    pending: str | None = ""
    listed: list[Any] | None = None
    items: list[tuple[int, int]] = []
    items_end = 0
    # Before this line, what looks like a value may be part of a text.
    settled = at
    known = _remembered.get
    unread = islice(lines, at, None)
    while at < end:
        what = _NOTHING
        for at, line in enumerate(map(known, unread), at + 1):  # noqa: B020 - from there on
            if line is None:
                line = _understand(lines[at - 1])  # noqa: PLW2901 - the same line
            if line is not None:
                what, dash, left, key, value = line
                if what == _PAIR and left == column and pending is None and not is_sequence:
                    if key in mapping:
                        return None
                    mapping[key] = value  # type: ignore[index]
                    continue
                if what == _NOTHING:
                    continue
            if line is None or (pending is None and (left if dash < 0 else dash) > column):
                # What stands too far right, or is not known, can only be more of the scalar above.
                what = _MORE
                break
            if dash < 0:
                if pending is not None:
                    if left > column:
                        around.append((mapping, sequence, is_sequence, column))
                        mapping[pending] = mapping = {}
                        column = left
                    pending = None
                while column > left or (is_sequence and column == left):
                    if is_sequence and sequence is listed:
                        items_end = at - 1
                    mapping, sequence, is_sequence, column = around.pop()
                if is_sequence or column != left:
                    return None
            else:
                if pending is not None:
                    if dash >= column >= 0:
                        around.append((mapping, sequence, is_sequence, column))
                        mapping[pending] = sequence = []
                        is_sequence, column = True, dash
                        if pending == "items" and len(around) == _IN_DOCUMENT:
                            listed = sequence
                    pending = None
                while column > dash:
                    mapping, sequence, is_sequence, column = around.pop()
                if not is_sequence or column != dash:
                    return None
                if sequence is listed:
                    items.append((at - 1, left))
                if key is not None:
                    around.append((mapping, sequence, True, column))
                    mapping = {}
                    sequence.append(mapping)
                    is_sequence, column = False, left
            if len(around) > _DEEPEST or (key is not None and key in mapping):
                return None
            if what == _OPEN:
                pending, value = key, None
            elif what == _COLLECTION:
                value = value.copy()
            if key is None:
                sequence.append(value)
            else:
                mapping[key] = value
            if what >= _BLOCK:
                break
        if what >= _BLOCK:
            text = _text(lines, at, end, what, settled)
            if text is None or (is_broken_off and what == _BLOCK and text.behind == end):
                return None
            if text.key is None:
                sequence[-1] = text.text
            else:
                mapping[text.key] = text.text
            # Taken from `unread` as well.
            next(islice(unread, text.behind - at, text.behind - at), None)
            at = settled = text.behind
    data = root.get("")
    return Block(data, tuple(items), items_end or end) if isinstance(data, dict) else None


def _first_line(lines: list[str]) -> int | None:
    """The line behind the `---`, if there is one; None for one that says more."""
    for at, line in enumerate(lines):
        if line.startswith("---"):
            return at + 1 if _MARKER.fullmatch(line) else None
        if line.strip(" ") and not line.lstrip(" ").startswith("#"):
            return 0
    return 0


class _Text(NamedTuple):
    """A scalar on several lines: the key that it is the value of, and the line behind it."""

    key: str | None
    text: str
    behind: int


def _text(lines: list[str], at: int, end: int, what: int, settled: int) -> _Text | None:
    """Read the scalar that goes on behind the line above; None if there is none."""
    if what == _MORE:
        return _plain_text(lines, at - 1, end, settled)
    line = _understand(lines[at - 1])
    if line is None:
        return None
    column = line.dash if line.key is None else line.column
    if what == _BLOCK:
        behind = block_end(lines, at, end, column)
        return None if behind is None else _Text(line.key, block_text(lines[at:behind], line.value), behind)
    text = quoted(line.value, lines, at, column)
    return text and _Text(line.key, text.text, at + text.lines)


def _plain_text(lines: list[str], at: int, end: int, settled: int) -> _Text | None:
    """Read the plain scalar of a line above, that a line belongs to; None if there is none."""
    above = at - 1
    while above >= settled and not lines[above].strip(" "):
        above -= 1
    line = _understand(lines[above]) if above >= settled else None
    match = _LINE.fullmatch(lines[above]) if line and line.what in (_PAIR, _VALUE) else None
    if line is None or match is None or is_closed(match["value"]):
        return None
    margin = " " * ((line.dash if line.key is None else line.column) + 1)
    behind = at
    while behind < end and (lines[behind].startswith(margin) or not lines[behind].strip(" ")):
        behind += 1
    while behind > at and not lines[behind - 1].strip(" "):
        behind -= 1
    text = folded_plain([match["value"], *lines[above + 1 : behind]]) if behind > at else None
    return None if text is None else _Text(line.key, text, behind)


_MARKER = regex(r"--- *(?: #.*)?")
_LINE = regex(
    r"""(?P<indent>[ ]*)
    (?P<dash>-[ ]+)?
    (?:(?:(?P<key>[A-Za-z0-9_./][A-Za-z0-9_./-]{0,200})|"(?P<double>[^"\\]{0,200})"|'(?P<single>[^']{0,200})')
       :(?:[ ]+|\Z))?
    (?P<value>.*)""",
    re.VERBOSE,
)


def _understand(text: str) -> _Line | None:
    """Say what a line says, wherever it stands; None if it is not known here."""
    line = _remembered.get(text) or _understood(text)
    if line is not None and len(text) <= _LONGEST_REMEMBERED:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[text] = line
    return line


def _understood(text: str) -> _Line | None:
    bare = text.lstrip(" ")
    if not bare or bare[0] == "#":
        return _Line(_NOTHING)
    match = None if "\t" in text or len(text) > LONGEST_LINE else _LINE.fullmatch(text)
    if match is None:
        return None
    indent, dash, plain, double, single, written = match.groups()
    key = next((it for it in (plain, double, single) if it is not None), None)
    at = (len(indent), len(indent) + len(dash)) if dash else (-1, len(indent))
    if not written or written[0] == "#":
        return None if key is None else _Line(_OPEN, *at, key)
    read = _written(written) if dash or key is not None else None
    if read is None:
        return None
    what, value = read
    return _Line(_PAIR if what == _VALUE and not dash else what, *at, key, value)


def _written(written: str) -> tuple[int, Any] | None:
    """Say what stands behind a key or a `- `."""
    value = one_line(written)
    if value is not None:
        return _COLLECTION if isinstance(value.data, list | dict) else _VALUE, value.data
    block = header(written)
    if block is not None:
        return _BLOCK, block
    return (_QUOTED, written) if written[0] in "\"'" else None
