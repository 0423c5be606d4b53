"""What a kustomization changes in the objects that it puts together, and in which of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.compose import ComposeError, compose
from meshlint.source.document import Location, Manifest
from meshlint.source.origin import group_and_kind
from meshlint.source.reading import split_documents

_CHANGING_ALL = ("namePrefix", "nameSuffix", "labels", "commonLabels", "transformers")
_PATCHES = ("patches", "patchesJson6902", "patchesStrategicMerge")
# Beyond this, looking is dearer than what it tells.
_MOST_COMPARISONS = 1_000_000
_LONGEST_SELECTOR = 1000
_LONGEST_NAME = 253
# An expression is tried by backtracking, so that a hostile one could take for ever.
_MOST_REPETITIONS = 3
_REPETITION = regex(r"[*+?{]")
_DEAR = regex(r"\)[*+?{]|\\[1-9]|\(\?(?!:)")
_REQUIREMENT = regex(
    r"[ \t]{0,20}(?P<absent>![ \t]{0,20})?(?P<key>[\w./-]+)"
    r"(?:[ \t]{0,20}(?P<operator>==?|!=)[ \t]{0,20}(?P<value>[\w.-]*)"
    r"|[ \t]{1,20}(?P<set>in|notin)[ \t]{0,20}\((?P<values>[\w., \t-]*)\))?"
    r"[ \t]{0,20}(?:,|\Z)"
)


class Target(NamedTuple):
    """
    Which objects a patch is for, as kustomize selects them.

    A part that is None selects everything; so does one that cannot be told.
    """

    group: re.Pattern[str] | None = None
    version: re.Pattern[str] | None = None
    kind: re.Pattern[str] | None = None
    name: re.Pattern[str] | None = None
    namespace: re.Pattern[str] | None = None
    labels: "tuple[_Requirement, ...]" = ()
    annotations: "tuple[_Requirement, ...]" = ()

    def selects(self, manifest: Manifest) -> bool:
        """Whether an object as it is written may be one of them."""
        group, kind = group_and_kind(manifest)
        name, namespace = manifest.value("metadata", "name"), manifest.value("metadata", "namespace")
        return (
            _fits(self.kind, kind)
            and _fits(self.name, name)
            and _fits(self.group, group)
            and _fits(self.version, str(manifest.value("apiVersion")).rpartition("/")[2])
            # Where none is said, a kustomization below may have given one.
            and (not namespace or _fits(self.namespace, namespace))
            and _meets(self.labels, manifest.value("metadata", "labels"))
            and _meets(self.annotations, manifest.value("metadata", "annotations"))
        )


class Alteration(NamedTuple):
    """A change to objects that was not applied: where it is written, and to which objects it is made."""

    at: Location
    targets: tuple[Target, ...]


class _Requirement(NamedTuple):
    """One term of a label selector in its text form; without values, the key must be there, or not."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def is_met(self, labels: Mapping[str, Any]) -> bool:
        found = self.key in labels and (self.values is None or str(labels[self.key]) in self.values)
        return found != self.negated


def alterations_by(
    kustomization: Manifest, patch_files: Callable[[str], Iterable[Manifest]]
) -> Iterator[Alteration]:
    """
    What a kustomization file itself changes, its components aside.

    `patch_files` gives the manifests that a path of a patch leads to, nothing if it is not read.
    """
    data = kustomization.data
    for key in _CHANGING_ALL:
        if data.get(key):
            yield Alteration(kustomization.at(key), (Target(),))
    annotations = data.get("commonAnnotations")
    if any("istio.io" in str(key) for key in annotations or ()):
        yield Alteration(kustomization.at("commonAnnotations"), (Target(),))
    for key in _PATCHES:
        for index, entry in _entries(data.get(key)):
            yield Alteration(kustomization.at(key, index), tuple(targets_of(entry, patch_files)))
    for index, entry in _entries(data.get("replacements")):
        yield Alteration(kustomization.at("replacements", index), tuple(_replaced(entry)))


def altered(alterations: Iterable[Alteration], manifests: Iterable[Manifest]) -> dict[Manifest, Location]:
    """The objects that are changed, each with the first place that says so."""
    manifests = list(manifests)
    found: dict[Manifest, Location] = {}
    comparisons = 0
    for alteration in alterations:
        for target in alteration.targets:
            comparisons += len(manifests)
            everything = target == Target() or comparisons > _MOST_COMPARISONS
            for manifest in manifests:
                if manifest not in found and (everything or target.selects(manifest)):
                    found[manifest] = alteration.at
            if len(found) == len(manifests):
                return found
    return found


