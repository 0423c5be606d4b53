"""What Flux, Argo CD and Helm deliver: directories to namespaces, and what is not among the files."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from meshlint.source.alteration import Alteration, Target, alterations_by
from meshlint.source.discovery import Discovery
from meshlint.source.document import Manifest, Place
from meshlint.source.kustomization import Kustomizations
from meshlint.source.origin import Source, group_and_kind

_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
_ARGO_CD_GROUP = "argoproj.io"
_HELM_GROUPS = ("helm.toolkit.fluxcd.io", "helm.cattle.io")
_RESOURCE_SET_GROUP = "fluxcd.controlplane.io"
_CHART_FILE = "Chart.yaml"
_CRDS = re.compile(r"(?:[\w.-]*-)?crds?")


class DeclaredNamespaces(NamedTuple):
    """
    The namespaces that Flux and Argo CD deploy directories to.

    None stands for a namespace that cannot be told. Flux overrides what objects say, Argo CD
    only fills in. `altering` is what they change in the objects of directories.
    """

    overriding: Mapping[str, str | None]
    filling: Mapping[str, str | None]
    kustomized: frozenset[str]
    altering: Mapping[str, Sequence[Alteration]]

    def namespace(self, home: str) -> str | None:
        """The namespace that a directory is delivered to."""
        return self.overriding[home] if home in self.overriding else self.filling[home]

    def home(self, directory: str) -> str | None:
        """The nearest directory above that is deployed to a namespace as a whole, or the directory itself."""
        return next(
            (it for it in self._holding(directory) if it in self.overriding or it in self.filling), None
        )

    def altering_directory(self, directory: str) -> str:
        """The key of `altering` for what is in a directory; empty if nothing of it is changed."""
        return next((it for it in self._holding(directory) if it in self.altering), "")

    def _holding(self, directory: str) -> Iterator[str]:
        """A directory, then those above it that are deployed with all that they hold."""
        yield directory
        while (parent := os.path.dirname(directory)) != directory:
            directory = parent
            if directory not in self.kustomized:
                yield directory


class Deliveries:
    """What is delivered by some of the manifests: whether it was read, and to which namespace it goes."""

    def __init__(self, sources: Mapping[str, Source], discovery: Discovery) -> None:
        self._tops = tops(discovery)
        # What a chart makes is never read, even if its templates are.
        self._charts = {os.path.dirname(real) for real in sources if os.path.basename(real) == _CHART_FILE}
        self._read: set[str] = set()
        for real in sources:
            directory = os.path.dirname(real)
            while directory not in self._read:
                self._read.add(directory)
                directory = os.path.dirname(directory)

    def beyond(self, manifests: Iterable[Manifest], default: str | None) -> Iterator[str | None]:
        """
        The namespaces that some manifests have more delivered to than was read; None for any.

        `default` is the namespace of a manifest that names none.
        """
        for manifest in manifests:
            match group_and_kind(manifest):
                case (group, "HelmRelease") if _is_of_crds(manifest.value("spec", "chart", "spec", "chart")):
                    pass
                case (group, "HelmRelease" | "HelmChart") if group in _HELM_GROUPS:
                    target = manifest.value("spec", "targetNamespace")
                    yield _told(target or manifest.value("metadata", "namespace") or default)
                case (group, "Kustomization") if group == _FLUX_GROUP:
                    if not self._is_read(manifest.value("spec", "path")):
                        yield _told(manifest.value("spec", "targetNamespace"))
                case (group, "Application") if group == _ARGO_CD_GROUP:
                    yield from self._beyond_application(manifest.value("spec"))
                case (group, "ApplicationSet") if group == _ARGO_CD_GROUP:
                    yield from self._beyond_application(manifest.value("spec", "template", "spec"))
                case (group, "ResourceSet") if group == _RESOURCE_SET_GROUP:
                    yield None

    def _beyond_application(self, spec: Any) -> Iterator[str | None]:  # noqa: ANN401 - YAML holds anything
        match spec:
            case {"sources": [*sources]}:
                pass
            case {"source": source}:
                sources = [source]
            case _:
                sources = [None]
        if not all(map(self._is_source_read, sources)):
            destination = spec.get("destination") if isinstance(spec, dict) else None
            yield _told(destination.get("namespace") if isinstance(destination, dict) else None)

    def _is_source_read(self, source: object) -> bool:
        """Whether nothing of a source can be missing: it was read, or makes no objects of its own."""
        match source:
            case {"chart": chart} if chart:
                return _is_of_crds(chart)
            case {"path": path} if path:
                return self._is_read(path)
            case {"ref": ref} if ref:
                # Nothing but values for the other sources.
                return True
            case _:
                return False

    def _is_read(self, path: object) -> bool:
        if _is_of_crds(path):
            return True
        found = self._read.intersection(_directories(self._tops, path))
        return bool(found) and not found & self._charts


def _is_of_crds(source: object) -> bool:
    """Whether a chart or a path says by its name that it holds definitions only, no objects."""
    return isinstance(source, str) and any(_CRDS.fullmatch(part) for part in source.split("/"))


def _told(namespace: object) -> str | None:
    """A namespace, None if it is left out or a template."""
    is_plain = isinstance(namespace, str) and namespace and not set("${<") & set(namespace)
    return str(namespace) if is_plain else None


def declared_namespaces(
    sources: Iterable[Source], kustomizations: Kustomizations, discovery: Discovery
) -> DeclaredNamespaces:
    """Read the Flux Kustomizations and Argo CD Applications among some manifests."""
    flux: dict[str, set[str | None]] = defaultdict(set)
    argo: dict[str, set[str | None]] = defaultdict(set)
    altering: dict[str, list[Alteration]] = defaultdict(list)
    roots = tops(discovery)
    for manifest in (manifest for source in sources for manifest in source.manifests):
        match group_and_kind(manifest):
            case (group, "Kustomization") if group == _FLUX_GROUP:
                path = manifest.value("spec", "path")
                _note(flux, roots, path, manifest.value("spec", "targetNamespace"))
                _note_alterations(altering, roots, path, _part(manifest, "spec"))
            case (group, "Application") if group == _ARGO_CD_GROUP:
                path = manifest.value("spec", "source", "path")
                _note(argo, roots, path, manifest.value("spec", "destination", "namespace"))
                _note_alterations(altering, roots, path, _part(manifest, "spec", "source", "kustomize"))
    return DeclaredNamespaces(_agreed(flux), _agreed(argo), frozenset(kustomizations.by_directory), altering)


def _part(manifest: Manifest, *path: str) -> Manifest:
    """A mapping within a manifest, by itself; an empty one if it is none."""
    data, place = manifest.value(*path), manifest.at(*path).place
    if not isinstance(data, dict) or place is None:
        return Manifest(manifest.file, {}, Place(0, 0))
    return Manifest(manifest.file, data, place)


def _note_alterations(
    altering: dict[str, list[Alteration]], tops: Iterable[str], path: object, kustomize: Manifest
) -> None:
    alterations = list(alterations_by(kustomize, lambda _: ()))
    if kustomize.value("commonMetadata", "labels"):
        alterations.append(Alteration(kustomize.at("commonMetadata"), (Target(),)))
    if kustomize.data.get("components"):
        alterations.append(Alteration(kustomize.at("components"), (Target(),)))
    if alterations:
        for directory in _directories(tops, path):
            altering[directory].extend(alterations)


def tops(discovery: Discovery) -> list[str]:
    """The directories that a path in a manifest may start from."""
    return sorted({top for real in discovery.directories.values() for top in (real, _git_root(real))})


def _git_root(directory: str) -> str:
    """The top of the repository that a directory is in; the directory itself if it is in none."""
    top = directory
    while not os.path.lexists(os.path.join(top, ".git")):
        parent = os.path.dirname(top)
        if parent == top:
            return directory
        top = parent
    return top


def _note(declared: dict[str, set[str | None]], tops: Iterable[str], path: object, namespace: object) -> None:
    for directory in _directories(tops, path):
        declared[directory].add(namespace if isinstance(namespace, str) and namespace else None)


def _directories(tops: Iterable[str], path: object) -> Iterator[str]:
    """Where a path in a manifest may lead."""
    # A path that is the whole repository is as likely to be meant for another one.
    if isinstance(path, str) and path.strip("./"):
        for top in tops:
            yield os.path.normpath(os.path.join(top, path.lstrip("/")))


def _agreed(declared: Mapping[str, set[str | None]]) -> dict[str, str | None]:
    agreed: dict[str, str | None] = {}
    for directory, namespaces in declared.items():
        match [*namespaces]:
            case [None]:
                pass
            case [str(namespace)] if "${" not in namespace:
                agreed[directory] = namespace
            case _:
                agreed[directory] = None
    return agreed
