"""`meshlint checks`: the catalogue."""

import argparse
from typing import Any

from meshlint.cli.options import write

NAME = "checks"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="list all checks", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("words", nargs="*", metavar="WORD", help="a check, a family, or impact:exposure")


def run(options: argparse.Namespace) -> int:
    """Print one line a check: id, severity, impact, title."""
    from meshlint.checking.catalog import load_catalog

    lines: list[str] = []
    family = ""
    for check in sorted(load_catalog().select(options.words), key=lambda check: (check.family, check.id)):
        if check.family != family:
            family = check.family
            lines.append(f"{family}:\n")
        level = f"{check.severity.value}, {check.impact.value}"
        lines.append(f"  {check.id:<30} {level:<22} {check.page.title}\n")
    write("".join(lines))
    return 0
