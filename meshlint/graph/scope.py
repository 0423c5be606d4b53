"""Which parts of the cluster a set of manifests tells completely."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from meshlint.model.kind import NAMESPACE, Kind, ResourceRef, is_cluster_wide
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.source.document import Manifest, Unread, UnreadReason


class Told(NamedTuple):
    """
    What one set of a run tells of the cluster.

    `beyond` are the namespaces that it has more delivered to than was read, None for any.
    """

    resources: Sequence[Resource]
    beyond: Collection[str | None] = ()


class Neighbours:
    """
    What the other sets of a run have to do with one of them.

    A set that declares a namespace itself is an alternative to others that do. One that holds
    objects of it, or has some delivered to it, without declaring it is more of the same.
    """

    def __init__(self, run: "_Run", index: int) -> None:
        self._run = run
        self._index = index

    def continue_(self, namespace: str) -> bool:
        """Whether another set may put objects into a namespace that it does not declare."""
        run, own = self._run, self._index
        if run.continuing[namespace] > (namespace in run.continued[own]):
            return True
        others = run.anywhere - run.anywhere_declaring[namespace]
        return others > (own in run.boundless and namespace not in run.declared[own])

    def resources(self, *kinds: Kind) -> Iterator[Resource]:
        """The objects of some kinds in the other sets, those aside that this set holds as well."""
        own = self._run.manifests(self._index)
        for kind in kinds:
            for index, resource in self._run.by_kind.get(kind, ()):
                if index != self._index and resource.manifest not in own:
                    yield resource

    def may_hold(self, ref: ResourceRef) -> bool:
        """Whether another set holds an object that may be the one that is meant."""
        if is_cluster_wide(ref.kind):
            return False
        holders = self._run.holders.get((ref.kind, ref.name))
        own = {self._index}
        if holders is None or not holders.all - own:
            return False
        if ref.namespace is None or holders.by_namespace.get(None, own) - own:
            return True
        others = holders.by_namespace.get(ref.namespace, own) - own
        return any(not self._is_alternative(index, ref.namespace) for index in others)

    def _is_alternative(self, index: int, namespace: str) -> bool:
        """Whether this set and another both declare a namespace, each for a cluster of its own."""
        return all(namespace in self._run.declared[it] for it in (index, self._index))


def neighbours(told: Sequence[Told]) -> list[Neighbours]:
    """For each set of a run, what the others have to do with it."""
    run = _Run(told)
    return [Neighbours(run, index) for index in range(len(told))]


class _Run:
    """All sets of a run, counted once."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = told
        self.declared = [frozenset(r.name for r in one.resources if r.kind == NAMESPACE) for one in told]
        self.continued = [
            ({r.namespace for r in one.resources if r.namespace} | set(one.beyond)) - {None} - declared
            for one, declared in zip(told, self.declared, strict=True)
        ]
        self.continuing = Counter(namespace for namespaces in self.continued for namespace in namespaces)
        self.boundless = {index for index, one in enumerate(told) if None in one.beyond}
        self.anywhere = len(self.boundless)
        self.anywhere_declaring = Counter(name for index in self.boundless for name in self.declared[index])

    def manifests(self, index: int) -> Collection[Manifest]:
        """The manifests of a set: two sets may hold the same one."""
        return {resource.manifest for resource in self._told[index].resources}

    @cached_property
    def by_kind(self) -> Mapping[Kind, Sequence[tuple[int, Resource]]]:
        """The objects of a kind, each with the set that it is in."""
        found: dict[Kind, list[tuple[int, Resource]]] = defaultdict(list)
        for index, one in enumerate(self._told):
            for resource in one.resources:
                found[resource.kind].append((index, resource))
        return found

    @cached_property
    def holders(self) -> "Mapping[tuple[Kind, str], _Holders]":
        """Which sets hold objects of a kind and name."""
        holders: dict[tuple[Kind, str], _Holders] = defaultdict(_Holders)
        for index, one in enumerate(self._told):
            for resource in one.resources:
                holders[resource.kind, resource.name].add(index, resource.namespace)
        return holders


