"""
Kustomizations as kustomize builds them.

`kustomize` or `kubectl kustomize` is run on what was read before and found harmless: no remote
resources, no charts, no plugins, nothing outside of the repository. Which file and which patch wrote a
field is told by kustomize's origin annotations and by the kustomizations themselves.
"""

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from meshlint.cache import digest, state_of
from meshlint.regex import regex
from meshlint.source.alteration import Target, targets_of
from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import FieldPath, Manifest, Place, Unread, UnreadReason, walk
from meshlint.source.kustomization import Kustomization, Kustomizations
from meshlint.source.origin import Source, group_and_kind
from meshlint.source.reading import parse_yaml, read_mapping, split_documents
from meshlint.source.rendered import Part, RenderedManifest
from meshlint.source.renderer import LARGEST_OUTPUT, Refusal, Rendering, find_program, run_renderer, stamp
from meshlint.source.text import SourceFile
from meshlint.source.unrendered import find_template

_ORIGIN = "config.kubernetes.io/origin"
_TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
# What of a kustomization is never a path; whatever else it holds might be.
_TEXTS = frozenset(
    {
        *(
            "apiVersion",
            "kind",
            "metadata",
            "namespace",
            "namePrefix",
            "nameSuffix",
            "labels",
            "commonLabels",
        ),
        *("commonAnnotations", "images", "replicas", "generatorOptions", "buildMetadata", "vars"),
    }
)
# What makes kustomize run or fetch something; it refuses them too unless told otherwise.
_REFUSED = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers", "validators")
_REMOTE = regex(
    r"://|^git@|^git::|^(?:www\.)?(?:github|gitlab|bitbucket)\.\w+[/:]|\?(?:ref|version)=|\.git(?://|$)"
)
_LONGEST_REASON = 300
_POD_LABELS = (
    ("metadata", "labels"),
    ("spec", "template", "metadata", "labels"),
    ("spec", "selector", "matchLabels"),
    ("spec", "selector"),
)


class Order(NamedTuple):
    """
    What is to be built: directories and files, put together by a kustomization that is not in the repository.

    `known` says what it is to do, in `fields`, and where that is written; its directory is where its paths
    start from. `directories` are those of kustomizations, `files` are real paths of manifests. `key` is
    different for what is built differently.
    """

    key: str
    known: Kustomization
    directories: tuple[str, ...]
    files: tuple[str, ...] = ()
    fields: Mapping[str, Any] = MappingProxyType({})


class Build(NamedTuple):
    """
    What kustomize made of an order; paths in its annotations start from `directory`.

    `copies` are the files that were copied there, by path.
    """

    order: Order
    text: str
    directory: str
    copies: Mapping[str, str] = MappingProxyType({})


class Made(NamedTuple):
    """An object of a build as it was written, its data without what was added, and what has written it."""

    manifest: Manifest
    data: dict[str, Any]
    parts: Sequence[Part]


