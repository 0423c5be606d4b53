"""Checks that several processes run: each on a part of the subjects, with the whole mesh before it."""

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from meshlint.checking.catalog import Check
from meshlint.model.resource import Resource
from meshlint.parallel import share
from meshlint.source.document import Manifest
from meshlint.source.rendered import origins
from meshlint.source.text import SourceFile

Result = TypeVar("Result")


def shared(work: Callable[[int], Result], pieces: int, jobs: int, known: Sequence[object]) -> list[Result]:
    """
    Do so many pieces of some work, from 0 on, in as many processes as there are `jobs`; the results in order.

    `known` is what results may refer to, in any of its resources: they are the same objects afterwards.
    """
    same = _Same(known)
    return share(
        pieces, jobs, work, lambda piece: _packed(work(piece), same), lambda _, it: _unpacked(it, same)
    )


class _Same:
    """All that is one and the same in every process, numbered; worked out when something refers to it."""

    def __init__(self, known: Sequence[object]) -> None:
        self._known = known

    @cached_property
    def ones(self) -> Sequence[object]:
        """Everything, always in one order."""
        return [*_identities(self._known)]

    @cached_property
    def numbers(self) -> Mapping[int, int]:
        """The number of each, by its `id`."""
        return {id(one): number for number, one in enumerate(self.ones)}


def _identities(known: Sequence[object]) -> Iterator[object]:
    """All that is one and the same in every process, always in one order."""
    for one in known:
        yield one
        if isinstance(one, Resource):
            for manifest in origins(one.manifest):
                yield manifest
                yield manifest.file


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, same: _Same) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._same = same

    def persistent_id(self, one: Any) -> int | None:  # noqa: ANN401 - anything can be pickled
        if not isinstance(one, Check | Resource | Manifest | SourceFile):
            return None
        number = self._same.numbers.get(id(one))
        if number is None:
            msg = f"{one!r} is not known to the other process"
            raise pickle.PicklingError(msg)
        return number


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, same: _Same) -> None:
        super().__init__(file)
        self._same = same

    def persistent_load(self, number: Any) -> object:  # noqa: ANN401 - the base class says so
        return self._same.ones[number]


def _packed(result: object, same: _Same) -> bytes:
    file = io.BytesIO()
    _Pickler(file, same).dump(result)
    return file.getvalue()


def _unpacked(result: bytes, same: _Same) -> Any:  # noqa: ANN401 - what was packed
    """What another process of this run has found out."""
    return _Unpickler(io.BytesIO(result), same).load()
