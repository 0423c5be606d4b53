"""`meshlint clean`: forget what earlier runs came to."""

import argparse
from typing import Any

from meshlint.cli.options import write

NAME = "clean"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="remove the cache", description=__doc__)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - it has none
    """Remove the entries of the cache, and say how much that was."""
    from meshlint.cache import Cache, cache_directory

    directory = cache_directory()
    freed = Cache(directory).clean()
    write(f"Removed {freed / 1_000_000:.1f} MB from {directory}\n" if freed else f"Nothing in {directory}\n")
    return 0
