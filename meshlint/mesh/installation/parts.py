"""Which object installs which component of Istio, and what it tells that component."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause
from meshlint.mesh.installation.control_plane import AMBIENT_PROFILES, is_installation
from meshlint.mesh.installation.values import Values, charts_of, is_cni_config, values_of
from meshlint.model import kind as k
from meshlint.model.kind import Kind
from meshlint.model.kinds.core import ConfigMap
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location, Manifest


class Component(Enum):
    """What ambient mode needs three of."""

    ISTIOD = "istiod"
    CNI = "istio-cni"
    ZTUNNEL = "ztunnel"


class Setting(NamedTuple):
    """A value that a component is given, and its place."""

    value: object
    at: Location


class Part(NamedTuple):
    """
    A component of Istio, as one object installs it.

    `at` is the line that does. `values` are those that its chart gets, in the order of precedence, with the
    way to them where one object is for several charts. `is_whole` tells that it gets no others than those:
    what they leave out has its default.
    """

    component: Component
    resource: Resource
    at: Location
    values: tuple[tuple[Values, tuple[str, ...]], ...] = ()
    is_whole: bool = True

    @property
    def is_rendered(self) -> bool:
        """Whether it is what a chart makes, rather than what is made by a chart or an operator."""
        return self.resource.kind in (k.DEPLOYMENT, k.DAEMON_SET, k.CONFIG_MAP)

    def own(self, *path: str) -> Setting | None:
        """A setting of the component itself, wherever its chart reads that from."""
        ways = [(*base, *way) for _, base in self.values for way in self._ways]
        return next((found for way in dict.fromkeys(ways) if (found := self._at(*way, *path))), None)

    def shared(self, *path: str) -> Setting | None:
        """A setting for all charts: `global`, `profile` and the like."""
        bases = dict.fromkeys(base for _, base in self.values)
        return next((found for base in bases if (found := self._at(*base, *path))), None)

    @property
    def profile(self) -> Setting | None:
        """The profile that it is installed with, a text."""
        told = [self.shared("profile"), self.shared("global", "profile")]
        if self.resource.kind in _OPERATORS:
            path = ("spec", "profile")
            told.append(Setting(self.resource.manifest.value(*path), self.resource.at(*path)))
        return next((one for one in told if one and isinstance(one.value, str)), None)

    @property
    def platform(self) -> Setting | None:
        """The platform that it is installed for."""
        return self.shared("platform") or self.shared("global", "platform")

    @property
    def has_ambient_profile(self) -> bool:
        """Whether its profile is one of ambient mode; the umbrella chart sets that itself."""
        if self.profile is None:
            return any(chart == "ambient" for _, chart, _ in charts_of(self.resource))
        return self.profile.value in AMBIENT_PROFILES

    @property
    def _ways(self) -> tuple[tuple[str, ...], ...]:
        """
        Where a chart reads a component's own settings.

        Those of istiod and istio-cni stand under a key of their own or, by Helm and from 1.24, at the top
        (istio `manifests/charts/istio-control/istio-discovery/templates/zzy_descope_legacy.yaml`); those
        of ztunnel at the top, and under its key only where one object is for all charts.
        """
        by_operator = self.resource.kind in _OPERATORS
        match self.component:
            case Component.ISTIOD:
                return (("pilot",), ())
            case Component.CNI:
                return (("cni",),) if by_operator else (("cni",), ())
            case _:
                return (("ztunnel",),) if by_operator else ((),)

    def _at(self, *path: str) -> Setting | None:
        for held, _ in self.values:
            value = held.get(*path)
            if value is not None:
                return Setting(value, held.at(*path))
        return None


_OPERATORS = frozenset({k.ISTIO_OPERATOR, k.SAIL_ISTIO, k.SAIL_CNI, k.SAIL_ZTUNNEL})
_OF_SAIL = {
    k.SAIL_ISTIO: Component.ISTIOD,
    k.SAIL_CNI: Component.CNI,
    k.SAIL_ZTUNNEL: Component.ZTUNNEL,
}
_OF_CHARTS = {
    "istiod": ((Component.ISTIOD, ()),),
    "cni": ((Component.CNI, ()),),
    "ztunnel": ((Component.ZTUNNEL, ()),),
    "ambient": (
        (Component.ISTIOD, ("istiod",)),
        (Component.CNI, ("cni",)),
        (Component.ZTUNNEL, ("ztunnel",)),
    ),
}
OPERATOR_NAMES = {
    Component.ISTIOD: "pilot",
    Component.CNI: "cni",
    Component.ZTUNNEL: "ztunnel",
}
_BY_PROFILE = {
    Component.CNI: frozenset({*AMBIENT_PROFILES, "openshift"}),
    Component.ZTUNNEL: AMBIENT_PROFILES,
}
_REMOTE = frozenset({"remote", "external"})
_ISTIO_PROFILES = frozenset(
    {
        *AMBIENT_PROFILES,
        "default",
        "demo",
        "empty",
        "external",
        "minimal",
        "openshift",
        "preview",
        "remote",
        "stable",
    }
)
_ELSEWHERE = (("spec", "valuesFrom"), ("spec", "postRenderers"))
_ARGO_ELSEWHERE = ("valueFiles", "fileParameters")


def parts(graph: ResourceGraph, kinds: Sequence[Kind] = k.INSTALLATION) -> tuple[Part, ...]:
    """The components that the objects of a set install: all of them, or those by some kinds."""
    return parts_of(graph.of_kind(*kinds), graph.altered)


def parts_of(resources: Iterable[Resource], altered: Collection[Manifest] = ()) -> tuple[Part, ...]:
    """
    The components that some objects install; of `altered` ones not all is known.

    An object of Sail without a name is never applied. The DaemonSet of istio-cni stands for it only
    without the ConfigMap in which its settings are.
    """
    found = [
        part if resource.manifest not in altered else part._replace(is_whole=False, values=())
        for resource in resources
        if is_installation(resource)
        for part in _parts(resource)
    ]
    configured = any(part.resource.kind == k.CONFIG_MAP for part in found)
    return tuple(part for part in found if not (_is_agent(part) and configured) and not _is_remote(part))


def _is_agent(part: Part) -> bool:
    return part.component is Component.CNI and part.resource.kind == k.DAEMON_SET


def _is_remote(part: Part) -> bool:
    """Whether it installs only what takes the place of istiod where that runs in another cluster."""
    return part.component is Component.ISTIOD and part.profile is not None and part.profile.value in _REMOTE


def is_known_profile(profile: Setting | None) -> bool:
    """Whether a profile is none, or one of Istio's own, rather than a file or a template."""
    return profile is None or profile.value in _ISTIO_PROFILES


