"""Which files a walk finds, and which it leaves alone."""

import io
import os
import subprocess
from pathlib import Path

import pytest

from meshlint.errors import UsageError
from meshlint.source import discovery
from meshlint.source.discovery import STDIN, Discovery, FoundFile, discover
from meshlint.source.document import Unread, UnreadReason


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with a neighbour that no path leads to."""
    top = tmp_path / "work"
    top.mkdir()
    monkeypatch.chdir(top)
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    return top


def write(*paths: str, text: str = "a: 1\n") -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)


def shown(found: Discovery) -> list[str]:
    return [file.path for file in found.files]


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def test_a_directory_is_walked_for_manifests_in_a_fixed_order() -> None:
    """
    Of a directory, the files that can hold manifests are taken, sorted by path.
    """
    write("b.yml", "a/c.json", "a/b.YAML", "notes.txt", "k/Kustomization")

    assert ["a/b.YAML", "a/c.json", "b.yml", "k/Kustomization"] == shown(discover(["."]))


def test_a_named_file_is_taken_whatever_its_suffix() -> None:
    """
    A file that the user names is read although a walk would pass it by.
    """
    write("manifest.txt", ".gitignore", text="manifest.txt\n")

    assert ["manifest.txt"] == shown(discover(["manifest.txt"], exclude=["*.txt"]))


def test_tool_directories_are_skipped() -> None:
    """
    Directories of tools and hidden ones are not walked, virtual environments neither.
    """
    write(".github/w.yaml", "node_modules/p.yaml", ".terraform/t.yaml", "env/pyvenv.cfg", "env/lib/e.yaml")
    write("kept.yaml")

    assert ["kept.yaml"] == shown(discover(["."]))


def test_a_hidden_directory_that_is_named_is_walked() -> None:
    """
    Who names a hidden directory means it, also beside the directory that holds it.
    """
    write(".deploy/a.yaml", "b.yaml")

    assert [".deploy/a.yaml", "b.yaml"] == shown(discover([".", ".deploy"]))


def test_gitignore_negation_takes_a_file_back_in() -> None:
    """
    The last pattern that speaks of a file decides.
    """
    write("a.gen.yaml", "keep.gen.yaml", "b.yaml", "out/c.yaml")
    write(".gitignore", text="*.gen.yaml\n!keep.gen.yaml\nout/\n")

    assert ["b.yaml", "keep.gen.yaml"] == shown(discover(["."]))


def test_a_nested_gitignore_overrides_the_outer_one() -> None:
    """
    A nested ignore file has the last word on what is below it, and none on the rest.
    """
    write("x.yaml", "sub/x.yaml", "sub/y.yaml", "y.yaml")
    write(".gitignore", text="x.yaml\n")
    write("sub/.gitignore", text="!x.yaml\n/y.yaml\n")

    assert ["sub/x.yaml", "y.yaml"] == shown(discover(["."]))


def test_parent_gitignores_count_up_to_the_top_of_the_repository() -> None:
    """
    The ignore files between a directory and the top of its repository hold, those above do not.
    """
    write("repo/.git/HEAD", "repo/app/a.yaml", "repo/app/b.yaml")
    write("repo/.gitignore", text="app/a.yaml\n")
    write(".gitignore", text="b.yaml\n")

    assert ["repo/app/b.yaml"] == shown(discover(["repo/app"]))


def test_an_ignored_directory_that_is_named_is_walked() -> None:
    """
    Who names a directory that is ignored as a whole means it.
    """
    write(".git/HEAD", "rendered/a.yaml")
    write(".gitignore", text="rendered/\n")

    assert ["rendered/a.yaml"] == shown(discover(["rendered"]))


def test_broken_and_hostile_patterns_are_passed_over() -> None:
    """
    A pattern that is none, or that would take for ever to match, leaves the others in force.
    """
    write("a" * 200 + ".yaml", "b.yaml")
    write(".gitignore", text="!\n" + "*a" * 40 + "z\nb.yaml\n")

    assert ["a" * 200 + ".yaml"] == shown(discover(["."]))


def test_excluded_patterns_are_relative_to_the_working_directory() -> None:
    """
    What the settings exclude is left out of a walk.
    """
    write("a/x.yaml", "b/x.yaml")

    assert ["b/x.yaml"] == shown(discover(["."], exclude=["/a/"]))


def test_links_that_leave_the_given_paths_are_not_followed(tree: Path) -> None:
    """
    Neither a file nor a directory outside is read by way of a link.
    """
    write("../outside/secret.yaml", "in.yaml")
    Path("file.yaml").symlink_to(tree.parent / "outside" / "secret.yaml")
    Path("directory").symlink_to(tree.parent / "outside")

    assert ["in.yaml"] == shown(discover(["."]))


def test_loops_of_links_end_and_each_file_is_read_once() -> None:
    """
    Links within the tree lead to nothing that was not met at its own place.
    """
    write("a/x.yaml")
    Path("a/loop").symlink_to("..")
    Path("again.yaml").symlink_to("a/x.yaml")
    Path("self.yaml").symlink_to("self.yaml")

    assert ["a/x.yaml"] == shown(discover([".", "a", "a/x.yaml", "./again.yaml"]))


def test_a_link_to_a_hidden_place_within_is_followed() -> None:
    """
    What a walk would pass by is found through a link, as in a mounted ConfigMap.
    """
    write("..data/x.yaml")
    Path("x.yaml").symlink_to("..data/x.yaml")

    assert ["x.yaml"] == shown(discover(["."]))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_never_opened_and_reported_if_it_is_named() -> None:
    """
    A FIFO would block for ever: walked it is passed by, named it is a problem.
    """
    os.mkfifo("pipe.yaml")

    [unread] = discover(["pipe.yaml"]).unread

    assert (UnreadReason.UNREADABLE, "pipe.yaml") == (unread.reason, unread.at.file.path)
    assert Discovery(files=(), directories={".": os.getcwd()}) == discover(["."])


def test_links_to_nothing_are_passed_by() -> None:
    """
    Editors lock a file by such a link beside it; a link to itself holds nothing either.
    """
    write("a.yaml")
    Path("b.yaml").symlink_to("someone@host.1234")
    Path("c.yaml").symlink_to("c.yaml")

    found = discover(["."])

    assert (["a.yaml"], ()) == (shown(found), found.unread)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("gone.yaml", "'b.yaml' is a link to 'gone.yaml', which is not there"),
        ("b.yaml", "'b.yaml' is a link that leads back to itself"),
    ],
)
def test_a_named_link_to_nothing_is_said_to_be_one(target: str, message: str) -> None:
    """
    The name is there, so none other was meant.
    """
    Path("b.yaml").symlink_to(target)

    with pytest.raises(UsageError) as raised:
        discover(["b.yaml"])

    assert message == str(raised.value)


@pytest.mark.parametrize(
    ("paths", "left_out", "taken"),
    [
        (["."], ["platform"], ["app/a.yaml"]),
        (["."], ["platform/b.yaml", "elsewhere"], ["app/a.yaml", "platform/c/d.yaml"]),
        ([".", "platform/c"], ["platform"], ["app/a.yaml", "platform/c/d.yaml"]),
        (["app"], ["."], ["app/a.yaml"]),
        (["platform/b.yaml"], ["platform"], ["platform/b.yaml"]),
        (["app/a.yaml", "platform/b.yaml"], ["platform/b.yaml"], ["app/a.yaml"]),
        ([".", "link"], ["platform"], ["app/a.yaml"]),
    ],
)
def test_of_nested_paths_the_nearest_says_whether_a_file_is_left_out(
    paths: list[str], left_out: list[str], taken: list[str]
) -> None:
    """
    A part of what is walked can be left out, and of that a part be taken in again.
    """
    write("app/a.yaml", "platform/b.yaml", "platform/c/d.yaml")
    Path("link").symlink_to("platform")

    assert taken == shown(discover(paths, leave_out=left_out))


def test_standard_input_that_cannot_be_read_is_a_usage_error() -> None:
    """
    A descriptor that is open for writing only gives nothing to read.
    """

    class Refusing(io.BytesIO):
        def read(self, _size: int | None = None) -> bytes:
            raise OSError(9, "Bad file descriptor")

    with pytest.raises(UsageError, match="standard input cannot be read: bad file descriptor"):
        discover(["-"], stdin=Refusing())


def test_a_file_that_cannot_be_opened_is_a_problem() -> None:
    """
    A file that went away, or that may not be read, is reported when it is read.
    """
    write("a.yaml")
    [found] = discover(["."]).files
    Path("a.yaml").unlink()

    unread = found.read()

    assert isinstance(unread, Unread)
    assert (UnreadReason.UNREADABLE, "a.yaml") == (unread.reason, unread.at.file.path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_missing_permissions_are_problems() -> None:
    """
    A file and a directory without permissions do not end the run.
    """
    write("a.yaml", "closed/b.yaml")
    Path("a.yaml").chmod(0)
    Path("closed").chmod(0)

    found = discover(["."])

    assert isinstance(found.files[0].read(), Unread)
    assert ["closed"] == [unread.at.file.path for unread in found.unread]


def test_a_directory_that_cannot_be_listed_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The reason that the system gives is passed on.
    """

    def refuse(_path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(discovery.os, "scandir", refuse)

    assert ["cannot be read: permission denied"] == [unread.message for unread in discover(["."]).unread]


def test_too_large_a_file_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Files and standard input are only read up to a limit.
    """
    monkeypatch.setattr(discovery, "LARGEST_FILE", 3)
    write("a.yaml")

    read = [found.read() for found in discover(["a.yaml", "-"], stdin=io.BytesIO(b"a: 12")).files]

    assert [UnreadReason.LIMIT] * 2 == [unread.reason for unread in read if isinstance(unread, Unread)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("exmaples/shop", "no such path: 'exmaples/shop'; did you mean 'examples/shop'?"),
        ("examples/shpo", "no such path: 'examples/shpo'; did you mean 'examples/shop'?"),
        ("qqq", "no such path: 'qqq'"),
    ],
)
def test_a_path_that_is_not_there_is_a_usage_error(path: str, message: str) -> None:
    """
    A mistyped path ends the run with the nearest existing name.
    """
    write("examples/shop/a.yaml")

    with pytest.raises(UsageError) as raised:
        discover([path])

    assert message == str(raised.value)


def test_standard_input_is_read_once() -> None:
    """
    `-` stands for standard input.
    """
    [found] = discover(["-", "-"], stdin=io.BytesIO(b"a: 1")).files

    assert (STDIN, b"a: 1") == (found.path, found.read())


def test_paths_above_the_working_directory_are_shown_as_given(tree: Path) -> None:
    """
    A path is shown relative to the working directory only where it is below it.
    """
    write("../other/a.yaml", "b.yaml")

    assert ["../other/a.yaml", "b.yaml"] == shown(discover(["../other", str(tree)]))


def test_a_name_that_is_not_utf8_can_be_shown() -> None:
    """
    Bytes that are no UTF-8 are escaped in the path that is shown, and the file is read.
    """
    name = os.fsdecode(b"\xff.yaml")
    try:
        Path(name).write_text("a: 1\n")
    except (OSError, UnicodeError):
        pytest.skip("this file system only takes UTF-8")

    [found] = discover(["."]).files

    assert ("\\xff.yaml", b"a: 1\n") == (found.path, found.read())


def test_pre_commit_reads_tracked_files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Under pre-commit the universe is what git tracks and is there, ignored or not.
    """
    write("app/a.yaml", "app/gone.yaml", "app/untracked.yaml", "app/ignored.yaml", "b.yaml", "app/.x/c.yaml")
    write(".gitignore", text="ignored.yaml\n")
    git("init", "-q")
    git("add", "-f", "app/a.yaml", "app/gone.yaml", "app/ignored.yaml", "b.yaml", "app/.x/c.yaml")
    Path("app/gone.yaml").unlink()
    monkeypatch.setenv("PRE_COMMIT", "1")

    assert ["app/a.yaml", "app/ignored.yaml"] == shown(discover(["app"]))


def test_pre_commit_without_a_repository_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where git is of no help, the directory is walked.
    """
    write("a.yaml")
    monkeypatch.setenv("PRE_COMMIT", "1")
    monkeypatch.setenv("PATH", "")

    assert ["a.yaml"] == shown(discover(["."]))


def test_found_files_say_which_argument_they_came_from() -> None:
    """
    A file of a walked directory belongs to that directory, a named one to none.
    """
    write("app/a.yaml", "b.yaml")

    found = discover(["app", "b.yaml"])

    assert ["app", None] == [file.directory for file in found.files]
    assert {"app": os.path.realpath("app")} == found.directories
    assert FoundFile("b.yaml", os.path.realpath("b.yaml")) == found.files[1]
