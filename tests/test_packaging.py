"""What is built and shipped: a wheel with two packages, their data, and a command that runs."""

import email
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from meshlint import __version__

ROOT = Path(__file__).parents[1]
CHECKS = ROOT / "checks" / "meshlint_checks"
PLUGIN = ROOT / "examples" / "plugin"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that is built from it."""
    for tool in ("build", "hatchling"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed; it comes with the extra 'dev'")
    directory = tmp_path_factory.mktemp("built")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, ROOT)
    return directory


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """The wheel."""
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def shipped(wheel: Path) -> set[str]:
    """The files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel."""
    return _environment(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="session")
def plugged(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel, and with that of the example of a plugin."""
    sources = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, sources / "plugin", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    _run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", sources, sources / "plugin")
    return _environment(tmp_path_factory.mktemp("plugged"), wheel, *sources.glob("*.whl"))


def _environment(home: Path, *wheels: Path) -> Path:
    """The `bin` of a new environment with some wheels; what they depend on is borrowed from this one."""
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    _run(*pip, "--no-deps", "--no-index", "--no-compile", *wheels)
    # Lines of a .pth file come last on the path, and .pth files found there are not read: of this
    # environment's meshlint, should it be an editable one, nothing is seen.
    [site_packages] = home.glob("lib/python*/site-packages")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "borrowed.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")
    return python.parent


def test_the_wheel_holds_two_packages_and_nothing_else(shipped: set[str]):
    """
    Only `meshlint`, `meshlint_checks` and the metadata land in site-packages.
    """
    metadata = f"meshlint-{__version__}.dist-info"

    assert {"meshlint", "meshlint_checks", metadata} == {name.partition("/")[0] for name in shipped}


@pytest.mark.parametrize("package", [ROOT / "meshlint", CHECKS], ids=lambda package: package.name)
def test_every_file_of_a_package_ships(package: Path, shipped: set[str]):
    """
    Modules, fixtures and `py.typed` ship; caches do not.
    """
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert f"{package.name}/py.typed" in files
    assert files == {name for name in shipped if name.startswith(f"{package.name}/")}


def test_fixtures_ship(shipped: set[str]):
    """
    Each check's bad and good manifests are in the wheel, so that `explain` can show them.
    """
    wanted = {
        f"meshlint_checks/{path.relative_to(CHECKS).as_posix()}"
        for kind in ("bad", "good")
        for path in CHECKS.glob(f"*/*.{kind}.yaml")
    }

    assert "meshlint_checks/waypoint/dangling_waypoint.bad.yaml" in wanted
    assert set() == wanted - shipped


def test_metadata_name_the_command_the_plugin_and_the_licence(wheel: Path):
    """
    The entry points are the command and the built-in checks; the licence text is included.
    """
    metadata = f"meshlint-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(f"{metadata}/entry_points.txt").decode())
        about = email.message_from_bytes(archive.read(f"{metadata}/METADATA"))
        licence = archive.read(f"{metadata}/licenses/LICENSE").decode()

    assert "meshlint.cli:main" == entry_points["console_scripts"]["meshlint"]
    assert "meshlint_checks" == entry_points["meshlint.checks"]["builtin"]
    assert (__version__, "Apache-2.0") == (about["Version"], about["License-Expression"])
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_sdist_holds_what_the_wheel_needs(built: Path):
    """
    The source distribution has the packages, the licence and the pages a packager looks for.
    """
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "meshlint/__init__.py"}
    assert set() == {*wanted, "checks/meshlint_checks/__init__.py"} - names


def test_the_installed_command_runs_anywhere(installed: Path, tmp_path: Path):
    """
    `meshlint --version` and `python -m meshlint` work in a directory that is not the project's.
    """
    expected = f"meshlint {__version__}\n"

    assert expected == _run(installed / "meshlint", "--version", cwd=tmp_path)
    assert expected == _run(installed / "python", "-m", "meshlint", "--version", cwd=tmp_path)


def test_the_installed_checks_are_found_and_explained(installed: Path, tmp_path: Path):
    """
    The installed command lists the built-in checks, and shows the manifests that ship with them.
    """
    assert "dangling-waypoint" in _run(installed / "meshlint", "checks", cwd=tmp_path)
    assert "waypont" in _run(installed / "meshlint", "explain", "dangling-waypoint", cwd=tmp_path)


def test_the_installed_command_finds_what_the_fixture_expects(installed: Path, tmp_path: Path):
    """
    The installed command lints: the bad fixture of a check makes it fail.
    """
    bad = (CHECKS / "waypoint" / "dangling_waypoint.bad.yaml").read_text(encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")

    assert "[dangling-waypoint]" in _run(installed / "meshlint", "check", cwd=tmp_path, code=1)


def test_a_plugin_is_found_beside_the_built_in_checks(plugged: Path, tmp_path: Path):
    """
    A package of somebody else's, installed next to meshlint, adds its checks to the catalogue and to a run.
    """
    bad = PLUGIN / "house_rules" / "cards" / "unguarded_card_data.bad.yaml"
    (tmp_path / "bad.yaml").write_text(bad.read_text(encoding="utf-8"), encoding="utf-8")

    assert "unguarded-card-data" in _run(plugged / "meshlint", "checks", "cards", cwd=tmp_path)
    assert "dangling-waypoint" in _run(plugged / "meshlint", "checks", cwd=tmp_path)
    assert "Our auditors want" in _run(plugged / "meshlint", "explain", "unguarded-card-data", cwd=tmp_path)
    assert "error[unguarded-card-data]" in _run(plugged / "meshlint", "check", cwd=tmp_path, code=1)


def test_the_tests_of_the_plugin_pass(plugged: Path, tmp_path: Path):
    """
    What the example tests of itself holds, with the package as it was installed.
    """
    shutil.copytree(PLUGIN / "tests", tmp_path / "tests")

    assert "4 passed" in _run(plugged / "python", "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path)


def _run(*command: str | Path, cwd: Path | None = None, code: int = 0) -> str:
    """Standard output of a command that has to end with an exit code."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PRE_COMMIT", "FORCE_COLOR")
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert code == done.returncode, f"{done.stdout}\n{done.stderr}"
    return done.stdout
