"""Which parts of the cluster a set of manifests tells completely."""

from collections.abc import Iterable
from dataclasses import dataclass

from meshlint.model.kind import NAMESPACE
from meshlint.model.resource import Resource
from meshlint.source.document import Unread, UnreadReason


@dataclass(frozen=True, slots=True)
class Scopes:
    """
    The namespaces, and the cluster-wide objects, of which nothing is missing.

    In a closed scope an object that is not in the set does not exist. In an open one it may
    have been made elsewhere: by hand, by an operator, from another repository.
    """

    namespaces: frozenset[str]
    cluster: bool

    def is_closed(self, namespace: str | None) -> bool:
        """Whether a namespace is told completely; None is a namespace that is not known."""
        return namespace is not None and namespace in self.namespaces


def closed_scopes(
    resources: Iterable[Resource], unread: Iterable[Unread], *, complete: bool, rendered: bool
) -> Scopes:
    """
    Find the scopes that the input closes.

    A live dump closes the namespaces that it holds objects of. A Namespace object closes its
    namespace, unless something that could not be read or rendered may be for it. `complete`
    (the user says that nothing is missing) closes everything.
    """
    resources = list(resources)
    named = {r.namespace for r in resources if r.namespace} | {
        r.name for r in resources if r.kind == NAMESPACE
    }
    if complete:
        return Scopes(frozenset(named), cluster=True)
    live = frozenset(
        namespace
        for r in resources
        if r.head.live and (namespace := r.name if r.kind == NAMESPACE else r.namespace)
    )
    return Scopes(live | _declared(resources, unread, rendered=rendered), cluster=False)


def _declared(resources: list[Resource], unread: Iterable[Unread], *, rendered: bool) -> frozenset[str]:
    holes = [entry for entry in unread if entry.reason is not UnreadReason.ENCRYPTED]
    if not rendered or any(hole.namespace is None for hole in holes):
        return frozenset()
    declared = frozenset(r.name for r in resources if r.kind == NAMESPACE)
    return declared - {hole.namespace for hole in holes}
