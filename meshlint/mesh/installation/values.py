"""How Istio is installed, as far as the manifests tell: the CNI's settings, revisions, versions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.model import kind as k
from meshlint.model.fields import Fields
from meshlint.model.keys import REVISION
from meshlint.model.kinds.core import ConfigMap, MutatingWebhook
from meshlint.model.resource import Resource
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import FieldPath, Location
from meshlint.source.reading import parse_yaml

_CNI_CONFIG = regex(r"^istio-cni(-.+)?-config$")
CHARTS = frozenset({"base", "istiod", "cni", "ztunnel", "gateway", "ambient"})
_DEAD_EXCLUSION = "EXCLUDED_NAMESPACES"
_OPERATORS = (k.ISTIO_OPERATOR, k.SAIL_ISTIO, k.SAIL_CNI, k.SAIL_ZTUNNEL)
HOLDERS = (*_OPERATORS, k.HELM_RELEASE, k.ARGO_APPLICATION)
"""The kinds that hold values for Istio's charts."""
_COMMON_NAMES = frozenset({"base", "cni", "gateway", "ambient"})


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
        held = self.resource.manifest.value(*self.path)
        return self.resource.at(*self.path, *(_parameter(held, path) if isinstance(held, list) else path))


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
    chart of Istio; Argo CD Application: in `spec.source(s).helm`, `parameters` before `valuesObject`,
    and without the latter the text of `values`.
    """
    for resource in graph.of_kind(*HOLDERS):
        yield from values_of(resource)


def values_of(resource: Resource) -> Iterator[Values]:
    """The values that one object holds, as `chart_values`."""
    if resource.kind in _OPERATORS:
        # istioctl reads an IstioOperator as a file; an object of Sail without a name is never applied.
        if resource.name or resource.kind == k.ISTIO_OPERATOR:
            yield from _values(resource, "*", ("spec", "values"))
        return
    for _, chart, path in charts_of(resource):
        if resource.kind == k.HELM_RELEASE:
            yield from _values(resource, chart, ("spec", "values"))
        else:
            yield from _argo_values(resource, chart, (*path[:-1], "helm"))


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
    for resource in graph.of_kind(k.HELM_RELEASE, k.ARGO_APPLICATION):
        yield from charts_of(resource)


def charts_of(resource: Resource) -> Iterator[tuple[Resource, str, FieldPath]]:
    """The charts of Istio that a HelmRelease or an Application installs, as `released_charts`."""
    if resource.kind == k.HELM_RELEASE:
        sources: Iterable[FieldPath] = [("spec", "chart", "spec")]
        repository: FieldPath = ("sourceRef", "name")
    elif resource.kind == k.ARGO_APPLICATION:
        sources, repository = argo_sources(resource), ("repoURL",)
    else:
        return
    for path in sources:
        chart = resource.manifest.value(*path, "chart")
        home = resource.manifest.value(*path, *repository)
        if isinstance(chart, str) and chart in CHARTS and _is_of_istio(chart, home, resource):
            yield resource, chart, (*path, "chart")


def _is_of_istio(chart: str, repository: object, resource: Resource) -> bool:
    """Whether a chart is Istio's: others, too, call theirs `base` or `gateway`."""
    if chart not in _COMMON_NAMES or not isinstance(repository, str):
        return True
    return any("istio" in text for text in (repository, resource.name, resource.namespace or ""))


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


def dead_exclusion(config: ConfigMap) -> Location | None:
    """
    The list of namespaces that a ConfigMap of istio-cni holds under a key that nothing reads.

    istio `cni/pkg/constants/constants.go`: `EXCLUDE_NAMESPACES`.
    """
    is_dead = _DEAD_EXCLUSION in config.data and "EXCLUDE_NAMESPACES" not in config.data
    return config.at("data", _DEAD_EXCLUSION) if is_dead and is_cni_config(config) else None


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
    operators = graph.of_kind(k.ISTIO_OPERATOR, k.SAIL_ISTIO)
    charts = (source for source, chart, _ in released_charts(graph) if chart in ("istiod", "ambient"))
    # In a cluster it is done by now, so that what it installed can be seen.
    yield from (source for source in (*operators, *charts) if not source.head.live)


def cni_configs(graph: ResourceGraph) -> Iterator[ConfigMap]:
    """The ConfigMaps of istio-cni."""
    for config in graph.of_kind(k.CONFIG_MAP):
        if isinstance(config, ConfigMap) and is_cni_config(config):
            yield config


def is_cni_config(config: ConfigMap) -> bool:
    """Whether a ConfigMap is that of istio-cni."""
    return _CNI_CONFIG.match(config.name) is not None


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


def _argo_values(application: Resource, chart: str, path: FieldPath) -> Iterator[Values]:
    parameters = application.manifest.value(*path, "parameters")
    if isinstance(parameters, list) and parameters:
        yield Values(chart, _of_parameters(parameters), (*path, "parameters"), application)
    if isinstance(application.manifest.value(*path, "valuesObject"), dict):
        yield from _values(application, chart, (*path, "valuesObject"))
        return
    text = application.manifest.value(*path, "values")
    data = parse_yaml(text) if isinstance(text, str) else None
    if isinstance(data, dict):
        yield Values(chart, data, (*path, "values"), application)


def _of_parameters(parameters: list[Any]) -> Mapping[str, Any]:
    """Helm's `--set a.b=c`, as far as it is about mappings."""
    data: dict[str, Any] = {}
    for parameter in parameters:
        name, value = (
            (parameter.get("name"), parameter.get("value")) if isinstance(parameter, dict) else ("", "")
        )
        if not isinstance(name, str) or not name or "[" in name or "\\" in name:
            continue
        *way, last = name.split(".")
        part = data
        for step in way:
            below = part.setdefault(step, {})
            part = below if isinstance(below, dict) else {}
        part[last] = value
    return data


def _parameter(parameters: list[Any], path: tuple[str, ...]) -> FieldPath:
    """The way to the value of a parameter of Argo CD; to none if there is none."""
    for index, parameter in reversed(list(enumerate(parameters))):
        if isinstance(parameter, dict) and parameter.get("name") == ".".join(path):
            return (index, "value")
    return ()


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
