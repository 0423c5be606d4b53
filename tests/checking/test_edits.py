"""Edits that write whole entries and items."""

import pytest

from manifests import reading
from meshlint.checking.edits import append_entry, append_item, insert_after, replace_entry
from meshlint.checking.finding import Edit
from meshlint.source.document import Location

HEAD = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: a\n"
PORT = {"port": 15008, "protocol": "TCP"}


def at(text: str, *path: str | int) -> Location:
    [manifest] = reading(text).manifests
    return manifest.at(*path)


def after(text: str, edits: tuple[Edit, ...]) -> str:
    [edit] = edits
    return text[: edit.start] + edit.text + text[edit.end :]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ports:\n- port: 80\n", "ports:\n- port: 80\n- port: 15008\n  protocol: TCP\n"),
        ("ports:\n  - port: 80", "ports:\n  - port: 80\n  - port: 15008\n    protocol: TCP"),
        (
            "ports:\n  - {port: 80} # shop\n\n# end\nother: 1\n",
            "ports:\n  - {port: 80} # shop\n  - port: 15008\n    protocol: TCP\n\n# end\nother: 1\n",
        ),
        (
            "ports:\n  - port: 80\n    # shop\n    protocol: TCP\n",
            "ports:\n  - port: 80\n    # shop\n    protocol: TCP\n  - port: 15008\n    protocol: TCP\n",
        ),
    ],
)
def test_an_item_is_added_at_the_end_of_a_block_sequence(body, expected):
    """
    It is indented as the others are, and comments stay where they are.
    """
    text = HEAD + body

    assert HEAD + expected == after(text, append_item(at(text, "ports"), PORT))


@pytest.mark.parametrize(
    "body",
    ["ports: [{port: 80}]\n", "ports: []\n", "ports: 80\n", "other: 1\n", "a: &p\n- port: 80\nports: *p\n"],
)
def test_no_item_is_added_to_anything_else(body):
    """
    A flow sequence, an alias, and what is no sequence are left to the user.
    """
    assert () == append_item(at(HEAD + body, "ports"), PORT)


def test_an_item_keeps_the_line_ends_of_the_file():
    """
    A file with CRLF stays one.
    """
    text = (HEAD + "ports:\n- port: 80\n").replace("\n", "\r\n")

    assert text + "- port: 15008\r\n  protocol: TCP\r\n" == after(text, append_item(at(text, "ports"), PORT))


TARGETS = [{"group": "", "kind": "Service", "name": "cart"}]
WRITTEN = '  targetRefs:\n    - group: ""\n      kind: Service\n      name: cart'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "spec:\n  selector:\n    matchLabels: {app: cart}\n  rules: []\n",
            f"spec:\n{WRITTEN}\n  rules: []\n",
        ),
        ("spec:\n  selector: {}", f"spec:\n{WRITTEN}"),
    ],
)
def test_an_entry_is_replaced_with_all_that_stands_under_it(body, expected):
    """
    The new entry stands where the old one was.
    """
    text = HEAD + body

    assert HEAD + expected == after(text, replace_entry(at(text, "spec", "selector"), "targetRefs", TARGETS))


def test_no_entry_of_a_flow_mapping_is_replaced():
    """
    It has no lines of its own.
    """
    text = HEAD + "spec: {selector: {}, rules: []}\n"

    assert () == replace_entry(at(text, "spec", "selector"), "targetRefs", TARGETS)


def test_entries_with_nested_data_are_written_as_blocks():
    """
    Mappings and sequences under a new entry are indented by two.
    """
    text = HEAD + "spec:\n  rules: []\n"

    assert f"{text}{WRITTEN}\n" == after(text, append_entry(at(text, "spec"), "targetRefs", TARGETS))
    assert f"{HEAD}other: {{}}\na:\n  b:\n    - c\n" == after(
        HEAD + "other: {}\n", insert_after(at(HEAD + "other: {}\n", "other"), "a", {"b": ["c"]})
    )
