"""
What each cluster applies, as Flux, Argo CD or the settings say it.

A directory that is applied may hold what has others applied, so that all of a cluster is found from where
it begins. What is applied is rendered on the way: a parent may change what its children do.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from meshlint.named import NamedTuple
from meshlint.source.applying import Applied, Applier, Delivery
from meshlint.source.argocd import (
    ManagedNamespace,
    applications,
    argo_deliveries,
    cluster_of,
    is_argo_cd,
    managed_namespace,
)
from meshlint.source.decision import Deciding, Decision, EntryPoints, NamedSet
from meshlint.source.delivered import with_fields
from meshlint.source.delivery import tops
from meshlint.source.discovery import Discovery
from meshlint.source.document import Location, Manifest, Unread
from meshlint.source.flux import flux_delivery, is_flux_kustomization, variables
from meshlint.source.kustomization import Kustomizations
from meshlint.source.layout import Choice, Layout, shown_directory
from meshlint.source.origin import group_and_kind
from meshlint.source.renderer import Refusal, Rendering

# ConfigMaps may themselves be delivered with variables: after so many passes it is enough.
_MOST_PASSES = 4
_MOST_DELIVERIES = 2000


class Beginning(NamedTuple):
    """
    Where a cluster begins: what a person, or a cycle of Flux Kustomizations, applies first.

    `because` is the place that says so, `home` the `clusters/<name>/` that it is below. `is_read` is False
    if not all of it is among what was read.
    """

    name: str
    first: tuple[Delivery, ...]
    because: Location | None = None
    home: str | None = None
    decision: Decision = Decision.FLUX
    is_read: bool = True

    @property
    def is_argo_cd(self) -> bool:
        """Whether it is Argo CD that applies, and nobody but it."""
        return self.decision is Decision.ARGO_CD


class Cluster:
    """What one cluster holds, as far as it was read."""

    def __init__(self, beginning: Beginning, name: str) -> None:
        self.beginning = beginning
        self.name = name
        self.unread: dict[Unread, None] = {}
        self.refusals: dict[Refusal, None] = {}
        self.altered: dict[Manifest, Location] = {}
        self.beyond: set[str | None] = set()
        self.deliverers: list[Manifest] = []
        self.managed: list[ManagedNamespace] = []
        self._has_left_out = False
        self.written: dict[tuple[object, ...], Manifest] = {}

    @property
    def is_read(self) -> bool:
        """Whether all that it begins with was read."""
        return self.beginning.is_read

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The objects, with the Namespaces that Argo CD labels."""
        manifests = [*self.written.values()]
        for managed in self.managed:
            manifests = _with_namespace(manifests, managed)
        return tuple(manifests)

    @property
    def objects(self) -> Iterator[tuple[tuple[object, ...], Manifest]]:
        """The objects by what they are, without their places."""
        return ((key[2:], manifest) for key, manifest in self.written.items())

    def take(self, applied: Applied) -> None:
        """Take in what was applied; an object of the same document replaces the one from before."""
        for manifest in applied.manifests:
            metadata = (manifest.value("metadata", key) for key in ("namespace", "name"))
            place = manifest.file.path, manifest.place.start
            self.written[(*place, *group_and_kind(manifest), *map(str, metadata))] = manifest
        self.unread |= dict.fromkeys(applied.unread)
        self.altered |= applied.altered
        self.beyond |= applied.beyond
        if applied.refusal is not None:
            self.refusals[applied.refusal] = None

    def leave_out(self, delivery: Delivery) -> None:
        """Note that something was not applied because there is too much of it."""
        self.beyond.add(delivery.given_namespace)
        if delivery.said_by is not None and not self._has_left_out:
            self._has_left_out = True
            at = delivery.said_by.at("spec")
            self.refusals[Refusal(f"more than {_MOST_DELIVERIES} are applied in all", at)] = None

    def join(self, other: "Cluster") -> None:
        """Take in another cluster, which is the same."""
        self.written |= other.written
        self.unread |= other.unread
        self.refusals |= other.refusals
        self.altered |= other.altered
        self.beyond |= other.beyond
        self.deliverers += other.deliverers
        self.managed += other.managed

    def contradicts(self, other: "Cluster") -> bool:
        """Whether both hold an object, each in another version."""
        known = dict(self.objects)
        return any(key in known and known[key].data != manifest.data for key, manifest in other.objects)


