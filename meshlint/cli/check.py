"""`meshlint check`: lint manifests."""

import argparse
import os
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import (
    FOR_PEOPLE,
    Report,
    add_cluster_options,
    add_input_options,
    add_link_option,
    add_output_options,
    fill_in,
    istio_version,
    lint_options,
    reports,
    say,
    say_if_unknown,
    wants_color,
    wants_links,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from meshlint.checking.catalog import Catalog
    from meshlint.checking.result import LintResult
    from meshlint.fixing.run import Fixed
    from meshlint.lint import Options
    from meshlint.source.input import Input

NAME = "check"
_FORMATS = ("text", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "markdown")
_ROOTED = ("sarif", "github", "gitlab")
_LEVELS = ("error", "warning", "note", "never")


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="lint manifests", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and directories (default: .); '-' is standard input"
    )
    parser.add_argument(
        "--only-files",
        action="store_true",
        help="read all below here, and report what has to do with the files that are named",
    )
    add_input_options(parser)
    add_cluster_options(parser)
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="WORD",
        help="only these: a check, a family, or impact:exposure (commas separate several)",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="WORD", help="all but these")
    parser.add_argument("--fail-on", choices=_LEVELS, help="exit 1 from this severity on (default: warning)")
    parser.add_argument("--fix", action="store_true", help="make the fixes that keep what the files mean")
    parser.add_argument(
        "--unsafe-fixes", action="store_true", help="make those too that change what the mesh does"
    )
    parser.add_argument("--diff", action="store_true", help="show what would be fixed, write nothing")
    add_output_options(parser, _FORMATS)
    parser.add_argument(
        "--statistics", action="store_true", help="tell how often each check found something, and no more"
    )
    add_link_option(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing if nothing is found")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say on standard error how long each stage took"
    )


def run(options: argparse.Namespace) -> int:
    """Lint, report, and answer with the exit code."""
    from meshlint.cli.progress import Progress

    fill_in(options)
    options.only = _only(options)
    say_if_unknown(istio_version(options.istio_version))
    with Progress(timings=options.verbose):
        return _run(options)


def exit_code(result: "LintResult", fail_on: str) -> int:
    """0: nothing at or above `fail_on`; 1: findings; 3: a check failed. The same for every format."""
    from meshlint.checking.vocabulary import Severity

    if result.crashed:
        return 3
    if fail_on == "never":
        return 0
    return int(any(finding.severity >= Severity(fail_on) for finding in result.findings))


def _run(options: argparse.Namespace) -> int:
    from meshlint.errors import UsageError
    from meshlint.stage import begin

    asked = _reports(options)
    given = _given(options)
    if given.in_vain:
        raise UsageError(_in_vain(given.in_vain))
    is_for_people = all(report.format in FOR_PEOPLE for report in asked)
    if given.is_nothing and is_for_people and not (options.select or options.ignore):
        # The commonest run of a hook: nothing else is loaded for it.
        from meshlint.report.wording import nothing_of_kubernetes

        begin("report")
        for report in asked:
            write("" if options.quiet else f"{nothing_of_kubernetes(given.files)}\n", report.output)
        return 0
    return _check(options, given)


def _given(options: argparse.Namespace) -> "Input":
    if options.cluster:
        from meshlint.cli.live import read_asked_cluster

        return read_asked_cluster(options)
    from meshlint.graph.entries import entry_points
    from meshlint.source.decision import Deciding
    from meshlint.source.input import read_input

    return read_input(
        options.paths or ["."],
        options.exclude,
        options.context,
        render=options.render,
        deciding=Deciding(entry_points, options.sets),
        namespace=options.namespace,
    )


def _check(options: argparse.Namespace, given: "Input") -> int:
    from meshlint.checking.catalog import load_catalog
    from meshlint.lint import lint
    from meshlint.stage import begin

    asked = lint_options(options)._replace(
        select=_words(options.select), ignore=_words(options.ignore), only=options.only
    )
    # Code scanning wants to be told all rules, those too that have nothing to say.
    wanted = reports(options)
    catalog = load_catalog() if any(report.format == "sarif" for report in wanted) else None
    if options.diff:
        return _show_fixes(options, asked, given)
    if options.fix or options.unsafe_fixes:
        result = _make_fixes(options, asked, catalog, given)
    else:
        result = lint(asked, catalog, given)
    begin("report")
    for report in wanted:
        if not (options.quiet and not result.findings and report.format in FOR_PEOPLE):
            write(_rendered(result, report, options), report.output)
    for complaint in _wrong_words(given, result):
        say(complaint)
    return exit_code(result, options.fail_on or "warning")


