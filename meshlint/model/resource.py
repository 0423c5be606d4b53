"""The decoded object: who it is, its labels, and where each of its fields stands."""

from collections.abc import Mapping, Sequence
from typing import Final

from meshlint.model.fields import Malformed
from meshlint.model.kind import Kind, ResourceRef
from meshlint.named import NamedTuple
from meshlint.source.document import Location, Manifest
from meshlint.source.live import without_bookkeeping


class Head(NamedTuple):
    """What every object has. `live` tells that it was read from a cluster."""

    ref: ResourceRef
    api_version: str
    manifest: Manifest
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    live: bool = False
    malformed: Sequence[Malformed] = ()


class Resource:
    """
    A Kubernetes object as it was written.

    Kinds that meshlint knows better are decoded into the classes of `meshlint.model.kinds`;
    all fields, known or not, are in `manifest.data`.
    """

    def __init__(self, head: Head) -> None:
        self.head: Final = head

    @property
    def ref(self) -> ResourceRef:
        """Which object this is."""
        return self.head.ref

    @property
    def kind(self) -> Kind:
        """Group and kind."""
        return self.head.ref.kind

    @property
    def namespace(self) -> str | None:
        """The namespace; None if it is cluster-wide or the manifests do not tell."""
        return self.head.ref.namespace

    @property
    def name(self) -> str:
        """The name, empty if it has none."""
        return self.head.ref.name

    @property
    def labels(self) -> Mapping[str, str]:
        """`metadata.labels`."""
        return self.head.labels

    @property
    def annotations(self) -> Mapping[str, str]:
        """`metadata.annotations`."""
        return self.head.annotations

    @property
    def manifest(self) -> Manifest:
        """The object as it was written."""
        return self.head.manifest

    @property
    def malformed(self) -> Sequence[Malformed]:
        """The fields of a wrong type."""
        return self.head.malformed

    def at(self, *path: str | int) -> Location:
        """The place of a field, of its nearest existing ancestor, or of the name for the whole."""
        return self.manifest.at(*(path or ("metadata", "name")))

    def label_at(self, key: str) -> Location:
        """The place of a label."""
        return self.at("metadata", "labels", key)

    def annotation_at(self, key: str) -> Location:
        """The place of an annotation."""
        return self.at("metadata", "annotations", key)

    def says_the_same(self, other: "Resource") -> bool:
        """
        Whether two definitions of one object agree.

        Of what was read from a cluster at two times, that which the cluster itself notes does not count.
        """
        ours, theirs = self.manifest.data, other.manifest.data
        if ours == theirs or not (self.head.live and other.head.live):
            return ours == theirs
        return without_bookkeeping(ours) == without_bookkeeping(theirs)

    def __repr__(self) -> str:
        return f"<{self.ref}>"
