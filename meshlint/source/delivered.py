"""Objects as they are delivered: with fields that Flux or Argo CD writes, at the lines that say so."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location, Manifest


class Write(NamedTuple):
    """A field that is written into an object: its value, and the field of another manifest that says so."""

    field: FieldPath
    value: Any
    manifest: Manifest
    at: FieldPath


class DeliveredManifest(Manifest):
    """
    An object with fields that something else has written into it.

    A field stands where what wrote it says so, all else where it stands in `origin`. `editable` tells
    that an edit of the origin is an edit of this: nothing but its namespace was written.
    """

    __slots__ = ("editable", "origin", "writes")

    def __init__(
        self, data: dict[str, Any], origin: Manifest, writes: Sequence[Write], *, editable: bool = False
    ) -> None:
        super().__init__(origin.file, data, lambda: origin.place, origin.prefix)
        self.origin = origin
        self.writes = tuple(sorted(writes, key=lambda write: -len(write.field)))
        self.editable = editable

    def at(self, *path: str | int) -> Location:
        """The place of a field, where it was written."""
        written, _ = self.written(path)
        return Location(written.file, field=path, manifest=self)

    def written(self, path: FieldPath) -> tuple[Manifest, FieldPath]:
        """The manifest and the field in which a field was written."""
        for write in self.writes:
            if path[: len(write.field)] == write.field:
                return write.manifest.written((*write.at, *path[len(write.field) :]))
        return self.origin.written(path)


def with_fields(manifest: Manifest, writes: Sequence[Write]) -> Manifest:
    """An object with some fields of its metadata written, over what is there."""
    if not writes:
        return manifest
    data: dict[str, Any] = dict(manifest.data)
    for write in writes:
        _set(data, write.field, write.value)
    editable = all(write.field == ("metadata", "namespace") for write in writes)
    return DeliveredManifest(data, manifest, writes, editable=editable)


def entries(field: FieldPath, values: object, manifest: Manifest, at: FieldPath) -> Iterable[Write]:
    """A write for each entry of a mapping of text, such as labels; none if it is no mapping."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield Write((*field, key), value, manifest, (*at, key))


def _set(data: dict[str, Any], field: FieldPath, value: object) -> None:
    """Set a field, copying what leads to it: parts of a manifest may be shared."""
    *way, last = field
    for step in way:
        below = data.get(str(step))
        data[str(step)] = data = dict(below) if isinstance(below, dict) else {}
    data[str(last)] = value
