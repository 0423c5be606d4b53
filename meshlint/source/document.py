"""YAML documents: plain data, and beside it the places where the data stands."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final

from meshlint.named import NamedTuple
from meshlint.source.text import SourceFile, SourceSpan

FieldPath = tuple[str | int, ...]
"""The way to a field: `("spec", "listeners", 0, "port")`."""


class Place:
    """
    Where a node of a YAML document stands: offsets into the text of its file.

    `children` are the places of the values of a mapping by key, or of the items of a sequence;
    None for a scalar. `keys` holds start and end of each key of a mapping. The node that an
    alias stands for has the place of the alias, and the children of the anchored node.
    """

    __slots__ = ("children", "end", "keys", "start")

    def __init__(
        self,
        start: int,
        end: int,
        children: "dict[str, Place] | list[Place] | None" = None,
        keys: dict[str, tuple[int, int]] | None = None,
    ) -> None:
        self.start = start
        self.end = end
        self.children = children
        self.keys = keys


class DuplicateKey(NamedTuple):
    """A key that a mapping holds more than once: the entry that is lost, and the one that wins."""

    key: str
    lost: "Location"
    kept: "Location"
    same_value: bool


class Manifest:
    """
    One Kubernetes object as it was written: a YAML document, or one item of a `kind: List`.

    `data` is plain: dict, list, str, int, float, bool and None, keys always text. Aliased
    parts are shared, so nothing may change it. `place` is where it stands, or what works that out when
    somebody asks. `listing` stands for the document of the list that holds it as an item, the same for all
    its items; None if it is a document of its own.
    """

    __slots__ = ("_place", "data", "file", "listing", "prefix")

    def __init__(
        self,
        file: SourceFile,
        data: dict[str, Any],
        place: Place | Callable[[], Place],
        prefix: FieldPath = (),
        listing: object | None = None,
    ) -> None:
        self.file: Final = file
        self.data: Final = data
        self._place = place
        self.prefix: Final = prefix
        self.listing: Final = listing

    @property
    def place(self) -> Place:
        """Where it stands, with all its parts."""
        place = self._place
        if not isinstance(place, Place):
            place = self._place = place()
        return place

    @property
    def is_live(self) -> bool:
        """Whether it was read from a cluster: the API server has given it an identity and a version."""
        metadata = self.data.get("metadata")
        return isinstance(metadata, dict) and bool(metadata.get("uid") and metadata.get("resourceVersion"))

    def at(self, *path: str | int) -> "Location":
        """The place of a field; of its nearest existing ancestor if there is no such field."""
        return Location(self.file, field=path, manifest=self)

    def written(self, path: FieldPath) -> "tuple[Manifest, FieldPath]":
        """The manifest and the field in which a field was written: this one, unless it was rendered."""
        return self, path

    def value(self, *path: str | int) -> Any:  # noqa: ANN401 - YAML holds anything
        """The value of a field, None if there is none."""
        value: Any = self.data
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
                value = value[step]
            else:
                return None
        return value


class Location(NamedTuple):
    """
    A place that can be shown: a field of a manifest, or a stretch of a file, from `start` to `end`.

    Cheap to make: offsets, lines and columns are only worked out when somebody looks at them.
    """

    file: SourceFile
    start: int = 0
    end: int = 0
    field: FieldPath = ()
    manifest: Manifest | None = None

    @property
    def span(self) -> SourceSpan:
        """Lines and columns: on one line wherever the text allows it."""
        return self.file.span(*self.offsets)

    @property
    def offsets(self) -> tuple[int, int]:
        """Start and end in the text: a scalar with its key, else the key, else the first line."""
        if self.manifest is None:
            return self.start, self.end
        manifest, field = self.manifest.written(self.field)
        return _offsets(manifest.file.text, manifest.place, field)

    @property
    def value_offsets(self) -> tuple[int, int]:
        """Start and end of the value alone, as written, quotes included."""
        if self.manifest is None:
            return self.start, self.end
        place = self.place or self.manifest.written(self.field)[0].place
        return place.start, place.end

    @property
    def place(self) -> Place | None:
        """The node that stands exactly here; None for a field that is absent."""
        if self.manifest is None:
            return None
        manifest, field = self.manifest.written(self.field)
        place = manifest.place
        for step in field:
            child = _child(place, step)
            if child is None:
                return None
            place = child
        return place


class UnreadReason(Enum):
    """Why a document, or a whole file, could not be taken as manifests."""

    SYNTAX = "syntax"
    ENCODING = "encoding"
    LIMIT = "limit"
    UNREADABLE = "unreadable"
    TEMPLATE = "template"
    ENCRYPTED = "encrypted"


class Unread(NamedTuple):
    """
    Text that was found but could not be read as manifests.

    `at` is the narrowest place to blame, `message` what is wrong there in a user's words.
    `namespace` is the namespace that the text is for, where it can be made out.
    """

    reason: UnreadReason
    message: str
    at: Location
    namespace: str | None = None


def walk(data: object, path: FieldPath = ()) -> Iterator[tuple[FieldPath, object]]:
    """Each scalar of some plain data with the way to it."""
    match data:
        case dict():
            for key, value in data.items():
                yield from walk(value, (*path, key))
        case list():
            for index, item in enumerate(data):
                yield from walk(item, (*path, index))
        case _:
            yield path, data


def _child(place: Place, step: str | int) -> Place | None:
    children = place.children
    if isinstance(children, dict):
        return children.get(step) if isinstance(step, str) else None
    if isinstance(children, list) and isinstance(step, int) and 0 <= step < len(children):
        return children[step]
    return None


def _offsets(text: str, place: Place, path: FieldPath) -> tuple[int, int]:
    label: tuple[int, int] | None = None
    for step in path:
        child = _child(place, step)
        if child is None:
            break
        label = place.keys[step] if place.keys and isinstance(step, str) else None
        place = child
    if label is not None and (place.children is not None or _spans_lines(text, label[0], place.end)):
        return label
    if label is not None:
        return label[0], max(place.end, label[1])
    return _first_line(text, place)


def _first_line(text: str, place: Place) -> tuple[int, int]:
    """A node without a key of its own: its first entry, or what fits on its first line."""
    if isinstance(place.children, dict) and place.keys:
        key, (start, end) = next(iter(place.keys.items()))
        child = place.children[key]
        whole = child.children is None and not _spans_lines(text, start, child.end)
        return (start, max(child.end, end)) if whole else (start, end)
    end = place.end
    while _spans_lines(text, place.start, end):
        end = min(i for i in (text.find("\n", place.start), text.find("\r", place.start)) if i >= 0)
    return place.start, max(end, place.start)


def _spans_lines(text: str, start: int, end: int) -> bool:
    return text.find("\n", start, end) >= 0 or text.find("\r", start, end) >= 0
