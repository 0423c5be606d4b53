"""The command line: one module a subcommand, options in, exit code out."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from meshlint import __version__
from meshlint.cli import check, checks, explain, new_check
from meshlint.errors import MeshlintError

EXIT_USAGE = 2
_VERBS = (check, explain, checks, new_check)


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """
    Run the command line; the exit code is returned.

    A closed pipe and Ctrl-C end it as they end other programs: quietly.
    """
    try:
        options = _parser().parse_args(arguments)
        code: int = options.run(options)
        sys.stdout.flush()
    except MeshlintError as error:
        print(f"meshlint: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go; Python would say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="meshlint",
        description="Tells you, before you apply, what Istio's ambient mesh will make of your manifests.",
    )
    parser.add_argument("--version", action="version", version=f"meshlint {__version__}")
    # Without `prog`, argparse formats a usage to find it, which imports a lot.
    verbs = parser.add_subparsers(prog="meshlint", required=True, metavar="COMMAND", parser_class=_Parser)
    for verb in _VERBS:
        verb.add_parser(verbs)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest valid word."""

    def error(self, message: str) -> NoReturn:
        from meshlint.model.spelling import nearest

        words = message.rpartition(": ")[2].replace("'", "").split()
        known = [*self._option_string_actions, *(name for verb in _VERBS for name in [verb.NAME])]
        hint = next((near for word in words[:1] if (near := nearest(word.partition("=")[0], known, 3))), None)
        suffix = f"; did you mean {hint!r}?" if hint and hint not in words else ""
        print(f"meshlint: {message}{suffix}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
