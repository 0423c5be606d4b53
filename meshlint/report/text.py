"""The default format: each finding with its lines, then what the run came to."""

from meshlint.checking.result import LintResult
from meshlint.report.wording import conclusion


def render(result: LintResult, *, color: bool, links: bool = False) -> str:
    """
    Write all findings with the lines that they are about, then what the run came to.

    With `links`, the names of checks lead to their pages.
    """
    return "\n\n".join([*_blocks(result, color=color, links=links), "\n".join(conclusion(result))]) + "\n"


def _blocks(result: LintResult, *, color: bool, links: bool) -> list[str]:
    if not result.findings:
        return []
    from meshlint.report.block import block
    from meshlint.report.documentation import page_url
    from meshlint.report.terminal import painter

    paint = painter(color=color)
    several = len({name for finding in result.findings for name in finding.sets}) > 1
    urls = {check.id: page_url(check) for check in result.checks} if links else {}
    return [
        "\n".join(block(finding, paint, with_sets=several, url=urls.get(finding.check)))
        for finding in result.findings
    ]
