"""How often each check found something, the most frequent first."""

from collections import Counter
from collections.abc import Mapping

from meshlint.checking.catalog import Check
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.report.terminal import Paint, painter, severity_style
from meshlint.report.wording import conclusion


def render(result: LintResult, *, color: bool) -> str:
    """Write a line for each check that found something, then what the run came to."""
    counts = Counter(finding.check for finding in result.findings)
    worst: dict[str, Severity] = {}
    for finding in result.findings:
        worst[finding.check] = max(finding.severity, worst.get(finding.check, finding.severity))
    known = {check.id: check for check in result.checks}
    paint = painter(color=color)
    lines = [
        _line(name, counts, worst[name], known.get(name), paint)
        for name in sorted(counts, key=lambda name: (-counts[name], name))
    ]
    return "\n".join([*lines, *conclusion(result)]) + "\n"


def _line(name: str, counts: Mapping[str, int], worst: Severity, check: Check | None, paint: Paint) -> str:
    digits = max(len(str(count)) for count in counts.values())
    names = max(map(len, counts))
    label = paint(f"{worst.value:<7}", severity_style(worst))
    title = f"  {check.page.title}" if check else ""
    return f"{counts[name]:>{digits}} {label} {name:<{names}}{title}".rstrip()
