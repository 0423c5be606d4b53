"""Settings of a repository."""

import re

import pytest

from manifests import TWO_MODES
from meshlint.cli import run
from meshlint.errors import UsageError
from meshlint.settings import read_settings


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(TWO_MODES)
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
        ("context = ['../elsewhere']", "may not lead outside"),
        ("context = ['/etc']", "meshlint.toml:1:12: the settings may not lead outside"),
        ("context = ['link']", "may not lead outside"),
        ('context = ["a\\u0000b"]', "may not lead outside"),
        ("baseline = '../known.json'", "meshlint.toml:1:12: the settings may not lead outside"),
        (
            "\n ignore = ['waypoint', 'waypont']",
            ":2:24: 'ignore[1]': no such check or family: 'waypont'; did you",
        ),
        (
            "[severity]\ndual-mode-pd = 'note'",
            ":2:1: 'severity.dual-mode-pd': no such check: 'dual-mode-pd'; did",
        ),
        ("[severity]\nwaypoint = 'note'", ":2:1: 'severity.waypoint': no such check"),
        ("[severity]\ndual-mode-pod = 'eror'", ":2:17: 'severity.dual-mode-pod': input should be"),
        ("severity = 3", ":1:12: 'severity': should be a table"),
        ("[[override]]\nfile = ['a']", ":2:1: 'override[0].file' is not a setting; did you mean 'files'?"),
        (
            "[[override]]\nignore = ['waypoint']",
            ":1:3: 'override[0]': an override names `files` or `namespaces`",
        ),
        ("[[override]]\nfiles = ['*a*b*c*d*e*f*g']", ":2:10: 'override[0].files[0]': not a pattern"),
        ("[[external]]\nkind = 'Gatway'\nname = 'x'", ":2:8: 'external[0].kind': input should be"),
        ("[[external]]\nkind = 'Gateway'\nname = 'x'", ":1:3: 'external[0]': a Gateway has a `namespace`"),
        ("[[external]]\nkind = 'Namespace'\nnamespace = 'y'\nname = 'x'", "is cluster-wide and has no"),
        ("[[external]]\nkind = 'Namespace'", ":1:3: 'external[0].name': field required"),
        ("external = [3]", ":1:13: 'external[0]': should be a table"),
        ("closed = ['Shop']", ":1:11: 'closed[0]': not a name that an object can have"),
        ("select = [\n", ":2:1: not TOML"),
        ("a = 1 b", ":1:7: not TOML: expected newline"),
        ("a = " + "[" * 50_000, "nested too deeply"),
        ("# " + "x" * 2**20, "larger than 1024 KiB"),
    ],
)
def test_what_is_wrong_with_settings_is_said(here, text, message):
    """
    A wrong key or value is named, with the nearest right one.
    """
    (here / "meshlint.toml").write_text(text)
    (here / "link").symlink_to("/etc")

    with pytest.raises(UsageError) as raised:
        read_settings(here / "meshlint.toml")

    assert message in str(raised.value)


def test_a_settings_file_that_is_asked_for_must_be_there(here, capsys):
    """
    `--config` names a file; without it the run is not what was asked.
    """
    assert 2 == run(["check", "--config", "nowhere.toml"])
    assert "cannot read the settings" in capsys.readouterr().err


CHART = "[[chart]]\npath = 'charts/shop'\nvalues = ['prod.yaml']\n"


