"""Where Flux and Argo CD deliver charts of the repository to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from meshlint.source.argocd import applications, charts_of, is_argo_cd
from meshlint.source.delivery import told_namespace
from meshlint.source.document import Manifest
from meshlint.source.flux import is_flux_kustomization
from meshlint.source.layout import Layout


def chart_namespaces(manifests: Iterable[Manifest], layout: Layout) -> Mapping[str, str | None]:
    """
    The namespaces that charts are delivered to, by the directory of the chart.

    None stands for one that cannot be told, or for several. A chart of which none is said is left out.
    """
    said: dict[str, set[str | None]] = defaultdict(set)
    for manifest in manifests:
        for directory, namespace in _destinations(manifest, layout):
            said[directory].add(namespace)
    return {
        directory: told_namespace(next(iter(namespaces))) if len(namespaces) == 1 else None
        for directory, namespaces in said.items()
        if namespaces != {None}
    }


def _destinations(manifest: Manifest, layout: Layout) -> Iterator[tuple[str, str | None]]:
    if is_flux_kustomization(manifest):
        directory = layout.chart_of(manifest.value("spec", "path"))
        if directory is not None:
            yield directory, _text(manifest.value("spec", "targetNamespace"))
    elif is_argo_cd(manifest):
        for application in applications(manifest, layout) or ():
            namespace = _text(application.value("spec", "destination", "namespace"))
            yield from ((directory, namespace) for directory in charts_of(application, layout))


def _text(namespace: object) -> str | None:
    return namespace if isinstance(namespace, str) and namespace else None
