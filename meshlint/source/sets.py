"""
Which manifests one cluster would hold together.

Nothing is rendered here: a kustomization is read for what it puts together, and a set of which
patches or the like were left out says so.
"""

import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from meshlint.source.compose import ComposeError, compose
from meshlint.source.discovery import Discovery, FoundFile
from meshlint.source.document import Location, Manifest, Unread, UnreadReason
from meshlint.source.reading import Reading, split_documents
from meshlint.source.text import SourceFile

_KUSTOMIZATION_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_CHART_FILE = "Chart.yaml"
_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
_ARGO_CD_GROUP = "argoproj.io"
_CLUSTER_SCOPED = re.compile(r"Namespace|Cluster\w+|CustomResourceDefinition|GatewayClass")
# What a kustomization may hold that changes, adds or renames objects beyond what its files say.
_CHANGING_KEYS = (
    *("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "vars"),
    *("transformers", "generators", "configurations", "components", "helmCharts"),
    *("helmChartInflationGenerator", "namePrefix", "nameSuffix", "labels", "commonLabels"),
)
_MOST_SETS = 300
_MOST_DIVISIONS = 20
# Two alternatives and a remainder, or what is shared, as sets of their own.
_SMALLEST_DIVISION = 4
_MOST_SHARED_FILES = 100_000


class ManifestSet(NamedTuple):
    """
    The manifests that one cluster would hold together: the unit that is linted.

    `name` is a directory as users are shown it, `.` for the top. `rendered` is False if something
    that changes or adds manifests was not applied, so that nothing may be taken as complete.
    `explicit` tells that the user says these belong together, rather than a walk having found
    them. `default_namespace` is for objects that have none of their own.
    """

    name: str
    manifests: tuple[Manifest, ...]
    default_namespace: str | None = None
    unread: tuple[Unread, ...] = ()
    rendered: bool = True
    explicit: bool = False


def split_into_sets(
    readings: Sequence[Reading], discovery: Discovery, *, unread: Sequence[Unread] = ()
) -> tuple[ManifestSet, ...]:
    """
    Put manifests together that belong together, and keep apart what are alternatives.

    `readings` are of the files of `discovery`; `unread` stands for those that could not be
    opened. Each kustomize root is a set, and so is what is left of each directory argument. Copies
    of an object that differ, in different directories, are never in one set.
    """
    sources = _group_templates(_sources(readings, discovery, [*discovery.unread, *unread]))
    kustomizations = _Kustomizations(sources)
    declared = _declared_namespaces(sources.values(), kustomizations, discovery)
    sets = [_set_of_root(root, kustomizations, declared) for root in kustomizations.roots]
    for group in _groups(kustomizations.left_over(), declared):
        sets.extend(_sets_of_group(group))
    found = (a_set for a_set in sets if a_set.manifests or a_set.unread)
    return tuple(sorted(found, key=lambda a_set: (a_set.name, not a_set.explicit)))


class _Source(NamedTuple):
    """One file: where it is, the directory argument it came from, and what was read in it."""

    file: SourceFile
    real: str
    argument: str | None
    manifests: tuple[Manifest, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.file.path)


def _sources(
    readings: Iterable[Reading], discovery: Discovery, unread: Iterable[Unread]
) -> dict[str, _Source]:
    """Everything that was found, by real path, in the order of the paths as shown."""
    found = {file.path: file for file in discovery.files}
    sources: dict[str, _Source] = {}
    for reading in readings:
        file = found[reading.file.path]
        text = reading.file if reading.file.text else _structural(file, reading.file)
        sources[file.real] = _Source(text, file.real, file.directory, reading.manifests, reading.unread)
    for problem in unread:
        shown = problem.at.file.path
        real = found[shown].real if shown in found else os.path.realpath(shown)
        argument = found[shown].directory if shown in found else _argument(real, discovery)
        known = sources.get(real) or _Source(problem.at.file, real, argument)
        sources[real] = known._replace(unread=(*known.unread, problem))
    return dict(sorted(sources.items(), key=lambda item: item[1].file.path))


def _structural(found: FoundFile, file: SourceFile) -> SourceFile:
    """The file with its text, should it say how others belong together; readings only keep manifests."""
    if os.path.basename(found.real) not in {*_KUSTOMIZATION_NAMES, _CHART_FILE}:
        return file
    content = found.read()
    return (
        file if isinstance(content, Unread) else SourceFile(file.path, content.decode("utf-8-sig", "replace"))
    )


def _argument(real: str, discovery: Discovery) -> str | None:
    holding = (
        shown
        for shown, directory in discovery.directories.items()
        if real == directory or real.startswith(directory.rstrip(os.sep) + os.sep)
    )
    return max(holding, key=lambda shown: len(discovery.directories[shown]), default=None)


def _group_templates(sources: dict[str, _Source]) -> dict[str, _Source]:
    """Make one problem of all the templates of a chart that could not be read."""
    charts: dict[str, list[_Source]] = defaultdict(list)
    chart_of: dict[str, str | None] = {}
    for source in sources.values():
        if any(problem.reason is UnreadReason.TEMPLATE for problem in source.unread):
            directory = os.path.dirname(source.real)
            if directory not in chart_of:
                chart_of[directory] = _chart(directory)
            chart = chart_of[directory]
            if chart is not None:
                charts[chart].append(source)
    grouped = dict(sources)
    for chart, templates in charts.items():
        for template in templates:
            grouped[template.real] = template._replace(unread=_without_templates(template.unread))
        home = sources.get(os.path.join(chart, _CHART_FILE), templates[0])
        problem = _unrendered_chart(home, chart, len(templates))
        grouped[home.real] = grouped[home.real]._replace(unread=(*grouped[home.real].unread, problem))
    return grouped


def _chart(directory: str) -> str | None:
    """The directory of the chart whose `templates/` a directory is, or is in."""
    while True:
        parent, name = os.path.split(directory)
        if name == "templates" and os.path.isfile(os.path.join(parent, _CHART_FILE)):
            return parent
        if parent == directory:
            return None
        directory = parent


def _without_templates(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    return tuple(problem for problem in unread if problem.reason is not UnreadReason.TEMPLATE)


def _unrendered_chart(home: _Source, chart: str, count: int) -> Unread:
    text = home.file.text
    is_chart_file = os.path.basename(home.real) == _CHART_FILE
    named = re.search(r"^name:[ \t]*[\"']?([^\s\"'#]+)", text, re.MULTILINE) if is_chart_file else None
    name = named[1] if named else os.path.basename(chart)
    templates = "1 template is" if count == 1 else f"{count} templates are"
    message = f"chart {name!r}: {templates} not rendered"
    first_line = re.match(r"[^\r\n]*", text)
    end = first_line.end() if first_line else 0
    return Unread(UnreadReason.TEMPLATE, message, Location(home.file, 0, end))


class _Kustomization(NamedTuple):
    source: _Source
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
        return (*self.resources, *self.components)


class _Reach:
    """What a kustomization puts together: each resource file with the namespace that it gets."""

    def __init__(self) -> None:
        self.files: dict[str, str | None] = {}
        self.kustomizations: dict[str, _Kustomization] = {}
        self.missing = False


class _Kustomizations:
    """All kustomizations of the input: which are roots, what each reaches, what none does."""

    def __init__(self, sources: dict[str, _Source]) -> None:
        self.sources = sources
        self.by_directory = _read_kustomizations(sources)
        self._own_files = {known.source.real for known in self.by_directory.values()}
        self._patches = {path for known in self.by_directory.values() for path in known.patches}
        self._reached: dict[str, _Reach] = {}
        self.roots = self._find_roots()

    def reach(self, root: _Kustomization) -> _Reach:
        if root.directory not in self._reached:
            self._reached[root.directory] = self._follow(root)
        return self._reached[root.directory]

    def left_over(self) -> list[_Source]:
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
            _only_broken(source) if real in hidden else source
            for real, source in self.sources.items()
            if real not in taken
        ]

    def _find_roots(self) -> list[_Kustomization]:
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

    def _follow(self, root: _Kustomization) -> _Reach:
        reach = _Reach()
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


def _only_broken(source: _Source) -> _Source:
    """Without manifests, and without what is unread for lack of a value: it would not be linted."""
    unfilled = {UnreadReason.TEMPLATE, UnreadReason.ENCRYPTED}
    broken = tuple(problem for problem in source.unread if problem.reason not in unfilled)
    return source._replace(manifests=(), unread=broken)


def _read_kustomizations(sources: Mapping[str, _Source]) -> dict[str, _Kustomization]:
    found: dict[str, tuple[_Source, Mapping[str, Any]]] = {}
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


def _kustomization_data(source: _Source) -> tuple[_Source, Mapping[str, Any]]:
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


def _kustomization(
    directory: str, source: _Source, data: Mapping[str, Any], known: set[str]
) -> _Kustomization:
    def paths(entries: Iterable[str]) -> tuple[str, ...]:
        return tuple(_resolve(directory, entry, known) for entry in entries if "\n" not in entry)

    namespace = data.get("namespace")
    unreadable = bool(source.unread)
    return _Kustomization(
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


class _DeclaredNamespaces(NamedTuple):
    """
    The namespaces that Flux and Argo CD deploy directories to.

    None stands for a namespace that cannot be told. Flux overrides what objects say, Argo CD
    only fills in.
    """

    overriding: Mapping[str, str | None]
    filling: Mapping[str, str | None]
    kustomized: frozenset[str]

    def namespace(self, home: str) -> str | None:
        return self.overriding[home] if home in self.overriding else self.filling[home]

    def home(self, directory: str) -> str | None:
        """The nearest directory above that is deployed as a whole, or the directory itself."""
        inner = directory
        while True:
            is_declared = directory in self.overriding or directory in self.filling
            if is_declared and (directory == inner or directory not in self.kustomized):
                return directory
            parent = os.path.dirname(directory)
            if parent == directory:
                return None
            directory = parent


def _declared_namespaces(
    sources: Iterable[_Source], kustomizations: _Kustomizations, discovery: Discovery
) -> _DeclaredNamespaces:
    flux: dict[str, set[str | None]] = defaultdict(set)
    argo: dict[str, set[str | None]] = defaultdict(set)
    tops = sorted({top for real in discovery.directories.values() for top in (real, _git_root(real))})
    for manifest in (manifest for source in sources for manifest in source.manifests):
        match _group_and_kind(manifest):
            case (group, "Kustomization") if group == _FLUX_GROUP:
                _note(flux, tops, manifest.value("spec", "path"), manifest.value("spec", "targetNamespace"))
            case (group, "Application") if group == _ARGO_CD_GROUP:
                path = manifest.value("spec", "source", "path")
                _note(argo, tops, path, manifest.value("spec", "destination", "namespace"))
    return _DeclaredNamespaces(_agreed(flux), _agreed(argo), frozenset(kustomizations.by_directory))


def _git_root(directory: str) -> str:
    """The top of the repository that a directory is in; the directory itself if it is in none."""
    top = directory
    while not os.path.lexists(os.path.join(top, ".git")):
        parent = os.path.dirname(top)
        if parent == top:
            return directory
        top = parent
    return top


def _note(declared: dict[str, set[str | None]], tops: Iterable[str], path: object, namespace: object) -> None:
    # A path that is the whole repository is as likely to be meant for another one.
    if isinstance(path, str) and path.strip("./"):
        for top in tops:
            directory = os.path.normpath(os.path.join(top, path.lstrip("/")))
            declared[directory].add(namespace if isinstance(namespace, str) and namespace else None)


def _agreed(declared: Mapping[str, set[str | None]]) -> dict[str, str | None]:
    agreed: dict[str, str | None] = {}
    for directory, namespaces in declared.items():
        match [*namespaces]:
            case [None]:
                pass
            case [str(namespace)] if "${" not in namespace:
                agreed[directory] = namespace
            case _:
                agreed[directory] = None
    return agreed


def _set_of_root(
    root: _Kustomization, kustomizations: _Kustomizations, declared: _DeclaredNamespaces
) -> ManifestSet:
    reach = kustomizations.reach(root)
    found = sorted((kustomizations.sources[path] for path in reach.files), key=lambda found: found.file.path)
    sources = {source.real: source for source in found}
    manifests = tuple(manifest for source in sources.values() for manifest in source.manifests)
    given = {
        reach.files[path]
        for path, source in sources.items()
        for manifest in source.manifests
        if _needs_namespace(manifest)
    }
    default = next(iter(given)) if len(given) == 1 else None
    overriding = {reach.files[path] for path in sources} - {None}
    home = declared.home(root.directory)
    if home is not None and home in declared.overriding:
        default = declared.overriding[home]
        overriding = {default}
    elif home is not None and not given - {None}:
        default = declared.namespace(home)
    changed = reach.missing or any(known.changes for known in reach.kustomizations.values())
    own = (known.source for known in reach.kustomizations.values())
    return ManifestSet(
        name=root.source.directory or ".",
        manifests=manifests,
        default_namespace=default,
        unread=tuple(problem for source in (*own, *sources.values()) for problem in source.unread),
        rendered=not (changed or len(given) > 1 or _moves(overriding, manifests)),
        explicit=True,
    )


def _moves(namespaces: set[str | None], manifests: Iterable[Manifest]) -> bool:
    """Whether objects that say a namespace are put into another."""
    if not namespaces:
        return False
    said = {manifest.value("metadata", "namespace") for manifest in manifests}
    return any(namespaces != {namespace} for namespace in said if isinstance(namespace, str))


def _needs_namespace(manifest: Manifest) -> bool:
    if manifest.value("metadata", "namespace"):
        return False
    return not _CLUSTER_SCOPED.fullmatch(str(manifest.value("kind")))


class _Group:
    """Files that are a set, unless they hold alternatives."""

    def __init__(self, name: str, *, explicit: bool, default_namespace: str | None = None) -> None:
        self.name = name
        self.explicit = explicit
        self.default_namespace = default_namespace
        self.complete = True
        self.sources: list[_Source] = []


def _groups(sources: Sequence[_Source], declared: _DeclaredNamespaces) -> list[_Group]:
    """What is left over, by directory argument, and apart what needs a namespace of its own."""
    homes = {source.real: _home(source, declared) for source in sources if source.argument is not None}
    needed = {homes.get(source.real) for source in sources if any(map(_needs_namespace, source.manifests))}
    groups: dict[tuple[str | None, str | None], _Group] = {}
    for source in sources:
        home = homes.get(source.real)
        key = source.argument, home if home in needed else None
        if key not in groups:
            groups[key] = _group(source, key[1], declared)
        groups[key].sources.append(source)
    arguments = Counter(argument for argument, _ in groups)
    for (argument, _), group in groups.items():
        group.complete = arguments[argument] == 1
        if argument is None:
            group.name = _common_directory({source.directory for source in group.sources}) or "."
    return list(groups.values())


def _common_directory(directories: set[str]) -> str:
    """The deepest directory that holds all; empty if there is none, as for `a` and `/b`."""
    slashed = {directory.rstrip("/") + "/" for directory in directories if directory}
    if not slashed or "" in directories:
        return ""
    prefix = posixpath.commonprefix([min(slashed), max(slashed)])
    end = prefix.rfind("/")
    return "/" if end == 0 else prefix[: max(end, 0)]


def _home(source: _Source, declared: _DeclaredNamespaces) -> str | None:
    home = declared.home(os.path.dirname(source.real))
    return None if home is None or declared.namespace(home) is None else home


def _group(source: _Source, home: str | None, declared: _DeclaredNamespaces) -> _Group:
    if source.argument is None:
        return _Group(".", explicit=True)
    if home is None:
        return _Group(source.argument, explicit=False)
    below = os.path.relpath(os.path.dirname(source.real), home).replace(os.sep, "/")
    shown = source.directory.removesuffix("" if below == "." else f"/{below}")
    return _Group(shown or ".", explicit=False, default_namespace=declared.namespace(home))


class _Part(NamedTuple):
    """Some of the files of a group, with those that all alternatives share."""

    name: str
    own: list[_Source]
    shared: list[_Source]
    complete: bool = True
    divisible: bool = True
    depth: int = 0


def _sets_of_group(group: _Group) -> Iterator[ManifestSet]:
    whole = _Part(group.name, group.sources, [], group.complete, divisible=not group.explicit)
    for part in _without_alternatives(whole):
        sources = sorted((*part.own, *part.shared), key=lambda source: source.file.path)
        yield ManifestSet(
            name=part.name,
            manifests=tuple(manifest for source in sources for manifest in source.manifests),
            default_namespace=group.default_namespace,
            unread=tuple(problem for source in sources for problem in source.unread),
            rendered=part.complete,
            explicit=group.explicit,
        )


def _without_alternatives(whole: _Part) -> list[_Part]:
    """Divide until no part holds an object in two versions from two directories."""
    done: list[_Part] = []
    pending = [whole]
    while pending:
        part = pending.pop()
        smaller = _divide(part, _MOST_SETS - len(done) - len(pending)) if part.divisible else []
        if smaller:
            pending.extend(smaller)
        else:
            done.append(part)
    return done


def _divide(part: _Part, room: int) -> list[_Part]:
    """
    Divide at the topmost directories that hold alternatives; nothing if there are none.

    A part is only complete if all the others are alternatives to it: then it lacks nothing that
    would be in the same cluster.
    """
    conflicts = _conflicts(part.own)
    if not conflicts:
        return []
    if room < _SMALLEST_DIVISION or part.depth >= _MOST_DIVISIONS:
        return [part._replace(complete=False, divisible=False)]
    units, rest = _units(part.own, conflicts)
    shared = [*part.shared, *rest]
    of_file = {source.real: unit for unit, sources in units.items() for source in sources}
    complete = any(len({of_file[source.real] for source in rivals}) == len(units) for rivals in conflicts)
    complete = complete and part.complete
    smaller: list[_Part] = []
    if len(shared) * len(units) > _MOST_SHARED_FILES:
        smaller.append(_Part(part.name, shared, [], complete=False, divisible=False))
        shared, complete = [], False
    most = room - len(smaller) - 1
    names = sorted(units)
    smaller += [
        _Part(name.removesuffix("/.") or ".", units[name], shared, complete, depth=part.depth + 1)
        for name in names[:most]
    ]
    if overflow := [source for name in names[most:] for source in units[name]]:
        smaller.append(_Part(part.name, overflow, shared, complete=False, divisible=False))
    return smaller


def _conflicts(sources: Iterable[_Source]) -> list[list[_Source]]:
    """The files of each object that is there in different versions in different directories."""
    holders: dict[tuple[str, ...], list[tuple[_Source, Manifest]]] = defaultdict(list)
    for source in sources:
        for manifest in source.manifests:
            identity = _identity(manifest)
            if identity is not None:
                holders[identity].append((source, manifest))
    return [
        [source for source, _ in found]
        for found in holders.values()
        if len({source.directory for source, _ in found}) > 1
        and not all(_is_same(found[0][1], manifest) for _, manifest in found[1:])
    ]


def _units(
    sources: Iterable[_Source], conflicts: Iterable[list[_Source]]
) -> tuple[dict[str, list[_Source]], list[_Source]]:
    """The files of each topmost directory that holds alternatives, and the files of none."""
    marked: set[str] = set()
    loose: dict[str, str] = {}
    for rivals in conflicts:
        directories = {source.directory for source in rivals}
        top = _common_directory(directories)
        marked |= {_step_below(top, directory) for directory in directories if directory != top}
        loose |= {source.real: f"{top}/." for source in rivals if source.directory == top}
    units: dict[str, list[_Source]] = defaultdict(list)
    rest: list[_Source] = []
    topmost: dict[str, str | None] = {}
    longest = max(map(len, marked), default=0)
    for source in sources:
        if source.directory not in topmost:
            topmost[source.directory] = _topmost(source.directory, marked, longest)
        unit = topmost[source.directory] or loose.get(source.real)
        (rest if unit is None else units[unit]).append(source)
    return units, rest


def _step_below(top: str, directory: str) -> str:
    start = len(top) if top in ("", "/") else len(top) + 1
    end = directory.find("/", start)
    return directory if end < 0 else directory[:end]


def _topmost(directory: str, marked: set[str], longest: int) -> str | None:
    end = directory.find("/", 1)
    while 0 < end <= longest:
        if directory[:end] in marked:
            return directory[:end]
        end = directory.find("/", end + 1)
    return directory if directory in marked else None


def _identity(manifest: Manifest) -> tuple[str, ...] | None:
    name, namespace = manifest.value("metadata", "name"), manifest.value("metadata", "namespace")
    if not isinstance(name, str):
        return None
    return (*_group_and_kind(manifest), namespace if isinstance(namespace, str) else "", name)


def _group_and_kind(manifest: Manifest) -> tuple[str, str]:
    return str(manifest.value("apiVersion")).rpartition("/")[0], str(manifest.value("kind"))


def _is_same(one: Manifest, other: Manifest) -> bool:
    texts = [it.file.text[it.place.start : it.place.end] for it in (one, other)]
    if texts[0] == texts[1]:
        return True
    # Aliases can make small texts stand for data without end.
    if any("&" in text for text in texts):
        return False
    try:
        return one.data == other.data
    except RecursionError:
        return False
