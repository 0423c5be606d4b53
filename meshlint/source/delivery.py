"""The namespaces to which Flux and Argo CD deliver what a directory holds."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from meshlint.source.discovery import Discovery
from meshlint.source.kustomization import Kustomizations
from meshlint.source.origin import Source, group_and_kind

_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
_ARGO_CD_GROUP = "argoproj.io"


class DeclaredNamespaces(NamedTuple):
    """
    The namespaces that Flux and Argo CD deploy directories to.

    None stands for a namespace that cannot be told. Flux overrides what objects say, Argo CD
    only fills in.
    """

    overriding: Mapping[str, str | None]
    filling: Mapping[str, str | None]
    kustomized: frozenset[str]

    def namespace(self, home: str) -> str | None:
        """The namespace that a directory is delivered to."""
        return self.overriding[home] if home in self.overriding else self.filling[home]

    def home(self, directory: str) -> str | None:
        """The nearest directory above that is deployed as a whole, or the directory itself."""
        inner = directory
        while True:
            is_declared = directory in self.overriding or directory in self.filling
            if is_declared and (directory == inner or directory not in self.kustomized):
                return directory
            parent = os.path.dirname(directory)
            if parent == directory:
                return None
            directory = parent


def declared_namespaces(
    sources: Iterable[Source], kustomizations: Kustomizations, discovery: Discovery
) -> DeclaredNamespaces:
    """Read the Flux Kustomizations and Argo CD Applications among some manifests."""
    flux: dict[str, set[str | None]] = defaultdict(set)
    argo: dict[str, set[str | None]] = defaultdict(set)
    tops = sorted({top for real in discovery.directories.values() for top in (real, _git_root(real))})
    for manifest in (manifest for source in sources for manifest in source.manifests):
        match group_and_kind(manifest):
            case (group, "Kustomization") if group == _FLUX_GROUP:
                _note(flux, tops, manifest.value("spec", "path"), manifest.value("spec", "targetNamespace"))
            case (group, "Application") if group == _ARGO_CD_GROUP:
                path = manifest.value("spec", "source", "path")
                _note(argo, tops, path, manifest.value("spec", "destination", "namespace"))
    return DeclaredNamespaces(_agreed(flux), _agreed(argo), frozenset(kustomizations.by_directory))


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
    # A path that is the whole repository is as likely to be meant for another one.
    if isinstance(path, str) and path.strip("./"):
        for top in tops:
            directory = os.path.normpath(os.path.join(top, path.lstrip("/")))
            declared[directory].add(namespace if isinstance(namespace, str) and namespace else None)


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
