"""`meshlint baseline`: accept what is found today, so that only what is new is reported."""

import argparse
import os
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import add_choice_options, add_input_options, check_options, fill_in, say, write

if TYPE_CHECKING:
    from meshlint.checking.baseline import Baseline
    from meshlint.checking.result import LintResult

NAME = "baseline"
DEFAULT = "meshlint-baseline.json"


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="accept what is found today", description=__doc__)
    parser.set_defaults(run=run, baseline=None)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and directories (default: .)")
    add_input_options(parser)
    add_choice_options(parser)
    parser.add_argument(
        "--output", metavar="FILE", help=f"where to write it (default: that of the settings, or {DEFAULT})"
    )
    parser.add_argument(
        "--prune", action="store_true", help="only take out what is gone, and accept nothing new"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")


def run(options: argparse.Namespace) -> int:
    """Lint, and write the baseline; 3 if a check failed."""
    from meshlint.checking.baseline import written
    from meshlint.lint import lint
    from meshlint.report.wording import baseline_written

    fill_in(options)
    path = options.output or options.baseline or DEFAULT
    old = _old(path, must_be_there=options.prune)
    asked = check_options(options)
    result = lint(asked._replace(policy=asked.policy._replace(baseline=old)))
    new = _new(old, result, path, prune=options.prune)
    write(written(new), path)
    for message in result.crashed:
        say(message)
    if not options.quiet:
        gone = sum(result.gone.values())
        say(baseline_written(path, new.total, new.total - old.total + gone, gone))
    return 3 if result.crashed else 0


def _old(path: str, *, must_be_there: bool) -> "Baseline":
    """The baseline that is there, an empty one if there is none. What is no baseline is not replaced."""
    from meshlint.checking.baseline import Baseline, read_baseline

    return read_baseline(path) if must_be_there or os.path.lexists(path) else Baseline(path, {})


def _new(old: "Baseline", result: "LintResult", path: str, *, prune: bool) -> "Baseline":
    """
    The baseline without what is gone, and with what is new unless it is only pruned.

    What this run did not look for stays.
    """
    from meshlint.checking.baseline import baseline_of, together, without

    left = without(old, result.gone)
    if prune:
        return left
    new = [finding for finding in result.findings if finding.message not in result.crashed]
    return together(left, baseline_of(new, path).counts)
