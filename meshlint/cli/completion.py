"""`meshlint completion`: what a shell needs to complete the command line."""

import argparse
from collections.abc import Iterator
from typing import Any

from meshlint.cli.options import write

NAME = "completion"
_SHELLS = ("bash", "zsh", "fish")


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="print the completion script of a shell", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=f"one of {', '.join(_SHELLS)}")


def run(options: argparse.Namespace) -> int:
    """Print the script; the checks that are installed now are among its words."""
    import shtab

    from meshlint.cli import command_line

    parser = command_line()
    # zsh takes a colon for the end of a list of words, and shtab leaves it as it is.
    colon = r"\:" if options.shell == "zsh" else ":"
    for action in _actions(parser):
        _say_what_fits(action, colon)
    write(f"{shtab.complete(parser, shell=options.shell).rstrip()}\n")
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What can be said to a parser and to those of its subcommands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask, nor has shtab
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for subparser in action.choices.values():
                yield from _actions(subparser)


def _say_what_fits(action: argparse.Action, colon: str) -> None:
    """Give an action what its placeholder stands for, in shtab's terms."""
    import shtab

    match action.metavar:
        case "PATH" | "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined] # shtab asks for this attribute
        case "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined] # the same
        case "CHECK":
            action.choices = _checks()
        case "WORD":
            action.choices = _words(colon)


def _checks() -> list[str]:
    from meshlint.checking.catalog import load_catalog

    return [check.id for check in load_catalog().checks]


def _words(colon: str) -> list[str]:
    """All that `--select` understands."""
    from meshlint.checking.catalog import load_catalog
    from meshlint.checking.vocabulary import Impact

    families = sorted({check.family for check in load_catalog().checks})
    return [*families, *(f"impact{colon}{impact.value}" for impact in Impact), *_checks()]
