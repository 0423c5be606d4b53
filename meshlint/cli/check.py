"""`meshlint check`: lint manifests."""

import argparse
import os
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import (
    FOR_PEOPLE,
    Outcome,
    Report,
    add_choice_options,
    add_cluster_options,
    add_input_options,
    add_link_option,
    add_output_options,
    check_options,
    fill_in,
    istio_version,
    reports,
    say,
    unknown_version,
    wants_color,
    wants_links,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshlint.cache import Cache
    from meshlint.checking.catalog import Catalog
    from meshlint.checking.result import LintResult
    from meshlint.cli.recall import Command
    from meshlint.fixing.run import Refused
    from meshlint.lint import Options
    from meshlint.source.decision import NamedSet
    from meshlint.source.input import Contents, Input

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
    add_choice_options(parser)
    parser.add_argument("--fail-on", choices=_LEVELS, help="exit 1 from this severity on (default: warning)")
    parser.add_argument("--fix", action="store_true", help="make the fixes that keep what the files mean")
    parser.add_argument(
        "--unsafe-fixes", action="store_true", help="make those too that change what the mesh does"
    )
    parser.add_argument("--diff", action="store_true", help="show what would be fixed, write nothing")
    parser.add_argument(
        "--add-ignore", metavar="REASON", help="write comments that accept what is found, with this reason"
    )
    parser.add_argument("--no-ignores", action="store_true", help="show what is accepted as well")
    parser.add_argument(
        "--baseline", metavar="FILE", help="findings that were there before, which `meshlint baseline` wrote"
    )
    add_output_options(parser, _FORMATS)
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="by how many processes much is read and checked (default: as many as there are processors)",
    )
    parser.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="do not use, nor keep, what earlier runs came to (MESHLINT_CACHE_DIR says where that is)",
    )
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
    from meshlint.errors import UsageError
    from meshlint.parallel import processors

    if options.add_ignore is not None and (options.fix or options.unsafe_fixes):
        raise UsageError("`--add-ignore` accepts what is found, `--fix` mends it: one at a time")
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"`--jobs` is how many processes there are to be: 1 or more, not {options.jobs}")
    options.only = _only(options)
    options.jobs = options.jobs or processors()
    command = _command(options)
    is_filled_in = command is None or not command.fill_in_patterns(options)
    if is_filled_in:
        fill_in(options)
    istio_version(options.istio_version)
    with Progress(timings=options.verbose):
        return _run(options, command, is_filled_in=is_filled_in)


def exit_code(result: "LintResult", fail_on: str) -> int:
    """0: nothing at or above `fail_on`; 1: findings; 3: a check failed. The same for every format."""
    from meshlint.checking.vocabulary import Severity

    if result.crashed:
        return 3
    if fail_on == "never":
        return 0
    return int(any(finding.severity >= Severity(fail_on) for finding in result.findings))


def _run(options: argparse.Namespace, command: "Command | None", *, is_filled_in: bool) -> int:
    from meshlint.stage import begin

    asked = _reports(options)
    contents = _contents(options)
    # The commonest run of a hook holds nothing of Kubernetes: nothing else is loaded for it.
    memory = None
    if command is not None and contents is not None and contents.may_hold_manifests:
        memory = command.memory(options, asked, contents)
    outcome = memory.recall(len(asked)) if memory else None
    if outcome is None:
        if command is not None and not is_filled_in:
            command.forget(options)
            fill_in(options)
        given = _given(options, contents, command.cache if command else None)
        beside = _read(options, memory.context, (), memory.cache) if memory else None
        outcome = _outcome(options, given, beside, asked)
        if command is not None and memory is not None and beside is not None:
            command.keep_patterns(options)
            memory.keep(outcome, given, beside)
    if command is not None:
        command.cache.trim()
    begin("report")
    for report, text in zip(asked, outcome.reports, strict=False):
        if text is not None:
            write(text, report.output)
    for text in outcome.said:
        say(text)
    return outcome.code


def _command(options: argparse.Namespace) -> "Command | None":
    """The command, if what it comes to may be kept."""
    changes = options.fix or options.unsafe_fixes or options.diff or options.add_ignore is not None
    lives = options.cluster or options.context_cluster or options.kube_context is not None
    if changes or lives or not options.cache:
        return None
    from meshlint.cli.recall import Command

    command = Command(options)
    return command if command.can_be_kept else None


def _contents(options: argparse.Namespace) -> "Contents | None":
    """The bytes of the files to look at; None if it is a cluster."""
    if options.cluster:
        return None
    from meshlint.source.input import find_contents

    apart = [*options.context, options.baseline] if options.baseline else options.context
    return find_contents(options.paths or ["."], options.exclude, apart)


def _given(options: argparse.Namespace, contents: "Contents | None", cache: "Cache | None") -> "Input":
    """What is to be looked at. Raises UsageError if it holds nothing and should."""
    from meshlint.errors import UsageError

    if contents is None:
        from meshlint.cli.live import read_asked_cluster

        return read_asked_cluster(options)
    given = _read(options, contents, options.sets, cache)
    if given.in_vain:
        raise UsageError(_in_vain(given.in_vain))
    return given


