"""Several processes find out what one does, and what one of them cannot do is done all the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshlint.checking import run as running
from meshlint.cli import run
from meshlint.parallel import can_share, share
from meshlint.source import sharing

ROOT = Path(__file__).parent.parent
MESHES = sorted(path for path in (ROOT / "tests" / "corpus").iterdir() if path.name != "README.md")

pytestmark = pytest.mark.skipif(not can_share(), reason="processes share what they know on Linux only")


@pytest.fixture
def sharing_everything(monkeypatch):
    """However little there is, it is shared."""
    monkeypatch.setattr(sharing, "PAYS_FROM", 1)
    monkeypatch.setattr(running, "SHARED_FROM", 1)


def told(capsys, *arguments):
    code = run(["check", "--no-cache", "--format", "json", *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    "path", [ROOT / "examples" / "shop", ROOT / "checks", *MESHES], ids=lambda path: path.name
)
def test_several_processes_find_what_one_does(path, capsys, sharing_everything):
    alone = told(capsys, "--jobs", "1", str(path))

    assert alone == told(capsys, "--jobs", "2", str(path)) == told(capsys, "--jobs", "3", str(path))


@pytest.mark.parametrize(
    "end", [lambda: os._exit(0), lambda: os._exit(1), lambda: os.kill(os.getpid(), 9), lambda: 1 / 0]
)
def test_what_a_process_does_not_finish_is_done_here(end, capsys, monkeypatch, sharing_everything):
    alone = told(capsys, "--jobs", "1", str(ROOT / "examples" / "shop"))
    here = os.getpid()
    for name in ("meshlint.source.sharing._portable", "meshlint.checking.sharing._packed"):
        monkeypatch.setattr(name, lambda *_: None if os.getpid() == here else end())

    assert alone == told(capsys, "--jobs", "3", str(ROOT / "examples" / "shop"))


def test_what_cannot_be_told_to_another_process_is_found_here(capsys, monkeypatch, sharing_everything):
    """
    An object that only the other process knows would come back as a copy of itself.
    """
    from meshlint.checking import sharing as checking

    alone = told(capsys, "--jobs", "1", str(ROOT / "examples" / "shop"))
    monkeypatch.setattr(checking, "_identities", lambda known: iter(known[:1]))

    assert alone == told(capsys, "--jobs", "2", str(ROOT / "examples" / "shop"))


def test_where_no_process_can_be_started_it_is_done_here(capsys, monkeypatch, sharing_everything):
    alone = told(capsys, "--jobs", "1", str(ROOT / "examples" / "shop"))

    def refuse():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)

    assert alone == told(capsys, "--jobs", "2", str(ROOT / "examples" / "shop"))


def test_results_come_in_their_order_however_large():
    own, others = share(lambda: "own", [lambda n=n: bytes([n]) * 300_000 for n in range(3)])

    assert ("own", [bytes([n]) * 300_000 for n in range(3)]) == (own, others)


def test_who_is_interrupted_leaves_no_process_behind(tmp_path):
    def wait() -> bytes:
        (tmp_path / "begun").write_text(str(os.getpid()))
        signal.pause()
        return b""

    def interrupt():
        while not ((tmp_path / "begun").exists() and (tmp_path / "begun").read_text()):
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        share(interrupt, [wait])
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)


def runs(pid: int) -> bool:
    """Whether a process is there, and not merely waited for by nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


ABANDONED = """
import os, signal, sys
from meshlint.parallel import share
def work():
    os.write(1, b"%d\\n" % os.getpid())
    return b"x" * 1_000_000
def die():
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
share(die, [work, work, work])
"""


def test_who_is_killed_leaves_no_process_behind():
    """
    What the others write is more than a pipe holds, so they wait for somebody to read it.
    """
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        others = [int(first.stdout.readline()) for _ in range(3)]
        first.stdin.write("now\n")
        first.stdin.flush()
        first.wait()
    deadline = time.monotonic() + 10
    while any(map(runs, others)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [] == [*filter(runs, others)]


@pytest.mark.parametrize("count", ["0", "-1"])
def test_there_is_one_process_at_least(capsys, count):
    assert 2 == run(["check", "--jobs", count])
    assert "1 or more" in capsys.readouterr().err


def test_what_is_small_is_not_shared(capsys, monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process for so little"))

    assert 1 == told(capsys, "--jobs", "8", str(ROOT / "examples" / "shop"))[0]
    assert sys.platform == "linux"
