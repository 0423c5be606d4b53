"""What one run came to."""

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.checking.catalog import Check
from meshlint.checking.finding import Finding
from meshlint.checking.run import CHECK_CRASHED
from meshlint.checking.vocabulary import Severity
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlint.checking.baseline import Entry
    from meshlint.source.document import Location


class Summary(NamedTuple):
    """
    What was looked at, in numbers.

    `files` were read, `other_files` of them hold nothing of Kubernetes; `resources` are the
    objects. `unread` counts the documents and files that could not be read as manifests
    (syntax, encoding, limits), `unrendered` the templates, `encrypted` the SOPS documents.
    `unapplied` counts the kustomizations that change or add objects, which was left out. `fixed`
    counts the findings that were mended in this run, `elsewhere` those in files that were not asked about.
    `live` tells that a cluster was looked at instead of files.
    `baselined` are held back by the baseline.
    """

    files: int
    other_files: int
    resources: int
    unread: int
    unrendered: int
    encrypted: int
    suppressed: int
    unapplied: int = 0
    fixed: int = 0
    elsewhere: int = 0
    live: bool = False
    baselined: int = 0


class LintResult(NamedTuple):
    """
    The findings of one run in the order in which they are shown, and what was looked at.

    `istio_version` is `X.Y`; `version_origin` says in a few words where it comes from, at the place
    `version_at` if it was found in a manifest.
    `checks` are all the checks that were selected and loaded, sorted by id. `gone` of the baseline was looked
    for and not found.
    """

    findings: tuple[Finding, ...]
    summary: Summary
    istio_version: str
    version_origin: str
    checks: tuple[Check, ...]
    gone: "Mapping[Entry, int]" = MappingProxyType({})
    version_at: "Location | None" = None

    @property
    def crashed(self) -> tuple[str, ...]:
        """What the checks say that raised: then meshlint itself has a fault."""
        return tuple(finding.message for finding in self.findings if finding.check == CHECK_CRASHED.id)

    @property
    def shown(self) -> frozenset[str]:
        """The files, as shown, with places that reports speak of."""
        places = [at for finding in self.findings for at in finding.places]
        places += [self.version_at] if self.version_at is not None else []
        edits = (edit for finding in self.findings if finding.fix for edit in finding.fix.edits)
        return frozenset((*(at.file.path for at in places), *(edit.file.path for edit in edits)))

    def total(self, severity: Severity) -> int:
        """The number of findings of one severity."""
        return Counter(finding.severity for finding in self.findings)[severity]
