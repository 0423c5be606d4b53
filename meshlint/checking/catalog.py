"""
The checks that are there: declared by `@check`, found by walking the installed plugins.

A plugin is a package that an installed distribution names in the entry-point group
`meshlint.checks`. Its sub-packages are families, each module of a family is a check. Nothing
is ever loaded from a path that linted files name.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from types import ModuleType

from meshlint.checking.finding import Problem
from meshlint.checking.plugins import plugin_packages
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.errors import UsageError
from meshlint.model.kind import Kind
from meshlint.model.spelling import nearest
from meshlint.model.version import VersionRange
from meshlint.named import NamedTuple

_OTHER_WORDS = frozenset(("all", *(f"impact:{impact.value}" for impact in Impact)))


class TextSubject(Enum):
    """Subjects of a check that are text, not resources."""

    MANIFEST = "manifest"
    """Each manifest as it was written: a `Manifest`."""
    DUPLICATE_KEY = "duplicate key"
    """Each key that a mapping holds twice: a `DuplicateKey`."""
    UNREAD = "unread text"
    """Each text that could not be read as manifests: an `Unread`."""


Subject = Kind | TextSubject


class Page(NamedTuple):
    """A check's page: the title is the first paragraph of its docstring, the body the rest (Markdown)."""

    title: str
    body: str

    @classmethod
    def read(cls, doc: str) -> "Page":
        """Split a docstring into title and body."""
        title, _, body = doc.strip().partition("\n\n")
        return cls(" ".join(title.split()).rstrip("."), body.strip())


class Check(NamedTuple):
    """
    A declared check.

    `subjects` are what it is called with, one at a time; `reads` the further kinds it looks
    at; `istio` the versions in which its findings are true; `since` the meshlint version that
    brought it. `module` is where it is defined: its fixtures stand beside it.
    """

    id: str
    family: str
    page: Page
    severity: Severity
    impact: Impact
    subjects: tuple[Subject, ...]
    reads: tuple[Kind, ...]
    istio: VersionRange
    since: str
    module: str
    run: Callable[..., Iterable[Problem]]


class About(Enum):
    """What two findings have in common when one takes the place of the other."""

    PLACE = "the same place"
    RESOURCE = "the same object"
    SHOWN = "the place of the one is among the related places of the other"


class Precedence(NamedTuple):
    """
    Where two checks could speak, `speaks` does and `silent` is.

    `if_certain` leaves it to `silent` where `speaks` would say no more than a note.
    """

    speaks: str
    silent: str
    about: About
    if_certain: bool = False


class Catalog(NamedTuple):
    """All checks, sorted by id, and which of them gives way to which."""

    checks: tuple[Check, ...]
    precedence: tuple[Precedence, ...]

    def find(self, check_id: str) -> Check:
        """A check by its id. Raises UsageError with the nearest id if there is none."""
        for check in self.checks:
            if check.id == check_id:
                return check
        raise UsageError(_unknown("check", check_id, (check.id for check in self.checks)))

    def select(self, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Check, ...]:
        """
        The checks that some words choose: an id, a family, `impact:exposure`, or `all`.

        Without `select` all are chosen; `ignore` takes away. Raises UsageError for a word that
        names nothing.
        """
        chosen = set[str]().union(*(self._named(word) for word in select or ("all",)))
        for word in ignore:
            chosen -= self._named(word)
        return tuple(check for check in self.checks if check.id in chosen)

    def _named(self, word: str) -> set[str]:
        groups = self.groups
        if word not in groups:
            raise UsageError(_unknown("check or family", word, groups))
        return groups[word]

    @property
    def groups(self) -> dict[str, set[str]]:
        """The words that choose checks, each with the ids of those."""
        groups: dict[str, set[str]] = {"all": {check.id for check in self.checks}}
        for check in self.checks:
            for name in (check.id, check.family, f"impact:{check.impact.value}"):
                groups.setdefault(name, set()).add(check.id)
        for impact in Impact:
            groups.setdefault(f"impact:{impact.value}", set())
        return groups


def check(  # noqa: PLR0913 - a declaration names each of its parts
    *,
    doc: str | None,
    severity: Severity,
    impact: Impact,
    subjects: tuple[Subject, ...],
    since: str,
    reads: tuple[Kind, ...] = (),
    istio: str = "all",
) -> Callable[[Callable[..., Iterable[Problem]]], Check]:
    """
    Declare a check: a function from a subject and the mesh to problems.

    The id is the function's name, the family the package that it stands in, the page `doc`,
    the module's docstring. Raises ValueError if a part cannot be.
    """
    if not doc:
        msg = "a check needs a page: doc=__doc__"
        raise ValueError(msg)
    page = Page.read(doc)

    def declare(function: Callable[..., Iterable[Problem]]) -> Check:
        return Check(
            id=function.__name__.replace("_", "-"),
            family=function.__module__.split(".")[-2],
            page=page,
            severity=severity,
            impact=impact,
            subjects=subjects,
            reads=reads,
            istio=VersionRange(istio),
            since=since,
            module=function.__module__,
            run=function,
        )

    return declare


