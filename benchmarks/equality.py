"""
Compare the quick reader of YAML with `compose`, on documents that are generated, mutated and real.

`python benchmarks/equality.py [--documents N] [--seed S] [PATH ...]` compares every document of the fixtures,
of the corpus and of the YAML files below the paths as it stands, and N others that are made from a seed: by
a grammar that knows more than the quick reader, by mutation of such documents and of real ones, and from bits
of syntax. It prints how many were compared, how many of them the quick reader took, and every difference, cut
down to what it takes; if there is one, it ends with 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from meshlint.source.block import Block, read_block
from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import Place
from meshlint.source.placing import QuickDocument
from meshlint.source.reading import split_documents
from meshlint.source.text import SourceFile

ROOT = Path(__file__).resolve().parent.parent
OURS = (ROOT / "checks" / "meshlint_checks", ROOT / "tests" / "corpus")
"""The fixtures and the corpus."""

_T = TypeVar("_T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and say whether all is equal."""
    parser = argparse.ArgumentParser(description="Compare the quick reader of YAML with libyaml.")
    parser.add_argument("--documents", type=int, default=20_000, metavar="N", help="how many to make")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    options = parser.parse_args(arguments)
    real = list(real_documents([*OURS, *options.paths]))
    made = made_documents(options.documents, options.seed, real)
    counts, taken, differences = Counter[str](), Counter[str](), 0
    for way, text in chain((("real", text) for text in real), made):
        compared = compare(text)
        counts[way] += 1
        taken[way] += compared.is_taken
        if compared.difference:
            differences += 1
            less = minimised(text, lambda less: bool(compare(less).difference))
            print(f"DIFFERENCE ({way})\n{less}\n{less!r}\n{compare(less).difference}\n", flush=True)
    for way, count in counts.items():
        print(f"{way:8} {count:9,} compared, {taken[way]:9,} of them taken ({taken[way] / count:.0%})")
    count, took = counts.total(), taken.total()
    print(
        f"seed {options.seed}: {count:,} documents compared, {took:,} taken by the quick reader "
        f"({took / count:.0%}), {count - took:,} left, {differences:,} differences"
    )
    return 1 if differences else 0


# Comparing


class Compared(NamedTuple):
    """Whether the quick reader took a document, and in what it then differs."""

    is_taken: bool
    difference: str = ""


def compare(text: str) -> Compared:
    """Read a document in both ways."""
    block = read_block(text)
    if block is None:
        return Compared(is_taken=False)
    return Compared(is_taken=True, difference=_difference(text, block))


def _difference(text: str, block: Block) -> str:
    # `1`, `1.0`, `True` and `'1'` are written in different ways, and so is another order of keys.
    quick = repr(block.data)
    try:
        composed = compose(text)
    except (ComposeError, UnicodeError) as error:
        return f"quick:   {quick}\ncompose: {error!r}"
    known = repr(composed.data)
    if quick != known:
        return f"quick:   {quick}\ncompose: {known}"
    if composed.lost_entries:
        return f"quick:   {quick}\ncompose: lost {composed.lost_entries!r}"
    return places_differ(text, block)


_BEFORE, _BEHIND = "é: before\n---\n", "\n---\nbehind: 1\n"


def places_differ(text: str, block: Block) -> str:
    """In what the places of a list's items differ from those that the whole gives; empty if in nothing."""
    items = block.data.get("items")
    if not isinstance(items, list) or not items or len(items) != len(block.items):
        return ""
    file = SourceFile("list.yaml", _BEFORE + text + _BEHIND)
    start, end = len(_BEFORE), len(_BEFORE) + len(text)
    document = QuickDocument(file, start, end, block)
    whole = _children(_children(compose(file.text, start, end).place)["items"])
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        known = flattened(whole[index])
        try:
            quick = flattened(document.item_place(index))
        except (AssertionError, ComposeError) as error:
            return f"place of item {index}\nquick:   {error!r}\ncompose: {known}"
        if quick != known:
            return f"place of item {index}\nquick:   {quick}\ncompose: {known}"
    return ""


def flattened(place: Place) -> object:
    """A place with all its parts, as what can be compared."""
    parts = [(key, flattened(child)) for key, child in _children(place).items()]
    return place.start, place.end, type(place.children), parts, list((place.keys or {}).items())


def _children(place: Place | None) -> dict[str | int, Place]:
    children = place.children if place else None
    return dict(enumerate(children)) if isinstance(children, list) else dict((children or {}).items())


