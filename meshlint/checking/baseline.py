"""Findings that were there when meshlint came, told again by what they are and not by their lines."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from meshlint.checking.finding import Finding
from meshlint.errors import UsageError
from meshlint.named import NamedTuple

VERSION = 1
"""The version of the file."""

_LARGEST = 64 * 1024 * 1024


class Entry(NamedTuple):
    """
    Some findings of a baseline that are alike, in one file.

    `fingerprint` is a finding's without its number, `path` relative to the baseline's directory. `check`
    and `message` are for people.
    """

    fingerprint: str
    path: str
    check: str
    message: str


class Baseline(NamedTuple):
    """A baseline: how many findings of each entry are accepted, and where the file is."""

    path: str
    counts: Mapping[Entry, int]

    @property
    def total(self) -> int:
        """How many findings it holds."""
        return sum(self.counts.values())


class Compared(NamedTuple):
    """Findings beside a baseline: the new ones, those that it holds, and what of it was not found."""

    new: list[Finding]
    known: list[Finding]
    gone: Mapping[Entry, int]


def compare(findings: Sequence[Finding], baseline: Baseline) -> Compared:
    """
    Tell new findings from those of a baseline.

    Of findings that are alike as many are known as the baseline has, first in the same file, then in any:
    a file may have been renamed.
    """
    left: dict[str, dict[str, int]] = defaultdict(dict)
    for entry, count in baseline.counts.items():
        left[entry.fingerprint][entry.path] = count
    home = _home(baseline.path)
    keys = [_key(finding) for finding in findings]
    elsewhere = [
        number
        for number, finding in enumerate(findings)
        if not (keys[number] in left and _take(left[keys[number]], _path(finding, home)))
    ]
    new = [number for number in elsewhere if not _take_any(left.get(keys[number], {}))]
    known = set(range(len(findings))).difference(new)
    return Compared(
        [findings[number] for number in new],
        [findings[number] for number in sorted(known)],
        {entry: n for entry in baseline.counts if (n := left[entry.fingerprint].get(entry.path, 0))},
    )


def baseline_of(findings: Iterable[Finding], path: str) -> Baseline:
    """The baseline that accepts some findings, to be written to a path."""
    home = _home(path)
    entries = (
        Entry(_key(finding), _path(finding, home), finding.check, finding.message) for finding in findings
    )
    return Baseline(path, _counted((entry, 1) for entry in entries))


def really_gone(
    gone: Mapping[Entry, int], baseline: Baseline, ran: Collection[str], read: Collection[str]
) -> dict[Entry, int]:
    """
    What of a baseline was looked for and not found.

    `ran` are the checks that ran, `read` the real paths of the files that were read: elsewhere nothing
    was looked for, unless the file itself is gone.
    """
    home = _home(baseline.path)
    return {
        entry: count
        for entry, count in gone.items()
        if entry.check in ran and _is_told(os.path.join(home, entry.path), read)
    }


def without(baseline: Baseline, gone: Mapping[Entry, int]) -> Baseline:
    """A baseline without what is gone."""
    left = {entry: count - gone.get(entry, 0) for entry, count in baseline.counts.items()}
    return baseline._replace(counts={entry: count for entry, count in left.items() if count})


def together(one: Baseline, more: Mapping[Entry, int]) -> Baseline:
    """A baseline with further entries."""
    return one._replace(counts=_counted((*one.counts.items(), *more.items())))


def read_baseline(path: str) -> Baseline:
    """Read a baseline. Raises UsageError if it is not there, or is none."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            data = json.loads(file.read(_LARGEST))
    except FileNotFoundError:
        raise UsageError(f"no baseline at {path!r}: `meshlint baseline` writes one") from None
    except OSError as error:
        raise UsageError(f"cannot read the baseline {path!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path!r} is not a baseline: not JSON") from None
    return Baseline(path, _counted(_entries(data, path)))


def written(baseline: Baseline) -> str:
    """The text of a baseline: an entry a line, in a fixed order, so that changes of it are easy to read."""
    import json

    lines = [
        json.dumps({**entry._asdict(), "count": count}, ensure_ascii=False)
        for entry, count in sorted(
            baseline.counts.items(), key=lambda item: (item[0].path, item[0].check, *item[0])
        )
    ]
    text = "".join(f"\n    {line}," for line in lines).removesuffix(",")
    return f'{{\n  "version": {VERSION},\n  "findings": [{text}{chr(10) + "  " if lines else ""}]\n}}\n'


def _entries(data: object, path: str) -> Iterator[tuple[Entry, int]]:
    match data:
        case {"version": int(version), "findings": list(records)} if version == VERSION:
            for number, record in enumerate(records):
                yield _entry(record, f"{path!r}: findings[{number}]")
        case {"version": int(version), "findings": _}:
            raise UsageError(f"{path!r} is a baseline of version {version}: this meshlint knows {VERSION}")
        case _:
            raise UsageError(f"{path!r} is not a baseline")


def _counted(entries: Iterable[tuple[Entry, int]]) -> dict[Entry, int]:
    """The sum for each fingerprint and path, under the first of its entries."""
    first: dict[tuple[str, str], Entry] = {}
    counts: dict[Entry, int] = defaultdict(int)
    for entry, count in entries:
        counts[first.setdefault((entry.fingerprint, entry.path), entry)] += count
    return dict(counts)


def _take(counts: dict[str, int], path: str) -> bool:
    """Take one of what is left for a path; False if nothing is."""
    if path not in counts:
        return False
    counts[path] -= 1
    if not counts[path]:
        del counts[path]
    return True


def _take_any(counts: dict[str, int]) -> bool:
    return bool(counts) and _take(counts, next(iter(counts)))


def _entry(record: Any, where: str) -> tuple[Entry, int]:  # noqa: ANN401 - JSON holds anything
    match record:
        case {
            "fingerprint": str(fingerprint),
            "path": str(path),
            "check": str(check),
            "message": str(message),
            "count": int(count),
        } if count > 0:
            return Entry(fingerprint, path, check, message), count
        case _:
            raise UsageError(f"{where} is not an entry of a baseline")


def _key(finding: Finding) -> str:
    """The fingerprint without the number of those that are alike."""
    return finding.fingerprint.rpartition(":")[0]


def _home(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))


def _path(finding: Finding, home: str) -> str:
    shown = finding.at.file.path
    if shown.startswith("<"):
        return shown
    return os.path.relpath(os.path.realpath(shown), home).replace(os.sep, "/")


def _is_told(path: str, read: Collection[str]) -> bool:
    if "\0" in path:
        return True
    real = os.path.realpath(path)
    return real in read or not os.path.exists(real)
