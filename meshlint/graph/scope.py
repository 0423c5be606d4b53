"""Which parts of the cluster a set of manifests tells completely."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from meshlint.model.kind import NAMESPACE
from meshlint.model.resource import Resource
from meshlint.source.document import Unread, UnreadReason


class Scopes(NamedTuple):
    """
    The namespaces, and the cluster-wide objects, of which nothing is missing.

    In a closed scope an object that is not in the set does not exist. In an open one it may
    have been made elsewhere: by hand, by an operator, from another repository. `together` tells
    that all of the set is applied to one cluster as it is written, rather than found side by side.
    """

    namespaces: frozenset[str]
    cluster: bool
    together: bool = False

    def is_closed(self, namespace: str | None) -> bool:
        """Whether a namespace is told completely; None is a namespace that is not known."""
        return namespace is not None and namespace in self.namespaces


def closed_scopes(  # noqa: PLR0913 - each tells something else of the input
    resources: Iterable[Resource],
    unread: Iterable[Unread],
    *,
    complete: bool = False,
    rendered: bool = True,
    continued_elsewhere: Collection[str] = (),
    together: bool = False,
) -> Scopes:
    """
    Find the scopes that the input closes.

    A live dump closes the namespaces that it holds objects of. A Namespace object closes its
    namespace, unless something that could not be read or rendered may be for it, or it is one
    of `continued_elsewhere`. `complete` (the user says that nothing is missing) closes everything.
    """
    resources = list(resources)
    named = {r.namespace for r in resources if r.namespace} | {
        r.name for r in resources if r.kind == NAMESPACE
    }
    if complete:
        return Scopes(frozenset(named), cluster=True, together=together)
    live = frozenset(
        namespace
        for r in resources
        if r.head.live and (namespace := r.name if r.kind == NAMESPACE else r.namespace)
    )
    declared = _declared(resources, unread, rendered=rendered)
    return Scopes(live | declared.difference(continued_elsewhere), cluster=False, together=together)


def namespaces_continued(sets: Sequence[Sequence[Resource]]) -> list[frozenset[str]]:
    """
    For each set, the namespaces that another one holds objects of without declaring them.

    Such a set is no alternative to the one that declares the namespace, but more of the same.
    """
    undeclared = [
        {r.namespace for r in resources if r.namespace} - {r.name for r in resources if r.kind == NAMESPACE}
        for resources in sets
    ]
    holders = Counter(namespace for namespaces in undeclared for namespace in namespaces)
    return [frozenset(name for name, count in holders.items() if count > (name in own)) for own in undeclared]


def _declared(resources: list[Resource], unread: Iterable[Unread], *, rendered: bool) -> frozenset[str]:
    holes = [entry for entry in unread if entry.reason is not UnreadReason.ENCRYPTED]
    if not rendered or any(hole.namespace is None for hole in holes):
        return frozenset()
    declared = frozenset(r.name for r in resources if r.kind == NAMESPACE)
    return declared - {hole.namespace for hole in holes}
