"""One line a finding, then the same last lines as in the default format."""

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.report.terminal import Paint, painter, plain, severity_style
from meshlint.report.wording import conclusion, place


def render(result: LintResult, *, color: bool) -> str:
    """Write `path:line:column: error[check] message (help: fix)` for each finding."""
    paint = painter(color=color)
    lines = [_line(finding, paint) for finding in result.findings]
    return "\n".join([*lines, *conclusion(result)]) + "\n"


def _line(finding: Finding, paint: Paint) -> str:
    check = paint(f"{finding.severity.value}[{finding.check}]", severity_style(finding.severity))
    advice = f" (help: {plain(finding.fix.title)})" if finding.fix else ""
    return f"{place(finding.at)}: {check} {plain(finding.message)}{advice}"
