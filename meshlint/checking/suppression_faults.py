"""What is wrong with suppressions: unknown words, no reason, an end that has come, nothing to suppress."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from meshlint.checking.catalog import Check, find_word, is_word
from meshlint.checking.edits import delete_entries, replace_value
from meshlint.checking.finding import Edit, Fix, Problem
from meshlint.checking.own import (
    EXPIRED_SUPPRESSION,
    FAMILY,
    OWN_CHECKS,
    SUPPRESSION_WITHOUT_REASON,
    UNKNOWN_SUPPRESSION,
    UNUSED_SUPPRESSION,
)
from meshlint.checking.suppression import FILE_VERB, VERBS, Mark, Scope, Suppression
from meshlint.errors import UsageError
from meshlint.model.keys import IGNORE
from meshlint.model.spelling import nearest
from meshlint.named import NamedTuple
from meshlint.source.document import Location, Manifest
from meshlint.source.rendered import is_rendered
from meshlint.source.text import SourceFile

Fault = tuple[Check, Problem]
_MOST_HINTS = 200
_MOST_LISTED = 5
_OWN_WORDS = frozenset((FAMILY, *(check.id for check in OWN_CHECKS)))


class _Wrong(NamedTuple):
    """What is wrong with a suppression: the check for it, and what is said before and after its words."""

    check: Check
    before: str
    after: str | None = None
    """None if the words are not to be said."""


_UNKNOWN_WORD = _Wrong(UNKNOWN_SUPPRESSION, "")


class _Words:
    """Words that name no check. What was meant is looked for only as often as somebody may read it."""

    def __init__(self) -> None:
        self._left = _MOST_HINTS

    def fault(self, word: str) -> str:
        """What is wrong with a word that names no check."""
        self._left -= 1
        try:
            if self._left >= 0:
                find_word(word)
        except UsageError as error:
            return str(error)
        return f"no such check or family: {word!r}"


class Circumstances(NamedTuple):
    """
    What decides whether a suppression holds, and whether it can be told that it is not needed.

    `today` is `YYYY-MM-DD`. `idle` are the words for checks that did not run everywhere. `was_needed` tells
    whether it has suppressed something.
    """

    today: str
    require_reason: bool
    idle: frozenset[str]
    was_needed: Callable[[Suppression], bool]


def holds(suppression: Suppression, today: str, *, require_reason: bool) -> bool:
    """Whether a suppression is in force."""
    mark = suppression.mark
    if mark.scope is Scope.FILE and not mark.is_top:
        return False
    if suppression.until is not None and (suppression.has_unreadable_end or suppression.until < today):
        return False
    return bool(suppression.why) or not require_reason


def faults(suppressions: Iterable[Suppression], said: Circumstances) -> Iterator[Fault]:
    """What is wrong with suppressions that were read; of what is wrong with one the first, by comment."""
    # The sets of a run may share an object, and with it what its annotation says.
    by_mark: dict[object, dict[object, Suppression]] = defaultdict(dict)
    for suppression in suppressions:
        mark = suppression.mark.at
        by_mark[mark.file.path, mark.offsets].setdefault(
            (suppression.at.offsets, suppression.word), suppression
        )
    words = _Words()
    for together in by_mark.values():
        wrong: dict[_Wrong, list[Suppression]] = defaultdict(list)
        for suppression in together.values():
            found = _wrong(suppression, said)
            if found is not None:
                wrong[found].append(suppression)
        for found, of_them in wrong.items():
            yield found.check, _problem(_message(found, of_them, words), of_them, [*together.values()])


def unreadable(mark: Mark) -> Iterator[Fault]:
    """What is wrong with a comment that begins as a suppression and names nothing; a remark is not one."""
    if mark.verb in VERBS:
        message = f"the comment names nothing to suppress: write `# meshlint: {mark.verb}[CHECK] REASON`"
        yield (
            UNKNOWN_SUPPRESSION,
            Problem(message, mark.at, fix=Fix("take it out", _comment_out(mark), safe=True)),
        )
        return
    meant = nearest(mark.verb, VERBS)
    if meant is not None:
        message = f"the comment says {mark.verb!r} and suppresses nothing; did you mean {meant!r}?"
        yield UNKNOWN_SUPPRESSION, Problem(message, mark.at)


def strange(manifest: Manifest, key: str) -> Fault:
    """An annotation under meshlint's prefix that it does not read."""
    message = f"meshlint does not read the annotation {key!r}; did you mean {IGNORE!r}?"
    return UNKNOWN_SUPPRESSION, Problem(message, manifest.at("metadata", "annotations", key))