class Clusters(NamedTuple):
    """
    All clusters of the input, and what of it they apply.

    `files` and `directories` are real paths: of what is in a cluster, and of the kustomizations in one.
    """

    clusters: tuple[Cluster, ...]
    files: frozenset[str]
    directories: frozenset[str]


def find_clusters(
    deciding: Deciding,
    kustomizations: Kustomizations,
    discovery: Discovery,
    rendering: Rendering | None,
) -> Clusters:
    """
    Find and apply all clusters: first those that the settings name, then those of Flux and Argo CD.

    `rendering` remembers what was built; None has nothing built.
    """
    starting_from = tops(discovery)
    layout = Layout(kustomizations.sources, kustomizations, starting_from)
    kustomizer = None
    if rendering is not None:
        from meshlint.source.kustomize import Kustomizer

        kustomizer = Kustomizer(kustomizations, starting_from, rendering)
    applier = Applier(layout, kustomizer)
    named = [
        begun for one in deciding.named if (begun := named_beginning(one, layout, discovery)) is not None
    ]
    taken = {path for begun in named for delivery in begun.first for path in applier.files(delivery)}

    def shown(directory: str) -> str:
        return shown_directory(directory, discovery)

    finder = Finder(layout, deciding.entry_points, shown, frozenset(taken))
    return follow([*named, *finder.beginnings()], applier, layout)


