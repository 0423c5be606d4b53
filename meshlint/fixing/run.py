"""One whole run of fixes: lint, edit, verify by reading and linting again, until nothing is left to do."""

import gc
from collections.abc import Iterable, Mapping, Sequence

from meshlint.checking.catalog import Catalog
from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.fixing.edited import compatible, edited_texts, edits_of
from meshlint.fixing.verification import keeps_the_rest, new_error, remaining
from meshlint.lint import Options, lint, read_given
from meshlint.named import NamedTuple
from meshlint.source.discovery import STDIN
from meshlint.source.document import UnreadReason
from meshlint.source.input import Input, with_texts
from meshlint.source.reading import Reading
from meshlint.source.text import SourceFile

MOST_PASSES = 10
"""How often texts are edited at most: a fix can bring what another one mends."""

_UNFIT = {UnreadReason.TEMPLATE, UnreadReason.ENCODING}


class Refused(NamedTuple):
    """A fix that was not made, and why."""

    finding: Finding
    why: str


class Fixed(NamedTuple):
    """
    What fixing came to: nothing is written yet.

    `result` is of the texts as fixed; `texts` are the new texts of the files that change, by the files
    as they were read; `mended` are the findings whose fixes were made.
    """

    result: LintResult
    texts: Mapping[SourceFile, str]
    mended: tuple[Finding, ...]
    refused: tuple[Refused, ...]


class _State(NamedTuple):
    """Texts on the way, and what linting says of them."""

    given: Input
    result: LintResult


class _Attempt(NamedTuple):
    """What some fixes would come to; `why` they may not be made, None if they may."""

    state: _State
    why: str | None


def fix(
    options: Options, *, unsafe: bool = False, catalog: Catalog | None = None, given: Input | None = None
) -> Fixed:
    """
    Fix what can be fixed: only safe fixes, unless unsafe ones are asked for.

    A fix counts only if afterwards the file still reads as before but for the entries it is about, its
    finding is gone, and no error has come elsewhere. Files with templates are left alone. Raises
    UsageError if linting cannot be done as asked.
    """
    first = given or read_given(options)
    state = _State(first, lint(options, catalog, first))
    mended: list[Finding] = []
    refused: dict[str, Refused] = {}
    for _ in range(MOST_PASSES):
        batch = compatible(_open(state, refused), unsafe=unsafe)
        if not batch:
            break
        state, accepted, more = _made(state, batch, options, catalog)
        mended.extend(accepted)
        refused.update({refusal.finding.fingerprint: refusal for refusal in more})
    return Fixed(state.result, _changed(first, state.given), tuple(mended), tuple(refused.values()))


def is_fit(reading: Reading) -> bool:
    """Whether a file may be changed: it was read from a file, whole, and nobody renders it."""
    return reading.file.path != STDIN and not any(hole.reason in _UNFIT for hole in reading.unread)


def _open(state: _State, refused: Mapping[str, Refused]) -> list[Finding]:
    """The findings whose fixes may still be made: in files that were given, and read whole."""
    fit = {reading.file for reading in state.given.readings if is_fit(reading)}
    return [
        finding
        for finding in state.result.findings
        if finding.fix is not None
        and finding.fingerprint not in refused
        and all(edit.file in fit for edit in finding.fix.edits)
    ]


def _made(
    state: _State, batch: Sequence[Finding], options: Options, catalog: Catalog | None
) -> tuple[_State, list[Finding], list[Refused]]:
    """Make as many fixes of a batch as may be: halves are tried where the whole may not."""
    accepted: list[Finding] = []
    refused: list[Refused] = []
    reached = state
    pending = [list(batch)]
    while pending:
        part = pending.pop()
        attempt = _attempt(state, [*accepted, *part], options, catalog)
        if attempt.why is None:
            reached = attempt.state
            accepted.extend(part)
        elif len(part) == 1:
            refused.append(Refused(part[0], attempt.why))
        else:
            half = len(part) // 2
            pending.extend((part[half:], part[:half]))
    return reached, accepted, refused


def _attempt(state: _State, batch: Sequence[Finding], options: Options, catalog: Catalog | None) -> _Attempt:
    edits = edits_of(batch)
    given = with_texts(state.given, {file.path: text for file, text in edited_texts(batch).items()})
    readings = {reading.file.path: reading for reading in given.readings}
    for before in state.given.readings:
        made = edits.get(before.file)
        if made and not keeps_the_rest(before, readings[before.file.path], made):
            return _Attempt(state, "it would change more than it says")
    # The meshes of attempts before are in the way, and refer to themselves.
    gc.collect()
    result = lint(options, catalog, given)
    return _Attempt(_State(given, result), _objection(state.result, result, batch, edits))


def _objection(
    before: LintResult, after: LintResult, batch: Sequence[Finding], changed: Iterable[SourceFile]
) -> str | None:
    left = remaining(after.findings, batch)
    if left is not None:
        return "it would not mend it"
    error = new_error(before.findings, after.findings, changed)
    if error is None:
        return None
    span = error.at.span
    return f"it would bring {error.check!r} at {error.at.file.path}:{span.start_line}"


def _changed(first: Input, last: Input) -> dict[SourceFile, str]:
    texts = {reading.file.path: reading.file.text for reading in last.readings}
    return {
        reading.file: texts[reading.file.path]
        for reading in first.readings
        if texts[reading.file.path] != reading.file.text
    }
