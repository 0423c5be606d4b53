"""
Which manifests one cluster would hold together.

What Flux, Argo CD or the settings say is one cluster is followed and applied. A kustomization that only puts
files together is read for these; one that changes objects is built, and charts are rendered. Where that
cannot be done, a set of which patches or the like were left out says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.named import NamedTuple
from meshlint.source.alternatives import Part, without_alternatives
from meshlint.source.decision import Deciding, Decision, NamedSet
from meshlint.source.delivery import Deliveries, tops
from meshlint.source.discovery import Discovery
from meshlint.source.document import Location, Manifest, Unread
from meshlint.source.dump import GroupKind, listed_kinds
from meshlint.source.kustomization import Kustomization, Kustomizations
from meshlint.source.origin import (
    Source,
    common_directory,
    group_and_kind,
    group_templates,
    has_chart,
    sources_of,
    takes_namespace,
)
from meshlint.source.reading import Reading
from meshlint.source.renderer import Refusal, Rendering

if TYPE_CHECKING:
    from meshlint.source.chart_rendering import ChartRendering
    from meshlint.source.clusters import Cluster, Clusters

_DELIVERING = ("kustomize.toolkit.fluxcd.io", "argoproj.io")


class ManifestSet(NamedTuple):
    """
    The manifests that one cluster would hold together: the unit that is linted.

    `name` is a directory as users are shown it, `.` for the top, or a name of the settings. `rendered` is
    False if something that changes or adds manifests was not applied, so that nothing may be taken as
    complete. `explicit` tells that somebody says these belong together, rather than a walk having found
    them. `default_namespace` is for objects that have none of their own.

    `altered` are the manifests that a kustomization, Flux or Argo CD changes, which was not
    applied, each with the place that says so; `unapplied` tells that there is such a kustomization,
    or one that makes more. `beyond` are the namespaces that something is delivered to which was
    not read: a chart, another repository; None stands for any namespace. `unbuilt` says why a
    kustomization or a chart was read only in part.

    `decision` tells how the set was decided, `because` the place that decides it, if there is one.
    `refusals` say what was not built, and why; `complete` that the user says that nothing is missing.
    `listed` are the kinds (group and kind) of which it is known to hold every object of the cluster.
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
    decision: Decision = Decision.DIRECTORY
    because: Location | None = None
    refusals: tuple[Refusal, ...] = ()
    complete: bool = False
    listed: frozenset[GroupKind] = frozenset()

    @property
    def not_built(self) -> tuple[Refusal, ...]:
        """All that was not built, and why."""
        return self.refusals if self.unbuilt is None else (self.unbuilt, *self.refusals)


def split_into_sets(
    readings: Sequence[Reading],
    discovery: Discovery,
    *,
    unread: Sequence[Unread] = (),
    rendering: Rendering | None = None,
    deciding: Deciding | None = None,
) -> tuple[ManifestSet, ...]:
    """
    Put manifests together that belong together, and keep apart what are alternatives.

    `readings` are of the files of `discovery`; `unread` stands for those that could not be
    opened. `rendering` has kustomizations built that change objects, and charts rendered, and remembers them;
    None has nothing of the kind done. With `deciding`, first the sets of the settings are made, then the
    clusters of Flux and Argo CD. Of all else each kustomize root is a set, and so is each chart that was
    rendered, and what is left of each directory argument. Copies of an object that differ, in different
    directories, are never in one such set.
    """
    sources = group_templates(sources_of(readings, discovery, [*discovery.unread, *unread]))
    kustomizations = Kustomizations(sources)
    clusters = None if deciding is None else _clusters(deciding, kustomizations, discovery, rendering)
    charts = _charts(kustomizations, clusters, discovery, rendering)
    deliveries = Deliveries(sources, discovery, charts.rendered_directories if charts else ())
    sets = _sets_of_clusters(clusters, deliveries, deciding)
    applied = clusters.directories if clusters else frozenset()
    roots = {
        root.directory: _set_of_root(root, kustomizations)
        for root in kustomizations.roots
        if root.directory not in applied
    }
    others = [*roots.values()] if rendering is None else _built(roots, kustomizations, discovery, rendering)
    left_over = kustomizations.left_over(clusters.files if clusters else frozenset())
    if charts is not None:
        sets = list(_without_charts(sets, charts, kustomizations))
        others.extend(_sets_of_charts(charts))
        left_over = charts.without_rendered(left_over)
    for group in _groups(left_over):
        others.extend(_sets_of_group(group))
    sets.extend(
        _with_deliveries(a_set, deliveries)
        for a_set in others
        if a_set.manifests or a_set.unread or a_set.unbuilt
    )
    return tuple(sorted(sets, key=lambda a_set: (a_set.name, not a_set.explicit)))


