"""The switches of istiod and istio-cni: what is written, and what it means where nothing is."""

from collections.abc import Iterator, Mapping, Sequence

from meshlint.mesh.changes import ADDRESS_ALLOCATION_BY_DEFAULT, Change
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.parts import Component, Part, Setting, is_known_profile
from meshlint.mesh.installation.values import legacy_cni_config
from meshlint.model.fields import as_text
from meshlint.model.kind import ISTIO_OPERATOR
from meshlint.model.kinds.core import ConfigMap
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion

AMBIENT = "PILOT_ENABLE_AMBIENT"
AMBIENT_SWITCHES = frozenset(
    {
        "AMBIENT_ENABLE_BAGGAGE",
        "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY",
        "AMBIENT_ENABLE_MULTI_NETWORK",
        "AMBIENT_ENABLE_MULTI_NETWORK_INGRESS",
        "AMBIENT_ENABLE_MULTI_NETWORK_WAYPOINT",
        "AMBIENT_ENABLE_STATUS",
        "ENABLE_INGRESS_WAYPOINT_ROUTING",
        "PILOT_AUTO_ALLOW_WAYPOINT_POLICY",
        "PILOT_ENABLE_AMBIENT_WAYPOINTS",
        "PILOT_ENABLE_SENDING_HBONE",
        "PILOT_ENABLE_SIDECAR_LISTENING_HBONE",
        "PILOT_PREFER_SENDING_HBONE",
    }
)
"""What istiod ignores without ambient mode (istio `pilot/pkg/features/ambient.go`, registerAmbient)."""
REMOVED_SWITCHES = frozenset({"PILOT_ENABLE_AMBIENT_CONTROLLERS", "PILOT_ENABLE_HBONE"})
"""What switched ambient mode on before 1.22, and is read by no istiod since."""
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
# istiod's other switches that are asked for are off by default, in every version
# (istio `pilot/pkg/features`, 1.22 to 1.32).
_ON_BY_DEFAULT: Mapping[str, Change] = {"PILOT_ENABLE_IP_AUTOALLOCATE": ADDRESS_ALLOCATION_BY_DEFAULT}


