"""Runs that need not be made again: the same command on the same bytes says the same."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from meshlint import __version__
from meshlint.cache import Cache, cache_directory, digest
from meshlint.cli.options import Outcome, Report, repository, wants_color, wants_links

if TYPE_CHECKING:
    from meshlint.source.input import Contents, Input

_PROGRAMS = ("kustomize", "kubectl", "helm")


class Memory:
    """What was kept of a run like this one, and what is to be kept of it."""

    def __init__(self, cache: Cache, key: str, baseline: str | None) -> None:
        self.cache = cache
        self._key = key
        self._baseline = baseline

    def recall(self) -> Outcome | None:
        """Give what such a run came to, if that is known and still holds."""
        known = self.cache.get(self._key)
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
            self.cache.put(self._key, {**outcome._asdict(), "inputs": inputs})
        self.cache.trim()

    def _accepted_in(self) -> Iterator[str]:
        """The files that the baseline is about: an entry is gone with its file."""
        if self._baseline is not None:
            from meshlint.checking.baseline import read_baseline

            home = os.path.dirname(self._baseline)
            for entry in read_baseline(self._baseline).counts:
                yield os.path.realpath(os.path.join(home, entry.path))


def memory(options: argparse.Namespace, wanted: Sequence[Report], contents: "Contents") -> Memory | None:
    """The memory of a run; None if it cannot be kept."""
    from meshlint.source.discovery import STDIN

    context = _context(options)
    everything = [*contents.files, *context.files]
    if contents.unread or context.unread or any(found.path == STDIN for found, _ in everything):
        return None
    parts = [
        *_of_the_program(),
        *_of_the_command(options, wanted),
        repr((contents.discovery.directories, context.discovery.directories, len(contents.files))).encode(),
    ]
    for found, content in everything:
        parts += [f"{found.path}\0{found.real}".encode("utf-8", "surrogateescape"), content]
    return Memory(Cache(cache_directory()), digest(*parts), options.baseline)


def _context(options: argparse.Namespace) -> "Contents":
    from meshlint.source.input import find_contents

    return find_contents(options.context, options.exclude)


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


def _of_the_command(options: argparse.Namespace, wanted: Iterable[Report]) -> Iterator[bytes]:
    """What was typed, what the settings say, where and when."""
    said: dict[str, Any] = {
        name: value
        for name, value in vars(options).items()
        if name not in {"run", "settings", "sets", "values_files"}
    }
    yield repr(sorted(said.items())).encode("utf-8", "surrogateescape")
    yield repr([(wants_color(it, options), wants_links(it, options)) for it in wanted]).encode()
    yield f"{os.getcwd()}\0{repository()}".encode("utf-8", "surrogateescape")
    # Suppressions hold until a day.
    yield time.strftime("%Y-%m-%d").encode()
    if options.settings is not None:
        yield f"{options.settings.file.path}\0{options.settings.file.text}".encode("utf-8", "surrogatepass")
    if options.baseline is not None:
        yield _digest_of(options.baseline).encode()


def _digest_of(path: str) -> str:
    """What stands for the bytes of a file; empty if there is none."""
    try:
        with open(path, "rb") as file:
            return digest(file.read())
    except OSError:
        return ""
