"""Markdown for people: the summary of a job on GitHub (`$GITHUB_STEP_SUMMARY`), or a comment."""

import re
from collections.abc import Iterator

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.report.terminal import plain
from meshlint.report.wording import conclusion, place

LARGEST = 1_000_000
"""How many bytes are written at most: GitHub drops a summary of more than 1 MiB whole."""

_SIGN = {
    Severity.ERROR: "\N{CROSS MARK}",
    Severity.WARNING: "\N{WARNING SIGN}",
    Severity.NOTE: "\N{INFORMATION SOURCE}",
}
_ROOM_FOR_THE_END = 1_000


def render(result: LintResult) -> str:
    """Write what the run came to, then a table of the findings, the gravest first, as many as fit."""
    findings = sorted(result.findings, key=lambda finding: finding.severity, reverse=True)
    lines = ["## meshlint", "", " ".join(_literal(line) for line in conclusion(result)), ""]
    if not findings:
        return "\n".join(lines)
    lines += ["| | check | where | what | to fix it |", "|---|---|---|---|---|"]
    size = sum(len(line.encode()) + 1 for line in lines)
    for number, finding in enumerate(findings):
        row = _row(finding)
        size += len(row.encode()) + 1
        if size > LARGEST - _ROOM_FOR_THE_END:
            lines += ["", f"{len(findings) - number} more findings do not fit here."]
            break
        lines.append(row)
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    return f"| {' | '.join(_cells(finding))} |"


def _cells(finding: Finding) -> Iterator[str]:
    yield f"{_SIGN[finding.severity]} {finding.severity.value}"
    yield f"`{finding.check}`"
    yield _code(place(finding.at))
    causes = "".join(f"<br>{_literal(cause.message)}: {_code(place(cause.at))}" for cause in finding.related)
    yield _literal(finding.message) + causes
    yield _literal(finding.fix.title) if finding.fix else ""


def _literal(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;")
    # An `@name` would call somebody.
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text).replace("@", "@\N{ZERO WIDTH NON-JOINER}")


def _code(text: str) -> str:
    return f"<code>{plain(text).replace('&', '&amp;').replace('<', '&lt;').replace('|', '&#124;')}</code>"
