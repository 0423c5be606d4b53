"""Profiles and platforms that Istio's charts and istioctl do not know, so that they fail."""

from collections.abc import Iterator

from meshlint.mesh.changes import PLATFORM_GKE, PROFILES_OF_PLATFORMS
from meshlint.mesh.installation.control_plane import is_installation
from meshlint.mesh.installation.switches import is_template
from meshlint.mesh.installation.value_keys import SUBCHARTS
from meshlint.mesh.installation.values import Values, values_of
from meshlint.model.kind import ISTIO_OPERATOR
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

_PLATFORMS = frozenset({"k3d", "k3s", "microk8s", "minikube", "openshift"})
_PROFILES = frozenset({"ambient", "demo", "preview", "stable"})
_PROFILES_BEFORE = frozenset({"openshift", "openshift-ambient"})
_OPERATOR_PROFILES = _PROFILES | _PROFILES_BEFORE | {"default", "empty", "external", "minimal", "remote"}


class RefusedChoice(NamedTuple):
    """A profile or a platform that `reader` fails at; `known` are those that it has."""

    at: Location
    value: str
    reader: str
    known: frozenset[str]


def refused_platforms(resource: Resource, version: IstioVersion) -> Iterator[RefusedChoice]:
    """
    The platforms in an object's values that charts do not have: they fail to render.

    istio `manifests/charts/*/templates/zzz_profile.yaml`, 1.24 and newer, and `manifests/helm-profiles`.
    """
    if not PROFILES_OF_PLATFORMS.holds(version):
        return
    known = _PLATFORMS | ({"gke"} if PLATFORM_GKE.holds(version) else frozenset())
    for held, way in _ways(resource):
        for path in ((*way, "platform"), (*way, "global", "platform")):
            yield from _refused(held, path, known)


def refused_profiles(resource: Resource, version: IstioVersion) -> Iterator[RefusedChoice]:
    """
    The profiles of an object that its charts, or istioctl, do not have.

    istioctl knows more of them than charts do; it takes the path of a file as well (istio
    `manifests/profiles`, `operator/pkg/render/manifest.go`).
    """
    since = PROFILES_OF_PLATFORMS.holds(version)
    known = _PROFILES | ({"remote"} if since else _PROFILES_BEFORE)
    for held, way in _ways(resource):
        for path in ((*way, "profile"), (*way, "global", "profile")):
            yield from _refused(held, path, known)
    profile = resource.manifest.value("spec", "profile")
    if resource.kind != ISTIO_OPERATOR or not isinstance(profile, str):
        return
    is_file = "/" in profile or "." in profile
    if _is_foreign(profile, _OPERATOR_PROFILES) and not is_file:
        yield RefusedChoice(resource.at("spec", "profile"), profile, "istioctl", _OPERATOR_PROFILES)


def _ways(resource: Resource) -> Iterator[tuple[Values, tuple[str, ...]]]:
    """The ways to what each chart is given."""
    if not is_installation(resource):
        return
    for held in values_of(resource):
        yield held, ()
        if held.chart == "ambient":
            yield from ((held, (chart,)) for chart in SUBCHARTS)


def _refused(held: Values, path: tuple[str, ...], known: frozenset[str]) -> Iterator[RefusedChoice]:
    value = held.get(*path)
    if isinstance(value, str) and _is_foreign(value, known):
        reader = "Istio's charts" if held.chart in ("*", "ambient") else f"chart {held.chart!r}"
        yield RefusedChoice(held.at(*path), value, reader, known)


def _is_foreign(value: str, known: frozenset[str]) -> bool:
    return bool(value) and value not in known and not is_template(value)
