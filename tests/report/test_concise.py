"""The format with one line a finding."""

from collections.abc import Callable

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.report.concise import render
from meshlint.source.document import Location
from meshlint.source.text import SourceFile


def test_finding_is_one_line(dangling: Finding, make_result: Callable[..., LintResult]) -> None:
    """A finding is its place, check, message and fix on one line, and the conclusion follows."""
    shown = render(make_result(dangling), color=False)

    expected = (
        "shop/namespace.yaml:6:5: error[dangling-waypoint] no waypoint 'waypont' in namespace 'shop': "
        "L7 policies are skipped (help: use 'waypoint')\n"
        "Found 1 error in 12 files (80 objects, Istio 1.31: newest known).\n"
        "1 can be fixed with `--unsafe-fixes`.\n"
    )
    assert expected == shown


def test_hostile_names_stay_on_the_line(
    make_finding: Callable[..., Finding], make_result: Callable[..., LintResult]
) -> None:
    """No path and no message can begin a line of its own, or a workflow command."""
    at = Location(SourceFile("::error::x\n.yaml", ""), 0, 0)

    shown = render(make_result(make_finding(at, message="a\nb\x1b[0m")), color=False)

    assert r"./::error::x\n.yaml:1:1: error[dangling-waypoint] a\nb\x1b[0m" == shown.splitlines()[0]


def test_severity_is_coloured(dangling: Finding, make_result: Callable[..., LintResult]) -> None:
    """With colour the check has the colour of its severity."""
    assert "\x1b[1;31merror[dangling-waypoint]\x1b[0m" in render(make_result(dangling), color=True)
