"""Runs that need not be made again though files were edited, since nothing looks at what was edited."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from meshlint.cache import Cache, digest
from meshlint.named import NamedTuple
from meshlint.source.text import speaks_of_kubernetes

if TYPE_CHECKING:
    from meshlint.source.discovery import FoundFile
    from meshlint.source.document import Manifest
    from meshlint.source.input import Input
    from meshlint.source.reading import Reading
    from meshlint.source.sets import ManifestSet

LEAST_KEPT = 128 * 1024
"""Of fewer bytes nothing is kept: to look at them again takes no longer than to find out whether to."""

MOST_KEPT = 32 * 1024 * 1024
"""Of more bytes nothing is kept either."""

_MOST_EDITED = 4 * 1024 * 1024
# Comments to us and variables are looked for everywhere, and not in bytes of UTF-16.
_TELLING: Final = (b"meshlint", b"${", b"\0")
_OWN_CHECKS: Final = "meshlint_checks"
_FLUX: Final = "kustomize.toolkit.fluxcd.io"


class _File(NamedTuple):
    """
    A file of a run: the digest of its bytes, and in which entry they are kept, from `start` on.

    None if any edit of it counts; the entry is empty if none does, as long as it does not become ours.
    """

    digest: str
    entry: str | None = None
    start: int = 0
    size: int = 0


class Predecessor:
    """
    The last run of a command on the same files, whatever stood in them.

    `key` stands for the command and the names of the files; `files` are those that this run has found, with
    their bytes, `digests` what stands for these, by real path.
    """

    def __init__(
        self,
        cache: Cache,
        key: str,
        files: "Sequence[tuple[FoundFile, bytes]]",
        digests: Mapping[str, str],
    ) -> None:
        self._cache = cache
        self._key = key
        is_worth_it = LEAST_KEPT <= sum(len(content) for _, content in files) <= MOST_KEPT
        self._files = {found.real: (found.path, content) for found, content in files} if is_worth_it else {}
        self._digests = digests

    def find(self, key: str) -> str | None:
        """
        The key of that run, if since then only such was edited as nothing looks at.

        The run whose key is given takes its place.
        """
        match self._cache.get(self._key) if self._files else None:
            case {"run": str(run), "words": [*words], "files": dict(told)}:
                known = dict(_known(told))
            case _:
                return None
        if known.keys() != self._digests.keys():
            return None
        edited = [real for real, file in known.items() if file.digest != self._digests[real]]
        contents = {real: self._files[real][1] for real in edited if real in self._files}
        if len(contents) < len(edited) or sum(map(len, contents.values())) > _MOST_EDITED:
            return None
        if not all(self._is_as_before(known[real], contents[real], words) for real in edited):
            return None
        self._put(key, words, known, edited)
        return run

    def keep(self, key: str, given: "Input", beside: "Input", shown: Iterable[str]) -> None:
        """Keep the run with a key, which has read some inputs; its reports point into the files `shown`."""
        from meshlint.checking.catalog import family_words
        from meshlint.checking.plugins import plugin_packages

        # What others look at is not known.
        if not self._files or given.is_nothing or plugin_packages() != [_OWN_CHECKS]:
            return
        words = sorted(family_words())
        plain = _plain_files(given, beside) - {*shown}
        is_only_read = _is_only_read(given)
        known: dict[str, _File] = {}
        for real, (path, content) in self._files.items():
            free = "" if is_only_read and not speaks_of_kubernetes(content) else None
            known[real] = _File(self._digests[real], "new" if path in plain else free)
        self._put(key, words, known, [real for real, file in known.items() if file.entry])

    def _put(
        self, key: str, words: Sequence[object], known: Mapping[str, _File], fresh: Sequence[str]
    ) -> None:
        """Keep which run was the last, and the bytes of files that are not kept yet."""
        files = dict(known)
        entry = digest(b"bytes", *(self._digests[real].encode() for real in fresh))
        parts: list[bytes] = []
        start = 0
        for real in fresh:
            content = self._files[real][1]
            if known[real].entry:
                files[real] = _File(self._digests[real], entry, start, len(content))
                parts.append(content)
                start += len(content)
            else:
                files[real] = known[real]._replace(digest=self._digests[real])
        if parts:
            self._cache.put_bytes(entry, parts)
        self._cache.put(self._key, {"run": key, "words": words, "files": files})

    def _is_as_before(self, known: _File, content: bytes, words: Sequence[object]) -> bool:
        if not known.entry:
            return known.entry == "" and not speaks_of_kubernetes(content)
        before = self._cache.get_part(known.entry, known.start, known.size)
        if before is None or digest(before) != known.digest:
            return False
        if any(telling in before or telling in content for telling in _TELLING):
            return False
        mentioned = (str(word).encode() for word in words)
        return all((word in before) == (word in content) for word in mentioned) and is_same(before, content)


def is_same(before: bytes, after: bytes) -> bool:
    """Whether two versions of a file are manifests of which all is the same that something looks at."""
    from meshlint.source.reading import read_text

    texts = (before, after)
    # Aliases can make small texts stand for data without end.
    if any(b"&" in text and b"*" in text for text in texts):
        return False
    try:
        one, other = (_seen(read_text("", text)) for text in texts)
    except RecursionError:
        return False
    return one is not None and one == other


def _seen(reading: "Reading") -> str | None:
    """All of a file that something looks at; None if some of it could not be read, or is said twice."""
    from meshlint.model.unseen import seen

    if reading.unread or reading.duplicate_keys:
        return None
    return json.dumps([(manifest.prefix, seen(manifest.data)) for manifest in reading.manifests])


def _known(told: Mapping[str, object]) -> Iterator[tuple[str, _File]]:
    for real, file in told.items():
        match file:
            case [str(of_bytes), str() | None as entry, int(start), int(size)]:
                yield real, _File(of_bytes, entry, start, size)


def _plain_files(given: "Input", beside: "Input") -> set[str]:
    """
    The files, as shown, that are manifests and nothing else: each stands for itself, and for itself alone.

    Nothing has made another object of it, and there is no other of its name, which it might differ from.
    """
    from meshlint.source.origin import group_and_kind

    inputs = (given, beside)
    sets = [one for each in inputs for one in each.sets]
    readings = [reading for each in inputs for reading in each.readings]
    listed = [manifest for reading in readings for manifest in reading.manifests]
    whole = {manifest for one in sets for manifest in one.manifests}
    touched = {path for one in sets for path in _touched(one)}
    noted = {path for each in inputs for path in _noted(each)}
    names = _Names(listed)
    substitutes = any(group_and_kind(manifest)[0] == _FLUX for manifest in listed)
    real = {found.path: found.real for found in given.discovery.files}

    def is_plain(manifest: "Manifest") -> bool:
        is_variable = substitutes and group_and_kind(manifest) == ("", "ConfigMap")
        return manifest in whole and names.is_alone(manifest) and not is_variable

    return {
        reading.file.path
        for reading in given.readings
        if reading.manifests
        and not (reading.unread or reading.duplicate_keys)
        and reading.file.path not in touched
        and real.get(reading.file.path) not in noted
        and all(map(is_plain, reading.manifests))
    }


class _Names:
    """How often objects are called what, whatever their group."""

    def __init__(self, manifests: Iterable["Manifest"]) -> None:
        self._of = {manifest: _identity(manifest) for manifest in manifests}
        self._full = Counter(self._of.values())
        self._short = Counter(identity[:2] for identity in self._of.values())
        self._homeless = {identity[:2] for identity in self._full if not identity[2]}

    def is_alone(self, manifest: "Manifest") -> bool:
        """Whether no other can be the same object: one without a namespace may be in any."""
        identity = self._of[manifest]
        if not identity[2] or identity[:2] in self._homeless:
            return self._short[identity[:2]] == 1
        return self._full[identity] == 1


def _identity(manifest: "Manifest") -> tuple[str, str, str]:
    """Kind, name and namespace, empty where there is none."""
    data = manifest.data
    metadata = data.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    return str(data.get("kind")), str(told.get("name")), str(told.get("namespace") or "")


def _touched(manifest_set: "ManifestSet") -> Iterator[str]:
    """The files, as shown, of which something was made, or would be, that is not what stands there."""
    from meshlint.source.document import Manifest
    from meshlint.source.rendered import origins

    for manifest in manifest_set.manifests:
        if type(manifest) is not Manifest:
            yield from (origin.file.path for origin in origins(manifest))
    for manifest, at in manifest_set.altered.items():
        yield from (manifest.file.path, at.file.path)


def _noted(given: "Input") -> Iterator[str]:
    """What renderers have read, by real path."""
    noted = given.rendering.noted if given.rendering is not None else None
    for path, state in (noted or {}).items():
        yield from (path, (state or "").partition(" ")[2])


def _is_only_read(given: "Input") -> bool:
    """Whether nothing was looked up in files that are not ours: no set is made by anything that may do so."""
    from meshlint.source.decision import Decision
    from meshlint.source.origin import STRUCTURAL_FILES

    names = {os.path.basename(found.real) for found in given.discovery.files}
    is_plain = all(one.decision is Decision.DIRECTORY for one in given.sets)
    return is_plain and names.isdisjoint(STRUCTURAL_FILES)