def _clusters(
    deciding: Deciding,
    kustomizations: Kustomizations,
    discovery: Discovery,
    rendering: Rendering | None,
) -> "Clusters | None":
    """What the settings name, and what Flux and Argo CD apply; None if nobody says anything."""
    delivers = any(
        group_and_kind(manifest)[0] in _DELIVERING
        for source in kustomizations.sources.values()
        for manifest in source.manifests
    )
    if not delivers and not deciding.named:
        return None
    from meshlint.source.clusters import find_clusters

    return find_clusters(deciding, kustomizations, discovery, rendering)


def _charts(
    kustomizations: Kustomizations,
    clusters: "Clusters | None",
    discovery: Discovery,
    rendering: Rendering | None,
) -> "ChartRendering | None":
    """The charts, rendered for the namespaces that they are delivered to; None if there is none to render."""
    sources = kustomizations.sources
    if rendering is None or not has_chart(sources):
        return None
    from meshlint.source.chart_destinations import chart_namespaces
    from meshlint.source.chart_rendering import ChartRendering
    from meshlint.source.layout import Layout

    applied = clusters.files if clusters else frozenset()
    delivering = [manifest for one in (clusters.clusters if clusters else ()) for manifest in one.manifests]
    delivering += [it for real, source in sources.items() if real not in applied for it in source.manifests]
    starting_from = tops(discovery)
    namespaces = chart_namespaces(delivering, Layout(sources, kustomizations, starting_from))
    return ChartRendering(sources, starting_from, namespaces, rendering)


def _sets_of_clusters(
    clusters: "Clusters | None", deliveries: Deliveries, deciding: Deciding | None
) -> list[ManifestSet]:
    named = {one.name: one for one in (deciding.named if deciding else ())}
    return [
        _set_of_cluster(cluster, deliveries, named) for cluster in (clusters.clusters if clusters else ())
    ]


def _without_charts(
    sets: Iterable[ManifestSet], charts: "ChartRendering", kustomizations: Kustomizations
) -> Iterator[ManifestSet]:
    """Clusters without what they hold of rendered charts, which are sets of their own, as plain files."""
    kept = {path for root in kustomizations.roots for path in kustomizations.reach(root).files}
    files = charts.files_without(kept)
    for a_set in sets:
        manifests = tuple(it for it in a_set.manifests if it.file.path not in files)
        unread = tuple(it for it in charts.without_told(a_set.unread) if it.at.file.path not in files)
        left = a_set._replace(manifests=manifests, unread=unread)
        if a_set.decision is Decision.SETTINGS:
            # Whoever names the directory of a chart means what it makes, which is somewhere else now.
            beyond = frozenset(charts.namespaces_of(_files(a_set) - _files(left)))
            left = left._replace(
                beyond=a_set.beyond | beyond,
                rendered=a_set.rendered and None not in beyond,
                complete=a_set.complete and not beyond,
            )
        if manifests or unread or a_set.refusals:
            yield left


def _files(a_set: ManifestSet) -> set[str]:
    return {it.file.path for it in a_set.manifests} | {it.at.file.path for it in a_set.unread}


def _set_of_cluster(cluster: "Cluster", deliveries: Deliveries, named: Mapping[str, NamedSet]) -> ManifestSet:
    manifests = cluster.manifests
    own = named.get(cluster.name) if cluster.beginning.decision is Decision.SETTINGS else None
    namespace = own.namespace if own else None
    delivering = [it for it in manifests if group_and_kind(it)[0] != _DELIVERING[1]]
    return ManifestSet(
        name=cluster.name,
        manifests=manifests,
        default_namespace=namespace,
        unread=tuple(cluster.unread),
        rendered=None not in cluster.beyond,
        explicit=True,
        altered=cluster.altered,
        unapplied=bool(cluster.refusals),
        beyond=frozenset(
            cluster.beyond.union(deliveries.beyond([*delivering, *cluster.deliverers], namespace))
        ),
        decision=cluster.beginning.decision,
        because=cluster.beginning.because,
        refusals=tuple(cluster.refusals),
        complete=own is not None and own.complete and cluster.is_read,
    )


