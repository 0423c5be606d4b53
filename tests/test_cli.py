"""The command as users run it: output, exit codes, bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manifests import TWO_MODES
from meshlint.cli import run

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
HEALTHY = TWO_MODES.replace("    istio-injection: enabled\n", "")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    return tmp_path


def command(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "meshlint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        (HEALTHY, [], 0),
        (TWO_MODES, [], 1),
        (TWO_MODES, ["--fail-on", "error"], 0),
        (TWO_MODES, ["--fail-on", "never"], 0),
        (TWO_MODES, ["--format", "sarif"], 1),
        (TWO_MODES, ["--format", "json"], 1),
        (TWO_MODES, ["--format", "concise"], 1),
        (TWO_MODES, ["--ignore", "dual-mode-namespace"], 0),
        (TWO_MODES, ["--ignore", "enrollment"], 0),
        (TWO_MODES, ["--select", "impact:exposure"], 0),
        (TWO_MODES, ["--select", "unsupported,waypoint"], 0),
        ("apiVersion: v1\nkind: Service\nmetadata:\n\tname: x\n", [], 1),
        ("just: values\n", [], 0),
        ("", [], 0),
    ],
)
def test_exit_code_tells_whether_there_are_findings(here, capsys, text, arguments, code):
    """
    The exit code depends on severity and `--fail-on`, never on the format.
    """
    (here / "a.yaml").write_text(text)

    assert code == run(["check", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere"], "no such path: 'nowhere'"),
        (["check", "--select", "dangling-waypont"], "did you mean 'dangling-waypoint'?"),
        (["check", "--ignore", "waypiont"], "did you mean 'waypoint'?"),
        (["check", "--istio-version", "new"], "not an Istio version: 'new'"),
        (["explain", "dual-mode-namespaces"], "did you mean 'dual-mode-namespace'?"),
        (["checks", "nothing-like-it"], "no such check or family: 'nothing-like-it'"),
        (["check", "--output", "no/such/directory/file"], "cannot write"),
        (["new-check", "Waypoint", "x"], "named like"),
        (["new-check", "waypoint", "some-check", "--package", "nowhere"], "no plugin package at 'nowhere'"),
        (["new-check", "waypoint", "some-check"], "a directory with `__init__.py`, or an empty one"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(here, capsys, arguments, message):
    """
    A wrong word ends with exit code 2 and one line that says what was meant.
    """
    assert 2 == run(arguments)
    said = capsys.readouterr()
    assert message in said.err
    assert 1 == said.err.count("\n")
    assert not said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--formt", "json"], "'--format'"),
        (["--format", "jsn"], "'json'"),
        (["--fail-on", "fatal"], "invalid choice"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(here, capsys, arguments, message):
    """
    Argparse's errors are one line too, with exit code 2.
    """
    with pytest.raises(SystemExit) as exited:
        run(["check", *arguments])

    assert 2 == exited.value.code
    error = capsys.readouterr().err
    assert message in error
    assert 1 == error.count("\n")


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    """
    A verb that is a slip gets the right one.
    """
    with pytest.raises(SystemExit):
        run(["chekc"])

    assert "did you mean 'check'?" in capsys.readouterr().err


def test_standard_input_is_read_for_a_dash(here):
    """
    `-` reads manifests from standard input, and findings say so.
    """
    done = command("check", "-", "--format", "concise", input=TWO_MODES, cwd=here)

    assert 1 == done.returncode
    assert done.stdout.startswith("<stdin>:")


def test_a_folder_without_kubernetes_says_so(here, capsys):
    """
    Nothing to look at is not silence.
    """
    (here / "values.yaml").write_text("a: 1\n")

    assert 0 == run(["check"])
    assert "Nothing of Kubernetes in 1 file" in capsys.readouterr().out


def test_a_closed_pipe_ends_quietly(here):
    """
    A reader that goes away early is no error of ours.
    """
    for number in range(300):
        (here / f"{number}.yaml").write_text(TWO_MODES.replace("shop", f"shop-{number}"))
    done = subprocess.run(
        f"{sys.executable} -m meshlint check | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == done.stderr
    assert 1 == done.stdout.count("\n")


def test_quiet_says_nothing_if_nothing_is_found(here, capsys):
    """
    `-q` is for scripts: silence is success.
    """
    (here / "a.yaml").write_text(HEALTHY)

    assert 0 == run(["check", "-q"])
    assert "" == capsys.readouterr().out


def test_output_goes_to_a_file(here, capsys):
    """
    `--output` writes what would have been printed.
    """
    (here / "a.yaml").write_text(TWO_MODES)

    assert 1 == run(["check", "--format", "json", "--output", "report.json"])
    assert "" == capsys.readouterr().out
    assert 1 == json.loads((here / "report.json").read_text())["version"]


@pytest.mark.parametrize(
    ("environment", "option", "colored"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({"FORCE_COLOR": "1"}, "never", False),
    ],
)
def test_colour_follows_the_usual_variables(here, capsys, monkeypatch, environment, option, colored):
    """
    `--color` beats NO_COLOR, which beats FORCE_COLOR, which beats the terminal.
    """
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (here / "a.yaml").write_text(TWO_MODES)
    run(["check", "--color", option])

    assert colored == ("\x1b[" in capsys.readouterr().out)


def test_context_is_known_but_not_reported_on(here, capsys):
    """
    A waypoint of the context ends the doubt, and the context's own faults are not told.
    """
    (here / "app").mkdir()
    (here / "app" / "service.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n  namespace: shop\n"
        "  labels: {istio.io/use-waypoint: wp}\nspec: {ports: [{port: 80}]}\n"
    )
    (here / "platform.yaml").write_text(
        TWO_MODES + "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
        "metadata: {name: wp, namespace: shop}\n"
        "spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}\n"
    )

    assert 0 == run(
        ["check", "app", "--format", "concise", "--fail-on", "note", "--context", "platform.yaml"]
    )
    assert 1 == run(["check", "app", "--format", "concise", "--fail-on", "note"])


def test_the_version_can_be_asked_for(capsys):
    """
    `--version` prints name and version.
    """
    with pytest.raises(SystemExit) as exited:
        run(["--version"])

    assert 0 == exited.value.code
    assert capsys.readouterr().out.startswith("meshlint 0.")


def test_explain_prints_the_page_with_the_tested_manifests(capsys):
    """
    The page of a check ends with its fixtures.
    """
    assert 0 == run(["explain", "dangling-waypoint"])
    page = capsys.readouterr().out
    assert page.startswith("# dangling-waypoint\n")
    assert "istio.io/use-waypoint: waypont" in page


def test_a_new_check_is_found_and_its_first_test_is_red(here, capsys):
    """
    `new-check` writes three files: a check that loads, and a fixture that it does not meet yet.
    """
    package = here / "house_checks"
    package.mkdir()
    (package / "__init__.py").write_text("")

    assert 0 == run(["new-check", "naming", "unnamed-thing", "--package", str(package)])
    assert 2 == run(["new-check", "naming", "unnamed-thing", "--package", str(package)])
    written = sorted(path.name for path in (package / "naming").iterdir())
    assert ["__init__.py", "unnamed_thing.bad.yaml", "unnamed_thing.good.yaml", "unnamed_thing.py"] == written
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from house_checks.naming.unnamed_thing import unnamed_thing as check\n"
        "from meshlint.checking.catalog import Catalog\n"
        "from meshlint.testing import differences, fixtures\n"
        "for path in fixtures(check): print(path.name, differences(check, path, Catalog((check,), ())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(here)], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert "" == done.stderr
    assert 'unnamed_thing.bad.yaml ["missing: line 5: warning: unnamed-thing' in done.stdout
    assert "unnamed_thing.good.yaml []" in done.stdout


@pytest.mark.parametrize("name", ["shop", "shop-mended"])
@pytest.mark.parametrize("format_", ["text", "concise", "json", "sarif"])
def test_the_examples_say_what_they_said(monkeypatch, capsys, name, format_):
    """
    What users see of the examples is kept, whole; `UPDATE_GOLDEN=1` writes it anew.
    """
    monkeypatch.chdir(ROOT)
    code = run(["check", f"examples/{name}", "--format", format_])
    said = capsys.readouterr().out
    kept = GOLDEN / f"{name}.{format_}"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(said, encoding="utf-8")

    assert kept.read_text(encoding="utf-8") == said
    assert (1 if name == "shop" else 0) == code


def test_the_readme_shows_a_real_run():
    """
    The output in the README is what the command prints for the example.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("$ meshlint check examples/shop\n")[2].partition("```")[0]
    printed = (GOLDEN / "shop.text").read_text(encoding="utf-8")

    for passage in shown.split("\n...\n"):
        assert passage.strip("\n") in printed


