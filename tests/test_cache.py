"""What earlier runs came to: used where it holds, and nowhere else."""

import json
import multiprocessing
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from meshlint import cache as module
from meshlint.cache import Cache, cache_directory
from meshlint.cli import run

KEY = "a" * 64
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")
FAULTY = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: Ambient
"""


@pytest.fixture
def cache(cache_directory):
    return Cache(str(cache_directory))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with one manifest in which there is a fault."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(FAULTY)
    return tmp_path


@pytest.fixture
def lints(monkeypatch):
    """How often something was linted."""
    from meshlint import lint

    made = []
    real = lint.lint
    monkeypatch.setattr("meshlint.lint.lint", lambda *told: made.append(1) or real(*told))
    return made


def entry(cache) -> Path:
    [path] = Path(cache.directory).glob("entry-*")
    return path


def test_what_was_put_is_given(cache):
    assert cache.get(KEY) is None
    cache.put(KEY, {"code": 1, "text": "ü\u2028\ud800"})
    assert {"code": 1, "text": "ü\u2028\ud800"} == cache.get(KEY)
    assert cache.get("b" * 64) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda raw: raw[:-1],
        lambda raw: raw + b" ",
        lambda raw: raw.replace(b"1", b"0"),
        lambda raw: raw[64:],
        lambda _: module.digest(b"[1]").encode() + b"[1]",
        lambda _: module.digest(b"{").encode() + b"{",
        lambda _: module.digest(deep := b"[" * 200_000).encode() + deep,
        lambda _: module.digest(b"\xff").encode() + b"\xff",
    ],
)
def test_an_entry_that_is_not_whole_is_thrown_away(cache, spoil):
    cache.put(KEY, {"code": 1})
    path = entry(cache)
    path.write_bytes(spoil(path.read_bytes()))

    assert cache.get(KEY) is None
    assert not path.exists()
    cache.put(KEY, {"code": 2})
    assert {"code": 2} == cache.get(KEY)


@POSIX
def test_a_link_or_a_pipe_is_no_entry(cache, tmp_path):
    cache.put(KEY, {"code": 1})
    path = entry(cache)
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.get(KEY) is None
    path.unlink()
    os.mkfifo(path)
    assert cache.get(KEY) is None


@POSIX
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_directory_that_others_can_write_to_is_not_used(cache, mode):
    cache.put(KEY, {"code": 1})
    os.chmod(cache.directory, mode)
    try:
        assert cache.get(KEY) is None
        cache.put("b" * 64, {"code": 1})
        assert 0 == cache.clean()
    finally:
        os.chmod(cache.directory, 0o700)
    assert {"code": 1} == cache.get(KEY)
    assert cache.get("b" * 64) is None


@POSIX
def test_a_directory_behind_a_link_is_not_used(cache, tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.symlink(tmp_path / "theirs", cache.directory)
    cache.put(KEY, {"code": 1})

    assert [] == [*(tmp_path / "theirs").glob("entry-*")]
    assert cache.get(KEY) is None


def test_where_nothing_can_be_kept_nothing_is(tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(str(tmp_path / "file" / "cache"))
    cache.put(KEY, {"code": 1})

    assert cache.get(KEY) is None
    assert 0 == cache.clean()


def test_what_is_too_much_goes_the_least_used_first(cache, monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    for number in range(5):
        cache.put(f"{number}" * 64, {"code": number})
        [path] = Path(cache.directory).glob(f"entry-*{number * 11111}*") if number else [entry(cache)]
        os.utime(path, (number, number))
    assert {"code": 0} == cache.get("0" * 64)
    cache.trim()

    assert [0, None, None, 3, 4] == [(cache.get(f"{n}" * 64) or {}).get("code") for n in range(5)]


def test_what_takes_too_much_room_goes(cache, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    for number in range(5):
        cache.put(f"{number}" * 64, {"text": "x" * 300})
    cache.trim()

    assert 2 == len([*Path(cache.directory).glob("entry-*")])
    monkeypatch.setattr(module, "LARGEST_ENTRY", 100)
    cache.put("z" * 64, {"text": "x" * 300})
    assert cache.get("z" * 64) is None


def test_cleaning_leaves_what_is_not_ours(cache):
    cache.put(KEY, {"code": 1})
    other = Path(cache.directory) / "notes.txt"
    other.write_text("mine")

    assert cache.clean() > 0
    assert cache.get(KEY) is None
    assert "mine" == other.read_text()
    other.unlink()
    cache.put(KEY, {"code": 1})
    cache.clean()
    assert not Path(cache.directory).exists()


def put_many(directory: str, start: int) -> None:
    """Put and get the same entries as others do at the same time."""
    cache = Cache(directory)
    for number in range(start, start + 200):
        value = cache.get(f"{number % 7}" * 64)
        assert value is None or value == {"text": f"{number % 7}" * 5000}
        cache.put(f"{number % 7}" * 64, {"text": f"{number % 7}" * 5000})
        cache.trim()


def test_runs_at_the_same_time_do_not_disturb_each_other(cache):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=put_many, args=(cache.directory, start)) for start in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [0, 0, 0, 0] == [process.exitcode for process in processes]
    assert 7 == len([*Path(cache.directory).glob("entry-*")])
    assert [] == [*Path(cache.directory).glob("new-*")]


def test_the_directory_is_where_the_user_or_the_system_has_it(monkeypatch, tmp_path):
    assert str(cache_directory()) == os.environ["MESHLINT_CACHE_DIR"]
    monkeypatch.delenv("MESHLINT_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(tmp_path / "meshlint") == cache_directory()
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/one")
    assert "/home/one/.cache/meshlint" == cache_directory()


def test_a_run_on_the_same_bytes_says_the_same(here, lints, capsys):
    for options in (
        [],
        ["--format", "json"],
        ["--format", "sarif"],
        ["--format", "concise", "--output", "o"],
    ):
        told = []
        for _ in range(2):
            code = run(["check", "shop.yaml", *options])
            told.append((code, capsys.readouterr(), Path("o").read_text() if "--output" in options else ""))
            Path("o").unlink(missing_ok=True)
        assert told[0] == told[1]
        assert 1 == told[0][0]
    assert 4 == len(lints)


@pytest.mark.parametrize(
    "change",
    [
        lambda here: (here / "shop.yaml").write_text(FAULTY + "\n"),
        lambda here: (here / "new.yaml").write_text("a: 1\n"),
        lambda here: (here / "shop.yaml").rename(here / "till.yaml"),
        lambda here: (here / "meshlint.toml").write_text('ignore = ["unknown-kind"]\n'),
        lambda here: (here / "pyproject.toml").write_text("[tool.meshlint]\n"),
    ],
)
def test_whatever_changes_is_looked_at_again(here, lints, change):
    run(["check"])
    change(here)
    run(["check"])

    assert 2 == len(lints)


@pytest.mark.parametrize(
    "option",
    [
        *(
            ["--no-cache"],
            ["--istio-version", "1.28"],
            ["--complete"],
            ["--namespace", "x"],
            ["--fail-on", "never"],
        ),
        *(["--ignore", "unknown-kind"], ["--color", "always"], ["--hyperlinks", "always"], ["--no-ignores"]),
        *(["--context", "other"], ["--exclude", "x.yaml"], ["--statistics"], ["--quiet"], ["--no-render"]),
    ],
)
def test_another_command_is_another_run(here, lints, option):
    (here / "other").mkdir()
    run(["check"])
    run(["check", *option])

    assert 2 == len(lints)


def test_what_lies_in_the_context_counts(here, lints):
    (here / "other").mkdir()
    for text in ("a: 1\n", "a: 1\n", "a: 2\n"):
        (here / "other" / "a.yaml").write_text(text)
        run(["check", "shop.yaml", "--context", "other"])

    assert 2 == len(lints)


def test_another_day_is_another_run(here, lints, monkeypatch):
    """
    A suppression may be over by then.
    """
    run(["check"])
    monkeypatch.setattr(time, "strftime", lambda _: "2031-01-01")
    run(["check"])

    assert 2 == len(lints)


def test_other_code_is_another_run(here, lints, monkeypatch, tmp_path_factory):
    plugin = tmp_path_factory.mktemp("plugin")
    (plugin / "their_checks").mkdir()
    (plugin / "their_checks" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(plugin)
    monkeypatch.setattr(
        "meshlint.checking.plugins.plugin_packages", lambda: ["meshlint_checks", "their_checks"]
    )
    run(["check"])
    run(["check"])
    (plugin / "their_checks" / "__init__.py").write_text("# changed\n")
    run(["check"])

    assert 2 == len(lints)


def test_a_file_that_cannot_be_read_or_is_no_file_is_read_again(here, lints, monkeypatch):
    import io

    (here / "gone.yaml").symlink_to(here / "nothing.yaml")
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FAULTY.encode())))
            run(["check", "-"])
    assert 2 == len(lints)


def test_a_run_in_which_a_check_failed_is_made_again(here, lints, monkeypatch):
    monkeypatch.setattr("meshlint.checking.result.LintResult.crashed", ["one"])
    assert 3 == run(["check"])
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert 1 == run(["check"])


def test_fixing_is_never_recalled(here, lints):
    for _ in range(2):
        (here / "shop.yaml").write_text(FAULTY)
        run(["check", "--fix", "--unsafe-fixes"])
        assert "Ambient" not in (here / "shop.yaml").read_text()


def test_a_hostile_entry_is_made_again(here, lints, cache_directory):
    for value in ({}, {"code": "x", "reports": [], "said": [], "inputs": {}}, {"code": 0, "reports": 5}):
        run(["check"])
        path = entry(Cache(str(cache_directory)))
        body = json.dumps(value).encode()
        path.write_bytes(module.digest(body).encode() + body)
        assert 1 == run(["check"])
    assert 4 == len(lints)


def test_clean_says_what_it_has_removed(here, capsys):
    run(["check"])
    capsys.readouterr()
    assert 0 == run(["clean"])
    assert capsys.readouterr().out.startswith("Removed 0.0 MB from ")
    assert 0 == run(["clean"])
    assert capsys.readouterr().out.startswith("Nothing in ")


KUSTOMIZATION = """\
resources: [shop.yaml]
namePrefix: my-
configMapGenerator:
  - name: settings
    files: [settings.properties]
