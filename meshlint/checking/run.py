"""Running checks: from declared checks and a mesh to findings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from meshlint.checking.catalog import About, Check, Page, Precedence, Subject, TextSubject
from meshlint.checking.finding import Finding, Fix, Problem, ResourceIdentity
from meshlint.checking.policy import NO_POLICY, Policy
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.mesh.derived import Cause
from meshlint.mesh.mesh import Mesh
from meshlint.model.kind import ANY_RESOURCE, Kind
from meshlint.model.resource import Resource
from meshlint.model.version import VersionRange
from meshlint.named import NamedTuple
from meshlint.parallel import division
from meshlint.source.document import DuplicateKey, FieldPath, Location, Manifest, Unread
from meshlint.source.rendered import is_rendered

SHARED_FROM = 5_000
"""How many objects are worth another process."""

# How many objects a process checks before it looks for more to do.
_PIECE = 1_000

_CRASH_PAGE = """
A check failed, so what it looks for may be there unseen.

## What it does

meshlint itself has a fault: the check that is named raised an error on the object that is
named. All other checks went on. The exit code is 3.

## How to fix it

Please report it, with the object if you can share it. Until then the check can be left out with
`--ignore`.
"""

CHECK_CRASHED = Check(
    id="check-crashed",
    family="meshlint",
    page=Page.read(_CRASH_PAGE),
    severity=Severity.ERROR,
    impact=Impact.HYGIENE,
    subjects=(),
    reads=(),
    istio=VersionRange("all"),
    since="0.1.0",
    module=__name__,
    run=lambda: (),
)
"""The finding that names a check which raised. No plugin declares it."""


class Part(NamedTuple):
    """One of so many parts, from 0 on."""

    number: int
    parts: int

    def of(self, listed: Sequence[object]) -> Sequence[object]:
        """Its stretch of a list."""
        count = len(listed)
        return listed[count * self.number // self.parts : count * (self.number + 1) // self.parts]


WHOLE = Part(0, 1)


class Checkable:
    """
    What checks are run on: the mesh of one manifest set, and the texts that it came from.

    `name` is the set's, None for texts that stand for themselves. `resources` are the objects
    to report on; the mesh may hold more, as context.
    """

    def __init__(
        self,
        name: str | None,
        mesh: Mesh,
        resources: Sequence[Resource] = (),
        duplicate_keys: Sequence[DuplicateKey] = (),
        unread: Sequence[Unread] = (),
    ) -> None:
        self.name: Final = name
        self.mesh: Final = mesh
        self.resources: Final = resources
        self.duplicate_keys: Final = duplicate_keys
        self.unread: Final = unread

    @cached_property
    def _by_kind(self) -> Mapping[Kind, list[Resource]]:
        by_kind: dict[Kind, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            by_kind[resource.kind].append(resource)
        return by_kind

    def subjects(self, wanted: Iterable[Subject], part: Part = WHOLE) -> Iterator[Sequence[object]]:
        """
        What a check is called with, listed by what was wanted; of some parts that are about as large, one.

        Of each list it is the same part: neighbours have facts in common, which are derived once for them.
        """
        for subjects in map(self._listed, wanted):
            yield part.of(subjects)

    def _listed(self, subject: Subject) -> Sequence[object]:
        match subject:
            case TextSubject.MANIFEST:
                return [resource.manifest for resource in self.resources]
            case TextSubject.DUPLICATE_KEY:
                return self.duplicate_keys
            case TextSubject.UNREAD:
                return self.unread
            case Kind() if subject == ANY_RESOURCE:
                return self.resources
            case Kind():
                return self._by_kind.get(subject, ())


class _Raised(NamedTuple):
    """A problem, by which check and about which object."""

    check: Check
    problem: Problem
    resource: Resource | None


_Spoken = dict[tuple[str, About, bool], set[object]]


def run_checks(
    checks: Sequence[Check],
    precedence: Sequence[Precedence],
    checkable: Checkable,
    policy: Policy = NO_POLICY,
    jobs: int = 1,
) -> list[Finding]:
    """
    Run the checks that hold for the mesh's Istio version, each on each of its subjects.

    A check that raises becomes the finding `check-crashed`; the others go on. Where two could
    speak of one thing, `precedence` says which does. `policy` may want other severities. Many subjects are
    shared by as many processes as there are `jobs`.
    """
    held = [check for check in checks if checkable.mesh.version in check.istio]
    raised = _all_raised(held, checkable, jobs)
    return _findings(_give_way(raised, precedence), checkable, policy)


def findings_of(
    problems: Iterable[tuple[Check, Problem]], checkable: Checkable, policy: Policy = NO_POLICY
) -> list[Finding]:
    """The findings that problems of text make, which no check was called for."""
    return _findings((_Raised(check, problem, None) for check, problem in problems), checkable, policy)


def merge_sets(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for what several sets have in common, sorted by place."""
    merged: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.check, finding.at.file.path, finding.at.offsets, finding.message)
        twin = merged.get(key)
        sets = tuple(dict.fromkeys((*twin.sets, *finding.sets))) if twin else finding.sets
        worse = twin if twin and twin.severity >= finding.severity else finding
        merged[key] = worse._replace(sets=sets)
    return sorted(merged.values(), key=lambda f: (f.at.file.path, *f.at.offsets, f.check, f.message))


