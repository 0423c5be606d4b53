"""What holds for all tests."""

import itertools
from collections import Counter

import pytest

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """A directory for the caches of the tests."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(autouse=True)
def cache_directory(caches, monkeypatch):
    """A cache that no other run has put anything into; it is not made before something is kept."""
    directory = caches / str(next(_NUMBERS))
    monkeypatch.setenv("MESHLINT_CACHE_DIR", str(directory))
    return directory


@pytest.fixture
def opened(monkeypatch):
    """How often each file was read for what it says."""
    from meshlint.source import discovery

    made = Counter()
    real = discovery._read
    monkeypatch.setattr(discovery, "_read", lambda found: made.update([found.real]) or real(found))
    return made


@pytest.fixture
def lints(monkeypatch):
    """How often something was linted."""
    from meshlint import lint

    made = []
    real = lint.lint
    monkeypatch.setattr("meshlint.lint.lint", lambda *told: made.append(1) or real(*told))
    return made
