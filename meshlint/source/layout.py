"""Where manifests lie: what a path in one of them leads to, and what is applied of a directory there."""

import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

from meshlint.named import NamedTuple
from meshlint.source.discovery import CHART_FILE, Discovery
from meshlint.source.document import UnreadReason
from meshlint.source.kustomization import Kustomizations
from meshlint.source.origin import Source

_MOST_ALTERNATIVES = 100


class Composition(NamedTuple):
    """What is put together: directories of kustomizations, and files that are applied as they are."""

    kustomizations: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class Choice(NamedTuple):
    """Which files of a directory Argo CD takes, by patterns of paths below it; None is no pattern."""

    recurse: bool = False
    include: str | None = None
    exclude: str | None = None

    def takes(self, path: str) -> bool:
        """Whether a file, named from the directory, is taken."""
        if "/" in path and not self.recurse:
            return False
        if self.exclude is not None and matches(self.exclude, path):
            return False
        return self.include is None or matches(self.include, path)


class Layout:
    """The files of the input by directory, and the kustomizations among them."""

    def __init__(
        self, sources: Mapping[str, Source], kustomizations: Kustomizations, tops: list[str]
    ) -> None:
        self.sources = sources
        self.kustomizations = kustomizations
        self._tops = tops
        self._paths = sorted(sources)
        self._wholes: dict[str, Composition] = {}
        self._choices: dict[tuple[str, Choice], Composition] = {}
        self._charts = {os.path.dirname(path) for path in sources if os.path.basename(path) == CHART_FILE}

    def directory_of(self, path: object) -> str | None:
        """The directory that a path in a manifest leads to; None if it was not read, or is a chart."""
        return next((it for it in self._led_to(path) if it not in self._charts), None)

    def chart_of(self, path: object) -> str | None:
        """The directory of the chart that a path in a manifest leads to; None if it leads to none."""
        return next((it for it in self._led_to(path) if it in self._charts), None)

    def is_kustomization(self, directory: str) -> bool:
        """Whether a directory holds a kustomization."""
        return directory in self.kustomizations.by_directory

    def whole(self, directory: str) -> Composition:
        """
        What Flux applies of a directory: its kustomization.

        If there is none: all files, and the kustomizations below in the place of what they hold
        (kustomize-controller 1.8, `fluxcd/pkg/kustomize`, generator).
        """
        if directory not in self._wholes:
            self._wholes[directory] = self._whole(directory)
        return self._wholes[directory]

    def chosen(self, directory: str, choice: Choice) -> Composition:
        """What Argo CD applies of a directory of plain files."""
        key = directory, choice
        if key not in self._choices:
            self._choices[key] = Composition(files=tuple(self._chosen(directory, choice)))
        return self._choices[key]

    def _whole(self, directory: str) -> Composition:
        if self.is_kustomization(directory):
            return Composition((directory,))
        files: list[str] = []
        found: dict[str, None] = {}
        for path in self._below(directory):
            kustomization = self._topmost(os.path.dirname(path), directory)
            if kustomization is not None:
                found[kustomization] = None
            elif _is_manifest(self.sources[path]):
                files.append(path)
        by_directory = self.kustomizations.by_directory
        return Composition(tuple(it for it in found if not by_directory[it].is_component), tuple(files))

    def _chosen(self, directory: str, choice: Choice) -> Iterator[str]:
        hidden = self.kustomizations.hidden
        for path in self._below(directory):
            below = os.path.relpath(path, directory).replace(os.sep, "/")
            if path not in hidden and _is_manifest(self.sources[path]) and choice.takes(below):
                yield path

    def cluster_directory(self, directory: str) -> str | None:
        """The `clusters/<name>/` of the repository that a directory is, or is in."""
        for top in self._tops:
            parts = os.path.relpath(directory, top).split(os.sep)
            for index in reversed(range(len(parts) - 1)):
                if parts[index] == "clusters" and ".." not in parts:
                    return os.path.join(top, *parts[: index + 2])
        return None

    def directories(self, pattern: str) -> Iterator[str]:
        """The directories, from the top of the repository, that a pattern of Argo CD is for."""
        return (path for path in self._directories if _matches_path(pattern, path))

    @cached_property
    def _directories(self) -> list[str]:
        seen: set[str] = set()
        for top in self._tops:
            for path in self._below(top):
                below = os.path.relpath(os.path.dirname(path), top).replace(os.sep, "/")
                while below not in ("", "."):
                    seen.add(below)
                    below = below.rpartition("/")[0]
        return sorted(seen)

    def _led_to(self, path: object) -> Iterator[str]:
        """The directories of the input that a path in a manifest may lead to."""
        # A path that is the whole repository is as likely to be meant for another one.
        if isinstance(path, str) and path.strip("./"):
            for top in self._tops:
                directory = os.path.realpath(os.path.join(top, path.lstrip("/")))
                if next(self._below(directory), None) is not None:
                    yield directory

    def _below(self, directory: str) -> Iterator[str]:
        prefix = directory.rstrip(os.sep) + os.sep
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[index].startswith(prefix):
                return
            yield self._paths[index]

    def _topmost(self, directory: str, top: str) -> str | None:
        """The highest directory with a kustomization on the way down from another."""
        found = None
        while len(directory) > len(top):
            if self.is_kustomization(directory):
                found = directory
            directory = os.path.dirname(directory)
        return found


def shown_directory(real: str, discovery: Discovery) -> str:
    """A directory as users are shown it."""
    for shown, top in sorted(discovery.directories.items(), key=lambda item: -len(item[1])):
        if real == top:
            return shown
        if real.startswith(top.rstrip(os.sep) + os.sep):
            below = os.path.relpath(real, top).replace(os.sep, "/")
            return below if shown == "." else f"{shown.rstrip('/')}/{below}"
    return os.path.relpath(real).replace(os.sep, "/")


def is_too_wide(pattern: str) -> bool:
    """Whether a pattern stands for more alternatives than are tried."""
    return not _alternatives(pattern)


def matches(pattern: str, path: str) -> bool:
    """
    Whether a path matches a pattern with `*`, `?`, `[...]` and `{one,other}`.

    As with Argo CD, whose patterns know no separator, `*` stands for slashes too.
    """
    return any(fnmatchcase(path, one) for one in _alternatives(pattern))


def _alternatives(pattern: str) -> list[str]:
    """The patterns that one with braces stands for; none if there are too many, or it is broken."""
    pending, done = [pattern], []
    while pending:
        one = pending.pop()
        end = one.find("}")
        start = one.rfind("{", 0, end if end >= 0 else None)
        if start < 0 or end < 0:
            done.append(one)
        else:
            pending.extend(
                one[:start] + choice + one[end + 1 :] for choice in one[start + 1 : end].split(",")
            )
        if len(pending) + len(done) > _MOST_ALTERNATIVES:
            return []
    return done


def _matches_path(pattern: str, path: str) -> bool:
    """As Go's `path.Match`: a star stays within one directory."""
    wanted, given = pattern.strip("/").removeprefix("./").split("/"), path.split("/")
    if len(wanted) != len(given):
        return False
    return all(fnmatchcase(part, one) for part, one in zip(given, wanted, strict=True))


def _is_manifest(source: Source) -> bool:
    encrypted = all(problem.reason is UnreadReason.ENCRYPTED for problem in source.unread)
    return bool(source.manifests) or (bool(source.unread) and not encrypted)
