"""What the annotations of pods tell ambient mode, and what only a sidecar would have made of them."""

from collections.abc import Iterator
from enum import Enum

from meshlint.mesh.changes import CAPTURE_CAN_BE_BYPASSED, DNS_CAPTURE_BY_DEFAULT, VIRTUAL_INTERFACES
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.switches import parse_bool
from meshlint.mesh.registry import KNOWN_KEYS
from meshlint.model.keys import (
    BYPASS_INBOUND_CAPTURE,
    DNS_CAPTURE,
    INJECT,
    INJECT_TEMPLATES,
    REROUTE_VIRTUAL_INTERFACES,
    SIDECAR_STATUS,
)
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

_TRAFFIC = "traffic.sidecar.istio.io/"
_EXCLUDE_INBOUND = f"{_TRAFFIC}excludeInboundPorts"
_INCLUDE_INBOUND = f"{_TRAFFIC}includeInboundPorts"
_INCLUDE_RANGES = f"{_TRAFFIC}includeOutboundIPRanges"
_VIRTUAL_INTERFACES = f"{_TRAFFIC}kubevirtInterfaces"
_SPARING_OUTBOUND = (
    f"{_TRAFFIC}excludeOutboundPorts",
    f"{_TRAFFIC}excludeOutboundIPRanges",
    f"{_TRAFFIC}excludeInterfaces",
)
_EVERYTHING = "*"
_OF_SIDECARS = ("sidecar.istio.io/", "status.sidecar.istio.io/", "readiness.status.sidecar.istio.io/")
_NO_SETTING = {INJECT, SIDECAR_STATUS}
_ONLY_OF_SIDECARS = {key for key in KNOWN_KEYS if key.startswith(_OF_SIDECARS) and key not in _NO_SETTING} | {
    INJECT_TEMPLATES,
    "prometheus.istio.io/merge-metrics",
    "proxy.istio.io/config",
    "proxy.istio.io/overrides",
}


_SWITCHES = {BYPASS_INBOUND_CAPTURE: CAPTURE_CAN_BE_BYPASSED, DNS_CAPTURE: DNS_CAPTURE_BY_DEFAULT}
_DNS_PORT = 15053
_ZTUNNEL_PORTS = {
    15001: "takes what the pods send",
    15006: "takes plaintext",
    15008: "takes HBONE",
    _DNS_PORT: "answers DNS",
}


