"""The command line: one module a subcommand, options in, exit code out."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from meshlint import __version__
from meshlint.cli.options import say
from meshlint.errors import MeshlintError

EXIT_USAGE = 2
_VERBS = (
    *("check", "baseline", "describe", "sets", "explain", "checks", "config", "new-check", "completion"),
    "clean",
)


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # What a run makes is kept until it ends: there is no garbage to look for.
    gc.disable()
    code = run(sys.argv[1:])
    if sys.stderr is not None:
        sys.stderr.flush()
    # All is written; to take half a million objects apart one by one would help nobody.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """
    Run the command line; the exit code is returned.

    A closed pipe and Ctrl-C end it as they end other programs: quietly.
    """
    try:
        options = command_line(_needed(arguments)).parse_args(arguments)
        code: int = options.run(options)
    except MeshlintError as error:
        say(str(error))
        return EXIT_USAGE
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go; Python would say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    return code


def command_line(verbs: Sequence[str] = _VERBS) -> argparse.ArgumentParser:
    """The parser of all that can be typed, or of some subcommands."""
    parser = _Parser(
        prog="meshlint",
        description="Tells you, before you apply, what Istio's ambient mesh will make of your manifests.",
    )
    parser.add_argument("--version", action="version", version=f"meshlint {__version__}")
    # Without `prog`, argparse formats a usage to find it, which imports a lot.
    parsers = parser.add_subparsers(prog="meshlint", required=True, metavar="COMMAND", parser_class=_Parser)
    for verb in verbs:
        import_module(f"meshlint.cli.{verb.replace('-', '_')}").add_parser(parsers)
    return parser


def _needed(arguments: Sequence[str]) -> Sequence[str]:
    """The subcommands that have to be known to understand some arguments."""
    first = arguments[0] if arguments else ""
    if first == "--version":
        return ()
    return (first,) if first in _VERBS else _VERBS


class _Formatter(argparse.HelpFormatter):
    """Knows the width of the terminal without `shutil`, which argparse loads for it at each option."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:
            columns = 80
        super().__init__(prog, width=max(columns, 40) - 2)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest valid word."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**{"formatter_class": _Formatter, **options})

    def error(self, message: str) -> NoReturn:
        from meshlint.model.spelling import nearest

        wrong = _wrong_word(message)
        hint = nearest(wrong, self.words(), limit=3)
        suffix = f"; did you mean {hint!r}?" if hint and hint != wrong else ""
        say(f"{message.partition(' (choose from')[0]}{suffix}")
        sys.exit(EXIT_USAGE)

    def words(self) -> list[str]:
        """All words that could have been meant: options, commands, values, those of commands too."""
        words = list(self._option_string_actions)
        for action in self._actions:
            words.extend(str(choice) for choice in action.choices or ())
            if isinstance(action.choices, dict):
                words.extend(word for parser in action.choices.values() for word in parser.words())
        return words


def _wrong_word(message: str) -> str:
    """The word that argparse complains of."""
    quoted = message.partition("invalid choice: ")[2].partition(" (")[0]
    words = (quoted or message.rpartition(": ")[2]).replace("'", "").split()
    return words[0].partition("=")[0] if words else ""
