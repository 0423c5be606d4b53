"""What a run does not need, it does not load."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import meshlint

ROOT = Path(__file__).parent.parent
HEAVY = {"networkx", "pydantic", "sarif_om", "attr", "importlib.metadata", "dataclasses", "inspect"}
HEAVY |= {"rich", "shtab", "threading"}
RUN = """
import sys
from meshlint.cli import run
try:
    run({arguments!r})
except SystemExit:
    pass
print(*sorted(sys.modules), file=sys.stderr)
"""


def loaded(arguments: list[str], cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
    )
    return set(done.stderr.split())


def test_the_version_loads_next_to_nothing(tmp_path):
    """
    `--version` needs neither YAML nor any of our rooms.
    """
    modules = loaded(["--version"], tmp_path)

    assert not modules & (HEAVY | {"yaml", "json", "pathlib", "subprocess", "shutil"})
    assert {"meshlint", "meshlint.cli", "meshlint.cli.options", "meshlint.errors", "meshlint.named"} == {
        name for name in modules if name.startswith("meshlint")
    }


def test_a_folder_without_kubernetes_loads_no_reader(tmp_path):
    """
    Where nothing is of Kubernetes, neither YAML nor any check is loaded.
    """
    (tmp_path / "values.yaml").write_text("a: 1\n")
    modules = loaded(["check"], tmp_path)

    assert not modules & (HEAVY | {"yaml", "json", "subprocess"})
    assert not {name for name in modules if name.startswith("meshlint_checks")}


def test_a_run_on_manifests_loads_nothing_heavy(tmp_path):
    """
    Graph algorithms, settings, SARIF and metadata are loaded only by who asks for them.
    """
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop")
    modules = loaded(["check", "--no-cache", "shop"], tmp_path)

    assert not modules & (HEAVY | {"json", "subprocess", "difflib"})


def test_a_run_that_was_made_before_loads_next_to_nothing(tmp_path):
    """
    Neither YAML nor a check, and of our rooms only those that find files and know them again.
    """
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop")
    first = loaded(["check", "shop"], tmp_path)
    modules = loaded(["check", "shop"], tmp_path)

    assert not modules & (HEAVY | {"yaml", "subprocess", "difflib", "tempfile", "pathspec"})
    assert not {name for name in modules if name.startswith(("meshlint_checks", "meshlint.mesh."))}
    assert first > modules


def test_the_public_names_are_those_that_type_checkers_see():
    """
    Every promised name can be had, and is the one that is imported for type checkers.
    """
    source = Path(meshlint.__file__).read_text(encoding="utf-8")
    promised = {name for name in meshlint.__all__ if name != "__version__"}
    [block] = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    imported = {name.name for line in block.body if isinstance(line, ast.ImportFrom) for name in line.names}

    assert promised == imported
    for name in meshlint.__all__:
        assert getattr(meshlint, name) is not None


def test_a_name_that_is_not_promised_is_refused():
    """
    The public module has what it promises and no more.
    """
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = meshlint.nonsense