def test_a_check_that_raises_ends_with_exit_code_3(here, capsys, monkeypatch):
    """
    A fault of meshlint is told apart from findings, which are printed all the same.
    """
    from meshlint.checking import catalog

    whole = catalog.load_catalog()

    def broken(subject, mesh):
        raise RuntimeError("boom")

    checks = tuple(c._replace(run=broken) if c.id == "invalid-label" else c for c in whole.checks)
    monkeypatch.setattr(catalog, "load_catalog", lambda *_: catalog.Catalog(checks, whole.precedence))
    monkeypatch.setattr("meshlint.lint.load_catalog", catalog.load_catalog)
    (here / "a.yaml").write_text(TWO_MODES)

    assert 3 == run(["check", "--format", "concise", "--fail-on", "never"])
    said = capsys.readouterr().out
    assert "error[check-crashed] the check 'invalid-label' failed on Namespace shop" in said
    assert "warning[dual-mode-namespace]" in said


def test_the_context_is_taken_out_of_what_is_linted(here, capsys):
    """
    A dump below the linted directory is context alone, by option or by settings.
    """
    (here / "platform").mkdir()
    (here / "platform" / "dump.yaml").write_text(TWO_MODES)
    (here / "app.yaml").write_text(HEALTHY.replace("name: shop", "name: other"))

    assert 1 == run(["check"])
    assert 0 == run(["check", ".", "--context", "platform"])
    (here / "meshlint.toml").write_text('context = ["platform/dump.yaml"]')
    assert 0 == run(["check"])
    assert 1 == run(["check", "platform", "--isolated"])
    capsys.readouterr()
    assert 0 == run(["describe"])
    said = capsys.readouterr().out
    assert "other" in said
    assert "shop" not in said


