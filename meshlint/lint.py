"""One whole run: from paths to findings."""

import gc
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.checking.acceptance import Accepted, Given, Ran, accept
from meshlint.checking.catalog import Catalog, Check, check_ids, load_catalog
from meshlint.checking.finding import Finding
from meshlint.checking.policy import NO_POLICY, Policy
from meshlint.checking.result import LintResult, Summary
from meshlint.checking.run import CHECK_CRASHED, Checkable, findings_of, run_checks
from meshlint.graph.build import build_graph
from meshlint.graph.entries import entry_points
from meshlint.graph.graph import ResourceGraph
from meshlint.graph.scope import (
    NOTHING_LISTED,
    Listing,
    Neighbours,
    Scopes,
    Told,
    closed_scopes,
    neighbours,
)
from meshlint.mesh.derived import Derived
from meshlint.mesh.installation.installed_version import detect_version
from meshlint.mesh.mesh import Mesh
from meshlint.model.decode import decode
from meshlint.model.kind import Kind
from meshlint.model.resource import Resource
from meshlint.model.version import NEWEST_KNOWN, OLDEST_KNOWN, IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.decision import Deciding, Decision, NamedSet
from meshlint.source.document import Location, Manifest, Unread, UnreadReason
from meshlint.source.input import Input, read_input
from meshlint.source.patterns import PatternsFrom
from meshlint.source.sets import ManifestSet
from meshlint.stage import begin

if TYPE_CHECKING:
    from meshlint.checking.baseline import Entry
    from meshlint.graph.decided import DecidedSet

# To look for words in more characters than these takes longer than to load the checks that know them.
_WORTH_SEARCHING = 4_000_000


class Options(NamedTuple):
    """
    What a run is asked for.

    `context` are paths whose objects are there but not reported on. `istio_version` is None to
    have it detected. `namespace` is for objects that name none. `complete` says that nothing is
    missing from what is read. `render` has kustomizations built and charts rendered by the kustomize and the
    helm that are installed; `values_files` are the files with values for charts, by their directory.
    `only` keeps the findings that have a place, or a related place, in one of these files; None keeps all.
    `sets` are the manifest sets that the settings name.
    `cluster` is what a cluster holds, as further context.
    `closed` are namespaces of which nothing is missing, `externals` objects that are there though no manifest
    is; `policy` is what is made of the findings. Much is read and checked by as many processes as
    there are `jobs`.
    """

    paths: Sequence[str] = (".",)
    context: Sequence[str] = ()
    exclude: Sequence[str | PatternsFrom] = ()
    istio_version: IstioVersion | None = None
    namespace: str | None = None
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    complete: bool = False
    render: bool = False
    only: Sequence[str] | None = None
    sets: Sequence[NamedSet] = ()
    values_files: Mapping[str, Sequence[str]] = MappingProxyType({})
    cluster: Input | None = None
    closed: Sequence[str] = ()
    externals: Sequence[Manifest] = ()
    policy: Policy = NO_POLICY
    jobs: int = 1


class _Context(NamedTuple):
    """What is there beside each set: known, but not reported on; `externals` are known by name only."""

    resources: Sequence[Resource]
    externals: Sequence[Resource]
    unread: Sequence[Unread]
    rendered: bool
    beyond: frozenset[str | None]
    altered: Mapping[Manifest, Location]
    sets: Sequence[ManifestSet]


class _LinkedSet(NamedTuple):
    """A manifest set as a graph; `resources` are those to report on."""

    name: str
    resources: Sequence[Resource]
    graph: ResourceGraph


class _Version(NamedTuple):
    """The Istio version of a run, and where it comes from."""

    number: IstioVersion
    origin: str
    known: bool
    at: Location | None = None


