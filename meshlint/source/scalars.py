"""
The scalars of the quick reader: what stands behind a key or a `- `, on one line or on several.

As in `meshlint.source.block`, whatever is not known, or would be an error, is None.
"""

from collections.abc import Sequence
from typing import Any, Final

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.plain import resolve_plain

LONGEST_LINE: Final = 300_000
"""More than any annotation may hold: of what is longer, regular expressions would keep too much in memory."""


class OneLine(NamedTuple):
    """A value that ends on its line; a list or a mapping is to be copied."""

    data: Any


def one_line(written: str) -> OneLine | None:
    """Read what stands behind a key, up to the end of the line; not empty, and without a tab."""
    first = written[0]
    if first not in _INDICATORS:
        text = plain_text(written)
        return None if text is None else OneLine(resolve_plain(text))
    if first == '"':
        match = _DOUBLE.fullmatch(written)
        text = match and _unescaped(match[1])
        return None if text is None else OneLine(text)
    if first == "'":
        match = _SINGLE.fullmatch(written)
        return match and OneLine(match[1].replace("''", "'"))
    if first == "[" and (match := _FLOW_LIST.fullmatch(written)):
        return OneLine([_item(it) for it in _ITEMS.findall(match[1])])
    if first == "{" and (match := _FLOW_MAPPING.fullmatch(written)):
        entries = _ENTRIES.findall(match[1])
        data = {key: _item(it) for key, it in entries}
        return OneLine(data) if len(data) == len(entries) else None
    return None


def is_closed(written: str) -> bool:
    """Whether a value on one line cannot go on on the next: it is quoted, or there is a comment behind it."""
    return written[0] in _INDICATORS or " #" in written


def plain_text(written: str) -> str | None:
    """Read a plain scalar, or the first line of one, without the comment behind it."""
    remark = written.find(" #")
    text = (written if remark < 0 else written[:remark]).rstrip(" ")
    if ": " in text or text[-1] == ":" or (text[0] in "-?:" and text[1:2] in _NONE_OR_SPACE):
        return None
    return text


def folded_plain(lines: Sequence[str]) -> str | None:
    """Read a plain scalar on several lines: the first without its key, the others as they stand."""
    for line in lines[1:]:
        bare = line.strip(" ")
        if bare and ("\t" in bare or bare[0] == "#" or " #" in bare or plain_text(f"x {bare}") is None):
            return None
    return _folded([line.strip(" ") for line in lines])


class Quoted(NamedTuple):
    """A quoted scalar on several lines, and how many these are."""

    text: str
    lines: int


def quoted(first: str, lines: Sequence[str], at: int, column: int) -> Quoted | None:
    """
    Read a quoted scalar that does not end on its first line.

    `first` is that line from the quote on; the others are those of `lines` from `at` on. They stand further
    right than `column`, but for the blank ones.
    """
    is_double = first[0] == '"'
    taken = [first[1:]]
    if (_close_double if is_double else _close_single)(taken[0]) is not None:
        return None
    for index in range(at, len(lines)):
        line = lines[index]
        bare = line.lstrip(" ")
        if "\t" in line or len(line) > LONGEST_LINE or (bare and len(line) - len(bare) <= column):
            return None
        close = _close_double(bare) if is_double else _close_single(bare)
        if close is None:
            taken.append(line)
            continue
        if not _REMARK.fullmatch(bare, close + 1):
            return None
        taken.append(bare[:close])
        text = _joined_double(taken) if is_double else _joined_single(taken)
        return None if text is None else Quoted(text, len(taken) - 1)
    return None


class Header(NamedTuple):
    """The first line of a block scalar: `|` or `>`, and whether the last line break is left out."""

    is_folded: bool
    is_stripped: bool


def header(written: str) -> Header | None:
    """Read the first line of a block scalar."""
    return _HEADERS.get(written.rstrip(" "))


def block_end(lines: Sequence[str], at: int, end: int, column: int) -> int | None:
    """
    Find the line behind a block scalar that begins at a line: it stands further right than a column.

    None as well if no line does.
    """
    first = at
    while first < end and not lines[first]:
        first += 1
    if first == end:
        return None
    text = lines[first].lstrip(" ")
    margin = lines[first][: len(lines[first]) - len(text)]
    if not text or text[0] == "\t" or len(margin) <= column:
        return None
    behind = first + 1
    while behind < end and (lines[behind].startswith(margin) or not lines[behind].strip(" ")):
        behind += 1
    return behind


def block_text(lines: Sequence[str], of: Header) -> str:
    """Read the lines of a block scalar."""
    width = next(len(line) - len(line.lstrip(" ")) for line in lines if line)
    cut = [line[width:] for line in lines]
    while not cut[-1]:
        cut.pop()
    text = _folded_block(cut) if of.is_folded else "\n".join(cut)
    return text if of.is_stripped else text + "\n"


