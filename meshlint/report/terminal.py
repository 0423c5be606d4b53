"""Text for terminals: harmless, as wide as it says, and in colour where that is wanted."""

from collections.abc import Callable
from enum import Enum

from meshlint.checking.vocabulary import Severity


class Style(Enum):
    """What a piece of text is: the value is its ANSI code."""

    ERROR = "1;31"
    WARNING = "1;33"
    NOTE = "1;36"
    FRAME = "1;34"
    STRONG = "1"


Paint = Callable[[str, Style], str]


def painter(*, color: bool) -> Paint:
    """How to give text a style: with ANSI codes, or not at all."""
    return _painted if color else _unpainted


def severity_style(severity: Severity) -> Style:
    """The style of a severity."""
    return Style[severity.name]


def plain(text: str) -> str:
    """
    The text without power over the terminal or the log that it is shown in.

    Control characters, invisible ones and those that turn the reading direction are shown as
    escapes. GitHub Actions runs a command wherever `##[` stands in a line of a log.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return text.replace("##[", "##\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}")


def linked(text: str, url: str | None) -> str:
    """The text as a hyperlink (OSC 8), if it leads anywhere."""
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text


def cells(text: str) -> int:
    """The number of columns that plain text takes on a terminal."""
    return len(text) if text.isascii() else sum(_cells_of(char) for char in text)


def _painted(text: str, style: Style) -> str:
    return f"\x1b[{style.value}m{text}\x1b[0m"


def _unpainted(text: str, _style: Style) -> str:
    return text


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _cells_of(char: str) -> int:
    import unicodedata

    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
