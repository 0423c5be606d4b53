"""What earlier runs came to: used where it holds, and nowhere else."""

import json
import multiprocessing
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from manifests import MISSPELT_MODE
from meshlint import cache as module
from meshlint.cache import Cache, cache_directory
from meshlint.cli import run

KEY = "a" * 64
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")


@pytest.fixture
def cache(cache_directory):
    return Cache(str(cache_directory))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with one manifest in which there is a fault."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(MISSPELT_MODE)
    return tmp_path


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
        lambda here: (here / "shop.yaml").write_text(MISSPELT_MODE + "\n"),
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
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MISSPELT_MODE.encode())))
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
        (here / "shop.yaml").write_text(MISSPELT_MODE)
        run(["check", "--fix", "--unsafe-fixes"])
        assert "Ambient" not in (here / "shop.yaml").read_text()


def test_a_hostile_entry_is_made_again(here, lints, cache_directory):
    whole = {"code": 0, "reports": [""], "said": [], "noted": {}}
    for spoilt in (
        *({"code": 77}, {"code": "x"}, {"code": 1e400}, {"reports": []}, {"reports": [5]}, {"reports": 5}),
        *({"said": [5]}, {"noted": 5}, {"noted": {"a\0b": "x"}}),
    ):
        value = {**whole, **spoilt}
        run(["check"])
        [path] = (it for it in cache_directory.glob("entry-*") if b'"code"' in it.read_bytes())
        body = json.dumps(value).encode()
        path.write_bytes(module.digest(body).encode() + body)
        assert 1 == run(["check"])
    assert 10 == len(lints)


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
    (here / "meshlint.toml").write_text('exclude = ["other/"]\nfail-on = "never"\n')
    (here / "other").mkdir()
    (here / "other" / "x.yaml").write_text("a: 1\n")
    assert 0 == run(["check"])
    with monkeypatch.context() as patched:
        patched.setattr("meshlint.settings.read_settings", lambda _: pytest.fail("nothing has changed"))
        (here / "other" / "x.yaml").write_text("a: 2\n")
        assert 0 == run(["check"])
    assert 1 == len(lints)
    (here / "meshlint.toml").write_text('exclude = ["other/"]\n')
    assert 1 == run(["check"])
    assert 2 == len(lints)


@pytest.mark.parametrize("settings", ['context = ["there"]', '[[set]]\nname = "x"\npaths = ["there"]'])
def test_settings_that_name_paths_are_read_again(here, lints, settings):
    (here / "meshlint.toml").write_text(settings)
    (here / "v1").mkdir()
    (here / "v1" / "a.yaml").write_text(MISSPELT_MODE.replace("shop", "v1"))
    (here / "v2").mkdir()
    (here / "v2" / "a.yaml").write_text(MISSPELT_MODE.replace("shop", "v2"))
    (here / "there").symlink_to("v1")
    for _ in range(2):
        run(["check", "shop.yaml"])
    (here / "there").unlink()
    (here / "there").symlink_to("v2")
    run(["check", "shop.yaml"])
    assert 2 == len(lints)
    (here / "there").unlink()
    assert 2 == run(["check", "shop.yaml"])


def test_what_was_kept_of_settings_is_not_taken_on_trust(here, lints, cache_directory):
    (here / "meshlint.toml").write_text('exclude = ["other/"]\n')
    run(["check"])
    for value in ({"exclude": 5}, {"exclude": [[]]}, {"exclude": [[5, ["a"]]]}, {"exclude": [[".", [5]]]}):
        for path in cache_directory.glob("entry-*"):
            body = json.dumps(value).encode()
            path.write_bytes(module.digest(body).encode() + body)
        assert 1 == run(["check"])
    assert 5 == len(lints)


def test_a_file_that_was_missing_is_noticed(here, builds):
    (here / "patch.yml").unlink()
    for name in ("settings.properties", "patch.yml"):
        (here / name).unlink(missing_ok=True)
    run(["check"])
    (here / "settings.properties").write_text("a=1")
    (here / "patch.yml").write_text(PATCH)
    run(["check"])

    assert 2 == len(builds)


def test_a_link_that_leads_elsewhere_is_noticed(here, builds, lints):
    (here / "patch.yml").rename(here / "one.txt")
    (here / "two.txt").write_text(PATCH.replace("team: a", "team: b"))
    for target in ("one.txt", "one.txt", "two.txt"):
        (here / "patch.yml").unlink(missing_ok=True)
        (here / "patch.yml").symlink_to(target)
        run(["check"])

    assert (2, 2) == (len(lints), len(builds))


def test_a_build_that_failed_is_tried_again(here, builds, lints, monkeypatch):
    """
    It may have been for want of time, or of memory.
    """
    from meshlint.source import kustomize
    from meshlint.source.renderer import Output

    with monkeypatch.context() as patched:
        patched.setattr(kustomize, "run_renderer", lambda *_: Output(None, "it took longer than 60 seconds"))
        run(["check"])
    run(["check"])

    assert (2, 1) == (len(lints), len(builds))


def test_what_changes_while_it_is_built_is_not_kept(here, builds, lints, monkeypatch):
    from meshlint.source import kustomize

    real = kustomize.run_renderer

    def edit(*told):
        made = real(*told)
        (here / "settings.properties").write_text("a=2")
        return made

    with monkeypatch.context() as patched:
        patched.setattr(kustomize, "run_renderer", edit)
        run(["check"])
    (here / "settings.properties").write_text("a=1")
    run(["check"])

    assert (2, 2) == (len(lints), len(builds))


