"""
How accurate the checks are: each healthy mesh, and each broken in every way that fits it.

`python -m accuracy.measure` (with `tests` on the path) writes docs/accuracy.md.
"""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from accuracy.mesh import HealthyMesh, read_corpus
from accuracy.mutation import Mutation, all_mutations
from meshlint.checking.catalog import load_catalog
from meshlint.checking.finding import Finding
from meshlint.checking.vocabulary import Severity
from meshlint.lint import Options, lint
from meshlint.model.version import IstioVersion

PAGE = Path(__file__).parent.parent.parent / "docs" / "accuracy.md"
_CATALOG = load_catalog()


class Outcome(NamedTuple):
    """What came of one mutation of one mesh. `extra` are the checks that spoke and should not have."""

    mutation: Mutation
    mesh: str
    found: bool
    extra: tuple[str, ...]


class Silence(NamedTuple):
    """What is said of a healthy mesh: nothing, one hopes."""

    mesh: str
    objects: int
    notes: tuple[str, ...]
    alarms: tuple[str, ...]


def silence(mesh: HealthyMesh) -> Silence:
    """Lint a healthy mesh as it is written."""
    findings = _lint(mesh, None)
    shown = [(finding.severity, f"{finding.check} at {_place(finding)}") for finding in findings]
    return Silence(
        mesh.name,
        len(mesh.objects),
        notes=tuple(text for severity, text in shown if severity is Severity.NOTE),
        alarms=tuple(text for severity, text in shown if severity is not Severity.NOTE),
    )


def outcomes(mesh: HealthyMesh, mutations: Iterable[Mutation]) -> Iterator[Outcome]:
    """Break a mesh in each way that fits it, and see what is found."""
    for mutation in mutations:
        broken = mesh.copy()
        at = mutation.run(broken)
        if at is None:
            continue
        before = {_key(finding) for finding in _lint(mesh, mutation.version)}
        findings = [f for f in _lint(broken, mutation.version) if _key(f) not in before]
        expected = broken.line(at)
        yield Outcome(
            mutation,
            mesh.name,
            found=any(f.check == mutation.check and _line(f) == expected for f in findings),
            extra=tuple(sorted({f.check for f in findings if _is_extra(f, mutation, expected)})),
        )


def _is_extra(finding: Finding, mutation: Mutation, expected: tuple[str, int]) -> bool:
    if finding.check == mutation.check:
        return _line(finding) != expected
    return finding.severity is not Severity.NOTE and finding.check not in mutation.also


def _lint(mesh: HealthyMesh, version: str | None) -> list[Finding]:
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        mesh.write(Path(directory))
        os.chdir(directory)
        try:
            options = _options(mesh.circumstances)
            if version is not None:
                options = options._replace(istio_version=IstioVersion.parse(version))
            return list(lint(options, _CATALOG).findings)
        finally:
            os.chdir(here)


def _options(circumstances: str) -> Options:
    options = Options()
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
to date.

{found} of {tried} faults are found, {missed} missed; {extra} of {tried} runs say something extra.
On the healthy meshes {alarms} findings at warning or above, {notes} notes.

"""


def page(silences: list[Silence], results: list[Outcome]) -> str:
    """The whole page."""
    head = _HEAD.format(
        meshes=len(silences),
        ways=len({result.mutation for result in results}),
        tried=len(results),
        found=sum(result.found for result in results),
        missed=sum(not result.found for result in results),
        extra=sum(bool(result.extra) for result in results),
        alarms=sum(len(each.alarms) for each in silences),
        notes=sum(len(each.notes) for each in silences),
    )
    parts = [head, *_faults(results), *_named(results), *_healthy(silences)]
    return "\n".join(line.rstrip() for line in "".join(parts).splitlines()) + "\n"


def _faults(results: list[Outcome]) -> Iterator[str]:
    yield "## Faults\n\n| check | what is done | meshes | found | missed | extra |\n"
    yield "|---|---|---|---|---|---|\n"
    by_mutation: dict[Mutation, list[Outcome]] = defaultdict(list)
    for result in results:
        by_mutation[result.mutation].append(result)
    for mutation, tried in by_mutation.items():
        found, extra = sum(result.found for result in tried), sum(bool(result.extra) for result in tried)
        version = f" (Istio {mutation.version})" if mutation.version else ""
        yield (
            f"| [{mutation.check}](checks/{mutation.check}.md) | {mutation.how}{version} | {len(tried)} "
            f"| {found} | {len(tried) - found} | {extra} |\n"
        )
    without = sorted({check.id for check in _CATALOG.checks} - {result.mutation.check for result in results})
    if without:
        yield f"\nNo fault is made for: {', '.join(f'`{name}`' for name in without)}.\n"


def _named(results: list[Outcome]) -> Iterator[str]:
    misses = [result for result in results if not result.found]
    extras = [result for result in results if result.extra]
    yield "\n## Missed\n\n"
    yield from (f"- `{r.mutation.check}` in {r.mesh}: {r.mutation.how}\n" for r in misses)
    yield "" if misses else "None.\n"
    yield "\n## Extra\n\n"
    for r in extras:
        also = ", ".join(f"`{name}`" for name in r.extra)
        yield f"- `{r.mutation.check}` in {r.mesh}: {r.mutation.how}: also {also}\n"
    yield "" if extras else "None.\n"


def _healthy(silences: list[Silence]) -> Iterator[str]:
    yield "\n## Healthy meshes\n\n| mesh | objects | at warning or above | notes |\n|---|---|---|---|\n"
    for each in silences:
        notes = Counter(text.partition(" at ")[0] for text in each.notes)
        shown = ", ".join(f"`{check}` {count}" for check, count in sorted(notes.items()))
        yield f"| {each.mesh} | {each.objects} | {len(each.alarms) or ''} | {shown} |\n"


def main() -> None:
    """Write the page."""
    corpus, mutations = read_corpus(), all_mutations()
    results = [outcome for mesh in corpus for outcome in outcomes(mesh, mutations)]
    results.sort(key=lambda result: (result.mutation.check, result.mutation.how, result.mesh))
    PAGE.write_text(page([silence(mesh) for mesh in corpus], results), encoding="utf-8")


if __name__ == "__main__":
    main()
