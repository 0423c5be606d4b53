"""What the Kubernetes API takes as the key and the value of a label."""

import re
from functools import lru_cache

_LONGEST_NAME = 63
_LONGEST_PREFIX = 253
_LONGEST_SHOWN = 60
_WORD = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_STRANGE = re.compile(r"[^-A-Za-z0-9_.]")
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")


@lru_cache(maxsize=8192)
def key_fault(key: str) -> str | None:
    """
    Why a label key is refused, None if it is not.

    A name after an optional DNS subdomain and `/` (Kubernetes
    `apimachinery/pkg/util/validation/validation.go`, IsQualifiedName).
    """
    prefix, slash, name = key.partition("/")
    if not slash:
        return _word_fault("it", key)
    if "/" in name:
        return "it holds more than one '/'"
    if not prefix:
        return "nothing stands before its '/'"
    if len(prefix) > _LONGEST_PREFIX:
        return f"its prefix is longer than {_LONGEST_PREFIX} characters"
    if not _DOMAIN.fullmatch(prefix):
        return f"its prefix {shown(prefix)!r} is no DNS name in lower case"
    return _word_fault("its name", name)


@lru_cache(maxsize=8192)
def value_fault(value: str) -> str | None:
    """Why a label value is refused, None if it is not (`validation.go`, IsValidLabelValue)."""
    return _word_fault("it", value) if value else None


def shown(text: str) -> str:
    """A text as a message shows it: cut if it is very long."""
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _word_fault(what: str, word: str) -> str | None:
    if not word:
        return f"{what} is empty"
    if len(word) > _LONGEST_NAME:
        return f"{what} is longer than {_LONGEST_NAME} characters ({len(word)})"
    if _WORD.fullmatch(word):
        return None
    strange = _STRANGE.search(word)
    if strange:
        return f"{what} holds {strange[0]!r}"
    side, character = ("begins", word[0]) if not word[0].isalnum() else ("ends", word[-1])
    return f"{what} {side} with {character!r}"
