"""Comments that accept what is found, written above its lines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshlint.checking.catalog import Catalog
from meshlint.checking.finding import Edit, Finding
from meshlint.checking.own import FAMILY
from meshlint.checking.result import LintResult
from meshlint.errors import UsageError
from meshlint.fixing.edited import apply_edits
from meshlint.fixing.run import Refused, is_fit
from meshlint.fixing.verification import keeps_the_rest
from meshlint.lint import Options, lint, read_given
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.input import Input, with_texts
from meshlint.source.reading import Reading, read_text
from meshlint.source.rendered import is_rendered
from meshlint.source.text import SourceFile

_PRINTABLE = regex(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
_INDENT = regex(r"[ \t]*")


class Added(NamedTuple):
    """
    What adding comments came to: nothing is written yet.

    `result` is of the texts with the comments, `texts` are the new texts by the files as they were read,
    `comments` how many were added.
    """

    result: LintResult
    texts: Mapping[SourceFile, str]
    comments: int
    refused: tuple[Refused, ...]


class _Comment(NamedTuple):
    """A comment above a line, and the findings that it is to accept."""

    file: SourceFile
    line: int
    findings: tuple[Finding, ...]

    @property
    def checks(self) -> list[str]:
        return sorted({finding.check for finding in self.findings})

    def edit(self, reason: str) -> Edit:
        """The comment on a line of its own, as far in as what it is about."""
        text, start = self.file.text, self.file.offset(self.line, 1)
        written = self.file.line(self.line)
        indent = _INDENT.match(written)
        newline = "\r\n" if text.startswith("\r\n", start + len(written)) else "\n"
        comment = f"# meshlint: ignore[{', '.join(self.checks)}] {reason}"
        return Edit(self.file, start, start, f"{indent[0] if indent else ''}{comment}{newline}")


def add_comments(
    options: Options, reason: str, *, catalog: Catalog | None = None, given: Input | None = None
) -> Added:
    """
    Accept what is found, with a reason: one comment a line, for all checks that speak of it.

    A comment counts only if the file reads as before with it, and what it is about is then suppressed. What
    was rendered and files with templates are left alone. Raises UsageError for a reason that is none, or if
    linting cannot be done as asked.
    """
    reason = _checked(reason)
    given = given or read_given(options)
    before = lint(options, catalog, given)
    comments, refused = _wanted(before.findings, given)
    comments, changing = _harmless(comments, reason, given)
    result, texts = _linted(comments, reason, options, catalog, given)
    comments, vain = _effective(comments, result)
    if vain:
        result, texts = _linted(comments, reason, options, catalog, given)
    refused += [Refused(finding, "a comment would change what the file says") for finding in changing]
    refused += [Refused(finding, "a comment would not suppress it") for finding in vain]
    return Added(result, texts, len(comments), tuple(refused))


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason or not _PRINTABLE.fullmatch(reason) or "meshlint:" in reason:
        raise UsageError("`--add-ignore` wants a reason: one line that says why")
    return reason


def _wanted(findings: Iterable[Finding], given: Input) -> tuple[list[_Comment], list[Refused]]:
    """The comments that would be needed, in the order of the text, and what cannot have one."""
    readings = {reading.file: reading for reading in given.readings}
    by_line: dict[tuple[SourceFile, int], list[Finding]] = defaultdict(list)
    refused = []
    for finding in findings:
        why = _objection(finding, readings.get(finding.at.file))
        if finding.family == FAMILY:
            continue
        if why is not None:
            refused.append(Refused(finding, why))
        else:
            by_line[finding.at.file, finding.at.span.start_line].append(finding)
    comments = [_Comment(*place, tuple(about)) for place, about in by_line.items()]
    return sorted(comments, key=lambda comment: (comment.file.path, comment.line)), refused


def _objection(finding: Finding, reading: Reading | None) -> str | None:
    """Why no comment may be written for a finding; None if one may."""
    if is_rendered(finding.at.manifest):
        return "it was rendered: use the annotation `meshlint.dev/ignore`, or the settings"
    if reading is None:
        return "its file is not one of those that are linted"
    if reading.file.path.endswith(".json"):
        return "JSON has no comments"
    return None if is_fit(reading) else "its file has templates in it, or cannot be written"


def _harmless(
    comments: Sequence[_Comment], reason: str, given: Input
) -> tuple[list[_Comment], list[Finding]]:
    """The comments with which files read as before, and the findings of the others."""
    readings = {reading.file: reading for reading in given.readings}
    kept: list[_Comment] = []
    for file, of_file in _by_file(comments).items():
        before = readings[file]
        whole = _keeps(before, of_file, reason)
        kept += of_file if whole else [one for one in of_file if _keeps(before, [one], reason)]
    harmful = set(comments).difference(kept)
    return kept, [finding for comment in comments if comment in harmful for finding in comment.findings]


def _keeps(before: Reading, comments: Sequence[_Comment], reason: str) -> bool:
    text = apply_edits(before.file.text, [comment.edit(reason) for comment in comments])
    return keeps_the_rest(before, read_text(before.file.path, text.encode("utf-8", "surrogatepass")), ())


def _linted(
    comments: Sequence[_Comment], reason: str, options: Options, catalog: Catalog | None, given: Input
) -> tuple[LintResult, dict[SourceFile, str]]:
    texts = {
        file: apply_edits(file.text, [comment.edit(reason) for comment in of_file])
        for file, of_file in _by_file(comments).items()
    }
    changed = with_texts(given, {file.path: text for file, text in texts.items()})
    return lint(options, catalog, changed), texts


def _effective(comments: Sequence[_Comment], after: LintResult) -> tuple[list[_Comment], list[Finding]]:
    """The comments that suppress all that they are about, and the findings of the others."""
    left = {(f.check, f.at.file.path, f.at.span.start_line) for f in after.findings}
    kept: list[_Comment] = []
    vain: list[Finding] = []
    for comment, line in _moved(comments):
        if any((check, comment.file.path, line) in left for check in comment.checks):
            vain += comment.findings
        else:
            kept.append(comment)
    return kept, vain


def _moved(comments: Sequence[_Comment]) -> Iterator[tuple[_Comment, int]]:
    """Each comment with the line on which stands what it is about, once all comments are there."""
    for of_file in _by_file(comments).values():
        yield from ((comment, comment.line + number) for number, comment in enumerate(of_file, 1))


def _by_file(comments: Iterable[_Comment]) -> dict[SourceFile, list[_Comment]]:
    by_file: dict[SourceFile, list[_Comment]] = defaultdict(list)
    for comment in comments:
        by_file[comment.file].append(comment)
    return by_file
