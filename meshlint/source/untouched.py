"""Files of which nothing else is made: what they say of objects stands there, and nowhere else."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from meshlint.source.decision import Decision
from meshlint.source.document import Manifest
from meshlint.source.input import Input
from meshlint.source.origin import STRUCTURAL_FILES, group_and_kind
from meshlint.source.rendered import origins
from meshlint.source.sets import ManifestSet

_FLUX = "kustomize.toolkit.fluxcd.io"


def untouched_files(given: Input, beside: Input) -> set[str]:
    """
    The files, as shown, of what is given of which each object is in a set as it was written.

    Nothing makes or changes another object by them, and no other object has the name of one of theirs,
    which it might differ from. `beside` is the context.
    """
    inputs = (given, beside)
    sets = [one for each in inputs for one in each.sets]
    read = [manifest for each in inputs for reading in each.readings for manifest in reading.manifests]
    whole = {manifest for one in sets for manifest in one.manifests}
    touched = {path for one in sets for path in _touched(one)}
    names = _Names({*read, *whole})
    substitutes = any(group_and_kind(manifest)[0] == _FLUX for manifest in {*read, *whole})

    def is_untouched(manifest: Manifest) -> bool:
        is_variable = substitutes and group_and_kind(manifest) == ("", "ConfigMap")
        return manifest in whole and names.is_alone(manifest) and not is_variable

    return {
        reading.file.path
        for reading in given.readings
        if reading.manifests
        and not (reading.unread or reading.duplicate_keys)
        and reading.file.path not in touched
        and all(map(is_untouched, reading.manifests))
    }


def looks_nothing_up(given: Input) -> bool:
    """Whether all sets are what directories hold: then no file was asked that is no manifest."""
    names = {os.path.basename(found.real) for found in given.discovery.files}
    is_plain = all(one.decision is Decision.DIRECTORY for one in given.sets)
    return is_plain and names.isdisjoint(STRUCTURAL_FILES)


class _Names:
    """How often objects are called what. Whatever their group: two too many in doubt, rather than one."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._of = {manifest: _identity(manifest) for manifest in manifests}
        self._full = Counter(self._of.values())
        self._short = Counter(identity[:2] for identity in self._of.values())
        self._homeless = {identity[:2] for identity in self._full if not identity[2]}

    def is_alone(self, manifest: Manifest) -> bool:
        """Whether no other can be the same object: one without a namespace may be in any."""
        identity = self._of[manifest]
        if not identity[2] or identity[:2] in self._homeless:
            return self._short[identity[:2]] == 1
        return self._full[identity] == 1


def _identity(manifest: Manifest) -> tuple[str, str, str]:
    """Kind, name and namespace, empty where there is none."""
    data = manifest.data
    metadata = data.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    return str(data.get("kind")), str(told.get("name")), str(told.get("namespace") or "")


def _touched(manifest_set: ManifestSet) -> Iterator[str]:
    """The files of which something was made, or would be, that is not what stands there."""
    for manifest in manifest_set.manifests:
        if type(manifest) is not Manifest:
            yield from (origin.file.path for origin in origins(manifest))
    for manifest, at in manifest_set.altered.items():
        yield from (manifest.file.path, at.file.path)
