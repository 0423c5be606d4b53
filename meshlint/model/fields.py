"""Reading fields at the door: typed values in, and each wrong type kept with its place."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath

_EMPTY: Mapping[str, Any] = {}
_MOST_DIGITS = 20


class Malformed(NamedTuple):
    """A field whose value has a type that the API does not take there."""

    path: FieldPath
    expected: str
    found: object


class Fields:
    """
    A mapping of a manifest, read field by field.

    A field that is absent or null reads as empty. One of a wrong type is noted in `malformed`, which is
    shared by all the parts of one object, and reads as what is plainly meant (a number in quotes, one text
    for a list of one), else as empty.
    """

    __slots__ = ("data", "malformed", "path")

    def __init__(self, data: Mapping[str, Any], path: FieldPath, malformed: list[Malformed]) -> None:
        self.data = data
        self.path = path
        self.malformed = malformed

    def __contains__(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str) -> str:
        """A text field, empty if absent."""
        value = self.data.get(key)
        return value if type(value) is str else self.optional_text(key) or ""

    def optional_text(self, key: str) -> str | None:
        """A text field, None if absent."""
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return value
        self._wrong(key, "text", value)
        return as_text(value) if isinstance(value, bool | int | float) else None

    def number(self, key: str) -> int | None:
        """A whole number, None if absent."""
        value = self.data.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._wrong(key, "a whole number", value)
        is_quoted = isinstance(value, str) and value.isascii() and value.isdecimal()
        return int(value) if is_quoted and len(value) < _MOST_DIGITS else None

    def flag(self, key: str) -> bool:
        """A boolean, False if absent."""
        value = self.data.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._wrong(key, "true or false", value)
        return bool(value == "true")

    def part(self, *keys: str) -> "Fields":
        """The mapping under a key, or under several in turn; empty if absent."""
        data = self.data
        for depth, key in enumerate(keys):
            value = data.get(key)
            if type(value) is not dict and value is not None:
                self.malformed.append(Malformed((*self.path, *keys[: depth + 1]), "a mapping", value))
                value = None
            data = value or _EMPTY
        return Fields(data, self.path + keys, self.malformed)

    def each(self, key: str) -> "Iterator[Fields]":
        """The mappings of a list, in order."""
        listed = self._list(key)
        return self._each(key, listed) if listed else iter(())

    def _each(self, key: str, listed: list[Any]) -> "Iterator[Fields]":
        for index, item in enumerate(listed):
            path = (*self.path, key, index)
            if isinstance(item, dict):
                yield Fields(item, path, self.malformed)
            elif item is not None:
                self.malformed.append(Malformed(path, "a mapping", item))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        alone = self.data.get(key)
        if isinstance(alone, str):
            self._wrong(key, "a list", alone)
            return (alone,)
        texts = []
        for index, item in enumerate(self._list(key)):
            if isinstance(item, str):
                texts.append(item)
            elif item is not None:
                self.malformed.append(Malformed((*self.path, key, index), "text", item))
                texts.append(as_text(item))
        return tuple(texts)

    def text_map(self, key: str) -> Mapping[str, str]:
        """
        A mapping of text to text (labels, annotations).

        A null value reads as the empty text, as the API server reads it; other scalars read
        as they are written and are noted as malformed.
        """
        value = self.data.get(key)
        if not isinstance(value, dict):
            if value is not None:
                self._wrong(key, "a mapping of text", value)
            return _EMPTY
        for item in value.values():
            if type(item) is not str:
                break
        else:
            return value
        return {name: self._text_value((*self.path, key, name), item) for name, item in value.items()}

    def _text_value(self, path: FieldPath, value: object) -> str:
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        self.malformed.append(Malformed(path, "text", value))
        return as_text(value)

    def _list(self, key: str) -> list[Any]:
        value = self.data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self._wrong(key, "a list", value)
        return []

    def _wrong(self, key: str, expected: str, found: object) -> None:
        self.malformed.append(Malformed((*self.path, key), expected, found))


def as_text(value: object) -> str:
    """A scalar as YAML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case _:
            return str(value)
