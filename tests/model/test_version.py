"""Istio versions and ranges."""

import pytest

from meshlint.model.spelling import edit_distance, nearest
from meshlint.model.version import IstioVersion, VersionRange


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("all", "1.22", True),
        (">=1.23", "1.22", False),
        (">=1.23", "1.23", True),
        (">=1.23", "1.23.0", True),
        ("<1.27", "1.27.0", False),
        ("<=1.26", "1.26", True),
        ("<=1.26", "1.26.9", True),
        (">1.26", "1.26.9", False),
        (">=1.23,<1.24.5 || >=1.25,<1.25.2", "1.24.4", True),
        (">=1.23,<1.24.5 || >=1.25,<1.25.2", "1.24.5", False),
        (">=1.23,<1.24.5 || >=1.25,<1.25.2", "1.24", False),
        (">=1.23,<1.24.5 || >=1.25,<1.25.2", "1.25.1", True),
        (">=1.23,<1.24.5 || >=1.25,<1.25.2", "1.30", False),
    ],
)
def test_a_version_is_in_a_range_by_its_numbers(text, version, expected):
    """
    A version without a patch number stands for the newest patch, a bound without one for all.
    """
    assert expected == (IstioVersion.parse(version) in VersionRange(text))


@pytest.mark.parametrize("text", ["latest", "1", "1.x", "", "=1.2"])
def test_what_is_no_version_is_refused(text):
    """
    Only X.Y and X.Y.Z are versions.
    """
    with pytest.raises(ValueError, match="not an Istio version"):
        IstioVersion.parse(text)


def test_tags_are_versions():
    """
    Image tags and chart versions are understood.
    """
    assert IstioVersion(1, 24, 2) == IstioVersion.parse("v1.24.2-distroless")


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("waypoint", "waypoint", 0),
        ("waypont", "waypoint", 1),
        ("wyapoint", "waypoint", 1),
        ("a", "waypoint", 3),
    ],
)
def test_edit_distance_counts_letters_and_swaps(left, right, distance):
    """
    A swap of neighbours is one slip; what is too far is said to be.
    """
    assert distance == edit_distance(left, right, 2)


def test_the_nearest_word_is_told_only_if_it_is_clear():
    """
    Two words that are as near are no answer, and a short word is near to nothing.
    """
    assert "waypoint" == nearest("Waypont", ["waypoint", "service"])
    assert nearest("wp3", ["wp1", "wp2"]) is None
    assert nearest("a", ["b"]) is None
