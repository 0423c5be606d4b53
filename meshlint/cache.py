"""
What earlier runs came to, kept in a directory of the user's.

An entry is a file that is named by what it depends on. Nothing of it is run, and it has to be whole, JSON,
and in a directory that is the user's own: the digest tells a broken entry, and is no signature. Whatever is
wrong with the directory or an entry, the answer is that there is none.
"""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meshlint.named import NamedTuple

MOST_BYTES = 256 * 1024 * 1024
"""How much is kept; the entries that were used longest ago go first."""

MOST_ENTRIES = 2_000
"""How many entries are kept."""

LARGEST_ENTRY = 64 * 1024 * 1024
"""How many bytes an entry has at most."""

# With the version of what stands in entries.
_PREFIX = "entry-1-"
_DIGEST_LENGTH = 64
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache of meshlint.\n"


class Cache:
    """The entries of a directory, which is made when the first one is put there."""

    def __init__(self, directory: str) -> None:
        self.directory: Final = directory
        self._has_grown = False

    def get(self, key: str) -> dict[str, Any] | None:
        """Give what was put under a key; None if nothing was, or it cannot be trusted."""
        import json

        raw = self._bytes(key)
        if raw is None:
            return None
        if raw[:_DIGEST_LENGTH] == digest(raw[_DIGEST_LENGTH:]).encode():
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(raw[_DIGEST_LENGTH:])
                if isinstance(value, dict):
                    self._is_used(key)
                    return value
        with contextlib.suppress(OSError):
            os.unlink(self._path(key))
        return None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep something under a key, or do not: where it cannot be kept, that is no fault of the run."""
        import json

        body = json.dumps(value).encode()
        self._write(key, [digest(body).encode(), body])

    def get_part(self, key: str, start: int, size: int) -> bytes | None:
        """Give a part of the bytes that were put under a key, whatever they are; None if it is not there."""
        part = self._bytes(key, start, size)
        if part is None or len(part) != size:
            return None
        self._is_used(key)
        return part

    def put_bytes(self, key: str, parts: Sequence[bytes]) -> None:
        """Keep bytes under a key, or do not. Who asks for them has to know their digest."""
        self._write(key, parts)

    def _write(self, key: str, parts: Sequence[bytes]) -> None:
        if sum(map(len, parts)) > LARGEST_ENTRY + _DIGEST_LENGTH:
            return
        with contextlib.suppress(OSError):
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            if not self._is_ours():
                return
            self._tag()
            # Whoever reads at the same time sees all of it or nothing.
            temporary = os.path.join(self.directory, f"new-{os.getpid()}-{time.monotonic_ns()}")
            try:
                with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.writelines(parts)
                os.replace(temporary, self._path(key))
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            self._has_grown = True

    def trim(self) -> None:
        """Let go of what is too much, if anything was put here."""
        entries = sorted(self._entries(), reverse=True) if self._has_grown else []
        kept = 0
        for number, entry in enumerate(entries):
            kept += entry.size
            if number >= MOST_ENTRIES or kept > MOST_BYTES:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)

    def clean(self) -> int:
        """Remove all entries, and give back how many bytes they had. Files of others stay."""
        freed = 0
        if self._is_ours():
            for entry in self._entries():
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    freed += entry.size
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.directory, _TAG))
            with contextlib.suppress(OSError):
                os.rmdir(self.directory)
        return freed

    def _bytes(self, key: str, start: int = 0, size: int = -1) -> bytes | None:
        return _read(self._path(key), start, size) if self._is_ours() else None

    def _is_used(self, key: str) -> None:
        """Note that an entry was used now."""
        with contextlib.suppress(OSError):
            os.utime(self._path(key))

    def _path(self, key: str) -> str:
        return os.path.join(self.directory, _PREFIX + key)

    def _tag(self) -> None:
        """Say what the directory is, to those who make backups."""
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(
                os.open(os.path.join(self.directory, _TAG), flags, 0o600), "w", encoding="ascii"
            ) as file:
                file.write(_TAG_TEXT)

    def _is_ours(self) -> bool:
        """Whether nobody else can put entries there."""
        try:
            status = os.lstat(self.directory)
        except OSError:
            return False
        if sys.platform == "win32":
            return stat.S_ISDIR(status.st_mode)
        is_closed = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and is_closed

    def _entries(self) -> "Iterator[_Entry]":
        """The entries, and what runs that were cut off have left."""
        with contextlib.suppress(OSError), os.scandir(self.directory) as found:
            for file in found:
                if file.name.startswith(("entry-", "new-")):
                    with contextlib.suppress(OSError):
                        status = file.stat(follow_symlinks=False)
                        yield _Entry(status.st_mtime, status.st_size, file.path)


class _Entry(NamedTuple):
    used: float
    size: int
    path: str


def cache_directory() -> str:
    """The directory of the cache: `MESHLINT_CACHE_DIR`, else where the system has such; empty if nowhere."""
    given = os.environ.get("MESHLINT_CACHE_DIR")
    if given:
        return os.path.abspath(given)
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    elif sys.platform == "darwin":
        home = os.path.expanduser("~/Library/Caches")
    else:
        said = os.environ.get("XDG_CACHE_HOME", "")
        home = said if os.path.isabs(said) else os.path.expanduser("~/.cache")
    return os.path.join(home, "meshlint") if os.path.isabs(home) else ""


def digest(*parts: bytes) -> str:
    """What stands for some bytes: nobody finds others with the same."""
    try:
        # hashlib has the same, and loads OpenSSL: a tenth of a run that was made before.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

    whole = blake2b(digest_size=_DIGEST_LENGTH // 2)
    for part in parts:
        # With their lengths, so that `ab`, `c` is not `a`, `bc`.
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


def state_of(path: str) -> str | None:
    """
    What stands for what is at a path, and for where links lead; empty if nothing is there.

    None if it cannot be told: it is neither a directory nor a regular file of some size.
    """
    try:
        status = os.stat(path)
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return ""
    if stat.S_ISDIR(status.st_mode):
        return f"directory {real}"
    content = _read(real)
    return None if content is None else f"{digest(content)} {real}"


def _read(path: str, start: int = 0, size: int = -1) -> bytes | None:
    """The bytes of a file, or some; None if it is a link, no regular file, or larger than any entry."""
    wanted = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    flags = os.O_RDONLY | sum(wanted)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_ENTRY + _DIGEST_LENGTH:
                return None
            file.seek(start)
            return file.read(size)
    except (OSError, OverflowError, ValueError):
        return None
