"""The baseline: what it knows again, what is new, what is gone."""

import json
import os

import pytest

from manifests import TWO_MODES
from meshlint.checking.baseline import baseline_of, compare, read_baseline, written
from meshlint.cli import run
from meshlint.errors import UsageError
from meshlint.lint import Options, lint


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(TWO_MODES)
    return tmp_path


def found():
    return lint(Options(select=["enrollment"])).findings


def compared(baseline):
    return compare(found(), baseline)


def test_what_is_in_the_baseline_is_known_wherever_its_lines_are(here):
    """
    Comments above, another order and another file change nothing; another object is new.
    """
    baseline = baseline_of(found(), "meshlint-baseline.json")
    (here / "a.yaml").unlink()
    (here / "b.yaml").write_text("# moved\n\n" + TWO_MODES.replace("shop", "till") + "---\n" + TWO_MODES)

    known, new = compared(baseline).known, compared(baseline).new

    assert ["Namespace shop"] == [str(finding.resource) for finding in known]
    assert ["Namespace till"] == [str(finding.resource) for finding in new]


def test_findings_that_are_alike_are_counted(here):
    """
    The same object in another cluster's directory is one more; the ones in the old files are the known ones.
    """
    for cluster in ("one", "two"):
        (here / cluster).mkdir()
        (here / cluster / "ns.yaml").write_text(TWO_MODES)
    (here / "a.yaml").unlink()
    baseline = baseline_of(found(), "meshlint-baseline.json")
    (here / "alpha").mkdir()
    (here / "alpha" / "ns.yaml").write_text(TWO_MODES)

    assert 2 == baseline.total
    assert ["alpha/ns.yaml"] == [finding.at.file.path for finding in compared(baseline).new]


def test_what_is_not_found_is_gone_as_often_as_it_is_missing(here):
    """
    An entry that stands for two findings has one too many once one is mended.
    """
    (here / "b.yaml").write_text(TWO_MODES)
    baseline = baseline_of(found(), "meshlint-baseline.json")
    (here / "b.yaml").unlink()
    gone = compared(baseline).gone

    assert (2, 1) == (baseline.total, sum(gone.values()))
    assert ["b.yaml"] == [entry.path for entry in gone]


def test_a_baseline_is_read_as_it_was_written(here):
    """
    The file is sorted, an entry a line, without line numbers; names of whatever kind come back.
    """
    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "'\u00fc \\ \"'"))
    baseline = baseline_of(found(), "base.json")
    (here / "base.json").write_text(written(baseline))

    assert baseline == read_baseline("base.json")
    assert "line" not in json.loads(written(baseline))["findings"][0]
    assert written(baseline) == written(baseline_of(reversed(found()), "base.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "is not a baseline"),
        ('{"version": 2, "findings": []}', "of version 2"),
        ('{"version": 1, "findings": {}}', "of version 1"),
        ('{"version": 1, "findings": [1]}', "findings[0] is not an entry"),
        (
            '{"version": 1, "findings": [{"fingerprint": "a", "path": "b", "check": "c", "message": "d"}]}',
            "[0]",
        ),
    ],
)
def test_what_is_no_baseline_is_refused(here, text, message):
    """
    A file that is none is named, with what is wrong.
    """
    (here / "base.json").write_text(text)

    with pytest.raises(UsageError) as raised:
        read_baseline("base.json")

    assert message in str(raised.value)


def test_check_fails_only_on_what_is_new(here, capsys):
    """
    With the baseline the exit code is 0, and the summary says how much it holds back.
    """
    assert 1 == run(["check"])
    assert 0 == run(["baseline"])
    assert "1 finding accepted, 1 new, 0 gone" in capsys.readouterr().err
    assert 0 == run(["check", "--baseline", "meshlint-baseline.json"])
    assert "1 finding in the baseline." in capsys.readouterr().out

    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "till"))
    for format_ in ("text", "json", "sarif", "github", "junit"):
        assert 1 == run(["check", "--baseline", "meshlint-baseline.json", "--format", format_])
        out = capsys.readouterr().out
        assert "till" in out
        assert "'shop'" not in out


def test_settings_name_the_baseline_and_no_ignores_leaves_it_out(here, capsys):
    """
    The path is relative to the settings; `meshlint baseline` writes there.
    """
    (here / "ci").mkdir()
    (here / "meshlint.toml").write_text('baseline = "ci/known.json"\n')

    assert 2 == run(["check"])
    assert 0 == run(["baseline"])
    assert (here / "ci" / "known.json").is_file()
    assert 0 == run(["check"])
    assert 1 == run(["check", "--no-ignores"])
    assert 1 == run(["check", "--isolated"])


def test_what_is_gone_is_said_and_pruned(here, capsys):
    """
    Mended findings stay in the file until somebody prunes it; nothing new gets in with that.
    """
    run(["baseline"])
    (here / "a.yaml").write_text(TWO_MODES.replace("enabled", "disabled"))
    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "till"))
    capsys.readouterr()

    assert 1 == run(["check", "--baseline", "meshlint-baseline.json"])
    assert "1 finding of meshlint-baseline.json is gone" in capsys.readouterr().err
    assert 0 == run(["baseline", "--prune"])
    assert "0 findings accepted, 0 new, 1 gone" in capsys.readouterr().err
    assert 1 == run(["check", "--baseline", "meshlint-baseline.json"])


def test_what_nothing_speaks_of_any_more_is_gone(here, capsys):
    """
    Though the checks are not loaded that would have looked for it.
    """
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\n"
    (here / "policy.yaml").write_text(policy)
    known = json.loads((here / "meshlint-baseline.json").read_text()) if run(["baseline"]) == 0 else {}
    entry = {**known["findings"][0], "check": "blocked-hbone-ingress", "path": "policy.yaml"}
    (here / "known.json").write_text(json.dumps({**known, "findings": [*known["findings"], entry]}))
    for text, gone in ((policy, 1), ("", 1)):
        (here / "policy.yaml").write_text(text)
        capsys.readouterr()
        run(["check", "--no-cache", "--baseline", "known.json"])
        assert ("is gone" in capsys.readouterr().err) == bool(gone)


def test_what_a_run_does_not_look_for_is_not_gone(here, capsys):
    """
    Other files and other checks keep their entries; a file that is no longer there does not.
    """
    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "till"))
    run(["baseline"])
    before = (here / "meshlint-baseline.json").read_text()
    capsys.readouterr()

    assert 0 == run(["check", "a.yaml", "--baseline", "meshlint-baseline.json"])
    assert 0 == run(["check", "--select", "waypoint", "--baseline", "meshlint-baseline.json"])
    assert "gone" not in capsys.readouterr().err
    assert 0 == run(["baseline", "a.yaml"])
    assert before == (here / "meshlint-baseline.json").read_text()
    os.unlink("b.yaml")
    assert 0 == run(["check", "a.yaml", "--baseline", "meshlint-baseline.json"])
    assert "is gone" in capsys.readouterr().err


def test_what_is_no_baseline_is_not_replaced(here, capsys):
    """
    Settings of somebody else cannot have `meshlint baseline` write over a file of theirs.
    """
    (here / "meshlint.toml").write_text('baseline = "a.yaml"\n')

    assert 2 == run(["baseline"])
    assert TWO_MODES == (here / "a.yaml").read_text()
    assert 2 == run(["baseline", "--output", "nowhere/b.json"])