def lint(
    options: Options,
    catalog: Catalog | None = None,
    given: Input | None = None,
    beside: Input | None = None,
) -> LintResult:
    """
    Read, decode, link, derive, check.

    `given` is what the paths hold, and `beside` what those of the context do, if they were read already.

    Raises UsageError if it cannot be done as asked: a path that is not there, an unknown check.
    Without a `catalog`, only the checks are loaded that can have something to say.
    """
    with _collector_paused():
        given = given or read_given(options)
        context = _read_context(options, beside)
        begin("link")
        catalog = catalog or _catalog(given, context, options)
        checks = catalog.select(options.select, options.ignore)
        linked = _link(given, context, options)
        versions = _versions(linked, options)
        begin("check")
        texts = _texts(given, versions)
        found = _check(checks, catalog, texts, linked, versions, options)
        accepted = accept(
            found,
            _accepting(given),
            Ran(checks, catalog.checks, [version.number for version in versions]),
            options.policy,
            lambda problems: findings_of(problems, texts, options.policy),
        )
    findings = _safe_in_all_sets(accepted.shown, linked)
    shown = findings if options.only is None else _touching(findings, options.only)
    version = _newest(versions)
    return LintResult(
        findings=tuple(shown),
        summary=_summary(given, linked)._replace(
            suppressed=accepted.suppressed,
            baselined=accepted.baselined,
            elsewhere=len(findings) - len(shown),
        ),
        istio_version=version.number.minor_release,
        version_origin=version.origin,
        checks=checks,
        gone=_gone(accepted, given, checks, options),
        version_at=version.at,
    )


def read_given(options: Options) -> Input:
    """Read what is to be linted. Raises UsageError for a path that is not there."""
    baseline = options.policy.baseline
    own = [baseline.path] if baseline else []
    return _read(options, options.paths, context=[*options.context, *own], named=options.sets)


def _read(
    options: Options, paths: Sequence[str], *, context: Sequence[str] = (), named: Sequence[NamedSet] = ()
) -> Input:
    return read_input(
        paths,
        options.exclude,
        context,
        render=options.render,
        deciding=Deciding(entry_points, named),
        namespace=options.namespace,
        values_files=options.values_files,
        jobs=options.jobs,
    )


def decided_sets(options: Options) -> "tuple[DecidedSet, ...]":
    """
    Read, decide which manifests are a set, and link each, without checking anything.

    Raises UsageError for a path that is not there.
    """
    from meshlint.graph.decided import DecidedSet

    with _collector_paused():
        given = read_given(options)
        linked = _link(given, _read_context(options), options)
    return tuple(
        DecidedSet(manifest_set, one.resources, one.graph.scopes)
        for manifest_set, one in zip(given.sets, linked, strict=True)
    )


def _read_context(options: Options, beside: Input | None = None) -> Input:
    """What is there but not reported on: files, then the cluster."""
    context = beside or _read(options, options.context)
    if options.cluster is None:
        return context
    return context._replace(sets=(*context.sets, *options.cluster.sets), live=True)


def _safe_in_all_sets(findings: list[Finding], linked: Sequence[_LinkedSet]) -> list[Finding]:
    """
    The findings, their fixes safe only if no other set holds the text that they change.

    A base of several overlays: what does nothing in the one may be needed in the other.
    """
    if not any(finding.fix and finding.fix.safe and finding.sets for finding in findings):
        return findings
    holders: dict[str, set[str]] = defaultdict(set)
    for one in linked:
        for resource in one.resources:
            holders[resource.manifest.file.path].add(one.name)
    return [_doubted(finding, holders) for finding in findings]


def _doubted(finding: Finding, holders: Mapping[str, set[str]]) -> Finding:
    fix = finding.fix
    if fix is None or not fix.safe or not finding.sets:
        return finding
    holding = set[str]().union(*(holders.get(edit.file.path, set()) for edit in fix.edits))
    return finding if holding <= {*finding.sets} else finding._replace(fix=fix._replace(safe=False))


def _accepting(given: Input) -> Given:
    """What was read, as far as it can say what is meant to be."""
    not_whole = (reading.file.path for reading in given.readings if reading.unread)
    return Given(
        texts=[(reading.file, reading.manifests) for reading in given.readings],
        manifests=[manifest for one in given.sets for manifest in one.manifests],
        read=frozenset(reading.file.path for reading in given.readings),
        unsure=frozenset((*given.named, *not_whole)),
    )


def _gone(
    accepted: Accepted, given: Input, checks: Sequence[Check], options: Options
) -> "Mapping[Entry, int]":
    """What of the baseline is mended, as far as this run can tell."""
    if not accepted.gone or options.policy.baseline is None:
        return {}
    from meshlint.checking.baseline import really_gone

    read = {os.path.realpath(reading.file.path) for reading in given.readings}
    # A check that was not loaded, since nothing speaks of what it looks for, has looked as well.
    chosen = options.select or options.ignore
    ran = {check.id for check in checks} if chosen else check_ids()
    return really_gone(accepted.gone, options.policy.baseline, ran, read)