def minimised(text: str, differs: Callable[[str], bool]) -> str:
    """Leave out lines, and then characters, as long as a text still differs."""
    lines = _fewest(text.splitlines(keepends=True), differs)
    return "".join(_fewest(list("".join(lines)), differs))


def _fewest(parts: list[str], differs: Callable[[str], bool]) -> list[str]:
    size = max(len(parts) // 2, 1)
    while size:
        at = 0
        while at < len(parts):
            less = parts[:at] + parts[at + size :]
            if differs("".join(less)):
                parts = less
            else:
                at += size
        size //= 2
    return parts


# Where documents come from


def real_documents(paths: Iterable[Path]) -> Iterator[str]:
    """Each document of the YAML files below some paths, as it is written."""
    for path in paths:
        for file in sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]:
            if file.is_file():
                text = file.read_bytes().decode("utf-8", "replace")
                yield from (text[start:end] for start, end in split_documents(text))


def made_documents(count: int, seed: int, real: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Documents, each with the way that it was made in; the same for the same seed and real documents."""
    real = [text for text in real if text.strip()]
    for index in range(count):
        random = Random(f"{seed}/{index}")
        way = random.choice(_WAYS)
        match way:
            case "soup":
                yield way, soup(random)
            case "mutated" if real:
                yield way, mutated(random, *(_part(random, random.choice(real)) for _ in range(2)))
            case "broken":
                yield way, mutated(random, *(Writer(random, _SELDOM_ODD).document() for _ in range(2)))
            case _:
                yield "written", Writer(random).document()


_WAYS = (*["written"] * 7, *["broken"] * 5, *["mutated"] * 5, *["soup"] * 3)
_SELDOM_ODD = (0, 0, 0, 0.01, 0.02)
_FEW_LINES = 40


def _part(random: Random, text: str) -> str:
    """A document that is not long: of a long one, some lines that begin at the left."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= _FEW_LINES:
        return text
    left = [index for index, line in enumerate(lines) if line[0] not in " -#\r\n"]
    start = random.choice(left) if left else 0
    return "".join(lines[start : start + random.randint(5, _FEW_LINES)])


class Writer:
    """
    Writes documents at random.

    How often it writes what manifests do not hold is one of `oddities`, the same for the whole document.
    """

    def __init__(self, random: Random, oddities: Sequence[float] = (0, 0, 0, 0.02, 0.02, 0.1, 0.3)) -> None:
        self._random = random
        self._oddity = random.choice(oddities)

    def document(self) -> str:
        """One document, in one of the styles of line breaks."""
        lines = [each for line in self._whole() for each in (*self._strewn(), line)]
        if self._happens(0.3):
            marker = self._odd_or(
                *["---", "--- "], "--- # x", "---#", "---\t", "--- a: b", "--- |", "--- !!map"
            )
            lines = [*self._strewn(), *self._strewn(), marker, *lines]
            if self._is_odd():
                lines.insert(0, self._one_of("%YAML 1.1", "%TAG ! x", "\ufeff", "...", "---"))
        if self._is_odd():
            lines.append(self._one_of("...", "... # x", "---", "--- x", "...x", "%x", "\t", " \t# x"))
        text = "\n".join([*lines, *self._strewn()]) + "\n" * self._happens(0.85)
        if self._happens(0.05):
            text = text.replace("\n", "\r\n")
        elif self._is_odd():
            instead = self._one_of("\r", "\x85", "\u2028", "\u2029", "\r\n", "\n\r", "\n\n", "\n \n")
            text = text.replace("\n", instead, self._random.randint(1, 3))
        return "\ufeff" * (self._is_odd() and self._happens(0.1)) + text

    def _whole(self) -> list[str]:
        if self._happens(0.25):
            head = ["apiVersion: v1", "kind: List", *(self._mapping(0, 1) if self._happens(0.3) else ())]
            items = ["items:", *self._sequence(self._one_of(0, 2, 2, 4), 2)]
            return [*head, *items] if self._happens(0.7) else [*items, *head]
        if self._happens(0.01):
            return self._deep()
        if self._is_odd():
            inline, below = self._value(-1, 2)
            return [inline, *below] if self._happens(0.5) else self._sequence(0, 2)
        return self._mapping(self._random.randint(1, 3) if self._happens(0.03) else 0, 3)

    def _deep(self) -> list[str]:
        """Mappings or sequences in one another, about as deep as is allowed."""
        depth = self._one_of(20, 60, self._random.randint(194, 204))
        is_sequence = self._happens(0.5)
        step = "- a:" if is_sequence else "a:"
        lines = [" " * 2 * level + step for level in range(depth // 2 if is_sequence else depth)]
        lines[-1] += self._one_of("", " b", " [c]", " {c: d}", " [[c]]")
        return ["x:", *lines] if is_sequence else lines

    def _mapping(self, column: int, depth: int) -> list[str]:
        lines: list[str] = []
        seen: set[str] = set()
        for _ in range(self._random.randint(1, 4 if depth > 1 else 2)):
            key = self._key()
            bare = key.strip("\"'")
            if bare in seen and not self._is_odd():
                continue
            seen.add(bare)
            inline, below = self._value(column, depth)
            colon = self._odd_or(": ", ":  ", " : ", ":", ":\t", " :", ": \t")
            entry = " " * (column + (self._odd_or(0, 1, -1, 2) if lines else 0)) + key + colon + inline
            lines += [entry if inline or self._happens(0.05) else entry.rstrip(" "), *below]
        return lines

    def _sequence(self, column: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self._random.randint(1, 3)):
            dash = self._odd_or(self._one_of(*["- "] * 9, "-  ", "-   "), "-", "-\t", "?  ")
            at = column + (self._odd_or(0, 1, -1) if lines else 0)
            further = at + len(dash)
            if depth > 0 and self._happens(0.5):
                item = self._mapping(further, depth - 1)
            elif self._is_odd():
                item = self._sequence(further, depth - 1) if depth > 0 else [" " * further + "x"]
                if self._happens(0.3):
                    item = [" " * further, *item]
            else:
                inline, below = self._scalar(at)
                item = [" " * further + inline, *below]
            lines += [" " * at + dash + item[0][further:], *item[1:]]
        return lines

    def _key(self) -> str:
        if self._happens(0.85):
            return self._one_of(*_KEYS)
        if self._happens(0.5):
            quote = self._one_of("'", '"')
            return quote + self._one_of(*_QUOTED_KEYS) + quote
        return self._one_of(*(_ODD_KEYS if self._is_odd() or self._happens(0.02) else _OTHER_KEYS))

    def _value(self, column: int, depth: int) -> tuple[str, list[str]]:
        """What stands behind a key on its line, and the lines below."""
        column = max(column, 0)
        if depth > 0 and self._happens(0.25):
            return "", self._mapping(column + self._odd_or(2, 1, 3, 4, 0), depth - 1)
        if depth > 0 and self._happens(0.2):
            return "", self._sequence(column + self._one_of(0, 2, 2, 2, 4, 1), depth - 1)
        return ("", []) if self._happens(0.08) else self._scalar(column)

    def _scalar(self, column: int) -> tuple[str, list[str]]:
        """What is no mapping in block style and no such sequence: its first line, and those below."""
        first, below = self._block(column) if self._happens(0.12) else self._text(column)
        if self._happens(0.01):
            below.append(" " * (column + self._one_of(2, 3, 4, 6, 8)) + self._plain())
        return first, below

    def _text(self, column: int) -> tuple[str, list[str]]:
        properties = self._odd_or("", "&a ", "*a", "!!str ", "! ", "!x ", "!!int ", "&b !!null ", "*a ", "<<")
        if self._happens(0.12):
            return properties + self._flow(2 if self._is_odd() else 0) + self._remark(), []
        quote, write, write_line = self._one_of(
            *[("", self._plain, self._plain)] * 3,
            ('"', self._double, self._double_line),
            ("'", self._single, self._single),
        )
        if self._happens(0.7):
            return properties + quote + write() + quote + self._remark(), []
        first = quote + write_line() + " " * self._happens(0.1) + self._odd_or("", " # x", "\t")
        below = self._further(column, write_line)
        below[-1] += quote + self._remark()
        return properties + first, below

    def _plain(self) -> str:
        words = [self._one_of(*(_ODD_WORDS if self._is_odd() else _WORDS))]
        while self._happens(0.4):
            words.append(self._one_of(*(_ODD_WORDS if self._is_odd() else _INNER_WORDS)))
        return self._one_of(*[" "] * 6, "  ").join(words)

    def _double(self) -> str:
        parts = [self._one_of(*_IN_DOUBLE) for _ in range(self._random.randint(0, 5))]
        return "".join(parts) + self._odd_or(
            "", '"', "\\q", "\\U0001F600", "\t", "\\", "\\x4", "\\u12", "\\ud800"
        )

    def _double_line(self) -> str:
        return self._double() + self._one_of(*[""] * 6, " ", "\\", "\\", " \\", "\\\\", "\\ ", "\\" * 3, "  ")

    def _single(self) -> str:
        parts = [self._one_of(*_IN_SINGLE) for _ in range(self._random.randint(0, 5))]
        return "".join(parts) + self._odd_or("", "'", "\t", "x'y")

    def _further(self, column: int, write: Callable[[], str]) -> list[str]:
        """The lines of a scalar behind its first, blank ones in between."""
        lines: list[str] = []
        for _ in range(self._random.randint(1, 3)):
            while self._happens(0.2):
                lines.append(self._odd_or(self._one_of("", "", " ", "    "), "\t", "  # x", "# x"))
            indent = " " * (column + self._odd_or(self._one_of(2, 2, 4, 1, 3, 7), 0, -1))
            lines.append(indent + self._odd_or("", "\t", "# ", "- ") + write())
        return lines

    def _flow(self, depth: int) -> str:
        gap, comma = self._one_of("", "", " "), self._one_of(", ", ", ", ",", " , ")
        items = [self._flow_item(depth) for _ in range(self._random.randint(0, 4))]
        end = self._odd_or("", ",", " x", "\n  ", ", x") + gap
        if self._happens(0.5):
            return f"[{gap}{comma.join(items)}{end}]"
        colon = self._odd_or(": ", ":", ":  ", " : ")
        keys = [self._odd_or(self._one_of(*_FLOW_KEYS), "a:", '"b"', "? x", "<<") for _ in items]
        return f"{{{gap}{comma.join(map(colon.join, zip(keys, items, strict=True)))}{end}}}"

    def _flow_item(self, depth: int) -> str:
        if depth > 0 and self._happens(0.4):
            return self._flow(depth - 1)
        return self._one_of(*(_ODD_FLOW_WORDS if self._is_odd() else _FLOW_WORDS))

    def _block(self, column: int) -> tuple[str, list[str]]:
        odd = ("|+", ">+", "|2", ">2-", "|-2", ">1", "| # x", "|x", "|0", "|10", "|#", "|-  # x", "|\t", ">>")
        indent = column + self._odd_or(self._one_of(2, 2, 4, 1, 3), 0, -1, 8)
        lines = [""] * self._happens(0.1)
        for _ in range(self._random.randint(0, 5) or self._random.randint(0, 1)):
            further = self._odd_or(self._one_of(0, 0, 0, 0, 1, 2, 5) if lines else 0, -1, -2, 2)
            text = "".join(self._one_of(*_IN_BLOCK) for _ in range(self._random.randint(1, 4)))
            lines.append(" " * (indent + further) + text)
            while self._happens(0.15):
                lines.append(self._one_of("", "", " " * self._random.randint(0, indent + 3)))
        return self._odd_or(self._one_of("|", "|", "|-", ">", ">-", "| ", ">-  "), *odd), lines

    def _remark(self) -> str:
        if not self._happens(0.08):
            return " " * self._happens(0.05)
        if self._is_odd() or self._happens(0.1):
            return self._one_of("#x", "\t# x", "\t", " # \ufeff", " #\tx", " # é", " x", "'", '"')
        return self._one_of(" # x", "  #x", " #", " # 'x\": [")

    def _strewn(self) -> list[str]:
        """Comments and blank lines, now and then."""
        if not self._happens(0.04):
            return []
        usual = self._one_of("", "# x", "#", "#é: 'x", "# - a")
        return [" " * self._random.randint(0, 6) + self._odd_or(usual, "\t", "\t# x", "# \x85 y")]

    def _is_odd(self) -> bool:
        return self._happens(self._oddity)

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

    def _odd_or(self, usual: _T, *odd: _T) -> _T:
        return self._one_of(*odd) if self._is_odd() else usual

    def _one_of(self, *choices: _T) -> _T:
        return choices[int(self._random.random() * len(choices))]


_KEYS = (
    *("a", "b", "name", "labels", "spec", "app.kubernetes.io/name", "ports", "items", "kind", "x-y", "data"),
)
_OTHER_KEYS: tuple[str, ...] = ("x" * 30, "1", "true", "null", "y", "1.5", "a/b", "a.b/c-d", ".x", "..", "/")
_QUOTED_KEYS = (*_KEYS, "a b", "a: b", "#", "", "é", "<<", "- x", "[x]", "*", "{{ x }}", "null", "1")
_ODD_KEYS: tuple[str, ...] = (
    *("? a\n", "? a", "<<", "*a ", "&k a", "!!str a", "[a, b]", "{a: b}", "{{ x }}", "-", "-a", "~", "="),
    *("a b", "a:b", "a#b", "a #b", "é", "@a", "%a", "a'b", "'a''b'", '"a\\n"', '"a"b', "...", "---", "", ":"),
    *("?a", "x" * 200, "x" * 201, "x" * 202, "x" * 300, "x" * 1024, "x" * 1030, '"' + "x" * 1023 + '"'),
    *("a\t", "_a"),
)
_WORDS: tuple[str, ...] = (
    *("1", "0", "-1", "+2", "8080", "1.0", "1.", ".5", "1e3", "08", "0777", "0o17", "0x1F", "0b11", "1_000"),
    *("_1", "true", "True", "yes", "y", "N", "off", "null", "~", "NULL", ".inf", "-.INF", ".nan"),
    *("18446744073709551616", "a", "cart", "apps/v1", "100m", "12:30:45", "2001-01-01", "http://x/y:80"),
    *("a#b", "x=y", "-x", "--flag=1", ":x", "?x", "a'b", 'a"b', "a\\b", "a,b", "a[0]", "a}", "é", "😀", "="),
    *("<<", "a:b", "...", "---", "x{{", "("),
)
_INNER_WORDS: tuple[str, ...] = (
    *_WORDS,
    *("-", "?", "&a", "*b", "!c", "|", ">", "[x]", "{y}", "%", "@", "`", "'", '"', "''", ",", "x#"),
)
_ODD_WORDS: tuple[str, ...] = (
    *("#", "#x", ":", "a:", "a: b", "- x", "-", "? x", "?", ": x", "&a", "*a", "!a", "|", ">", "[", "]", "{"),
    *("}", ",", "%x", "@x", "`x`", "'", '"', "'x' y", "{{ x }}", "\t", "a\tb", "a\t", "\xa0", "\x85"),
    *("\u2028", "\x7f", "\ufeff", "\x00", "\ud800", "\U000e0000", "x" * 1100, "9" * 401, "0x" + "f" * 300),
    *("<<: *a", "a\\", "\x1b"),
)
_IN_DOUBLE = (
    *("a", "b c", " ", "  ", "'", "#", " #", ": ", "- ", "[", "{{ x }}", "é", "😀", "\\n", '\\"', "\\\\"),
    *("\\t", "\\x41", "\\u00e9", "\\/", "\\ ", "\\0", "''", "---", "1", "k: v", "- w"),
)
_IN_SINGLE = (
    *("k: v", "- w", "a", "b c", " ", "  ", "''", "''" * 2, '"', "\\", "\\n", "#", " #", ": ", "- ", "{"),
    *("é", "😀", "---", "1"),
)
_IN_BLOCK = (
    *("a", "b", " ", "  ", "#", "# x", "- ", "a: b", ": ", "'", '"', "\\", "{{ x }}", "é", "|", "---", "..."),
    *("\t", "😀", "a b", "[", "word", "\ta", "x"),
)
_FLOW_KEYS = ("a", "app", "x-y", "app.io/name", "b", "1", "-x", "c1", "d/e", "true", "..f")
_FLOW_WORDS: tuple[str, ...] = (
    *("a", "1", "true", "null", "1.5", '"a"', "'b'", '"a, b"', "'#'", "-x", "--y", "a.b/c", "''"),
)
_ODD_FLOW_WORDS: tuple[str, ...] = (
    *_ODD_WORDS,
    *("a: b", "a:", "::", "2001:db8::", "", "&x 1", "\\", "a #x", "'a''b'", "~", "<<"),
)


# Mutations


def mutated(random: Random, text: str, other: str) -> str:
    """A text with one to three changes; `other` is one that it may be joined with."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        text = random.choice(_MUTATIONS)(random, text, other)
    return text


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True) or [""]


def _delete_line(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    del lines[random.randrange(len(lines))]
    return "".join(lines)


def _duplicate_line(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    lines.insert(random.randrange(len(lines)), random.choice(lines))
    return "".join(lines)


def _swap_lines(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def _indent_lines(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    start, width = random.randrange(len(lines)), random.choice((-4, -2, -1, 1, 2, 3))
    for index in range(start, min(start + random.choice((1, 1, 1, 2, 5)), len(lines))):
        line = lines[index]
        less = min(-width, len(line) - len(line.lstrip(" ")))
        lines[index] = " " * width + line if width > 0 else line[less:]
    return "".join(lines)


def _join_lines(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    index = random.randrange(len(lines))
    lines[index] = lines[index].rstrip("\r\n") + random.choice(("", " "))
    return "".join(lines)


def _insert(random: Random, text: str, _: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + _bit(random) + text[at:]


def _insert_behind_line(random: Random, text: str, _: str) -> str:
    lines = _lines(text)
    index = random.randrange(len(lines))
    bare = lines[index].rstrip("\r\n")
    lines[index] = bare + _bit(random) + lines[index][len(bare) :]
    return "".join(lines)


def _delete(random: Random, text: str, _: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + text[at + 1 :]


def _replace(random: Random, text: str, _: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + _bit(random) + text[at + 1 :]


def _cut_off(random: Random, text: str, _: str) -> str:
    return text[: random.randrange(len(text) + 1)]


def _join(random: Random, text: str, other: str) -> str:
    lines, others = _lines(text), _lines(other)
    return "".join(lines[: random.randrange(len(lines)) + 1] + others[random.randrange(len(others)) :])


def _bit(random: Random) -> str:
    return random.choice(random.choice((_CHARACTERS, _BITS)))


_MUTATIONS: tuple[Callable[[Random, str, str], str], ...] = (
    *(_delete_line, _duplicate_line, _swap_lines, _indent_lines, _indent_lines, _join_lines),
    *(_insert, _insert),
    *(_insert_behind_line, _delete, _delete, _replace, _replace, _cut_off, _join),
)
_CHARACTERS: tuple[str, ...] = (
    *" \n'\"\\:-#,[]{}&*!|>?%@`~<=+._/()01ax$ \n",
    *("\t", "\r", "\x85", "\u2028", "\ufeff", "\xa0", "é", "\0"),
)
_BITS: tuple[str, ...] = (
    *(": ", " #", " # x", "- ", "\n  ", "\n\n", "\n---\n", "\n...\n", "''", '\\"', "\\\n", "\\", "|\n"),
    *(">-\n", "a: ", "\n  - ", "  ", " \n", "\r\n", "[a, b]", "{a: b}", "&a ", "*a", "!!str ", "<<: "),
    *("null", "1e3", "? ", " :", "\n#x\n", "\n \t", "'x'"),
)


# Bits of syntax


def soup(random: Random) -> str:
    """A few bits of syntax in any order, behind something that makes it likely that they are read."""
    start = random.choice(_STARTS)
    bits = _FLOW_BITS if start.endswith(("[", "{")) else _SOUP_BITS
    few = random.sample(bits, random.choice((2, 3, 4, 5, len(bits))))
    return start + "".join(random.choice(few) for _ in range(random.randint(1, 9))) + random.choice(_ENDS)


_STARTS = (
    *('a:\n  b: "c\n   k: v"', "- 'b\n  - v'", 'a: "b\n  k: v"', "a:\n  b: |\n   k: v\n"),
    *("a: ", "a: ", "a:\n", "a:\n  ", "a:\n- ", "a:\n  - ", "- ", "a: '", 'a: "', "a: |\n", "a: >\n"),
    *("a: >-\n ", "a: |-\n  ", "a: [", "a: [", "a: {", "- {", "- [", "a: b\n", "a:\n  b: c\n", "a:\n  - b: "),
    *("", "---\n", "a: b\n  ", "a:\n- b\n"),
)
_SOUP_BITS = (
    *("\n", "\n", "\n", "\n  ", "\n  ", "\n ", "\n    ", "\n- ", "\n  - ", "\nc: ", "\n  d: ", " ", "  "),
    *("a", "b", "1", "- ", ": ", ":", "#", " #", "'", "'", '"', '"', "\\", "\\\n", "''", "[", "]", ",", "{"),
    *("}", "|", ">-", "e:", "f: ", "-", "?", "\t", "\r\n", "é", "\n\n", "\n \n", "null", "y"),
)
_FLOW_BITS = (
    *("a", "b", "1", "-", "--", ".", "/", "*", "~", "=", "@", "$", "+", "_", ":", ": ", ": ", ": ", ", "),
    *(",", " ", "'", '"', "'a'", '"b"', "\\", "''", "[", "]", "]", "{", "}", "}", "#", " #", "?", "&", "!"),
    *("|", "\n", "a: b", "c: 'd'", ", e: 1", "<<", "null", "é", "\t", "%"),
)
_ENDS = ("", "", "\n", "\n", "'\n", '"\n', "\nz: z\n", "]\n", "}\n", "\n  z: z\n", "\n- z\n", "\n#\n")


if __name__ == "__main__":
    sys.exit(main())