def _with_deliveries(a_set: ManifestSet, deliveries: Deliveries) -> ManifestSet:
    beyond = deliveries.beyond(a_set.manifests, a_set.default_namespace)
    return a_set._replace(beyond=a_set.beyond.union(beyond), listed=listed_kinds(a_set.manifests))


def _set_of_root(root: Kustomization, kustomizations: Kustomizations) -> ManifestSet:
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
    changed = reach.missing or any(known.changes for known in reach.kustomizations.values())
    own = (known.source for known in reach.kustomizations.values())
    return ManifestSet(
        name=root.source.directory or ".",
        manifests=manifests,
        default_namespace=default,
        unread=tuple(problem for source in (*own, *sources.values()) for problem in source.unread),
        rendered=not (changed or len(given) > 1 or _moves(overriding, manifests)),
        explicit=True,
        altered=kustomizations.altered(root),
        unapplied=any(known.changes for known in reach.kustomizations.values()),
        beyond=frozenset(namespace or default for namespace in kustomizations.added_to(root)),
        decision=Decision.READ,
        because=root.at("resources"),
    )


def _built(
    read: Mapping[str, ManifestSet],
    kustomizations: Kustomizations,
    discovery: Discovery,
    rendering: Rendering,
) -> list[ManifestSet]:
    """The sets of roots, with what is built of those that change objects."""
    changing = [
        root for root in kustomizations.roots if root.directory in read and not read[root.directory].rendered
    ]
    if not changing:
        return [*read.values()]
    from meshlint.source.kustomize import Build, Kustomizer, order_of

    kustomizer = Kustomizer(kustomizations, tops(discovery), rendering)
    kustomizer.build_all(map(order_of, changing))
    sets = dict(read)
    for root in changing:
        build = kustomizer.build(order_of(root))
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
        decision=Decision.BUILT,
    )


def _sets_of_charts(charts: "ChartRendering") -> Iterator[ManifestSet]:
    """A set for each chart: what helm made of it, and the definitions that it has beside its templates."""
    for chart, made in charts.rendered:
        definitions = charts.definitions(chart)
        yield ManifestSet(
            name=chart.shown,
            manifests=(*(m for source in definitions for m in source.manifests), *made.manifests),
            default_namespace=made.namespace,
            unread=(*(problem for source in definitions for problem in source.unread), *made.unread),
            rendered=made.partial is None,
            explicit=True,
            beyond=frozenset({made.namespace} if made.missing and made.namespace else ()),
            unbuilt=made.partial,
            decision=Decision.CHART,
            because=chart.manifest.at("name"),
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
    return not manifest.value("metadata", "namespace") and takes_namespace(manifest)


class _Group:
    """Files that are a set, unless they hold alternatives."""

    def __init__(self, name: str, *, explicit: bool) -> None:
        self.name = name
        self.explicit = explicit
        self.sources: list[Source] = []


def _groups(sources: Sequence[Source]) -> list[_Group]:
    """What is left over, by directory argument."""
    groups: dict[str | None, _Group] = {}
    for source in sources:
        if source.argument not in groups:
            groups[source.argument] = _Group(source.argument or ".", explicit=source.argument is None)
        groups[source.argument].sources.append(source)
    if None in groups:
        groups[None].name = common_directory({source.directory for source in groups[None].sources}) or "."
    return list(groups.values())


def _sets_of_group(group: _Group) -> Iterator[ManifestSet]:
    whole = Part(group.name, group.sources, [], divisible=not group.explicit)
    parts = without_alternatives(whole)
    for part in parts:
        sources = sorted((*part.own, *part.shared), key=lambda source: source.file.path)
        decision = Decision.FILES if group.explicit else Decision.DIRECTORY
        yield ManifestSet(
            name=part.name,
            manifests=tuple(manifest for source in sources for manifest in source.manifests),
            unread=tuple(problem for source in sources for problem in source.unread),
            rendered=part.complete,
            explicit=group.explicit,
            decision=decision if len(parts) == 1 else Decision.ALTERNATIVE,
        )
