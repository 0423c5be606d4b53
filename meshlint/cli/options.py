"""Options that several subcommands share, and what becomes of them."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.lint import Options
    from meshlint.model.version import IstioVersion

FOR_PEOPLE = ("text", "concise")
"""The formats that are read on a terminal."""

_LINKING_PROGRAMS = ("iTerm.app", "WezTerm", "ghostty", "vscode", "Hyper")
_LINKING_TERMINALS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm")
_LINKING_VTE = 5000
"""VTE, which GNOME's and other terminals are made of, shows links since 0.50."""


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is read, and under which circumstances it is judged."""
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="PATH",
        help="objects that are there but not reported on (a cluster dump, the platform's repository)",
    )
    parser.add_argument(
        "--istio-version",
        metavar="X.Y",
        help="the Istio version in use (default: detected from the manifests, else the newest known)",
    )
    parser.add_argument("--namespace", metavar="NAME", help="the namespace of objects that name none")
    parser.add_argument(
        "--complete", action="store_true", help="nothing is missing: what is not here does not exist"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="files not to read, as in .gitignore"
    )
    parser.add_argument(
        "--no-render",
        dest="render",
        action="store_false",
        help="do not run kustomize, kubectl or helm: read what kustomizations and charts say themselves",
    )
    parser.add_argument(
        "--config", metavar="FILE", help="the settings (default: the nearest meshlint.toml or pyproject.toml)"
    )
    parser.add_argument("--isolated", action="store_true", help="take no settings from files")
    parser.set_defaults(cluster=False, context_cluster=False, kube_context=None)


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Declare that a cluster is read, and which."""
    parser.add_argument(
        "--cluster", action="store_true", help="look at a cluster, which kubectl reads, instead of files"
    )
    parser.add_argument(
        "--context-cluster", action="store_true", help="what the cluster holds is there but not reported on"
    )
    parser.add_argument(
        "--kube-context",
        metavar="NAME",
        help="the cluster, as the kubeconfig calls it (default: its current)",
    )


class Report(NamedTuple):
    """A report that is asked for: its format, and the file that it goes to, None for standard output."""

    format: str
    output: str | None


class Outcome(NamedTuple):
    """
    What a run comes to: its exit code, the text of each report, and what is said beside them.

    A report is None where nothing is written. `shown` are the files, as shown, with places that the reports
    speak of; what is recalled does not tell them.
    """

    code: int
    reports: Sequence[str | None]
    said: Sequence[str] = ()
    shown: frozenset[str] = frozenset()


