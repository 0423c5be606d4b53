"""Runs that need not be made again: the same command on the same bytes says the same."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meshlint import __version__
from meshlint.cache import Cache, cache_directory, digest, state_of
from meshlint.cli.options import Outcome, Report, settings_path, wants_color, wants_links
from meshlint.source.discovery import chart_above, git_root

if TYPE_CHECKING:
    from meshlint.cli.resemblance import Predecessor
    from meshlint.source.discovery import Discovery
    from meshlint.source.input import Contents, Input

# What does not change the outcome.
_OTHER = ("run", "jobs", "verbose")
_PROGRAMS = ("kustomize", "kubectl", "helm")


class Memory:
    """
    What was kept of a run like this one, and what is to be kept of it.

    `digests` are those of the files that were found, by real path; `context` is what the context holds.
    """

    def __init__(
        self,
        cache: Cache,
        key: str,
        digests: Mapping[str, str],
        context: "Contents",
        predecessor: "Predecessor",
    ) -> None:
        self.cache = cache
        self.context = context
        self._key = key
        self._digests = digests
        self._predecessor = predecessor

    def recall(self, reports: int) -> Outcome | None:
        """Give what such a run came to, if that is known and still holds: so many reports."""
        kept = self.cache.get(self._key)
        if kept is not None:
            return _outcome(kept, reports)
        like = self._predecessor.resembling()
        kept = self.cache.get(like.run.key) if like is not None else None
        outcome = _outcome(kept, reports) if kept is not None else None
        if like is not None and kept is not None and outcome is not None:
            self.cache.put(self._key, kept)
            self._predecessor.succeed(self._key, like)
        return outcome

    def keep(self, outcome: Outcome, given: "Input", beside: "Input") -> None:
        """Keep what a run came to, if it can be told what it depends on, in what was given and beside it."""
        if outcome.code not in (0, 1):
            return
        further: dict[str, str] = {}
        rendered: set[str] = set()
        for path, state in _noted((given, beside)):
            if state is None:
                return
            told, _, real = state.partition(" ")
            rendered.update((path, real))
            if real not in self._digests:
                further[path] = state
            elif self._digests[real] != told:
                # It has changed since it was read, and before it was rendered.
                return
            elif real != path:
                further[path] = state
        code, reports, said, shown = outcome
        self.cache.put(self._key, {"code": code, "reports": reports, "said": said, "noted": further})
        self._predecessor.keep(self._key, given, beside, shown=shown, rendered=rendered)


def _outcome(kept: Mapping[str, Any], reports: int) -> Outcome | None:
    """What a run came to, if it is told in so many reports, and still holds."""
    match kept:
        case {"code": 0 | 1 as code, "reports": [*texts], "said": [*said], "noted": dict(noted)}:
            are_texts = all(text is None or isinstance(text, str) for text in texts)
            if len(texts) != reports or not are_texts or not all(isinstance(it, str) for it in said):
                return None
        case _:
            return None
    is_same = all(state_of(path) == state for path, state in noted.items())
    return Outcome(code, texts, said) if is_same else None


class Command:
    """
    A command as it was typed, and the settings that it has not read yet.

    To read settings takes longer than all else of a run that was made before.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.cache = Cache(cache_directory())
        self._typed = {name: value for name, value in vars(options).items() if name not in _OTHER}
        self._settings = settings_path(options)

    @property
    def can_be_kept(self) -> bool:
        """Whether what it reads can be read twice, and stays the same."""
        paths = [*self._typed["paths"], *self._typed["context"]]
        others = (self._settings, self._typed["baseline"])
        return "-" not in paths and all(path is None or os.path.isfile(path) for path in others)

    @cached_property
    def _parts(self) -> Sequence[bytes]:
        """What was typed, what the settings say, where and when: suppressions hold until a day."""
        settings = (self._settings, state_of(self._settings)) if self._settings is not None else ()
        here = os.getcwd(), git_root(os.getcwd()), time.strftime("%Y-%m-%d")
        only = [os.path.realpath(path) for path in self._typed["only"] or ()]
        return [*_of_the_program(), _bytes((sorted(self._typed.items()), settings, here, only))]

    def fill_in_patterns(self, options: argparse.Namespace) -> bool:
        """Say which files the settings leave out, if they have said so before; False if that is not known."""
        known = self.cache.get(self._key) if self._settings is not None else None
        kept = known.get("exclude") if known is not None else None
        if not isinstance(kept, list):
            return False
        from meshlint.source.patterns import PatternsFrom

        patterns: list[str | PatternsFrom] = []
        for pattern in kept:
            match pattern:
                case str():
                    patterns.append(pattern)
                case [str(directory), [*lines]] if all(isinstance(line, str) for line in lines):
                    patterns.append(PatternsFrom(directory, tuple(lines)))
                case _:
                    return False
        options.exclude = patterns
        return True

    def forget(self, options: argparse.Namespace) -> None:
        """Go back to what was typed."""
        vars(options).update(self._typed)

    def keep_patterns(self, options: argparse.Namespace) -> None:
        """Keep which files the settings leave out, unless they name paths: those have to be looked at."""
        settings = options.settings
        if settings is None or options.sets or options.values_files:
            return
        if not (settings.settings.context or settings.settings.baseline):
            self.cache.put(self._key, {"exclude": options.exclude})

    @staticmethod
    def _named(options: argparse.Namespace) -> tuple[object, ...]:
        """The paths that settings name, as they are resolved; nothing where they have not been read."""
        has_read = "sets" in options and (options.sets or options.values_files)
        return (options.sets, sorted(options.values_files.items())) if has_read else ()

    @property
    def _key(self) -> str:
        return digest(b"settings", *self._parts)

    def memory(
        self, options: argparse.Namespace, wanted: Sequence[Report], contents: "Contents"
    ) -> Memory | None:
        """Give the memory of a run, now that its files are found; None if it cannot be kept."""
        from meshlint.cli.resemblance import Predecessor
        from meshlint.source.input import find_contents

        context = find_contents(options.context, options.exclude)
        if contents.unread or context.unread:
            return None
        everything = [*contents.files, *context.files]
        digests = {found.real: digest(content) for found, content in everything}
        beside = {found.real: digests[found.real] for found, _ in context.files}
        parts = (
            [(wants_color(it, options), wants_links(it, options)) for it in wanted],
            [_found(each.discovery) for each in (contents, context)],
            [(found.path, found.real) for found, _ in everything],
            sorted(beside.items()),
            self._named(options),
            options.baseline and state_of(options.baseline),
            # An entry of a baseline is gone with its file.
            [(path, os.path.exists(path)) for path in _accepted(options)],
        )
        likeness = digest(b"likeness", *self._parts, _bytes(parts))
        own = {found.real: digests[found.real] for found, _ in contents.files}
        key = digest(likeness.encode(), _bytes(sorted(own.items())))
        predecessor = Predecessor(self.cache, likeness, contents.files, own)
        return Memory(self.cache, key, digests, context, predecessor)


