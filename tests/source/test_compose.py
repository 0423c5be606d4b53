"""Composing one document: the data as Kubernetes reads them, and the places where they stand."""

import math

import pytest
import yaml

from meshlint.source.compose import (
    MAX_DEPTH,
    ComposeError,
    DocumentSyntaxError,
    EndlessAliasError,
    TooDeepError,
    TooLongError,
    TooManyNodesError,
    compose,
)
from meshlint.source.document import Manifest, Place
from meshlint.source.plain import resolve_plain
from meshlint.source.text import SourceFile

DEPLOYMENT = """\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart   # the cart
  labels: {app: cart, "tier": 'back''end'}
  annotations:
    note: >-
      folded
      text

    script: |
      line one
      line two
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: cart
        image: "registry/cart:1.0"
        args: [--port, "8080", 0o17, 1_000, -1, +2, 0x1F, 0b11, 0777, 1.5, .inf, ~, null, yes, Off]
        env:
          - {name: EMPTY, value: ""}
          -
            name: "NULL"
            value:
  # a comment at the end
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata: &meta
  name: cart
spec:
  selector: &labels
    app: cart
  ports:
    - &http
      port: 80
    - <<: *http
      name: other
  extra: {<<: [*labels, {app: lost, b: 1}], c: "\\u00e9\\n"}
"""


def manifest(text: str) -> Manifest:
    composed = compose(text)
    assert isinstance(composed.place, Place)
    return Manifest(SourceFile("x.yaml", text), composed.data, composed.place)


def shown(text: str, *path: str | int) -> str:
    """The text that a user is shown for a field."""
    start, end = manifest(text).at(*path).offsets
    return text[start:end]


def written(text: str, *path: str | int) -> str:
    """The text of the value of a field."""
    start, end = manifest(text).at(*path).value_offsets
    return text[start:end]


@pytest.mark.parametrize(
    "text", [DEPLOYMENT, SERVICE, "- 1\n- [a, {b: c}]\n", "text\n", "---\n", "# only\n", ""]
)
def test_same_data_as_safe_load(text):
    """Where PyYAML and Kubernetes agree on a document, we read what PyYAML reads."""
    expected = yaml.safe_load(text.replace("0o17", "017"))

    assert expected == compose(text).data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON")),
        *(
            (text, False)
            for text in ("false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF")
        ),
        *(("0", 0), ("42", 42), ("-7", -7), ("+7", 7), ("1_000", 1000), ("0777", 511), ("0o777", 511)),
        *(("0x1F", 31), ("-0x1f", -31), ("0b101", 5), ("18446744073709551615", 2**64 - 1)),
        *(("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("-1.5E-3", -0.0015), ("08", 8.0)),
        *((".inf", math.inf), ("-.INF", -math.inf), ("18446744073709551616", 2.0**64)),
        *((text, text) for text in ("tRUE", "yES", "nULL", "2001-01-01", "1:30", "190:20:30", "1.2.3")),
        *((text, text) for text in ("=", "-", ".", "+", "0x", "0o8", "1e999", "9" * 5000, "٣", "_1", "._5")),
    ],
)
def test_plain_scalars_are_read_as_kubernetes_reads_them(text, value):
    """A plain scalar has the type that YAML 1.1 in go-yaml gives it; times and 1:30 stay text."""
    resolved = resolve_plain(text)

    assert (type(value), value) == (type(resolved), resolved)


def test_nan():
    """`.nan` is a number."""
    assert math.isnan(resolve_plain(".NaN"))


def test_quoted_and_block_scalars_are_text():
    """Only plain scalars have a type."""
    assert {"a": "1", "b": "true", "c": "null\n"} == compose("a: '1'\nb: \"true\"\nc: |\n  null\n").data


