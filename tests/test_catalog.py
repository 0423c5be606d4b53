"""What is asked of every check."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from meshlint.checking.catalog import Check, load_catalog
from meshlint.checking.own import OWN_CHECKS
from meshlint.checking.page import fixture_path
from meshlint.checking.run import CHECK_CRASHED
from meshlint.model.kind import ANY_RESOURCE, Kind
from meshlint.testing import findings_of, fixtures, observed_reads

CATALOG = load_catalog()
IDS = {check.id for check in CATALOG.checks}
SECTIONS = ["## What it does", "## Why it matters", "## How to fix it"]

PLUGGED = [check for check in CATALOG.checks if check not in OWN_CHECKS]

each_check = pytest.mark.parametrize("check", PLUGGED, ids=lambda check: check.id)


@each_check
def test_a_check_has_a_page(check: Check):
    """
    A page has a title in one sentence that fits an alert, and the three sections in order.
    """
    assert check.page.title
    assert len(check.page.title) <= 120
    assert "\n" not in check.page.title
    assert SECTIONS == [line for line in check.page.body.splitlines() if line.startswith("## ")]


@each_check
def test_a_check_has_a_bad_and_a_good_fixture(check: Check):
    """
    What a check finds and what it leaves alone stand beside it.
    """
    assert fixture_path(check, "bad") is not None
    assert fixture_path(check, "good") is not None


@each_check
def test_file_function_and_id_are_one_name(check: Check):
    """
    One name is used for the file, the function, the page and the suppression.
    """
    assert check.id.replace("-", "_") == check.module.rpartition(".")[2] == check.run.__name__
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", check.id)
    assert check.id != CHECK_CRASHED.id


@each_check
def test_a_check_declares_what_it_reads(check: Check):
    """
    The kinds that a check looks at on its fixtures are those that it declares, no more, no less.
    """
    if not any(isinstance(subject, Kind) for subject in check.subjects):
        pytest.skip("its subjects are texts")
    if ANY_RESOURCE in check.subjects:
        assert check.reads == (), "every kind is a subject"
        return
    observed = set().union(*(observed_reads(check, fixture) for fixture in fixtures(check)))

    assert set(check.reads) - set(check.subjects) == observed - set(check.subjects)


@each_check
def test_a_check_has_nothing_to_say_where_no_word_of_its_family_occurs(check: Check, tmp_path):
    """
    A family that is only loaded where a word occurs finds nothing in what is left without such documents.
    """
    words = importlib.import_module(check.module.partition(".")[0]).FAMILY_WORDS.get(check.family)
    for fixture in fixtures(check) if words else ():
        text = fixture.read_bytes().decode("utf-8", "replace")
        head = text.partition("\n")[0] if text.startswith("# test:") else ""
        rest = [part for part in re.split(r"^---$", text, flags=re.MULTILINE) if not _mentions(part, words)]
        (tmp_path / fixture.name).write_text("\n---\n".join([head, *rest]), encoding="utf-8")

        assert [] == findings_of(check, tmp_path / fixture.name, CATALOG)


def _mentions(document: str, words: tuple[str, ...]) -> bool:
    said = "\n".join(re.sub("#.*", "", line) for line in document.splitlines())
    return any(word in said for word in words)


def test_precedence_speaks_of_checks_that_exist_and_has_no_circle():
    """
    Each rule of precedence names two checks; none is silent for one that is silent for it.
    """
    pairs = {(rule.speaks, rule.silent) for rule in CATALOG.precedence}

    assert {name for pair in pairs for name in pair} <= IDS
    assert not {(silent, speaks) for speaks, silent in pairs} & pairs


def test_no_fixture_is_left_without_its_check():
    """
    Every YAML file among the checks belongs to a check.
    """
    known = {path for check in CATALOG.checks for path in fixtures(check)}
    known |= {path for check in CATALOG.checks if (path := fixture_path(check, "fixed"))}
    package = Path(str(sys.modules["meshlint_checks"].__file__)).parent

    assert sorted(known) == sorted(package.rglob("*.yaml"))


@pytest.mark.parametrize(
    ("words", "ignored", "expected"),
    [
        (["dangling-waypoint"], [], {"dangling-waypoint"}),
        (["waypoint"], ["dangling-waypoint"], None),
        (["impact:exposure"], [], None),
        ([], ["all"], set()),
    ],
)
def test_checks_are_selected_by_id_family_and_impact(words, ignored, expected):
    """
    A word chooses a check, a family or an impact; what is ignored is taken away.
    """
    chosen = CATALOG.select(words, ignored)

    assert all(
        word in (check.id, check.family, f"impact:{check.impact.value}") for check in chosen for word in words
    )
    assert expected is None or expected == {check.id for check in chosen}
    assert not {check.id for check in chosen} & set(ignored)