def test_values_of_charts_are_told_from_the_settings_file(here, monkeypatch):
    """
    Chart and files are paths from there, wherever meshlint is started.
    """
    (here / "charts" / "shop").mkdir(parents=True)
    (here / "prod.yaml").touch()
    (here / "meshlint.toml").write_text(CHART)
    monkeypatch.chdir(here / "charts")

    assert {"shop": ("../prod.yaml",)} == read_settings(here / "meshlint.toml").values_files


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CHART.replace("shop", "shp"), "meshlint.toml:2:8: 'chart[0].path': no such path: 'charts/shp'"),
        (CHART.replace("prod", "prd"), "meshlint.toml:3:11: 'chart[0].values[0]': no such path: 'prd.yaml'"),
        (CHART.replace("'prod.yaml'", "'../up.yaml'"), "may not lead outside of their directory: values"),
        (CHART + CHART.replace("charts", "./charts"), "two tables are for the chart 'charts/shop'"),
        (CHART.replace("values", "vals"), "'chart[0].vals' is not a setting; did you mean 'values'?"),
    ],
)
def test_wrong_values_of_charts_are_told_at_their_place(here, text, complaint):
    """
    Neither is taken for a chart without values.
    """
    (here / "charts" / "shop").mkdir(parents=True)
    (here / "prod.yaml").touch()
    (here.parent / "up.yaml").touch()
    path = here / "meshlint.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=re.escape(complaint)):
        read_settings(path)


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
        (SET.replace("name", "nmae"), "'set[0].name': field required"),
        (SET.replace("name", "nmae"), "'set[0].nmae' is not a setting; did you mean 'name'?"),
        (SET.replace("['prod']", "[]"), "'set[0].paths': list should have at least 1 item"),
        (SET.replace("['prod']", "'prod'"), "'set[0].paths': input should be a valid list"),
        (SET.replace("'prod'\n", "''\n", 1), "'set[0].name': string should have at least 1 character"),
        (SET + SET, "two sets are called 'prod'"),
        (SET.replace("['prod']", "['prod', 'gone']"), "'set[0].paths[1]': no such path: 'gone'"),
        (SET.replace("['prod']", "['../..']"), "may not lead outside of their directory: paths '../..'"),
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


def test_all_that_is_wrong_is_said_at_once(here):
    """
    Each wrong key has its line.
    """
    (here / "meshlint.toml").write_text("selct = []\n\nfail-on = 'x'\n")

    with pytest.raises(UsageError) as raised:
        read_settings(here / "meshlint.toml")

    assert ["meshlint.toml:1:1", "meshlint.toml:3:11"] == sorted(
        line.partition(": ")[0] for line in str(raised.value).splitlines()
    )


def test_places_in_pyproject_are_those_of_the_file(here):
    """
    In pyproject.toml the table of ours is not at the top.
    """
    (here / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.meshlint]\nselct = []\n")

    with pytest.raises(UsageError, match=r"pyproject.toml:4:1: 'selct' is not a setting"):
        read_settings(here / "pyproject.toml")


NAMESPACE_WITH_WAYPOINT = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio.io/use-waypoint: shared
    istio.io/use-waypoint-namespace: infra
"""
SERVICE_WITH_WAYPOINT = """\
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
  labels:
    istio.io/use-waypoint: waypoint