_REMARK = regex(r" *| +#.*")
_DOUBLE = regex(r'"([^"\\]*(?:\\.[^"\\]*)*)"(?: *| +#.*)')
_SINGLE = regex(r"'([^']*(?:''[^']*)*)'(?: *| +#.*)")
_WORD = r"(?:[A-Za-z0-9_/.]|-[A-Za-z0-9_/.-])[A-Za-z0-9_/.@+*=~$-]*"
_ITEM = rf'(?:{_WORD}|"[^"\\]*"|\'[^\']*\')'
_FLOW_LIST = regex(rf"\[( *(?:{_ITEM} *(?:, *{_ITEM} *)*)?)\](?: *| +#.*)")
_ENTRY = rf"{_WORD}: +{_ITEM}"
_FLOW_MAPPING = regex(rf"\{{( *(?:{_ENTRY} *(?:, *{_ENTRY} *)*)?)\}}(?: *| +#.*)")
_ITEMS = regex(_ITEM)
_ENTRIES = regex(rf"({_WORD}): +({_ITEM})")
# What begins something else than a plain scalar.
_INDICATORS = frozenset(",[]{}#&*!|>'\"%@`")
_NONE_OR_SPACE = ("", " ")
_HEADERS = {
    "|": Header(is_folded=False, is_stripped=False),
    "|-": Header(is_folded=False, is_stripped=True),
    ">": Header(is_folded=True, is_stripped=False),
    ">-": Header(is_folded=True, is_stripped=True),
}
_ESCAPE = regex(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.?))")
_ESCAPED = {
    **dict(zip('"\\/ ', '"\\/ ', strict=True)),
    **dict(zip("ntr0eabfv", "\n\t\r\0\x1b\a\b\f\v", strict=True)),
}
_IN_DOUBLE = regex(r'[^"\\]*(?:\\.[^"\\]*)*')
_IN_SINGLE = regex(r"[^']*(?:''[^']*)*")


def _item(written: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """A scalar of a collection on one line."""
    return written[1:-1] if written[0] in "\"'" else resolve_plain(written)


def _unescaped(text: str) -> str | None:
    if "\\" not in text:
        return text
    parts: list[str] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        code = match[1] or match[2]
        character = chr(int(code, 16)) if code else _ESCAPED.get(match[3])
        if character is None or "\ud800" <= character <= "\udfff":
            return None
        parts.append(character)
    parts.append(text[at:])
    return "".join(parts)


def _close_double(text: str) -> int | None:
    """Where the quote stands that ends a text; None if none does."""
    match = _IN_DOUBLE.match(text)
    end = match.end() if match else 0
    return end if text[end : end + 1] == '"' else None


def _close_single(text: str) -> int | None:
    match = _IN_SINGLE.match(text)
    end = match.end() if match else 0
    return end if text[end : end + 1] == "'" else None


def _joined_single(lines: list[str]) -> str:
    first, *others, last = lines
    return _folded([first.rstrip(" "), *(line.strip(" ") for line in others), last]).replace("''", "'")


def _joined_double(lines: list[str]) -> str | None:
    """The text of a scalar in double quotes; a backslash at the end of a line joins it to the next."""
    first, *others, last = lines
    joined: list[str] = []
    # Of what one line is made; each of them is unescaped alone, since no escape goes on behind a line break.
    pieces: list[str] = []
    line = first
    for following in (*(other.lstrip(" ") for other in others), last):
        is_joined = _is_escaping(line)
        if is_joined and not following:
            return None
        piece = _unescaped(line[:-1] if is_joined else line.rstrip(" "))
        if piece is None:
            return None
        pieces.append(piece)
        if not is_joined:
            joined.append("".join(pieces))
            pieces = []
        line = following
    piece = _unescaped(line)
    return None if piece is None else _folded([*joined, "".join([*pieces, piece])])


def _is_escaping(text: str) -> bool:
    """Whether what follows a text is escaped by it."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _folded(lines: Sequence[str]) -> str:
    """Lines without the spaces around them as one text: a blank line is a line break, any other a space."""
    parts = [lines[0]]
    breaks = 0
    for index, line in enumerate(lines[1:], start=1):
        if not line and index < len(lines) - 1:
            breaks += 1
            continue
        parts.append("\n" * breaks or " ")
        parts.append(line)
        breaks = 0
    return "".join(parts)


def _folded_block(lines: Sequence[str]) -> str:
    """The lines of a folded block scalar; those that stand further right keep their line breaks."""
    parts: list[str] = []
    breaks = 0
    before: str | None = None
    for line in lines:
        if not line:
            breaks += 1
            continue
        if before is None:
            parts.append("\n" * breaks)
        elif before[0] in " \t" or line[0] in " \t":
            parts.append("\n" * (breaks + 1))
        else:
            parts.append("\n" * breaks or " ")
        parts.append(line)
        before, breaks = line, 0
    return "".join(parts)
