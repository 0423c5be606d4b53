"""The mesh's configuration: what istiod takes for granted about the whole mesh."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.control_plane import AMBIENT_PROFILES
from meshlint.mesh.installation.values import Values, of_istiod
from meshlint.model.fields import Fields, as_text
from meshlint.model.kind import CONFIG_MAP, ISTIO_OPERATOR, SAIL_ISTIO
from meshlint.model.kinds.core import ConfigMap
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Location
from meshlint.source.reading import parse_yaml

SYSTEM_NAMESPACE = "istio-system"
DEFAULT_TRUST_DOMAIN = "cluster.local"
_MESH_CONFIG_MAP = regex(r"^istio(-.+)?$")
_HBONE = ("defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE")


class VisibilityPolicy(NamedTuple):
    """
    A policy of `serviceEntryVisibility`: it decides if the namespace matches all of its rules.

    None stands for a rule of a sort that Istio does not know: it matches nothing.
    """

    visibility: str
    rules: tuple[LabelSelector | None, ...]

    def matches(self, namespace_labels: Mapping[str, str]) -> bool:
        """Whether it decides for a namespace with these labels; without rules it does for all."""
        return all(rule is not None and rule.matches(namespace_labels) for rule in self.rules)


class ServiceEntryVisibility(NamedTuple):
    """
    How widely ServiceEntries are visible: `PUBLIC`, `NAMESPACE` or `NONE` (Istio 1.31 and newer).

    istio `pilot/pkg/model/serviceentry_visibility.go`: the first policy that matches decides.
    """

    default: str
    policies: tuple[VisibilityPolicy, ...]
    at: Location

    def of(self, namespace_labels: Mapping[str, str]) -> str:
        """The visibility of the ServiceEntries of a namespace with these labels."""
        deciding = (policy.visibility for policy in self.policies if policy.matches(namespace_labels))
        return next(deciding, self.default)

    @property
    def is_uniform(self) -> bool:
        """Whether it is the same in every namespace, so that no labels have to be known."""
        return all(policy.visibility == self.default for policy in self.policies)


class MeshConfig(NamedTuple):
    """
    MeshConfig as far as ambient mode depends on it; a value without causes is Istio's default.

    `discovery_selectors` is None where istiod watches all namespaces. `hbone_enabled` (whether
    sidecars listen for HBONE) is None where the manifests do not tell, or several control planes
    differ. `outbound_policy` is `ALLOW_ANY` or `REGISTRY_ONLY`.
    """

    root_namespace: Derived[str]
    trust_domain: Derived[str]
    discovery_selectors: Derived[tuple[LabelSelector, ...]] | None
    hbone_enabled: Derived[bool | None]
    outbound_policy: Derived[str]
    service_entry_visibility: ServiceEntryVisibility | None


class _Source(NamedTuple):
    """Something that holds MeshConfig, and how to find the place of one of its fields."""

    data: Mapping[str, object]
    at: Callable[..., Location]

    def get(self, *path: str) -> object:
        value: object = self.data
        for step in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        return value


def mesh_config(graph: ResourceGraph, values: Sequence[Values]) -> MeshConfig:
    """
    MeshConfig as istiod will read it.

    ConfigMap `istio[-revision]`, key `mesh`, is what a chart made of the rest, so it speaks alone
    where it is; else `spec.meshConfig` of an IstioOperator, then the charts' `meshConfig`
    (istio `manifests/charts/istio-control/istio-discovery/templates/configmap.yaml`,
    `pkg/config/mesh/mesh.go`, DefaultMeshConfig).
    """
    rendered = list(_rendered(graph))
    sources = rendered[:1] or [*_operators(graph), *_charts(values)]
    return MeshConfig(
        root_namespace=_text(sources, "rootNamespace") or _istio_namespace(graph, values),
        trust_domain=_text(sources, "trustDomain") or Derived(DEFAULT_TRUST_DOMAIN),
        discovery_selectors=_discovery_selectors(sources),
        hbone_enabled=_hbone(sources, graph, values, rendered),
        outbound_policy=_text(sources, "outboundTrafficPolicy", "mode") or Derived("ALLOW_ANY"),
        service_entry_visibility=_visibility(sources),
    )


def _rendered(graph: ResourceGraph) -> Iterator[_Source]:
    """The ConfigMaps of the control planes, the default revision's first."""
    configs = [
        config
        for config in graph.of_kind(CONFIG_MAP)
        if isinstance(config, ConfigMap) and _MESH_CONFIG_MAP.match(config.name) and "mesh" in config.data
    ]
    for config in sorted(configs, key=lambda config: (config.name != "istio", config.name)):
        data = parse_yaml(config.data["mesh"])
        place = config.at("data", "mesh")
        yield _Source(data if isinstance(data, Mapping) else {}, lambda *_, place=place: place)


