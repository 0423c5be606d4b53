"""What is there for people at a terminal: statistics, links, timings, and a line while it takes long."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meshlint.cli import run

ROOT = Path(__file__).parent.parent
LINK = "\x1b]8;;https://"
TIMINGS = re.compile(r"meshlint: (?:(?:read|sets|link|check|report) \d+ ms(?:, |$)){5}")
SLOW = """
import sys, time
from meshlint import lint
from meshlint.cli import progress, run
progress.PATIENCE = 0.3
inner = lint.run_checks
def slow(*arguments):
    time.sleep(0.3)
    return inner(*arguments)
lint.run_checks = slow
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.chdir(ROOT / "examples" / "shop")
    for name in ("TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("shop")
def test_statistics_count_the_findings_of_each_check(capsys):
    """
    The most frequent check comes first, the others by name; the exit code stays that of the findings.
    """
    assert 1 == run(["check", "--statistics"])
    first, second, *_, found, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("2 error   dangling-waypoint           A `use-waypoint` label names")
    assert second.startswith("1 error   denied-waypoint-attachment  ")
    assert found.startswith("Found 9 errors and 5 warnings")


@pytest.mark.usefixtures("shop")
def test_statistics_have_no_machine_format(capsys):
    """
    Who wants to count by machine has JSON.
    """
    assert 2 == run(["check", "--statistics", "--format", "json"])
    assert "meshlint: `--statistics` has no format 'json'\n" == capsys.readouterr().err


def test_statistics_of_nothing_are_the_conclusion(tmp_path, monkeypatch, capsys):
    """
    Without findings there is nothing to count.
    """
    monkeypatch.chdir(ROOT / "examples" / "shop-mended")

    assert 0 == run(["check", "--statistics"])
    assert capsys.readouterr().out.startswith("No problems found")


@pytest.mark.parametrize(
    ("arguments", "linked"),
    [
        ([], False),
        (["--hyperlinks", "always"], True),
        (["--hyperlinks", "never"], False),
        (["--hyperlinks", "always", "--format", "concise"], False),
        (["--hyperlinks", "always", "--format", "json"], False),
    ],
)
@pytest.mark.usefixtures("shop")
def test_names_of_checks_are_links_where_that_is_wanted(capsys, arguments, linked):
    """
    Only the format with room for it has links, and without a terminal only if they are asked for.
    """
    run(["check", *arguments])
    said = capsys.readouterr().out

    assert linked == (LINK in said)
    if linked:
        assert said.count(LINK) == said.count("\x1b]8;;\x1b\\") == 14
        assert "/docs/checks/dangling-waypoint.md\x1b\\error[dangling-waypoint]\x1b]8;;\x1b\\:" in said


@pytest.mark.parametrize(
    ("environment", "linked"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "4601"}, False),
        ({"VTE_VERSION": "new"}, False),
        ({"TERM": "xterm-256color"}, False),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_terminal_that_says_it_knows_links_gets_them(environment, linked):
    """
    A terminal is taken at its word, and one that says nothing gets none.
    """
    assert linked == (LINK in on_a_terminal([sys.executable, "-m", "meshlint", "check"], environment))


@pytest.mark.usefixtures("shop")
def test_timings_are_said_on_standard_error(capsys):
    """
    `-v` leaves the report as it is.
    """
    run(["check"])
    report = capsys.readouterr().out

    assert 1 == run(["check", "--no-cache", "-v"])
    said = capsys.readouterr()
    assert report == said.out
    assert TIMINGS.fullmatch(said.err.strip())


def test_timings_of_nothing(tmp_path, monkeypatch, capsys):
    """
    Where there is nothing to do the stages are few.
    """
    monkeypatch.chdir(tmp_path)

    assert 0 == run(["check", "-v"])
    assert re.fullmatch(r"meshlint: read \d+ ms, report \d+ ms\n", capsys.readouterr().err)


@pytest.mark.usefixtures("shop")
def test_a_run_that_takes_long_says_what_it_is_busy_with_and_clears_it_away():
    """
    The line is written over, and nothing is left of it when the report begins.
    """
    shown = on_a_terminal([sys.executable, "-c", SLOW, "check", "--format", "concise"], {"TERM": "xterm"})
    line, _, report = shown.rpartition("\r\x1b[K")

    assert re.search(r"\r\x1b\[Kmeshlint: checking \.\.\. \d s$", line)
    assert "busy" not in report
    assert report.startswith(("\x1b[", "cart.yaml:"))
    assert "Found 9 errors" in report


@pytest.mark.parametrize(
    ("command", "terminal"),
    [
        (["-m", "meshlint", "check"], {"TERM": "xterm"}),
        (["-c", SLOW, "check"], {"TERM": "dumb"}),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_run_that_is_quick_or_has_no_terminal_to_write_over_says_nothing(command, terminal):
    """
    Two seconds are taken as they are, and a log is left alone.
    """
    assert "\r\x1b[K" not in on_a_terminal([sys.executable, *command], terminal)


def on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command shows where both its streams are a terminal."""
    keep = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PRE_COMMIT")}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**keep, "PYTHONPATH": str(ROOT), **environment},
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        process.wait()
    os.close(ours)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # How Linux says that the other end is closed.
        return b""
