"""`meshlint new-check`: the three files of a new check; its first test is red."""

import argparse
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import say, write
from meshlint.regex import regex

if TYPE_CHECKING:
    from pathlib import Path

NAME = "new-check"
_ID = regex(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_FAMILY = regex(r"^[a-z][a-z0-9_]*$")

_MODULE = '''"""
{title}.

## What it does

Say what is looked at, and when it speaks.

## Why it matters

Say which way it fails: who can call whom, what is not enforced, what breaks.

## How to fix it

Say what to type.
"""

from collections.abc import Iterator

from meshlint import Impact, Mesh, Problem, Service, Severity, check, kind


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.SERVICE,),
    reads=(),
    istio="all",
    since="{version}",
)
def {function}(subject: Service, mesh: Mesh) -> Iterator[Problem]:  # noqa: ARG001
    """Find what the page says."""
    yield from ()
'''
_BAD = """# The smallest manifest that a user could really have, with the fault.
apiVersion: v1
kind: Service
metadata:
  name: cart # warning: {id} "say what the message holds"
  namespace: shop
"""
_GOOD = """# A near miss: all but the fault.
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
"""


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="start a new check", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("family", metavar="FAMILY", help="the package that it stands in, such as waypoint")
    parser.add_argument("name", metavar="NAME", help="what it finds, such as dangling-waypoint")
    parser.add_argument(
        "--package",
        default="checks/meshlint_checks",
        metavar="DIR",
        help="the plugin's package (default: the built-in checks of a checkout)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the three files."""
    from pathlib import Path

    from meshlint import __version__
    from meshlint.errors import UsageError

    if not _ID.match(options.name) or not _FAMILY.match(options.family):
        raise UsageError("a check is named like 'dangling-waypoint', a family like 'waypoint'")
    package = Path(options.package)
    function = options.name.replace("-", "_")
    home = package / options.family
    if package.is_dir() and not any(package.iterdir()):
        _make_package(package)
    if not (package / "__init__.py").is_file():
        raise UsageError(
            f"no plugin package at {options.package!r}: name one with --package, "
            "a directory with `__init__.py`, or an empty one to make it there"
        )
    if (home / f"{function}.py").exists():
        raise UsageError(f"{home / function}.py is there already")
    home.mkdir(exist_ok=True)
    if not (home / "__init__.py").exists():
        (home / "__init__.py").write_text(f'"""The family `{options.family}`."""\n', encoding="utf-8")
    title = options.name.replace("-", " ").capitalize()
    written = {
        f"{function}.py": _MODULE.format(title=title, version=__version__, function=function),
        f"{function}.bad.yaml": _BAD.format(id=options.name),
        f"{function}.good.yaml": _GOOD,
    }
    for name, text in written.items():
        (home / name).write_text(text, encoding="utf-8")
        write(f"{home / name}\n")
    return 0


def _make_package(package: "Path") -> None:
    name = package.resolve().name
    (package / "__init__.py").write_text('"""Checks of our own for meshlint."""\n', encoding="utf-8")
    write(f"{package / '__init__.py'}\n")
    entry = f'[project.entry-points."meshlint.checks"] {name} = "{name}"'
    say(f"the package is found once it is installed with {entry}")
