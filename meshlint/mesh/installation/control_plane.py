"""Where the control plane runs, and whether ambient mode is installed with it."""

from collections.abc import Iterator, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause
from meshlint.mesh.installation.values import Values, released_charts
from meshlint.model.keys import CONTROL_PLANE_CLUSTERS
from meshlint.model.kind import DAEMON_SET, ISTIO_OPERATOR, SAIL_CNI, SAIL_ISTIO, SAIL_ZTUNNEL
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.source.document import FieldPath

_REMOTE_PROFILES = frozenset({"remote", "external"})
AMBIENT_PROFILES = frozenset({"ambient", "openshift-ambient"})
_REMOTE_SWITCHES = (
    ("istiodRemote", "enabled"),
    ("global", "externalIstiod"),
    ("global", "configCluster"),
    ("pilot", "env", "EXTERNAL_ISTIOD"),
    ("env", "EXTERNAL_ISTIOD"),
)
_AMBIENT_SWITCHES = (
    ("pilot", "env", "PILOT_ENABLE_AMBIENT"),
    ("env", "PILOT_ENABLE_AMBIENT"),
    ("cni", "ambient", "enabled"),
    ("ztunnel", "enabled"),
)
# The umbrella chart hands these parts of its values to the charts within it.
_SUBCHARTS = ("base", "istiod", "cni", "ztunnel")


def remote_control_plane(resource: Resource, values: Sequence[Values]) -> tuple[Cause, ...]:
    """
    The lines of an object that put a control plane outside of the cluster, or have it serve other clusters.

    Profiles `remote` and `external`, chart values `istiodRemote.enabled`,
    `global.{remotePilotAddress,externalIstiod,configCluster}`, istiod's `EXTERNAL_ISTIOD`, and a
    Namespace's `topology.istio.io/controlPlaneClusters`
    (istio `manifests/charts/istio-control/istio-discovery`, `values.yaml` and `templates/deployment.yaml`).
    """
    if not is_installation(resource):
        return ()
    return tuple(_remote_lines(resource, [held for held in values if held.resource is resource]))


def ambient_installation(graph: ResourceGraph, values: Sequence[Values]) -> tuple[Cause, ...]:
    """
    The lines by which ambient mode is installed: ztunnel, the profile, istiod's and the CNI's switches.

    istio `manifests/charts/istio-control/istio-discovery/files/profile-ambient.yaml`,
    `manifests/profiles/ambient.yaml`.
    """
    return (
        *_ambient_settings(graph, [held for held in values if is_installation(held.resource)]),
        *_ztunnels(graph),
    )


def is_installation(resource: Resource) -> bool:
    """
    Whether an object installs anything: the API server takes none without a name.

    The profiles of Sail (sail-operator `resources/*/profiles`) are such `Istio`s without a name. An
    IstioOperator needs none: `istioctl install` reads it as a file.
    """
    return bool(resource.name) or resource.kind == ISTIO_OPERATOR


def _remote_lines(resource: Resource, values: Sequence[Values]) -> Iterator[Cause]:
    clusters = resource.annotations.get(CONTROL_PLANE_CLUSTERS)
    if isinstance(resource, Namespace) and clusters:
        text = f"control planes of clusters {clusters!r} serve it"
        yield Cause(text, resource.annotation_at(CONTROL_PLANE_CLUSTERS))
    if isinstance(resource, Workload) and resource.pod_labels.get("app") == "istiod":
        for container in resource.containers:
            if container.env.get("EXTERNAL_ISTIOD") == "true":
                yield Cause("istiod serves other clusters", resource.env_at(container, "EXTERNAL_ISTIOD"))
    yield from _profile(resource, values, _REMOTE_PROFILES)
    for held in values:
        for prefix in _prefixes(held):
            yield from _switches(held, prefix, _REMOTE_SWITCHES)
            path = (*prefix, "global", "remotePilotAddress")
            address = held.get(*path)
            if address:
                yield Cause(f"'global.remotePilotAddress' is {address!r}", held.at(*path))


def _ambient_settings(graph: ResourceGraph, values: Sequence[Values]) -> Iterator[Cause]:
    installers = list(graph.of_kind(ISTIO_OPERATOR, SAIL_ISTIO, SAIL_CNI))
    for resource in filter(is_installation, installers):
        yield from _profile(resource, (), AMBIENT_PROFILES)
        path = ("spec", "components", "ztunnel", "enabled")
        if is_on(resource.manifest.value(*path)):
            yield Cause("ztunnel is installed", resource.at(*path))
    for held in values:
        yield from _profile_of_values(held, AMBIENT_PROFILES)
        for prefix in _prefixes(held):
            yield from _switches(held, prefix, _AMBIENT_SWITCHES)
        if held.chart == "cni":
            yield from _switches(held, (), (("ambient", "enabled"),))


def _ztunnels(graph: ResourceGraph) -> Iterator[Cause]:
    for sail in filter(is_installation, graph.of_kind(SAIL_ZTUNNEL)):
        yield Cause("ztunnel is installed", sail.at())
    for release, chart, path in released_charts(graph):
        if chart in ("ztunnel", "ambient") and is_installation(release):
            yield Cause(f"chart {chart!r} is installed", release.at(*path))
    for workload in graph.of_kind(DAEMON_SET):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "ztunnel":
            yield Cause("ztunnel is installed", workload.at())


def _profile(resource: Resource, values: Sequence[Values], wanted: frozenset[str]) -> Iterator[Cause]:
    if resource.kind in (ISTIO_OPERATOR, SAIL_ISTIO, SAIL_CNI):
        profile = resource.manifest.value("spec", "profile")
        if isinstance(profile, str) and profile in wanted:
            yield Cause(f"profile {profile!r}", resource.at("spec", "profile"))
    for held in values:
        yield from _profile_of_values(held, wanted)


def _profile_of_values(held: Values, wanted: frozenset[str]) -> Iterator[Cause]:
    for prefix in _prefixes(held):
        for path in ((*prefix, "profile"), (*prefix, "global", "profile")):
            profile = held.get(*path)
            if isinstance(profile, str) and profile in wanted:
                yield Cause(f"profile {profile!r}", held.at(*path))


def _switches(held: Values, prefix: FieldPath, paths: Sequence[tuple[str, ...]]) -> Iterator[Cause]:
    for path in paths:
        whole = (*(str(step) for step in prefix), *path)
        if is_on(held.get(*whole)):
            yield Cause(f"'{'.'.join(path)}' is on", held.at(*whole))


def _prefixes(held: Values) -> tuple[tuple[str, ...], ...]:
    return ((), *((chart,) for chart in _SUBCHARTS)) if held.chart == "ambient" else ((),)


def is_on(value: object) -> bool:
    """Whether a value switches something on, as Go's ParseBool and YAML read it."""
    return value is True or (isinstance(value, str) and value.lower() in ("true", "1"))
