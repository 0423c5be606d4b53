"""The hook, as pre-commit installs and runs it, in repositories of its own."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRE_COMMIT = (sys.executable, "-m", "pre_commit")

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio.io/use-waypoint: waypoint
"""
MISSPELT = NAMESPACE.replace("use-waypoint: waypoint", "use-waypoint: waypont")
WAYPOINT = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: waypoint
  namespace: shop
  labels:
    istio.io/waypoint-for: service
spec:
  gatewayClassName: istio-waypoint
  listeners:
    - name: mesh
      port: 15008
      protocol: HBONE
"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pre_commit") is None or shutil.which("git") is None,
    reason="needs git, and pre-commit, which comes with the extra 'dev'",
)


@dataclass(frozen=True)
class Repository:
    """A git repository, and the environment in which commands are run there."""

    path: Path
    environment: dict[str, str]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command; standard error goes where standard output goes."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(command, cwd=self.path, env=self.environment, check=False, **streams)

    def git(self, *arguments: str) -> str:
        """Run git, which has to succeed."""
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def write(self, **texts: str) -> None:
        """Write manifests, `name="text"` to name.yaml."""
        for name, text in texts.items():
            (self.path / f"{name}.yaml").write_text(text, encoding="utf-8")

    def commit(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Try to commit what is staged, the hook willing."""
        return self.run("git", "commit", "--quiet", "--message", "a change", *options)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without a user's git settings, with a pre-commit cache of this session."""
    home = tmp_path_factory.mktemp("environment")
    (home / "gitconfig").touch()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "PRE_COMMIT")) and name not in ("SKIP", "PYTHONPATH", "FORCE_COLOR")
    }
    who = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", "A Tester"), ("EMAIL", "tester@example.invalid"))
    }
    return {
        **kept,
        **who,
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
    }


@pytest.fixture(scope="session")
def hook(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Repository:
    """The project as a repository: what git tracks or would, as it is in the work tree."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git work tree: nothing says which files are the project's")
    here = Repository(ROOT, environment)
    listed = here.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    copy = _new_repository(tmp_path_factory.mktemp("hook"), environment)
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (copy.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy.path / name)
    copy.git("add", "--all")
    copy.git("commit", "--quiet", "--message", "meshlint as it is here")
    return copy


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> None:
    """Skip where pip can get nothing, be it from an index or from a wheelhouse (PIP_FIND_LINKS)."""
    directory = tmp_path_factory.mktemp("index")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1"]
    done = subprocess.run(
        [*pip, "--dest", directory, "hatchling"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        pytest.skip(f"no package index, and no wheelhouse: {why}")


@pytest.fixture
def shop(
    tmp_path: Path,
    environment: dict[str, str],
    hook: Repository,
    package_index: None,
) -> Callable[..., Repository]:
    """Make a repository that has some manifests committed and the hook installed."""

    def make(**manifests: str) -> Repository:
        repository = _new_repository(tmp_path / "shop", environment)
        (repository.path / ".pre-commit-config.yaml").write_text(_config(hook), encoding="utf-8")
        repository.write(**manifests)
        repository.git("add", "--all")
        repository.git("commit", "--quiet", "--message", "what was there before")
        installed = repository.run(*PRE_COMMIT, "install")
        assert installed.returncode == 0, installed.stdout
        return repository

    return make


def test_the_manifest_is_valid(hook: Repository):
    """
    pre-commit takes the hook manifest, and nothing in it asks for file names.
    """
    done = hook.run(*PRE_COMMIT, "validate-manifest", ".pre-commit-hooks.yaml")

    assert (0, "") == (done.returncode, done.stdout)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.usefixtures("package_index")
def test_the_hook_can_be_tried(tmp_path: Path, environment: dict[str, str], hook: Repository):
    """
    `pre-commit try-repo` installs meshlint from its repository and shows what it finds.
    """
    repository = _new_repository(tmp_path / "shop", environment)
    repository.write(namespace=MISSPELT, waypoint=WAYPOINT)
    repository.git("add", "--all")

    done = repository.run(*PRE_COMMIT, "try-repo", hook.path, "meshlint", "--all-files")

    assert _refused(done), done.stdout
    assert "error[dangling-waypoint]: no waypoint 'waypont' in namespace 'shop'" in done.stdout
    assert "--> namespace.yaml:7:" in done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_a_faulty_manifest_is_not_committed(shop: Callable[..., Repository]):
    """
    A commit with a finding in it is refused, and the finding is shown.
    """
    repository = shop(waypoint=WAYPOINT)
    before = repository.git("rev-parse", "HEAD")
    repository.write(namespace=MISSPELT)
    repository.git("add", "--all")

    done = repository.commit()

    assert _refused(done), done.stdout
    assert "error[dangling-waypoint]" in done.stdout
    assert before == repository.git("rev-parse", "HEAD")


@pytest.mark.slow
@pytest.mark.network
def test_a_clean_manifest_is_committed(shop: Callable[..., Repository]):
    """
    A commit without findings goes through.
    """
    repository = shop(waypoint=WAYPOINT)
    repository.write(namespace=NAMESPACE)
    repository.git("add", "--all")

    done = repository.commit()

    assert done.returncode == 0, done.stdout
    assert "2" == repository.git("rev-list", "--count", "HEAD")


@pytest.mark.slow
@pytest.mark.network
def test_a_waypoint_in_use_cannot_be_deleted(shop: Callable[..., Repository]):
    """
    A commit that only deletes a waypoint is refused while a namespace still asks for it.
    """
    repository = shop(namespace=NAMESPACE, waypoint=WAYPOINT)
    repository.git("rm", "--quiet", "waypoint.yaml")

    done = repository.commit()

    assert _refused(done), done.stdout
    assert "no waypoint 'waypoint' in namespace 'shop'" in done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_a_faulty_untracked_file_does_not_hold_up_a_commit(shop: Callable[..., Repository]):
    """
    What is not in the repository is not looked at: a fault in it is nobody's business yet.
    """
    repository = shop(waypoint=WAYPOINT)
    repository.write(namespace=NAMESPACE)
    repository.git("add", "--all")
    repository.write(draft=MISSPELT.replace("name: shop", "name: draft"))

    done = repository.commit()

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_an_untracked_waypoint_does_not_count(shop: Callable[..., Repository]):
    """
    A waypoint that is not part of the commit is not there for those who will check it out.
    """
    repository = shop()
    repository.write(namespace=NAMESPACE)
    repository.git("add", "--all")
    repository.write(waypoint=WAYPOINT)

    done = repository.commit()

    assert _refused(done), done.stdout
    assert "no waypoint 'waypoint' in namespace 'shop'" in done.stdout


def _new_repository(path: Path, environment: dict[str, str]) -> Repository:
    path.mkdir(exist_ok=True)
    repository = Repository(path, environment)
    repository.git("init", "--quiet")
    return repository


def _refused(commit: subprocess.CompletedProcess[str]) -> bool:
    """Whether a commit was refused because of findings, and not because meshlint failed."""
    return commit.returncode != 0 and "- exit code: 1\n" in commit.stdout


def _config(hook: Repository) -> str:
    return f"""\
repos:
  - repo: {hook.path}
    rev: {hook.git("rev-parse", "HEAD")}
    hooks:
      - id: meshlint
"""
