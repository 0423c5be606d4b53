"""
The lines of a template, taken for what they look like: it is no YAML before it is rendered.

Keys and items of lists stand where they are written, and indentation tells what holds what. A line that puts
something in stands for itself.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from meshlint.named import NamedTuple
from meshlint.regex import regex

BLOCK_SCALAR = regex(r"[|>][-+0-9]{0,3}")
"""What stands where a text follows in the next lines."""

_MOST_LINES = 20_000
_LONGEST_LINE, _MOST_DASHES = 2_000, 5

_CONTROL = regex(r"\{\{-?\s*(?:(?P<word>if|else|end|with|range|define|block)\b|/\*|\$\w*\s*:?=)")
_COMMENT = regex(r"\{\{-?\s*/\*")
_INDENT = regex(r"\bn?indent\s+(\d{1,3})\b")
_VALUES = regex(r"\.Values((?:\.\w+)+)")
_DOT = regex(r"(?<![\w.)\"])\.(?![\w.])")
_LAST_PART = regex(r"^(?:-[ \t]+)+|:[ \t]+")
_NO_KEY = frozenset("#{}[]|>&*!%@`,")


class Line(NamedTuple):
    """
    A line, or several that an action holds together, from its first character on, which stands in a column.

    `values` is the way to the values that it is about, if it says so.
    """

    text: str
    start: int
    column: int
    values: tuple[str, ...] | None = None

    def below(self, length: int) -> "Line":
        """What is left of it after some characters and the blanks behind them."""
        rest = self.text[length:]
        blanks = len(rest) - len(rest.lstrip(" \t"))
        return Line(rest[blanks:], self.start + length + blanks, self.column + length + blanks)


class Node:
    """A key with its value, an item of a list, or something put in: `span` is where it stands."""

    __slots__ = ("children", "column", "is_item", "key", "parts", "span", "value", "values", "written")

    def __init__(
        self,
        line: Line,
        length: int,
        *,
        key: str | None = None,
        is_item: bool = False,
        written: Line | None = None,
    ) -> None:
        self.column = line.column
        self.span = (line.start, line.start + length)
        self.key = key
        self.is_item = is_item
        self.parts = parts_of(key) if key is not None and "{{" in key else None
        self.written = _scalar(written.text) if written is not None and written.text else None
        self.value = (
            (written.start, written.start + len(self.written)) if written and self.written else self.span
        )
        self.values: tuple[str, ...] | None = None
        self.children: list[Node] = []

    @property
    def is_insertion(self) -> bool:
        """Whether it stands for something that no line writes."""
        return self.key is None and not self.is_item

    @property
    def text(self) -> str:
        """What is written as its value, without quotes."""
        written = self.written or ""
        is_quoted = len(written) > 1 and written[0] in "\"'" and written[-1] == written[0]
        return written[1:-1] if is_quoted else written


def objects(text: str) -> Iterator[list[Node]]:
    """The lines of each object, as trees: separated by `---`, or by another `apiVersion` and `kind`."""
    tree = _Tree()
    for line in islice(_written_lines(text), _MOST_LINES):
        if line.column == 0 and line.text.startswith("---"):
            yield tree.top
            tree = _Tree()
        elif (
            tree.is_whole and (line.text.startswith(("apiVersion:", "kind:"))) and line.column <= tree.column
        ):
            yield tree.top
            tree = _Tree()
            tree.add(line)
        else:
            tree.add(line)
    yield tree.top


class _Tree:
    """The lines of one object, each put below the one that indentation says it belongs to."""

    def __init__(self) -> None:
        self.top: list[Node] = []
        self._stack: list[Node] = []
        self._last: Node | None = None
        self._keys: set[str | None] = set()

    @property
    def is_whole(self) -> bool:
        """Whether the lines so far say what object this is."""
        return {"apiVersion", "kind"} <= self._keys

    @property
    def column(self) -> int:
        """Where the keys of the object begin."""
        return self.top[0].column

    def add(self, line: "Line") -> None:
        for _ in range(_MOST_DASHES):
            if not (line.text.startswith("- ") or line.text == "-"):
                break
            self._push(Node(line, len(first_line(line.text)), is_item=True, written=line.below(1)))
            line = line.below(1)
        found = _key(line.text)
        if found is not None:
            key, length = found
            rest = line.below(line.text.index(":", length) + 1)
            self._push(Node(line, length, key=key, written=rest))
        elif line.text.startswith("{{"):
            self._insert(line)

    def _push(self, node: Node) -> None:
        while self._stack and (
            self._stack[-1].column > node.column
            or (self._stack[-1].column == node.column and (self._stack[-1].is_item or not node.is_item))
        ):
            self._stack.pop()
        self._put(node, self._stack[-1] if self._stack else None)
        self._stack.append(node)

    def _insert(self, line: "Line") -> None:
        node = Node(line, len(first_line(line.text)))
        indent = _INDENT.search(line.text)
        node.column = int(indent[1]) if indent else line.column
        node.values = line.values
        last = self._last
        if last is not None and not last.written and last.key is not None and node.column >= last.column:
            self._put(node, last)
            self._last = last
        else:
            self._put(node, next((it for it in reversed(self._stack) if it.column < node.column), None))

    def _put(self, node: Node, holder: Node | None) -> None:
        if holder is None:
            self.top.append(node)
            self._keys.add(node.key)
        else:
            holder.children.append(node)
        self._last = node


def _written_lines(text: str) -> Iterator[Line]:
    """The lines that write something: not comments, not conditions and loops, not the text of a scalar."""
    within: list[tuple[str, ...] | None] = []
    scalar: int | None = None
    for line in _lines(text):
        if scalar is not None and (line.column > scalar and _inserted_column(line) > scalar):
            continue
        scalar = None
        rest = _without_control(line, within)
        if rest.text and not rest.text.startswith("#"):
            value = _LAST_PART.split(rest.text.partition(" #")[0].rstrip())[-1]
            scalar = rest.column if BLOCK_SCALAR.fullmatch(value) else None
            yield rest._replace(values=_values_in(rest.text, within))


def _inserted_column(line: Line) -> int:
    indent = _INDENT.search(line.text) if line.text.startswith("{{") else None
    return int(indent[1]) if indent else line.column


def _without_control(line: Line, within: list[tuple[str, ...] | None]) -> Line:
    """What a line writes behind the conditions and loops at its beginning, which are noted in `within`."""
    column = line.column
    while (control := _CONTROL.match(line.text)) is not None:
        end = _end_of_action(line.text, 0)
        match control["word"]:
            case "end":
                del within[-1:]
            case "if" | "with" | "range" | "define" | "block" as word:
                inner = _values_in(line.text[:end], within) if word in ("with", "range") else None
                within.append(inner if word in ("with", "range") else (within[-1] if within else None))
            case _:
                pass
        line = line.below(end)
    return line._replace(column=column)


def _values_in(text: str, within: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The way to the values that an action is about, where it says so, or a loop around it."""
    named = _VALUES.search(text)
    if named:
        return tuple(named[1].split(".")[1:])
    return within[-1] if within and _DOT.search(text) else None


