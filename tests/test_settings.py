"""Settings of a repository."""

import pytest

from meshlint.cli import run
from meshlint.errors import UsageError
from meshlint.settings import read_settings

FAULTY = """apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio-injection: enabled
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(FAULTY)
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "arguments", "code"),
    [
        ("", [], 1),
        ("ignore = ['dual-mode-namespace']", [], 0),
        ("ignore = ['dual-mode-namespace']", ["--isolated"], 1),
        ("fail-on = 'error'", [], 0),
        ("fail-on = 'error'", ["--fail-on", "note"], 1),
        ("select = ['waypoint']", [], 0),
        ("select = ['waypoint']", ["--select", "enrollment"], 1),
        ("exclude = ['a.yaml']", [], 0),
    ],
)
def test_settings_hold_unless_the_command_line_says_otherwise(here, capsys, settings, arguments, code):
    """
    meshlint.toml says what a repository wants, options what this run wants.
    """
    (here / "meshlint.toml").write_text(settings)

    assert code == run(["check", *arguments])


def test_settings_are_found_upwards_and_in_pyproject(here, capsys, monkeypatch):
    """
    The nearest file wins, from here to the root of the repository; pyproject.toml only with our table.
    """
    (here / "deep" / "er").mkdir(parents=True)
    (here / "deep" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (here / "pyproject.toml").write_text("[tool.meshlint]\nignore = ['enrollment']\n")
    monkeypatch.chdir(here / "deep" / "er")

    assert 0 == run(["check", "../../a.yaml"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", "'selct' is not a setting; did you mean 'select'?"),
        ("fail-on = 'fatal'", "'fail-on': input should be 'error', 'warning', 'note' or 'never'"),
        ("select = 'waypoint'", "'select': input should be a valid list"),
        ("istio-version = 'new'", "'istio-version': not an Istio version: 'new'"),
        ("select = [", "not TOML"),
        ("context = ['../elsewhere']", "may not read outside"),
        ("context = ['/etc']", "may not read outside"),
    ],
)
def test_what_is_wrong_with_settings_is_said(here, text, message):
    """
    A wrong key or value is named, with the nearest right one.
    """
    (here / "meshlint.toml").write_text(text)

    with pytest.raises(UsageError) as raised:
        read_settings(here / "meshlint.toml")

    assert message in str(raised.value)


def test_a_settings_file_that_is_asked_for_must_be_there(here, capsys):
    """
    `--config` names a file; without it the run is not what was asked.
    """
    assert 2 == run(["check", "--config", "nowhere.toml"])
    assert "cannot read the settings" in capsys.readouterr().err
