"""Edits of single fields: spans of text, in block mappings."""

import pytest

from manifests import reading
from meshlint.checking.edits import delete_entries, delete_entry
from meshlint.checking.finding import Edit


def metadata(text: str, *keys: str) -> tuple[str, tuple[Edit, ...]]:
    """The metadata of a Pod after some of its annotations are deleted, and the edits."""
    whole = f"apiVersion: v1\nkind: Pod\nmetadata:\n{text}"
    [manifest] = reading(whole).manifests
    edits = delete_entries([manifest.at("metadata", "annotations", key) for key in keys])
    for edit in sorted(edits, key=lambda edit: -edit.start):
        whole = whole[: edit.start] + edit.text + whole[edit.end :]
    return whole.partition("metadata:\n")[2], edits


BLOCK = """\
  name: cart
  annotations:
    a: "1"
    # Not about a.
    b: |
      two
      lines
    c: x # said of c
"""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("a", "c"), "  name: cart\n  annotations:\n    # Not about a.\n    b: |\n      two\n      lines\n"),
        (("b",), '  name: cart\n  annotations:\n    a: "1"\n    # Not about a.\n    c: x # said of c\n'),
        (("a", "b", "c"), "  name: cart\n"),
        (("c", "b", "a", "a"), "  name: cart\n"),
        ((), BLOCK),
    ],
)
def test_entries_are_deleted_with_their_lines_and_the_last_ones_with_their_mapping(keys, expected):
    """
    What is left over stays to the letter, and no mapping stays that is empty.
    """
    assert expected == metadata(BLOCK, *keys)[0]


def test_a_mapping_on_one_line_can_only_go_as_a_whole():
    """
    Entries that share their line are left to the user.
    """
    flow = "  name: cart\n  annotations: {a: x, b: y}\n"

    assert (flow, ()) == metadata(flow, "a")
    assert "  name: cart\n" == metadata(flow, "a", "b")[0]


@pytest.mark.parametrize(
    "text",
    [
        "  annotations:\n    a: x\n",
        "  name: cart\n  annotations: &shared\n    a: x\n    b: y\n  labels: *shared\n",
        "  name: cart\n  annotations:\n    a: &value x\n    b: *value\n",
        "  name: cart\n  annotations:\n    <<: {a: x}\n    b: y\n",
    ],
)
def test_nothing_is_deleted_that_others_refer_to_or_that_is_all_there_is(text):
    """
    An anchor, or a mapping with one, may be meant elsewhere too.
    """
    assert (text, ()) == metadata(text, "a")


def test_an_anchor_is_not_deleted_with_its_entry():
    """
    Without the anchor the file could not be read any more; an `&` within a text is none.
    """
    text = "kind: Pod\napiVersion: v1\na: &shared x\nb: *shared\nc: 'q?x=1&y=2'\n"
    [manifest] = reading(text).manifests

    assert () == delete_entry(manifest.at("a"))
    assert delete_entry(manifest.at("c"))
