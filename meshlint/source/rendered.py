"""Objects that a renderer has made, with the places in the files that people edit."""

from collections.abc import Iterator, Sequence
from typing import Any

from meshlint.named import NamedTuple
from meshlint.source.delivered import DeliveredManifest
from meshlint.source.document import FieldPath, Location, Manifest
from meshlint.source.live import LiveManifest


class Part(NamedTuple):
    """
    Something that has written into an object: its origin, a patch, or a line of a kustomization.

    `data` is what it writes and `field` the field of the object that this is; it stands in `manifest`,
    at `at`.
    """

    manifest: Manifest
    data: Any
    at: FieldPath = ()
    field: FieldPath = ()

    def follow(self, path: FieldPath, rendered: object) -> tuple[FieldPath, bool]:
        """
        As far as a field of the object can be followed here: the way, and whether it ends in the same value.

        Items of lists are recognised by what they are or by their names, since renderers move them.
        """
        if path[: len(self.field)] != self.field:
            return self.at, False
        ours, theirs, way = self.data, _below(rendered, self.field), self.at
        for step in path[len(self.field) :]:
            found = _step(step, ours, theirs)
            if found is None:
                return way, False
            ours, theirs, way = ours[found], theirs[step], (*way, found)
        return way, type(ours) is type(theirs) and ours == theirs


class RenderedManifest(Manifest):
    """
    An object that a renderer has made.

    `data` is what it made; `parts` are what has written it, the last first and its origin at the end. A
    place is that of the part that wrote the value, and edits of it are nobody's to make but a person's.
    """

    __slots__ = ("_found", "parts")

    def __init__(self, data: dict[str, Any], parts: Sequence[Part]) -> None:
        origin = parts[-1].manifest
        super().__init__(origin.file, data, lambda: origin.place, origin.prefix)
        self.parts = tuple(parts)
        self._found: dict[FieldPath, tuple[Manifest, FieldPath]] = {}

    def at(self, *path: str | int) -> Location:
        """The place of a field, where it was written."""
        written, _ = self.written(path)
        return Location(written.file, field=path, manifest=self)

    def written(self, path: FieldPath) -> tuple[Manifest, FieldPath]:
        """The manifest and the field in which a field was written; the nearest if it was not."""
        if path not in self._found:
            manifest, way = self._search(path)
            self._found[path] = manifest.written(way)
        return self._found[path]

    def _search(self, path: FieldPath) -> tuple[Manifest, FieldPath]:
        ways = []
        for part in self.parts:
            way, is_same = part.follow(path, self.data)
            if is_same:
                return part.manifest, way
            known = len(way) - len(part.at) + (len(part.field) if way != part.at else 0)
            ways.append((known, part, way))
        # The origin, unless a part knows more of the way.
        known, part, way = max(reversed(ways), key=lambda entry: entry[0])
        return part.manifest, (*way, *path[known:])


class SubstitutedManifest(Manifest):
    """An object with values for its variables: its places are those of the text with the variables."""

    __slots__ = ()


def is_rendered(manifest: Manifest | None) -> bool:
    """Whether an object was made by a renderer, changed on its way, or read from a cluster."""
    if isinstance(manifest, DeliveredManifest):
        return not manifest.editable or is_rendered(manifest.origin)
    return isinstance(manifest, RenderedManifest | SubstitutedManifest | LiveManifest)


def written_in(manifest: Manifest) -> Iterator[str]:
    """The paths of the files that an object was written in: several if it was rendered."""
    if isinstance(manifest, RenderedManifest):
        yield from (part.manifest.file.path for part in manifest.parts)
    else:
        yield manifest.file.path


def origins(manifest: Manifest) -> Iterator[Manifest]:
    """A manifest, and those that it is written in if it was rendered or delivered."""
    yield manifest
    match manifest:
        case RenderedManifest():
            for part in manifest.parts:
                yield from origins(part.manifest)
        case DeliveredManifest():
            yield from origins(manifest.origin)
            for write in manifest.writes:
                yield from origins(write.manifest)


def _below(data: Any, path: FieldPath) -> Any:  # noqa: ANN401 - YAML holds anything
    for step in path:
        match data, step:
            case dict(), str():
                data = data.get(step)
            case list(), int() if 0 <= step < len(data):
                data = data[step]
            case _:
                return None
    return data


def _step(step: str | int, ours: object, theirs: object) -> str | int | None:
    match ours, theirs, step:
        case dict(), dict(), str() if step in ours and step in theirs:
            return step
        case list(), list(), int() if 0 <= step < len(theirs):
            return _same_item(ours, theirs, step)
        case _:
            return None


def _same_item(ours: list[Any], theirs: list[Any], step: int) -> int | None:
    wanted = theirs[step]
    if wanted in ours:
        return ours.index(wanted)
    if isinstance(wanted, dict) and "name" in wanted:
        named = (
            i for i, item in enumerate(ours) if isinstance(item, dict) and item.get("name") == wanted["name"]
        )
        return next(named, None)
    return step if len(ours) == len(theirs) else None