patches:
  - path: patch.yml
"""
PATCH = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    team: a
"""


@pytest.fixture
def builds(monkeypatch, here):
    """A kustomization that is built, and how often it was."""
    from meshlint.source import kustomize

    if kustomize.building_program() is None:
        pytest.skip("neither kustomize nor kubectl is here")
    (here / "kustomization.yaml").write_text(KUSTOMIZATION)
    (here / "settings.properties").write_text("a=1")
    (here / "patch.yml").write_text(PATCH)
    made = []
    real = kustomize.run_renderer
    monkeypatch.setattr(kustomize, "run_renderer", lambda *told: made.append(1) or real(*told))
    return made


def test_a_build_is_made_once(here, builds, lints, capsys):
    told = []
    for options in ([], [], ["--fail-on", "error"]):
        run(["check", *options])
        told.append(capsys.readouterr().out)

    assert 1 == len({*told})
    assert "invalid-dataplane-mode" in told[0]
    assert (2, 1) == (len(lints), len(builds))


@pytest.mark.parametrize("name", ["settings.properties", "patch.yml", "shop.yaml", "kustomization.yaml"])
def test_a_build_is_made_again_if_a_file_of_it_changes(here, builds, lints, name):
    run(["check"])
    (here / name).write_text((here / name).read_text() + "\n")
    run(["check"])

    assert (2, 2) == (len(lints), len(builds))
    (here / name).unlink()
    run(["check"])
    assert len(lints) == 3


