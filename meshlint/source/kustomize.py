"""
Kustomizations as kustomize builds them.

`kustomize` or `kubectl kustomize` is run on what was read before and found harmless: no remote
resources, no charts, no plugins, nothing outside of the repository. Which file and which patch wrote a
field is told by kustomize's origin annotations and by the kustomizations themselves.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from meshlint.cache import digest, state_of
from meshlint.named import NamedTuple
from meshlint.parallel import processors
from meshlint.regex import regex
from meshlint.source.document import FieldPath, Manifest, Unread, UnreadReason, walk
from meshlint.source.kustomization import Kustomization, Kustomizations
from meshlint.source.kustomize_parts import Parts, without_annotations
from meshlint.source.origin import Source
from meshlint.source.reading import read_mapping, split_documents
from meshlint.source.rendered import Part, RenderedManifest
from meshlint.source.renderer import Refusal, Rendering, find_program, run_renderer, stamp
from meshlint.source.text import SourceFile
from meshlint.source.unrendered import find_template

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

            with ThreadPoolExecutor(processors()) as pool:
                built = pool.map(self._build, wanted.values())
                self._built.update(zip(wanted, built, strict=True))

    def build(self, order: Order) -> Build | Refusal:
        """Build an order, or say why it is not built."""
        if order.key not in self._built:
            self._built[order.key] = self._build(order)
        return self._built[order.key]

    def made(self, build: Build) -> Iterator[Made]:
        """The objects of a build, each with what has written it."""
        parts = Parts(build, self._kustomizations)
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
            return _run(command, order, self._kustomizations.sources).build
        told = sorted(order.fields.items()), order.known.components
        own = command, order.directories, order.files, told
        said = repr((own, sorted(states.items()))).encode("utf-8", "surrogateescape")
        key = digest(b"kustomize", stamp(command[0]), said)
        known = _known_build(order, cache.get(key))
        if known is not None:
            return known
        ran = _run(command, order, self._kustomizations.sources)
        if not ran.is_lasting or states != self._states(order):
            self._rendering.is_untold()
        else:
            cache.put(key, ran.entry)
        return ran.build

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


def _known_build(order: Order, known: Mapping[str, Any] | None) -> Build | Refusal | None:
    """What was built before; None if an entry does not say it."""
    match known:
        case {"text": str(text), "directory": str(directory), "copies": dict(copies)}:
            return Build(order, text, directory, {str(copy): str(real) for copy, real in copies.items()})
        case {"why": str(why)}:
            return Refusal(why, order.known.at("kind"))
    return None


class _Ran(NamedTuple):
    """What became of an order, and whether the same would become of it again."""

    build: Build | Refusal
    is_lasting: bool

    @property
    def entry(self) -> dict[str, Any]:
        """What is kept of it."""
        if isinstance(self.build, Refusal):
            return {"why": self.build.why}
        return {"text": self.build.text, "directory": self.build.directory, "copies": dict(self.build.copies)}


def _run(command: Sequence[str], order: Order, sources: Mapping[str, Source]) -> _Ran:
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
        why = _reason(output.why, (*order.directories, home))
        return _Ran(Refusal(why, order.known.at("kind")), output.is_lasting)
    return _Ran(Build(order, output.text, home, copies), is_lasting=True)


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