def test_keys_are_text_as_written():
    """A key is the text that was written, whatever type it would have as a value."""
    text = "1: a\ntrue: b\n~: c\n0x1F: d\n'q': e\n? [x, y]\n: f\n"

    assert ["1", "true", "~", "0x1F", "q", "[x, y]"] == list(compose(text).data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!Ref 1", 1),
        ("!Ref name", "name"),
        ("!Ref 'name'", "name"),
        ("!foo {a: 1}", {"a": 1}),
        ("!foo [1]", [1]),
        ("!!set {a, b}", {"a": None, "b": None}),
        ("!!int '3'", 3),
        ("!!python/object:os.system {}", {}),
        ("!!binary aGk=", "aGk="),
        ("!!timestamp 2001-01-01", "2001-01-01"),
        ("=", "="),
    ],
)
def test_tags_are_tolerated(text, value):
    """An unknown tag changes nothing, `!!str` makes text, and `=` is just text."""
    resolved = compose(f"a: {text}\n").data["a"]

    assert (type(value), value) == (type(resolved), resolved)


def test_merge_keys():
    """`<<` takes over what the mapping lacks; explicit keys and earlier mappings win, nothing is lost."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  x: 0\n  <<: [*a, *b]\nd: {<<: *b, '<<': 3}\n"
    composed = compose(text)

    assert {"x": 0, "y": 1, "z": 2} == composed.data["c"]
    assert {"y": 2, "z": 2, "<<": 3} == composed.data["d"]
    assert () == composed.lost_entries


def test_merged_fields_stand_where_they_were_written():
    """The place of a merged field is that in the mapping it comes from."""
    text = "a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\n"

    assert "x: 1" == shown(text, "b", "x")
    assert "y: 2" == shown(text, "b", "y")


@pytest.mark.parametrize("value", ["1", "[1]", "[{a: 1}, x]"])
def test_merging_something_else_is_an_error(value):
    """`<<` with anything but mappings cannot be read."""
    with pytest.raises(DocumentSyntaxError, match="`<<` merges") as caught:
        compose(f"a: 1\n<<: {value}\n")

    assert 5 == caught.value.offset


def test_duplicate_keys_at_the_top_and_nested():
    """The last entry wins, and each lost one is told with its place and whether it said the same."""
    text = "a: 1\nb:\n- {c: x, c: x}\na: 2\n'a': true\n"
    composed = compose(text)
    lost = [(entry.key, text[slice(*entry.lost_key)], entry.same_value) for entry in composed.lost_entries]

    assert {"a": True, "b": [{"c": "x"}]} == composed.data
    assert [("c", "c", True), ("a", "a", False), ("a", "a", False)] == lost
    assert {"'a'"} == {text[slice(*entry.kept_key)] for entry in composed.lost_entries if entry.key == "a"}


def test_one_is_not_true():
    """Values that are only equal for Python are not the same value."""
    text = "a: [1]\na: [true]\nb: {x: 1}\nb: {x: 1}\n"

    assert [False, True] == [entry.same_value for entry in compose(text).lost_entries]


def test_collections_end_at_their_last_leaf():
    """A comment below a block belongs to no value."""
    text = "a:\n  b: 1  # one\n\n# about c\nc:\n  - x\n  # end\nd:\n# nothing\n"

    assert "b: 1" == written(text, "a")
    assert "- x" == written(text, "c")
    assert "" == written(text, "d")
    assert "d:" == shown(text, "d")


def test_flow_collections_end_at_their_bracket():
    """A flow collection ends with its closing bracket."""
    text = "a: {b: [1, 2 ] }  # c\nd: []\n"

    assert "{b: [1, 2 ] }" == written(text, "a")
    assert "[1, 2 ]" == written(text, "a", "b")
    assert "[]" == written(text, "d")


@pytest.mark.parametrize("style", ["|", "|-", "|+", ">", ">2-"])
def test_block_scalars_end_with_their_text(style):
    """Line breaks after a block scalar do not belong to it."""
    text = f"a: {style}\n  one\n  two\n\n\n# c\nb: 1\n"

    assert f"{style}\n  one\n  two" == written(text, "a")


def test_an_alias_stands_where_it_is_used():
    """The place of an aliased node is the alias, its children are those of the anchor."""
    text = "a: &x\n  k: v\nb: *x\nc: [*x, &y q, *y]\n"

    assert "*x" == written(text, "b")
    assert "k: v" == shown(text, "b", "k")
    assert "*x" == written(text, "c", 0)
    assert "q" == written(text, "c", 1)
    assert "*y" == written(text, "c", 2)
    assert "q" == compose(text).data["c"][2]


def test_an_anchor_may_be_used_again():
    """The latest anchor of a name is meant."""
    assert {"a": 1, "b": 1, "c": 2, "d": 2} == compose("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").data


def test_the_value_of_an_anchored_or_tagged_scalar():
    """Anchor and tag are not part of the value that stands in the text."""
    text = "a: &x !!str 'one'\nb: !t two\nc: &y\nd: &z |\n  z\n"

    assert ["'one'", "two", "", "|\n  z"] == [written(text, key) for key in "abcd"]


def test_places_of_labels_lists_and_what_is_absent():
    """A label is shown with its value, a collection by its key, what is absent by its ancestor."""
    text = (
        "metadata:\n  labels:\n    \"istio.io/x\" : 'wp' # c\nitems:\n- a: 1\n  b: 2\n- plain\n- [1,\n   2]\n"
    )

    assert "\"istio.io/x\" : 'wp'" == shown(text, "metadata", "labels", "istio.io/x")
    assert "labels" == shown(text, "metadata", "labels")
    assert "labels" == shown(text, "metadata", "labels", "absent")
    assert "metadata" == shown(text, "metadata", "absent", "deeper")
    assert "a: 1" == shown(text, "items", 0)
    assert "plain" == shown(text, "items", 1)
    assert "[1," == shown(text, "items", 2)
    assert "items" == shown(text, "items", 9)
    assert "metadata" == shown(text)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_line_breaks(line_break):
    """Lines are counted alike however they end."""
    text = "a: 1\nb:\n  c: |\n    x\n    y\n  d: 2\n".replace("\n", line_break)
    span = manifest(text).at("b", "d").span

    assert (6, 3, 6, 7) == (span.start_line, span.start_column, span.end_line, span.end_column)
    assert "x\ny\n" == compose(text).data["b"]["c"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_unicode_separators_are_no_lines(separator):
    """What only YAML 1.1 takes for a line break moves no line number."""
    text = f"a: 'x{separator}y'\nb: 2\n"

    assert (2, 1) == (manifest(text).at("b").span.start_line, manifest(text).at("b").span.start_column)


def test_offsets_are_those_of_the_whole_text():
    """A document in the middle of a text has its places in that text, wide characters counted as one."""
    text = "a: \U0001f600é\n---\nb: '\U0001f600'\n--- {c: 3}\n"
    start, end = text.index("---"), text.rindex("---")
    composed = compose(text, start, end)

    assert {"b": "\U0001f600"} == composed.data
    assert composed.place is not None
    assert "b: '\U0001f600'" == text[composed.place.start : composed.place.end]


def test_json():
    """JSON is read as it is, tabs and escaped pairs of surrogates included."""
    text = (
        '{\n\t"a": "\\uD83D\\uDE00\\/",\n\t"b": [1, -2.5e3, true, null],\n\t"\\ud83d\\ude00": {"c":"x"}\n}\n'
    )

    assert {"a": "\U0001f600/", "b": [1, -2500.0, True, None], "\U0001f600": {"c": "x"}} == compose(text).data
    assert '"c":"x"' == shown(text, "\U0001f600", "c")


def test_colon_before_a_bracket():
    """An address that ends in colons may stand in a flow list, as Kubernetes' reader has it."""
    assert {"a": ["1.2.3.4", "2001:db8::"], "b": "é"} == compose('a: [1.2.3.4, 2001:db8::]\nb: "é"\n').data


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("a:\n\tb: 1\n", "a tab is used for indentation; YAML wants spaces", 3),
        ("a: @b\n", "a value cannot start with `@`: quote it", 3),
        ("a: b: c\n", "`:` is not allowed here: check the indentation, or quote the value", 4),
        ("a: 'x\nb: 1\n", "the quote that opens here is not closed", 3),
        ("a: [1, 2\n", "`[` is not closed", 3),
        ("a: {b: 1\n", "`{` is not closed", 3),
        ("a:\n  b: 1\n c: 2\n", "a key is expected here: check the indentation", 11),
        ("a: 1\nb\nc: 2\n", "`:` is missing after this key", 5),
        ("a: *x\n", "alias `*x` has no anchor `&x`", 3),
        ("a: \x07\n", "control character U+0007 is not allowed in YAML", 3),
        ('a: "\\d"\n', "unknown escape in double-quoted text: write `\\\\` for a backslash", 4),
        ("a: 'it's'\n", "the value ends before this: quote all of it", 7),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\n", "a merge conflict is not resolved here", 5),
        ("{a: 1} b\n", "text after the end of the document", 7),
    ],
)
def test_syntax_errors_are_told_in_users_words(text, message, offset):
    """An error says in plain words what is wrong, at the character to blame."""
    with pytest.raises(DocumentSyntaxError) as caught:
        compose(text)

    assert (message, offset) == (caught.value.message, caught.value.offset)


