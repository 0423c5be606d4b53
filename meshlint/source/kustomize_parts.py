"""
Who has written what kustomize made: files, patches and lines of kustomizations.

kustomize says in annotations from which file an object comes and which kustomizations have changed it.
"""

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meshlint.named import NamedTuple
from meshlint.source.alteration import Target, targets_of
from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import FieldPath, Manifest, Place
from meshlint.source.kustomization import Kustomization, Kustomizations
from meshlint.source.origin import Source, group_and_kind
from meshlint.source.reading import parse_yaml, split_documents
from meshlint.source.rendered import Part
from meshlint.source.renderer import LARGEST_OUTPUT
from meshlint.source.text import SourceFile

if TYPE_CHECKING:
    from meshlint.source.kustomize import Build

_ORIGIN = "config.kubernetes.io/origin"
_TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
_POD_LABELS = (
    ("metadata", "labels"),
    ("spec", "template", "metadata", "labels"),
    ("spec", "selector", "matchLabels"),
    ("spec", "selector"),
)


def without_annotations(data: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    """An object without what kustomize added to it, and that."""
    metadata = dict(data.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    added = {key: annotations.pop(key) for key in (_ORIGIN, _TRANSFORMATIONS) if key in annotations}
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    return {**data, "metadata": metadata}, added


class Parts:
    """What has written each object of a build."""

    def __init__(self, build: "Build", kustomizations: Kustomizations) -> None:
        self._build = build
        self._kustomizations = kustomizations
        self._patches: dict[int, list[_Patch]] = {}
        self._reals: dict[str, str] = {}
        self._files: dict[str, _Written] = {}

    def of(self, data: Mapping[str, Any], annotations: Mapping[str, str]) -> list[Part]:
        """The parts of an object, the last one first."""
        origin = self._origin(data, annotations)
        parts: list[Part] = []
        for known in reversed(self._steps(annotations)):
            parts.extend(self._written_by(known, origin.manifest, data))
        return [*parts, origin]

    def _steps(self, annotations: Mapping[str, str]) -> list[Kustomization]:
        """The kustomizations that changed an object, each once, in their order."""
        steps = _read(annotations.get(_TRANSFORMATIONS))
        files = (step.get("configuredIn") for step in steps or () if isinstance(step, dict))
        found = (self._configured_in(self._real(file)) for file in files)
        return list(dict.fromkeys(known for known in found if known is not None))

    def _configured_in(self, file: str) -> Kustomization | None:
        directory = os.path.dirname(file)
        own = directory == self._build.directory
        return self._build.order.known if own else self._kustomizations.by_directory.get(directory)

    def _real(self, path: object) -> str:
        way = str(path)
        if way not in self._reals:
            real = os.path.realpath(os.path.join(self._build.directory, way))
            self._reals[way] = self._build.copies.get(real, real)
        return self._reals[way]

    def _origin(self, data: Mapping[str, Any], annotations: Mapping[str, str]) -> Part:
        said = _read(annotations.get(_ORIGIN))
        said = said if isinstance(said, dict) else {}
        manifest = self._as_written(self._real(said.get("path")), data)
        if manifest is not None:
            return Part(manifest, manifest.data)
        directory = os.path.dirname(self._real(said.get("configuredIn")))
        known = self._kustomizations.by_directory.get(directory, self._build.order.known)
        return Part(_generator(known, data), {})

    def _as_written(self, path: str, data: Mapping[str, Any]) -> Manifest | None:
        source = self._kustomizations.sources.get(path)
        if source is None:
            return None
        if path not in self._files:
            self._files[path] = _Written(source)
        return self._files[path].find(data)

    def _written_by(self, known: Kustomization, origin: Manifest, data: Mapping[str, Any]) -> Iterator[Part]:
        manifest = known.manifest
        if known.namespace is not None:
            yield Part(manifest, known.namespace, ("namespace",), ("metadata", "namespace"))
        for at, pairs in _labels(manifest):
            yield from (Part(manifest, pairs, at, field) for field in _POD_LABELS)
        annotations = manifest.value("commonAnnotations")
        if isinstance(annotations, dict):
            yield Part(manifest, annotations, ("commonAnnotations",), ("metadata", "annotations"))
        for patch in reversed(self._patches_of(known)):
            if patch.changes(origin):
                yield from patch.parts(data)

    def _patches_of(self, known: Kustomization) -> "list[_Patch]":
        key = id(known)
        if key not in self._patches:
            self._patches[key] = list(_patches(known, self._kustomizations.sources))
        return self._patches[key]


class _Patch(NamedTuple):
    """A patch of a kustomization: what it changes, and its documents or operations."""

    targets: tuple[Target, ...]
    documents: tuple[Manifest, ...]

    def changes(self, origin: Manifest) -> bool:
        """Whether it is for what became of an object."""
        return any(target.selects(origin) for target in self.targets)

    def parts(self, data: Mapping[str, Any]) -> Iterator[Part]:
        """What it writes into an object, the last first."""
        for document in self.documents:
            operations = document.data.get("operations")
            if not isinstance(operations, list):
                yield Part(document, document.data)
                continue
            for index in reversed(range(len(operations))):
                field = _pointer(operations[index], data)
                if field is not None:
                    yield Part(document, operations[index]["value"], ("operations", index, "value"), field)


def _patches(known: Kustomization, sources: Mapping[str, Source]) -> Iterator[_Patch]:
    for key in ("patches", "patchesJson6902", "patchesStrategicMerge"):
        entries = known.manifest.value(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            documents = tuple(_documents(known, (key, index), entry, sources))
            yield _Patch(tuple(_targets(entry, documents)), documents)


def _targets(entry: object, documents: Sequence[Manifest]) -> Iterator[Target]:
    return targets_of(entry, lambda _: documents)


def _documents(
    known: Kustomization, at: FieldPath, entry: object, sources: Mapping[str, Source]
) -> Iterator[Manifest]:
    """The documents of a patch, wherever they are written; of operations, one that holds them."""
    match entry:
        case {"patch": str(text)}:
            yield from _inline(known.manifest, (*at, "patch"), text)
        case str(text) if "\n" in text:
            yield from _inline(known.manifest, at, text)
        case str(path) | {"path": str(path)}:
            source = sources.get(os.path.realpath(os.path.join(known.directory, path)))
            if source is not None:
                text = source.file.text or _content(source.real)
                yield from _composed(SourceFile(source.file.path, text), text, lambda offset: offset)


def _content(path: str) -> str:
    """The text of a file that holds no manifest, and therefore was not kept."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read(LARGEST_OUTPUT)
    except (OSError, UnicodeDecodeError):
        return ""


def _inline(manifest: Manifest, at: FieldPath, text: str) -> Iterator[Manifest]:
    """The documents of a patch that is written into a field, at their own lines if it is a literal block."""
    location = manifest.at(*at)
    if location.place is not None:
        offsets = _offsets_in_block(location.file.text, location.place, text)
        yield from _composed(location.file, text, offsets)


def _offsets_in_block(file: str, place: Place, text: str) -> Callable[[int], int]:
    """From an offset in the text of a literal block to that in the file; elsewhere all is at its start."""
    if not file.startswith("|", place.start):
        return lambda _: place.start
    first = file.find("\n", place.start) + 1
    block, lines = file[first : place.end].split("\n"), text.split("\n")
    written = next((i for i, line in enumerate(lines) if line.strip() and i < len(block)), 0)
    indent = len(block[written]) - len(block[written].lstrip(" ")) - _indent(lines[written])
    starts = [first]
    for line in block:
        starts.append(starts[-1] + len(line) + 1)
    before = [0]
    for line in lines:
        before.append(before[-1] + len(line) + 1)

    def offset(inside: int) -> int:
        line = bisect_right(before, inside) - 1
        return min(starts[min(line, len(block) - 1)] + indent + inside - before[line], place.end)

    return offset


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _composed(file: SourceFile, text: str, offset: Callable[[int], int]) -> Iterator[Manifest]:
    for start, end in split_documents(text):
        try:
            composed = compose(text, start, end)
        except ComposeError:
            continue
        if composed.place is None:
            continue
        place = _moved(composed.place, offset, {})
        match composed.data:
            case dict(data):
                yield Manifest(file, data, place)
            case list(operations):
                keys = {"operations": (place.start, place.start)}
                whole = Place(place.start, place.end, {"operations": place}, keys)
                yield Manifest(file, {"operations": operations}, whole)


def _moved(place: Place, offset: Callable[[int], int], known: dict[int, Place]) -> Place:
    """A place in the text of a field as one in its file."""
    if id(place) in known:
        return known[id(place)]
    moved = known[id(place)] = Place(offset(place.start), offset(place.end))
    if isinstance(place.children, dict):
        moved.children = {key: _moved(child, offset, known) for key, child in place.children.items()}
    elif place.children is not None:
        moved.children = [_moved(child, offset, known) for child in place.children]
    if place.keys is not None:
        moved.keys = {key: (offset(start), offset(end)) for key, (start, end) in place.keys.items()}
    return moved


def _pointer(operation: object, data: object) -> FieldPath | None:
    """The field of an object that an operation of a JSON patch has set; None if it sets none."""
    if not isinstance(operation, dict) or "value" not in operation:
        return None
    field: FieldPath = ()
    for step in str(operation.get("path")).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(data, list):
            index = len(data) - 1 if name == "-" else int(name) if name.isdecimal() else len(data)
            if index >= len(data):
                return None
            data, field = data[index], (*field, index)
        else:
            data, field = data.get(name) if isinstance(data, dict) else None, (*field, name)
    return field


def _labels(manifest: Manifest) -> Iterator[tuple[FieldPath, Mapping[str, Any]]]:
    """The labels that a kustomization gives to objects, and where they stand."""
    common = manifest.value("commonLabels")
    if isinstance(common, dict):
        yield ("commonLabels",), common
    entries = manifest.value("labels")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        pairs = entry.get("pairs") if isinstance(entry, dict) else None
        if isinstance(pairs, dict):
            yield ("labels", index, "pairs"), pairs


class _Written:
    """The manifests of a file, to find the one that an object was made of: one with templates too."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read = _ByKind(source.manifests)

    @cached_property
    def _composed(self) -> "_ByKind":
        file = self._source.file
        return _ByKind(_composed(file, file.text, lambda offset: offset))

    def find(self, data: Mapping[str, Any]) -> Manifest | None:
        """The manifest that an object was made of; None if none is like it."""
        return self._read.find(data) or self._composed.find(data)


class _ByKind:
    """Manifests by what they are and by their names."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._alike: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
        self._named: dict[tuple[str, str, str], Manifest] = {}
        for manifest in manifests:
            kind = group_and_kind(manifest)
            self._alike[kind].append(manifest)
            self._named.setdefault((*kind, str(manifest.value("metadata", "name"))), manifest)

    def find(self, data: Mapping[str, Any]) -> Manifest | None:
        """The one of the same kind, and of the name, which may have got more around it."""
        kind = str(data.get("apiVersion")).rpartition("/")[0], str(data.get("kind"))
        name = str(data["metadata"].get("name"))
        exact = self._named.get((*kind, name))
        if exact is not None:
            return exact
        alike = self._alike.get(kind, [])
        longer = (m for m in alike if str(m.value("metadata", "name")) in name)
        return next(longer, None) or (alike[0] if len(alike) == 1 else None)


def _generator(known: Kustomization, data: Mapping[str, Any]) -> Manifest:
    """The generator of a kustomization that made an object, as the object."""
    key = "secretGenerator" if data.get("kind") == "Secret" else "configMapGenerator"
    entries = known.manifest.value(key)
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        place = known.manifest.at(key, index).place
        name = entry.get("name") if isinstance(entry, dict) else None
        if place is not None and name and str(name) in str(data["metadata"].get("name")):
            return Manifest(known.manifest.file, entry, place)
    return known.manifest


def _read(text: object) -> Any:  # noqa: ANN401 - YAML holds anything
    return parse_yaml(text) if isinstance(text, str) else None