def test_a_build_is_made_without_the_cache(here, builds):
    for _ in range(2):
        run(["check", "--no-cache"])

    assert 2 == len(builds)


def test_settings_are_not_read_again(here, lints, monkeypatch):
    (here / "meshlint.toml").write_text('exclude = ["other/"]\ncontext = ["platform"]\nfail-on = "never"\n')
    (here / "platform").mkdir()
    (here / "other").mkdir()
    (here / "other" / "x.yaml").write_text("a: 1\n")
    assert 0 == run(["check"])
    with monkeypatch.context() as patched:
        patched.setattr("meshlint.settings.read_settings", lambda _: pytest.fail("nothing has changed"))
        (here / "other" / "x.yaml").write_text("a: 2\n")
        assert 0 == run(["check"])
    assert 1 == len(lints)
    (here / "platform" / "x.yaml").write_text("a: 1\n")
    assert 0 == run(["check"])
    (here / "meshlint.toml").write_text('exclude = ["shop.yaml"]\n')
    assert 0 == run(["check"])
    assert 2 == len(lints)


def test_what_was_kept_of_settings_is_not_taken_on_trust(here, lints, cache_directory):
    (here / "meshlint.toml").write_text('exclude = ["other/"]\n')
    run(["check"])
    for value in ({"exclude": 5}, {"exclude": [[]]}, {"exclude": []}):
        for path in cache_directory.glob("entry-*"):
            body = json.dumps(value).encode()
            path.write_bytes(module.digest(body).encode() + body)
        assert 1 == run(["check"])
    assert 4 == len(lints)
