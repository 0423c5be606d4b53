"""The format for scripts, and the choice of a format."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meshlint import __version__
from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.report import FORMATS, render


def test_report_keeps_the_contract(dangling: Finding, make_result: Callable[..., LintResult]) -> None:
    """The report has exactly the fields of version 1."""
    report = json.loads(render(make_result(dangling, suppressed=2), "json"))

    assert {
        "version": 1,
        "tool": {"name": "meshlint", "version": __version__},
        "istio_version": "1.31",
        "summary": {
            "files": 12,
            "resources": 80,
            "error": 1,
            "warning": 0,
            "note": 0,
            "suppressed": 2,
            "baselined": 0,
            "unapplied": 0,
            "fixed": 0,
        },
        "findings": [
            {
                "check": "dangling-waypoint",
                "family": "waypoint",
                "severity": "error",
                "impact": "exposure",
                "message": "no waypoint 'waypont' in namespace 'shop': L7 policies are skipped",
                "set": "overlays/prod, overlays/test",
                "resource": {"apiVersion": "v1", "kind": "Namespace", "namespace": None, "name": "shop"},
                "field": "metadata.labels[istio.io/use-waypoint]",
                "location": _range("shop/namespace.yaml", 6, 5, 35),
                "related": [
                    {
                        "message": "the only waypoint of this namespace",
                        "location": _range("shop/waypoint.yaml", 4, 3, 17),
                    }
                ],
                "fix": {
                    "title": "use 'waypoint'",
                    "safe": False,
                    "edits": [{**_range("shop/namespace.yaml", 6, 28, 35), "text": "waypoint"}],
                },
                "fingerprint": "0123abcd",
            }
        ],
    } == report


def test_absent_parts_are_null(
    make_finding: Callable[..., Finding], make_result: Callable[..., LintResult]
) -> None:
    """What a finding does not have is null, and never left out."""
    (finding,) = json.loads(render(make_result(make_finding(sets=())), "json"))["findings"]

    assert {"set", "resource", "field", "fix"} == {name for name, value in finding.items() if value is None}


def test_clean_run_has_an_empty_list(make_result: Callable[..., LintResult]) -> None:
    """Without findings there is still a report."""
    assert [] == json.loads(render(make_result(), "json"))["findings"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_its_last_line(
    name: str, make_result: Callable[..., LintResult], make_finding: Callable[..., Finding]
) -> None:
    """Each format can be rendered by name, and ends with one line break."""
    text = render(make_result(make_finding()), name, color=True, root=Path())

    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_choosing_a_format_is_cheap() -> None:
    """Until a format is chosen nothing is imported that only one format needs."""
    script = (
        "import sys; before = set(sys.modules); import meshlint.report; "
        "print(sorted({'json', 'sarif_om', 'hashlib', 'attr'} & (set(sys.modules) - before)))"
    )

    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert "[]\n" == shown


def _range(path: str, line: int, column: int, end_column: int) -> dict[str, str | int]:
    return {"path": path, "line": line, "column": column, "end_line": line, "end_column": end_column}
