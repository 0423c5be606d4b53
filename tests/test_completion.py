"""Completion, asked of the shells themselves."""

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshlint.cli import run

SHELLS = ("bash", "zsh", "fish")
BASH = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
$(complete -p meshlint | sed 's/.* -F \([^ ]*\) .*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
"""
ZSHRC = """\
fpath=("$ZDOTDIR" $fpath)
autoload -U compinit; compinit -u -D
PS1='ready> '
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The completion script of each shell."""
    directory = tmp_path_factory.mktemp("completion")
    made = {}
    for shell in SHELLS:
        made[shell] = directory / f"meshlint.{shell}"
        command = [sys.executable, "-m", "meshlint", "completion", shell]
        made[shell].write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return made


def asked_of_bash(script: Path, line: str, directory: Path) -> str:
    words = line.split(" ")
    command = ["bash", "--norc", "-c", BASH, "bash", script, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory).stdout


def asked_of_fish(script: Path, line: str, directory: Path) -> str:
    code = f"source {script}; complete -C '{line}'"
    command = ["fish", "--no-config", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory).stdout


def asked_of_zsh(script: Path, line: str, directory: Path) -> str:
    """What zsh shows when the tabulator is pressed: it completes only for those who type."""
    import pty

    home = directory / "zsh"
    home.mkdir(exist_ok=True)
    shutil.copy(script, home / "_meshlint")
    (home / ".zshrc").write_text(ZSHRC)
    process, terminal = pty.fork()
    if not process:
        os.chdir(directory)
        os.execvpe("zsh", ["zsh", "-i"], {**os.environ, "ZDOTDIR": str(home), "TERM": "dumb"})
    try:
        read_until_quiet(terminal, "ready> ")
        os.write(terminal, f"{line}\t\t".encode())
        return read_until_quiet(terminal, line)
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)


def read_until_quiet(terminal: int, wanted: str) -> str:
    """What a terminal shows until it has shown something and then nothing for a second."""
    shown = ""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1.0)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
        elif wanted in shown:
            break
    return shown


ASK = {"bash": asked_of_bash, "zsh": asked_of_zsh, "fish": asked_of_fish}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("meshlint che", ["check", "checks"], ["describe"]),
        ("meshlint check --fail-on ", ["error", "never"], ["json"]),
        ("meshlint check --select impact", ["impact:exposure", "impact:hygiene"], ["dangling-waypoint"]),
        ("meshlint explain dangling-", ["dangling-waypoint", "dangling-policy-target"], ["unused-waypoint"]),
        ("meshlint check ma", ["manifests.yaml"], ["dangling-waypoint"]),
    ],
)
def test_a_shell_completes(scripts, tmp_path, shell, line, offered, not_offered):
    """
    Commands, values, checks and files are completed.
    """
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    (tmp_path / "manifests.yaml").write_text("")
    shown = ASK[shell](scripts[shell], line, tmp_path)

    assert [] == [word for word in offered if word not in shown], shown
    assert [] == [word for word in not_offered if word in shown], shown


def test_a_shell_that_is_not_known_is_answered_with_those_that_are(capsys):
    """
    `completion` takes the shells that it was tried with.
    """
    with pytest.raises(SystemExit) as exited:
        run(["completion", "fishs"])

    assert 2 == exited.value.code
    assert "did you mean 'fish'?" in capsys.readouterr().err