"""

WARNING = "severity = {dual-mode-namespace = 'warning'}"
IN_ALL = "[[override]]\nnamespaces = ['*']\nseverity = {dual-mode-namespace = 'note'}"


def said(here, capsys, settings: str = "", *arguments: str) -> list[str]:
    """The findings of a run, as `path severity[check]`."""
    (here / "meshlint.toml").write_text(settings)
    run(["check", "--format", "concise", *arguments])
    lines = capsys.readouterr().out.splitlines()
    return [f"{line.partition(':')[0]} {line.split()[1]}" for line in lines if "[" in line]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", ["a.yaml warning[dual-mode-namespace]"]),
        ("[severity]\ndual-mode-namespace = 'error'", ["a.yaml error[dual-mode-namespace]"]),
        ("[severity]\ndual-mode-namespace = 'off'", []),
        ("[[override]]\nfiles = ['a.yaml']\nseverity = {dual-mode-namespace = 'off'}", []),
        ("[[override]]\nfiles = ['/b/']\nignore = ['enrollment']", ["a.yaml warning[dual-mode-namespace]"]),
        ("[[override]]\nnamespaces = ['sh*']\nignore = ['impact:ineffective']", []),
        ("[[override]]\nnamespaces = ['till']\nignore = ['all']", ["a.yaml warning[dual-mode-namespace]"]),
        (
            "[[override]]\nfiles = ['b/']\nnamespaces = ['shop']\nignore = ['all']",
            ["a.yaml warning[dual-mode-namespace]"],
        ),
        (f"{IN_ALL}\n[[override]]\nfiles = ['a*']\n{WARNING}", ["a.yaml warning[dual-mode-namespace]"]),
        (f"[[override]]\nfiles = ['a*']\n{WARNING}\n{IN_ALL}", ["a.yaml note[dual-mode-namespace]"]),
    ],
)
def test_severities_and_overrides(here, capsys, settings, expected):
    """
    A severity holds for a check, an override for some files or namespaces, the last one wins.
    """
    assert expected == said(here, capsys, settings)


def test_no_ignores_leaves_severities_and_shows_the_rest(here, capsys):
    """
    What is found and held back is shown; what is not run is not.
    """
    override = "[[override]]\nfiles = ['*']\nignore = ['all']\n"

    assert [] == said(here, capsys, override)
    assert ["a.yaml warning[dual-mode-namespace]"] == said(here, capsys, override, "--no-ignores")
    assert [] == said(here, capsys, "ignore = ['enrollment']", "--no-ignores")


def test_an_override_cannot_hide_that_a_check_crashed(here, monkeypatch):
    """
    A fault of meshlint is shown whatever is ignored, and the exit code is 3.
    """
    from meshlint.checking import run as running
    from meshlint.checking.catalog import load_catalog

    def broken(*_):
        raise KeyError
        yield

    catalog = load_catalog()
    checks = [check._replace(run=broken) for check in catalog.checks if check.id == "dual-mode-namespace"]
    monkeypatch.setattr("meshlint.lint.load_catalog", lambda *_: catalog._replace(checks=tuple(checks)))
    (here / "meshlint.toml").write_text("[[override]]\nfiles = ['*']\nignore = ['all']\n")
    (here / "a.yaml").write_text("# meshlint: file-ignore[all] x\n" + TWO_MODES)

    assert running.CHECK_CRASHED.id == "check-crashed"
    assert 3 == run(["check"])


def test_an_external_is_there_without_being_known(here, capsys):
    """
    What refers to it does not refer to nothing; nothing is derived from what it may be.
    """
    (here / "a.yaml").write_text(
        NAMESPACE_WITH_WAYPOINT + "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: infra\n"
    )
    external = "[[external]]\nkind = 'Gateway'\nnamespace = 'infra'\nname = '{}'\n"

    assert ["a.yaml warning[dangling-waypoint]"] == said(here, capsys)
    assert [] == said(here, capsys, external.format("shared"))
    assert ["a.yaml warning[dangling-waypoint]"] == said(here, capsys, external.format("other"))


def test_an_external_namespace_has_its_labels_and_closes_nothing(here, capsys):
    """
    It counts with its labels, at the place in the settings; that it is told does not mean that all of it is.
    """
    (here / "a.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: cart\n  namespace: shop\n---\n" + SERVICE_WITH_WAYPOINT
    )
    external = "[[external]]\nkind = 'Namespace'\nname = 'shop'\n"
    (here / "meshlint.toml").write_text(external + 'labels = { "istio.io/dataplane-mode" = "ambient" }\n')

    assert 0 == run(["describe", "pod/shop/cart"])
    out = capsys.readouterr().out
    assert "ambient" in out
    assert "meshlint.toml:4" in out
    assert 0 == run(["check"])


def test_what_is_written_comes_before_an_external(here, capsys):
    """
    A manifest of the same name takes the place of what the settings say.
    """
    external = "[[external]]\nkind = 'Namespace'\nname = 'shop'\nlabels = {}\n"

    assert ["a.yaml warning[dual-mode-namespace]"] == said(here, capsys, external)


def test_a_closed_namespace_misses_nothing(here, capsys):
    """
    What is not there does not exist, though its Namespace object is not in the set.
    """
    (here / "a.yaml").write_text(SERVICE_WITH_WAYPOINT)

    assert ["a.yaml note[dangling-waypoint]"] == said(here, capsys, "closed = ['till']")
    assert ["a.yaml warning[dangling-waypoint]"] == said(here, capsys, "closed = ['shop']")


def test_config_shows_what_holds_and_where_it_comes_from(here, capsys):
    """
    Default, file and line, or option; the text is settings again.
    """
    import tomllib

    (here / "meshlint.toml").write_text(
        "ignore = ['enrollment']\nfail-on = 'note'\n[severity]\nunused-waypoint = 'off'\n"
        "[[override]]\nfiles = ['a \"b\"']\nignore = ['all']\n[[external]]\nkind = 'Namespace'\nname = 'x'\n"
    )
    assert 0 == run(["config", "--ignore", "waypoint", "--istio-version", "1.27"])
    text = capsys.readouterr().out
    origins = {line.split()[0]: line.rpartition("# ")[2] for line in text.splitlines()}

    assert "meshlint.toml:1, --ignore" == origins["ignore"]
    assert "meshlint.toml:2" == origins["fail-on"]
    assert "--istio-version" == origins["istio-version"]
    assert "default" == origins["select"]
    assert {"unused-waypoint": "off"} == tomllib.loads(text)["severity"]
    (here / "again.toml").write_text(text)
    assert ["waypoint", "enrollment"] == read_settings(here / "again.toml").settings.ignore


def test_config_as_json(here, capsys):
    """
    The same for scripts; without a file everything is the default.
    """
    import json

    assert 0 == run(["config", "--format", "json", "--complete"])
    report = json.loads(capsys.readouterr().out)

    assert (1, None) == (report["version"], report["file"])
    assert {"value": True, "from": [{"option": "--complete"}]} == report["settings"]["complete"]
    assert {"value": [], "from": []} == report["settings"]["override"]


def test_the_schema_knows_every_setting_and_takes_what_we_take(here):
    """
    What the schema that is published takes is what is read, and the other way round.
    """
    import json
    import tomllib
    from pathlib import Path

    import jsonschema

    schema = json.loads((Path(__file__).parent.parent / "docs" / "meshlint.schema.json").read_text())
    text = (
        "baseline = 'b.json'\nistio-version = '1.27'\n"
        "[[override]]\nfiles = ['x']\nseverity = {unused-waypoint = 'off'}\n"
        "[[external]]\nkind = 'Gateway'\nnamespace = 'a'\nname = 'b'\nlabels = {a = 'b'}\n"
    )
    (here / "meshlint.toml").write_text(text)
    read_settings(here / "meshlint.toml")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(text), schema)

    for wrong in ("selct = []", "fail-on = 'x'", "[[external]]\nkind = 'Pod'\nname = 'x'", "namespace = 3"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(wrong), schema)


def test_patterns_hold_from_where_the_settings_are(here, capsys, monkeypatch):
    """
    Run further down, a pattern that leads through directories means the same files.
    """
    (here / "apps" / "old").mkdir(parents=True)
    (here / "apps" / "old" / "b.yaml").write_text(TWO_MODES.replace("shop", "b"))
    (here / "apps" / "c.yaml").write_text(TWO_MODES.replace("shop", "c"))
    (here / "meshlint.toml").write_text(
        "exclude = ['/apps/old']\n[[override]]\nfiles = ['/apps/c.yaml']\nignore = ['all']\n"
    )
    monkeypatch.chdir(here / "apps")

    assert 0 == run(["check"])
    assert "1 finding suppressed" in capsys.readouterr().out
    assert 1 == run(["check", "--isolated"])
