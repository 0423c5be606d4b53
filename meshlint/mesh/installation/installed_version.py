"""Which version of Istio the manifests install."""

from collections.abc import Iterator

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.values import chart_values, cni_configs, released_charts
from meshlint.model import kind as k
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.regex import regex
from meshlint.source.document import Location

_IMAGES = regex(r"(?:^|/)(?:pilot|install-cni|ztunnel|proxyv2):(\d+\.\d+\.\d+)")
_CHART_LABEL = regex(r"^(?:istiod|cni|ztunnel|base)-(\d+\.\d+\.\d+)")
_PATCH_RANGE = regex(r"^(?=~|v?\d+\.\d+\.[xX*]$)~?\s*v?(\d+\.\d+)(?:\.(?:\d+|[xX*]))?$")
_UNRELATED_CHARTS = frozenset({"base", "gateway"})


def detect_version(graph: ResourceGraph) -> Derived[IstioVersion] | None:
    """
    The newest Istio version that the manifests install; None if they tell none.

    CNI ConfigMap (`CURRENT_AGENT_VERSION`), image tags of istiod, ztunnel and istio-cni, the
    `helm.sh/chart` label, Sail's `spec.version`, the tag of an IstioOperator and of chart values,
    chart versions of Flux and Argo CD. One with a patch number is preferred to one without.
    """
    found = [
        Derived(version, (Cause(f"Istio {version} is installed", at),))
        for text, at in _version_texts(graph)
        if (version := _parsed(text)) is not None
    ]
    exact = [derived for derived in found if derived.value.is_exact]
    return max(exact or found, key=lambda derived: derived.value, default=None)


def _version_texts(graph: ResourceGraph) -> Iterator[tuple[object, Location]]:
    for config in cni_configs(graph):
        yield config.data.get("CURRENT_AGENT_VERSION"), config.at("data", "CURRENT_AGENT_VERSION")
    for workload in graph.of_kind(k.DEPLOYMENT, k.DAEMON_SET):
        if isinstance(workload, Workload):
            yield from _image_versions(workload)
    for sail in graph.of_kind(k.SAIL_ISTIO, k.SAIL_CNI, k.SAIL_ZTUNNEL):
        yield sail.manifest.value("spec", "version"), sail.at("spec", "version")
    for operator in graph.of_kind(k.ISTIO_OPERATOR):
        yield operator.manifest.value("spec", "tag"), operator.at("spec", "tag")
    yield from _chart_versions(graph)
    for values in chart_values(graph):
        for path in (("global", "tag"), ("pilot", "tag"), ("tag",)):
            yield values.get(*path), values.at(*path)


def _chart_versions(graph: ResourceGraph) -> Iterator[tuple[object, Location]]:
    for release, chart, path in released_charts(graph):
        if chart not in _UNRELATED_CHARTS:
            version = (*path[:-1], "version" if release.kind == k.HELM_RELEASE else "targetRevision")
            yield release.manifest.value(*version), release.at(*version)


def _image_versions(workload: Workload) -> Iterator[tuple[object, Location]]:
    if workload.labels.get("app") not in ("istiod", "ztunnel") and "istio-cni" not in workload.name:
        return
    if match := _CHART_LABEL.match(workload.labels.get("helm.sh/chart", "")):
        yield match[1], workload.label_at("helm.sh/chart")
    for container in workload.containers:
        if match := _IMAGES.search(container.image):
            yield match[1], workload.at(*container.path, "image")


def _parsed(text: object) -> IstioVersion | None:
    """A version, of which a range of patches (`1.27.x`, `~1.27.3`) tells the minor release alone."""
    if not isinstance(text, str):
        return None
    ranged = _PATCH_RANGE.match(text.strip())
    try:
        return IstioVersion.parse(ranged[1] if ranged else text)
    except ValueError:
        return None
