"""Replacing a whole entry of a mapping."""

from textwrap import dedent

import pytest

from manifests import resources
from meshlint.checking.edits import replace_entry


def replaced(text: str, *path: str) -> str | None:
    """The text after the edit; None without one."""
    [resource] = resources(text)
    edits = replace_entry(resource.at(*path), "targets", [{"name": "cart"}])
    if not edits:
        return None
    [edit] = edits
    return edit.file.text[: edit.start] + edit.text + edit.file.text[edit.end :]


POLICY = """\
    apiVersion: security.istio.io/v1
    kind: AuthorizationPolicy
    metadata:
      name: cart
    spec:
      action: DENY
      selector:
        matchLabels:
          app: cart
"""


@pytest.mark.parametrize("end", ["", "      rules: []\n", "\n", "\n      # more\n      rules: []\n"])
def test_the_lines_of_an_entry_give_way_to_others(end):
    """
    They stand as far in as the entry did, and what is around them stays.
    """
    expected = POLICY.partition("      selector:")[0] + "      targets:\n        - name: cart\n" + end

    assert dedent(expected) == replaced(POLICY + end, "spec", "selector")


def test_the_end_of_a_file_without_a_newline_stays_without_one():
    """
    Nothing but the entry changes.
    """
    changed = replaced(POLICY.rstrip("\n"), "spec", "selector")

    assert changed is not None
    assert changed.endswith("- name: cart")


def test_line_ends_are_those_of_the_file():
    """
    A file with CRLF stays one.
    """
    changed = replaced(dedent(POLICY).replace("\n", "\r\n"), "spec", "selector")

    assert changed is not None
    assert changed.endswith("targets:\r\n    - name: cart\r\n")


@pytest.mark.parametrize(
    "spec",
    [
        "spec: {selector: {matchLabels: {app: cart}}}\n",
        "spec: {\n  selector: {matchLabels: {app: cart}}\n}\n",
        "spec: &all {\n  selector: {matchLabels: {app: cart}}\n}\n",
        "spec:\n  selector:\n    # the cart\n    matchLabels: {app: cart}\n",
        "spec:\n  selector: # the cart\n    matchLabels: # it\n      app: cart\n",
        "spec:\n  selector: &pods\n    matchLabels: {app: cart}\n  other: *pods\n",
        "spec:\n  rules: []\n",
    ],
)
def test_what_cannot_be_replaced_without_loss_is_left_alone(spec):
    """
    Flow mappings, comments, anchors, and what is not there.
    """
    head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: cart}\n"

    assert replaced(head + spec, "spec", "selector") is None


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("selector: # all\n    a: b\n", "targets: # all\n    - name: cart\n"),
        ("selector:\n    a: b # all\n", "targets:\n    - name: cart # all\n"),
        ("selector: {a: b} # all\n", "targets:\n    - name: cart # all\n"),
    ],
)
def test_comments_behind_the_key_and_the_end_stay(before, expected):
    """
    What is said of the entry is said of the one in its place.
    """
    head = "apiVersion: v1\nkind: Thing\nmetadata: {name: a}\nspec:\n  "

    assert head + expected == replaced(head + before, "spec", "selector")