def switched_off(operator: Resource, component: Component) -> Location | None:
    """The line of an IstioOperator that leaves a component out."""
    path = ("spec", "components", OPERATOR_NAMES[component], "enabled")
    return operator.at(*path) if operator.manifest.value(*path) is False else None


def _parts(resource: Resource) -> Iterator[Part]:
    match resource:
        case Workload():
            yield from _rendered(resource)
        case ConfigMap():
            if is_cni_config(resource):
                yield Part(Component.CNI, resource, resource.at())
        case _:
            if resource.kind == k.ISTIO_OPERATOR:
                yield from _of_operator(resource)
            elif resource.kind in _OF_SAIL:
                yield Part(_OF_SAIL[resource.kind], resource, resource.at(), _values(resource))
            else:
                yield from _of_charts(resource)


def _rendered(workload: Workload) -> Iterator[Part]:
    app = workload.pod_labels.get("app")
    if workload.kind == k.DEPLOYMENT and app == "istiod":
        yield Part(Component.ISTIOD, workload, workload.at())
    elif workload.kind == k.DAEMON_SET and app == "ztunnel":
        yield Part(Component.ZTUNNEL, workload, workload.at())
    elif workload.kind == k.DAEMON_SET and workload.pod_labels.get("k8s-app") == "istio-cni-node":
        yield Part(Component.CNI, workload, workload.at())


def _of_operator(operator: Resource) -> Iterator[Part]:
    """
    What `istioctl install` makes of an IstioOperator.

    istio `operator/pkg/component/component.go`, Get: a component that is spoken of is enabled unless it is
    disabled; of others the profile decides. Without a profile it may be one of several files.
    """
    for component in Component:
        part = Part(component, operator, operator.at(), _values(operator))
        named = ("spec", "components", OPERATOR_NAMES[component])
        profile = str(operator.manifest.value("spec", "profile"))
        if switched_off(operator, component):
            continue
        spoken_of = operator.manifest.value(*named)
        if isinstance(spoken_of, dict) and (profile != "empty" or spoken_of.get("enabled") is True):
            at = operator.at(*named, "enabled")
        elif component is Component.ISTIOD and profile != "empty":
            at = part.at
        elif component in _BY_PROFILE and profile in _BY_PROFILE[component]:
            at = operator.at("spec", "profile")
        else:
            continue
        yield part._replace(at=at, is_whole=part.profile is not None)


def _of_charts(resource: Resource) -> Iterator[Part]:
    for _, chart, path in charts_of(resource):
        source = path[:-1]
        whole = not any(resource.manifest.value(*way) for way in _elsewhere(resource, source))
        for component, way in _OF_CHARTS.get(chart, ()):
            own = tuple((held, way) for held in values_of(resource) if _is_for(held, source))
            at = resource.at(*path)
            yield Part(component, resource, at, own, whole and _are_read(resource, source, own))


def _is_for(held: Values, source: FieldPath) -> bool:
    """Whether values are for the chart of a source: an Application may have several."""
    return held.resource.kind == k.HELM_RELEASE or held.path[: len(source)] == source


def _elsewhere(resource: Resource, source: FieldPath) -> Sequence[FieldPath]:
    """Where a release says that it gets further values, which are not read."""
    if resource.kind == k.HELM_RELEASE:
        return _ELSEWHERE
    return [(*source, "helm", key) for key in _ARGO_ELSEWHERE] + [(*source, "plugin")]


def _are_read(resource: Resource, source: FieldPath, own: Sequence[object]) -> bool:
    """Whether a text of values in an Application could be read."""
    return bool(own) or not resource.manifest.value(*source, "helm", "values")


def _values(resource: Resource) -> tuple[tuple[Values, tuple[str, ...]], ...]:
    return tuple((held, ()) for held in values_of(resource))


def installs(part: Part) -> Cause:
    """The line that installs a component, as a cause."""
    return Cause(f"{part.component.value} is installed here", part.at)
