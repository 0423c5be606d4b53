"""`meshlint sets`: which manifests are taken to be one cluster's, and why."""

import argparse
from typing import Any

from meshlint.cli.options import (
    add_input_options,
    add_output_options,
    fill_in,
    lint_options,
    reports,
    wants_color,
    write,
)

NAME = "sets"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="say which manifests belong together, and why", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and directories (default: .); '-' is standard input"
    )
    add_input_options(parser)
    add_output_options(parser, ("text", "json"))


def run(options: argparse.Namespace) -> int:
    """Say what was decided, and answer with exit code 0."""
    from meshlint.lint import decided_sets
    from meshlint.source.kustomize import building_program

    fill_in(options)
    wanted = reports(options)
    decided = decided_sets(lint_options(options))
    program = building_program() if options.render else None
    for report in wanted:
        if report.format == "json":
            from meshlint.report.sets_json import render as render_json

            text = render_json(decided, program)
        else:
            from meshlint.report.sets_text import render as render_text

            text = render_text(decided, program, color=wants_color(report, options))
        write(text, report.output)
    return 0