@pytest.mark.parametrize(
    ("paths", "code", "said"),
    [
        (["-"], 2, "meshlint: nothing of Kubernetes on standard input\n"),
        (["-", "good.yaml"], 2, "meshlint: nothing of Kubernetes on standard input\n"),
        (["values.yaml"], 2, "meshlint: nothing of Kubernetes in 'values.yaml'\n"),
        (["values.yaml", "empty.yaml"], 2, "meshlint: nothing of Kubernetes in 'empty.yaml' and 1 more\n"),
        (["values.yaml", "good.yaml"], 0, ""),
        (["values.yaml", "."], 0, ""),
        (["folder"], 0, ""),
        (["."], 0, ""),
    ],
)
@pytest.mark.parametrize("text", ["", "error: no such file\n"])
def test_a_render_that_failed_is_not_taken_for_health(here, paths, code, said, text):
    """
    Standard input and files that are named should hold something; a directory need not.
    """
    (here / "folder").mkdir()
    (here / "folder" / "values.yaml").write_text("a: 1\n")
    (here / "values.yaml").write_text("a: 1\n")
    (here / "empty.yaml").write_text("")
    (here / "good.yaml").write_text(HEALTHY)
    done = command("check", *paths, input=text, cwd=here)

    assert (code, said) == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    "verb", ["check .", "check . --format json", "describe", "checks", "explain dangling-waypoint"]
)
@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "meshlint: cannot write the report: standard output is closed\n"),
        (">/dev/full", "meshlint: cannot write to standard output: No space left on device\n"),
        (">/dev/full 2>&-", ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_report_that_cannot_be_written_is_said_in_one_line(here, verb, redirection, said):
    """
    Neither a closed stream nor a full disk ends in a traceback.
    """
    (here / "a.yaml").write_text(TWO_MODES)
    done = subprocess.run(
        f"{sys.executable} -m meshlint {verb} {redirection}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (2, said) == (done.returncode, done.stderr)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("verb", ["check -", "describe --path -"])
def test_a_closed_standard_input_is_said_in_one_line(here, verb):
    """
    `-` without a standard input is a wrong use.
    """
    done = subprocess.run(
        f"{sys.executable} -m meshlint {verb} <&-", shell=True, capture_output=True, text=True, check=False
    )

    assert (2, "meshlint: standard input is not available for '-'\n") == (done.returncode, done.stderr)


def test_a_suppression_of_what_is_no_check_is_said(here, capsys):
    """
    A slip in a comment is a finding where it stands, with what was meant.
    """
    comment = " # meshlint: ignore[dual-mode-namespce, enrollment]"
    (here / "a.yaml").write_text(TWO_MODES.replace("enabled", "enabled" + comment))

    assert 1 == run(["check", "--format", "concise"])
    hint = "no such check or family: 'dual-mode-namespce'; did you mean 'dual-mode-namespace'?"
    assert f"a.yaml:7:49: warning[unknown-suppression] {hint}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "is_known"),
    [("1.21.9", False), ("1.22", True), ("1.22.0", True), ("1.32", True), ("1.33", False)],
)
@pytest.mark.parametrize("verb", ["check", "describe"])
def test_an_istio_version_that_is_not_known_is_said(here, capsys, verb, version, is_known):
    """
    The run goes on, and says which versions are known; the one in development may be tried.
    """
    (here / "a.yaml").write_text(HEALTHY)

    assert 0 == run([verb, "--istio-version", version])
    said = capsys.readouterr().err
    known = "is not a version that meshlint knows (1.22 to 1.31): not all may hold for it\n"
    assert ("" if is_known else f"meshlint: Istio {version} {known}") == said


def test_explain_tells_the_checks_of_a_family(capsys):
    """
    A family is no check, but its checks can be named.
    """
    assert 0 == run(["explain", "waypoint"])
    said = capsys.readouterr().out
    assert said.startswith("`waypoint` is a family of checks")
    assert "  dangling-waypoint  " in said


def test_a_mended_manifest_is_shown_without_what_tests_expect_of_the_faulty_one(capsys):
    """
    What is mended has no fault to announce.
    """
    assert 0 == run(["explain", "unquoted-label-value"])
    page = capsys.readouterr().out
    faulty, _, mended = page.partition("## Mended")
    assert "# error: unquoted-label-value" in faulty
    assert "apiVersion" in mended
    assert "# error:" not in mended


def test_an_empty_directory_becomes_a_package_of_checks(here, capsys):
    """
    `new-check` begins the package too, and says how it is found.
    """
    (here / "house").mkdir()

    assert 0 == run(["new-check", "naming", "unnamed-thing", "--package", "house"])
    said = capsys.readouterr()
    assert "house/__init__.py" == said.out.splitlines()[0]
    assert '[project.entry-points."meshlint.checks"] house = "house"' in said.err


AMBIENT = HEALTHY + "    istio.io/use-waypoint: waypoint\n"
WAYPOINT = """apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
"""


def files(here: Path, **texts: str) -> None:
    """Write files; `__` in a name stands for a directory."""
    for name, text in texts.items():
        path = here / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def severities(capsys, *arguments: str) -> dict[str, str]:
    """The severity of each finding of a run."""
    run(["check", "--format", "json", *arguments])
    return {found["check"]: found["severity"] for found in json.loads(capsys.readouterr().out)["findings"]}


def test_a_release_of_something_unread_may_bring_the_waypoint(here, capsys):
    """
    A chart delivered to a namespace opens it, so that what is missing there is no error.
    """
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x, namespace: shop}\n"
    )
    files(here, ns=AMBIENT, other=WAYPOINT.replace("waypoint}", "w, namespace: other}"))

    assert "error" == severities(capsys)["dangling-waypoint"]
    files(here, release=release)
    assert "note" == severities(capsys)["dangling-waypoint"]


