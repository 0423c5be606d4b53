"""Fixed texts to files, or to a diff."""

import codecs
import os
from collections.abc import Iterator, Mapping

from meshlint.errors import UsageError
from meshlint.regex import regex
from meshlint.source.text import SourceFile

_LINE = regex(r"[^\n]*\n|[^\n]+")


def write_texts(texts: Mapping[SourceFile, str]) -> None:
    """
    Write new texts into their files: each whole or not at all, with mode, line breaks and BOM kept.

    Raises UsageError if a file has changed since it was read, is not UTF-8, or cannot be written.
    """
    for file in texts:
        if _content(file.path) != _encoded(file, file.text):
            raise UsageError(
                f"{file.path!r} has changed since it was read, or is not UTF-8: nothing is written"
            )
    for file, text in texts.items():
        _replace(file.path, _encoded(file, text))


def unified_diff(texts: Mapping[SourceFile, str]) -> str:
    """What would change, as `diff -u` writes it; empty if nothing would."""
    return "".join(line for file, text in texts.items() for line in _diff(file, text))


def _diff(file: SourceFile, text: str) -> Iterator[str]:
    import difflib

    before, after = (_LINE.findall(each) for each in (file.text, text))
    for line in difflib.unified_diff(before, after, f"a/{file.path}", f"b/{file.path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _encoded(file: SourceFile, text: str) -> bytes:
    return (codecs.BOM_UTF8 if file.has_bom else b"") + text.encode("utf-8")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path!r}: {error.strerror}") from None


def _replace(path: str, content: bytes) -> None:
    """Put a new file in the place of an old one, in one step; of a link, the file that it leads to."""
    import tempfile

    real = os.path.realpath(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".meshlint-", dir=os.path.dirname(real))
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, os.stat(real).st_mode & 0o7777)
        os.replace(temporary, real)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise UsageError(f"cannot write {path!r}: {error.strerror}") from None
