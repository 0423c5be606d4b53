"""Runs that need not be made again though files were edited, since nothing looks at what was edited."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from meshlint.cache import Cache, digest
from meshlint.named import NamedTuple
from meshlint.source.text import speaks_of_kubernetes

if TYPE_CHECKING:
    from meshlint.source.discovery import FoundFile
    from meshlint.source.input import Input

LEAST_KEPT = 128 * 1024
"""Of fewer bytes nothing is kept: to look at them again takes no longer than to find out whether to."""

MOST_KEPT = 32 * 1024 * 1024
"""Of more bytes nothing is kept either."""

_MOST_EDITED = 4 * 1024 * 1024
# A comment to us changes what is found wherever it stands; in UTF-16, with its zeros, none could be seen.
_TELLING: Final = (b"meshlint", b"\0")
_OWN_CHECKS: Final = "meshlint_checks"


class _Bytes(NamedTuple):
    """Where in the cache the bytes of a file are: in which entry, from where on, and how many."""

    entry: str
    start: int
    size: int


class _Run(NamedTuple):
    """
    A run that is kept under some key, and the digests of its files, by real path.

    `words` tell which checks there is need of. Of files that are `free` in this run anything may be edited,
    as long as they do not come to speak of Kubernetes; of those in `kept`, what nothing looks at; of all
    others nothing.
    """

    key: str
    words: Sequence[str]
    digests: Mapping[str, str]
    free: frozenset[str]
    kept: Mapping[str, _Bytes]

    @classmethod
    def read(cls, told: Mapping[str, Any] | None) -> "_Run | None":
        """Read what was written; None if it is anything else."""
        match told:
            case {
                "key": str(key),
                "words": [*words],
                "digests": dict(digests),
                "free": [*free],
                "kept": dict(kept),
            } if all(isinstance(text, str) for text in (*words, *digests.values(), *free)):
                places = {real: place for real, it in kept.items() if (place := _place(it)) is not None}
                return cls(key, words, digests, frozenset(free), places)
        return None

    def written(self) -> dict[str, Any]:
        """As it is kept."""
        return {**self._asdict(), "free": sorted(self.free)}


class Resemblance(NamedTuple):
    """An earlier run, and the files that were edited since in a way that makes no difference."""

    run: _Run
    edited: Sequence[str]


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

    def resembling(self) -> Resemblance | None:
        """Give that run, if only such was edited since as nothing looks at."""
        run = _Run.read(self._cache.get(self._key)) if self._files else None
        if run is None or run.digests.keys() != self._files.keys():
            return None
        edited = [real for real, told in run.digests.items() if told != self._digests[real]]
        if sum(len(self._content(real)) for real in edited) > _MOST_EDITED:
            return None
        return Resemblance(run, edited) if all(self._is_as_before(run, real) for real in edited) else None

    def succeed(self, key: str, like: Resemblance) -> None:
        """Keep this run, which comes to the same as that one, under a key, and as the last."""
        run, edited = like
        kept = self._keep_bytes([real for real in edited if real in run.kept])
        self._put(run._replace(key=key, digests=self._digests, kept={**run.kept, **kept}))

    def keep(
        self,
        key: str,
        given: "Input",
        beside: "Input",
        *,
        shown: AbstractSet[str],
        rendered: AbstractSet[str],
    ) -> None:
        """
        Keep this run, which has read some inputs, as the last.

        `shown` are the files, as shown, that its reports name; `rendered` are those, by real path, of which
        something was rendered.
        """
        from meshlint.checking.catalog import family_words
        from meshlint.checking.plugins import plugin_packages
        from meshlint.source.untouched import looks_nothing_up, untouched_files

        # What the checks of others look at is not known.
        if not self._files or given.is_nothing or plugin_packages() != [_OWN_CHECKS]:
            return
        untouched = untouched_files(given, beside) - shown
        is_free = looks_nothing_up(given) and looks_nothing_up(beside)
        known = {real: it for real, it in self._files.items() if real not in rendered}
        free = (real for real, (_, content) in known.items() if is_free and not speaks_of_kubernetes(content))
        kept = self._keep_bytes([real for real, (path, _) in known.items() if path in untouched])
        self._put(_Run(key, sorted(family_words()), self._digests, frozenset(free), kept))

    def _content(self, real: str) -> bytes:
        return self._files[real][1]

    def _put(self, run: _Run) -> None:
        self._cache.put(self._key, run.written())

    def _keep_bytes(self, files: Sequence[str]) -> dict[str, _Bytes]:
        """Keep the bytes of some files in one entry; where they are in it."""
        if not files:
            return {}
        entry = digest(b"bytes", *(self._digests[real].encode() for real in files))
        contents = [self._content(real) for real in files]
        self._cache.put_bytes(entry, contents)
        kept: dict[str, _Bytes] = {}
        start = 0
        for real, content in zip(files, contents, strict=True):
            kept[real] = _Bytes(entry, start, len(content))
            start += len(content)
        return kept

    def _is_as_before(self, run: _Run, real: str) -> bool:
        content = self._content(real)
        if real in run.free:
            return not speaks_of_kubernetes(content)
        before = self._cache.get_part(*run.kept[real]) if real in run.kept else None
        if before is None or digest(before) != run.digests[real]:
            return False
        if any(telling in before or telling in content for telling in _TELLING):
            return False
        if any((word.encode() in before) != (word.encode() in content) for word in run.words):
            return False
        from meshlint.model.unseen import is_same

        return is_same(before, content)


def _place(told: object) -> _Bytes | None:
    match told:
        case [str(entry), int(start), int(size)]:
            return _Bytes(entry, start, size)
    return None
