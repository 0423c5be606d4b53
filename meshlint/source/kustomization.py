"""Kustomizations, read for what they put together: which files are resources, and which are patches."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meshlint.named import NamedTuple
from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import Location, Manifest, Place, Unread, UnreadReason
from meshlint.source.origin import Source, only_broken
from meshlint.source.reading import split_documents

if TYPE_CHECKING:
    from meshlint.source.alteration import Alteration

_KUSTOMIZATION_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
# What a kustomization may hold that changes, adds or renames objects beyond what its files say.
_CHANGING_KEYS = (
    *("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "vars"),
    *("transformers", "generators", "configurations", "components", "helmCharts"),
    *("helmChartInflationGenerator", "namePrefix", "nameSuffix", "labels", "commonLabels"),
)


class Kustomization(NamedTuple):
    """
    One kustomization file; `changes` tells that it makes more than what it puts together.

    `alterations` are what it changes in objects; `added_to` are the namespaces for which it has
    more made than was read, None for that of the kustomization.
    """

    source: Source
    manifest: Manifest
    directory: str
    is_component: bool
    namespace: str | None
    resources: tuple[str, ...]
    components: tuple[str, ...]
    patches: frozenset[str]
    generated_from: frozenset[str]
    changes: bool
    alterations: "tuple[Alteration, ...]" = ()
    added_to: frozenset[str | None] = frozenset()

    def at(self, key: str) -> Location:
        """The place of a key."""
        return self.manifest.at(key)

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
        self._altered: dict[str, Mapping[Manifest, Location]] = {}
        self.roots = self._find_roots()

    def reach(self, root: Kustomization) -> Reach:
        """What a root puts together, with all that its parts do."""
        if root.directory not in self._reached:
            self._reached[root.directory] = self._follow(root)
        return self._reached[root.directory]

    def left_over(self, applied: frozenset[str] = frozenset()) -> list[Source]:
        """
        Everything that no root reaches; of patches and components only what is broken.

        `applied` are the files that are in a set already.
        """
        taken = applied | {real for root in self.roots for real in self.reach(root).files}
        taken |= {
            known.source.real for root in self.roots for known in self.reach(root).kustomizations.values()
        }
        return [
            only_broken(source) if real in self.hidden else source
            for real, source in self.sources.items()
            if real not in taken
        ]

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The files that are no resources: kustomizations, patches, what is generated from, components."""
        hidden = self._own_files | self._patches
        for known in self.by_directory.values():
            hidden |= known.generated_from
            if known.is_component:
                hidden |= self.reach(known).files.keys()
        return frozenset(hidden)

    def altered(self, root: Kustomization) -> dict[Manifest, Location]:
        """What a root puts together and changes, each object with the place that says so."""
        found: dict[Manifest, Location] = {}
        for known in self.reach(root).kustomizations.values():
            found = {**self._altered_by(known), **found}
        return found

    def added_to(self, root: Kustomization) -> frozenset[str | None]:
        """The namespaces for which a root has more made than was read, None for its own."""
        reach = self.reach(root)
        missing: frozenset[str | None] = frozenset({None}) if reach.missing else frozenset()
        return missing.union(*(known.added_to for known in reach.kustomizations.values()))

    def _altered_by(self, known: Kustomization) -> Mapping[Manifest, Location]:
        if known.directory not in self._altered:
            sources = (self.sources[path] for path in self.reach(known).files)
            manifests = (manifest for source in sources for manifest in source.manifests)
            alterations = list(self._alterations(known))
            self._altered[known.directory] = _altered(alterations, manifests) if alterations else {}
        return self._altered[known.directory]

    def _alterations(self, known: Kustomization) -> "Iterator[Alteration]":
        """What a kustomization changes, its components included: they change what it puts together."""
        seen: set[str] = set()
        pending = [known]
        while pending:
            changing = pending.pop()
            if changing.directory in seen:
                continue
            seen.add(changing.directory)
            yield from changing.alterations
            for path in changing.components:
                if path in self.by_directory:
                    pending.append(self.by_directory[path])
                else:
                    yield _anything(changing.at("components"))

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
    found: dict[str, tuple[Source, Manifest]] = {}
    for source in sources.values():
        if os.path.basename(source.real) not in _KUSTOMIZATION_NAMES:
            continue
        known_source, manifest = _read_kustomization(source)
        if not str(manifest.data.get("apiVersion", "")).startswith(_FLUX_GROUP + "/"):
            found[os.path.dirname(source.real)] = known_source, manifest
    known = sources.keys() | found.keys()

    def patch_files(path: str) -> Sequence[Manifest]:
        source = sources.get(path)
        return () if source is None or source.unread else source.manifests

    return {
        directory: _kustomization(directory, source, manifest, known, patch_files)
        for directory, (source, manifest) in found.items()
    }


