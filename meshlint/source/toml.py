"""Where the keys and values of a TOML text stand; what they are is told by `tomllib`."""

import re
import tomllib
from typing import Any

from meshlint.regex import regex
from meshlint.source.document import Place

_GAP = regex(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = regex(r"[A-Za-z0-9_-]+")
_SCALAR = regex(r"[^,\]}\n#]*")
_STRINGS = {
    '"""': re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''.*?'{3,5}", re.DOTALL),
    '"': re.compile(r'"(?:\\.|[^"\\\n])*"'),
    "'": re.compile(r"'[^'\n]*'"),
}
_Step = tuple[str, int, int]


def toml_places(text: str) -> Place:
    """
    Find the places of everything in a text that `tomllib` reads without complaint.

    Tables and inline tables have their children by key, arrays and arrays of tables in order. Offsets
    are into the text.
    """
    return _Walk(text).document()


class _Walk:
    """One walk through a text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Place:
        root = Place(0, len(self._text), {}, {})
        table = root
        while self._skip() < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._header(root, "[[", "]]")
            elif self._text[self._at] == "[":
                table = self._header(root, "[", "]")
            else:
                self._entry(table)
        return root

    def _header(self, root: Place, opening: str, closing: str) -> Place:
        self._at += len(opening)
        *way, last = self._key()
        self._take(closing)
        holder = _descended(root, way)
        name, start, end = last
        children, keys = _mapping(holder)
        table = Place(start, end, {}, {})
        if opening == "[":
            known = children.setdefault(name, table)
            keys.setdefault(name, (start, end))
            return _innermost(known)
        tables = children.setdefault(name, Place(start, end, []))
        keys.setdefault(name, (start, end))
        assert isinstance(tables.children, list)
        tables.children.append(table)
        return table

    def _entry(self, table: Place) -> None:
        *way, (name, start, end) = self._key()
        self._take("=")
        children, keys = _mapping(_descended(table, way))
        keys[name] = (start, end)
        children[name] = self._value()

    def _key(self) -> list[_Step]:
        """A key with its dots, as steps."""
        steps = [self._simple_key()]
        while self._text[self._skip()] == ".":
            self._at += 1
            steps.append(self._simple_key())
        return steps

    def _simple_key(self) -> _Step:
        start = self._skip()
        quote = self._text[start]
        pattern = _STRINGS.get(quote, _BARE_KEY)
        self._at = _end(pattern, self._text, start)
        written = self._text[start : self._at]
        [name] = tomllib.loads(f"{written} = 0") if quote in _STRINGS else (written,)
        return name, start, self._at

    def _value(self) -> Place:
        start = self._skip()
        match self._text[start]:
            case "[":
                return self._array(start)
            case "{":
                return self._inline_table(start)
            case '"' | "'" as quote:
                triple = quote * 3
                kind = triple if self._text.startswith(triple, start) else quote
                self._at = _end(_STRINGS[kind], self._text, start)
            case _:
                scalar = self._text[start : _end(_SCALAR, self._text, start)]
                self._at = start + len(scalar.rstrip())
        return Place(start, self._at)

    def _array(self, start: int) -> Place:
        items: list[Place] = []
        self._at += 1
        while self._text[self._skip()] != "]":
            items.append(self._value())
            self._skip_comma()
        self._at += 1
        return Place(start, self._at, items)

    def _inline_table(self, start: int) -> Place:
        table = Place(start, start, {}, {})
        self._at += 1
        while self._text[self._skip()] != "}":
            self._entry(table)
            self._skip_comma()
        self._at += 1
        table.end = self._at
        return table

    def _skip(self) -> int:
        """Go on to the next thing that is neither blank nor comment."""
        self._at = _end(_GAP, self._text, self._at)
        return self._at

    def _skip_comma(self) -> None:
        if self._text[self._skip()] == ",":
            self._at += 1

    def _take(self, expected: str) -> None:
        self._skip()
        assert self._text.startswith(expected, self._at), "the text is valid TOML"
        self._at += len(expected)


def _descended(place: Place, way: list[_Step]) -> Place:
    """The table at the end of a way, made where it is not there yet; of an array of tables the last."""
    for name, start, end in way:
        children, keys = _mapping(place)
        keys.setdefault(name, (start, end))
        place = _innermost(children.setdefault(name, Place(start, end, {}, {})))
    return place


def _innermost(place: Place) -> Place:
    return place.children[-1] if isinstance(place.children, list) else place


def _mapping(place: Place) -> tuple[dict[str, Place], dict[str, tuple[int, int]]]:
    assert isinstance(place.children, dict)
    assert place.keys is not None
    return place.children, place.keys


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match: Any = pattern.match(text, start)
    end: int = match.end()
    return end
