"""Which files to read: the paths that a user names, walked with care."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO

from meshlint.errors import UsageError
from meshlint.named import NamedTuple
from meshlint.source.document import Location, Unread, UnreadReason
from meshlint.source.patterns import Patterns, PatternsFrom
from meshlint.source.text import SourceFile

STDIN = "<stdin>"
"""The path that standard input is shown with."""

CHART_FILE = "Chart.yaml"
"""The file that makes a directory a chart of Helm."""

LARGEST_FILE = 256 * 1024 * 1024
"""How many bytes of a file are read at most."""

_SUFFIXES = (".yaml", ".yml", ".json")
_KUSTOMIZATION_WITHOUT_SUFFIX = "Kustomization"
_SKIPPED_DIRECTORIES = frozenset({"node_modules", "__pycache__"})
_LARGEST_GITIGNORE = 1024 * 1024
_GIT_TIMEOUT_SECONDS = 30


class FoundFile(NamedTuple):
    """
    A file to be read.

    `path` is how users are shown it, `real` where it is, symlinks resolved. `directory` is the
    directory argument under which it was found, as shown; None for a file that was named itself.
    """

    path: str
    real: str
    directory: str | None = None
    content: bytes | None = None

    def read(self) -> bytes | Unread:
        """Read the whole file; say why if that cannot be done."""
        if self.content is None:
            return _read(self)
        return self.content if len(self.content) <= LARGEST_FILE else _too_large(self.path)


class Discovery(NamedTuple):
    """
    The files to be read, in a fixed order, and what was found but cannot be read.

    `directories` are the directories that were walked, as shown, with their real paths; `links` are the links
    that were met on the way, with the paths that they lead to.
    """

    files: tuple[FoundFile, ...]
    unread: tuple[Unread, ...] = ()
    directories: Mapping[str, str] = MappingProxyType({})
    links: Mapping[str, str] = MappingProxyType({})


def discover(
    paths: Sequence[str],
    *,
    exclude: Sequence[str | PatternsFrom] = (),
    leave_out: Sequence[str] = (),
    stdin: BinaryIO | None = None,
) -> Discovery:
    """
    Find the files that some paths stand for.

    A file is taken whatever its suffix, a directory is walked, `-` is standard input. `exclude`
    holds patterns as in a `.gitignore` in the working directory, or of another one; files named themselves
    are taken all the same. What lies in a path of `leave_out` is not taken, unless one of `paths` leads
    further in. A path that is not there raises `UsageError`.
    """
    for path in paths:
        if path != "-" and not os.path.exists(path):
            raise UsageError(_no_such_path(path))
    walk = _Walk(paths, exclude, leave_out)
    walk.take_directories()
    walk.take_links()
    walk.take_files()
    if "-" in paths:
        if stdin is None:
            raise UsageError("standard input is not available for '-'")
        walk.files.append(FoundFile(STDIN, STDIN, content=_read_stdin(stdin)))
    return Discovery(
        files=tuple(sorted(walk.files, key=lambda found: found.path)),
        unread=tuple(sorted(walk.unread, key=lambda unread: unread.at.file.path)),
        directories=walk.directories,
        links=walk.met,
    )


def git_root(directory: str) -> str:
    """The top of the repository that a directory is in; the directory itself if it is in none."""
    top = directory
    while not os.path.lexists(os.path.join(top, ".git")):
        parent = os.path.dirname(top)
        if parent == top:
            return directory
        top = parent
    return top


def chart_above(directory: str) -> str | None:
    """The directory of the chart whose `templates/` a directory is, or is in; None if it is in none."""
    while True:
        parent, name = os.path.split(directory)
        if name == "templates" and os.path.isfile(os.path.join(parent, CHART_FILE)):
            return parent
        if parent == directory:
            return None
        directory = parent


def _read_stdin(stdin: BinaryIO) -> bytes:
    try:
        return stdin.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {_reason(error)}") from None


def _no_such_path(path: str) -> str:
    if os.path.islink(path):
        return _broken_link(path)
    nearest = _nearest_path(path)
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return f"no such path: {path!r}{hint}"


def _broken_link(path: str) -> str:
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{path!r} is a link that leads back to itself"
    return f"{path!r} is a link to {os.readlink(path)!r}, which is not there"


def _nearest_path(path: str) -> str | None:
    import difflib

    head, name = os.path.split(path.rstrip("/"))
    if not name:
        return None
    parent = head if not head or os.path.isdir(head) else _nearest_path(head)
    if parent is None:
        return None
    if os.path.exists(os.path.join(parent, name)):
        return os.path.join(parent, name)
    try:
        similar = difflib.get_close_matches(name, sorted(os.listdir(parent or ".")), n=1)
    except OSError:
        return None
    return os.path.join(parent, similar[0]) if similar else None


class _IgnoreFile(NamedTuple):
    base: str
    patterns: Patterns

    def verdict(self, path: str) -> bool | None:
        """True for ignored, False for taken back in, None if no pattern speaks of the path."""
        prefix = self.base.rstrip(os.sep) + os.sep
        if not path.startswith(prefix):
            return None
        return self.patterns.verdict(path[len(prefix) :].replace(os.sep, "/"))


class _Entry(NamedTuple):
    """A directory or link on the way: where it was met, where it really is, how it is shown."""

    path: str
    real: str
    shown: str
    argument: str
    ignores: tuple[_IgnoreFile, ...]

    def child(self, name: str) -> "_Entry":
        shown = name if self.shown == "." else f"{self.shown.rstrip('/')}/{name}"
        path, real = os.path.join(self.path, name), os.path.join(self.real, name)
        return _Entry(path, real, _printable(shown), self.argument, self.ignores)


class _Walk:
    """One search: what was found, and what was seen already."""

    def __init__(
        self, paths: Sequence[str], exclude: Sequence[str | PatternsFrom], leave_out: Sequence[str]
    ) -> None:
        self.files: list[FoundFile] = []
        self.unread: list[Unread] = []
        self.directories: dict[str, str] = {}
        self._cwd = os.getcwd()
        named = sorted({path for path in paths if path != "-"})
        self._named_files = [path for path in named if not os.path.isdir(path)]
        # Parents come before what they hold, so that a directory within another is met once.
        self._named_directories = sorted(
            (path for path in named if os.path.isdir(path)), key=os.path.realpath
        )
        self._roots = frozenset(map(os.path.realpath, self._named_directories))
        self._left_out = frozenset(os.path.realpath(path) for path in leave_out if path != "-")
        self._given = frozenset(os.path.realpath(path) for path in named) - self._left_out
        self._exclude = self._excluding(exclude)
        self.met: dict[str, str] = {}
        self._links: list[_Entry] = []
        self._seen: set[str] = set()

    def take_directories(self) -> None:
        for path in self._named_directories:
            real = os.path.realpath(path)
            if real in self._seen:
                continue
            shown = self._shown(path)
            self.directories[shown] = real
            root = _Entry(real, real, shown, shown, (*self._exclude, *_ignores_above(real)))
            tracked = _tracked_files(real) if os.environ.get("PRE_COMMIT") == "1" else None
            if tracked is None:
                self._walk(root)
            else:
                self._take_tracked(root, tracked)

    def take_links(self) -> None:
        """Follow what stays within the given paths; all else was met before, so no loop lasts."""
        while self._links:
            links = sorted(self._links, key=lambda link: link.path)
            self._links = []
            for link in links:
                if self._leaves(link.real):
                    continue
                if os.path.isdir(link.real):
                    if not _is_skipped(os.path.basename(link.path)):
                        self._walk(link)
                elif _is_wanted(link.path):
                    self._take(link.shown, link.real, link.argument)

    def take_files(self) -> None:
        for path in self._named_files:
            self._take(self._shown(path), os.path.realpath(path), None)

    def _walk(self, root: _Entry) -> None:
        pending = [root]
        while pending:
            directory = pending.pop()
            if directory.real in self._seen or self._is_left_out(directory.real):
                continue
            try:
                with os.scandir(directory.path) as entries:
                    found = {entry.name: entry for entry in entries}
            except OSError as error:
                self._report(directory.shown, error)
                continue
            if "pyvenv.cfg" in found and directory is not root:
                continue
            self._seen.add(directory.real)
            if ".gitignore" in found:
                directory = _with_ignore_file(directory)
            pending.extend(self._take_entries(directory, found))

    def _take_entries(self, directory: _Entry, found: dict[str, os.DirEntry[str]]) -> Iterator[_Entry]:
        for name, entry in found.items():
            is_link = entry.is_symlink()
            is_directory = not is_link and entry.is_dir(follow_symlinks=False)
            if is_directory and _is_skipped(name):
                continue
            if not is_directory and not is_link and not _is_wanted(name):
                continue
            child = directory.child(name)
            if _is_ignored(child, is_directory=is_directory):
                continue
            if is_link:
                self._meet_link(child)
            elif is_directory:
                yield child
            else:
                self._take(child.shown, child.real, child.argument)

    def _take_tracked(self, root: _Entry, tracked: Iterable[str]) -> None:
        self._seen.add(root.real)
        for relative in tracked:
            *directories, name = relative.split("/")
            if any(map(_is_skipped, directories)):
                continue
            child = root.child(relative)
            if _is_ignored(child, is_directory=False, ignores=self._exclude):
                continue
            if os.path.islink(child.path):
                # What a linked directory holds is tracked at its own place, or not at all.
                if not os.path.isdir(child.path):
                    self._meet_link(child)
            elif _is_wanted(name) and os.path.lexists(child.path):
                self._take(child.shown, os.path.realpath(child.path), child.argument)

    def _meet_link(self, link: _Entry) -> None:
        real = self.met[link.path] = os.path.realpath(link.path)
        self._links.append(_Entry(link.path, real, link.shown, link.argument, link.ignores))

    def _take(self, shown: str, real: str, argument: str | None) -> None:
        is_walked = argument is not None
        if real in self._seen or self._is_left_out(real) or (is_walked and self._leaves(real)):
            return
        self._seen.add(real)
        try:
            mode = os.stat(real).st_mode
        except OSError as error:
            # Editors lock a file by a link to nothing beside it.
            if not (is_walked and error.errno in (errno.ENOENT, errno.ELOOP)):
                self._report(shown, error)
            return
        if stat.S_ISREG(mode):
            self.files.append(FoundFile(shown, real, argument))
        elif not is_walked:
            self.unread.append(_unreadable(shown, "not a regular file"))

    def _is_left_out(self, real: str) -> bool:
        """Whether a path to be left out is the nearest of all the paths that a place lies in."""
        while self._left_out and real not in self._given:
            parent = os.path.dirname(real)
            if real in self._left_out or parent == real:
                return real in self._left_out
            real = parent
        return False

    def _leaves(self, real: str) -> bool:
        """Whether a path is outside of all directories that were given."""
        while real not in self._roots:
            parent = os.path.dirname(real)
            if parent == real:
                return True
            real = parent
        return False

    def _report(self, shown: str, error: OSError) -> None:
        self.unread.append(_unreadable(shown, _reason(error)))

    def _shown(self, path: str) -> str:
        absolute = os.path.abspath(path)
        if absolute == self._cwd:
            return "."
        below = self._cwd.rstrip(os.sep) + os.sep
        shown = absolute[len(below) :] if absolute.startswith(below) else os.path.normpath(path)
        return _printable(re.sub("^//+", "/", shown.replace(os.sep, "/")))

    def _excluding(self, patterns: Sequence[str | PatternsFrom]) -> tuple[_IgnoreFile, ...]:
        here = tuple(pattern for pattern in patterns if isinstance(pattern, str))
        others = [each for each in patterns if isinstance(each, PatternsFrom)]
        return tuple(
            _IgnoreFile(os.path.realpath(directory), Patterns(lines))
            for directory, lines in (PatternsFrom(self._cwd, here), *others)
            if lines
        )


def _is_skipped(directory: str) -> bool:
    return directory.startswith(".") or directory in _SKIPPED_DIRECTORIES


def _is_wanted(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) or os.path.basename(name) == _KUSTOMIZATION_WITHOUT_SUFFIX


def _is_ignored(entry: _Entry, *, is_directory: bool, ignores: tuple[_IgnoreFile, ...] | None = None) -> bool:
    path = entry.path + os.sep if is_directory else entry.path
    for ignore in reversed(entry.ignores if ignores is None else ignores):
        verdict = ignore.verdict(path)
        if verdict is not None:
            return verdict
    return False


def _ignores_above(real: str) -> tuple[_IgnoreFile, ...]:
    """The ignore files of the parents, up to the top of the repository; none if there is none."""
    found: list[_IgnoreFile] = []
    directory = real
    while not os.path.lexists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return ()
        directory = parent
        ignore = _ignore_file(directory)
        if ignore is not None:
            found.append(ignore)
    ignores = tuple(reversed(found))
    # A directory that is ignored as a whole and named all the same is meant to be read.
    root = _Entry(real, real, "", "", ignores)
    return () if _is_ignored(root, is_directory=True) else ignores


def _with_ignore_file(directory: _Entry) -> _Entry:
    ignore = _ignore_file(directory.path)
    if ignore is None:
        return directory
    ignores = (*directory.ignores, ignore)
    return _Entry(directory.path, directory.real, directory.shown, directory.argument, ignores)


def _ignore_file(directory: str) -> _IgnoreFile | None:
    path = os.path.join(directory, ".gitignore")
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_GITIGNORE:
            return None
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    return _IgnoreFile(directory, Patterns(lines))


def _tracked_files(real: str) -> list[str] | None:
    """Paths below a directory that git tracks; None if git is of no help."""
    import subprocess

    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    command += ["ls-files", "-z", "--", real]
    environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        listed = subprocess.run(  # noqa: S603 - fixed words and a path, no shell
            command, env=environment, capture_output=True, timeout=_GIT_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    paths = sorted(set(os.fsdecode(listed.stdout).split("\0")) - {""})
    return [os.path.relpath(path, real).replace(os.sep, "/") for path in paths]


def _read(found: FoundFile) -> bytes | Unread:
    # Should the file have become a FIFO since it was found, opening must not wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(found.real, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return _unreadable(found.path, "not a regular file")
            if status.st_size > LARGEST_FILE:
                return _too_large(found.path)
            return file.read(LARGEST_FILE)
    except OSError as error:
        return _unreadable(found.path, _reason(error))


def _too_large(shown: str) -> Unread:
    limit = LARGEST_FILE // (1024 * 1024)
    return _unread(shown, UnreadReason.LIMIT, f"larger than {limit} MiB")


def _unreadable(shown: str, why: str) -> Unread:
    return _unread(shown, UnreadReason.UNREADABLE, f"cannot be read: {why}")


def _unread(shown: str, reason: UnreadReason, message: str) -> Unread:
    return Unread(reason, message, Location(SourceFile(shown, ""), 0, 0))


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _printable(path: str) -> str:
    """A path without the lone surrogates that stand for bytes which are no UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
