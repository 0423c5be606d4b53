"""Kustomizations, read for what they put together: which files are resources, and which are patches."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import Location, Unread, UnreadReason
from meshlint.source.origin import Source, only_broken
from meshlint.source.reading import split_documents

_KUSTOMIZATION_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
# What a kustomization may hold that changes, adds or renames objects beyond what its files say.
_CHANGING_KEYS = (
    *("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "vars"),
    *("transformers", "generators", "configurations", "components", "helmCharts"),
    *("helmChartInflationGenerator", "namePrefix", "nameSuffix", "labels", "commonLabels"),
)


class Kustomization(NamedTuple):
    """One kustomization file; `changes` tells that it alters what it puts together."""

    source: Source
    directory: str
    is_component: bool
    namespace: str | None
    resources: tuple[str, ...]
    components: tuple[str, ...]
    patches: frozenset[str]
    generated_from: frozenset[str]
    changes: bool

    @property
    def refers_to(self) -> tuple[str, ...]:
        """What it puts together, components included."""
        return (*self.resources, *self.components)


class Reach:
    """What a kustomization puts together: each resource file with the namespace that it gets."""

    def __init__(self) -> None:
        self.files: dict[str, str | None] = {}
        self.kustomizations: dict[str, Kustomization] = {}
        self.missing = False


class Kustomizations:
    """All kustomizations of the input: which are roots, what each reaches, what none does."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self.sources = sources
        self.by_directory = _read_kustomizations(sources)
        self._own_files = {known.source.real for known in self.by_directory.values()}
        self._patches = {path for known in self.by_directory.values() for path in known.patches}
        self._reached: dict[str, Reach] = {}
        self.roots = self._find_roots()

    def reach(self, root: Kustomization) -> Reach:
        """What a root puts together, with all that its parts do."""
        if root.directory not in self._reached:
            self._reached[root.directory] = self._follow(root)
        return self._reached[root.directory]

    def left_over(self) -> list[Source]:
        """Everything that no root reaches; of patches and components only what is broken."""
        taken = {real for root in self.roots for real in self.reach(root).files}
        taken |= {
            known.source.real for root in self.roots for known in self.reach(root).kustomizations.values()
        }
        hidden = self._own_files | self._patches
        for known in self.by_directory.values():
            hidden |= known.generated_from
            if known.is_component:
                hidden |= self.reach(known).files.keys()
        return [
            only_broken(source) if real in hidden else source
            for real, source in self.sources.items()
            if real not in taken
        ]

    def _find_roots(self) -> list[Kustomization]:
        """Those that nothing refers to, and one for each cycle that nothing leads into."""
        applied = [known for known in self.by_directory.values() if not known.is_component]
        referenced = {
            path
            for known in self.by_directory.values()
            for path in known.refers_to
            if path != known.directory
        }
        roots = [known for known in applied if known.directory not in referenced]
        components = (known for known in self.by_directory.values() if known.is_component)
        reached: set[str] = set()
        for known in (*roots, *components):
            reached |= self.reach(known).kustomizations.keys()
        for known in applied:
            if known.directory not in reached:
                roots.append(known)
                reached |= self.reach(known).kustomizations.keys()
        return roots

    def _follow(self, root: Kustomization) -> Reach:
        reach = Reach()
        pending = [(root, root.namespace)]
        while pending:
            known, namespace = pending.pop()
            if known.directory in reach.kustomizations:
                continue
            reach.kustomizations[known.directory] = known
            for path in known.resources:
                below = self.by_directory.get(path)
                if below is not None and not below.is_component:
                    # The outermost namespace wins, as its transformer runs last.
                    pending.append((below, namespace or below.namespace))
                elif path not in self.sources:
                    reach.missing = True
                elif path not in self._patches and path not in self._own_files:
                    reach.files.setdefault(path, namespace)
        return reach


