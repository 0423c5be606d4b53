"""The parts of an installation: whether each does ambient mode, and where it runs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.control_plane import is_on
from meshlint.mesh.installation.values import Values, cni_configs, legacy_cni_config, of_cni, of_istiod
from meshlint.model.fields import as_text
from meshlint.model.kind import DAEMON_SET, DEPLOYMENT, ISTIO_OPERATOR, SAIL_CNI, SAIL_ISTIO, SAIL_ZTUNNEL
from meshlint.model.kinds.workload import Workload
from meshlint.source.document import Location

AMBIENT_PROFILES = frozenset({"ambient", "openshift-ambient"})
_SYSTEM_NAMESPACE = "istio-system"


class Account(NamedTuple):
    """A service account: by it a component is known to the others."""

    namespace: str
    name: str


def ambient_cni(graph: ResourceGraph, values: Sequence[Values]) -> Derived[bool | None]:
    """
    Whether istio-cni does ambient mode: without it no pod is captured. None where nothing tells.

    ConfigMap `istio-cni-config`, key `AMBIENT_ENABLED` (up to 1.22 in the JSON of
    `cni_network_config`); chart value `ambient.enabled`; the profile
    (istio `manifests/charts/istio-cni/templates/configmap-cni.yaml`).
    """
    for config in cni_configs(graph):
        text = config.data.get("AMBIENT_ENABLED")
        if text is not None:
            return _switch("AMBIENT_ENABLED", text, config.at("data", "AMBIENT_ENABLED"))
        legacy = legacy_cni_config(config).get("ambient_enabled")
        if legacy is not None:
            return _switch("ambient_enabled", legacy, config.at("data", "cni_network_config"))
    for held, prefix in of_cni(values):
        found = held.get(*prefix, "ambient", "enabled")
        if found is not None:
            return _switch("ambient.enabled", found, held.at(*prefix, "ambient", "enabled"))
    profile = next(_profiles(graph, values, ("cni", "ambient", "*")), None)
    return Derived(True, (profile,)) if profile else Derived(None)


def ambient_istiod(graph: ResourceGraph, values: Sequence[Values]) -> Derived[bool | None]:
    """
    Whether istiod does ambient mode: without it there are no waypoints and no conditions.

    istiod's `PILOT_ENABLE_AMBIENT` (istio `pilot/pkg/features/ambient.go`, 1.22 and newer), chart
    values `pilot.env` and `env`, the profile.
    """
    return _istiod_flag(graph, values, "PILOT_ENABLE_AMBIENT", by_profile=True)


def multi_network(graph: ResourceGraph, values: Sequence[Values]) -> Derived[bool | None]:
    """Whether istiod does multi-network ambient mode: `AMBIENT_ENABLE_MULTI_NETWORK`, off by default."""
    return _istiod_flag(graph, values, "AMBIENT_ENABLE_MULTI_NETWORK")


def agentgateway(graph: ResourceGraph, values: Sequence[Values]) -> Derived[bool | None]:
    """Whether istiod knows the classes of agentgateway: `PILOT_ENABLE_AGENTGATEWAY`, off by default."""
    return _istiod_flag(graph, values, "PILOT_ENABLE_AGENTGATEWAY")


def istiod_namespace(graph: ResourceGraph, values: Sequence[Values]) -> Derived[str]:
    """The namespace of istiod; without causes it is the usual one."""
    for istiod in istiods(graph):
        if istiod.namespace:
            cause = Cause("istiod runs here", istiod.at("metadata", "namespace"))
            return Derived(istiod.namespace, (cause,))
    for resource in graph.of_kind(ISTIO_OPERATOR, SAIL_ISTIO):
        found = _text(resource.manifest.value("spec", "namespace"))
        if found:
            return Derived(found, (Cause("Istio is installed here", resource.at("spec", "namespace")),))
    for held, prefix in of_istiod(values):
        path = (*prefix, "global", "istioNamespace")
        found = _text(held.get(*path))
        if found:
            return Derived(found, (Cause("Istio is installed here", held.at(*path)),))
    return Derived(_SYSTEM_NAMESPACE)


def ztunnel_account(graph: ResourceGraph, values: Sequence[Values]) -> Derived[Account]:
    """
    The service account of ztunnel; without causes it is the usual one.

    The DaemonSet with the pod label `app: ztunnel`; Sail's `ZTunnel`; what istiod is told to trust
    (`trustedZtunnelNamespace`, 1.23 and newer; `trustedZtunnelName`, 1.26 and newer).
    """
    for workload in graph.of_kind(DAEMON_SET):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "ztunnel":
            account = Account(workload.namespace or _SYSTEM_NAMESPACE, workload.service_account or "ztunnel")
            return Derived(account, (Cause("ztunnel runs here", workload.at()),))
    for sail in graph.of_kind(SAIL_ZTUNNEL):
        namespace = _text(sail.manifest.value("spec", "namespace"))
        if namespace:
            cause = Cause("ztunnel is installed here", sail.at("spec", "namespace"))
            return Derived(Account(namespace, "ztunnel"), (cause,))
    for held, prefix in of_istiod(values):
        for path in ((*prefix, "pilot", "trustedZtunnelNamespace"), (*prefix, "trustedZtunnelNamespace")):
            namespace = _text(held.get(*path))
            if namespace:
                name = _text(held.get(*path[:-1], "trustedZtunnelName")) or "ztunnel"
                cause = Cause(f"istiod trusts ztunnel in {namespace!r}", held.at(*path))
                return Derived(Account(namespace, name), (cause,))
    return Derived(Account(istiod_namespace(graph, values).value, "ztunnel"))


def platform(graph: ResourceGraph, values: Sequence[Values]) -> Derived[str | None]:
    """The platform that Istio is installed for (`openshift`, `gke`, `k3s` …); None where nothing tells."""
    for istiod in istiods(graph):
        for container in istiod.containers:
            found = container.env.get("PLATFORM")
            if found:
                at = istiod.at(*container.path, "env")
                return Derived(found, (Cause(f"the platform is {found!r}", at),))
    for held in values:
        for prefix in ((), ("istiod",), ("cni",), ("ztunnel",)) if held.chart == "ambient" else ((),):
            for path in ((*prefix, "global", "platform"), (*prefix, "platform")):
                found = _text(held.get(*path))
                if found:
                    return Derived(found, (Cause(f"the platform is {found!r}", held.at(*path)),))
    return Derived(None)


def is_component(workload: Workload) -> bool:
    """
    Whether the pods are Istio's own: istiod, the CNI node agent, ztunnel.

    istio `manifests/charts`: `istio-control/istio-discovery/templates/deployment.yaml`,
    `istio-cni/templates/daemonset.yaml`, `ztunnel/templates/daemonset.yaml`.
    """
    labels = workload.pod_labels
    return labels.get("app") in ("istiod", "ztunnel") or labels.get("k8s-app") == "istio-cni-node"


def istiods(graph: ResourceGraph) -> Iterator[Workload]:
    """The Deployments of istiod."""
    for workload in graph.of_kind(DEPLOYMENT):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "istiod":
            yield workload


def _istiod_flag(
    graph: ResourceGraph, values: Sequence[Values], name: str, *, by_profile: bool = False
) -> Derived[bool | None]:
    for istiod in istiods(graph):
        for container in istiod.containers:
            if name in container.env:
                return _switch(name, container.env[name], istiod.at(*container.path, "env"))
    for istiod in istiods(graph):
        if istiod.containers:
            return Derived(False, (Cause(f"istiod runs without `{name}`", istiod.at()),))
    for held, prefix in of_istiod(values):
        for path in ((*prefix, "pilot", "env", name), (*prefix, "env", name)):
            found = held.get(*path)
            if found is not None:
                return _switch(name, found, held.at(*path))
    profile = next(_profiles(graph, values, ("istiod", "ambient", "*")), None) if by_profile else None
    return Derived(True, (profile,)) if profile else Derived(None)


def _profiles(graph: ResourceGraph, values: Sequence[Values], charts: tuple[str, ...]) -> Iterator[Cause]:
    """The lines that choose a profile of ambient mode for some charts."""
    kinds = (ISTIO_OPERATOR, SAIL_CNI if "cni" in charts else SAIL_ISTIO)
    for resource in graph.of_kind(*kinds):
        profile = resource.manifest.value("spec", "profile")
        if profile in AMBIENT_PROFILES:
            yield Cause(f"profile {profile!r}", resource.at("spec", "profile"))
    for held in values:
        if held.chart not in charts or (held.resource.kind not in kinds and held.chart == "*"):
            continue
        for path in (("profile",), ("global", "profile")):
            profile = held.get(*path)
            if isinstance(profile, str) and profile in AMBIENT_PROFILES:
                yield Cause(f"profile {profile!r}", held.at(*path))
        if held.chart == "ambient":
            # The umbrella chart sets the profile of all of its parts itself.
            yield Cause("chart 'ambient' is installed", held.at())


def _switch(name: str, value: object, at: Location) -> Derived[bool | None]:
    return Derived(is_on(value), (Cause(f"`{name}` is {as_text(value)!r}", at),))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
