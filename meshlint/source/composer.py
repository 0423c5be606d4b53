"""Documents from the events of libyaml, in one pass."""

import re
from typing import Any

import yaml
from yaml import events

from meshlint.regex import regex
from meshlint.source.compose import (
    MAX_DEPTH,
    MAX_EXPANDED_NODES,
    MAX_LENGTH,
    Composed,
    DocumentSyntaxError,
    EndlessAliasError,
    LostEntry,
    TooDeepError,
    TooLongError,
    TooManyNodesError,
)
from meshlint.source.document import Place
from meshlint.source.plain import resolve_plain

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Without a type: the stubs think that the marks of an event may be missing.
_Alias: Any = events.AliasEvent
_DocumentStart: Any = events.DocumentStartEvent
_MappingEnd: Any = events.MappingEndEvent
_MappingStart: Any = events.MappingStartEvent
_Scalar: Any = events.ScalarEvent
_SequenceEnd: Any = events.SequenceEndEvent
_StreamEnd: Any = events.StreamEndEvent


def compose_document(text: str, start: int, end: int, leave_out: int) -> Composed:
    """Do what `meshlint.source.compose.compose` says."""
    if end - start > MAX_LENGTH:
        raise TooLongError(f"the document is longer than {MAX_LENGTH // 1024 // 1024} MiB", start)
    if text.startswith("\ufeff", start, end):
        start += 1
    document = " " * leave_out + text[start + leave_out : end]
    try:
        return _parse(document, text, start)
    except DocumentSyntaxError:
        hidden = _hide(document)
        if hidden == document:
            raise
        return _compose_hidden(hidden, text, start)


# Two things that Kubernetes reads and libyaml refuses are hidden from it behind characters of the
# private use area, length kept, and put back into the values: characters beyond U+FFFF that JSON
# writes as two escapes, and `:` before a bracket, as in `[2001:db8::]`.
_SURROGATE_PAIR = regex(r"(?<!\\)\\u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})")
_HIDDEN_PAIR = regex("([\ue800-\uebff])([\uec00-\uefff])")
_HIDDEN_SHIFT = 0x1000
_COLON_BEFORE_BRACKET = regex(r"(?<=[0-9A-Za-z:]):(?=[ ]*[\]},])")
_HIDDEN_COLON = "\ue7ff"


def _hide(document: str) -> str:
    return _SURROGATE_PAIR.sub(_hide_pair, _COLON_BEFORE_BRACKET.sub(_HIDDEN_COLON, document))


def _hide_pair(match: re.Match[str]) -> str:
    high, low = (int("d" + half, 16) + _HIDDEN_SHIFT for half in match.groups())
    return f"\\u{high:04x}\\u{low:04x}"


def _compose_hidden(hidden: str, text: str, start: int) -> Composed:
    """Read a document that libyaml has refused; if it still does, blame what the user wrote."""
    try:
        return _parse(hidden, text, start, restore=True)
    except DocumentSyntaxError:
        return _parse(text[start : start + len(hidden)], text, start)


def _restored(value: str) -> str:
    return _HIDDEN_PAIR.sub(_restore_pair, value).replace(_HIDDEN_COLON, ":")


def _restore_pair(match: re.Match[str]) -> str:
    units = [ord(half) - _HIDDEN_SHIFT for half in match.groups()]
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")


def _parse(document: str, text: str, base: int, *, restore: bool = False) -> Composed:
    loader = None
    try:
        loader = _Loader(document)
        return _Composer(loader, text, base, restore=restore).document()
    except yaml.reader.ReaderError as error:
        raise _control_character(error, document, base) from error
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, document, base) from error
    finally:
        if loader is not None:
            loader.dispose()


_Event = Any  # events and reader errors

_Node = tuple[Any, Place]
_Entries = tuple[dict[str, Any], dict[str, Place], dict[str, tuple[int, int]]]

_PROPERTIES = regex(r"(?:[&!]\S*(?:\s+|#[^\r\n]*)*)*+")
_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset(_TAG + name for name in ("null", "bool", "int", "float"))
_TEXT_TAGS = frozenset(("!", _TAG + "str", _TAG + "binary"))