def test_without_libyaml(monkeypatch):
    """Where PyYAML was built without libyaml, its own parser gives the same data and places."""
    monkeypatch.setattr("meshlint.source.composer._Loader", yaml.SafeLoader)

    assert yaml.safe_load(SERVICE) == compose(SERVICE).data
    assert "app: cart" == shown(SERVICE, "spec", "selector", "app")
    with pytest.raises(DocumentSyntaxError, match="a tab is used for indentation"):
        compose("a:\n\tb: 1\n")


def test_alias_bomb():
    """Aliases that stand for 10^10 nodes are refused at once."""
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 11))]
    with pytest.raises(TooManyNodesError, match="aliases expand to more than 1,000,000 nodes"):
        compose("\n".join(lines))


def test_merge_bomb():
    """Merging over and over is bounded too."""
    entries = ",".join(f"k{index}: 1" for index in range(50_000))
    with pytest.raises(TooManyNodesError):
        compose("{<<: " * 100 + "{" + entries + "}" + "}" * 100)


def test_an_honest_document_with_aliases():
    """A few thousand aliases are no bomb, nor is a large document without any."""
    many = "a: &a {b: [1, 2, 3]}\nc:\n" + "- *a\n" * 5000

    assert 5000 == len(compose(many).data["c"])
    assert 300_000 == len(compose("a: [" + "1," * 300_000 + "]").data["a"])


