"""GitLab's Code Quality report: a JSON array, as its documentation tells (GitLab 17)."""

import hashlib
import json
from collections import Counter
from pathlib import Path

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.report.rooted import rooted_path

_SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(result: LintResult, *, root: Path | None) -> str:
    """Write a violation for each finding; GitLab tells old from new ones by their fingerprints."""
    seen: Counter[str] = Counter()
    return json.dumps([_violation(finding, root, seen) for finding in result.findings], indent=2) + "\n"


def _violation(finding: Finding, root: Path | None, seen: Counter[str]) -> dict[str, object]:
    path = rooted_path(finding.at.file.path, root)
    fingerprint = hashlib.sha256(f"{finding.fingerprint}\0{path}".encode()).hexdigest()[:32]
    seen[fingerprint] += 1
    span = finding.at.span
    advice = f" (to fix it: {finding.fix.title})" if finding.fix else ""
    return {
        "description": finding.message + advice,
        "check_name": finding.check,
        # GitLab drops what has the fingerprint of another.
        "fingerprint": fingerprint if seen[fingerprint] == 1 else f"{fingerprint}-{seen[fingerprint]}",
        "severity": _SEVERITY[finding.severity],
        "location": {"path": path, "lines": {"begin": span.start_line, "end": span.end_line}},
    }