def _wrong(suppression: Suppression, said: Circumstances) -> _Wrong | None:
    """The first thing that is wrong with a suppression."""
    if not is_word(suppression.word):
        return _UNKNOWN_WORD
    until, of = suppression.until, "the suppression of "
    if suppression.has_unreadable_end:
        return _Wrong(UNKNOWN_SUPPRESSION, of, f" ends on what is no day: {until!r}")
    if until is not None and until < said.today:
        return _Wrong(EXPIRED_SUPPRESSION, of, f" ended with {until}")
    if said.require_reason and not suppression.why:
        return _Wrong(SUPPRESSION_WITHOUT_REASON, of, " gives no reason, and does not hold")
    return _in_vain(suppression, said)


def _in_vain(suppression: Suppression, said: Circumstances) -> _Wrong | None:
    mark = suppression.mark
    if mark.scope is Scope.FILE and not mark.is_top:
        message = f"`{FILE_VERB}` holds for nothing here: it belongs to the top of the file"
        return _Wrong(UNUSED_SUPPRESSION, message)
    if _is_needless(suppression, said):
        return _Wrong(UNUSED_SUPPRESSION, f"nothing to suppress {_where(mark)}: no finding of ", "")
    return None


def _is_needless(suppression: Suppression, said: Circumstances) -> bool:
    word = suppression.word
    return word not in _OWN_WORDS and word not in said.idle and not said.was_needed(suppression)


def _where(mark: Mark) -> str:
    return {Scope.LINE: "here", Scope.FILE: "in this file", Scope.OBJECT: "in this object"}[mark.scope]


def _message(found: _Wrong, wrong: Sequence[Suppression], words: _Words) -> str:
    if found is _UNKNOWN_WORD:
        said = [words.fault(suppression.word) for suppression in wrong[:_MOST_LISTED]]
        more = f", and {len(wrong) - len(said)} more" if len(wrong) > len(said) else ""
        return f"{', '.join(said)}{more}: nothing is suppressed by it"
    return found.before if found.after is None else f"{found.before}{_listed(wrong)}{found.after}"


def _listed(suppressions: Sequence[Suppression]) -> str:
    """The words of some suppressions, as far as somebody may read them."""
    words = [repr(suppression.word) for suppression in suppressions[:_MOST_LISTED]]
    left = len(suppressions) - len(words)
    *others, last = [*words, f"{left} more"] if left else words
    return f"{', '.join(others)} and {last}" if others else last


def _problem(message: str, wrong: Sequence[Suppression], together: Sequence[Suppression]) -> Problem:
    at = wrong[0].at
    taken = set(map(id, wrong))
    kept = [suppression for suppression in together if id(suppression) not in taken]
    title = f"take {_listed(wrong)} out" if kept else "take the suppression out"
    return Problem(message, at, fix=Fix(title, _taken_out(wrong, kept), safe=True))


def _taken_out(wrong: Sequence[Suppression], kept: Sequence[Suppression]) -> tuple[Edit, ...]:
    mark = wrong[0].mark
    if mark.manifest is not None:
        return _annotation_without(mark.manifest, mark.at, kept)
    if not kept:
        return _comment_out(mark)
    spans = [one.at.offsets for one in (*wrong, *kept)]
    start, end = min(start for start, _ in spans), max(end for _, end in spans)
    return (Edit(mark.at.file, start, end, ", ".join(one.word for one in kept)),)


def _annotation_without(manifest: Manifest, at: Location, kept: Sequence[Suppression]) -> tuple[Edit, ...]:
    if is_rendered(manifest):
        return ()
    if not kept:
        return delete_entries((at,))
    return replace_value(at, "; ".join(one.mark.reason for one in kept))


def _comment_out(mark: Mark) -> tuple[Edit, ...]:
    """Take a comment out: with its line if it has one for itself, else with the blanks before it."""
    file, (start, end) = mark.at.file, mark.at.offsets
    line_start, line_end = _line_around(file, start)
    before, behind = file.text[line_start:start], file.text[end:line_end]
    if behind.strip():
        return (Edit(file, start, end + len(behind) - len(behind.lstrip()), ""),)
    if before.strip():
        return (Edit(file, line_start + len(before.rstrip()), line_end, ""),)
    return (Edit(file, line_start, _next_line(file.text, line_end), ""),)


def _line_around(file: SourceFile, offset: int) -> tuple[int, int]:
    line = file.span(offset, offset).start_line
    start = file.offset(line, 1)
    return start, start + len(file.line(line))


def _next_line(text: str, line_end: int) -> int:
    return line_end + (2 if text.startswith("\r\n", line_end) else min(1, len(text) - line_end))
