"""Checks that several processes run: each on a part of the subjects, with the whole mesh before it."""

import io
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from meshlint.model.resource import Resource
from meshlint.parallel import share
from meshlint.source.delivered import DeliveredManifest
from meshlint.source.document import Manifest
from meshlint.source.rendered import RenderedManifest
from meshlint.source.text import SourceFile

Result = TypeVar("Result")


def shared(work: Callable[[int], Result], jobs: int, known: Sequence[object]) -> list[Result]:
    """
    Do the parts of some work, from 0 on, in a process each; the results in their order.

    `known` is what results may refer to, in any of its resources: they are the same objects afterwards.
    """
    others = [lambda part=part: _packed(work(part), known) for part in range(1, jobs)]
    own, results = share(lambda: work(0), others)
    # A process that failed has not found out anything.
    return [own] + [
        work(part) if result is None else _unpacked(result, known)
        for part, result in enumerate(results, start=1)
    ]


def _identities(known: Sequence[object]) -> Iterator[object]:
    """All that is one and the same in every process, always in one order."""
    for one in known:
        yield one
        if isinstance(one, Resource):
            for manifest in _written(one.manifest):
                yield manifest
                yield manifest.file


def _written(manifest: Manifest) -> Iterator[Manifest]:
    """A manifest, and those that it is written in if it was rendered or delivered."""
    yield manifest
    match manifest:
        case RenderedManifest():
            for part in manifest.parts:
                yield from _written(part.manifest)
        case DeliveredManifest():
            yield from _written(manifest.origin)
            for write in manifest.writes:
                yield from _written(write.manifest)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, known: Sequence[object]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._numbers = {id(one): number for number, one in enumerate(_identities(known))}

    def persistent_id(self, one: Any) -> int | None:  # noqa: ANN401 - anything can be pickled
        number = self._numbers.get(id(one))
        if number is None and isinstance(one, Resource | Manifest | SourceFile):
            msg = f"{one!r} is not known to the other process"
            raise pickle.PicklingError(msg)
        return number


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, known: Sequence[object]) -> None:
        super().__init__(file)
        self._known = known
        self._ones: list[object] = []

    def persistent_load(self, number: Any) -> object:  # noqa: ANN401 - the base class says so
        self._ones = self._ones or [*_identities(self._known)]
        return self._ones[number]


def _packed(result: object, known: Sequence[object]) -> bytes:
    file = io.BytesIO()
    _Pickler(file, known).dump(result)
    return file.getvalue()


def _unpacked(result: bytes, known: Sequence[object]) -> Any:  # noqa: ANN401 - what was packed
    """What another process of this run has found out."""
    return _Unpickler(io.BytesIO(result), known).load()