class _Holders:
    """The sets that hold objects of a name: `all` of them, and by the namespace of the object."""

    def __init__(self) -> None:
        self.all: set[int] = set()
        self.by_namespace: dict[str | None, set[int]] = defaultdict(set)

    def add(self, index: int, namespace: str | None) -> None:
        """Note that a set holds one."""
        self.all.add(index)
        self.by_namespace[namespace].add(index)


class Listing(NamedTuple):
    """
    The kinds of which the input holds every object of the cluster.

    `open` are the namespaces that something may add to which was not read. `whole` tells that they are all
    the kinds that count.
    """

    kinds: frozenset[Kind] = frozenset()
    open: frozenset[str] = frozenset()
    whole: bool = False

    def tells(self, *kinds: Kind) -> bool:
        """Whether nothing can be missing of some kinds; of all that count without any."""
        return self.kinds.issuperset(kinds) if kinds else self.whole


NOTHING_LISTED = Listing()
"""No cluster was asked for anything."""


class Scopes(NamedTuple):
    """
    The namespaces, and the cluster-wide objects, of which nothing is missing.

    In a closed scope an object that is not in the set does not exist. In an open one it may
    have been made elsewhere: by hand, by an operator, from another repository. `together` tells
    that all of the set is applied to one cluster as it is written, rather than found side by side;
    `rendered` that nothing adds to it or changes it that was not applied. `neighbours` are the other sets
    of the run. `listing` are the kinds that a cluster was asked for. `complete` is the user's word that
    nothing is missing.
    """

    namespaces: frozenset[str]
    complete: bool = False
    together: bool = False
    neighbours: Neighbours | None = None
    rendered: bool = True
    listing: Listing = NOTHING_LISTED

    @property
    def cluster(self) -> bool:
        """Whether nothing at all is missing."""
        return self.complete or (self.listing.tells() and not self.listing.open)

    def is_closed(self, namespace: str | None, *kinds: Kind) -> bool:
        """
        Whether a namespace is told completely, or all that it has of some kinds.

        None is a namespace that is not known.
        """
        if namespace is None:
            return False
        is_listed = self.listing.tells(*kinds) and namespace not in self.listing.open
        return is_listed or namespace in self.namespaces

    def is_cluster_closed(self, kind: Kind) -> bool:
        """Whether all objects of a cluster-wide kind are told."""
        return self.complete or self.listing.tells(kind)

    def may_hold_elsewhere(self, ref: ResourceRef) -> bool:
        """Whether another set of the run holds an object that may be the one that is meant."""
        return self.neighbours is not None and self.neighbours.may_hold(ref)


def closed_scopes(  # noqa: PLR0913 - each tells something else of the input
    resources: Iterable[Resource],
    unread: Iterable[Unread],
    *,
    complete: bool = False,
    closed: Collection[str] = (),
    rendered: bool = True,
    beyond: Collection[str | None] = (),
    neighbours: Neighbours | None = None,
    together: bool = False,
    listing: Listing = NOTHING_LISTED,
) -> Scopes:
    """
    Find the scopes that the input closes.

    A Namespace object closes its namespace, unless something that could not be read or rendered may
    be for it, something from `beyond` what was read is delivered to it, or a neighbour continues it; one
    that was read from a cluster says nothing of the kinds that were not asked for. `listing` closes its
    kinds everywhere. `complete` (the user says that nothing is missing) closes everything, `closed` these
    namespaces.
    """
    resources = list(resources)
    named = {r.namespace for r in resources if r.namespace} | {
        r.name for r in resources if r.kind == NAMESPACE
    }
    if complete:
        return Scopes(frozenset(named), True, together, neighbours, rendered)
    declared = _declared(resources, unread, rendered=rendered and None not in beyond).difference(beyond)
    if neighbours is not None:
        declared = frozenset(name for name in declared if not neighbours.continue_(name))
    return Scopes(declared | frozenset(closed), False, together, neighbours, rendered, listing)


def _declared(resources: list[Resource], unread: Iterable[Unread], *, rendered: bool) -> frozenset[str]:
    holes = [entry for entry in unread if entry.reason is not UnreadReason.ENCRYPTED]
    if not rendered or any(hole.namespace is None for hole in holes):
        return frozenset()
    declared = frozenset(r.name for r in resources if r.kind == NAMESPACE and not r.head.live)
    return declared - {hole.namespace for hole in holes}
