"""Writing fixed texts: in one step, and with nothing of the file lost."""

import pytest

from meshlint.cli import run
from meshlint.errors import UsageError
from meshlint.fixing.files import write_texts
from meshlint.source.text import SourceFile

FAULTY = b"""apiVersion: v1
kind: Service
metadata:
  name: cart
  labels:
    istio.io/ingress-use-waypoint: true # yes
"""
MENDED = FAULTY.replace(b"true #", b'"true" #')


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FAULTY, MENDED),
        (FAULTY.rstrip(), MENDED.rstrip()),
        (crlf(FAULTY), crlf(MENDED)),
        (b"\xef\xbb\xbf" + FAULTY, b"\xef\xbb\xbf" + MENDED),
        (FAULTY + b"# \xe2\x80\xa8 \xc2\x85\n", MENDED + b"# \xe2\x80\xa8 \xc2\x85\n"),
    ],
)
def test_all_bytes_but_those_of_the_fix_stay(here, capsys, before, after):
    """
    Line breaks, a byte order mark, a missing last line break and odd characters are kept.
    """
    (here / "a.yaml").write_bytes(before)

    assert 0 == run(["check", "--fix"])
    assert after == (here / "a.yaml").read_bytes()
    assert "Fixed 1 problem." in capsys.readouterr().out
    assert ["a.yaml"] == [path.name for path in here.iterdir()]


def test_mode_and_link_stay(here, capsys):
    """
    A link stays a link, and a file keeps its mode.
    """
    (here / "real.yaml").write_bytes(FAULTY)
    (here / "real.yaml").chmod(0o640)
    (here / "link.yaml").symlink_to("real.yaml")

    assert 0 == run(["check", "--fix", "link.yaml"])
    assert (here / "link.yaml").is_symlink()
    assert 0o640 == (here / "real.yaml").stat().st_mode & 0o777
    assert MENDED == (here / "real.yaml").read_bytes()


def test_a_text_that_is_not_utf8_is_not_written(here, capsys):
    """
    UTF-16 is read, and would not be written as it was: nothing is written at all.
    """
    text = FAULTY.decode().encode("utf-16")
    (here / "a.yaml").write_bytes(text)
    (here / "b.yaml").write_bytes(FAULTY.replace(b"cart", b"shop"))

    assert 2 == run(["check", "--fix"])
    assert "is not UTF-8" in capsys.readouterr().err
    assert text == (here / "a.yaml").read_bytes()
    assert b"true #" in (here / "b.yaml").read_bytes()


def test_a_file_that_has_changed_meanwhile_is_not_written(here):
    """
    What somebody else wrote in between is not lost.
    """
    (here / "a.yaml").write_text("new")

    with pytest.raises(UsageError, match="has changed since it was read"):
        write_texts({SourceFile("a.yaml", "old"): "fixed"})
    assert "new" == (here / "a.yaml").read_text()


def test_a_diff_writes_nothing_and_tells_by_its_exit_code(here, capsys):
    """
    `--diff` shows the change and exits with 1; where there is none, with 0.
    """
    (here / "a.yaml").write_bytes(FAULTY)

    assert 1 == run(["check", "--diff"])
    shown = capsys.readouterr()
    assert '+    istio.io/ingress-use-waypoint: "true" # yes' in shown.out.splitlines()
    assert "would fix 1 problem in 1 file" in shown.err
    assert FAULTY == (here / "a.yaml").read_bytes()

    (here / "a.yaml").write_bytes(MENDED)
    assert 0 == run(["check", "--diff"])
    assert "" == capsys.readouterr().out


def test_standard_input_is_not_fixed_in_place(here, monkeypatch, capsys):
    """
    There is no file to write; it is said rather than passed over.
    """
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FAULTY)))

    assert 2 == run(["check", "--fix", "-"])
    assert "standard input cannot be fixed in place" in capsys.readouterr().err