class Spared(Enum):
    """Which traffic of its pods an annotation keeps away from a sidecar."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    VIRTUAL_INTERFACES = "of virtual interfaces"


class CaptureSetting(NamedTuple):
    """
    An annotation that keeps traffic away from a sidecar.

    `ports` are those that it names, or of the ports that the containers declare, those that it leaves
    out. `successor` is the annotation that does the same in ambient mode, None without one.
    """

    key: str
    spared: Spared
    ports: tuple[int, ...] = ()
    successor: str | None = None


class ReservedPort(NamedTuple):
    """A port of a container that ztunnel needs in the pod, what for, and the line that declares it."""

    number: int
    use: str
    at: Location

    @property
    def is_always_used(self) -> bool:
        """Whether ztunnel needs it whatever the settings: not the port for DNS."""
        return self.number != _DNS_PORT


def bypasses_inbound(workload: Workload, version: IstioVersion) -> Derived[bool]:
    """
    Whether what comes in to the pods is not captured although they are ambient.

    istio `cni/pkg/nodeagent/net.go`, getPodLevelTrafficOverrides.
    """
    value = parse_bool(workload.pod_annotations.get(BYPASS_INBOUND_CAPTURE, ""))
    if not value or not CAPTURE_CAN_BE_BYPASSED.holds(version):
        return Derived(False)
    at = workload.pod_annotation_at(BYPASS_INBOUND_CAPTURE)
    return Derived(True, (Cause("ztunnel does not capture what comes in to the pods", at),))


def ignored_switches(workload: Workload, version: IstioVersion) -> Iterator[str]:
    """
    The switches of ambient mode that hold no boolean of Go, so that istio-cni ignores them.

    istio `cni/pkg/util/podutil.go`, CheckBooleanAnnotation.
    """
    for key, change in _SWITCHES.items():
        value = workload.pod_annotations.get(key)
        if value is not None and parse_bool(value) is None and change.holds(version):
            yield key


def reserved_ports(workload: Workload) -> Iterator[ReservedPort]:
    """
    The ports that containers declare although ztunnel listens on them within the pods.

    istio `cni/pkg/config/config.go`. What ztunnel does there is TCP; it takes DNS by UDP as well.
    """
    for container in workload.containers:
        for port, path in zip(container.declared_ports, container.port_paths, strict=True):
            use = _ZTUNNEL_PORTS.get(port.number)
            if use is not None and (port.protocol == "TCP" or port.number == _DNS_PORT):
                yield ReservedPort(port.number, use, workload.at(*path))


def sidecar_only(workload: Workload, version: IstioVersion) -> tuple[str, ...]:
    """
    The annotations of the pods that nobody reads but a sidecar and its injector.

    Of a pod's annotations ambient mode reads its own status, and those that istio-cni asks for in
    `cni/pkg/nodeagent/net.go`; these are read in istio `pkg/kube/inject`, `pkg/bootstrap/config.go` and
    `pilot/cmd/pilot-agent`. Those that keep traffic away from a sidecar are not among them.
    """
    sparing = {setting.key for setting in capture_settings(workload, version)}
    return tuple(
        key
        for key in workload.pod_annotations
        if key in _ONLY_OF_SIDECARS or (key in KNOWN_KEYS and key.startswith(_TRAFFIC) and key not in sparing)
    )


def capture_settings(workload: Workload, version: IstioVersion) -> Iterator[CaptureSetting]:
    """
    The annotations of the pods that keep traffic away from a sidecar.

    Those that keep away nothing, such as `includeInboundPorts: "*"`, are not among them
    (istio `cni/pkg/plugin/sidecar_redirect.go`, `pkg/kube/inject/validate.go`).
    """
    annotations = workload.pod_annotations
    excluded = annotations.get(_EXCLUDE_INBOUND, "")
    if excluded.strip():
        yield CaptureSetting(_EXCLUDE_INBOUND, Spared.INBOUND, _ports(excluded))
    included = annotations.get(_INCLUDE_INBOUND, _EVERYTHING).strip()
    if included != _EVERYTHING:
        yield CaptureSetting(_INCLUDE_INBOUND, Spared.INBOUND, _others(workload, _ports(included)))
    for key in _SPARING_OUTBOUND:
        if annotations.get(key, "").strip():
            yield CaptureSetting(key, Spared.OUTBOUND)
    if annotations.get(_INCLUDE_RANGES, _EVERYTHING).strip() != _EVERYTHING:
        yield CaptureSetting(_INCLUDE_RANGES, Spared.OUTBOUND)
    if annotations.get(_VIRTUAL_INTERFACES, "").strip():
        yield from _rerouting(workload, version)


def _rerouting(workload: Workload, version: IstioVersion) -> Iterator[CaptureSetting]:
    successor = REROUTE_VIRTUAL_INTERFACES if VIRTUAL_INTERFACES.holds(version) else None
    if successor not in workload.pod_annotations:
        yield CaptureSetting(_VIRTUAL_INTERFACES, Spared.VIRTUAL_INTERFACES, successor=successor)


def _others(workload: Workload, included: tuple[int, ...]) -> tuple[int, ...]:
    declared = {port.number for container in workload.containers for port in container.declared_ports}
    return tuple(sorted(declared.difference(included)))


def _ports(listed: str) -> tuple[int, ...]:
    """The ports of a list; what is no number the injector refuses."""
    return tuple(int(word) for word in map(str.strip, listed.split(",")) if word.isdecimal())