class Kustomizer:
    """
    Builds roots, each once: `rendering` holds what was built already.

    `tops` are the directories that it may read in.
    """

    def __init__(self, kustomizations: Kustomizations, tops: Sequence[str], rendering: Rendering) -> None:
        self._kustomizations = kustomizations
        self._tops = tops
        self._rendering = rendering
        self._built = rendering.kustomizations

    @cached_property
    def _command(self) -> tuple[str, ...] | None:
        return _build_command()

    def build_all(self, orders: Iterable[Order]) -> None:
        """Build several orders side by side, as many as there are processors."""
        wanted = {order.key: order for order in orders if order.key not in self._built}
        if len(wanted) > 1 and self._command is not None:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                built = pool.map(self._build, wanted.values())
                self._built.update(zip(wanted, built, strict=True))

    def build(self, order: Order) -> Build | Refusal:
        """Build an order, or say why it is not built."""
        if order.key not in self._built:
            self._built[order.key] = self._build(order)
        return self._built[order.key]

    def made(self, build: Build) -> Iterator[Made]:
        """The objects of a build, each with what has written it."""
        parts = _Parts(build, self._kustomizations)
        for made in _objects(build.text):
            data, annotations = without_annotations(made.data)
            yield Made(made, data, parts.of(data, annotations))

    def read(self, build: Build) -> tuple[tuple[Manifest, ...], tuple[Unread, ...]]:
        """The objects of a build, with the places where they were written; those with templates apart."""
        manifests: list[Manifest] = []
        unread: list[Unread] = []
        for made in self.made(build):
            manifest = RenderedManifest(made.data, made.parts)
            template = find_template(made.manifest)
            if template is None:
                manifests.append(manifest)
            else:
                unread.append(unsubstituted(template.message, manifest))
        return tuple(manifests), tuple(unread)

    def _build(self, order: Order) -> Build | Refusal:
        command = self._command
        if command is None:
            return Refusal("neither kustomize nor kubectl is on PATH", order.known.at("kind"))
        states = self._states(order)
        self._rendering.note(states)
        refusal = next(self._objections(order), None)
        if refusal is not None:
            return refusal
        cache = self._rendering.cache
        if cache is None or None in states.values():
            return self._run(command, order)
        told = sorted(order.fields.items()), order.known.components
        own = command, order.directories, order.files, told
        said = repr((own, sorted(states.items()))).encode("utf-8", "surrogateescape")
        key = digest(b"kustomize", stamp(command[0]), said)
        known = _known_build(order, cache.get(key))
        if known is not None:
            return known
        build = self._run(command, order)
        if states != self._states(order):
            self._rendering.is_untold()
        elif isinstance(build, Build):
            cache.put(key, {"text": build.text, "directory": build.directory, "copies": dict(build.copies)})
        return build

    def _run(self, command: Sequence[str], order: Order) -> Build | Refusal:
        build = _run(command, order, self._kustomizations.sources)
        if isinstance(build, Refusal):
            # It may have been for want of time or memory.
            self._rendering.is_untold()
        return build

    def _states(self, order: Order) -> dict[str, str | None]:
        """What is at the paths that kustomize may read: whatever in a kustomization could be one."""
        return {path: state_of(path) for path in {*order.files, *self._paths(order)}}

    def _paths(self, order: Order) -> Iterator[str]:
        for path, known, _ in self._reached(order):
            if known is None:
                yield path
                continue
            yield known.source.real
            for field, value in walk(known.manifest.data):
                if isinstance(value, str) and "\n" not in value and not _is_text(field, value):
                    for way in {value, value.rpartition("=")[2]}:
                        yield os.path.join(known.directory, way)

    def _objections(self, order: Order) -> Iterator[Refusal]:
        """What speaks against building: whatever would reach outside, in all that an order puts together."""
        own = order.known
        if own.directory not in order.directories or order.fields:
            yield from self._objections_to(own)
        for path, known, referring in self._reached(order):
            if known is not None:
                yield from self._objections_to(known)
            elif os.path.isdir(path):
                yield Refusal(
                    f"{_shown(path, referring)!r} is not among what was read", referring.at("resources")
                )

    def _reached(self, order: Order) -> Iterator[tuple[str, Kustomization | None, Kustomization]]:
        """The paths that are put together, with the kustomization there, and the one that refers to it."""
        own = order.known
        seen: set[str] = set()
        pending = [(path, own) for path in (*order.directories, *own.components)]
        while pending:
            path, referring = pending.pop()
            known = self._kustomizations.by_directory.get(path)
            if known is None:
                yield path, None, referring
            elif known.directory not in seen:
                seen.add(known.directory)
                yield path, known, referring
                pending.extend((path, known) for path in known.refers_to)

    def _objections_to(self, known: Kustomization) -> Iterator[Refusal]:
        if known.source.unread:
            yield Refusal(known.source.unread[0].message, known.source.unread[0].at)
        for key in _REFUSED:
            if known.manifest.data.get(key):
                yield Refusal(f"`{key}` would run or fetch something", known.at(key))
        for field, value in walk(known.manifest.data):
            if not isinstance(value, str) or _is_text(field, value):
                continue
            at = known.manifest.at(*field)
            if _REMOTE.search(value):
                yield Refusal(f"{value!r} is remote, and nothing is fetched", at)
            elif not _is_within(os.path.join(known.directory, value.rpartition("=")[2]), self._tops):
                yield Refusal(f"{value!r} is outside of the repository", at)