def _lines(text: str) -> Iterator[Line]:
    """The lines of a text that hold anything, where breaks within actions are none."""
    start = position = 0
    end = -1
    while start < len(text):
        if end < position:
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
        opened = text.find("{{", position, end)
        if opened >= 0:
            position = _end_of_action(text, opened)
            continue
        line = Line(text[start : min(end, start + _LONGEST_LINE)].rstrip(), start, 0).below(0)
        if line.text:
            yield line
        start = position = end + 1


def _end_of_action(text: str, start: int) -> int:
    """Behind the action that begins somewhere; the end of the text if it does not end."""
    comment = _COMMENT.match(text, start)
    closed = text.find("*/", comment.end()) if comment else start
    end = text.find("}}", max(closed, start))
    return len(text) if end < 0 or closed < 0 else end + 2


def _key(text: str) -> tuple[str, int] | None:
    """The key that a line begins with, and how long it is as written."""
    if text[:1] in "\"'" and text[:1]:
        end = text.find(text[0], 1)
        behind = text[end + 1 :].lstrip(" ") if end > 0 else ""
        return (text[1:end], end + 1) if behind[:1] == ":" and behind[1:2] in ("", " ", "\t") else None
    if text[:1] in _NO_KEY and not text.startswith("{{"):
        return None
    position = 0
    while position < len(text):
        if text.startswith("{{", position):
            position = _end_of_action(text, position)
        elif text[position] == ":" and text[position + 1 : position + 2] in ("", " ", "\t"):
            key = text[:position].rstrip()
            return (key, len(key)) if key and "\n" not in key else None
        elif text.startswith(" #", position):
            return None
        else:
            position += 1
    return None


def _scalar(text: str) -> str:
    """What stands behind a key, without a comment."""
    if text[:1] in "\"'":
        end = text.find(text[0], 1)
        return first_line(text[: end + 1] if end > 0 else text)
    position = 0
    while position < len(text):
        if text.startswith("{{", position):
            position = _end_of_action(text, position)
        elif text.startswith(" #", position) or (position == 0 and text[0] == "#"):
            return first_line(text[:position])
        else:
            position += 1
    return first_line(text)


def first_line(text: str) -> str:
    """The first line of a text."""
    return re.split(r"[\r\n]", text, maxsplit=1)[0].rstrip()


def parts_of(text: str) -> tuple[str, ...]:
    """What is written of a text around its actions."""
    parts: list[str] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        parts.append(text[position:start])
        position = _end_of_action(text, start)
    return (*parts, text[position:])


def fits(parts: Sequence[str], text: str) -> bool:
    """Whether a text can have been made of what is written around actions."""
    first, *middle, last = parts
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
