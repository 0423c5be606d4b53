"""
How accurate the checks are: each healthy mesh, and each broken in every way that fits it.

`python -m accuracy.measure` (with `tests` on the path) writes docs/accuracy.md.
"""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from accuracy.mesh import HealthyMesh, copy_original, read_corpus
from accuracy.mutation import Fault, Mutation, all_mutations
from meshlint.checking.catalog import load_catalog
from meshlint.checking.finding import Finding
from meshlint.checking.vocabulary import Severity
from meshlint.lint import Options, lint
from meshlint.model.version import IstioVersion

PAGE = Path(__file__).parent.parent.parent / "docs" / "accuracy.md"
_CATALOG = load_catalog()
_LARGE = 40
_ONE_IN = 8


class Outcome(NamedTuple):
    """What came of one fault of one mesh. `extra` are the checks that spoke and should not have."""

    fault: Fault
    mesh: str
    found: bool
    extra: tuple[str, ...]


class Silence(NamedTuple):
    """What is said of a healthy mesh: nothing, one hopes."""

    mesh: str
    objects: int
    notes: tuple[str, ...]
    alarms: tuple[str, ...]


class Measured(NamedTuple):
    """What came of one healthy mesh."""

    silence: Silence
    outcomes: tuple[Outcome, ...]


def measure(mesh: HealthyMesh, mutations: Sequence[Mutation]) -> Measured:
    """Lint a mesh as it is, and broken in each way that fits it; if it is dear, in every so many."""
    as_it_is = _lint(mesh, None, lambda directory: copy_original(mesh.name, directory))
    before: dict[str | None, list[Finding]] = {}
    found = []
    for mutation in _tried(mesh, mutations):
        broken = mesh.copy()
        at = mutation.run(broken)
        if at is None:
            continue
        if mutation.fault.version not in before:
            before[mutation.fault.version] = _lint(mesh, mutation.fault.version, mesh.write)
        findings = _lint(broken, mutation.fault.version, broken.write)
        said = before[mutation.fault.version]
        found.append(_outcome(mutation, mesh, _Change(said, findings), broken.line(at)))
    return Measured(_silence(mesh, as_it_is), tuple(found))


def _tried(mesh: HealthyMesh, mutations: Sequence[Mutation]) -> Sequence[Mutation]:
    """All mutations; of a large mesh, and of one that has to be built, one in so many."""
    if len(mesh.objects) <= _LARGE and not mesh.has_kustomizations():
        return mutations
    return mutations[sum(map(ord, mesh.name)) % _ONE_IN :: _ONE_IN]


def _silence(mesh: HealthyMesh, findings: Iterable[Finding]) -> Silence:
    shown = [(finding.severity, f"{finding.check} at {_place(finding)}") for finding in findings]
    return Silence(
        mesh.name,
        len(mesh.objects),
        notes=tuple(text for severity, text in shown if severity is Severity.NOTE),
        alarms=tuple(text for severity, text in shown if severity is not Severity.NOTE),
    )


class _Change(NamedTuple):
    """What is said of a mesh before and after it is broken."""

    before: list[Finding]
    after: list[Finding]

    def new(self) -> list[Finding]:
        """What is said at places of which nothing was said by the same check."""
        known = {_key(finding) for finding in self.before}
        return [finding for finding in self.after if _key(finding) not in known]

    def different(self) -> list[Finding]:
        """What is said in other words than before, too: in a part of a whole, much is not known anyway."""
        known = {(*_key(finding), finding.message) for finding in self.before}
        return [finding for finding in self.after if (*_key(finding), finding.message) not in known]


def _outcome(mutation: Mutation, mesh: HealthyMesh, change: _Change, expected: tuple[str, int]) -> Outcome:
    check = mutation.fault.check
    return Outcome(
        mutation.fault,
        mesh.name,
        found=any(f.check == check and _line(f) == expected for f in change.different()),
        extra=tuple(sorted({f.check for f in change.new() if _is_extra(f, mutation, expected)})),
    )


def _is_extra(finding: Finding, mutation: Mutation, expected: tuple[str, int]) -> bool:
    if finding.check == mutation.fault.check:
        return _line(finding) != expected
    return finding.severity is not Severity.NOTE and finding.check not in mutation.also


def _lint(mesh: HealthyMesh, version: str | None, write: Callable[[Path], None]) -> list[Finding]:
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory))
        os.chdir(directory)
        try:
            options = _options(mesh.circumstances)
            if version is not None:
                options = options._replace(istio_version=IstioVersion.parse(version))
            return list(lint(options, _CATALOG).findings)
        finally:
            os.chdir(here)


