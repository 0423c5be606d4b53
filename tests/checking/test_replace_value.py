"""Edits of single fields."""

import pytest

from manifests import reading
from meshlint.checking.edits import replace_value


def edited(text: str, *field: str | int) -> str | None:
    """A text with the number 7 in the place of a field; None if nothing can be edited."""
    [manifest] = reading(text).manifests
    edits = replace_value(manifest.at(*field), 7)
    if not edits:
        return None
    [edit] = edits
    return text[: edit.start] + edit.text + text[edit.end :]


HEAD = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nit: &it 80\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("port: 80", "port: 7"),
        ("port: 80 # of the proxy", "port: 7 # of the proxy"),
        ("port: '80'", "port: 7"),
        ("{port: 80}", "{port: 7}"),
        ("port:", "port: 7"),
        ("port: [80]", None),
        ("port: *it", None),
    ],
)
def test_a_number_takes_the_place_of_a_scalar(written, expected):
    """
    A number is written without quotes, whatever stood there; where no scalar stands nothing is edited.
    """
    text = f"{HEAD}spec:\n  {written}\n"

    assert (f"{HEAD}spec:\n  {expected}\n" if expected else None) == edited(text, "spec", "port")
