"""Named tuples that are made quickly are what those of typing are."""

import copy
import inspect
import pickle
import sys
import typing

import pytest

from meshlint import named


class Quick(named.NamedTuple):
    """Where a thing is."""

    name: str
    way: "tuple[str, ...]" = ()
    size: int = 5

    limit = 7

    @property
    def twice(self) -> int:
        """Twice its size."""
        return self.size * 2

    @classmethod
    def of(cls, text: str) -> "Quick":
        """Read it from a text."""
        return cls(*text.split())

    def __str__(self) -> str:
        return f"{self.name}!{super().__len__()}"


class Plain(typing.NamedTuple):
    """Where a thing is."""

    name: str
    way: "tuple[str, ...]" = ()
    size: int = 5


class Empty(named.NamedTuple):
    """Nothing."""


MADE = [lambda of: of("a"), lambda of: of("a", size=3), lambda of: of(size=1, way=("b",), name="c")]


@pytest.mark.parametrize("make", MADE)
def test_what_is_made_is_the_same(make):
    one, other = make(Quick), make(Plain)

    assert tuple(one) == tuple(other)
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one).removeprefix("Quick") == repr(other).removeprefix("Plain")
    assert one._asdict() == other._asdict()
    assert one._replace(name="z") == other._replace(name="z")
    assert (one.name, one.way, one.size) == (other.name, other.way, other.size)
    assert type(one._replace(size=1)) is Quick
    assert isinstance(one, tuple)
    assert one < Quick("d")


def test_a_class_knows_its_fields():
    for name in ("_fields", "_field_defaults", "__match_args__", "__doc__", "__slots__"):
        assert getattr(Quick, name) == getattr(Plain, name)
    assert "test_named" in Quick.__module__
    assert typing.get_type_hints(Plain) == typing.get_type_hints(Quick)
    assert [(it.name, it.default, it.kind) for it in inspect.signature(Quick).parameters.values()] == [
        (it.name, it.default, it.kind) for it in inspect.signature(Plain).parameters.values()
    ]
    assert 7 == Quick.limit
    assert () == Empty()


def test_methods_are_its_own():
    assert 10 == Quick("a").twice
    assert Quick("a", "b") == Quick.of("a b")
    assert "a!3" == str(Quick("a"))
    match Quick("a", ("b",)):
        case Quick(name, size=size):
            assert ("a", 5) == (name, size)
        case _:
            pytest.fail("it matches")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_can_be_copied_and_sent(protocol):
    one = Quick("a", ("b",))

    assert one == pickle.loads(pickle.dumps(one, protocol))
    assert type(pickle.loads(pickle.dumps(one, protocol))) is Quick
    assert one == copy.deepcopy(one) == copy.copy(one)


@pytest.mark.parametrize("of", [Quick, Plain])
def test_what_cannot_be_is_refused(of):
    for make in (
        of,
        lambda: of("a", other=1),
        lambda: of("a", (), 1, 2),
        lambda: of("a", name="b"),
    ):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(AttributeError):
        of("a").name = "b"
    with pytest.raises(AttributeError):
        of("a").other = "b"
    with pytest.raises((TypeError, ValueError)):
        of("a")._replace(other=1)
    with pytest.raises(TypeError):
        of._make(["a"])


@pytest.mark.parametrize("base", [named.NamedTuple, typing.NamedTuple])
def test_a_field_with_a_default_is_followed_by_such_only(base):
    with pytest.raises(TypeError, match="default"):
        exec("class Odd(base):\n    one: int = 1\n    other: int\n", {"base": base, "__name__": __name__})


def test_it_is_that_of_typing_where_annotations_come_late():
    is_quick = named.NamedTuple is not typing.NamedTuple

    assert is_quick == (sys.version_info < (3, 14))