class Finder:
    """Finds where clusters begin, by what the manifests say before anything is rendered."""

    def __init__(
        self, layout: Layout, entry_points: EntryPoints, shown: Callable[[str], str], taken: frozenset[str]
    ) -> None:
        self._layout = layout
        self._entry_points = entry_points
        self._shown = shown
        self._taken = taken
        self._files: dict[str, dict[str, None]] = defaultdict(dict)
        self._added: set[tuple[str, int, tuple[str, ...]]] = set()
        self._applied: set[str] = set()
        self._said: dict[str, list[Delivery]] = defaultdict(list)

    def beginnings(self) -> list[Beginning]:
        """Where clusters begin; those below one `clusters/<name>/` are one."""
        said_in = self._read()
        if not said_in:
            return []
        edges = {
            node: {delivery.directory for path in files for delivery in said_in.get(path, ())}
            for node, files in self._files.items()
        }
        leading = {node for node, files in self._files.items() if any(path in said_in for path in files)}
        united: dict[str, list[tuple[Delivery, ...]]] = defaultdict(list)
        for group in self._entry_points(edges):
            if group & leading:
                home = self._layout.cluster_directory(min(group)) or min(group)
                united[home].append(tuple(self._first(group)))
        for home, starts in united.items():
            starts.extend(self._beside(home))
        return [
            self._beginning(home, [it for first in starts for it in first]) for home, starts in united.items()
        ]

    def _read(self) -> dict[str, list[Delivery]]:
        """The deliveries of each file that has something applied; the nodes of the graph are made of them."""
        said: dict[str, list[Delivery]] = {}
        for path, source in self._layout.sources.items():
            if path in self._taken:
                continue
            found = [it for manifest in source.manifests for it in deliveries(manifest, self._layout)]
            if found or any(map(delivers, source.manifests)):
                said[path] = found
            for delivery in found:
                self._said[delivery.directory].append(delivery)
                self._add(delivery.directory, delivery)
        reached: set[str] = {path for files in self._files.values() for path in files}
        for root in self._layout.kustomizations.roots:
            files = self._layout.kustomizations.reach(root).files
            reached.update(files)
            if root.directory not in self._applied and any(path in said for path in files):
                self._add(root.directory, Delivery(root.directory, (root.directory,)))
        alone = said.keys() - reached - self._layout.kustomizations.hidden
        for path in sorted(alone):
            self._files[os.path.dirname(path)][path] = None
        for directory in {os.path.dirname(path) for path in alone}:
            # What lies at the top is not there to be applied together.
            if self._shown(directory) != ".":
                beside = self._layout.chosen(directory, Choice()).files
                self._files[directory] |= dict.fromkeys(path for path in beside if path not in reached)
        return said

    def _add(self, node: str, delivery: Delivery) -> None:
        # The files of a directory are the same ones each time that they are asked for.
        key = node, id(delivery.files), delivery.kustomizations
        if key in self._added:
            return
        self._added.add(key)
        self._applied.update(delivery.kustomizations)
        self._files[node] |= dict.fromkeys(delivery.files)
        for directory in delivery.kustomizations:
            root = self._layout.kustomizations.by_directory[directory]
            self._files[node] |= dict.fromkeys(self._layout.kustomizations.reach(root).files)

    def _first(self, group: frozenset[str]) -> Iterator[Delivery]:
        """What is applied first of nodes that lead to each other: what is said among them, else the node."""
        files = {path for node in group for path in self._files[node]}
        by_path = {source.file.path: real for real, source in self._layout.sources.items()}
        for node in sorted(group):
            inner = [
                delivery
                for delivery in self._said[node]
                if delivery.said_by is not None and by_path.get(delivery.said_by.file.path) in files
            ]
            if inner:
                yield from inner
            elif self._layout.is_kustomization(node):
                yield Delivery(node, (node,))
            else:
                yield Delivery(node, files=tuple(sorted(self._files[node])))

    def _beside(self, home: str) -> Iterator[tuple[Delivery, ...]]:
        """The other kustomizations below a `clusters/<name>/` that is not itself applied as a whole."""
        is_cluster = self._layout.cluster_directory(home) == home
        if not is_cluster or home in self._said or self._layout.is_kustomization(home):
            return
        for root in self._layout.kustomizations.roots:
            below = root.directory.startswith(home + os.sep)
            if below and root.directory not in self._applied:
                yield (Delivery(root.directory, (root.directory,)),)

    def _beginning(self, home: str, first: list[Delivery]) -> Beginning:
        files = {path for delivery in first for path in self._files.get(delivery.directory, ())}
        sayers = [
            manifest
            for path in sorted(files)
            for manifest in self._layout.sources[path].manifests
            if delivers(manifest)
        ]
        sayers.sort(key=lambda it: not deliveries(it, self._layout))
        sayers = [it.said_by for it in first if it.said_by is not None] or sayers
        is_flux = any(map(is_flux_kustomization, sayers))
        path = ("spec", "path") if is_flux else ("spec", "source", "path")
        shown = self._shown(home)
        return Beginning(
            # At the top there is all that is left over, too.
            name=sayers[0].file.path if shown == "." else shown,
            first=tuple(first),
            because=sayers[0].at(*path),
            home=self._layout.cluster_directory(home),
            decision=Decision.FLUX if is_flux else Decision.ARGO_CD,
        )


def named_beginning(one: NamedSet, layout: Layout, discovery: Discovery) -> Beginning | None:
    """Where a set of the settings begins; None if nothing of it was read."""
    first: list[Delivery] = []
    is_read = True
    for path in map(os.path.realpath, one.paths):
        found = list(_named(path, layout))
        is_read = is_read and bool(found) and _is_covered(path, layout, discovery)
        first.extend(found)
    if not first:
        return None
    return Beginning(one.name, tuple(first), decision=Decision.SETTINGS, is_read=is_read)


