"""A picture of a real run: what `meshlint check examples/shop` shows on a terminal, as SVG."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
COMMAND = ("check", "examples/shop")
SHOWN = ("dangling-waypoint", "injecting-revision-label")
"""Of the findings, the first of each of these checks; dots stand for the others."""

COLUMNS = 104
CELL, LINE, MARGIN, BAR = 8.0, 18, 18, 34
"""In pixels: the width of a character, the height of a line, the room around, and the bar of the window."""

COLORS = {"31": "#ff7b72", "33": "#e3b341", "34": "#79c0ff", "36": "#56d4dd"}
PLAIN, STRONG = "#c9d1d9", "#f0f6fc"
_SGR = re.compile(r"\x1b\[([0-9;]*)m")


class Piece(NamedTuple):
    """Text of one style in one row, from a column on."""

    row: int
    column: int
    text: str
    style: str


def demo() -> str:
    """The picture."""
    lines = [_prompt(), *_shown(_printed())]
    pieces: list[Piece] = []
    rows = 0
    for line in lines:
        pieces += _pieces(line, rows)
        rows = pieces[-1].row + 1 if line else rows + 1
    texts = [_text(piece) for piece in pieces if piece.text]
    return "\n".join([*_window(rows), *texts, "</g>", "</svg>", ""])


def _printed() -> str:
    """What the command prints in colour; exit code 1 is what it is run for."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "PRE_COMMIT")}
    command = [sys.executable, "-m", "meshlint", *COMMAND, "--isolated", "--color", "always"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise RuntimeError(done.stderr)
    return done.stdout


def _prompt() -> str:
    return f"\x1b[1;36m$\x1b[0m \x1b[1mmeshlint {' '.join(COMMAND)}\x1b[0m"


def _shown(printed: str) -> Iterator[str]:
    """The lines of the findings that are shown, and of what the run came to."""
    *blocks, conclusion = printed.rstrip("\n").split("\n\n")
    for name in SHOWN:
        yield from next(block for block in blocks if f"[{name}]" in block.splitlines()[0]).split("\n")
        yield ""
    if len(blocks) > len(SHOWN):
        yield "..."
    yield from conclusion.split("\n")


def _pieces(line: str, first: int) -> Iterator[Piece]:
    """What a terminal of so many columns shows of a line, which goes on in the next row where one ends."""
    position = 0
    for text, style in _styled(line):
        start = 0
        while start < len(text):
            row, column = divmod(position, COLUMNS)
            part = text[start : start + COLUMNS - column]
            word = part.lstrip(" ")
            # Where spaces are kept by the column alone, no reader of SVG can lose them.
            yield Piece(first + row, column + len(part) - len(word), word, style)
            start += len(part)
            position += len(part)


def _styled(line: str) -> Iterator[tuple[str, str]]:
    """The text of a line with the ANSI codes that hold for it."""
    style = ""
    for number, part in enumerate(_SGR.split(line)):
        if number % 2:
            style = "" if part == "0" else part
        elif part:
            yield part, style


def _text(piece: Piece) -> str:
    codes = piece.style.split(";")
    color = next((COLORS[code] for code in codes if code in COLORS), STRONG if "1" in codes else PLAIN)
    weight = ' font-weight="bold"' if "1" in codes else ""
    # The length is given, since no two browsers agree on the width of a letter.
    length = f'{len(piece.text) * CELL:g}" lengthAdjust="spacingAndGlyphs'
    x, y = f"{MARGIN + piece.column * CELL:g}", BAR + (piece.row + 1) * LINE
    text = escape(piece.text, quote=False)
    return f'<text x="{x}" y="{y}" textLength="{length}" fill="{color}"{weight}>{text}</text>'


def _window(rows: int) -> Iterator[str]:
    width = COLUMNS * CELL + 2 * MARGIN
    height = BAR + rows * LINE + MARGIN
    title = f"meshlint {' '.join(COMMAND)}"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
    yield f"<title>{title}: a real run</title>"
    yield f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#0d1117"/>'
    for number, color in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")):
        yield f'<circle cx="{MARGIN + 4 + number * 18}" cy="17" r="5.5" fill="{color}"/>'
    font = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    yield f'<g font-family="{font}" font-size="13" xml:space="preserve">'
