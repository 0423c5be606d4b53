"""Pages with commands in them: what they show is what the commands print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(console|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A command and what the page shows of its output, or a change of files."""

    command: str
    shown: str
    diff: str = ""


def steps(page: str) -> list[Step]:
    """What a page has its reader do, in order."""
    found = []
    for kind, text in _BLOCK.findall(page):
        if kind == "diff":
            found.append(Step("", "", text))
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, shown))
    return found


@pytest.mark.slow
def test_the_tutorial_shows_what_the_commands_print(tmp_path: Path):
    """
    Typed in order, with the changes made, each command of the tutorial prints what stands there.
    """
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "examples" / "shop")
    said = 0
    for step in steps((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        if step.diff:
            _bash("git apply --whitespace=nowarn -", tmp_path, step.diff)
            continue
        # The exit code of a command is that of the one before for the next: `echo $?`.
        printed, said = _typed(f"(exit {said}); {step.command}", tmp_path)

        assert [] == _missing(step.shown, printed), printed


def _missing(shown: str, printed: str) -> list[str]:
    """The passages of what is shown that are not printed, in this order; dots stand for what is left out."""
    missing = []
    rest = f"\n{printed}"
    for passage in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        before, found, after = rest.partition(f"\n{passage}")
        missing += [] if found else [passage]
        # Its last line break is the first one of what comes next.
        rest = f"\n{after}" if found else before
    return missing


def _typed(command: str, directory: Path) -> tuple[str, int]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=_environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


def _environment(directory: Path) -> dict[str, str]:
    """Where `meshlint` is this one."""
    tools = directory / "bin"
    tools.mkdir(exist_ok=True)
    command = tools / "meshlint"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m meshlint "$@"\n')
    command.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k not in ("PRE_COMMIT", "FORCE_COLOR")}
    here = {"PATH": f"{tools}:{kept['PATH']}", "PYTHONPATH": f"{ROOT}:{ROOT / 'checks'}"}
    return {**kept, **here, "GIT_CEILING_DIRECTORIES": str(directory.parent)}


def _bash(command: str, directory: Path, given: str) -> None:
    subprocess.run(["bash", "-c", command], cwd=directory, input=given, text=True, check=True)
