"""Paths for readers elsewhere: relative to the root of the repository."""

import os
from pathlib import Path


def rooted_path(path: str, root: Path | None) -> str:
    """A path as shown, relative to a root if the file is below it; with `/` everywhere."""
    if root is None:
        return path
    relative = os.path.relpath(os.path.abspath(path), root)
    return path if relative.startswith("..") else relative.replace(os.sep, "/")