def _operators(graph: ResourceGraph) -> Iterator[_Source]:
    for operator in graph.of_kind(ISTIO_OPERATOR):
        data = operator.manifest.value("spec", "meshConfig")
        if isinstance(data, Mapping):
            yield _Source(data, lambda *path, held=operator: held.at("spec", "meshConfig", *path))


def _charts(values: Sequence[Values]) -> Iterator[_Source]:
    for held, prefix in of_istiod(values):
        data = held.get(*prefix, "meshConfig")
        if isinstance(data, Mapping):
            yield _Source(data, lambda *path, held=held, prefix=prefix: held.at(*prefix, "meshConfig", *path))


def _text(sources: Sequence[_Source], *path: str) -> Derived[str] | None:
    for source in sources:
        value = source.get(*path)
        if isinstance(value, str) and value:
            return Derived(
                value, (Cause(f"MeshConfig sets `{'.'.join(path)}` to {value!r}", source.at(*path)),)
            )
    return None


def _istio_namespace(graph: ResourceGraph, values: Sequence[Values]) -> Derived[str]:
    """The root namespace where MeshConfig names none: the chart takes that of istiod."""
    for resource in graph.of_kind(ISTIO_OPERATOR, SAIL_ISTIO):
        namespace = resource.manifest.value("spec", "namespace")
        if isinstance(namespace, str) and namespace:
            cause = Cause(f"Istio is installed in {namespace!r}", resource.at("spec", "namespace"))
            return Derived(namespace, (cause,))
    for held, prefix in of_istiod(values):
        path = (*prefix, "global", "istioNamespace")
        namespace = held.get(*path)
        if isinstance(namespace, str) and namespace:
            return Derived(namespace, (Cause(f"Istio is installed in {namespace!r}", held.at(*path)),))
    return Derived(SYSTEM_NAMESPACE)


def _discovery_selectors(sources: Sequence[_Source]) -> Derived[tuple[LabelSelector, ...]] | None:
    for source in sources:
        found = source.get("discoverySelectors")
        if isinstance(found, list) and found:
            selectors = tuple(_selector(entry) for entry in found if isinstance(entry, dict))
            return Derived(
                selectors, (Cause("istiod watches these namespaces alone", source.at("discoverySelectors")),)
            )
    return None


def _hbone(
    sources: Sequence[_Source], graph: ResourceGraph, values: Sequence[Values], rendered: Sequence[_Source]
) -> Derived[bool | None]:
    """
    Whether sidecars listen for HBONE, so that ambient clients can tell: `"true"`, and no other text.

    istio `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml` gives the pods
    `networking.istio.io/tunnel: http` then.
    """
    if len({as_text(source.get(*_HBONE)) == "true" for source in rendered}) > 1:
        return Derived(None)
    for source in sources:
        value = source.get(*_HBONE)
        if value is not None:
            cause = Cause(f"`ISTIO_META_ENABLE_HBONE` is {as_text(value)!r}", source.at(*_HBONE))
            return Derived(as_text(value) == "true", (cause,))
    if rendered:
        return Derived(False, (Cause("MeshConfig does not set `ISTIO_META_ENABLE_HBONE`", rendered[0].at()),))
    profile = next(_ambient_profiles(graph, values), None)
    return Derived(True, (profile,)) if profile else Derived(None)


def _ambient_profiles(graph: ResourceGraph, values: Sequence[Values]) -> Iterator[Cause]:
    for resource in graph.of_kind(ISTIO_OPERATOR, SAIL_ISTIO):
        profile = resource.manifest.value("spec", "profile")
        if isinstance(profile, str) and profile in AMBIENT_PROFILES:
            yield Cause(f"profile {profile!r} enables HBONE", resource.at("spec", "profile"))
    for held, prefix in of_istiod(values):
        for path in ((*prefix, "profile"), (*prefix, "global", "profile")):
            profile = held.get(*path)
            if isinstance(profile, str) and profile in AMBIENT_PROFILES:
                yield Cause(f"profile {profile!r} enables HBONE", held.at(*path))


def _visibility(sources: Sequence[_Source]) -> ServiceEntryVisibility | None:
    for source in sources:
        found = source.get("serviceEntryVisibility")
        if isinstance(found, dict):
            fields = Fields(found, (), [])
            return ServiceEntryVisibility(
                _scope(fields.text("defaultVisibility")),
                tuple(
                    VisibilityPolicy(
                        _scope(policy.text("visibility")),
                        tuple(
                            LabelSelector.read(rule.part("namespaceSelector"))
                            if isinstance(rule.data.get("namespaceSelector"), dict)
                            else None
                            for rule in policy.each("matchingRules")
                        ),
                    )
                    for policy in fields.each("policies")
                ),
                source.at("serviceEntryVisibility"),
            )
    return None


def _scope(visibility: str) -> str:
    return visibility if visibility in ("NONE", "NAMESPACE") else "PUBLIC"


def _selector(entry: dict[str, object]) -> LabelSelector:
    return LabelSelector.read(Fields(entry, (), []))
