"""
GitHub's hash of a line, by which code scanning knows an alert again after the file has changed.

As in github/codeql-action `src/fingerprints.ts` (v3): a polynomial over the 100 UTF-16 units from
the beginning of the line, whatever lines they are on, blanks and tabs left out.
"""

from collections import Counter
from collections.abc import Collection

from meshlint.source.text import SourceFile

_WINDOW = 100
_UNIT = 2
_BASE = 37
_END_OF_FILE = b"\xff\xff"
_BLANKS = {ord(" "): None, ord("\t"): None}


def line_hashes(file: SourceFile, lines: Collection[int]) -> dict[int, str]:
    """The hashes of some lines of a file, each with the number of times that it has come up so far."""
    text = _kept(file)
    units = _encoded(text) + _END_OF_FILE + bytes(_UNIT * _WINDOW)
    seen: Counter[bytes] = Counter()
    hashes = {}
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        window = units[start : start + _UNIT * _WINDOW]
        seen[window] += 1
        if number in lines:
            hashes[number] = f"{_hash(window):x}:{seen[window]}"
        start += len(_encoded(line)) + _UNIT
    return hashes


def _kept(file: SourceFile) -> str:
    text = file.text.replace("\r\n", "\n").replace("\r", "\n").translate(_BLANKS)
    return f"\ufeff{text}" if file.has_bom else text


def _encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _hash(window: bytes) -> int:
    value = 0
    for low, high in zip(window[::2], window[1::2], strict=True):
        value = (value * _BASE + (high << 8 | low)) % 2**64
    return value
