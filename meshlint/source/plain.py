"""The values of plain scalars, as the reader of Kubernetes has them."""

import re
from functools import lru_cache
from math import isinf
from typing import Any

from meshlint.regex import regex


def resolve_plain(text: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """
    Give the value of a plain scalar as the reader of Kubernetes has it (YAML 1.1, go-yaml v2).

    Timestamps and sexagesimal numbers stay text, `1e3` and `08` are numbers, `y` and `n` booleans.
    """
    # Nothing so long is anything but text, and it need not be remembered.
    return text if len(text) > _LONGEST_NUMBER else _resolved(text)


@lru_cache(maxsize=8192)
def _resolved(text: str) -> Any:  # noqa: ANN401 - YAML holds anything
    if text[:1] not in _NUMBER_START:
        return _WORDS.get(text, text)
    if text in _WORDS:
        return _WORDS[text]
    number = _integer(text)
    return _real(text) if number is None else number


_LONGEST_NUMBER = 400
_NUMBER_START = frozenset("0123456789+-.")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = regex(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES = (16, 8, 2, 8, 10)
_REAL = regex(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text.replace("_", ""))
    if match is None:
        return None
    sign, *digits = match.groups()
    number = next(int(found, base) for found, base in zip(digits, _BASES, strict=True) if found)
    number = -number if sign == "-" else number
    return number if _SMALLEST_INTEGER <= number <= _LARGEST_INTEGER else None


def _real(text: str) -> float | str:
    digits = text if text.startswith(".") else text.replace("_", "")
    if not _REAL.fullmatch(digits):
        return text
    number = float(digits)
    return text if isinf(number) else number