def _is_text(field: FieldPath, value: str) -> bool:
    """Whether the value of a field of a kustomization is certainly neither a path nor an address."""
    match field:
        case (str(key), *_) if key in _TEXTS:
            return True
        case (*_, "patch") | (*_, "literals", int()):
            return True
        case ("patchesStrategicMerge", int()):
            return "\n" in value
        case _:
            return False


def _is_within(path: str, tops: Iterable[str]) -> bool:
    real = os.path.realpath(path)
    return any(real == top or real.startswith(top.rstrip(os.sep) + os.sep) for top in tops)


def _shown(path: str, known: Kustomization) -> str:
    return os.path.relpath(path, known.directory)


def building_program() -> str | None:
    """What builds kustomizations, as a user would type it; None if there is nothing on PATH that does."""
    command = _build_command()
    return None if command is None else " ".join((os.path.basename(command[0]), *command[1:]))


def _build_command() -> tuple[str, ...] | None:
    kustomize, kubectl = find_program("kustomize"), find_program("kubectl")
    if kustomize is not None:
        return kustomize, "build"
    return (kubectl, "kustomize") if kubectl is not None else None


def order_of(root: Kustomization) -> Order:
    """The order of a kustomization as it is."""
    return Order(root.directory, root, (root.directory,))


def _known_build(order: Order, known: Mapping[str, Any] | None) -> Build | None:
    """What was built before; None if an entry does not say it."""
    match known:
        case {"text": str(text), "directory": str(directory), "copies": dict(copies)}:
            return Build(order, text, directory, {str(copy): str(real) for copy, real in copies.items()})
    return None


def _run(command: Sequence[str], order: Order, sources: Mapping[str, Source]) -> Build | Refusal:
    """
    Build a kustomization of our own that asks for annotations and has all else as its resources.

    A path of kustomize is relative, so it leads from there to a directory. Files outside of a kustomization
    it does not load: they are copied.
    """
    import json
    import tempfile

    with tempfile.TemporaryDirectory(prefix="meshlint-") as made:
        home = os.path.realpath(made)
        copies = {os.path.join(home, f"{i}.yaml"): real for i, real in enumerate(order.files)}
        for copy, real in copies.items():
            with open(copy, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(sources[real].file.text)
        wrapper = {
            **order.fields,
            "resources": [
                *(os.path.relpath(directory, home) for directory in order.directories),
                *map(os.path.basename, copies),
            ],
            "components": [os.path.relpath(directory, home) for directory in order.known.components],
            "buildMetadata": ["originAnnotations", "transformerAnnotations"],
        }
        if order.fields.get("components") is None:
            del wrapper["components"]
        with open(os.path.join(home, "kustomization.yaml"), "w", encoding="utf-8") as file:
            json.dump(wrapper, file)
        output = run_renderer([*command, home], home)
    if output.text is None:
        return Refusal(_reason(output.why, (*order.directories, home)), order.known.at("kind"))
    return Build(order, output.text, home, copies)


def _reason(why: str, directories: Iterable[str]) -> str:
    """What kustomize complains of in some directories, without the way that led it there."""
    reason = why
    for directory in directories:
        _, wrapped, inner = reason.rpartition(f"recursed accumulation of path '{directory}': ")
        reason = (inner if wrapped else reason).replace(f"{directory}{os.sep}", "")
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."


def _objects(text: str) -> Iterator[Manifest]:
    """The objects of what was built, as it was written there."""
    file = SourceFile("", text)
    for start, end in split_documents(text):
        made = read_mapping(file, start, end)
        if made is not None and made.data.get("kind"):
            yield made


def unsubstituted(message: str, manifest: Manifest) -> Unread:
    """An object with a template left in it, as what could not be read."""
    namespace = manifest.value("metadata", "namespace")
    at = manifest.at("metadata", "name")
    return Unread(UnreadReason.TEMPLATE, message, at, namespace if isinstance(namespace, str) else None)


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


class _Parts:
    """What has written each object of a build."""

    def __init__(self, build: Build, kustomizations: Kustomizations) -> None:
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