def _touching(findings: Sequence[Finding], files: Sequence[str]) -> list[Finding]:
    """The findings with a place, or a related place, in some files; a crash is never left out."""
    wanted = {os.path.realpath(file) for file in files}
    paths = {at.file.path for finding in findings for at in finding.places}
    touched = {path for path in paths if os.path.realpath(path) in wanted}
    return [
        finding
        for finding in findings
        if finding.check == CHECK_CRASHED.id or any(at.file.path in touched for at in finding.places)
    ]


class LinkedMesh(NamedTuple):
    """The mesh of a manifest set; `resources` are those of the set itself, without its context."""

    name: str
    mesh: Mesh
    resources: Sequence[Resource]
    version_origin: str


class LinkedMeshes(NamedTuple):
    """The mesh of each manifest set, and what was looked at for them."""

    meshes: tuple[LinkedMesh, ...]
    summary: Summary


def linked_meshes(options: Options, given: Input | None = None) -> LinkedMeshes:
    """
    Read, decode and link, without checking anything. `given` is what the paths hold, if it was read already.

    Raises UsageError for a path that is not there.
    """
    with _collector_paused():
        given = given or read_given(options)
        context = _read_context(options)
        linked = _link(given, context, options)
    versions = _versions(linked, options)
    meshes = tuple(
        LinkedMesh(one.name, _mesh(one.graph, version), one.resources, version.origin)
        for one, version in zip(linked, versions, strict=True)
    )
    return LinkedMeshes(meshes, _summary(given, linked))


def _catalog(given: Input, context: Input, options: Options) -> Catalog:
    # A cluster has no text to look for words in.
    if options.select or options.ignore or given.live or context.live:
        return load_catalog()
    readings = (*given.readings, *context.readings)
    if sum(len(reading.file.text) for reading in readings) > _WORTH_SEARCHING:
        return load_catalog()
    return load_catalog(lambda word: any(word in reading.file.text for reading in readings))


def _link(given: Input, context: Input, options: Options) -> list[_LinkedSet]:
    sets = [_decoded(manifest_set, options) for manifest_set in given.sets]
    around = _Context(
        [resource for one in context.sets for resource in _decoded(one, options)],
        decode(options.externals),
        [hole for one in context.sets for hole in one.unread],
        all(one.rendered for one in context.sets),
        frozenset(namespace for one in context.sets for namespace in one.beyond),
        {manifest: place for one in context.sets for manifest, place in one.altered.items()},
        context.sets,
    )
    told = [Told(resources, one.beyond) for resources, one in zip(sets, given.sets, strict=True)]
    return [
        _linked(manifest_set, resources, around, others, options)
        for manifest_set, resources, others in zip(given.sets, sets, neighbours(told), strict=True)
    ]


def _decoded(manifest_set: ManifestSet, options: Options) -> list[Resource]:
    return decode(manifest_set.manifests, manifest_set.default_namespace or options.namespace)


def _linked(
    manifest_set: ManifestSet,
    resources: Sequence[Resource],
    around: _Context,
    others: Neighbours,
    options: Options,
) -> _LinkedSet:
    own = {resource.ref for resource in resources}
    # What is linted is what will be applied: it replaces what the context has under that name.
    written = [*resources, *(resource for resource in around.resources if resource.ref not in own)]
    known = {resource.ref for resource in written}
    everything = [*written, *(external for external in around.externals if external.ref not in known)]
    scopes = closed_scopes(
        written,
        [*manifest_set.unread, *around.unread],
        complete=options.complete or manifest_set.complete,
        closed=options.closed,
        rendered=manifest_set.rendered and around.rendered,
        beyond=manifest_set.beyond | around.beyond,
        neighbours=others,
        together=manifest_set.explicit and manifest_set.rendered,
        listing=_listing((manifest_set, *around.sets)),
    )
    altered = {**around.altered, **manifest_set.altered}
    return _LinkedSet(manifest_set.name, resources, build_graph(everything, scopes, altered))


