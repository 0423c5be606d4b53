"""
What a run does, counted: no more than it needs, and no faster growing than its input.

Counts are the same on every machine. What they come to in seconds is measured by `make bench`.
"""

import sys
from collections import Counter
from pathlib import Path

import pytest

from meshlint.checking.catalog import load_catalog
from meshlint.lint import Options, lint
from meshlint.mesh.foundation import Foundation
from meshlint.source import composer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from cluster import write_dump  # noqa: E402 - beside the package
from generator import write_mesh, write_shops  # noqa: E402

INPUTS = {
    "a cluster": (write_dump, 150),
    "a mesh": (write_mesh, 150),
    "copies of a faulty mesh": (write_shops, 5),
}
# With a little room for what happens once in a run, and for sorting.
LINEAR = 1.1


@pytest.fixture
def composed(monkeypatch):
    """The documents that were composed with their places, by where they begin."""
    made = Counter()
    real = composer.compose_document

    def compose_document(text, start, *told):
        made[id(text), start] += 1
        return real(text, start, *told)

    monkeypatch.setattr(composer, "compose_document", compose_document)
    return made


@pytest.fixture
def derived(monkeypatch):
    """How often each fact of the mesh was derived."""
    made = Counter()
    real = Foundation._fact

    def fact(mesh, name, subject, derive):
        return real(mesh, name, subject, lambda: made.update([(name, subject)]) or derive())

    monkeypatch.setattr(Foundation, "_fact", fact)
    return made


def calls(path: Path) -> int:
    """How many functions are called, and generators resumed, to lint a directory."""
    catalog = load_catalog()
    made = 0

    def count(_, event, __):
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        lint(Options(paths=[str(path)]), catalog)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("name", INPUTS)
def test_the_work_grows_with_the_input(name, tmp_path):
    """
    Four times as much is four times the work: nothing compares all things with all others.
    """
    write, size = INPUTS[name]
    for factor in (2, 8):
        write(tmp_path / str(factor), size * factor)
    calls(tmp_path / "2")

    assert calls(tmp_path / "8") < 4 * LINEAR * calls(tmp_path / "2")


@pytest.mark.parametrize("name", INPUTS)
def test_a_fact_is_derived_once(name, tmp_path, derived):
    """
    And four times as many for four times the input.
    """
    write, size = INPUTS[name]
    counts = []
    for factor in (1, 4):
        write(tmp_path / str(factor), size * factor)
        derived.clear()
        lint(Options(paths=[str(tmp_path / str(factor))]), load_catalog())
        assert {1} == {*derived.values()}
        counts.append(derived.total())

    assert counts[1] < 4 * LINEAR * counts[0]


@pytest.mark.parametrize("name", ["a cluster", "a mesh"])
def test_where_nothing_is_found_nothing_is_read_for_its_places(name, tmp_path, composed, opened):
    write, size = INPUTS[name]
    write(tmp_path / "x", size)
    result = lint(Options(paths=[str(tmp_path / "x")]))

    assert ((), {}) == (result.findings, composed)
    assert {1} == {*opened.values()}
    assert result.summary.files == len(opened)


def test_only_what_a_finding_shows_is_read_for_its_places(tmp_path, composed, opened):
    """
    Each once, however many findings there are in it.
    """
    write_shops(tmp_path / "x", 10)
    result = lint(Options(paths=[str(tmp_path / "x")]))
    shown = {
        (at.file.path, at.manifest) for finding in result.findings for at in finding.places if at.manifest
    }

    assert len(result.findings) > 100
    assert len(composed) <= len(shown)
    assert {1} == {*composed.values()}
    assert {1} == {*opened.values()}
