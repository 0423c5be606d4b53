"""
Annotations of GitHub Actions: workflow commands that a runner reads off the log.

A step shows ten annotations of each kind and drops the rest without a word; what is dropped here is
counted in a notice.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.report.rooted import rooted_path
from meshlint.report.terminal import plain
from meshlint.report.wording import conclusion, place

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_MOST_OF_A_KIND = 10


def render(result: LintResult, *, root: Path | None) -> str:
    """Write a command for each finding, the gravest first, then what the run came to."""
    return "\n".join([*_commands(result, root), *conclusion(result)]) + "\n"


def _commands(result: LintResult, root: Path | None) -> Iterator[str]:
    shown: Counter[Severity] = Counter()
    left = 0
    # One notice is kept for the count of what is left out.
    room = {severity: _MOST_OF_A_KIND - (severity is Severity.NOTE) for severity in Severity}
    for finding in sorted(result.findings, key=lambda finding: finding.severity, reverse=True):
        if shown[finding.severity] == room[finding.severity]:
            left += 1
            continue
        shown[finding.severity] += 1
        yield _command(finding, root)
    if left:
        yield f"::notice title=meshlint::{left} more: GitHub shows ten annotations of a kind; the log has all"
        yield from (f"{place(finding.at)}: {plain(finding.message)}" for finding in result.findings)


def _command(finding: Finding, root: Path | None) -> str:
    span = finding.at.span
    properties = {
        "file": rooted_path(finding.at.file.path, root),
        "line": span.start_line,
        "endLine": span.end_line,
        "title": f"meshlint: {finding.check}",
    }
    if span.end_line == span.start_line and span.end_column > span.start_column:
        properties |= {"col": span.start_column, "endColumn": span.end_column}
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_COMMAND[finding.severity]} {written}::{_data(chr(10).join(_text(finding)))}"


def _text(finding: Finding) -> Iterator[str]:
    yield plain(finding.message)
    for cause in finding.related:
        yield f"- {plain(cause.message)}: {place(cause.at)}"
    if finding.fix is not None:
        yield f"To fix it: {plain(finding.fix.title)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
