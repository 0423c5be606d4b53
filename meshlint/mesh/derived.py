"""Values that remember why they are so."""

from typing import Generic, NamedTuple, TypeVar

from meshlint.source.document import Location

T = TypeVar("T", covariant=True)


class Cause(NamedTuple):
    """A sentence, and the line that makes it true."""

    message: str
    at: Location


class Derived(NamedTuple, Generic[T]):
    """A fact that was worked out, with its causes: the deciding one first."""

    value: T
    because: tuple[Cause, ...] = ()
