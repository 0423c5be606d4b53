"""Each of our checks against the manifests beside it."""

import pytest

from meshlint.testing import differences, fixtures, load_catalog, observed_reads

CATALOG = load_catalog()
OURS = [check for check in CATALOG.checks if check.module.startswith("house_rules.")]
CASES = [(check, fixture) for check in OURS for fixture in fixtures(check)]


def test_the_checks_are_found():
    """The package is installed, and its entry point leads to it."""
    assert [check.id for check in OURS] == ["unguarded-card-data"]


@pytest.mark.parametrize(("check", "fixture"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_a_check_says_of_its_fixtures_what_they_expect(check, fixture):
    """Every expected finding is there, on its line, and no other."""
    assert differences(check, fixture, CATALOG) == []


@pytest.mark.parametrize("check", OURS, ids=lambda check: check.id)
def test_a_check_declares_what_it_reads(check):
    """What it looks at beside its subjects is what it says."""
    assert set().union(*(observed_reads(check, fixture) for fixture in fixtures(check))) == set(check.reads)