def field_text(path: FieldPath) -> str:
    """A field as users write it: `spec.listeners[0].port`, `metadata.labels[istio.io/rev]`."""
    text = ""
    for step in path:
        plain = isinstance(step, str) and step.replace("_", "a").replace("-", "a").isalnum()
        text += f".{step}" if plain else f"[{step}]"
    return text.removeprefix(".")


def _all_raised(checks: Sequence[Check], checkable: Checkable, jobs: int) -> list[_Raised]:
    jobs, pieces = division(len(checkable.resources), worth=SHARED_FROM, piece=_PIECE, jobs=jobs)
    if jobs == 1:
        return [entry for check in checks for listed in _run(check, checkable) for entry in listed]
    from meshlint.checking.sharing import shared

    known = (*checks, CHECK_CRASHED, *checkable.mesh.graph.resources)

    def run(number: int) -> list[list[list[_Raised]]]:
        return [_run(check, checkable, Part(number, pieces)) for check in checks]

    parts = shared(run, pieces, jobs, known)
    # In the order in which one process finds them: check, list of subjects, part.
    return [
        entry
        for of_check in zip(*parts, strict=True)
        for of_list in zip(*of_check, strict=True)
        for entries in of_list
        for entry in entries
    ]


def _run(check: Check, checkable: Checkable, part: Part = WHOLE) -> list[list[_Raised]]:
    """Run a check on its subjects, or on one of some parts of them; what it raised, by list of subjects."""
    return [
        [*_run_on(check, subjects, checkable.mesh)] for subjects in checkable.subjects(check.subjects, part)
    ]


def _run_on(check: Check, subjects: Iterable[object], mesh: Mesh) -> Iterator[_Raised]:
    run = check.run
    for subject in subjects:
        try:
            for problem in run(subject, mesh):
                yield _Raised(check, problem, subject if isinstance(subject, Resource) else None)
        except Exception as error:  # noqa: BLE001 - any fault of a check is a finding, the others go on
            resource = subject if isinstance(subject, Resource) else None
            yield _Raised(CHECK_CRASHED, _crash(check, subject, error), resource)


def _crash(check: Check, subject: object, error: Exception) -> Problem:
    match subject:
        case Resource():
            at, about = subject.at(), str(subject.ref)
        case Manifest():
            at, about = subject.at(), subject.file.path
        case Unread():
            at, about = subject.at, subject.at.file.path
        case DuplicateKey():
            at, about = subject.lost, subject.lost.file.path
        case _:
            raise error
    kind = type(error).__name__
    return Problem(f"the check {check.id!r} failed on {about} ({kind}: {error}): a fault of meshlint", at)


def _give_way(raised: Sequence[_Raised], precedence: Sequence[Precedence]) -> Iterator[_Raised]:
    spoken: _Spoken = defaultdict(set)
    for entry in raised:
        is_note = (entry.problem.severity or entry.check.severity) is Severity.NOTE
        for if_certain in (False,) if is_note else (False, True):
            spoken[entry.check.id, About.PLACE, if_certain].add(_place(entry.problem.at))
            spoken[entry.check.id, About.SHOWN, if_certain].add(_place(entry.problem.at))
            spoken[entry.check.id, About.RESOURCE, if_certain].add(entry.resource)
    givers: Mapping[str, list[Precedence]] = defaultdict(list)
    for rule in precedence:
        givers[rule.silent].append(rule)
    for entry in raised:
        if not any(_is_spoken_for(entry, rule, spoken) for rule in givers.get(entry.check.id, ())):
            yield entry


