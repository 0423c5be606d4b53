"""One YAML document to plain data, the places where the data stands, and its duplicate keys."""

from typing import Any

from meshlint.named import NamedTuple
from meshlint.source.document import Place

MAX_DEPTH = 200
MAX_EXPANDED_NODES = 1_000_000
MAX_LENGTH = 32 * 1024 * 1024


class ComposeError(Exception):
    """A document that cannot be read: what is wrong in a user's words, and the offset to blame."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class DocumentSyntaxError(ComposeError):
    """The text is not YAML."""


class LimitError(ComposeError):
    """The text may be YAML, but reading it would take more than we are ready to spend."""


class TooDeepError(LimitError):
    """Nesting beyond `MAX_DEPTH`."""


class TooManyNodesError(LimitError):
    """Aliases and merge keys that stand for more than `MAX_EXPANDED_NODES`."""


class EndlessAliasError(LimitError):
    """An alias inside the node that its anchor names."""


class TooLongError(LimitError):
    """A document beyond `MAX_LENGTH`."""


class LostEntry(NamedTuple):
    """An entry of a mapping that a later one with the same key replaces; keys as offsets."""

    key: str
    lost_key: tuple[int, int]
    lost: Place
    kept_key: tuple[int, int]
    kept: Place
    same_value: bool


class Composed(NamedTuple):
    """A document as plain data; `place` is None if it holds nothing but comments."""

    data: Any
    place: Place | None
    lost_entries: tuple[LostEntry, ...] = ()


def compose(text: str, start: int = 0, end: int | None = None, *, leave_out: int = 0) -> Composed:
    """
    Read the one document that stands between two offsets of a text.

    All places are offsets into the whole text. A mapping merged by `<<` keeps the places of
    the mapping it comes from. `leave_out` takes so many characters at the start for spaces: the `- `
    of an item that is read alone.
    """
    # YAML's parser is a good part of the start-up: loaded only if something is composed.
    from meshlint.source.composer import compose_document

    return compose_document(text, start, len(text) if end is None else end, leave_out)