def load_catalog(is_mentioned: Callable[[str], bool] = lambda _: True) -> Catalog:
    """
    Find the checks of all installed plugins.

    A plugin may tell by `FAMILY_WORDS` (family to words) of which families the checks have
    nothing to say unless a manifest mentions one of some words: where `is_mentioned` knows none
    of them, they are not loaded.
    """
    from meshlint.checking.own import OWN_CHECKS

    checks: dict[str, Check] = {check.id: check for check in OWN_CHECKS}
    precedence: list[Precedence] = []
    for name in plugin_packages():
        package = _loaded(name)
        precedence.extend(getattr(package, "PRECEDENCE", ()))
        for found in _checks_of(package, is_mentioned):
            twin = checks.setdefault(found.id, found)
            if twin is not found:
                msg = f"two checks are called {found.id!r}: {twin.module} and {found.module}"
                raise UsageError(msg)
    return Catalog(tuple(checks[key] for key in sorted(checks)), tuple(precedence))


def check_ids() -> frozenset[str]:
    """The ids of all checks, none of which is loaded for it."""
    return _easily_known()[0]


def family_words() -> frozenset[str]:
    """All the words that `load_catalog` looks for to find out which checks may have something to say."""
    told = (getattr(_loaded(name), "FAMILY_WORDS", {}) for name in plugin_packages())
    return frozenset(word for words in told for family in words.values() for word in family)


def is_word(word: str) -> bool:
    """Whether a word chooses checks, as `Catalog.select` takes it. Only a word that does not loads them."""
    ids, families = _easily_known()
    return word in ids or word in families or word in _OTHER_WORDS or word in _all_words()


def find_word(word: str) -> None:
    """Make sure that a word chooses checks. Raises UsageError with the nearest one if it does not."""
    if not is_word(word):
        _whole_catalog().select([word])


def find_check(word: str) -> None:
    """Make sure that a word is the id of a check. Raises UsageError with the nearest one if it is not."""
    if word not in check_ids():
        _whole_catalog().find(word)


@cache
def _whole_catalog() -> Catalog:
    return load_catalog()


@cache
def _all_words() -> frozenset[str]:
    return frozenset(_whole_catalog().groups)


@cache
def _easily_known() -> tuple[frozenset[str], frozenset[str]]:
    """The checks and families that can be told from the names of modules, each of which is a check."""
    from meshlint.checking.own import FAMILY, OWN_CHECKS

    modules = [
        name.split(".")[-2:]
        for package in plugin_packages()
        for name in _modules_below(_loaded(package), lambda _: True)
    ]
    ids = (module.replace("_", "-") for _, module in modules)
    own = (check.id for check in OWN_CHECKS)
    return frozenset((*ids, *own)), frozenset((FAMILY, *(family for family, _ in modules)))


def _checks_of(package: ModuleType, is_mentioned: Callable[[str], bool]) -> Iterator[Check]:
    for name in _modules_below(package, is_mentioned):
        members = vars(_loaded(name)).values()
        yield from (member for member in members if isinstance(member, Check) and member.module == name)


def _loaded(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:
        kind = type(error).__name__
        raise UsageError(f"the plugin module {module!r} cannot be loaded ({kind}: {error})") from error


def _modules_below(package: ModuleType, is_mentioned: Callable[[str], bool]) -> Iterator[str]:
    """The modules of each family, those aside whose names begin with `_`. pkgutil would load inspect."""
    words: Mapping[str, tuple[str, ...]] = getattr(package, "FAMILY_WORDS", {})
    for home in package.__path__:
        for family in sorted(os.listdir(home)):
            directory = os.path.join(home, family)
            if not os.path.isfile(os.path.join(directory, "__init__.py")):
                continue
            if family in words and not any(map(is_mentioned, words[family])):
                continue
            for file in sorted(os.listdir(directory)):
                name, suffix = os.path.splitext(file)
                if suffix == ".py" and not name.startswith("_"):
                    yield f"{package.__name__}.{family}.{name}"


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    suggestion = nearest(word, known, limit=3)
    hint = f"; did you mean {suggestion!r}?" if suggestion else ""
    return f"no such {what}: {word!r}{hint}"
