"""Texts with edits in them: spans of text in, everything else left as it was."""

from collections.abc import Iterable, Sequence

from meshlint.checking.finding import Edit, Finding, Fix
from meshlint.source.text import SourceFile


def fixed_texts(findings: Iterable[Finding], *, unsafe: bool = False) -> dict[SourceFile, str]:
    """The texts of the files after the fixes of some findings, as far as these go together."""
    return edited_texts(compatible(findings, unsafe=unsafe))


def compatible(findings: Iterable[Finding], *, unsafe: bool = False) -> list[Finding]:
    """
    The findings whose fixes can be applied side by side.

    A fix is applied whole or not at all: one that overlaps an earlier one is left out. Fixes
    that are not safe are taken only if asked for.
    """
    chosen: list[Finding] = []
    taken: dict[SourceFile, list[Edit]] = {}
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or not (fix.safe or unsafe) or _overlaps(fix, taken):
            continue
        chosen.append(finding)
        for edit in fix.edits:
            taken.setdefault(edit.file, []).append(edit)
    return chosen


def edits_of(findings: Iterable[Finding]) -> dict[SourceFile, list[Edit]]:
    """The edits of the fixes of some findings, by file."""
    edits: dict[SourceFile, list[Edit]] = {}
    for fix in (finding.fix for finding in findings if finding.fix is not None):
        for edit in fix.edits:
            edits.setdefault(edit.file, []).append(edit)
    return edits


def edited_texts(findings: Iterable[Finding]) -> dict[SourceFile, str]:
    """The texts of the files after the fixes of findings that are compatible."""
    return {file: apply_edits(file.text, edits) for file, edits in edits_of(findings).items()}


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """A text after edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _overlaps(fix: Fix, taken: dict[SourceFile, list[Edit]]) -> bool:
    return any(
        (edit.start < other.end and other.start < edit.end)
        or (edit.start, edit.end) == (other.start, other.end)
        for edit in fix.edits
        for other in taken.get(edit.file, ())
    )
