"""The sidecar injector as it is installed: its webhooks, and what it makes of the pods that they bring."""

from collections.abc import Iterator, Mapping, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.values import Values, of_istiod
from meshlint.model.fields import Fields
from meshlint.model.keys import INJECTION, REVISION, TAG
from meshlint.model.kind import CONFIG_MAP, MUTATING_WEBHOOK
from meshlint.model.kinds.core import ConfigMap, MutatingWebhook, Webhook
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Location
from meshlint.source.reading import parse_yaml

DEFAULT_REVISION = "default"
_INJECTOR_CONFIG = regex(r"^istio-sidecar-injector(?:-(.+))?$")
_INJECTION_WEBHOOK = "sidecar-injector.istio.io"


class InjectorConfig(NamedTuple):
    """
    What the injector does with a pod that a webhook brings: its policy and its selectors.

    `policy` is `enabled` or `disabled`; with any other text nothing is injected.
    """

    policy: str = "enabled"
    never: tuple[LabelSelector, ...] = ()
    always: tuple[LabelSelector, ...] = ()
    because: tuple[Cause, ...] = ()


class InjectionWebhook(NamedTuple):
    """A webhook that brings pods to the injector of a revision."""

    revision: str
    webhook: Webhook
    at: Location

    @property
    def revisions(self) -> Iterator[str]:
        """The values of `istio.io/rev` that it asks for: a revision, or a tag."""
        for selector in (self.webhook.namespace_selector, self.webhook.object_selector):
            for term in selector.match_expressions:
                if term.key == REVISION and term.operator == "In":
                    yield from term.values

    @property
    def is_of_default(self) -> bool:
        """Whether it is one of the webhooks that serve labels without a revision."""
        selector = self.webhook.namespace_selector
        keys = {*selector.match_labels, *(term.key for term in selector.match_expressions)}
        return INJECTION in keys and not any(self.revisions)


class Injectors(NamedTuple):
    """
    The injectors of the set.

    `webhooks` are those that it holds; `revisions` the values of `istio.io/rev` for which there is
    an injector, None if others may be installed elsewhere. `by_default` tells whether the
    namespaces without any label are injected (`enableNamespacesByDefault`).
    """

    revisions: frozenset[str] | None
    webhooks: tuple[InjectionWebhook, ...]
    configs: Mapping[str, InjectorConfig]
    by_default: Derived[bool]

    def has(self, revision: str) -> bool:
        """Whether there may be an injector for a value of `istio.io/rev`, as far as is known."""
        return self.revisions is None or revision in self.revisions

    def holds(self, revision: str) -> bool:
        """Whether the set itself holds the webhooks that serve a value of `istio.io/rev`."""
        return any(revision in webhook.revisions for webhook in self.webhooks)

    @property
    def holds_default(self) -> bool:
        """Whether the set itself tells who serves the labels without a revision, if anybody does."""
        known = self.revisions is not None and bool(self.webhooks)
        return known or any(webhook.is_of_default for webhook in self.webhooks)

    def config(self, revision: str) -> InjectorConfig:
        """The settings of a revision's injector; Istio's own where the set tells none."""
        only = next(iter(self.configs.values())) if len(self.configs) == 1 else InjectorConfig()
        return self.configs.get(revision, only)


def injectors(graph: ResourceGraph, values: Sequence[Values], revisions: frozenset[str] | None) -> Injectors:
    """
    Read the injectors off webhooks, ConfigMaps and chart values.

    istio `manifests/charts/istio-control/istio-discovery/templates`, `mutatingwebhook.yaml`,
    `revision-tags-mwc.yaml` and `istiod-injector-configmap.yaml`.
    """
    configs = dict(_configs(graph)) or dict(_configs_of_values(values))
    return Injectors(revisions, tuple(_webhooks(graph)), configs, _by_default(graph, values))


def _webhooks(graph: ResourceGraph) -> Iterator[InjectionWebhook]:
    for configuration in graph.of_kind(MUTATING_WEBHOOK):
        if not isinstance(configuration, MutatingWebhook):
            continue
        revision = configuration.labels.get(REVISION) or configuration.labels.get(TAG) or DEFAULT_REVISION
        for index, webhook in enumerate(configuration.webhooks):
            if webhook.name.endswith(_INJECTION_WEBHOOK):
                yield InjectionWebhook(revision, webhook, configuration.at("webhooks", index))


def _configs(graph: ResourceGraph) -> Iterator[tuple[str, InjectorConfig]]:
    for held in _config_maps(graph):
        match = _INJECTOR_CONFIG.match(held.name)
        data = parse_yaml(held.data.get("config", ""))
        if match and isinstance(data, dict):
            yield match[1] or DEFAULT_REVISION, _config(Fields(data, (), []), held.at("data", "config"))


def _config(fields: Fields, at: Location) -> InjectorConfig:
    return InjectorConfig(
        fields.text("policy"),
        tuple(LabelSelector.read(entry) for entry in fields.each("neverInjectSelector")),
        tuple(LabelSelector.read(entry) for entry in fields.each("alwaysInjectSelector")),
        (Cause("the injector is configured so", at),),
    )


def _configs_of_values(values: Sequence[Values]) -> Iterator[tuple[str, InjectorConfig]]:
    for held, prefix in of_istiod(values):
        policy = held.get(*prefix, "global", "proxy", "autoInject")
        webhook = held.get(*prefix, "sidecarInjectorWebhook")
        if policy is None and not isinstance(webhook, Mapping):
            continue
        fields = Fields(webhook if isinstance(webhook, Mapping) else {}, (), [])
        config = _config(fields, held.at(*prefix, "sidecarInjectorWebhook"))
        revision = held.get(*prefix, "revision")
        yield (
            revision if isinstance(revision, str) and revision else DEFAULT_REVISION,
            config._replace(policy=policy if isinstance(policy, str) else "enabled"),
        )


def _by_default(graph: ResourceGraph, values: Sequence[Values]) -> Derived[bool]:
    path = ("sidecarInjectorWebhook", "enableNamespacesByDefault")
    text = "namespaces without a label are injected by default"
    for held in _config_maps(graph):
        data = parse_yaml(held.data.get("values", ""))
        webhook = data.get(path[0]) if isinstance(data, dict) else None
        if isinstance(webhook, dict) and webhook.get(path[1]) is True:
            return Derived(True, (Cause(text, held.at("data", "values")),))
    for held_values, prefix in of_istiod(values):
        if held_values.get(*prefix, *path) is True:
            return Derived(True, (Cause(text, held_values.at(*prefix, *path)),))
    return Derived(False)


def _config_maps(graph: ResourceGraph) -> Iterator[ConfigMap]:
    for config in graph.of_kind(CONFIG_MAP):
        if isinstance(config, ConfigMap) and _INJECTOR_CONFIG.match(config.name):
            yield config
