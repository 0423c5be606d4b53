"""The table of what changed in Istio."""

import re
import runpy
from pathlib import Path

import pytest

import meshlint
from meshlint.mesh import changes
from meshlint.mesh.changes import ALL_CHANGES, Change
from meshlint.model.version import IstioVersion, VersionRange

PACKAGE = Path(str(meshlint.__file__)).parent
MESH = PACKAGE / "mesh"
NAMED = {name: value for name, value in vars(changes).items() if isinstance(value, Change)}
KNOWN = [IstioVersion(1, minor, patch) for minor in range(22, 33) for patch in (*range(11), 9999)]
COMPARED = re.compile(r"\b(IstioVersion|VersionRange)\(|[Vv]ersion (<|>|<=|>=|==|in|not in) ")
# These compare versions until those who work on them do otherwise.


def texts() -> dict[str, str]:
    return {
        path.relative_to(MESH).as_posix(): path.read_text(encoding="utf-8")
        for path in MESH.rglob("*.py")
        if path.name != "changes.py"
    }


@pytest.mark.parametrize("name", NAMED)
def test_a_change_says_what_and_when_and_by_what_is_known(name: str):
    """
    Each has a rule and evidence, and holds in some versions of 1.22 to 1.32 but not in all.
    """
    change = NAMED[name]
    held = {change.holds(version) for version in KNOWN}

    assert change.rule
    assert change.evidence
    assert not change.rule.endswith(".")
    assert {True, False} == held


@pytest.mark.parametrize("name", NAMED)
def test_a_change_is_asked_for_in_the_mesh(name: str):
    """
    A rule that nothing asks for is not in the table.
    """
    assert [path for path, text in texts().items() if re.search(rf"\b{name}\b", text)]


def test_all_changes_are_those_with_a_name():
    """
    Each constant is in the list once, and no two say the same.
    """
    assert list(ALL_CHANGES) == list(NAMED.values())
    assert len(ALL_CHANGES) == len({change.rule for change in ALL_CHANGES})


def test_nothing_else_in_the_mesh_compares_versions():
    """
    Conditions on versions stand in the table alone.
    """
    found = {
        path: lines
        for path, text in texts().items()
        if (lines := [line for line in text.splitlines() if COMPARED.search(line)])
    }
    # The version of an IP network, not of Istio.
    found.pop("policies/decision.py", None)

    assert {} == found


def test_the_page_is_in_the_order_of_the_releases():
    """
    The generated table has all changes, sorted by the version with which they came.
    """
    versions = runpy.run_path(str(PACKAGE.parent / "docs" / "generate.py"))["versions"]
    rows = [line for line in versions().splitlines() if line.startswith("| >=")]
    cells = [VersionRange(row.split(" | ")[0].removeprefix("| ").replace(" or ", "||")) for row in rows]

    assert len(ALL_CHANGES) == len(rows)
    assert sorted(cell.lowest for cell in cells) == [cell.lowest for cell in cells]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.25.4,<1.26 || >=1.26.3", ["1.25.4", "1.25", "1.26.3", "1.26", "1.27.0"], ["1.25.3", "1.26.2"]),
        ("<=1.24", ["1.24.0", "1.24.9", "1.24"], ["1.25.0"]),
        (">1.24", ["1.25.0"], ["1.24.9", "1.24"]),
        ("==1.24.3", ["1.24.3"], ["1.24.2", "1.24.4", "1.24"]),
        ("all", ["1.0.0", "1.99"], []),
    ],
)
def test_a_range_holds_its_versions(text: str, inside: list[str], outside: list[str]):
    """
    Without a patch, a bound is about the whole minor release, and a version is its newest patch.
    """
    asked = VersionRange(text)

    assert [] == [version for version in inside if IstioVersion.parse(version) not in asked]
    assert [] == [version for version in outside if IstioVersion.parse(version) in asked]
