"""Every check against the fixtures beside it: they are its specification."""

import pytest

from meshlint.checking.catalog import Check, load_catalog
from meshlint.checking.page import fixture_path
from meshlint.testing import differences, expectations, fixtures, mended

CATALOG = load_catalog()
CASES = [(check, fixture) for check in CATALOG.checks for fixture in fixtures(check)]


@pytest.mark.parametrize(("check", "fixture"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_a_check_says_of_its_fixtures_what_they_expect(check, fixture):
    """
    A check finds what a fixture announces, on that line, and nothing else.
    """
    assert [] == differences(check, fixture, CATALOG)


@pytest.mark.parametrize("check", CATALOG.checks, ids=lambda check: check.id)
def test_a_bad_fixture_expects_findings_and_a_good_one_none(check: Check):
    """
    The bad fixture of a check announces its findings, the good one announces none of them.
    """
    for fixture in fixtures(check):
        wanted = [
            w for w in expectations(fixture.read_bytes().decode(errors="replace")) if w.check == check.id
        ]

        assert fixture.name.endswith(".bad.yaml") == bool(wanted), fixture.name


@pytest.mark.parametrize(
    "check", [c for c in CATALOG.checks if fixture_path(c, "fixed")], ids=lambda check: check.id
)
def test_the_fixes_of_a_check_mend_its_bad_fixture(check: Check):
    """
    The bad fixture with all fixes applied is the fixed fixture, to the letter.
    """
    fixed, bad = fixture_path(check, "fixed"), fixture_path(check, "bad")
    assert fixed is not None
    assert bad is not None

    assert fixed.read_text(encoding="utf-8") == mended(check, bad, CATALOG)
