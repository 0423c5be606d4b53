"""Values that remember why they are so."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from meshlint.source.document import Location

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Cause:
    """A sentence, and the line that makes it true."""

    message: str
    at: Location


@dataclass(frozen=True, slots=True)
class Derived(Generic[T]):
    """A fact that was worked out, with its causes: the deciding one first."""

    value: T
    because: tuple[Cause, ...] = ()
