"""
What checks may import.

That rooms import only what stands below them is held by import-linter (`.importlinter`). It sees
modules, not names: that a check imports the public names of `meshlint` and nothing besides is held here.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import meshlint
import meshlint_checks

CHECKS = Path(str(meshlint_checks.__file__)).parent
MODULES = sorted(CHECKS.rglob("*.py"))
SAFE = sys.stdlib_module_names - {"ctypes", "http", "os", "shutil", "socket", "subprocess", "urllib"}


def offences(source: str) -> Iterator[str]:
    """The imports of a check that it may not make, type checkers' ones included."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (f"import {name.name}" for name in names if not _is_safe(name.name))
            case ast.ImportFrom(module="meshlint", level=0, names=names):
                public = {*meshlint.__all__}
                yield from (f"from meshlint import {n.name}" for n in names if n.name not in public)
            case ast.ImportFrom(module=module, level=0) if module is not None and not _is_safe(module):
                yield f"from {module} import ..."


def _is_safe(module: str) -> bool:
    top = module.partition(".")[0]
    return module == "meshlint" or top == "meshlint_checks" or top in SAFE


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(CHECKS).as_posix())
def test_a_check_imports_the_public_api_and_nothing_else(module: Path):
    """
    A built-in check imports public names of `meshlint`, its own package, and harmless parts of Python.
    """
    assert [] == list(offences(module.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from meshlint import Mesh, kind", []),
        ("from collections.abc import Iterator", []),
        ("from meshlint.mesh.mesh import Mesh", ["from meshlint.mesh.mesh import ..."]),
        ("from meshlint import lint", ["from meshlint import lint"]),
        ("import meshlint.graph", ["import meshlint.graph"]),
        ("def check():\n    import networkx", ["import networkx"]),
        ("import os, re", ["import os"]),
        ("from subprocess import run", ["from subprocess import ..."]),
        ("from urllib.request import urlopen", ["from urllib.request import ..."]),
    ],
)
def test_forbidden_imports_are_seen(source: str, expected: list[str]):
    """
    Rooms, private names, other distributions, and what reaches files or the network are seen.
    """
    assert expected == list(offences(source))


def test_the_public_names_are_there():
    """
    Each name that is promised can be had.
    """
    assert [] == [name for name in meshlint.__all__ if not hasattr(meshlint, name)]
