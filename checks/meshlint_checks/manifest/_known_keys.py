"""Which of the keys that Istio knows another key is a slip of."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from meshlint import KNOWN_KEYS, KnownKey, edit_distance

_LONG_NAME = 10
_MOST_SLIPS = 2
_LONGEST = max(map(len, KNOWN_KEYS)) + _MOST_SLIPS
_OTHER_PROJECTS = ("gateway.networking.k8s.io/",)
_CANDIDATES = tuple(key for key in KNOWN_KEYS.values() if not key.name.startswith(_OTHER_PROJECTS))
_PUNCTUATION = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=8192)
def meant(key: str) -> tuple[KnownKey, ...]:
    """The known keys that a key is a slip of: several if they are as near, none if it is known itself."""
    if key in KNOWN_KEYS or len(key) > 2 * _LONGEST or key.startswith(_OTHER_PROJECTS):
        return ()
    return _SQUASHED.get(_squash(key)) or _nearest(key) or _elsewhere(key)


def _nearest(key: str) -> tuple[KnownKey, ...]:
    letters = _letters(key)
    distances: dict[int, list[KnownKey]] = defaultdict(list)
    for known, known_letters in _of_length(len(key)):
        # An edit brings and takes at most one letter: most keys are told apart without counting edits.
        if (letters ^ known_letters).bit_count() <= 2 * _MOST_SLIPS:
            limit = _slips(known)
            distance = edit_distance(key, known.name, limit)
            if distance <= limit:
                distances[distance].append(known)
    return tuple(distances[min(distances)]) if distances else ()


@lru_cache(maxsize=256)
def _of_length(length: int) -> tuple[tuple[KnownKey, int], ...]:
    """The known keys that can be that near to a key of some length, with their letters."""
    return tuple(
        (known, _letters(known.name)) for known in _CANDIDATES if abs(len(known.name) - length) <= _MOST_SLIPS
    )


def _slips(known: KnownKey) -> int:
    """How many edits still make a slip: short names are too near to each other for two."""
    return _MOST_SLIPS if len(known.name.rpartition("/")[2]) >= _LONG_NAME else 1


def _elsewhere(key: str) -> tuple[KnownKey, ...]:
    """The known keys of the same name, for a key under a prefix of Istio's."""
    prefix, _, name = key.rpartition("/")
    is_of_istio = prefix == "istio.io" or prefix.endswith(".istio.io")
    return _BY_NAME.get(name, ()) if is_of_istio else ()


def _squash(key: str) -> str:
    return _PUNCTUATION.sub("", key.lower())


def _letters(key: str) -> int:
    """The set of the letters of a key, as bits."""
    return sum(1 << number for number in {ord(letter) % 64 for letter in key})


def _grouped(pairs: Iterable[tuple[str, KnownKey]]) -> dict[str, tuple[KnownKey, ...]]:
    grouped: dict[str, tuple[KnownKey, ...]] = {}
    for word, known in pairs:
        grouped[word] = (*grouped.get(word, ()), known)
    return grouped


_SQUASHED = _grouped((_squash(known.name), known) for known in _CANDIDATES)
# Short names that decide nothing (`version`, `status`) mean something else to each project.
_BY_NAME = _grouped(
    (known.name.rpartition("/")[2], known)
    for known in _CANDIDATES
    if "/" in known.name and (known.decides or len(known.name.rpartition("/")[2]) >= _LONG_NAME)
)