class _Composer:
    """
    Builds data and places from the events of libyaml, in one pass.

    Recursion is bounded by `MAX_DEPTH`. `_nodes` counts every node, those that an alias stands
    for included, so that the size of an anchored node is known when its alias is met.
    """

    def __init__(self, loader: _Event, text: str, base: int, *, restore: bool) -> None:
        self._next = loader.get_event
        self._text = text
        self._base = base
        self._restore = restore
        self._anchors: dict[str, tuple[Any, Place, int] | None] = {}
        self._lost: list[LostEntry] = []
        self._nodes = 0
        self._expanded = 0

    def document(self) -> Composed:
        self._next()
        event = self._next()
        if type(event) is _StreamEnd:
            return Composed(None, None)
        data, place = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if type(event) is _DocumentStart:
            offset = self._base + event.start_mark.index
            raise DocumentSyntaxError("another document starts here", offset)
        return Composed(data, place, tuple(self._lost))

    def _node(self, event: _Event, depth: int) -> _Node:
        kind = type(event)
        if kind is _Scalar:
            start, end = event.start_mark.index + self._base, event.end_mark.index + self._base
            style = event.style
            if event.tag is not None or event.anchor is not None or self._restore:
                return self._special_scalar(event, start, end)
            if not style:
                return resolve_plain(event.value), Place(start, end)
            if style in "|>":
                end = self._without_line_breaks(start, end)
            return event.value, Place(start, end)
        if kind is _Alias:
            return self._alias(event)
        return self._collection(event, depth + 1)

    def _special_scalar(self, event: _Event, start: int, end: int) -> _Node:
        value = event.value
        if event.style and event.style in "|>":
            end = self._without_line_breaks(start, end)
        if event.tag is not None or event.anchor is not None:
            properties = _PROPERTIES.match(self._text, start, end)
            start = properties.end() if properties else start
        if self._restore:
            value = _restored(value)
        resolved = not event.style and event.tag not in _TEXT_TAGS
        if resolved or event.tag in _RESOLVED_TAGS:
            value = resolve_plain(value)
        place = Place(start, end)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, place, 1
        return value, place

    def _without_line_breaks(self, start: int, end: int) -> int:
        return start + len(self._text[start:end].rstrip())

    def _alias(self, event: _Event) -> _Node:
        start, end = event.start_mark.index + self._base, event.end_mark.index + self._base
        if event.anchor not in self._anchors:
            raise DocumentSyntaxError(f"alias `*{event.anchor}` has no anchor `&{event.anchor}`", start)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise EndlessAliasError(f"alias `*{event.anchor}` stands inside its own anchor", start)
        value, place, size = anchored
        self._nodes += size
        self._expand(size, start)
        return value, Place(start, end, place.children, place.keys)

    def _expand(self, size: int, offset: int) -> None:
        self._expanded += size
        if self._expanded > MAX_EXPANDED_NODES:
            limit = f"{MAX_EXPANDED_NODES:,}"
            raise TooManyNodesError(f"aliases expand to more than {limit} nodes", offset)

    def _collection(self, event: _Event, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            offset = event.start_mark.index + self._base
            raise TooDeepError(f"nested deeper than {MAX_DEPTH} levels", offset)
        build = self._mapping if type(event) is _MappingStart else self._sequence
        anchor = event.anchor
        if anchor is None:
            return build(event, depth)
        self._anchors[anchor] = None
        before = self._nodes
        value, place = build(event, depth)
        self._anchors[anchor] = value, place, self._nodes - before
        return value, place

    def _sequence(self, event: _Event, depth: int) -> _Node:
        data: list[Any] = []
        children: list[Place] = []
        end = event.end_mark.index + self._base
        while type(item := self._next()) is not _SequenceEnd:
            value, place = self._node(item, depth)
            data.append(value)
            children.append(place)
        if event.flow_style:
            end = item.end_mark.index + self._base
        elif children:
            end = children[-1].end
        self._nodes += len(children) + 1
        return data, Place(event.start_mark.index + self._base, end, children)

    def _mapping(self, event: _Event, depth: int) -> _Node:
        data, children, keys = entries = _no_entries()
        merged: list[tuple[_Node, int]] = []
        lost: list[tuple[str, tuple[int, int], _Node]] = []
        end = event.end_mark.index + self._base
        while type(key_event := self._next()) is not _MappingEnd:
            if type(key_event) is _Scalar and key_event.anchor is None and not self._restore:
                key = key_event.value
                span = key_event.start_mark.index + self._base, key_event.end_mark.index + self._base
                is_merge = key == "<<" and not key_event.style and key_event.tag != _TAG + "str"
            else:
                key, span, is_merge = self._key(key_event, depth)
            value, place = self._node(self._next(), depth)
            end = place.end
            if is_merge:
                merged.append(((value, place), span[0]))
                continue
            if key in data:
                lost.append((key, keys[key], (data[key], children[key])))
            data[key], children[key], keys[key] = value, place, span
        if lost:
            self._lost.extend(_lost_entries(lost, entries))
        for node, offset in merged:
            self._merge(entries, node, offset)
        if event.flow_style:
            end = key_event.end_mark.index + self._base
        self._nodes += len(children) + 1
        return data, Place(event.start_mark.index + self._base, end, children, keys)

    def _key(self, event: _Event, depth: int) -> tuple[str, tuple[int, int], bool]:
        """A key that is not simply a scalar: its text and offsets, and whether it is the merge key."""
        value, place = self._node(event, depth)
        if type(event) is _Scalar:
            restored = _restored(event.value) if self._restore else event.value
            return restored, (place.start, place.end), restored == "<<" and not event.style
        key = value if isinstance(value, str) else self._text[place.start : place.end]
        return key, (place.start, place.end), False

    def _merge(self, entries: _Entries, node: _Node, offset: int) -> None:
        """Take over what is not there yet; in a list, the first mapping wins."""
        value, place = node
        values, places = ([value], [place]) if isinstance(value, dict) else (value, place.children)
        if not isinstance(values, list) or not isinstance(places, list):
            raise DocumentSyntaxError("`<<` merges a mapping or a list of mappings, nothing else", offset)
        for source, source_place in zip(values, places, strict=True):
            if not isinstance(source, dict) or not isinstance(source_place.children, dict):
                raise DocumentSyntaxError("`<<` merges a mapping or a list of mappings, nothing else", offset)
            self._expand(len(source), offset)
            keys = source_place.keys or {}
            for key, child in source_place.children.items():
                if key not in entries[0]:
                    entries[0][key], entries[1][key], entries[2][key] = source[key], child, keys[key]


def _no_entries() -> _Entries:
    return {}, {}, {}


def _lost_entries(lost: list[tuple[str, tuple[int, int], _Node]], entries: _Entries) -> list[LostEntry]:
    data, children, keys = entries
    return [
        LostEntry(key, span, place, keys[key], children[key], _same(value, data[key]))
        for key, span, (value, place) in lost
    ]


def _same(one: object, other: object) -> bool:
    """Equal, and not merely for Python: `1`, `1.0` and `true` are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


_TAB = "a tab is used for indentation; YAML wants spaces"
_PROBLEMS = (
    ("mapping values are not allowed", "`:` is not allowed here: check the indentation, or quote the value"),
    ("block sequence entries are not allowed", "a list item is not allowed here: check the indentation"),
    ("did not find expected key", "a key is expected here: check the indentation"),
    ("expected <block end>, but found", "the indentation does not fit what stands above"),
    ("did not find expected '-' indicator", "`- ` is expected here: check the indentation"),
    ("found unknown escape character", "unknown escape in double-quoted text: write `\\\\` for a backslash"),
    ("invalid Unicode character escape", "the escape stands for no Unicode character"),
    ("while parsing", "the text is not YAML"),
    ("undefined tag handle", "the prefix of this tag is not declared"),
    ("expected <document start>", "text after the end of the document"),
    ("expected '<document start>'", "text after the end of the document"),
    ("unexpected document indicator", "the quoted text is not closed before the end of the document"),
    ("did not find expected node content", "a value is expected here"),
    ("expected the node content", "a value is expected here"),
    ("tab", _TAB),
)
_OPENED_BY = {
    "while scanning a quoted scalar": "the quote that opens here is not closed",
    "while parsing a flow sequence": "`[` is not closed",
    "while parsing a flow mapping": "`{` is not closed",
}


_CONFLICT = regex(r"^<{7} ", re.MULTILINE)


def _control_character(error: _Event, document: str, base: int) -> DocumentSyntaxError:
    character = error.character if isinstance(error.character, int) else ord(error.character)
    offset = max(document.find(chr(character)), 0)
    return DocumentSyntaxError(f"control character U+{character:04X} is not allowed in YAML", base + offset)


def _syntax_error(error: yaml.MarkedYAMLError, document: str, base: int) -> DocumentSyntaxError:
    begun: Any = error.context_mark
    stopped: Any = error.problem_mark or begun
    offset = stopped.index if stopped else 0
    conflict = _CONFLICT.search(document)
    if conflict:
        return DocumentSyntaxError("a merge conflict is not resolved here", base + conflict.start())
    if begun and not document[offset:].strip() and error.context in _OPENED_BY:
        return DocumentSyntaxError(_OPENED_BY[error.context], base + begun.index)
    if begun and "could not find expected ':'" in (error.problem or ""):
        return DocumentSyntaxError("`:` is missing after this key", base + begun.index)
    offset = min(offset, max(len(document.rstrip()) - 1, 0))
    if error.problem == "did not find expected key" and _line_before(document, offset).strip():
        return DocumentSyntaxError("the value ends before this: quote all of it", base + offset)
    return DocumentSyntaxError(_in_user_words(error, document[offset : offset + 1]), base + offset)


def _line_before(document: str, offset: int) -> str:
    return re.split(r"[\r\n]", document[max(offset - 1000, 0) : offset])[-1]


def _in_user_words(error: yaml.MarkedYAMLError, character: str) -> str:
    problem = error.problem or "the text is not YAML"
    if "cannot start any token" in problem:
        return _TAB if character == "\t" else f"a value cannot start with `{character}`: quote it"
    for part, words in _PROBLEMS:
        if part in problem:
            return words
    return problem.replace("did not find expected", "expected").replace("'", "`").rstrip(".").lower()