def _listing(sets: Sequence[ManifestSet]) -> Listing:
    """
    The kinds of which one of some sets holds every object of the cluster.

    What was not read, or not rendered, may add objects that are not in the cluster yet. What a cluster
    itself has something delivered by is in it already.
    """
    listed = frozenset(kind for one in sets for kind in one.listed)
    if not listed:
        return NOTHING_LISTED
    from meshlint.source.cluster import READ_KINDS

    holes = [hole for one in sets for hole in one.unread if hole.reason is not UnreadReason.ENCRYPTED]
    to_come = [one for one in sets if not all(manifest.is_live for manifest in one.manifests)]
    places = {hole.namespace for hole in holes}.union(*(one.beyond for one in to_come))
    if None in places or not all(one.rendered for one in sets):
        return NOTHING_LISTED
    kinds = frozenset(Kind(*kind) for kind in listed)
    return Listing(kinds, frozenset(name for name in places if name), whole=listed >= READ_KINDS)


def _versions(linked: Sequence[_LinkedSet], options: Options) -> list[_Version]:
    """
    The Istio version of each set: asked for, detected in the set, or detected in another one.

    A repository often installs Istio in one set and uses it in others. A version that is older
    than any that meshlint knows counts as not detected.
    """
    if options.istio_version is not None:
        return [_Version(options.istio_version, "as asked", known=True)] * len(linked)
    found = [detect_version(one.graph) for one in linked]
    own = [version if version and version.value >= OLDEST_KNOWN else None for version in found]
    detected = [version for version in own if version is not None]
    elsewhere = max(detected, key=lambda version: version.value, default=None)
    return [_detected(version or elsewhere) for version in own]


def _newest(versions: Sequence[_Version]) -> _Version:
    return max(versions, key=lambda version: version.number, default=_detected(None))


def _detected(version: Derived[IstioVersion] | None) -> _Version:
    if version is None:
        return _Version(NEWEST_KNOWN, "newest known", known=False)
    at = version.because[0].at
    return _Version(version.value, f"detected in {at.file.path}:{at.span.start_line}", known=True, at=at)


def _texts(given: Input, versions: Sequence[_Version]) -> Checkable:
    """What is checked as text, whatever set it is in."""
    nothing = ResourceGraph((), Scopes(frozenset()))
    return Checkable(
        name=None,
        mesh=_mesh(nothing, _newest(versions)),
        resources=(),
        duplicate_keys=[key for reading in given.readings for key in reading.duplicate_keys],
        unread=[*given.unread, *(hole for one in given.sets for hole in one.unread)],
    )


def _check(  # noqa: PLR0913, PLR0917 - all that a run has come to
    checks: Sequence[Check],
    catalog: Catalog,
    texts: Checkable,
    linked: Sequence[_LinkedSet],
    versions: Sequence[_Version],
    options: Options,
) -> list[Finding]:
    checkables = [
        texts,
        *(
            Checkable(one.name, _mesh(one.graph, version), one.resources)
            for one, version in zip(linked, versions, strict=True)
        ),
    ]
    return [
        finding
        for checkable in checkables
        for finding in run_checks(checks, catalog.precedence, checkable, options.policy, options.jobs)
    ]


def _mesh(graph: ResourceGraph, version: _Version) -> Mesh:
    return Mesh(graph, version.number, version_known=version.known)


def _summary(given: Input, linked: Iterable[_LinkedSet]) -> Summary:
    unread = [*given.unread, *(hole for reading in given.readings for hole in given.unread_of(reading))]
    filled = _filled(given)
    unread = [
        hole for hole in unread if hole.reason is not UnreadReason.TEMPLATE or hole.at.file.path not in filled
    ]
    templates = sum(hole.reason is UnreadReason.TEMPLATE for hole in unread)
    encrypted = sum(hole.reason is UnreadReason.ENCRYPTED for hole in unread)
    return Summary(
        files=given.files,
        other_files=given.files - sum(reading.is_kubernetes for reading in given.readings),
        resources=len({resource.manifest for one in linked for resource in one.resources}),
        unread=len(unread) - templates - encrypted,
        unrendered=templates,
        encrypted=encrypted,
        suppressed=0,
        unapplied=sum(
            len(one.not_built) or one.unapplied for one in given.sets if one.decision is not Decision.CHART
        ),
        live=given.live,
    )


def _filled(given: Input) -> set[str]:
    """The files of which nothing is left that was not read, once they were rendered."""
    left = {hole.at.file.path for one in given.sets for hole in one.unread}
    return {manifest.file.path for one in given.sets for manifest in one.manifests} - left


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Hundreds of thousands of objects are made and nearly all are kept: collecting is in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
