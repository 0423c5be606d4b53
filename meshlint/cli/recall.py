"""Runs that need not be made again: the same command on the same bytes says the same."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from meshlint import __version__
from meshlint.cache import Cache, cache_directory, digest
from meshlint.cli.options import Outcome, Report, repository, settings_path, wants_color, wants_links

if TYPE_CHECKING:
    from meshlint.source.input import Contents, Input

# What settings say that decides on which files are read, and what is said before they are.
_TOLD = ("context", "baseline", "istio_version")
_PROGRAMS = ("kustomize", "kubectl", "helm")


class Memory:
    """What was kept of a run like this one, and what is to be kept of it."""

    def __init__(self, cache: Cache, key: str, baseline: str | None) -> None:
        self._cache = cache
        self._key = key
        self._baseline = baseline

    def recall(self) -> Outcome | None:
        """Give what such a run came to, if that is known and still holds."""
        known = self._cache.get(self._key)
        if known is None:
            return None
        try:
            outcome = Outcome(int(known["code"]), [*known["reports"]], [*map(str, known["said"])])
            inputs = dict(known["inputs"])
        except (KeyError, TypeError, ValueError):
            return None
        is_same = all(_digest_of(path) == told for path, told in inputs.items())
        return outcome if is_same else None

    def keep(self, outcome: Outcome, given: "Input") -> None:
        """Keep what a run came to, if it can be told what it depends on."""
        read = given.rendering.inputs if given.rendering else set[str]()
        if read is not None:
            known = {found.real for found in given.discovery.files}
            inputs = {path: _digest_of(path) for path in sorted({*read, *self._accepted_in()} - known)}
            self._cache.put(self._key, {**outcome._asdict(), "inputs": inputs})
        self._cache.trim()

    def _accepted_in(self) -> Iterator[str]:
        """The files that the baseline is about: an entry is gone with its file."""
        if self._baseline is not None:
            from meshlint.checking.baseline import read_baseline

            home = os.path.dirname(self._baseline)
            for entry in read_baseline(self._baseline).counts:
                yield os.path.realpath(os.path.join(home, entry.path))


class Command:
    """
    A command as it was typed, and the settings that it has not read yet.

    To read settings takes longer than all else of a run that was made before.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.cache = Cache(cache_directory())
        self._typed = {name: value for name, value in vars(options).items() if name != "run"}
        self._settings = settings_path(options)

    @cached_property
    def _parts(self) -> Sequence[bytes]:
        """What was typed, what the settings say, where and when: suppressions hold until a day."""
        settings = (self._settings, _digest_of(self._settings)) if self._settings is not None else ()
        here = os.getcwd(), repository(), time.strftime("%Y-%m-%d")
        said = repr((sorted(self._typed.items()), settings, here))
        return [*_of_the_program(), said.encode("utf-8", "surrogateescape")]

    def fill_in(self, options: argparse.Namespace) -> bool:
        """Say what the settings have said before of which files are read; False if that is not known."""
        known = self.cache.get(self._key) if self._settings is not None else None
        if known is None:
            return False
        from meshlint.source.patterns import PatternsFrom

        try:
            patterns = [
                it if isinstance(it, str) else PatternsFrom(it[0], tuple(it[1])) for it in known["exclude"]
            ]
            told = {name: known[name] for name in _TOLD}
        except (KeyError, TypeError, IndexError):
            return False
        vars(options).update(told, exclude=patterns)
        return True

    def forget(self, options: argparse.Namespace) -> None:
        """Go back to what was typed."""
        vars(options).update(self._typed)

    def keep_settings(self, options: argparse.Namespace) -> None:
        """Keep what the settings have said of which files are read."""
        if self._settings is not None:
            self.cache.put(self._key, {name: getattr(options, name) for name in ("exclude", *_TOLD)})

    @property
    def _key(self) -> str:
        return digest(b"settings", *self._parts)

    def memory(
        self, options: argparse.Namespace, wanted: Sequence[Report], contents: "Contents"
    ) -> Memory | None:
        """Give the memory of a run, now that its files are found; None if it cannot be kept."""
        from meshlint.source.discovery import STDIN
        from meshlint.source.input import find_contents

        context = find_contents(options.context, options.exclude)
        everything = [*contents.files, *context.files]
        if contents.unread or context.unread or any(found.path == STDIN for found, _ in everything):
            return None
        found = contents.discovery.directories, context.discovery.directories, len(contents.files)
        looks = [(wants_color(it, options), wants_links(it, options)) for it in wanted]
        parts = [*self._parts, repr((found, looks)).encode("utf-8", "surrogateescape")]
        if options.baseline is not None:
            parts.append(_digest_of(options.baseline).encode())
        for file, content in everything:
            parts += [f"{file.path}\0{file.real}".encode("utf-8", "surrogateescape"), content]
        return Memory(self.cache, digest(*parts), options.baseline)


def _of_the_program() -> Iterator[bytes]:
    """What is installed: the code, that of plugins included, and the programs that render."""
    from meshlint.checking.plugins import plugin_packages
    from meshlint.source.renderer import find_program, stamp

    yield f"meshlint {__version__} {sys.version} {sys.platform}".encode()
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


def _digest_of(path: str) -> str:
    """What stands for the bytes of a file; empty if there is none."""
    try:
        with open(path, "rb") as file:
            return digest(file.read())
    except OSError:
        return ""
