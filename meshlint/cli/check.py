"""`meshlint check`: lint manifests."""

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from meshlint.checking.result import LintResult
    from meshlint.lint import Options
    from meshlint.model.version import IstioVersion
    from meshlint.source.input import Input

NAME = "check"
_FORMATS = ("text", "concise", "json", "sarif")
_FOR_PEOPLE = ("text", "concise")
_LEVELS = ("error", "warning", "note", "never")


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="lint manifests", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and directories (default: .); '-' is standard input"
    )
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
        "--select",
        action="append",
        default=[],
        metavar="WORD",
        help="only these: a check, a family, or impact:exposure (commas separate several)",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="WORD", help="all but these")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="files not to read, as in .gitignore"
    )
    parser.add_argument("--fail-on", choices=_LEVELS, help="exit 1 from this severity on (default: warning)")
    parser.add_argument(
        "--config", metavar="FILE", help="the settings (default: the nearest meshlint.toml or pyproject.toml)"
    )
    parser.add_argument("--isolated", action="store_true", help="take no settings from files")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="how to say it (default: text)")
    parser.add_argument("--output", metavar="FILE", help="where to write it (default: standard output)")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing if nothing is found")


def run(options: argparse.Namespace) -> int:
    """Lint, report, and answer with the exit code."""
    from meshlint.source.input import read_input

    _fill_in(options)
    version = _istio_version(options.istio_version)
    given = read_input(options.paths or ["."], options.exclude)
    if given.is_nothing and options.format in _FOR_PEOPLE and not (options.select or options.ignore):
        # The commonest run of a hook: nothing else is loaded for it.
        from meshlint.report.wording import nothing_of_kubernetes

        _write("" if options.quiet else f"{nothing_of_kubernetes(given.files)}\n", options.output)
        return 0
    return _check(options, given, version)


def _fill_in(options: argparse.Namespace) -> None:
    """Take from the settings, if there are any, what the command line does not say."""
    path = options.config or (None if options.isolated else _settings_file())
    if path is not None:
        from pathlib import Path

        from meshlint.settings import read_settings

        settings = read_settings(Path(path))
        options.select = options.select or settings.select
        options.ignore = options.ignore + settings.ignore
        options.exclude = options.exclude + settings.exclude
        options.context = options.context + settings.context
        options.istio_version = options.istio_version or settings.istio_version
        options.namespace = options.namespace or settings.namespace
        options.complete = options.complete or settings.complete
        options.fail_on = options.fail_on or settings.fail_on
    options.fail_on = options.fail_on or "warning"


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


def _check(options: argparse.Namespace, given: "Input", version: "IstioVersion | None") -> int:
    from meshlint.checking.catalog import load_catalog
    from meshlint.lint import lint
    from meshlint.report import render

    # Code scanning wants to be told all rules, those too that have nothing to say.
    catalog = load_catalog() if options.format == "sarif" else None
    result = lint(_lint_options(options, version), catalog, given)
    if not (options.quiet and not result.findings and options.format in _FOR_PEOPLE):
        color = _wants_color(options)
        root = _root() if options.format == "sarif" else None
        _write(render(result, options.format, color=color, root=root), options.output)
    return exit_code(result, options.fail_on)


def exit_code(result: "LintResult", fail_on: str) -> int:
    """0: nothing at or above `fail_on`; 1: findings; 3: a check failed. The same for every format."""
    from meshlint.checking.vocabulary import Severity

    if result.crashed:
        return 3
    if fail_on == "never":
        return 0
    return int(any(finding.severity >= Severity(fail_on) for finding in result.findings))


def _lint_options(options: argparse.Namespace, version: "IstioVersion | None") -> "Options":
    from meshlint.lint import Options

    return Options(
        paths=options.paths or ["."],
        context=options.context,
        exclude=options.exclude,
        istio_version=version,
        namespace=options.namespace,
        select=_words(options.select),
        ignore=_words(options.ignore),
        complete=options.complete,
    )


def _istio_version(text: str | None) -> "IstioVersion | None":
    if text is None:
        return None
    from meshlint.errors import UsageError
    from meshlint.model.version import IstioVersion

    try:
        return IstioVersion.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _words(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _wants_color(options: argparse.Namespace) -> bool:
    if options.output or options.format not in _FOR_PEOPLE:
        return False
    if options.color != "auto":
        return bool(options.color == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def _root() -> "Path":
    """The directory that code scanning takes paths to be relative to: the repository's."""
    from pathlib import Path

    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), here)


def _write(text: str, output: str | None) -> None:
    from meshlint.errors import UsageError

    if output is None:
        sys.stdout.write(text)
        return
    try:
        with open(output, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {output!r}: {error.strerror}") from None