def _named(path: str, layout: Layout) -> Iterator[Delivery]:
    """What a path of the settings stands for: a kustomization, a file, or all that is in a directory."""
    if path in layout.sources:
        yield Delivery(os.path.dirname(path), files=(path,))
        return
    composition = layout.whole(path)
    roots = {root.directory for root in layout.kustomizations.roots}
    for directory in composition.kustomizations:
        if directory == path or directory in roots:
            yield Delivery(directory, (directory,))
    hidden = layout.kustomizations.hidden
    if files := tuple(file for file in composition.files if file not in hidden):
        yield Delivery(path, files=files)


def _is_covered(path: str, layout: Layout, discovery: Discovery) -> bool:
    tops = discovery.directories.values()
    return path in layout.sources or any(
        path == top or path.startswith(top.rstrip(os.sep) + os.sep) for top in tops
    )


def follow(beginnings: Sequence[Beginning], applier: Applier, layout: Layout) -> Clusters:
    """
    Apply what clusters begin with, and all that this has applied in turn.

    Passes are made until no ConfigMap is found that another variable could come from.
    """
    config_maps: dict[tuple[str, str | None, str], Mapping[str, str]] = {}
    for _ in range(_MOST_PASSES):
        walk = _Walk(applier, layout, config_maps)
        walk.follow(beginnings)
        if not walk.substitutes or walk.config_maps == config_maps:
            break
        config_maps = walk.config_maps
    return Clusters(_merged(walk.clusters, walk.visited), frozenset(walk.files), frozenset(walk.directories))


def delivers(manifest: Manifest) -> bool:
    """Whether an object has something applied."""
    return is_flux_kustomization(manifest) or is_argo_cd(manifest)


def deliveries(manifest: Manifest, layout: Layout) -> list[Delivery]:
    """What an object has applied of what was read."""
    if is_flux_kustomization(manifest):
        delivery = flux_delivery(manifest, layout)
        return [] if delivery is None else [delivery]
    if is_argo_cd(manifest):
        expanded = applications(manifest, layout) or ()
        return [delivery for application in expanded for delivery in argo_deliveries(application, layout)]
    return []


class _Step(NamedTuple):
    """A delivery to a cluster of a beginning, and the directories that lead to it."""

    beginning: Beginning
    cluster: str
    delivery: Delivery
    led_by: frozenset[str]


