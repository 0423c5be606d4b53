"""Comments by which users say that a finding is meant to be."""

import re
from collections.abc import Iterable

from meshlint.checking.finding import Finding
from meshlint.source.text import SourceFile

_COMMENT = re.compile(r"#\s*meshlint:\s*ignore\[([^\]]*)\]")


def split_suppressed(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """
    Part findings into those to show and those that a comment suppresses.

    `# meshlint: ignore[dangling-waypoint] reason` counts at the end of the line that a finding
    points to, or on a line of its own above it; several ids are separated by commas.
    """
    shown: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        ids = _ignored_at(finding.at.file, finding.at.span.start_line)
        (suppressed if finding.check in ids else shown).append(finding)
    return shown, suppressed


def _ignored_at(file: SourceFile, line: int) -> set[str]:
    ids = _ids(file.line(line))
    for above in range(line - 1, 0, -1):
        text = file.line(above).strip()
        if not text.startswith("#"):
            break
        ids |= _ids(text)
    return ids


def _ids(text: str) -> set[str]:
    return {part.strip() for match in _COMMENT.finditer(text) for part in match[1].split(",")}
