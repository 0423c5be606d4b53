"""How Istio is installed, as far as the manifests tell: the CNI's settings, revisions, versions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.model import kind as k
from meshlint.model.fields import Fields
from meshlint.model.keys import REVISION
from meshlint.model.kinds.core import ConfigMap, MutatingWebhook
from meshlint.model.resource import Resource
from meshlint.model.selector import LabelSelector
from meshlint.source.document import FieldPath, Location
from meshlint.source.reading import parse_yaml

_CNI_CONFIG = re.compile(r"^istio-cni(-.+)?-config$")
CHARTS = frozenset({"base", "istiod", "cni", "ztunnel", "gateway", "ambient"})


class Values(NamedTuple):
    """
    Values that a chart of Istio is given: by Flux, Argo CD, IstioOperator or Sail.

    `chart` is the chart's name (`cni`, `istiod`, …), `*` where one object configures them all.
    """

    chart: str
    data: Mapping[str, Any]
    path: FieldPath
    resource: Resource

    def get(self, *path: str) -> object:
        """A value, None if it is not set."""
        value: object = self.data
        for step in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        return value

    def at(self, *path: str) -> Location:
        """The place of a value."""
        return self.resource.at(*self.path, *path)


class EnablementSelector(NamedTuple):
    """A rule by which istio-cni enrols pods: both selectors must match."""

    pods: LabelSelector
    namespaces: LabelSelector

    def mentions(self, value: str) -> bool:
        """Whether a label value occurs in the rule."""
        selectors = (self.pods, self.namespaces)
        return any(value in selector.match_labels.values() for selector in selectors) or any(
            value in requirement.values
            for selector in selectors
            for requirement in selector.match_expressions
        )


def chart_values(graph: ResourceGraph) -> Iterator[Values]:
    """
    All values for Istio's charts that the manifests hold.

    IstioOperator: `spec.values`; Sail: `spec.values`; Flux HelmRelease: `spec.values` of a
    chart of Istio; Argo CD Application: `spec.source(s).helm.valuesObject`.
    """
    for resource in graph.of_kind(k.ISTIO_OPERATOR, k.SAIL_ISTIO, k.SAIL_CNI, k.SAIL_ZTUNNEL):
        # istioctl reads an IstioOperator as a file; an object of Sail without a name is never applied.
        if resource.name or resource.kind == k.ISTIO_OPERATOR:
            yield from _values(resource, "*", ("spec", "values"))
    for release in graph.of_kind(k.HELM_RELEASE):
        chart = release.manifest.value("spec", "chart", "spec", "chart")
        if chart in CHARTS:
            yield from _values(release, chart, ("spec", "values"))
    for application in graph.of_kind(k.ARGO_APPLICATION):
        for path in argo_sources(application):
            chart = application.manifest.value(*path, "chart")
            if chart in CHARTS:
                yield from _values(application, chart, (*path, "helm", "valuesObject"))


def of_istiod(values: Sequence[Values]) -> Iterator[tuple[Values, tuple[str, ...]]]:
    """The values that istiod's chart gets, and the way to them: the umbrella chart hands on a part."""
    for held in values:
        if held.chart in ("*", "istiod"):
            yield held, ()
        elif held.chart == "ambient":
            yield held, ("istiod",)


def of_cni(values: Sequence[Values]) -> Iterator[tuple[Values, tuple[str, ...]]]:
    """
    The ways to the values of istio-cni's chart.

    They stand at the top or, as everywhere before 1.24, under `cni`; where one object configures
    all charts, only there.
    """
    for held in values:
        if held.chart in ("*", "istiod", "cni"):
            yield held, ("cni",)
        if held.chart == "cni":
            yield held, ()
        if held.chart == "ambient":
            yield held, ("cni", "cni")
            yield held, ("cni",)


def released_charts(graph: ResourceGraph) -> Iterator[tuple[Resource, str, FieldPath]]:
    """The charts of Istio that Flux and Argo CD install: the release, the chart, the way to its name."""
    for release in graph.of_kind(k.HELM_RELEASE):
        path = ("spec", "chart", "spec", "chart")
        chart = release.manifest.value(*path)
        if chart in CHARTS:
            yield release, chart, path
    for application in graph.of_kind(k.ARGO_APPLICATION):
        for source in argo_sources(application):
            chart = application.manifest.value(*source, "chart")
            if chart in CHARTS:
                yield application, chart, (*source, "chart")


