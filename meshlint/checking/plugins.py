"""Which plugins are installed, told without loading any of them."""

import os
import sys
from collections.abc import Iterator

ENTRY_POINT_GROUP = "meshlint.checks"


def plugin_packages() -> list[str]:
    """
    The packages that installed distributions name in the entry-point group, sorted.

    Reads `entry_points.txt` itself: importing importlib.metadata costs more than a whole run
    on a small set.
    """
    packages = {package for text in _entry_point_files() for package in _entries(text)}
    if not packages:
        from importlib.metadata import entry_points

        packages = {entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return sorted(packages)


def installed() -> list[str]:
    """The distributions that are installed, with their versions, as directories are called after them."""
    return [os.path.basename(path) for path in _distributions()]


def _entry_point_files() -> Iterator[str]:
    for path in _distributions():
        try:
            with open(os.path.join(path, "entry_points.txt"), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if ENTRY_POINT_GROUP in text:
            yield text


def _distributions() -> Iterator[str]:
    here = os.path.realpath(os.curdir)
    for directory in sys.path:
        # The working directory may be a repository that somebody else wrote.
        if not os.path.isdir(directory) or os.path.realpath(directory) == here:
            continue
        with os.scandir(directory) as entries:
            yield from sorted(entry.path for entry in entries if entry.name.endswith(".dist-info"))


def _entries(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == f"[{ENTRY_POINT_GROUP}]" and "=" in stripped:
            yield stripped.partition("=")[2].strip()
