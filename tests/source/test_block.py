"""The quick reader: what it gives is what `compose` gives, and what it may not know it leaves."""

from itertools import chain
from pathlib import Path

import pytest

from benchmarks import equality
from benchmarks.equality import OURS, compare, flattened, made_documents, minimised, real_documents
from meshlint.checking.catalog import load_catalog
from meshlint.lint import Options, lint
from meshlint.report import json_report
from meshlint.source.block import Block, read_block
from meshlint.source.compose import MAX_DEPTH
from meshlint.source.reading import Reading, read_text
from meshlint.source.scalars import LONGEST_LINE
from meshlint.testing import options_of

FIXTURES, CORPUS = OURS
FAMILIES = sorted({fixture.parent for fixture in FIXTURES.rglob("*.yaml")})
READ, LEFT = True, False
CATALOG = load_catalog()

MAPPINGS = [
    ("a: b\n", READ),
    ("a: b", READ),
    ("  a: b\n  c: d\n", READ),
    ("  a: b\nc: d\n", LEFT),
    ("a: b\n c: d\n", LEFT),
    ("a:\n  b: c\n d: e\n", LEFT),
    ("a:\n  b: c\n   d: e\n", LEFT),
    ("a:\nb:\n", READ),
    ("a:\n\n# x\n  b: c\n", READ),
    ("a: b\na: c\n", LEFT),
    ("a: b\n'a': c\n", LEFT),
    ("1: a\ntrue: b\nnull: c\n", READ),
    ("'<<': a\n\"a: b\": c\n'': d\n", READ),
    ("<<: {a: b}\n", LEFT),
    ("a : b\n", LEFT),
    ("a:b\n", LEFT),
    ("- a:b\n", LEFT),
    ("a:\tb\n", LEFT),
    ("? a\n: b\n", LEFT),
    ("'it''s': a\n", LEFT),
    ('"a\\n": b\n', LEFT),
    (f"{'a' * 200}: b\n", READ),
    (f"{'a' * 1030}: b\n", LEFT),
    ("&a b: c\n", LEFT),
    ("-a: b\n", LEFT),
]
SEQUENCES = [
    ("a:\n- b\n- c\nd: e\n", READ),
    ("a:\n  - b\n  - c\nd: e\n", READ),
    ("a:\n - b: c\n   d: e\n -   f: g\n     h: i\n", READ),
    ("a:\n- b:\n  - c\n  d:\n    - e\n", READ),
    ("a:\n  - b\n - c\n", LEFT),
    ("a:\n- b: c\n d: e\n", LEFT),
    ("a: b\n- c\n", LEFT),
    ("a:\n  b: c\n- d\n", LEFT),
    ("a:\n  - b\n  c: d\n", LEFT),
    ("- a\n", LEFT),
    ("a:\n- - b\n", LEFT),
    ("a:\n-\n  b: c\n", LEFT),
    ("a:\n- \n- b\n", LEFT),
    ("a:\n-b\n", LEFT),
    ("a:\n- b\n  - c\n", READ),
    ("a:\n- ? b\n", LEFT),
]
PLAIN = [
    ("a: 1\nb: 1.0\nc: yes\nd: ~\ne: 0x1F\nf: 1e3\ng: .inf\nh: -\u0661\n", READ),
    ("a: b # c\n", READ),
    ("a: b#c\n", READ),
    ("a: # b\n", READ),
    ("a: #\n  b: c\n", READ),
    ("a: b: c\n", LEFT),
    ("a: b:\n", LEFT),
    ("a: b: # c\n", LEFT),
    ("a: :b ?c -d\n", READ),
    ("a: - b\n", LEFT),
    ("a: -\n", LEFT),
    ("a: ?\n", LEFT),
    ("a: b\tc\n", LEFT),
    ("a: b \n", READ),
    ("a: *b\n", LEFT),
    ("a: &b c\n", LEFT),
    ("a: !!str 1\n", LEFT),
    ("a: @b\n", LEFT),
    ("a: %b\n", LEFT),
    ("a: {{ b }}\n", LEFT),
    ("a: b\n  c\n", READ),
    ("a: b\n\n\n  c\n d\n", READ),
    ("a: 1\n  2\n", READ),
    ("a: b\n c: d\n", LEFT),
    ("a: b\n  c # d\n", LEFT),
    ("a: b\n  # c\n  d\n", LEFT),
    ("a: b # c\n  d\n", LEFT),
    ("a: b\nc\n", LEFT),
    ("a: b\n  - c\n  'd\n  [e\n", READ),
    ("a: b\n  c\td\n", LEFT),
    ("a: b\n \t\n  c\n", LEFT),
    ("a: [b]\n  c\n", LEFT),
    ("a:\n  b\n", LEFT),
    ("a:\n- b\n c\n", READ),
    ("a:\n- b\nc\n", LEFT),
    ("a:\n- b: c\n  d\n", LEFT),
    ("a: b\n  ---\n", READ),
]
QUOTED = [
    ("a: 'b''c'\nd: \"e\\\"f\\u00e9\\x41\\t\\/\"\n", READ),
    ("a: 'b' # c\nd: \"e\"  # f\n", READ),
    ("a: 'b'c\n", LEFT),
    ("a: 'b' c\n", LEFT),
    ("a: 'b\n", LEFT),
    ("a: 'b''\n", LEFT),
    ("a: ''''\n", READ),
    ("a: '''\n", LEFT),
    ('a: "b\\"\n', LEFT),
    ('a: "\\q"\n', LEFT),
    ('a: "\\ud83d\\ude00"\n', LEFT),
    ('a: "\\U0001f600"\n', LEFT),
    ('a: "b\tc"\n', LEFT),
    ("- 'a': b\n", LEFT),
    ("a: 'b\n  c  \n\n\n  d '\n", READ),
    ("a: '\n  '\n", READ),
    ("a: 'b\n\n  '\n", READ),
    ("a: 'b\nc'\n", LEFT),
    ("a: 'b\n--- c'\n", LEFT),
    ("a: 'b\n\tc'\n", LEFT),
    ("a: 'b\n  c' d\n", LEFT),
    ("a: 'b\n  c': d\n", LEFT),
    ("a:\n- 'b\n c'\n", READ),
    ("a:\n- 'b\nc'\n", LEFT),
    ('a: "b\\\n  c\\n\\\n  \\  d"\n', READ),
    ('a: "b \\\n  c"\n', READ),
    ('a: "b\\\\\n  c"\n', READ),
    ('a: "b\\ \n  c"\n', LEFT),
    ('a: "b\\\n\n  c"\n', LEFT),
    # The last line is empty as well: a blank line between is told from it.
    ('a: "b\\\n\n  "\n', LEFT),
    ('a: "b\\\n  "\n', LEFT),
    # An escape that a line break tears apart.
    ('a: "\\x4\\\n  1"\n', LEFT),
    ('a: "\\u00e\\\n  9"\n', LEFT),
    # What looks like an entry is the end of a text.
    ("a: 'b\n  c: d'\n     e\n", LEFT),
]
BLOCKS = [
    ("a: |\n  b\n   c\n\n  d\n\n\ne: f\n", READ),
    ("a: |-\n  b\n\n", READ),
    ("a: >\n  b\n  c\n\n  d\n   e\n  f\n\n   g\n\n\n  h\n", READ),
    ("a: >-\n\n  b\n  \tc\n  d\n", READ),
    ("a: | \n  b\n", READ),
    ("a: |\n  # b\n # c\nd: e\n", READ),
    ("a: |\n  b\n  \n    \n", READ),
    ("a: |\n  b: c\n d\n", LEFT),
    ("a: |\n  b", LEFT),
    ("a: |\n  b\nc: d", READ),
    ("a: |\nb: c\n", LEFT),
    ("a: |\n", LEFT),
    ("a: |\n\n", LEFT),
    ("a: |\n    \n  b\n", LEFT),
    ("a: |\n \n  b\n", LEFT),
    ("a: |\n  \tb\n", LEFT),
    ("a: |\n\tb\n", LEFT),
    ("a: |\n  b\n\tc\n", LEFT),
    ("a: |+\n  b\n\n", LEFT),
    ("a: |2\n  b\n", LEFT),
    ("a: | # b\n  c\n", LEFT),
    ("a: |b\n  c\n", LEFT),
    ("a: |\n  ---\n  ...\n", READ),
    ("a: |\n  b\n---\n", LEFT),
    ("a:\n- |\n b\n- >-\n   c\n", READ),
    ("a:\n- |\nb\n", LEFT),
    ("a:\n- b: |\n   c\n  d: e\n", READ),
    ("a:\n- b: |\n  c\n", LEFT),
]
FLOW = [
    ("a: [b, 1, 'c, d', \"]\", -e, ~f/g.h]\n", LEFT),
    ("a: [b, 1, 'c, d', \"]\", -e, f~/g.h]\n", READ),
    ("a: [ ]\nb: {}\nc: [ d ,e ] # f\n", READ),
    ("a: {b: c, d: '1', e-f.g/h: 1,i: j}\n", READ),
    ("a: {b: c, b: d}\n", LEFT),
    ("a: {b: c, 'b': d}\n", LEFT),
    ("a: {<<: b}\n", LEFT),
    ("a: {b:c}\n", LEFT),
    ("a: {b: }\n", LEFT),
    ("a: {b}\n", LEFT),
    ("a: [b: c]\n", LEFT),
    ("a: [b,]\n", LEFT),
    ("a: [,b]\n", LEFT),
    ("a: [b c]\n", LEFT),
    ("a: ['b''c']\n", LEFT),
    ('a: ["b\\n"]\n', LEFT),
    ("a: [[b]]\n", LEFT),
    ("a: [b,\n  c]\n", LEFT),
    ("a: [b] c\n", LEFT),
    ("a: [-]\n", LEFT),
    ("a: [--]\n", READ),
    ("a: [2001:db8::]\n", LEFT),
    ("a: [*b]\n", LEFT),
    ('{"a": "b"}\n', LEFT),
]
DOCUMENTS = [
    ("", LEFT),
    ("# a\n", LEFT),
    ("---\n", LEFT),
    ("a\n", LEFT),
    ("--- # a\nb: c\n", READ),
    ("\n  # a\n---\n\nb: c\n", READ),
    ("---#a\nb: c\n", LEFT),
    ("--- a\n", LEFT),
    ("--- a: b\n", LEFT),
    ("---\t\na: b\n", LEFT),
    ("---\n---\na: b\n", LEFT),
    ("a: b\n---\n", LEFT),
    ("a: b\n...\n", LEFT),
    ("%YAML 1.1\n---\na: b\n", LEFT),
    ("a: b\n\t\n", LEFT),
    ("a: b\n\t# c\n", LEFT),
    ("a: b\n  # c\td\n", READ),
    ("a: b\r\nc: |\r\n  d\r\n  e\r\nf: 'g\r\n  h'\r\n", READ),
    ("a: b\r", LEFT),
    ("a: b\rc: d\n", LEFT),
    ("\ufeffa: b\n", LEFT),
    ("a: b\x85c: d\n", LEFT),
    ("a: 'b\u2028c'\n", LEFT),
    ("a: b\u2029\n", LEFT),
    ("a: b\x0c\n", LEFT),
    ("a: b\0\n", LEFT),
    ("a: b\x7f\n", LEFT),
    ("a: \xa0b\u3000\nc: 😀\n", READ),
    ("a: \U000e0001\ufffd\n", READ),
    ("a: \ufffe\n", LEFT),
    ("\n".join(" " * depth + "a:" for depth in range(MAX_DEPTH - 10)), READ),
    ("\n".join(" " * depth + "a:" for depth in range(MAX_DEPTH + 1)), LEFT),
    ("\n".join(["x:", *("  " * depth + "- a:" for depth in range(MAX_DEPTH // 2 + 1))]), LEFT),
    (f"a: '{'b' * (LONGEST_LINE + 1)}'\n", LEFT),
    (f"a: '\n  {'b' * (LONGEST_LINE + 1)}'\n", LEFT),
]
LISTS = [
    ("items:\n- a: b\n- c: d\n", 2),
    (
        "kind: List\nitems:\n  - a: b\n\n    c: |\n      d\n\n\n  # e\n  -   f: g\n      h:\ni:\n  j: k\n",
        2,
    ),
    ("items:\n# a\n\n- b: 'c\n    d'\n  e: f\n    g\n# h\n\n", 1),
    ("items:\n- a:\n- {b: c}\n- d: [e]\n  f:\n  - g: h\n\n# i\nitem:\n- j: k\n", 3),
    ("items:\r\n- a: é\r\n  b: >\r\n    c\r\n\r\n- d: e\r\n", 2),
    ("---\nitems:\n- a: b", 1),
    ("a:\n  items:\n  - b: c\nitems: [d]\n", 0),
    ("items:\n- a\n- b: c\n", 2),
]


@pytest.mark.parametrize(
    ("text", "is_read"), [*MAPPINGS, *SEQUENCES, *PLAIN, *QUOTED, *BLOCKS, *FLOW, *DOCUMENTS]
)
def test_what_is_read_is_what_compose_reads(text, is_read):
    """
    A text is read to the same data, or it is left.
    """
    assert (is_read, "") == compare(text)


def test_what_is_remembered_is_not_what_is_given():
    """
    A line that is read twice gives two lists.
    """
    first, second = read_block("a: [b]\n"), read_block("a: [b]\n")

    assert first is not None
    assert second is not None
    assert first.data["a"] is not second.data["a"]


@pytest.mark.parametrize(("text", "items"), LISTS)
def test_items_have_the_places_that_the_whole_gives(text, items):
    """
    An item that is composed alone stands where it stands in its list.
    """
    block = read_block(text)

    assert block is not None
    assert items == len(block.items)
    assert (True, "") == compare(text)


def test_real_documents_are_read_the_same():
    """
    The fixtures and the corpus, nearly all of which are read quickly.
    """
    compared = [compare(text) for text in real_documents(OURS)]

    assert [] == [each.difference for each in compared if each.difference]
    assert 0.9 * len(compared) < sum(each.is_taken for each in compared)


def test_made_documents_are_read_the_same():
    """
    Some thousand documents made at random; `python benchmarks/equality.py` makes more.
    """
    compared = [compare(text) for _, text in made_documents(6_000, 0, list(real_documents([CORPUS])))]

    assert [] == [each.difference for each in compared if each.difference]
    assert 0.25 * len(compared) < sum(each.is_taken for each in compared)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: 1\n", {"a": True}),
        ("a: 1\n", {"a": "1"}),
        ("a: 1\n", {"a": 1.0}),
        ("a: 1\nb: 2\n", {"b": 2, "a": 1}),
        ("a: 1\na: 1\n", {"a": 1}),
        ("a: [\n", {"a": []}),
    ],
)
def test_the_comparison_sees(monkeypatch, text, data):
    """
    Types, the order of keys, lost entries, and errors count.
    """
    monkeypatch.setattr(equality, "read_block", lambda _: Block(data))

    assert compare(text).difference


def test_the_comparison_sees_wrong_places(monkeypatch):
    """
    An item that is said to end a line too early is told of.
    """
    text = "items:\n- a: b\n  c: d\n"
    monkeypatch.setattr(
        equality, "read_block", lambda _: Block({"items": [{"a": "b", "c": "d"}]}, ((1, 2),), 2)
    )

    assert compare(text).difference.startswith("place of item 0")


def test_a_difference_is_cut_down():
    """
    What it does not take is left out, by lines and by characters.
    """
    assert "b!" == minimised("a\nbcd!e\nf\n", lambda text: "b" in text and "!" in text)


def told(reading: Reading) -> object:
    """All that a reading says, as what can be compared."""
    manifests = reading.manifests
    listings = [[other.listing for other in manifests].index(each.listing) for each in manifests]
    return (
        [(repr(each.data), each.prefix, flattened(each.place), each.listing is None) for each in manifests],
        listings,
        [
            (each.key, each.lost.offsets, each.kept.offsets, each.same_value)
            for each in reading.duplicate_keys
        ],
        [(each.reason, each.message, each.at.offsets, each.namespace) for each in reading.unread],
    )


@pytest.fixture
def without(monkeypatch):
    """Ends the quick reading."""
    return lambda: monkeypatch.setattr("meshlint.source.reading.read_block", lambda _: None)


@pytest.mark.slow
def test_files_are_read_the_same(without):
    """
    Manifests with their places, duplicate keys, and what is not readable: all is the same without it.
    """
    files = sorted(chain.from_iterable(path.rglob("*.y*ml") for path in OURS))
    quick = [told(read_text(str(path), path.read_bytes())) for path in files]
    without()

    assert quick == [told(read_text(str(path), path.read_bytes())) for path in files]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda path: path.name)
def test_findings_of_fixtures_are_the_same(without, family):
    """
    Each fixture gets the same report without the quick reader.
    """
    fixtures = sorted(family.glob("*.yaml"))
    quick = [report(options_of(fixture)) for fixture in fixtures]
    without()

    assert quick == [report(options_of(fixture)) for fixture in fixtures]


@pytest.mark.parametrize("mesh", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_findings_of_meshes_are_the_same(without, mesh: Path):
    """
    Each mesh of the corpus gets the same report without the quick reader.
    """
    options = Options(paths=[str(mesh)])
    quick = report(options)
    without()

    assert quick == report(options)


def report(options: Options) -> str:
    return json_report.render(lint(options, CATALOG))