def add_output_options(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """Declare how it is said, and where to; pairs of both make several reports."""
    parser.add_argument(
        "--format",
        choices=formats,
        action=_Pairing,
        help="how to say it (default: text); with an --output each, several in one run",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        action=_Pairing,
        help="where to write it (default, and '-': standard output)",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.set_defaults(pairs=())


def add_link_option(parser: argparse.ArgumentParser) -> None:
    """Declare whether names of checks lead to their pages."""
    parser.add_argument(
        "--hyperlinks",
        choices=("auto", "always", "never"),
        default="auto",
        help="whether names of checks lead to their pages (auto: on terminals that say they know links)",
    )


class _Pairing(argparse.Action):
    """Pairs each `--format` with the `--output` beside it, whichever comes first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse gives it
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401 - argparse's own
        option_string: str | None = None,  # noqa: ARG002 - argparse gives it
    ) -> None:
        *whole, last = namespace.pairs or ({},)
        if self.dest in last:
            namespace.pairs = (*whole, last, {self.dest: values})
        else:
            namespace.pairs = (*whole, {**last, self.dest: values})


def reports(options: argparse.Namespace) -> list[Report]:
    """The reports that are asked for. Raises UsageError if two of them go to one place."""
    pairs: tuple[dict[str, str], ...] = options.pairs or ({},)
    asked = [Report(pair.get("format", "text"), pair.get("output")) for pair in pairs]
    asked = [report._replace(output=None) if report.output == "-" else report for report in asked]
    places = [report.output for report in asked]
    twice = next((place for place in places if places.count(place) > 1), "")
    if twice != "":
        from meshlint.errors import UsageError

        where = repr(twice) if twice else "standard output: give each `--format` an `--output`"
        raise UsageError(f"several reports go to {where}")
    return asked


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Declare which checks are run."""
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="WORD",
        help="only these: a check, a family, or impact:exposure (commas separate several)",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="WORD", help="all but these")


def fill_in(options: argparse.Namespace) -> None:
    """
    Take from the settings, if there are any, what the command line does not say.

    What they say of the files of a repository does not hold for a cluster. Raises UsageError for
    options that contradict each other.
    """
    options.sets, options.values_files, options.settings = [], {}, None
    if options.cluster or options.context_cluster or options.kube_context is not None:
        from meshlint.cli.live import refuse_contradictions

        refuse_contradictions(options)
    path = settings_path(options)
    if path is None:
        return
    from pathlib import Path

    from meshlint.settings import read_settings

    options.settings = read_settings(Path(path))
    settings = options.settings.settings
    options.istio_version = options.istio_version or settings.istio_version
    if not options.cluster:
        options.exclude = options.exclude + options.settings.exclude
        options.context = options.context + settings.context
        options.namespace = options.namespace or settings.namespace
        options.complete = options.complete or settings.complete
        options.sets = options.settings.sets
        options.values_files = options.settings.values_files
    if "select" in options:
        options.select = options.select or settings.select
        options.ignore = options.ignore + settings.ignore
    if "baseline" in options and not options.cluster:
        options.baseline = options.baseline or settings.baseline
    if "fail_on" in options:
        options.fail_on = options.fail_on or settings.fail_on


def lint_options(options: argparse.Namespace) -> "Options":
    """
    What the library is asked for.

    Raises UsageError for a version that is none, or a cluster that cannot be read.
    """
    from meshlint.lint import Options

    cluster = None
    if options.context_cluster:
        from meshlint.cli.live import read_asked_cluster

        cluster = read_asked_cluster(options)
    asked = Options(
        paths=options.paths or ["."],
        context=options.context,
        exclude=options.exclude,
        istio_version=istio_version(options.istio_version),
        namespace=options.namespace,
        complete=options.complete,
        render=options.render,
        sets=options.sets,
        values_files=options.values_files,
        cluster=cluster,
    )
    if options.settings is not None:
        asked = asked._replace(
            closed=options.settings.settings.closed,
            externals=options.settings.externals,
            policy=options.settings.policy,
        )
    return asked


def check_options(options: argparse.Namespace) -> "Options":
    """What the library is asked for by those who choose checks."""
    off = options.settings.off if options.settings is not None else []
    return lint_options(options)._replace(
        select=_words(options.select), ignore=[*_words(options.ignore), *off]
    )


def _words(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def istio_version(text: str | None) -> "IstioVersion | None":
    """Read a version. Raises UsageError if it is none."""
    if text is None:
        return None
    from meshlint.errors import UsageError
    from meshlint.model.version import IstioVersion

    try:
        return IstioVersion.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def wants_color(report: Report, options: argparse.Namespace) -> bool:
    """Whether to write in colour: `--color`, NO_COLOR, FORCE_COLOR, the terminal, in this order."""
    if report.output or report.format not in FOR_PEOPLE:
        return False
    if options.color != "auto":
        return bool(options.color == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return os.environ.get("TERM") != "dumb" and sys.stdout is not None and sys.stdout.isatty()


def wants_links(report: Report, options: argparse.Namespace) -> bool:
    """Whether to write hyperlinks: `--hyperlinks`, else where there is a terminal that shows them."""
    if report.output or options.hyperlinks == "never":
        return False
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return options.hyperlinks == "always" or (is_terminal and _knows_links())


def _knows_links() -> bool:
    """Whether the terminal says that it is one of those that show links (OSC 8)."""
    said = os.environ
    vte = said.get("VTE_VERSION", "")
    return (
        said.get("TERM_PROGRAM") in _LINKING_PROGRAMS
        or said.get("TERM") in _LINKING_TERMINALS
        or (vte.isdecimal() and int(vte) >= _LINKING_VTE)
        or any(name in said for name in ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM"))
    )


def say(text: str) -> None:
    """Say something beside the report: one line on standard error."""
    # Python has no stream for a descriptor that is closed, and `print` would take the other one.
    if sys.stderr is not None:
        print(f"meshlint: {text}", file=sys.stderr)


def say_if_unknown(version: "IstioVersion | None") -> None:
    """Say which versions are known if the one that was asked for is not."""
    text = unknown_version(version)
    if text is not None:
        say(text)


def unknown_version(version: "IstioVersion | None") -> str | None:
    """Which versions are known, if one that was asked for is not; the next one may be tried."""
    if version is None:
        return None
    from meshlint.model.version import NEWEST_KNOWN, OLDEST_KNOWN

    newest = NEWEST_KNOWN._replace(minor=NEWEST_KNOWN.minor + 1)
    if not OLDEST_KNOWN[:2] <= version[:2] <= newest[:2]:
        known = f"{OLDEST_KNOWN.minor_release} to {NEWEST_KNOWN.minor_release}"
        return f"Istio {version} is not a version that meshlint knows ({known}): not all may hold for it"
    return None


def write(text: str, output: str | None = None) -> None:
    """Write a report, whole. Raises UsageError if it cannot be written."""
    from meshlint.errors import UsageError

    if output is None:
        _write_to_stdout(text)
        return
    try:
        with open(output, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {output!r}: {error.strerror}") from None


def _write_to_stdout(text: str) -> None:
    from meshlint.errors import UsageError

    if sys.stdout is None:
        raise UsageError("cannot write the report: standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write to standard output: {error.strerror}") from None


def settings_path(options: argparse.Namespace) -> str | None:
    """The settings file that holds; None if there is none, or it is not to be read."""
    path: str | None = options.config
    return path or (None if options.isolated else _settings_file())


def _settings_file() -> str | None:
    """The nearest settings file, from here up to the root of the repository."""
    directory = os.getcwd()
    while True:
        for name in ("meshlint.toml", "pyproject.toml"):
            path = os.path.join(directory, name)
            if os.path.isfile(path) and (name == "meshlint.toml" or _has_settings(path)):
                return path
        parent = os.path.dirname(directory)
        if parent == directory or os.path.exists(os.path.join(directory, ".git")):
            return None
        directory = parent


def _has_settings(project: str) -> bool:
    with open(project, "rb") as file:
        return b"[tool.meshlint" in file.read()
