"""What of the findings is shown: all but what users accept, and beside it what is wrong with how they do."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.checking.catalog import Check
from meshlint.checking.finding import Finding, Problem
from meshlint.checking.policy import Policy
from meshlint.checking.run import CHECK_CRASHED, merge_sets
from meshlint.model.keys import IGNORE
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Manifest
from meshlint.source.live import LiveFile
from meshlint.source.text import SourceFile

if TYPE_CHECKING:
    from meshlint.checking.baseline import Baseline, Entry

_PREFIX = IGNORE.partition("/")[0] + "/"


class Given(NamedTuple):
    """
    What was linted, as far as suppressions are concerned.

    `texts` are the files with their manifests, `manifests` those of all sets. `read` are the paths of the
    files that are reported on; `unsure` are those of them that were named by themselves, or not read whole:
    there it cannot be told whether a suppression is needed.
    """

    texts: Sequence[tuple[SourceFile, Sequence[Manifest]]]
    manifests: Sequence[Manifest]
    read: frozenset[str]
    unsure: frozenset[str]


class Ran(NamedTuple):
    """Which checks ran, of which, and for which Istio versions."""

    checks: Sequence[Check]
    all_checks: Sequence[Check]
    versions: Sequence[IstioVersion]


class Accepted(NamedTuple):
    """The findings to show, how many were held back, and what of a baseline is gone."""

    shown: list[Finding]
    suppressed: int = 0
    baselined: int = 0
    gone: "Mapping[Entry, int]" = MappingProxyType({})


AsFindings = Callable[[Iterable[tuple[Check, Problem]]], list[Finding]]


def accept(
    found: Sequence[Finding], given: Given, ran: Ran, policy: Policy, as_findings: AsFindings
) -> Accepted:
    """
    Hold back what users accept: by comments and annotations, by overrides, by the baseline.

    `found` are the findings of each set. Suppressions that do not do what they are there for are findings
    themselves, which `as_findings` makes of problems. A check that crashed is never held back.
    """
    if not policy.ignores:
        return Accepted(merge_sets(found))
    shown, suppressed = _parted(found, given, ran, policy, as_findings)
    if policy.overrides:
        wanted = [f for f in shown if f.check == CHECK_CRASHED.id or not policy.ignores_finding(f)]
        kept = set(map(id, wanted))
        suppressed += [finding for finding in shown if id(finding) not in kept]
        shown = wanted
    accepted = Accepted(merge_sets(shown), len(merge_sets(suppressed)))
    return accepted if policy.baseline is None else _beside(policy.baseline, accepted)


def is_annotated(manifest: Manifest) -> bool:
    """Whether an object has annotations of meshlint's."""
    annotations = manifest.value("metadata", "annotations")
    return isinstance(annotations, dict) and any(str(key).startswith(_PREFIX) for key in annotations)


def _parted(
    found: Sequence[Finding], given: Given, ran: Ran, policy: Policy, as_findings: AsFindings
) -> tuple[list[Finding], list[Finding]]:
    """The findings to show, with those about suppressions, and the ones that are suppressed."""
    texts = [*_texts(found, given)]
    if not texts and not any(map(is_annotated, given.manifests)):
        return [*found], []
    from meshlint.checking.suppressing import suppress

    return suppress(found, given._replace(texts=texts), ran, policy, as_findings)


def _beside(baseline: "Baseline", accepted: Accepted) -> Accepted:
    crashed = [finding for finding in accepted.shown if finding.check == CHECK_CRASHED.id]
    others = [finding for finding in accepted.shown if finding.check != CHECK_CRASHED.id]
    from meshlint.checking.baseline import compare

    compared = compare(others, baseline)
    return accepted._replace(
        shown=merge_sets([*crashed, *compared.new]), baselined=len(compared.known), gone=compared.gone
    )


def _texts(found: Iterable[Finding], given: Given) -> Iterator[tuple[SourceFile, Sequence[Manifest]]]:
    """
    The files in which comments may stand: those that were read, and the others that findings are in.

    A cluster keeps no comments; what looks like one there is part of a value.
    """
    read = {file.path for file, _ in given.texts}
    others = {finding.at.file.path: finding.at.file for finding in found if finding.at.file.path not in read}
    for file, manifests in (*given.texts, *((file, ()) for file in others.values())):
        if not isinstance(file, LiveFile) and "meshlint:" in file.text:
            yield file, manifests
