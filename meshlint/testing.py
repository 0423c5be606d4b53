"""
Testing checks: a fixture carries its expectations on the line where the fault is.

    istio.io/use-waypoint: waypont # error: dangling-waypoint "no waypoint 'waypont'"

The text in quotes has to occur in the message. A finding that is not expected fails a test as an
expected one does that is missing. A fixture may say at its top under which circumstances it is
linted: `# test: istio-version=1.24`, `# test: complete`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from meshlint.checking.catalog import Catalog, Check, load_catalog
from meshlint.checking.finding import Finding
from meshlint.checking.run import CHECK_CRASHED
from meshlint.fixing.edited import fixed_texts
from meshlint.lint import Options, linked_meshes, lint
from meshlint.model.kind import ANY_RESOURCE, Kind
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.regex import regex

__all__ = [
    "Expectation",
    "differences",
    "expectations",
    "findings_of",
    "fixtures",
    "load_catalog",
    "mended",
    "observed_reads",
]

_EXPECTATION = regex(r'(error|warning|note): ([a-z0-9-]+)(?: "((?:[^"\\]|\\.)*)")?')
_COMMENT = regex(r"#\s*((?:error|warning|note): .*)$")
_CIRCUMSTANCES = regex(r"^#\s*test:\s*(.*)$", re.MULTILINE)


class Expectation(NamedTuple):
    """A finding that a fixture announces: line, severity, check, and part of the message."""

    line: int
    severity: str
    check: str
    message: str

    def is_met_by(self, finding: Finding) -> bool:
        """Whether a finding is the expected one."""
        found = (finding.at.span.start_line, finding.severity.value, finding.check)
        return found == (self.line, self.severity, self.check) and self.message in finding.message

    def __str__(self) -> str:
        return f"line {self.line}: {self.severity}: {self.check} {self.message!r}"


def expectations(text: str) -> Iterator[Expectation]:
    """The expectations that a fixture's comments announce; several are separated by `;`."""
    for number, line in enumerate(text.splitlines(), 1):
        comment = _COMMENT.search(line)
        if comment:
            for severity, check, message in _EXPECTATION.findall(comment[1]):
                yield Expectation(number, severity, check, message.replace('\\"', '"'))


def fixtures(check: Check) -> list[Path]:
    """The fixtures beside a check that carry expectations, or must stay silent."""
    import sys

    module = Path(str(sys.modules[check.module].__file__))
    stem = module.stem
    return sorted(
        path
        for kind in ("bad", "good")
        for path in (*module.parent.glob(f"{stem}.{kind}.yaml"), *module.parent.glob(f"{stem}.*.{kind}.yaml"))
    )


def differences(check: Check, fixture: Path, catalog: Catalog) -> list[str]:
    """What a check says of a fixture and should not, and what it should say and does not."""
    text = fixture.read_bytes().decode("utf-8", "replace")
    findings = findings_of(check, fixture, catalog)
    missing = [wanted for wanted in expectations(text) if wanted.check == check.id]
    unexpected = []
    for finding in findings:
        met = next((wanted for wanted in missing if wanted.is_met_by(finding)), None)
        if met is None:
            unexpected.append(f"unexpected: {_line(finding)}")
        else:
            missing.remove(met)
    return [*unexpected, *(f"missing: {wanted}" for wanted in missing)]


def findings_of(check: Check, fixture: Path, catalog: Catalog) -> list[Finding]:
    """
    The findings of one check on a fixture.

    The checks that take precedence over it run as well, so that it is silent where they speak.
    """
    before = [rule.speaks for rule in catalog.precedence if rule.silent == check.id]
    known = {known.id for known in catalog.checks}
    select = [check.id, *(name for name in before if name in known)]
    result = lint(options_of(fixture)._replace(select=select), catalog)
    return [finding for finding in result.findings if finding.check in (check.id, CHECK_CRASHED.id)]


def mended(check: Check, fixture: Path, catalog: Catalog) -> str:
    """The text of a fixture after all fixes of a check, unsafe ones included."""
    findings = findings_of(check, fixture, catalog)
    texts = fixed_texts(findings, unsafe=True)
    return next(iter(texts.values()), fixture.read_text(encoding="utf-8"))


def observed_reads(check: Check, fixture: Path) -> set[Kind]:
    """The kinds that a check looks at on a fixture, its subjects aside."""
    seen: set[Kind] = set()
    for _, mesh, resources, _ in linked_meshes(options_of(fixture)).meshes:
        mesh.graph.on_read = seen.add
        for resource in resources:
            is_subject = resource.kind in check.subjects or ANY_RESOURCE in check.subjects
            if is_subject and mesh.version in check.istio:
                for problem in check.run(resource, mesh):
                    assert problem.message
    return seen


def options_of(fixture: Path) -> Options:
    """The circumstances under which a fixture is linted, as it says at its top."""
    said = _CIRCUMSTANCES.search(fixture.read_bytes().decode("utf-8", "replace"))
    options = Options(paths=[str(fixture)])
    for word in said[1].split() if said else ():
        name, _, value = word.partition("=")
        match name:
            case "istio-version":
                options = options._replace(istio_version=IstioVersion.parse(value))
            case "complete":
                options = options._replace(complete=True)
            case "namespace":
                options = options._replace(namespace=value)
            case _:
                msg = f"{fixture}: a fixture cannot ask for {word!r}"
                raise ValueError(msg)
    return options


def _line(finding: Finding) -> str:
    line = finding.at.span.start_line
    return f"line {line}: {finding.severity.value}: {finding.check} {finding.message!r}"
