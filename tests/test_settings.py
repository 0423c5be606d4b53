"""Settings of a repository."""

import re

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


SET = "[[set]]\nname = 'prod'\npaths = ['prod']\n"


def test_sets_of_the_settings_are_linted_apart(here, capsys, monkeypatch):
    """
    Paths are taken from the settings file, wherever meshlint is started.
    """
    (here / "prod").mkdir()
    (here / "a.yaml").rename(here / "prod" / "a.yaml")
    (here / "meshlint.toml").write_text(SET + "namespace = 'shop'\ncomplete = true\n")
    monkeypatch.chdir(here / "prod")

    assert 0 == run(["sets"])
    assert "prod: named in the settings" in capsys.readouterr().out
    assert 1 == run(["check"])
    assert 0 == run(["sets", "--isolated"])
    assert ".: a directory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SET.replace("name", "nmae"), "'set.0.name': field required"),
        (SET.replace("name", "nmae"), "'set.0.nmae' is not a setting; did you mean 'name'?"),
        (SET.replace("['prod']", "[]"), "'set.0.paths': list should have at least 1 item"),
        (SET.replace("['prod']", "'prod'"), "'set.0.paths': input should be a valid list"),
        (SET.replace("'prod'\n", "''\n", 1), "'set.0.name': string should have at least 1 character"),
        (SET + SET, "two sets are called 'prod'"),
        (SET.replace("['prod']", "['prod', 'gone']"), "'set.0.paths.1': no such path: 'gone'"),
        (SET.replace("['prod']", "['../..']"), "may not read outside of their directory: paths '../..'"),
        ("set = 'prod'\n", "'set': input should be a valid list"),
        ("[[sets]]\n", "'sets' is not a setting; did you mean 'set'?"),
    ],
)
def test_wrong_sets_are_told_by_their_key(here, text, complaint):
    """
    Each complaint names the key, with the number of the set.
    """
    (here / "prod").mkdir()
    path = here / "meshlint.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=re.escape(complaint)):
        read_settings(path)
