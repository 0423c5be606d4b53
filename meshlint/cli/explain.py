"""`meshlint explain`: the page of a check, with the manifests that are tested."""

import argparse
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import write

if TYPE_CHECKING:
    from meshlint.checking.catalog import Check

NAME = "explain"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="explain a check", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("check", metavar="CHECK", help="the id of a check, or a family")


def run(options: argparse.Namespace) -> int:
    """Print the page of a check, or the checks of a family."""
    from meshlint.checking.catalog import load_catalog
    from meshlint.checking.page import render_page
    from meshlint.checking.run import CHECK_CRASHED

    if options.check == CHECK_CRASHED.id:
        write(render_page(CHECK_CRASHED))
        return 0
    catalog = load_catalog()
    family = [check for check in catalog.checks if check.family == options.check]
    write(_family(options.check, family) if family else render_page(catalog.find(options.check)))
    return 0


def _family(name: str, checks: "list[Check]") -> str:
    lines = "".join(f"  {check.id:<30} {check.page.title}\n" for check in checks)
    return f"`{name}` is a family of checks; `meshlint explain CHECK` explains one:\n\n{lines}"
