"""What Flux, Argo CD and Helm deliver that is not among the files."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from meshlint.regex import regex
from meshlint.source.discovery import CHART_FILE, Discovery, git_root
from meshlint.source.document import Manifest
from meshlint.source.origin import Source, group_and_kind

_FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
_ARGO_CD_GROUP = "argoproj.io"
_HELM_GROUPS = ("helm.toolkit.fluxcd.io", "helm.cattle.io")
_RESOURCE_SET_GROUP = "fluxcd.controlplane.io"
# What Argo CD can be told of a chart that changes none of its values.
_NO_VALUES = frozenset({"releaseName", "version", "skipCrds", "skipTests", "skipSchemaValidation"})
_CRDS = regex(r"(?:[\w.-]*-)?crds?(?:\.ya?ml)?(?:\?.*)?")
# What its releases install beside definitions is a policy of admission, for these.
_GATEWAY_API = regex(r".*\bkubernetes-sigs/gateway-api/releases/.*-install\.ya?ml")


class Deliveries:
    """
    What is delivered by some of the manifests: whether it was read, and to which namespace it goes.

    `rendered` are the directories of charts that were rendered as they are.
    """

    def __init__(
        self, sources: Mapping[str, Source], discovery: Discovery, rendered: Collection[str] = ()
    ) -> None:
        self._tops = tops(discovery)
        self._charts = {os.path.dirname(real) for real in sources if os.path.basename(real) == CHART_FILE}
        self._rendered = frozenset(rendered)
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
                case (group, "HelmRelease") if is_of_definitions(
                    manifest.value("spec", "chart", "spec", "chart")
                ):
                    pass
                case (group, "HelmRelease" | "HelmChart") if group in _HELM_GROUPS:
                    target = manifest.value("spec", "targetNamespace")
                    yield told_namespace(target or manifest.value("metadata", "namespace") or default)
                case (group, "Kustomization") if group == _FLUX_GROUP:
                    if not self._is_read(manifest.value("spec", "path")):
                        yield told_namespace(manifest.value("spec", "targetNamespace"))
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
            yield told_namespace(destination.get("namespace") if isinstance(destination, dict) else None)

    def _is_source_read(self, source: object) -> bool:
        """Whether nothing of a source can be missing: it was read, or makes no objects of its own."""
        match source:
            case {"chart": chart} if chart:
                return is_of_definitions(chart)
            case {"path": path, "helm": {**helm}} if path and helm.keys() - _NO_VALUES:
                # The chart is given values that it was not rendered with.
                return self._is_read(path, rendered=False)
            case {"path": path} if path:
                return self._is_read(path)
            case {"ref": ref} if ref:
                # Nothing but values for the other sources.
                return True
            case _:
                return False

    def _is_read(self, path: object, *, rendered: bool = True) -> bool:
        """Whether all that a path makes was read; of a chart that is only what was rendered."""
        if is_of_definitions(path):
            return True
        found = self._read.intersection(_directories(self._tops, path))
        unread = self._charts - self._rendered if rendered else self._charts
        return bool(found) and not found & unread


def is_of_definitions(source: object) -> bool:
    """Whether a chart, a path or an address says by its name that it holds definitions only, no objects."""
    if not isinstance(source, str):
        return False
    return any(map(_CRDS.fullmatch, source.split("/"))) or _GATEWAY_API.fullmatch(source) is not None


def told_namespace(namespace: object) -> str | None:
    """A namespace, None if it is left out or a template."""
    is_plain = isinstance(namespace, str) and namespace and not set("${<") & set(namespace)
    return str(namespace) if is_plain else None


def tops(discovery: Discovery) -> list[str]:
    """The directories that a path in a manifest may start from."""
    return sorted({top for real in discovery.directories.values() for top in (real, git_root(real))})


def _directories(tops: Iterable[str], path: object) -> Iterator[str]:
    """Where a path in a manifest may lead."""
    # A path that is the whole repository is as likely to be meant for another one.
    if isinstance(path, str) and path.strip("./"):
        for top in tops:
            yield os.path.normpath(os.path.join(top, path.lstrip("/")))