@pytest.mark.parametrize("text", ["a: &a [1, *a]", "&a {b: {c: *a}}", "a: &a\n  <<: *a\n"])
def test_an_alias_inside_its_own_anchor(text):
    """A node that holds itself is refused at the alias."""
    with pytest.raises(EndlessAliasError, match=r"alias `\*a` stands inside its own anchor") as caught:
        compose(text)

    assert text.index("*a") == caught.value.offset


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "- " * 10_000,
        "? " * 10_000,
        "".join(" " * depth + "a:\n" for depth in range(3000)),
        "a: " + "[" * 10_000 + "]" * 10_000,
    ],
)
def test_deep_nesting(text):
    """Nesting beyond the limit is refused, however it is written."""
    with pytest.raises(TooDeepError, match="nested deeper than 200 levels"):
        compose(text)


def test_nesting_up_to_the_limit():
    """The limit itself is allowed."""
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert yaml.safe_load(text) == compose(text).data


def test_too_long():
    """A document beyond the limit is refused without being parsed."""
    with pytest.raises(TooLongError, match="longer than 32 MiB"):
        compose("a: " + "b" * 40_000_000)


def test_all_errors_are_one_family():
    """Whoever composes needs to catch one type."""
    errors = (DocumentSyntaxError, TooDeepError, TooLongError, TooManyNodesError, EndlessAliasError)

    assert all(issubclass(error, ComposeError) for error in errors)