def _is_spoken_for(entry: _Raised, rule: Precedence, spoken: _Spoken) -> bool:
    places = spoken.get((rule.speaks, rule.about, rule.if_certain), set())
    match rule.about:
        case About.PLACE:
            return _place(entry.problem.at) in places
        case About.RESOURCE:
            return entry.resource is not None and entry.resource in places
        case About.SHOWN:
            return any(_place(cause.at) in places for cause in entry.problem.related)


def _place(at: Location) -> tuple[str, object, FieldPath]:
    written = at.start if at.manifest is None else at.manifest.written(at.field)[0]
    return (at.file.path, written, at.field)


def _is_same_text(one: Location, other: Location) -> bool:
    return one.file.path == other.file.path and one.offsets == other.offsets


def _findings(raised: Iterable[_Raised], checkable: Checkable, policy: Policy) -> list[Finding]:
    """One finding each; those with one fingerprint are told apart by their number."""
    seen: Counter[str] = Counter()
    findings = []
    for entry in raised:
        finding = _finding(entry, checkable, policy)
        seen[finding.fingerprint] += 1
        findings.append(finding._replace(fingerprint=f"{finding.fingerprint}:{seen[finding.fingerprint]}"))
    return findings


def _finding(entry: _Raised, checkable: Checkable, policy: Policy) -> Finding:
    check, problem, resource = entry.check, entry.problem, entry.resource
    identity = _identity(resource)
    field = field_text(problem.at.field) or None
    wanted = policy.severity(check.id, problem.at.file.path, identity)
    altered = _altered(entry, checkable.mesh)
    unapplied = (Cause("as written: this changes it and was not applied", altered),) if altered else ()
    return Finding(
        check=check.id,
        family=check.family,
        severity=_severity(entry, checkable, wanted, altered),
        impact=problem.impact or check.impact,
        message=problem.message,
        at=problem.at,
        related=(
            *(cause for cause in problem.related if not _is_same_text(cause.at, problem.at)),
            *unapplied,
            *_template(problem.at.manifest),
        ),
        fix=_makeable(problem),
        resource=identity,
        field=field,
        sets=(checkable.name,) if checkable.name is not None else (),
        fingerprint=_fingerprint(check, problem, identity, field),
    )


def _template(manifest: Manifest | None) -> Iterator[Cause]:
    """What made an object that was read after helm had rendered it: the template to change."""
    if manifest is not None and "# Source: " in manifest.file.text:
        from meshlint.source.chart_source import source_comment

        at = source_comment(manifest)
        if at is not None:
            yield Cause("made of this template", at)


def _makeable(problem: Problem) -> Fix | None:
    """The fix; where the place was only found again behind a renderer, its advice alone."""
    fix = problem.fix
    return fix._replace(edits=()) if fix is not None and is_rendered(problem.at.manifest) else fix


def _severity(
    entry: _Raised, checkable: Checkable, wanted: Severity | None, altered: Location | None
) -> Severity:
    """The severity that is wanted, or the check's own; less where there is doubt, whatever is wanted."""
    severity = wanted or entry.problem.severity or entry.check.severity
    if altered is not None:
        return min(severity, Severity.NOTE)
    ambiguous = entry.resource is not None and _is_ambiguous(entry.resource, checkable.mesh)
    return min(severity, Severity.WARNING) if ambiguous else severity


def _altered(entry: _Raised, mesh: Mesh) -> Location | None:
    """Where an object that a problem is about, or that proves it, is changed by what was not applied."""
    altered = mesh.graph.altered
    if not altered:
        return None
    resource = [entry.resource.manifest] if entry.resource else []
    shown = (place.manifest for place in (entry.problem.at, *(cause.at for cause in entry.problem.related)))
    return next((altered[it] for it in (*resource, *shown) if it is not None and it in altered), None)


def _is_ambiguous(resource: Resource, mesh: Mesh) -> bool:
    """Whether the set holds another, different definition of the same object."""
    return bool(resource.name) and not mesh.graph.agree(resource.ref)


def _identity(resource: Resource | None) -> ResourceIdentity | None:
    if resource is None:
        return None
    return ResourceIdentity(resource.head.api_version, resource.kind.name, resource.namespace, resource.name)


def _fingerprint(check: Check, problem: Problem, identity: ResourceIdentity | None, field: str | None) -> str:
    """A key that stays when lines move: what is found, in which object, at which field."""
    import hashlib

    if identity and identity.name:
        place = [identity.api_version.rpartition("/")[0], str(identity), field or ""]
    else:
        place = [problem.at.file.path, field or "", problem.message]
    return hashlib.sha256("\0".join((check.id, *place)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
