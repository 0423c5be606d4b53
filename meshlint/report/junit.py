"""JUnit XML, as Jenkins, GitLab and Azure read it: a failed test for each finding."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr  # nosec - it writes, and reads nothing

from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.report.terminal import plain
from meshlint.report.wording import conclusion, place


def render(result: LintResult) -> str:
    """
    Write a suite for each file with findings.

    Errors and warnings are failures, notes are tests that pass and say something. Where nothing was
    found there is one test that passes, as an empty report reads as one that did not run.
    """
    suites: dict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        suites[finding.at.file.path].append(finding)
    return "\n".join(_report(result, suites)) + "\n"


def _report(result: LintResult, suites: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
    failures = sum(finding.severity is not Severity.NOTE for finding in result.findings)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<testsuites name="meshlint" tests="{len(result.findings) or 1}" failures="{failures}" errors="0">'
    for path, findings in suites.items():
        yield from _suite(path, findings)
    if not suites:
        yield '  <testsuite name="meshlint" tests="1" failures="0" errors="0">'
        yield '    <testcase classname="meshlint" name="no findings">'
        yield f"      <system-out>{_text(chr(10).join(conclusion(result)))}</system-out>"
        yield "    </testcase>"
        yield "  </testsuite>"
    yield "</testsuites>"


def _suite(path: str, findings: Sequence[Finding]) -> Iterator[str]:
    failures = sum(finding.severity is not Severity.NOTE for finding in findings)
    yield f'  <testsuite name={_attribute(path)} tests="{len(findings)}" failures="{failures}" errors="0">'
    for finding in findings:
        yield from _case(finding)
    yield "  </testsuite>"


def _case(finding: Finding) -> Iterator[str]:
    span = finding.at.span
    name = f"{finding.check} {finding.at.file.path}:{span.start_line}:{span.start_column}"
    yield (
        f"    <testcase classname={_attribute(f'meshlint.{finding.family}')} name={_attribute(name)}"
        f' file={_attribute(finding.at.file.path)} line="{span.start_line}">'
    )
    details = "\n".join(_details(finding))
    if finding.severity is Severity.NOTE:
        yield f"      <system-out>{_text(details)}</system-out>"
    else:
        kind = f"type={_attribute(finding.severity.value)} message={_attribute(finding.message)}"
        yield f"      <failure {kind}>{_text(details)}</failure>"
    yield "    </testcase>"


def _details(finding: Finding) -> Iterator[str]:
    yield f"{place(finding.at)}: {plain(finding.message)}"
    for cause in finding.related:
        yield f"{place(cause.at)}: {plain(cause.message)}"
    if finding.fix is not None:
        yield f"to fix it: {plain(finding.fix.title)}"


def _attribute(text: str) -> str:
    return quoteattr(plain(text))


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
