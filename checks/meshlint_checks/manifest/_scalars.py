"""Scalars of the wrong type: what they are, and how they are quoted or bared."""

from meshlint import Edit, Location, Malformed

_HOLDERS = {
    "labels": "label",
    "annotations": "annotation",
    "matchLabels": "selector label",
    "selector": "selector label",
    "data": "data key",
}
_WORDS = {"true", "false"}


def unquoted_noun(malformed: Malformed) -> str | None:
    """What to call a label, annotation, variable or datum that is not text; None for other fields."""
    if malformed.expected != "text" or isinstance(malformed.found, dict | list):
        return None
    match malformed.path:
        case (*_, "env", int(), "value"):
            return "environment variable"
        case (*_, str(holder), str()):
            return _HOLDERS.get(holder)
        case _:
            return None


def type_of(value: object) -> str:
    """The type of a value in a user's words."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def as_written(at: Location) -> str:
    """The text of a value as it stands in the file."""
    start, end = at.value_offsets
    return at.file.text[start:end]


def quote(at: Location) -> tuple[Edit, ...]:
    """Put quotes around a plain scalar; no edit if it is an alias, or has an anchor or a tag."""
    written = as_written(at)
    if at.place is None or not _is_plain(written) or _has_properties(at):
        return ()
    return (Edit(at.file, *at.value_offsets, f'"{written}"'),)


def unquote(at: Location, expected: str) -> tuple[Edit, ...]:
    """Take the quotes off a number or boolean; no edit if what is quoted is neither."""
    written = as_written(at)
    quoted = written[1:-1]
    is_quoted = written[:1] in ("'", '"') and written[-1:] == written[:1]
    fits = quoted.isascii() and quoted.isdecimal() if expected == "a whole number" else quoted in _WORDS
    leads = len(quoted) > 1 and quoted.startswith("0")
    if at.place is None or not (is_quoted and fits) or leads or _has_properties(at):
        return ()
    return (Edit(at.file, *at.value_offsets, quoted),)


def _is_plain(written: str) -> bool:
    return bool(written) and written[0] not in "*&!|>'\"[{" and "\n" not in written


def _has_properties(at: Location) -> bool:
    """Whether an anchor or a tag stands before a value, on its line."""
    start = at.value_offsets[0]
    before = at.file.text[at.file.text.rfind("\n", 0, start) + 1 : start].split()
    return bool(before) and before[-1].startswith(("&", "!"))
