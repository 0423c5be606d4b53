"""Applying fixes: spans of text in, everything else left as it was."""

from collections.abc import Iterable

from meshlint.checking.finding import Finding, Fix
from meshlint.source.text import SourceFile


def fixed_texts(findings: Iterable[Finding], *, unsafe: bool = False) -> dict[SourceFile, str]:
    """
    The texts of the files after the fixes of some findings.

    A fix is applied whole or not at all: one that overlaps an earlier one is left out. Fixes
    that are not safe are applied only if asked for.
    """
    taken: dict[SourceFile, list[tuple[int, int, str]]] = {}
    for fix in (finding.fix for finding in findings if finding.fix is not None):
        if fix.edits and (fix.safe or unsafe) and not _overlaps(fix, taken):
            for edit in fix.edits:
                taken.setdefault(edit.file, []).append((edit.start, edit.end, edit.text))
    return {file: _apply(file.text, edits) for file, edits in taken.items()}


def _overlaps(fix: Fix, taken: dict[SourceFile, list[tuple[int, int, str]]]) -> bool:
    return any(
        (edit.start < end and start < edit.end) or (edit.start, edit.end) == (start, end)
        for edit in fix.edits
        for start, end, _ in taken.get(edit.file, ())
    )


def _apply(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
