"""The three answers of a look-up in a set of manifests that may be partial."""

from enum import Enum
from typing import Generic, NamedTuple, Never, TypeVar

T = TypeVar("T", covariant=True)
V = TypeVar("V")


class Presence(Enum):
    """Present in the set; absent from a closed scope; or unknown, because the scope is open."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Known(NamedTuple, Generic[T]):
    """The answer to a look-up: a value, or in what sense there is none."""

    presence: Presence
    value: T | None = None

    @property
    def is_absent(self) -> bool:
        """Whether it certainly does not exist."""
        return self.presence is Presence.ABSENT

    @property
    def is_unknown(self) -> bool:
        """Whether it may exist outside of what was read."""
        return self.presence is Presence.UNKNOWN


ABSENT: Known[Never] = Known(Presence.ABSENT)
UNKNOWN: Known[Never] = Known(Presence.UNKNOWN)


def present(value: V) -> Known[V]:
    """The answer that found something."""
    return Known(Presence.PRESENT, value)
