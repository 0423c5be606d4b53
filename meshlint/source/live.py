"""Objects as a cluster gives them: their text is only written when somebody wants to see it."""

from functools import cached_property
from typing import Any

from meshlint.source.document import FieldPath, Location, Manifest, Place
from meshlint.source.text import SourceFile

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class LiveFile(SourceFile):
    """An object of a cluster as YAML, under a name that says where it is: `cluster:Service/shop/cart`."""

    def __init__(self, path: str, data: dict[str, Any]) -> None:
        super().__init__(path, "")
        self._data = data

    @cached_property
    def text(self) -> str:
        """The object as YAML."""
        import yaml

        return yaml.dump(
            self._data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1_000
        )

    @cached_property
    def manifest(self) -> Manifest:
        """The object as read from that YAML, with the places."""
        from meshlint.source.compose import compose

        place = compose(self.text).place
        return Manifest(self, self._data, place or Place(0, 0))


class LiveManifest(Manifest):
    """
    An object that was read from a cluster.

    `place` is none: where a field stands is worked out for the fields that are shown.
    """

    __slots__ = ("_file",)

    def __init__(self, path: str, data: dict[str, Any]) -> None:
        self._file = LiveFile(path, data)
        super().__init__(self._file, data, Place(0, 0))

    def at(self, *path: str | int) -> Location:
        """The place of a field; of its nearest existing ancestor if there is no such field."""
        return Location(self.file, 0, 0, path, self)

    def written(self, path: FieldPath) -> tuple[Manifest, FieldPath]:
        """The same object with places."""
        return self._file.manifest, path


def without_bookkeeping(data: dict[str, Any]) -> dict[str, Any]:
    """An object without anything that a cluster changes by itself: noise, versions and status."""
    data = without_noise(data)
    metadata = {
        key: value for key, value in data["metadata"].items() if key not in ("generation", "resourceVersion")
    }
    return {**{key: value for key, value in data.items() if key != "status"}, "metadata": metadata}


def without_noise(data: dict[str, Any]) -> dict[str, Any]:
    """An object without what the API server and kubectl note for themselves; the object is not changed."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return data
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
        if not kept["annotations"]:
            del kept["annotations"]
    return {**data, "metadata": kept}