def _reports(options: argparse.Namespace) -> list[Report]:
    """The reports that are asked for. Raises UsageError if they cannot be statistics and should."""
    from meshlint.errors import UsageError

    asked = reports(options)
    other = next((report.format for report in asked if report.format not in FOR_PEOPLE), None)
    if options.statistics and other:
        raise UsageError(f"`--statistics` has no format {other!r}")
    return asked


def _rendered(result: "LintResult", report: Report, options: argparse.Namespace) -> str:
    from meshlint.report import render

    color = wants_color(report, options)
    if options.statistics:
        from meshlint.report.statistics import render as render_statistics

        return render_statistics(result, color=color)
    root = _root() if report.format in _ROOTED else None
    return render(result, report.format, color=color, links=wants_links(report, options), root=root)


def _only(options: argparse.Namespace) -> list[str] | None:
    """The files to report on, then no more paths to read; None for all."""
    if not options.only_files:
        return None
    files, options.paths = options.paths, []
    for path in files:
        if not os.path.exists(path):
            say(f"not there, so nothing is said about it: {path!r}")
    return list(files)


def _show_fixes(options: argparse.Namespace, asked: "Options", given: "Input") -> int:
    """Write the diff; 1 if there is one, 3 if a check failed."""
    from meshlint.fixing.files import unified_diff
    from meshlint.fixing.run import fix
    from meshlint.report.wording import would_fix
    from meshlint.stage import begin

    fixed = fix(asked, unsafe=options.unsafe_fixes, given=given)
    begin("report")
    write(unified_diff(fixed.texts))
    for complaint in _refusals(fixed):
        say(complaint)
    if fixed.mended and not options.quiet:
        say(would_fix(len(fixed.mended), len(fixed.texts)))
    return 3 if fixed.result.crashed else int(bool(fixed.texts))


def _make_fixes(
    options: argparse.Namespace, asked: "Options", catalog: "Catalog | None", given: "Input"
) -> "LintResult":
    """Fix the files; what linting says of them afterwards."""
    from meshlint.errors import UsageError
    from meshlint.fixing.files import write_texts
    from meshlint.fixing.run import fix
    from meshlint.source.discovery import STDIN
    from meshlint.stage import begin

    if STDIN in given.named:
        raise UsageError("standard input cannot be fixed in place: `--diff` shows what would be")
    fixed = fix(asked, unsafe=options.unsafe_fixes, catalog=catalog, given=given)
    begin("report")
    write_texts(fixed.texts)
    for complaint in _refusals(fixed):
        say(complaint)
    return fixed.result._replace(summary=fixed.result.summary._replace(fixed=len(fixed.mended)))


def _refusals(fixed: "Fixed") -> "Iterator[str]":
    from meshlint.report.wording import place

    for finding, why in fixed.refused:
        yield f"not fixed: {finding.check} at {place(finding.at)}: {why}"


def _in_vain(named: "Sequence[str]") -> str:
    from meshlint.source.discovery import STDIN

    if STDIN in named:
        return "nothing of Kubernetes on standard input"
    others = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"nothing of Kubernetes in {named[0]!r}{others}"


def _wrong_words(given: "Input", result: "LintResult") -> "Iterator[str]":
    """Complaints of comments that are to suppress what no check is called."""
    from meshlint.checking.catalog import load_catalog
    from meshlint.checking.suppression import ignored_words
    from meshlint.errors import UsageError

    known = {name for check in result.checks for name in (check.id, check.family)}
    for reading in given.readings:
        for offset, word in ignored_words(reading.file, reading.manifests):
            if word in known:
                continue
            known.add(word)
            try:
                load_catalog().select([word])
            except UsageError as error:
                line = reading.file.span(offset, offset).start_line
                yield f"{reading.file.path}:{line}: {error}"


def _words(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _root() -> "Path":
    """The directory that code scanning takes paths to be relative to: the repository's."""
    from pathlib import Path

    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), here)