def _options(circumstances: str) -> Options:
    options = Options(render=True)
    for word in circumstances.removeprefix("# test:").split():
        name, _, value = word.partition("=")
        match name:
            case "istio-version":
                options = options._replace(istio_version=IstioVersion.parse(value))
            case "namespace":
                options = options._replace(namespace=value)
            case "complete":
                options = options._replace(complete=True)
            case _:
                raise ValueError(f"a mesh cannot ask for {word!r}")
    return options


def _line(finding: Finding) -> tuple[str, int]:
    return finding.at.file.path, finding.at.span.start_line


def _place(finding: Finding) -> str:
    path, line = _line(finding)
    return f"{path}:{line}"


def _key(finding: Finding) -> tuple[str, str]:
    return finding.check, finding.fingerprint


# The page

_HEAD = """\
# How accurate the checks are

{meshes} healthy meshes (`tests/corpus`) are linted as they are, and broken on purpose in {ways} ways, a
fault at a time (`tests/accuracy`). A fault counts as found if the check that is for it speaks at the very
line that was changed. Extra is what else is said at warning or above and is no consequence that the fault
is known to have, and the check itself on another line. Made by `make accuracy`; a test holds that it is up
to date. Large meshes, and those that kustomize has to build, are broken in one of {one_in} ways each.

{found} of {tried} faults are found, {missed} missed; {extra} of {tried} runs say something extra.
On the healthy meshes {alarms} findings at warning or above, {notes} notes.

"""


def page(measured: list[Measured]) -> str:
    """The whole page."""
    results = sorted(
        (outcome for each in measured for outcome in each.outcomes),
        key=lambda result: (result.fault.check, result.fault.how, result.mesh),
    )
    head = _HEAD.format(
        meshes=len(measured),
        one_in=_ONE_IN,
        ways=len({result.fault for result in results}),
        tried=len(results),
        found=sum(result.found for result in results),
        missed=sum(not result.found for result in results),
        extra=sum(bool(result.extra) for result in results),
        alarms=sum(len(each.silence.alarms) for each in measured),
        notes=sum(len(each.silence.notes) for each in measured),
    )
    meshes = [line for each in measured for line in rows(each)]
    named = [line for each in measured for line in failures(each)]
    parts = [
        head,
        "".join(_faults(results)),
        "\n## What is missed, and what is said too much\n\n",
        "\n".join(named) if named else "Nothing.",
        "\n\n## Healthy meshes\n\n",
        "| mesh | objects | findings at warning or above | notes | faults | found |\n",
        "|---|---|---|---|---|---|\n",
        "\n".join(meshes),
    ]
    return "\n".join(line.rstrip() for line in "".join(parts).splitlines()) + "\n"


def rows(measured: Measured) -> list[str]:
    """The row of a mesh in the page."""
    silence, results = measured
    notes = Counter(text.partition(" at ")[0] for text in silence.notes)
    shown = ", ".join(f"`{check}` {count}" for check, count in sorted(notes.items()))
    found = sum(result.found for result in results)
    alarms = ", ".join(silence.alarms)
    return [f"| {silence.mesh} | {silence.objects} | {alarms} | {shown} | {len(results)} | {found} |"]


def failures(measured: Measured) -> list[str]:
    """The lines of the page that name what is missed in a mesh, and what is said too much."""
    lines = []
    for result in measured.outcomes:
        where = f"`{result.fault.check}` in {result.mesh}, {result.fault.how}"
        if not result.found:
            lines.append(f"- {where}: missed")
        if result.extra:
            lines.append(f"- {where}: also {', '.join(f'`{name}`' for name in result.extra)}")
    return lines


def _faults(results: list[Outcome]) -> Iterator[str]:
    yield "## Faults\n\n| check | what is done | meshes | found | missed | extra |\n"
    yield "|---|---|---|---|---|---|\n"
    by_fault: dict[Fault, list[Outcome]] = defaultdict(list)
    for result in results:
        by_fault[result.fault].append(result)
    for fault, tried in by_fault.items():
        found, extra = sum(result.found for result in tried), sum(bool(result.extra) for result in tried)
        version = f" (Istio {fault.version})" if fault.version else ""
        yield (
            f"| [{fault.check}](checks/{fault.check}.md) | {fault.how}{version} | {len(tried)} "
            f"| {found} | {len(tried) - found} | {extra} |\n"
        )
    without = sorted({check.id for check in _CATALOG.checks} - {result.fault.check for result in results})
    if without:
        yield f"\nNo fault is made for: {', '.join(f'`{name}`' for name in without)}.\n"


def main() -> None:
    """Write the page: each mesh in a process of its own, as many at a time as there are processors."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        measured = list(pool.map(measure_named, [mesh.name for mesh in read_corpus()]))
    PAGE.write_text(page(measured), encoding="utf-8")


def measure_named(name: str) -> Measured:
    """Measure the mesh of a name with all mutations."""
    [mesh] = [mesh for mesh in read_corpus() if mesh.name == name]
    return measure(mesh, all_mutations())


if __name__ == "__main__":
    main()
