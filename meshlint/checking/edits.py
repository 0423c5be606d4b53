"""Edits of single fields: small spans of text, so that comments and quoting stay the user's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Union

from meshlint.checking.finding import Edit
from meshlint.regex import regex
from meshlint.source.document import Location, Place
from meshlint.source.text import SourceFile

Data = Union[str, int, Sequence["Data"], Mapping[str, "Data"]]  # noqa: UP007 - names itself
"""What an edit can write: plain YAML data."""

# What stays itself as a plain YAML scalar, whatever the context (names, label keys and values).
_PLAIN = regex(r"^[A-Za-z][A-Za-z0-9._/-]*$")
_FLOW_MAPPING = regex(r"(?:[&!]\S*\s+)*\{")
_REMARK = regex(r":([ \t]+#[^\r\n#]*)")
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ANCHOR = regex(r"(?:^|[\s:,\[{])&[^\s,\[\]{}]", re.MULTILINE)


def replace_value(at: Location, value: str | int) -> tuple[Edit, ...]:
    """Put another text or number in the place of a scalar; no edit if it is an alias or spans lines."""
    place = at.place
    if place is None or place.children is not None:
        return ()
    written = at.file.text[place.start : place.end]
    if written.startswith(("*", "&", "|", ">", "!")) or "\n" in written:
        return ()
    if place.start == place.end:
        separator = "" if at.file.text[place.start - 1 : place.start] == " " else " "
        return (Edit(at.file, place.start, place.end, separator + scalar(value)),)
    return (Edit(at.file, place.start, place.end, scalar(value, like=written)),)


def rename_key(at: Location, key: str) -> tuple[Edit, ...]:
    """Give an entry of a mapping another key."""
    span = _key_span(at)
    if span is None:
        return ()
    written = at.file.text[span[0] : span[1]]
    return (Edit(at.file, *span, scalar(key, like=written)),)


def delete_entry(at: Location) -> tuple[Edit, ...]:
    """
    Take a whole entry of a block mapping out, with its line.

    No edit in a flow mapping, of the only entry, or where aliases refer to what would be gone.
    """
    lines = _own_lines(at)
    if lines is None or _is_only_entry(at) or _ANCHOR.search(at.file.text[slice(*lines)]):
        return ()
    return (Edit(at.file, *lines, ""),)


def delete_entries(entries: Sequence[Location]) -> tuple[Edit, ...]:
    """
    Take several entries of one mapping out: all of them, or, if no other is left, the mapping with its key.

    No edit where `delete_entry` makes none, and none in what aliases repeat elsewhere.
    """
    if not entries or any(map(_is_repeated, entries)):
        return ()
    parent, [first, *_] = _parent(entries[0]), entries
    if parent is not None and first.manifest is not None and len(parent.keys or ()) == len(set(entries)):
        return delete_entry(first.manifest.at(*first.field[:-1]))
    deletions = [delete_entry(entry) for entry in dict.fromkeys(entries)]
    return tuple(edit for edits in deletions for edit in edits) if all(deletions) else ()


def insert_after(at: Location, key: str, value: Data) -> tuple[Edit, ...]:
    """Add an entry to the block mapping that an entry stands in, on the next line."""
    span, lines = _key_span(at), _own_lines(at)
    if span is None or lines is None:
        return ()
    indent = " " * (span[0] - _line_start(at.file.text, span[0]))
    return _insertion(at.file, lines[1], [indent + line for line in _entry(key, value)])


def append_entry(mapping: Location, key: str, value: Data) -> tuple[Edit, ...]:
    """Add an entry at the end of a block mapping; no edit if there is no such mapping, or it is empty."""
    place = mapping.place
    if mapping.manifest is None or place is None or not isinstance(place.children, dict) or not place.keys:
        return ()
    last = max(place.keys, key=lambda name: place.keys[name] if place.keys else (0, 0))
    return insert_after(mapping.manifest.at(*mapping.field, last), key, value)


def replace_entry(at: Location, key: str, value: Data) -> tuple[Edit, ...]:
    """
    Put another entry in the place of a whole one of a block mapping.

    Comments behind its key and behind its end stay. No edit in a flow mapping, nor where it would take
    another comment or an anchor away.
    """
    parent, span, place = _parent(at), _key_span(at), at.place
    if parent is None or span is None or place is None or _own_lines(at) is None or _is_flow(parent, at):
        return ()
    text = at.file.text
    end = max(place.end, span[1])
    old, remark = text[span[0] : end], _REMARK.match(text, span[1], end)
    if old.count("#") > (remark is not None) or "&" in old:
        return ()
    first, *others = _entry(key, value)
    indent = " " * (span[0] - _line_start(text, span[0]))
    lines = (first + (remark[1] if remark else ""), *(indent + line for line in others))
    return (Edit(at.file, span[0], end, _newline(text).join(lines)),)


def append_item(sequence: Location, item: Data) -> tuple[Edit, ...]:
    """
    Add an item at the end of a sequence, a text quoted as the last one is.

    No edit of an empty sequence, of an alias, or where more than a text would go into brackets.
    """
    place, text = sequence.place, sequence.file.text
    if place is None or not isinstance(place.children, list) or not place.children:
        return ()
    last = place.children[-1]
    like = text[last.start : last.end]
    if isinstance(item, str) and text[place.start] == "[":
        return (Edit(sequence.file, last.end, last.end, f", {scalar(item, like=like)}"),)
    end = _line_end(text, place.end)
    if text[place.start] != "-" or end is None:
        return ()
    lines = [f"- {scalar(item, like=like)}"] if isinstance(item, str) else _item(item)
    indent = " " * (place.start - _line_start(text, place.start))
    return _insertion(sequence.file, end, [indent + line for line in lines])


def wrap_in_list(at: Location) -> tuple[Edit, ...]:
    """Make a list of one item of a mapping, lines and comments in it indented; no edit of an alias."""
    place, text = at.place, at.file.text
    if place is None or not isinstance(place.children, dict) or text[place.start] in "&*!":
        return ()
    if text[place.start] == "{":
        return (Edit(at.file, place.start, place.start, "["), Edit(at.file, place.end, place.end, "]"))
    first = Edit(at.file, place.start, place.start, "- ")
    return (first, *(Edit(at.file, start, start, "  ") for start in _further_lines(text, place)))


def scalar(value: str | int, *, like: str = "") -> str:
    """A number as it is, or a text quoted as `like` is, or where it would not be read as text."""
    if isinstance(value, int):
        return str(value)
    if like[:1] in ("'", '"'):
        quote = like[0]
    elif _PLAIN.match(value) and value.lower() not in _NOT_TEXT:
        return value
    else:
        quote = '"'
    if quote == "'":
        return "'" + value.replace("'", "''") + "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _entry(key: str, value: Data) -> list[str]:
    """The lines of an entry of a block mapping."""
    if isinstance(value, str | int):
        return [f"{scalar(key)}: {scalar(value)}"]
    return [f"{scalar(key)}:", *("  " + line for line in _block(value))]


def _block(value: Data) -> list[str]:
    match value:
        case Mapping():
            return [line for key, item in value.items() for line in _entry(key, item)]
        case str() | int():
            return [scalar(value)]
        case _:
            return [line for item in value for line in _item(item)]


def _item(value: Data) -> list[str]:
    first, *others = _block(value)
    return [f"- {first}", *("  " + line for line in others)]


def _insertion(file: SourceFile, offset: int, lines: Sequence[str]) -> tuple[Edit, ...]:
    """Whole lines at the start of a line, or after the last line of a text that does not end."""
    newline = _newline(file.text)
    text = newline.join(lines)
    ended = file.text[:offset].endswith(("\n", "\r"))
    return (Edit(file, offset, offset, text + newline if ended else newline + text),)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _parent(at: Location) -> Place | None:
    if at.manifest is None or not at.field or not isinstance(at.field[-1], str):
        return None
    return at.manifest.at(*at.field[:-1]).place


def _key_span(at: Location) -> tuple[int, int] | None:
    parent = _parent(at)
    if parent is None or parent.keys is None or not isinstance(parent.children, dict):
        return None
    key = at.field[-1]
    child = parent.children.get(str(key))
    span = parent.keys.get(str(key))
    # An entry that came in by an alias or a merge key stands elsewhere.
    inside = span is not None and child is not None and parent.start <= span[0] <= parent.end
    return span if inside else None


def _own_lines(at: Location) -> tuple[int, int] | None:
    """Start and end of the lines that an entry has for itself; None if it shares them."""
    span, place = _key_span(at), at.place
    if span is None or place is None:
        return None
    text = at.file.text
    start = _line_start(text, span[0])
    end = _line_end(text, max(place.end, span[1]))
    if text[start : span[0]].strip() or end is None:
        return None
    return start, end


def _line_end(text: str, offset: int) -> int | None:
    """Where the next line starts; None if more than the end of an entry or a comment follows on this one."""
    line_end = min((i for i in (text.find("\n", offset), len(text)) if i >= 0), default=len(text))
    rest = text[offset:line_end].strip()
    if rest and not rest.startswith((":", "#")):
        return None
    return min(line_end + 1, len(text))


def _is_flow(mapping: Place, at: Location) -> bool:
    return _FLOW_MAPPING.match(at.file.text, mapping.start) is not None


def _is_only_entry(at: Location) -> bool:
    parent = _parent(at)
    return parent is None or len(parent.keys or {}) < 2  # noqa: PLR2004 - one is left over


def _further_lines(text: str, place: Place) -> Iterator[int]:
    """Where the lines of a node begin after its first, blank ones aside."""
    end = text.find("\n", place.start)
    while 0 <= end < place.end:
        start = end + 1
        end = text.find("\n", start)
        if text[start : end if end >= 0 else len(text)].strip():
            yield start


def _is_repeated(at: Location) -> bool:
    """Whether a field stands in something that has an anchor, so that aliases may repeat it."""
    if at.manifest is None:
        return False
    places = (at.manifest.at(*at.field[:depth]).place for depth in range(len(at.field)))
    return any(place is not None and at.file.text.startswith("&", place.start) for place in places)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