def _entries(value: object) -> Iterator[tuple[int, object]]:
    yield from enumerate(value if isinstance(value, list) else ())


def targets_of(entry: object, patch_files: Callable[[str], Iterable[Manifest]]) -> Iterator[Target]:
    """The targets of one patch: the one that it names, or the objects that it repeats."""
    patches: Iterable[Mapping[str, Any]] = ()
    match entry:
        case {"target": dict(target)}:
            yield _target(target)
            return
        case {"patch": str(text)}:
            patches = _documents(text)
        case str(text) if "\n" in text:
            patches = _documents(text)
        case str(path) | {"path": str(path)}:
            patches = (manifest.data for manifest in patch_files(path))
    yield from [_repeated(patch) for patch in patches] or [Target()]


def _replaced(entry: object) -> Iterator[Target]:
    targets = entry.get("targets") if isinstance(entry, dict) else None
    selected = [target.get("select") if isinstance(target, dict) else None for _, target in _entries(targets)]
    for select in selected or [None]:
        yield _target(select) if isinstance(select, dict) else Target()


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    for start, end in split_documents(text):
        try:
            data = compose(text, start, end).data
        except ComposeError:
            yield {}
        else:
            if isinstance(data, dict):
                yield data


def _target(selector: Mapping[str, Any]) -> Target:
    return Target(
        group=_pattern(selector.get("group")),
        version=_pattern(selector.get("version")),
        kind=_pattern(selector.get("kind")),
        name=_pattern(selector.get("name")),
        namespace=_pattern(selector.get("namespace")),
        labels=_requirements(selector.get("labelSelector")),
        annotations=_requirements(selector.get("annotationSelector")),
    )


def _repeated(patch: Mapping[str, Any]) -> Target:
    """The object that a strategic merge patch repeats the identity of."""
    metadata = patch.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    group = str(patch["apiVersion"]).rpartition("/")[0] if patch.get("apiVersion") else None
    return Target(
        group=_exactly(group),
        kind=_exactly(patch.get("kind")),
        name=_exactly(said.get("name")),
        namespace=_exactly(said.get("namespace")),
    )


def _exactly(text: object) -> re.Pattern[str] | None:
    return re.compile(re.escape(text)) if isinstance(text, str) else None


def _pattern(text: object) -> re.Pattern[str] | None:
    """
    An expression of a target; None if there is none, or if it could not be tried safely.

    Kustomize anchors it at both ends (kustomize `api/types/selector.go`, anchorRegex).
    """
    if not isinstance(text, str) or not text or len(text) > _LONGEST_SELECTOR:
        return None
    if _DEAR.search(text) or len(_REPETITION.findall(text.replace("(?:", "("))) > _MOST_REPETITIONS:
        return None
    try:
        return re.compile(text)
    except re.error:
        return None


def _fits(pattern: re.Pattern[str] | None, value: object) -> bool:
    if pattern is None:
        return True
    return isinstance(value, str) and (len(value) > _LONGEST_NAME or pattern.fullmatch(value) is not None)


def _requirements(text: object) -> tuple[_Requirement, ...]:
    """The terms of a label selector; none if it cannot be read."""
    if not isinstance(text, str) or len(text) > _LONGEST_SELECTOR:
        return ()
    found: list[_Requirement] = []
    position = 0
    while position < len(text):
        match = _REQUIREMENT.match(text, position)
        if match is None:
            return ()
        found.append(_requirement(match))
        position = match.end()
    return tuple(found)


def _requirement(match: re.Match[str]) -> _Requirement:
    if match["set"]:
        values = frozenset(value.strip() for value in match["values"].split(","))
        return _Requirement(match["key"], values, match["set"] == "notin")
    if match["operator"]:
        return _Requirement(match["key"], frozenset((match["value"],)), match["operator"] == "!=")
    return _Requirement(match["key"], None, bool(match["absent"]))


def _meets(requirements: Iterable[_Requirement], labels: object) -> bool:
    known = labels if isinstance(labels, dict) else {}
    return all(requirement.is_met(known) for requirement in requirements)
