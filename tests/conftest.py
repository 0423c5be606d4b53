"""What holds for all tests."""

import itertools

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