class _Walk:
    """One pass from the beginnings, with the ConfigMaps that the pass before found."""

    def __init__(
        self,
        applier: Applier,
        layout: Layout,
        config_maps: Mapping[tuple[str, str | None, str], Mapping[str, str]],
    ) -> None:
        self._applier = applier
        self._layout = layout
        self._known = config_maps
        self.config_maps: dict[tuple[str, str | None, str], Mapping[str, str]] = {}
        self.clusters: dict[tuple[str, str], Cluster] = {}
        self.visited: dict[str, set[str]] = defaultdict(set)
        self.files: set[str] = set()
        self.directories: set[str] = set()
        self.substitutes = False
        self._seen: set[tuple[str, str, str]] = set()

    def follow(self, beginnings: Iterable[Beginning]) -> None:
        """Apply level by level, so that what stands side by side is built side by side."""
        level = [_Step(it, "", delivery, frozenset()) for it in beginnings for delivery in it.first]
        while level:
            level = [step for step in level if self._is_new(step)]
            self._applier.prepare(step.delivery for step in level)
            level = [following for step in level for following in self._apply(step)]

    def _is_new(self, step: _Step) -> bool:
        """Whether it was not applied yet, so that cycles end."""
        identity = step.beginning.name, step.cluster, step.delivery.identity
        if step.delivery.directory in step.led_by or identity in self._seen:
            return False
        if len(self._seen) >= _MOST_DELIVERIES:
            self._cluster(step).leave_out(step.delivery)
            return False
        self._seen.add(identity)
        return True

    def _apply(self, step: _Step) -> Iterator[_Step]:
        delivery, cluster = step.delivery, self._cluster(step)
        own = {key[1:]: data for key, data in self._known.items() if key[0] == cluster.name}
        found = variables(delivery, own)
        self.substitutes = self.substitutes or found is not None
        applied = self._applier.apply(delivery, found)
        cluster.take(applied)
        self.files.update(self._applier.files(delivery))
        self.directories.update(self._applier.directories(delivery))
        if delivery.said_by is not None:
            self.visited[step.beginning.name].add(delivery.directory)
        self._note_config_maps(cluster, applied.manifests)
        led_by = step.led_by | {delivery.directory}
        for manifest in applied.manifests:
            for target, following in self._said(cluster, step, manifest):
                yield _Step(step.beginning, target, following, led_by)

    def _said(self, cluster: Cluster, step: _Step, manifest: Manifest) -> Iterator[tuple[str, Delivery]]:
        """What an object has applied, each with the cluster that it is for."""
        if not is_argo_cd(manifest):
            yield from ((step.cluster, delivery) for delivery in deliveries(manifest, self._layout))
            return
        expanded = applications(manifest, self._layout)
        if expanded is None:
            cluster.deliverers.append(manifest)
        for application in expanded or ():
            target = cluster_of(application) or step.cluster
            there = self._cluster(step._replace(cluster=target))
            there.deliverers.append(application)
            managed = managed_namespace(application)
            if managed is not None:
                there.managed.append(managed)
            yield from ((target, delivery) for delivery in argo_deliveries(application, self._layout))

    def _cluster(self, step: _Step) -> Cluster:
        key = step.beginning.name, step.cluster
        if key not in self.clusters:
            name = f"{step.beginning.name} to {step.cluster}" if step.cluster else step.beginning.name
            self.clusters[key] = Cluster(step.beginning, name)
        return self.clusters[key]

    def _note_config_maps(self, cluster: Cluster, manifests: Iterable[Manifest]) -> None:
        for manifest in manifests:
            name, data = manifest.value("metadata", "name"), manifest.value("data")
            if group_and_kind(manifest) == ("", "ConfigMap") and isinstance(data, dict):
                namespace = manifest.value("metadata", "namespace")
                key = cluster.name, str(namespace) if namespace else None, str(name)
                self.config_maps[key] = {k: v for k, v in data.items() if isinstance(v, str)}


def _merged(found: Mapping[tuple[str, str], Cluster], visited: Mapping[str, set[str]]) -> tuple[Cluster, ...]:
    """
    The clusters without those that another one holds, and with those as one that Argo CD says are one.

    Applications of different beginnings that go to the cluster of their Argo CD are for one, unless they
    contradict each other: then there are several.
    """
    clusters: list[Cluster] = []
    # What leads somewhere gives its name to what only stands beside it.
    for (name, target), cluster in sorted(found.items(), key=lambda it: (not visited.get(it[0][0]), it[0])):
        starts = {delivery.directory for delivery in cluster.beginning.first}
        if any(other != name and starts <= directories for other, directories in visited.items()):
            continue
        same = (it for it in clusters if _is_one(it, cluster, target))
        known = next(same, None)
        if known is None:
            clusters.append(cluster)
        else:
            known.join(cluster)
    return tuple(clusters)


def _is_one(one: Cluster, other: Cluster, target: str) -> bool:
    begun = one.beginning, other.beginning
    if not all(it.is_argo_cd for it in begun) or begun[0].name == begun[1].name:
        return False
    if target:
        return one.name == f"{one.beginning.name} to {target}"
    is_home = one.name == one.beginning.name
    return is_home and begun[0].home == begun[1].home and not one.contradicts(other)


def _with_namespace(manifests: list[Manifest], managed: ManagedNamespace) -> list[Manifest]:
    """Some objects with labels of Argo CD on their Namespace; what its manifest says comes before them."""
    for index, manifest in enumerate(manifests):
        if (
            group_and_kind(manifest) == ("", "Namespace")
            and manifest.value("metadata", "name") == managed.name
        ):
            missing = [write for write in managed.writes if manifest.value(*write.field) is None]
            return [*manifests[:index], with_fields(manifest, missing), *manifests[index + 1 :]]
    return [*manifests, managed.manifest]
