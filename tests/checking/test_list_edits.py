"""Edits of lists: one made of a mapping, items added at the end."""

from collections.abc import Callable

import pytest

from manifests import resources
from meshlint.checking.edits import append_item, wrap_in_list

HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: x}\nspec:\n"


def edited(body: str, path: tuple[str, ...], edit: Callable, *arguments: object) -> str:
    """The spec after an edit of one of its fields."""
    text = HEAD + body
    [resource] = resources(text)
    edits = edit(resource.at("spec", *path), *arguments)
    for start, end, new in sorted(((e.start, e.end, e.text) for e in edits), reverse=True):
        text = text[:start] + new + text[end:]
    return text.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  ref:\n    kind: A # why\n\n    # b\n    name: b\n",
            "  ref:\n    - kind: A # why\n\n      # b\n      name: b\n",
        ),
        ("  ref: {kind: A}\n", "  ref: [{kind: A}]\n"),
        (
            "  ref:\n    text: |\n      one\n\n      two\n",
            "  ref:\n    - text: |\n        one\n\n        two\n",
        ),
        ("  ref:\r\n    kind: A\r\n    name: b\r\n", "  ref:\r\n    - kind: A\r\n      name: b\r\n"),
        ("  ref:\n    kind: A", "  ref:\n    - kind: A"),
    ],
)
def test_a_mapping_becomes_the_only_item_of_a_list(before, after):
    """
    Its lines move to the right, comments and blank lines stay what they are.
    """
    assert after == edited(before, ("ref",), wrap_in_list)


@pytest.mark.parametrize("body", ["  ref: &r {kind: A}\n", "  ref: text\n", "  ref: [a]\n", "  other: a\n"])
def test_what_is_no_plain_mapping_is_not_wrapped(body):
    """
    An anchored mapping, a scalar, a list, and what is not there are left alone.
    """
    assert body == edited(body, ("ref",), wrap_in_list)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  of:\n    - a # first\n    - b # last\n    # after\n",
            "  of:\n    - a # first\n    - b # last\n    - c\n    # after\n",
        ),
        ("  of:\n  - 'a'\n", "  of:\n  - 'a'\n  - 'c'\n"),
        ('  of: [a, "b"]\n', '  of: [a, "b", "c"]\n'),
        ("  of: [\n    a,\n  ]\n", "  of: [\n    a, c,\n  ]\n"),
        ("  of:\r\n  - a\r\n", "  of:\r\n  - a\r\n  - c\r\n"),
        ("  of:\n  - a", "  of:\n  - a\n  - c"),
        ("  of: []\n", "  of: []\n"),
        ("  of: a\n", "  of: a\n"),
        ("  of: &l [a]\n", "  of: &l [a]\n"),
    ],
)
def test_an_item_is_added_at_the_end_of_a_list(before, after):
    """
    On a line of its own in block style, quoted as the one before it; not in an empty list.
    """
    assert after == edited(before, ("of",), append_item, "c")
