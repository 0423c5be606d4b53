"""
Which manifests one cluster would hold together.

A kustomization that only puts files together is read for these; one that changes objects is built.
Where that cannot be done, a set of which patches or the like were left out says so.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from meshlint.source.alteration import altered
from meshlint.source.alternatives import Part, without_alternatives
from meshlint.source.delivery import DeclaredNamespaces, Deliveries, declared_namespaces, tops
from meshlint.source.discovery import Discovery
from meshlint.source.document import Location, Manifest, Unread
from meshlint.source.kustomization import Kustomization, Kustomizations
from meshlint.source.origin import Source, common_directory, group_templates, sources_of
from meshlint.source.reading import Reading
from meshlint.source.renderer import Refusal

if TYPE_CHECKING:
    from meshlint.source.kustomize import Build

_CLUSTER_SCOPED = re.compile(r"Namespace|Cluster\w+|CustomResourceDefinition|GatewayClass")


class ManifestSet(NamedTuple):
    """
    The manifests that one cluster would hold together: the unit that is linted.

    `name` is a directory as users are shown it, `.` for the top. `rendered` is False if something
    that changes or adds manifests was not applied, so that nothing may be taken as complete.
    `explicit` tells that the user says these belong together, rather than a walk having found
    them. `default_namespace` is for objects that have none of their own.

    `altered` are the manifests that a kustomization, Flux or Argo CD changes, which was not
    applied, each with the place that says so; `unapplied` tells that there is such a kustomization,
    or one that makes more. `beyond` are the namespaces that something is delivered to which was
    not read: a chart, another repository; None stands for any namespace. `unbuilt` says why a
    kustomization was read only in part.
    """

    name: str
    manifests: tuple[Manifest, ...]
    default_namespace: str | None = None
    unread: tuple[Unread, ...] = ()
    rendered: bool = True
    explicit: bool = False
    altered: Mapping[Manifest, Location] = MappingProxyType({})
    unapplied: bool = False
    beyond: frozenset[str | None] = frozenset()
    unbuilt: Refusal | None = None


def split_into_sets(
    readings: Sequence[Reading],
    discovery: Discovery,
    *,
    unread: Sequence[Unread] = (),
    builds: "dict[str, Build | Refusal] | None" = None,
) -> tuple[ManifestSet, ...]:
    """
    Put manifests together that belong together, and keep apart what are alternatives.

    `readings` are of the files of `discovery`; `unread` stands for those that could not be
    opened. `builds` has kustomizations built that change objects, and remembers them; None has nothing
    built. Each kustomize root is a set, and so is what is left of each directory argument. Copies of an
    object that differ, in different directories, are never in one set.
    """
    sources = group_templates(sources_of(readings, discovery, [*discovery.unread, *unread]))
    kustomizations = Kustomizations(sources)
    declared = declared_namespaces(sources.values(), kustomizations, discovery)
    roots = {root.directory: _set_of_root(root, kustomizations, declared) for root in kustomizations.roots}
    sets = [*roots.values()] if builds is None else _built(roots, kustomizations, discovery, builds)
    for group in _groups(kustomizations.left_over(), declared):
        sets.extend(_sets_of_group(group, declared))
    deliveries = Deliveries(sources, discovery)
    found = (
        _with_deliveries(a_set, deliveries)
        for a_set in sets
        if a_set.manifests or a_set.unread or a_set.unbuilt
    )
    return tuple(sorted(found, key=lambda a_set: (a_set.name, not a_set.explicit)))


def _with_deliveries(a_set: ManifestSet, deliveries: Deliveries) -> ManifestSet:
    beyond = deliveries.beyond(a_set.manifests, a_set.default_namespace)
    return a_set._replace(beyond=a_set.beyond.union(beyond))


def _set_of_root(
    root: Kustomization, kustomizations: Kustomizations, declared: DeclaredNamespaces
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
    altering = declared.altering_directory(root.directory)
    changed = reach.missing or any(known.changes for known in reach.kustomizations.values())
    own = (known.source for known in reach.kustomizations.values())
    return ManifestSet(
        name=root.source.directory or ".",
        manifests=manifests,
        default_namespace=default,
        unread=tuple(problem for source in (*own, *sources.values()) for problem in source.unread),
        rendered=not (changed or len(given) > 1 or _moves(overriding, manifests)),
        explicit=True,
        altered=altered(declared.altering.get(altering, ()), manifests) | kustomizations.altered(root),
        unapplied=any(known.changes for known in reach.kustomizations.values()),
        beyond=frozenset(namespace or default for namespace in kustomizations.added_to(root)),
    )


def _built(
    read: Mapping[str, ManifestSet],
    kustomizations: Kustomizations,
    discovery: Discovery,
    builds: "dict[str, Build | Refusal]",
) -> list[ManifestSet]:
    """The sets of roots, with what is built of those that change objects."""
    changing = [root for root in kustomizations.roots if not read[root.directory].rendered]
    if not changing:
        return [*read.values()]
    from meshlint.source.kustomize import Build, Kustomizer

    kustomizer = Kustomizer(kustomizations, tops(discovery), builds)
    kustomizer.build_all(changing)
    sets = dict(read)
    for root in changing:
        build = kustomizer.build(root)
        if isinstance(build, Build):
            sets[root.directory] = _with_build(sets[root.directory], *kustomizer.read(build))
        else:
            sets[root.directory] = sets[root.directory]._replace(unbuilt=build)
    return [*sets.values()]


def _with_build(
    read: ManifestSet, manifests: tuple[Manifest, ...], unread: tuple[Unread, ...]
) -> ManifestSet:
    """A set with the objects that were built instead of those that were read."""
    known = {problem.at.file.path for problem in read.unread}
    return read._replace(
        manifests=manifests,
        unread=(*read.unread, *(problem for problem in unread if problem.at.file.path not in known)),
        rendered=True,
        unapplied=False,
        altered=MappingProxyType({}),
        beyond=frozenset(),
    )


def _moves(namespaces: set[str | None], manifests: Iterable[Manifest]) -> bool:
    """Whether objects that say a namespace are put into another, or a Namespace is renamed."""
    if not namespaces:
        return False
    said = {
        manifest.value("metadata", "name" if manifest.value("kind") == "Namespace" else "namespace")
        for manifest in manifests
    }
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
        self.sources: list[Source] = []


def _groups(sources: Sequence[Source], declared: DeclaredNamespaces) -> list[_Group]:
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
            group.name = common_directory({source.directory for source in group.sources}) or "."
    return list(groups.values())


def _home(source: Source, declared: DeclaredNamespaces) -> str | None:
    home = declared.home(os.path.dirname(source.real))
    return None if home is None or declared.namespace(home) is None else home


def _group(source: Source, home: str | None, declared: DeclaredNamespaces) -> _Group:
    if source.argument is None:
        return _Group(".", explicit=True)
    if home is None:
        return _Group(source.argument, explicit=False)
    below = os.path.relpath(os.path.dirname(source.real), home).replace(os.sep, "/")
    shown = source.directory.removesuffix("" if below == "." else f"/{below}")
    return _Group(shown or ".", explicit=False, default_namespace=declared.namespace(home))


def _sets_of_group(group: _Group, declared: DeclaredNamespaces) -> Iterator[ManifestSet]:
    whole = Part(group.name, group.sources, [], group.complete, divisible=not group.explicit)
    for part in without_alternatives(whole):
        sources = sorted((*part.own, *part.shared), key=lambda source: source.file.path)
        yield ManifestSet(
            name=part.name,
            manifests=tuple(manifest for source in sources for manifest in source.manifests),
            default_namespace=group.default_namespace,
            unread=tuple(problem for source in sources for problem in source.unread),
            rendered=part.complete,
            explicit=group.explicit,
            altered=_altered_by_delivery(sources, declared),
        )


def _altered_by_delivery(
    sources: Iterable[Source], declared: DeclaredNamespaces
) -> Mapping[Manifest, Location]:
    found: dict[Manifest, Location] = {}
    if declared.altering:
        by_directory: dict[str, list[Manifest]] = defaultdict(list)
        for source in sources:
            by_directory[declared.altering_directory(os.path.dirname(source.real))].extend(source.manifests)
        for directory, manifests in by_directory.items():
            found |= altered(declared.altering.get(directory, ()), manifests)
    return found
