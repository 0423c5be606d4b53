"""What a repository makes of findings: other severities, and what it does not want to hear of."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.checking.finding import Finding, ResourceIdentity
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.named import NamedTuple
from meshlint.source.patterns import FilePatterns

if TYPE_CHECKING:
    from meshlint.checking.baseline import Baseline


class Override(NamedTuple):
    """
    What holds for some files or namespaces only.

    `files` is None for all files, `namespaces` (with `*` and `?`) are empty for all. `ignore` are words as
    `--ignore` takes them, `severities` are by check.
    """

    files: FilePatterns | None = None
    namespaces: Sequence[str] = ()
    ignore: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = MappingProxyType({})

    def holds(self, path: str, resource: ResourceIdentity | None) -> bool:
        """Whether it holds for what is found in a file, about an object."""
        if self.namespaces and not self._names(namespace_of(resource)):
            return False
        return self.files is None or self.files.match(path)

    def _names(self, namespace: str | None) -> bool:
        from fnmatch import fnmatchcase

        return namespace is not None and any(fnmatchcase(namespace, name) for name in self.namespaces)


class Policy(NamedTuple):
    """
    What a repository makes of what is found.

    `severities` are by check; of `overrides` the later ones win. With `require_reason` a suppression without
    a reason does not hold. Without `ignores` nothing that is found is held back, whatever else is said.
    """

    severities: Mapping[str, Severity] = MappingProxyType({})
    overrides: Sequence[Override] = ()
    require_reason: bool = False
    ignores: bool = True
    baseline: "Baseline | None" = None

    def severity(self, check: str, path: str, resource: ResourceIdentity | None) -> Severity | None:
        """The severity that is wanted of a check's findings in a file, about an object; None for its own."""
        wanted = self.severities.get(check)
        for override in self.overrides:
            if check in override.severities and override.holds(path, resource):
                wanted = override.severities[check]
        return wanted

    def ignores_finding(self, finding: Finding) -> bool:
        """Whether an override says that a finding is not wanted where it is."""
        return any(
            not override.ignore.isdisjoint(names_of(finding))
            and override.holds(finding.at.file.path, finding.resource)
            for override in self.overrides
        )


def names_of(finding: Finding) -> tuple[str, ...]:
    """The words that choose a finding: its check, its family, its impact, and `all`."""
    return finding.check, finding.family, impact_word(finding.impact), "all"


def impact_word(impact: Impact) -> str:
    """The word for an impact among the words for checks and families."""
    return f"impact:{impact.value}"


def namespace_of(resource: ResourceIdentity | None) -> str | None:
    """The namespace that an object is in, or is."""
    if resource is None:
        return None
    return resource.name if resource.kind == "Namespace" else resource.namespace


NO_POLICY = Policy()
"""Everything as the checks say."""