def _read_kustomizations(sources: Mapping[str, Source]) -> dict[str, Kustomization]:
    found: dict[str, tuple[Source, Mapping[str, Any]]] = {}
    for source in sources.values():
        if os.path.basename(source.real) not in _KUSTOMIZATION_NAMES:
            continue
        known_source, data = _kustomization_data(source)
        if not str(data.get("apiVersion", "")).startswith(_FLUX_GROUP + "/"):
            found[os.path.dirname(source.real)] = known_source, data
    known = sources.keys() | found.keys()
    return {
        directory: _kustomization(directory, source, data, known)
        for directory, (source, data) in found.items()
    }


def _kustomization_data(source: Source) -> tuple[Source, Mapping[str, Any]]:
    """What it says, nothing if it is no mapping; with the problem if it cannot be read."""
    text = source.file.text
    try:
        data = compose(text, *next(split_documents(text))).data
    except ComposeError as error:
        if source.unread:
            return source, {}
        reason = UnreadReason.TEMPLATE if "{{" in text else UnreadReason.SYNTAX
        problem = Unread(reason, error.message, Location(source.file, error.offset, error.offset))
        return source._replace(unread=(problem,)), {}
    return source, data if isinstance(data, dict) else {}


def _kustomization(directory: str, source: Source, data: Mapping[str, Any], known: set[str]) -> Kustomization:
    def paths(entries: Iterable[str]) -> tuple[str, ...]:
        return tuple(_resolve(directory, entry, known) for entry in entries if "\n" not in entry)

    namespace = data.get("namespace")
    unreadable = bool(source.unread)
    return Kustomization(
        source=source,
        directory=directory,
        is_component=data.get("kind") == "Component",
        namespace=namespace if isinstance(namespace, str) and namespace else None,
        resources=paths((*_texts(data, "resources"), *_texts(data, "bases"))),
        components=paths(_texts(data, "components")),
        patches=frozenset(paths(_patch_paths(data))),
        generated_from=frozenset(paths(_generator_paths(data))),
        changes=unreadable or any(map(data.get, _CHANGING_KEYS)) or _touches_mesh(data),
    )


def _resolve(directory: str, path: str, known: set[str]) -> str:
    """Where a path leads: to a kustomization's directory if it is one, else to a file."""
    full = os.path.normpath(os.path.join(directory, path))
    if full not in known and "://" not in path:
        full = os.path.realpath(full)
    is_kustomization = os.path.basename(full) in _KUSTOMIZATION_NAMES and full in known
    return os.path.dirname(full) if is_kustomization else full


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    entries = data.get(key)
    return [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []


def _mappings(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = data.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _patch_paths(data: Mapping[str, Any]) -> Iterator[str]:
    """The files that say how to change objects, rather than being objects."""
    for key in ("patchesStrategicMerge", "transformers", "generators", "validators", "configurations"):
        yield from _texts(data, key)
    for key in ("patches", "patchesJson6902", "replacements"):
        yield from (entry["path"] for entry in _mappings(data, key) if isinstance(entry.get("path"), str))


def _generator_paths(data: Mapping[str, Any]) -> Iterator[str]:
    for key in ("configMapGenerator", "secretGenerator"):
        for generator in _mappings(data, key):
            for entry in (*_texts(generator, "files"), *_texts(generator, "envs")):
                yield entry.rpartition("=")[2]
    yield from _texts(data, "crds")
    for chart in _mappings(data, "helmCharts"):
        yield from _texts(chart, "additionalValuesFiles")
        if isinstance(chart.get("valuesFile"), str):
            yield chart["valuesFile"]


def _touches_mesh(data: Mapping[str, Any]) -> bool:
    """Whether what is generated or annotated is read by Istio: mesh config is in ConfigMap `istio`."""
    annotations = data.get("commonAnnotations")
    return any("istio.io" in str(key) for key in annotations or ()) or any(
        str(generator.get("name", "")).startswith("istio")
        for generator in _mappings(data, "configMapGenerator")
    )
