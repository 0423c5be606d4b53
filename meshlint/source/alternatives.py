"""Manifests that are alternatives to each other: never in one set."""

from collections import defaultdict
from collections.abc import Iterable

from meshlint.named import NamedTuple
from meshlint.source.document import Manifest
from meshlint.source.origin import Source, common_directory, group_and_kind

_MOST_SETS = 300
_MOST_DIVISIONS = 20
# Two alternatives and a remainder, or what is shared, as sets of their own.
_SMALLEST_DIVISION = 4
_MOST_SHARED_FILES = 100_000


class Part(NamedTuple):
    """Some of the files of a group, with those that all alternatives share."""

    name: str
    own: list[Source]
    shared: list[Source]
    complete: bool = True
    divisible: bool = True
    depth: int = 0


def without_alternatives(whole: Part) -> list[Part]:
    """Divide until no part holds an object in two versions from two directories."""
    done: list[Part] = []
    pending = [whole]
    while pending:
        part = pending.pop()
        smaller = _divide(part, _MOST_SETS - len(done) - len(pending)) if part.divisible else []
        if smaller:
            pending.extend(smaller)
        else:
            done.append(part)
    return done


def _divide(part: Part, room: int) -> list[Part]:
    """
    Divide at the topmost directories that hold alternatives; nothing if there are none.

    A part is only complete if all the others are alternatives to it: then it lacks nothing that
    would be in the same cluster.
    """
    conflicts = _conflicts(part.own)
    if not conflicts:
        return []
    if room < _SMALLEST_DIVISION or part.depth >= _MOST_DIVISIONS:
        return [part._replace(complete=False, divisible=False)]
    units, rest = _units(part.own, conflicts)
    shared = [*part.shared, *rest]
    of_file = {source.real: unit for unit, sources in units.items() for source in sources}
    complete = any(len({of_file[source.real] for source in rivals}) == len(units) for rivals in conflicts)
    complete = complete and part.complete
    smaller: list[Part] = []
    if len(shared) * len(units) > _MOST_SHARED_FILES:
        smaller.append(Part(part.name, shared, [], complete=False, divisible=False))
        shared, complete = [], False
    most = room - len(smaller) - 1
    names = sorted(units)
    smaller += [
        Part(name.removesuffix("/.") or ".", units[name], shared, complete, depth=part.depth + 1)
        for name in names[:most]
    ]
    if overflow := [source for name in names[most:] for source in units[name]]:
        smaller.append(Part(part.name, overflow, shared, complete=False, divisible=False))
    return smaller


def _conflicts(sources: Iterable[Source]) -> list[list[Source]]:
    """The files of each object that is there in different versions in different directories."""
    holders: dict[tuple[str, ...], list[tuple[Source, Manifest]]] = defaultdict(list)
    for source in sources:
        for manifest in source.manifests:
            identity = _identity(manifest)
            if identity is not None:
                holders[identity].append((source, manifest))
    return [
        [source for source, _ in found]
        for found in holders.values()
        if len(found) > 1
        and len({source.directory for source, _ in found}) > 1
        and not all(_is_same(found[0][1], manifest) for _, manifest in found[1:])
    ]


def _units(
    sources: Iterable[Source], conflicts: Iterable[list[Source]]
) -> tuple[dict[str, list[Source]], list[Source]]:
    """The files of each topmost directory that holds alternatives, and the files of none."""
    marked: set[str] = set()
    loose: dict[str, str] = {}
    for rivals in conflicts:
        directories = {source.directory for source in rivals}
        top = common_directory(directories)
        marked |= {_step_below(top, directory) for directory in directories if directory != top}
        loose |= {source.real: f"{top}/." for source in rivals if source.directory == top}
    units: dict[str, list[Source]] = defaultdict(list)
    rest: list[Source] = []
    topmost: dict[str, str | None] = {}
    longest = max(map(len, marked), default=0)
    for source in sources:
        if source.directory not in topmost:
            topmost[source.directory] = _topmost(source.directory, marked, longest)
        unit = topmost[source.directory] or loose.get(source.real)
        (rest if unit is None else units[unit]).append(source)
    return units, rest


def _step_below(top: str, directory: str) -> str:
    start = len(top) if top in ("", "/") else len(top) + 1
    end = directory.find("/", start)
    return directory if end < 0 else directory[:end]


def _topmost(directory: str, marked: set[str], longest: int) -> str | None:
    end = directory.find("/", 1)
    while 0 < end <= longest:
        if directory[:end] in marked:
            return directory[:end]
        end = directory.find("/", end + 1)
    return directory if directory in marked else None


def _identity(manifest: Manifest) -> tuple[str, ...] | None:
    metadata = manifest.data.get("metadata")
    name, namespace = (
        (metadata.get("name"), metadata.get("namespace")) if isinstance(metadata, dict) else (None, None)
    )
    if not isinstance(name, str):
        return None
    return (*group_and_kind(manifest), namespace if isinstance(namespace, str) else "", name)


def _is_same(one: Manifest, other: Manifest) -> bool:
    texts = [it.file.text[it.place.start : it.place.end] for it in (one, other)]
    if texts[0] == texts[1]:
        return True
    # Aliases can make small texts stand for data without end.
    if any("&" in text for text in texts):
        return False
    try:
        return one.data == other.data
    except RecursionError:
        return False