def _noted(inputs: Iterable["Input"]) -> Iterator[tuple[str, str | None]]:
    """What renderers have noted of some inputs; None for what cannot be told, or was not the same for two."""
    states: dict[str, str] = {}
    for given in inputs:
        if given.rendering is None:
            continue
        if given.rendering.noted is None:
            yield "", None
            return
        for path, state in given.rendering.noted.items():
            yield path, state if states.setdefault(path, state) == state else None


def _bytes(said: object) -> bytes:
    return repr(said).encode("utf-8", "surrogatepass")


def _found(discovery: "Discovery") -> tuple[object, ...]:
    """How files were found: where repositories begin, and what is a template of a chart, decides on sets."""
    directories = sorted(discovery.directories.items())
    homes = {os.path.dirname(found.real) for found in discovery.files}
    return (
        directories,
        sorted(discovery.links.items()),
        [git_root(real) for _, real in directories],
        sorted(filter(None, map(chart_above, homes))),
        len(discovery.files),
    )


def _accepted(options: argparse.Namespace) -> Iterator[str]:
    """The files that the baseline is about."""
    if options.baseline is not None and not options.no_ignores:
        from meshlint.checking.baseline import read_baseline

        home = os.path.dirname(options.baseline)
        for entry in read_baseline(options.baseline).counts:
            yield os.path.join(home, entry.path)


def _of_the_program() -> Iterator[bytes]:
    """What is installed: the code, that of plugins included, and the programs that render."""
    from meshlint.checking.plugins import installed, plugin_packages
    from meshlint.source.renderer import find_program, stamp

    yield _bytes((__version__, sys.version, sys.platform, installed()))
    yield from _code(["meshlint", *plugin_packages()])
    for program in map(find_program, _PROGRAMS):
        yield stamp(program) if program else b""


def _code(packages: Iterable[str]) -> Iterator[bytes]:
    from importlib.util import find_spec

    for package in packages:
        spec = find_spec(package)
        for directory in (spec and spec.submodule_search_locations) or ():
            yield directory.encode("utf-8", "surrogateescape")
            yield "\n".join(_modules(directory)).encode("utf-8", "surrogateescape")


def _modules(directory: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _modules(entry.path)
            elif entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