def excluded_namespaces(graph: ResourceGraph) -> Derived[frozenset[str]] | None:
    """
    The namespaces that istio-cni leaves alone; None where nothing tells.

    ConfigMap `istio-cni-config`, key `EXCLUDE_NAMESPACES`; chart value `excludeNamespaces`, or
    `cni.excludeNamespaces` (istio `manifests/charts/istio-cni`, `templates/configmap-cni.yaml`).
    """
    for config in cni_configs(graph):
        listed = config.data.get("EXCLUDE_NAMESPACES")
        if listed is not None:
            names = frozenset(name.strip() for name in listed.split(",") if name.strip())
            at = config.at("data", "EXCLUDE_NAMESPACES")
            return Derived(names, (Cause("istio-cni is told to leave these namespaces out", at),))
        kubernetes = legacy_cni_config(config).get("kubernetes")
        legacy = kubernetes.get("exclude_namespaces") if isinstance(kubernetes, dict) else None
        if isinstance(legacy, list):
            at = config.at("data", "cni_network_config")
            return Derived(frozenset(map(str, legacy)), (Cause("istio-cni is told to leave these out", at),))
    for values, prefix in of_cni(tuple(chart_values(graph))):
        found = values.get(*prefix, "excludeNamespaces")
        if isinstance(found, list):
            names = frozenset(str(name) for name in found)
            at = values.at(*prefix, "excludeNamespaces")
            return Derived(names, (Cause("istio-cni is told to leave these out", at),))
    return None


def enablement_selectors(graph: ResourceGraph) -> Derived[tuple[EnablementSelector, ...]] | None:
    """
    Custom rules for which pods are ambient (Istio 1.27 and newer); None for Istio's own.

    ConfigMap `istio-cni-config`, key `AMBIENT_ENABLEMENT_SELECTOR` (YAML in a text); chart value
    `ambient.enablementSelectors` (istio `cni/pkg/util/enablement_selector.go`).
    """
    for config in cni_configs(graph):
        text = config.data.get("AMBIENT_ENABLEMENT_SELECTOR")
        if text:
            at = config.at("data", "AMBIENT_ENABLEMENT_SELECTOR")
            return Derived(_selectors(parse_yaml(text)), (Cause("istio-cni enrols pods by this rule", at),))
    for values, prefix in of_cni(tuple(chart_values(graph))):
        path = (*prefix, "ambient", "enablementSelectors")
        found = values.get(*path)
        if isinstance(found, list):
            cause = Cause("istio-cni enrols pods by this rule", values.at(*path))
            return Derived(_selectors(found), (cause,))
    return None


def installed_revisions(graph: ResourceGraph) -> frozenset[str] | None:
    """
    The revisions and tags whose injector is installed; None if the manifests cannot tell.

    They can only where the cluster-wide scope is closed, no chart has yet to be rendered, and there
    is an injector at all (else Istio is installed by other means): read off the webhooks' selectors
    (istio `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
    """
    if not graph.scopes.cluster or not is_rendered(graph):
        return None
    found = frozenset(
        value
        for configuration in graph.of_kind(k.MUTATING_WEBHOOK)
        if isinstance(configuration, MutatingWebhook)
        for webhook in configuration.webhooks
        for selector in (webhook.namespace_selector, webhook.object_selector)
        for requirement in selector.match_expressions
        if requirement.key == REVISION and requirement.operator == "In"
        for value in requirement.values
    )
    return found or None


def _istiod_installers(graph: ResourceGraph) -> Iterator[Resource]:
    """What makes an operator or a chart install istiod, webhooks included."""
    yield from graph.of_kind(k.ISTIO_OPERATOR, k.SAIL_ISTIO)
    yield from (source for source, chart, _ in released_charts(graph) if chart in ("istiod", "ambient"))


def cni_configs(graph: ResourceGraph) -> Iterator[ConfigMap]:
    """The ConfigMaps of istio-cni."""
    for config in graph.of_kind(k.CONFIG_MAP):
        if isinstance(config, ConfigMap) and _CNI_CONFIG.match(config.name):
            yield config


def legacy_cni_config(config: ConfigMap) -> Mapping[str, Any]:
    """What istio-cni up to 1.22 is told in the JSON of `cni_network_config`."""
    data = parse_yaml(config.data.get("cni_network_config", ""))
    return data if isinstance(data, dict) else {}


def is_rendered(graph: ResourceGraph) -> bool:
    """Whether nothing in the set has yet to install istiod, so that its objects would be missing."""
    return next(_istiod_installers(graph), None) is None


def _values(resource: Resource, chart: str, path: FieldPath) -> Iterator[Values]:
    data = resource.manifest.value(*path)
    if isinstance(data, dict):
        yield Values(chart, data, path, resource)


def argo_sources(application: Resource) -> Iterator[FieldPath]:
    """The ways to the sources of an Argo CD Application."""
    if isinstance(application.manifest.value("spec", "source"), dict):
        yield ("spec", "source")
    sources = application.manifest.value("spec", "sources")
    for index in range(len(sources) if isinstance(sources, list) else 0):
        yield ("spec", "sources", index)


def _selectors(data: object) -> tuple[EnablementSelector, ...]:
    return tuple(
        EnablementSelector(
            LabelSelector.read(Fields(entry, (), []).part("podSelector")),
            LabelSelector.read(Fields(entry, (), []).part("namespaceSelector")),
        )
        for entry in (data if isinstance(data, list) else ())
        if isinstance(entry, dict)
    )