def _anything(at: Location) -> "Alteration":
    """What changes anything, for all that is known."""
    from meshlint.source.alteration import Alteration, Target

    return Alteration(at, (Target(),))


def _altered(
    alterations: "Iterable[Alteration]", manifests: Iterable[Manifest]
) -> Mapping[Manifest, Location]:
    from meshlint.source.alteration import altered

    return altered(alterations, manifests)


def _read_kustomization(source: Source) -> tuple[Source, Manifest]:
    """What it says, nothing if it is no mapping; with the problem if it cannot be read."""
    text = source.file.text
    nothing = Manifest(source.file, {}, Place(0, 0))
    try:
        composed = compose(text, *next(split_documents(text)))
    except ComposeError as error:
        if source.unread:
            return source, nothing
        reason = UnreadReason.TEMPLATE if "{{" in text else UnreadReason.SYNTAX
        problem = Unread(reason, error.message, Location(source.file, error.offset, error.offset))
        return source._replace(unread=(problem,)), nothing
    if composed.place is None or not isinstance(composed.data, dict):
        return source, nothing
    return source, Manifest(source.file, composed.data, composed.place)


def _kustomization(
    directory: str,
    source: Source,
    manifest: Manifest,
    known: set[str],
    patch_files: Callable[[str], Sequence[Manifest]],
) -> Kustomization:
    from meshlint.source.alteration import alterations_by

    data: Mapping[str, Any] = manifest.data

    def paths(entries: Iterable[str]) -> tuple[str, ...]:
        return tuple(_resolve(directory, entry, known) for entry in entries if "\n" not in entry)

    namespace = data.get("namespace")
    unreadable = bool(source.unread)
    changed: Iterable[Alteration]
    if unreadable:
        changed = [_anything(source.unread[0].at)]
    else:
        changed = alterations_by(manifest, lambda path: patch_files(_resolve(directory, path, known)))
    return Kustomization(
        source=source,
        manifest=manifest,
        directory=directory,
        is_component=data.get("kind") == "Component",
        namespace=namespace if isinstance(namespace, str) and namespace else None,
        resources=paths((*_texts(data, "resources"), *_texts(data, "bases"))),
        components=paths(_texts(data, "components")),
        patches=frozenset(paths(_patch_paths(data))),
        generated_from=frozenset(paths(_generator_paths(data))),
        changes=unreadable or any(map(data.get, _CHANGING_KEYS)) or _touches_mesh(data),
        alterations=tuple(changed),
        added_to=frozenset({None}) if unreadable else frozenset(_added_to(data)),
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


def _added_to(data: Mapping[str, Any]) -> Iterator[str | None]:
    """The namespaces of what charts, generators and components make, None for the kustomization's."""
    if any(map(data.get, ("generators", "helmChartInflationGenerator", "components"))):
        yield None
    for chart in _mappings(data, "helmCharts"):
        namespace = chart.get("namespace")
        yield namespace if isinstance(namespace, str) and namespace else None


def _touches_mesh(data: Mapping[str, Any]) -> bool:
    """Whether what is generated or annotated is read by Istio: mesh config is in ConfigMap `istio`."""
    annotations = data.get("commonAnnotations")
    return any("istio.io" in str(key) for key in annotations or ()) or any(
        str(generator.get("name", "")).startswith("istio")
        for generator in _mappings(data, "configMapGenerator")
    )
