"""What the formats for people say alike: where something is, and what the whole run came to."""

from typing import TYPE_CHECKING

from meshlint.checking.vocabulary import Severity
from meshlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlint.checking.baseline import Entry
    from meshlint.checking.result import LintResult, Summary
    from meshlint.source.document import Location


def place(location: "Location") -> str:
    """
    `path:line:column`, as editors and terminals make links of it.

    A path that begins with a colon gets `./`: GitHub Actions runs lines that begin with `::`.
    """
    span = location.span
    path = plain(location.file.path)
    prefix = "./" if path.startswith(":") else ""
    return f"{prefix}{path}:{span.start_line}:{span.start_column}"


def conclusion(result: "LintResult") -> list[str]:
    """The last lines: what was found, then what was left out."""
    left_out = " ".join(_left_out(result))
    return [line for line in (_found(result), _fixes(result), left_out) if line]


def not_read(summary: "Summary") -> str:
    """Which text was found but not taken as manifests, as one sentence; empty if there is none."""
    parts = [
        f"{_count(summary.unread, 'document')} could not be read" if summary.unread else "",
        f"{_count(summary.unrendered, 'template')} not rendered" if summary.unrendered else "",
        f"{_count(summary.encrypted, 'encrypted document')} skipped" if summary.encrypted else "",
    ]
    sentence = ", ".join(part for part in parts if part)
    return f"{sentence}." if sentence else ""


def not_applied(summary: "Summary") -> str:
    """That kustomizations were read for their files alone, and what to do; empty if none matters."""
    if not summary.unapplied:
        return ""
    one = summary.unapplied == 1
    said = "changes or adds objects and was" if one else "change or add objects and were"
    return f"{_count(summary.unapplied, 'kustomization')} {said} not applied: `meshlint sets` says why."


def nothing_of_kubernetes(files: int) -> str:
    """What is said of a run that found nothing to look at."""
    return f"Nothing of Kubernetes in {_count(files, 'file')}." if files else "No files to look at."


def would_fix(problems: int, files: int) -> str:
    """What is said beside a diff."""
    return f"would fix {_count(problems, 'problem')} in {_count(files, 'file')}"


def comments_added(comments: int, files: int) -> str:
    """What is said after comments were written."""
    return f"added {_count(comments, 'comment')} in {_count(files, 'file')}"


def baseline_gone(gone: "Mapping[Entry, int]", path: str) -> str:
    """What is said of findings of a baseline that were mended."""
    count = sum(gone.values())
    verb = "is" if count == 1 else "are"
    return f"{_count(count, 'finding')} of {path} {verb} gone: `meshlint baseline --prune` takes them out"


def baseline_written(path: str, total: int, new: int, gone: int) -> str:
    """What is said of a baseline that was written."""
    return f"{path}: {_count(total, 'finding')} accepted, {new} new, {gone} gone"


def _found(result: "LintResult") -> str:
    summary = result.summary
    files = "the cluster" if summary.live else _count(summary.files, "file")
    objects = _count(summary.resources, "object")
    about = f"({objects}, Istio {plain(result.istio_version)}: {plain(result.version_origin)})"
    if result.findings:
        return f"Found {_findings(result)} in {files} {about}."
    if not summary.resources and not_read(summary):
        return f"No objects to check in {files}."
    if not summary.resources and summary.live:
        return f"No objects to check in {files}."
    if not summary.resources:
        return nothing_of_kubernetes(summary.files)
    new = " new" if summary.baselined else ""
    return f"No{new} problems found in {files} {about}."


def _fixes(result: "LintResult") -> str:
    """What was fixed, and what could be."""
    fixes = [finding.fix for finding in result.findings if finding.fix and finding.fix.edits]
    safe = sum(fix.safe for fix in fixes)
    unsafe = len(fixes) - safe
    made = f"Fixed {_count(result.summary.fixed, 'problem')}." if result.summary.fixed else ""
    options = [
        f"{safe} can be fixed with `--fix`" if safe else "",
        f"{unsafe}{' more' if safe else ' can be fixed'} with `--unsafe-fixes`" if unsafe else "",
    ]
    could = ", ".join(option for option in options if option)
    return " ".join(part for part in (made, f"{could}." if could else "") if part)


def _findings(result: "LintResult") -> str:
    *others, last = [
        _count(count, severity.value)
        for severity in sorted(Severity, reverse=True)
        if (count := result.total(severity))
    ]
    return f"{', '.join(others)} and {last}" if others else last


def _left_out(result: "LintResult") -> list[str]:
    suppressed, elsewhere = result.summary.suppressed, result.summary.elsewhere
    baselined = result.summary.baselined
    crashed = len(result.crashed)
    sentences = [
        not_read(result.summary),
        not_applied(result.summary),
        f"{_count(suppressed, 'finding')} suppressed." if suppressed else "",
        f"{_count(baselined, 'finding')} in the baseline." if baselined else "",
        f"{_count(elsewhere, 'finding')} in other files not shown." if elsewhere else "",
        f"{_count(crashed, 'check')} crashed." if crashed else "",
    ]
    return [sentence for sentence in sentences if sentence]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
