"""`meshlint explain`: the page of a check, with the manifests that are tested."""

import argparse
from typing import Any

NAME = "explain"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="explain a check", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("check", metavar="CHECK", help="the id of a check")


def run(options: argparse.Namespace) -> int:
    """Print the page."""
    from meshlint.checking.catalog import load_catalog
    from meshlint.checking.page import render_page
    from meshlint.checking.run import CHECK_CRASHED

    known = options.check == CHECK_CRASHED.id
    check = CHECK_CRASHED if known else load_catalog().find(options.check)
    print(render_page(check), end="")
    return 0
