"""The default format: each finding with its lines, then what the run came to."""

from meshlint.checking.result import LintResult
from meshlint.report.wording import conclusion


def render(result: LintResult, *, color: bool) -> str:
    """Write all findings with the lines that they are about, then what the run came to."""
    return "\n\n".join([*_blocks(result, color=color), "\n".join(conclusion(result))]) + "\n"


def _blocks(result: LintResult, *, color: bool) -> list[str]:
    if not result.findings:
        return []
    from meshlint.report.block import block
    from meshlint.report.terminal import painter

    paint = painter(color=color)
    several = len({name for finding in result.findings for name in finding.sets}) > 1
    return ["\n".join(block(finding, paint, with_sets=several)) for finding in result.findings]
