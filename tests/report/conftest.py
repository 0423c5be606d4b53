"""Makers of files, places, findings and results."""

from collections.abc import Callable
from typing import Any

import pytest

from meshlint.checking.catalog import Check, Page
from meshlint.checking.finding import Edit, Finding, Fix, ResourceIdentity
from meshlint.checking.result import LintResult, Summary
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.mesh.derived import Cause
from meshlint.model.kind import NAMESPACE
from meshlint.model.version import VersionRange
from meshlint.source.document import Location
from meshlint.source.text import SourceFile

NAMESPACE_TEXT = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/use-waypoint: waypont
"""
WAYPOINT_TEXT = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: waypoint\n"


def _place(file: SourceFile, part: str) -> Location:
    start = file.text.index(part)
    return Location(file, start, start + len(part))


def _finding(at: Location | None = None, **changes: object) -> Finding:
    given: dict[str, Any] = {
        "check": "dangling-waypoint",
        "family": "waypoint",
        "severity": Severity.ERROR,
        "impact": Impact.HYGIENE,
        "message": "no waypoint 'waypont' in namespace 'shop'",
        "at": at or Location(SourceFile("empty.yaml", ""), 0, 0),
        "related": (),
        "fix": None,
        "resource": None,
        "field": None,
        "sets": (".",),
        "fingerprint": "0123abcd",
    }
    return Finding(**(given | changes))


def _result(*findings: Finding, checks: tuple[Check, ...] = (), **counts: int) -> LintResult:
    nothing = dict.fromkeys(("other_files", "unread", "unrendered", "encrypted", "suppressed"), 0)
    summary = Summary(**({"files": 12, "resources": 80} | nothing | counts))
    return LintResult(findings, summary, "1.31", "newest known", checks)


def _check(name: str = "dangling-waypoint", **changes: object) -> Check:
    given: dict[str, Any] = {
        "id": name,
        "family": "waypoint",
        "page": Page(
            "A `use-waypoint` label names a waypoint that does not exist",
            "## What it does\n\nLooks for the [Gateway](https://istio.io).\n\n"
            "## Why it matters\n\nIt is **silent**.\n",
        ),
        "severity": Severity.ERROR,
        "impact": Impact.EXPOSURE,
        "subjects": (NAMESPACE,),
        "reads": (),
        "istio": VersionRange("all"),
        "since": "0.1.0",
        "module": "meshlint_checks.waypoint.dangling_waypoint",
        "run": lambda *_: (),
    }
    return Check(**(given | changes))


@pytest.fixture
def place() -> Callable[[SourceFile, str], Location]:
    """Make the place of the first occurrence of some text."""
    return _place


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """Make a finding."""
    return _finding


@pytest.fixture
def make_result() -> Callable[..., LintResult]:
    """Make a result of some findings."""
    return _result


@pytest.fixture
def make_check() -> Callable[..., Check]:
    """Make a check."""
    return _check


@pytest.fixture
def dangling() -> Finding:
    """A finding with everything: another file, a fix with an edit, a resource, several sets."""
    file = SourceFile("shop/namespace.yaml", NAMESPACE_TEXT)
    other = SourceFile("shop/waypoint.yaml", WAYPOINT_TEXT)
    value = _place(file, "waypont")
    return _finding(
        _place(file, "istio.io/use-waypoint: waypont"),
        message="no waypoint 'waypont' in namespace 'shop': L7 policies are skipped",
        impact=Impact.EXPOSURE,
        related=(Cause("the only waypoint of this namespace", _place(other, "name: waypoint")),),
        fix=Fix("use 'waypoint'", (Edit(file, value.start, value.end, "waypoint"),)),
        resource=ResourceIdentity("v1", "Namespace", None, "shop"),
        field="metadata.labels[istio.io/use-waypoint]",
        sets=("overlays/prod", "overlays/test"),
    )