def test_what_changes_between_reading_and_building_is_not_kept(here, builds, lints, monkeypatch):
    from meshlint.source import sharing

    real = sharing.read_texts

    def edit(*told):
        (here / "shop.yaml").write_text(MISSPELT_MODE.replace("Ambient", "ambient"))
        return real(*told)

    with monkeypatch.context() as patched:
        patched.setattr(sharing, "read_texts", edit)
        run(["check"])
    (here / "shop.yaml").write_text(MISSPELT_MODE)
    run(["check"])

    assert 2 == len(lints)


def test_links_on_the_way_and_where_repositories_begin_count(here, lints):
    (here / "a.txt").write_text("")
    (here / "b.txt").write_text("")
    (here / "deep" / "down").mkdir(parents=True)
    (here / "deep" / "down" / "x.yaml").write_text("a: 1\n")
    command = ["check", "shop.yaml", "deep/down"]
    changes = (
        lambda: (here / "deep" / "down" / "l.yaml").symlink_to(here / "a.txt"),
        (here / "deep" / "down" / "l.yaml").unlink,
        (here / "deep" / ".git").mkdir,
    )
    run(command)
    for change in changes:
        change()
        run(command)
    assert 3 == len(lints)
    only = ["check", "--only-files", "l.yaml"]
    for target in ("shop.yaml", "a.txt"):
        (here / "l.yaml").unlink(missing_ok=True)
        (here / "l.yaml").symlink_to(target)
        run(only)
    assert 5 == len(lints)


def test_a_chart_file_that_is_not_read_counts(here, lints):
    (here / "templates").mkdir()
    (here / "templates" / "a.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Values.x }}}\n"
    )
    (here / ".gitignore").write_text("Chart.yaml\n")
    (here / ".git").mkdir()
    run(["check"])
    (here / "Chart.yaml").write_text("name: x\n")
    run(["check"])

    assert 2 == len(lints)


@pytest.mark.parametrize("option", ["--config", "--baseline"])
def test_a_pipe_is_read_once(here, option, capsys):
    texts = {
        "--config": 'ignore = ["invalid-dataplane-mode"]',
        "--baseline": '{"version": 1, "findings": []}',
    }
    os.mkfifo(here / "pipe")
    writer = multiprocessing.get_context("fork").Process(
        target=(here / "pipe").write_text, args=(texts[option],)
    )
    writer.start()
    code = run(["check", option, "pipe"])
    writer.join()

    assert code == (0 if option == "--config" else 1), capsys.readouterr()


def test_context_on_standard_input_is_read(here, monkeypatch):
    import io

    wanted = MISSPELT_MODE.replace("dataplane-mode: Ambient", "use-waypoint: w")
    (here / "shop.yaml").write_text(wanted)
    waypoint = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: w, namespace: shop}\n"
        "spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}\n"
    )
    codes = []
    for option in ([], ["--no-cache"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(waypoint.encode())))
        codes.append(run(["check", "shop.yaml", "--context", "-", "--select", "dangling-waypoint", *option]))
    assert [0, 0] == codes


@POSIX
@pytest.mark.parametrize("path", ["/dev/zero", "pipe", "a\0b", "x" * 5000])
def test_a_baseline_may_name_anything(here, path):
    os.mkfifo(here / "pipe")
    entry = {"fingerprint": "f", "path": path, "check": "unused-waypoint", "message": "m", "count": 1}
    (here / "b.json").write_text(json.dumps({"version": 1, "findings": [entry]}))
    (here / "meshlint.toml").write_text('baseline = "b.json"')

    for _ in range(2):
        assert run(["check"]) == run(["check", "--no-cache"])


def test_what_is_not_read_does_not_fail_a_run(here):
    assert 1 == run(["check", "--no-ignores", "--baseline", "nope.json"])


@POSIX
def test_nothing_is_written_where_others_can_lead_it(cache, tmp_path):
    Path(cache.directory).mkdir(mode=0o777)
    os.chmod(cache.directory, 0o777)
    (Path(cache.directory) / "CACHEDIR.TAG").symlink_to(tmp_path / "victim")
    cache.put(KEY, {"code": 1})
    os.chmod(cache.directory, 0o700)
    cache.put(KEY, {"code": 1})

    assert not (tmp_path / "victim").exists()
    assert {"code": 1} == cache.get(KEY)


def test_without_a_home_there_is_no_cache(here, lints, monkeypatch):
    monkeypatch.delenv("MESHLINT_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    for _ in range(2):
        run(["check"])

    assert 2 == len(lints)
    assert not [*here.glob("~*")]
    assert 0 == run(["clean"])


def test_a_build_that_cannot_be_made_is_not_tried_again(here, builds, lints, capsys):
    """
    What kustomize refuses, it refuses each time.
    """
    (here / "patch.yml").write_text(PATCH.replace("name: shop", "name: nobody"))
    told = []
    for options in ([], [], ["--fail-on", "error"]):
        run(["check", *options])
        told.append(capsys.readouterr().out)

    assert (2, 1) == (len(lints), len(builds))
    assert 1 == len({*told})
    assert "not applied" in told[0]


def test_what_is_built_of_the_context_counts(here, builds, lints, opened):
    """
    A file that only kustomize reads, in a directory that is not reported on.
    """
    home = here / "platform"
    home.mkdir()
    for name in ("kustomization.yaml", "settings.properties", "patch.yml", "shop.yaml"):
        (here / name).rename(home / name)
    (here / "cart.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\n"
    )
    command = ["check", "cart.yaml", "--context", "platform"]
    for _ in range(2):
        run(command)
    assert (1, 1) == (len(lints), len(builds))
    # Once in each run.
    assert 2 == opened[str(home / "shop.yaml")]
    (home / "settings.properties").write_text("a=2")
    run(command)

    assert (2, 2) == (len(lints), len(builds))
