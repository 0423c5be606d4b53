"""Several processes find out what one does, and what one of them cannot do is done all the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshlint import parallel
from meshlint.checking import run as running
from meshlint.cli import run
from meshlint.parallel import can_share, share
from meshlint.source import sharing

ROOT = Path(__file__).parent.parent
MESHES = sorted(path for path in (ROOT / "tests" / "corpus").iterdir() if path.name != "README.md")

pytestmark = pytest.mark.skipif(not can_share(), reason="processes share what they know on Linux only")


@pytest.fixture
def slow_here(monkeypatch):
    """The first process leaves time for the others; gives what they have found out, piece by piece."""
    here = os.getpid()
    pieces, results = parallel._Queue.__iter__, parallel._Child.results
    told = []

    def slowly(queue):
        for piece in pieces(queue):
            yield piece
            time.sleep(0.05 if os.getpid() == here else 0)

    def noted(child, *arguments):
        for result in results(child, *arguments):
            told.append(result)
            yield result

    monkeypatch.setattr(parallel._Queue, "__iter__", slowly)
    monkeypatch.setattr(parallel._Child, "results", noted)
    return told


@pytest.fixture
def sharing_everything(monkeypatch, slow_here):
    """However little there is, it is shared, in many pieces."""
    monkeypatch.setattr(sharing, "PAYS_FROM", 1)
    monkeypatch.setattr(sharing, "_PIECE", 5_000)
    monkeypatch.setattr(running, "SHARED_FROM", 1)
    monkeypatch.setattr(running, "_PIECE", 10)
    return slow_here


def told(capsys, *arguments):
    code = run(["check", "--no-cache", "--format", "json", *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    "path", [ROOT / "examples" / "shop", ROOT / "checks", *MESHES], ids=lambda path: path.name
)
def test_several_processes_find_what_one_does(path, capsys, sharing_everything):
    alone = told(capsys, "--jobs", "1", str(path))

    assert not sharing_everything
    assert alone == told(capsys, "--jobs", "2", str(path)) == told(capsys, "--jobs", "3", str(path))
    assert sharing_everything


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


def large(piece: int) -> bytes:
    return bytes([piece]) * (300_000 + piece)


def test_where_there_is_no_pipe_it_is_done_here(monkeypatch):
    def refuse():
        raise OSError

    monkeypatch.setattr(os, "pipe", refuse)

    assert [*map(large, range(3))] == share(3, 2, large, large, lambda _, result: result)


@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("pieces", [0, 1, 3, parallel.MOST_PIECES])
def test_results_come_in_their_order_however_large(pieces, jobs):
    assert [*map(large, range(pieces))] == share(pieces, jobs, large, large, lambda _, result: result)


def test_every_piece_is_done_once(tmp_path, slow_here):
    def note(piece: int) -> bytes:
        (tmp_path / f"{piece}-{os.getpid()}").touch()
        return b"%d" % piece

    assert [*range(20)] == share(20, 3, lambda piece: int(note(piece)), note, lambda _, result: int(result))
    assert [*range(20)] == sorted(int(path.name.partition("-")[0]) for path in tmp_path.iterdir())
    assert {path.name.partition("-")[2] for path in tmp_path.iterdir()} - {str(os.getpid())}
    assert slow_here


def test_a_process_that_ends_early_has_done_what_it_has_told(slow_here):
    """
    What it had begun is done here, and what others have found out is not lost.
    """
    here = os.getpid()

    def work(piece: int) -> bytes:
        if os.getpid() != here and piece % 3 == 2:
            os._exit(1)
        return large(piece)

    assert [*map(large, range(30))] == share(30, 3, work, work, lambda _, result: result)
    assert slow_here


def test_too_many_pieces_are_refused():
    with pytest.raises(ValueError, match="257"):
        share(parallel.MOST_PIECES + 1, 2, large, large, lambda _, result: result)


def test_who_is_interrupted_leaves_no_process_behind(tmp_path):
    def wait(_: int) -> bytes:
        (tmp_path / "begun").write_text(str(os.getpid()))
        signal.pause()
        return b""

    def interrupt(_: int) -> bytes:
        while not ((tmp_path / "begun").exists() and (tmp_path / "begun").read_text()):
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        share(2, 2, interrupt, wait, lambda _, result: result)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)


def runs(pid: int) -> bool:
    """Whether a process is there, and not merely waited for by nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


ABANDONED = """
import os, signal, sys, time
from meshlint.parallel import share
def work(piece):
    first = os.getppid()
    os.write(1, b"%d\\n" % os.getpid())
    while os.getppid() == first:
        time.sleep(0.01)
    return b"x" * 1_000_000
def die(piece):
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
share(4, 4, die, work, None)
"""


def test_who_is_killed_leaves_no_process_behind():
    """
    The others are at work when it ends, and tell nobody of it.
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