def test_what_a_patch_changes_is_only_noted_and_said(here, capsys):
    """
    A finding on an object that an overlay patches is a note which shows the patch; the summary counts it.
    """
    files(here, base__ns=TWO_MODES, base__kustomization="resources: [ns.yaml]\n")
    assert 1 == run(["check", "--no-render"])
    patch = "- {op: remove, path: /metadata/labels/istio-injection}"
    files(
        here,
        prod__kustomization="resources: [../base]\n"
        f"patches:\n- target: {{kind: Namespace}}\n  patch: |-\n    {patch}\n",
    )
    capsys.readouterr()

    assert 0 == run(["check", "--no-render"])
    said = capsys.readouterr().out
    assert "note[dual-mode-namespace]" in said
    assert "prod/kustomization.yaml:3:3" in said
    assert said.endswith(
        "1 kustomization changes or adds objects and was not applied: `meshlint sets` says why.\n"
    )


def test_kustomizations_that_were_not_applied_are_counted_in_json(here, capsys):
    """
    The summary for scripts has the number too.
    """
    files(here, kustomization="resources: [ns.yaml]\nnamePrefix: x-\n", ns=HEALTHY)
    run(["check", "--no-render", "--format", "json"])

    assert 1 == json.loads(capsys.readouterr().out)["summary"]["unapplied"]
