"""What was decided on a manifest set: what it is made of, and which namespaces it tells completely."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from meshlint.graph.scope import Scopes
from meshlint.model.kind import NAMESPACE, is_cluster_wide
from meshlint.model.resource import Resource
from meshlint.source.document import Unread, UnreadReason
from meshlint.source.sets import ManifestSet


class DecidedSet:
    """A manifest set, its objects, and the scopes that it closes."""

    def __init__(self, manifest_set: ManifestSet, resources: Sequence[Resource], scopes: Scopes) -> None:
        self.manifest_set = manifest_set
        self.resources = resources
        self.scopes = scopes

    @cached_property
    def files(self) -> Sequence[str]:
        """The files that the set was read from, as shown."""
        found = {it.file.path for it in self.manifest_set.manifests}
        return sorted(found | {problem.at.file.path for problem in self.manifest_set.unread})

    @cached_property
    def without_namespace(self) -> Sequence[Resource]:
        """The objects that are in a namespace, of which it is not told in which."""
        return [it for it in self.resources if it.namespace is None and not is_cluster_wide(it.kind)]

    @cached_property
    def closed(self) -> Sequence[str]:
        """The namespaces that it tells completely."""
        return [name for name in self._named if self.scopes.is_closed(name)]

    @cached_property
    def open(self) -> Mapping[str, str]:
        """The namespaces of which more may be elsewhere, each with the reason."""
        return {name: self._reason(name) for name in self._named if not self.scopes.is_closed(name)}

    @property
    def unread(self) -> Iterator[Unread]:
        """What in it was not read and may be an object; what is encrypted is a Secret."""
        return (it for it in self.manifest_set.unread if it.reason is not UnreadReason.ENCRYPTED)

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(it.name for it in self.resources if it.kind == NAMESPACE)

    @cached_property
    def _named(self) -> Sequence[str]:
        return sorted({it.namespace for it in self.resources if it.namespace} | self._declared)

    def _reason(self, name: str) -> str:
        beyond = self.manifest_set.beyond
        holes = {it.namespace for it in self.unread}
        if name not in self._declared:
            return "its Namespace is not in the set"
        if name in beyond:
            return "more is delivered to it than was read"
        if None in beyond or not self.manifest_set.rendered:
            return "more is delivered than was read, and it is not told where to"
        if name in holes or None in holes:
            return "something of it could not be read"
        if all(it.head.live for it in self.resources if it.kind == NAMESPACE and it.name == name):
            return "it was read from a cluster, and tells of the kinds alone that it was asked for"
        return "another set holds objects of it"