def _read(
    options: argparse.Namespace, contents: "Contents", named: "Sequence[NamedSet]", cache: "Cache | None"
) -> "Input":
    from meshlint.graph.entries import entry_points
    from meshlint.source.decision import Deciding
    from meshlint.source.input import read_contents

    return read_contents(
        contents,
        render=options.render,
        deciding=Deciding(entry_points, named),
        namespace=options.namespace,
        values_files=options.values_files,
        cache=cache,
        jobs=options.jobs,
    )


def _outcome(
    options: argparse.Namespace, given: "Input", beside: "Input | None", wanted: list[Report]
) -> "Outcome":
    """Look at it, and word what is to be said."""
    from meshlint.stage import begin

    is_for_people = all(report.format in FOR_PEOPLE for report in wanted)
    if given.is_nothing and is_for_people and not (options.select or options.ignore):
        from meshlint.report.wording import nothing_of_kubernetes

        begin("report")
        text = "" if options.quiet else f"{nothing_of_kubernetes(given.files)}\n"
        return Outcome(0, [text for _ in wanted])
    from meshlint.checking.catalog import load_catalog
    from meshlint.lint import lint
    from meshlint.report.wording import baseline_gone

    asked = _with_policy(check_options(options)._replace(only=options.only, jobs=options.jobs), options)
    unknown = unknown_version(asked.istio_version)
    said = [unknown] if unknown else []
    # Code scanning wants to be told all rules, those too that have nothing to say.
    catalog = load_catalog() if any(report.format == "sarif" for report in wanted) else None
    if options.diff:
        show = _show_fixes if options.add_ignore is None else _show_comments
        return Outcome(show(options, asked, given), [], said)
    if options.add_ignore is not None:
        result = _add_comments(options, asked, catalog, given)
    elif options.fix or options.unsafe_fixes:
        result = _make_fixes(options, asked, catalog, given)
    else:
        result = lint(asked, catalog, given, beside)
    begin("report")
    texts = [
        None
        if options.quiet and not result.findings and report.format in FOR_PEOPLE
        else _rendered(result, report, options)
        for report in wanted
    ]
    if result.gone:
        said.append(baseline_gone(result.gone, options.baseline))
    return Outcome(exit_code(result, options.fail_on or "warning"), texts, said, result.shown)


def _with_policy(asked: "Options", options: argparse.Namespace) -> "Options":
    """What is asked for, with what is accepted: nothing of it with `--no-ignores`."""
    policy = asked.policy._replace(ignores=not options.no_ignores)
    if options.baseline is not None and not options.no_ignores:
        from meshlint.checking.baseline import read_baseline

        policy = policy._replace(baseline=read_baseline(options.baseline))
    return asked._replace(policy=policy)


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
    root = None
    if report.format in _ROOTED:
        from pathlib import Path

        from meshlint.source.discovery import git_root

        # Code scanning takes paths to be relative to the repository.
        root = Path(git_root(os.getcwd()))
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
    _say_refused(fixed.refused)
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
    _say_refused(fixed.refused)
    return fixed.result._replace(summary=fixed.result.summary._replace(fixed=len(fixed.mended)))


def _show_comments(options: argparse.Namespace, asked: "Options", given: "Input") -> int:
    """Write the diff of the comments that would be added; 1 if there is one, 3 if a check failed."""
    from meshlint.fixing.comments import add_comments
    from meshlint.fixing.files import unified_diff

    added = add_comments(asked, options.add_ignore, given=given)
    write(unified_diff(added.texts))
    _say_refused(added.refused, "not accepted")
    return 3 if added.result.crashed else int(bool(added.texts))


def _add_comments(
    options: argparse.Namespace, asked: "Options", catalog: "Catalog | None", given: "Input"
) -> "LintResult":
    """Write comments that accept what is found; what linting says of the files afterwards."""
    from meshlint.errors import UsageError
    from meshlint.fixing.comments import add_comments
    from meshlint.fixing.files import write_texts
    from meshlint.report.wording import comments_added
    from meshlint.source.discovery import STDIN

    if STDIN in given.named:
        raise UsageError("standard input cannot be written to: `--diff` shows what would be")
    added = add_comments(asked, options.add_ignore, catalog=catalog, given=given)
    write_texts(added.texts)
    _say_refused(added.refused, "not accepted")
    if not options.quiet:
        say(comments_added(added.comments, len(added.texts)))
    return added.result


def _say_refused(refused: "Sequence[Refused]", what: str = "not fixed") -> None:
    from meshlint.report.wording import place

    for finding, why in refused:
        say(f"{what}: {finding.check} at {place(finding.at)}: {why}")


def _in_vain(named: "Sequence[str]") -> str:
    from meshlint.source.discovery import STDIN

    if STDIN in named:
        return "nothing of Kubernetes on standard input"
    others = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"nothing of Kubernetes in {named[0]!r}{others}"