def parse_bool(text: str) -> bool | None:
    """Go's strconv.ParseBool; None for what it rejects."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def istiod_switch(parts: Sequence[Part], name: str, version: IstioVersion) -> Derived[bool | None]:
    """
    Whether an istiod runs with a switch on; None where nothing tells.

    The switch is an environment variable of istiod: its own `env`, else `pilot.env` or `env` of its chart
    (istio `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`). Where istiod, or
    all that its chart is given, does not set it, istiod's own default counts; so it does for what Go does
    not read as a boolean (`pkg/env/var.go`). Of several istiods, one that has it on decides.
    """
    told = [_switch(part, name, version) for part in parts if part.component is Component.ISTIOD]
    unknown: Derived[bool | None] = Derived(None)
    return min(told, key=lambda one: _ORDER[one.value], default=unknown)


def environment(part: Part, name: str) -> Derived[str | None]:
    """
    An environment variable that istiod is given; None, without causes, where it is not or not visibly.

    IstioOperator: `components.pilot.k8s.env` as well.
    """
    found = next(_environment(part, name), None)
    if found is None:
        return Derived(None)
    text = as_text(found.value)
    return Derived(text, (Cause(f"istiod runs with {name}={text}", found.at),))


def is_environment_known(part: Part, name: str) -> bool:
    """Whether an environment variable that istiod is not given is certainly not there."""
    if isinstance(part.resource, Workload):
        indirect = {one for container in part.resource.containers for one in container.indirect_env}
        return part.is_whole and bool(part.resource.containers) and indirect.isdisjoint((name, "*"))
    if part.shared("compatibilityVersion") is not None or part.own("envVarFrom") is not None:
        return False
    return part.is_whole and is_known_profile(part.profile)


def does_ambient(part: Part, version: IstioVersion) -> Derived[bool | None]:
    """
    Whether an istiod or an istio-cni does ambient mode; None where that cannot be told.

    istiod's `PILOT_ENABLE_AMBIENT`; the key `AMBIENT_ENABLED` of ConfigMap `istio-cni-config` (up to 1.22
    `ambient_enabled` in the JSON of `cni_network_config`), chart value `ambient.enabled`; the profile
    (istio `manifests/charts/istio-cni/templates/configmap-cni.yaml`, `manifests/helm-profiles/ambient.yaml`).
    """
    if part.component is Component.ISTIOD:
        return _switch(part, AMBIENT, version)
    if part.component is Component.ZTUNNEL:
        return Derived(True, (Cause("ztunnel is installed", part.at),))
    found = next(_cni_switches(part), None)
    if found is not None:
        name, setting = found
        text = as_text(setting.value)
        cause = Cause(f"`{name}` is {text!r}", setting.at)
        return Derived(None if is_template(text) else parse_bool(text) is True, (cause,))
    if part.has_ambient_profile:
        return Derived(True, (_profile(part),))
    if part.is_rendered or not part.is_whole or not is_known_profile(part.profile):
        return Derived(None)
    return Derived(False, (Cause("istio-cni is installed without ambient mode", part.at),))


def dead_switches(part: Part, version: IstioVersion) -> Iterator[tuple[str, Cause]]:
    """The switches of ambient mode that an istiod is given and does not heed, each with its line."""
    is_off = does_ambient(part, version).value is False
    for name in sorted((AMBIENT_SWITCHES if is_off else frozenset()) | REMOVED_SWITCHES):
        told = environment(part, name)
        if told.value is not None and parse_bool(told.value):
            yield name, told.because[0]


def is_template(text: str) -> bool:
    """Whether a value is yet to be filled in."""
    return "${" in text or "{{" in text


_ORDER = {True: 0, None: 1, False: 2}


def _switch(part: Part, name: str, version: IstioVersion) -> Derived[bool | None]:
    if name in AMBIENT_SWITCHES:
        ambient = _switch(part, AMBIENT, version)
        if ambient.value is False:
            return ambient
    told = environment(part, name)
    if told.value is not None:
        if is_template(told.value):
            return Derived(None)
        value = parse_bool(told.value)
        return Derived(_default(name, version) if value is None else value, told.because)
    if name == AMBIENT and part.has_ambient_profile:
        return Derived(True, (_profile(part),))
    if not is_environment_known(part, name):
        return Derived(None)
    return Derived(_default(name, version), (Cause(f"istiod runs without {name}", part.at),))


def _default(name: str, version: IstioVersion) -> bool:
    change = _ON_BY_DEFAULT.get(name)
    return change is not None and change.holds(version)


def _profile(part: Part) -> Cause:
    """The line that chooses a profile of ambient mode."""
    profile = part.profile
    if profile is None:
        return Cause("chart 'ambient' is installed", part.at)
    return Cause(f"profile {profile.value!r}", profile.at)


def _environment(part: Part, name: str) -> Iterator[Setting]:
    if isinstance(part.resource, Workload):
        for container in part.resource.containers:
            if name in container.env:
                yield Setting(container.env[name], part.resource.env_at(container, name))
        return
    if part.resource.kind == ISTIO_OPERATOR:
        path = ("spec", "components", "pilot", "k8s", "env")
        listed = part.resource.manifest.value(*path)
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict) and entry.get("name") == name and "value" in entry:
                yield Setting(entry["value"], part.resource.at(*path, index, "value"))
    found = part.own("env", name)
    if found is not None:
        yield found


def _cni_switches(part: Part) -> Iterator[tuple[str, Setting]]:
    resource = part.resource
    if isinstance(resource, ConfigMap):
        text = resource.data.get("AMBIENT_ENABLED")
        if text is not None:
            yield "AMBIENT_ENABLED", Setting(text, resource.at("data", "AMBIENT_ENABLED"))
        legacy = legacy_cni_config(resource).get("ambient_enabled")
        if legacy is not None:
            yield "ambient_enabled", Setting(legacy, resource.at("data", "cni_network_config"))
    elif isinstance(resource, Workload):
        for container in resource.containers:
            if "AMBIENT_ENABLED" in container.env:
                at = resource.env_at(container, "AMBIENT_ENABLED")
                yield "AMBIENT_ENABLED", Setting(container.env["AMBIENT_ENABLED"], at)
    else:
        found = part.own("ambient", "enabled")
        if found is not None:
            yield "ambient.enabled", found
