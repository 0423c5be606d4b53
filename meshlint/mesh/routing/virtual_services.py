"""Where a VirtualService acts, and what else applies to the proxies of a whole namespace."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from meshlint.mesh.changes import ROUTES_BESIDE_THE_SERVICE, SOURCE_LABELS_NEVER_MATCH, TCP_AT_WAYPOINTS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.routing.at_waypoint import Surroundings, in_front, served_ports, tells_ports
from meshlint.mesh.routing.hosts import CLUSTER_DOMAIN, full_name, hosts_of, matches
from meshlint.mesh.routing.service_port import PortTraffic
from meshlint.model.kind import SERVICE, SERVICE_ENTRY, ResourceRef
from meshlint.model.kinds.traffic import RouteMatch, TrafficRule, VirtualService
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

MESH = "mesh"


class TrafficEffect(Enum):
    """
    What ambient clients notice of a traffic rule.

    `WAYPOINT`: a waypoint acts by it. `ELSEWHERE`: it is for gateways or sidecars by its own words.
    `NOWHERE`: no waypoint acts by it, so that ambient clients notice nothing. `UNKNOWN`: it depends on
    something outside of the set.
    """

    WAYPOINT = "waypoint"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"


class HostEffect(NamedTuple):
    """What a traffic rule does for one of its hosts, and for which services of the set that host stands."""

    host: str
    effect: TrafficEffect
    services: tuple[Resource, ...]
    because: tuple[Cause, ...]


def virtual_service_effect(rule: VirtualService, around: Surroundings) -> tuple[HostEffect, ...]:
    """
    What ambient clients notice of a VirtualService, host by host; nothing is said of a delegate.

    istio `pilot/pkg/networking/core/listener_waypoint.go`, getVirtualServiceForWaypoint,
    waypointInboundRoute, getWaypointTCPRoutes.
    """
    return tuple(_host_effect(rule, index, host, around) for index, host in enumerate(rule.hosts))


def combined(host: str, verdicts: Iterable[tuple[Resource, Derived[bool | None]]]) -> HostEffect:
    """One effect from the verdicts of all services of a host: that of any waypoint counts."""
    told = list(verdicts)
    services = tuple(service for service, _ in told)
    for value, effect in ((True, TrafficEffect.WAYPOINT), (None, TrafficEffect.UNKNOWN)):
        found = next((verdict for _, verdict in told if verdict.value is value), None)
        if found is not None:
            return HostEffect(host, effect, services, found.because)
    return HostEffect(host, TrafficEffect.NOWHERE, services, told[0][1].because)


def nobodys_host(host: str, full: str, at: Cause, around: Surroundings) -> HostEffect:
    """The effect for a host of no service of the set: none, if there can be no such service elsewhere."""
    scopes = around.graph.scopes
    name, _, namespace = full.removesuffix(f".svc.{CLUSTER_DOMAIN}").partition(".")
    in_cluster = full.endswith(f".svc.{CLUSTER_DOMAIN}") and not name.startswith("*")
    known = scopes.cluster or (in_cluster and scopes.is_closed(namespace, SERVICE, SERVICE_ENTRY))
    return HostEffect(host, TrafficEffect.NOWHERE if known else TrafficEffect.UNKNOWN, (), (at,))


def is_exported_to(export_to: tuple[str, ...], namespace: str | None, own: str | None) -> bool:
    """Whether `exportTo` shows an object of a namespace to another one; without it all see it."""
    visible = {own if name == "." else name for name in export_to}
    return not visible or "*" in visible or ("~" not in visible and namespace in visible)


def _host_effect(rule: VirtualService, index: int, host: str, around: Surroundings) -> HostEffect:
    at = rule.at("spec", "hosts", index)
    if not rule.is_for_mesh:
        only = Cause("it is for gateways only", rule.at("spec", "gateways"))
        return HostEffect(host, TrafficEffect.ELSEWHERE, (), (only,))
    if not any(block.is_for_mesh for block in rule.rules):
        other = Cause("none of its rules is for the mesh", rule.at("spec"))
        return HostEffect(host, TrafficEffect.ELSEWHERE, (), (other,))
    full = full_name(host, rule.namespace)
    if full is None:
        return HostEffect(host, TrafficEffect.UNKNOWN, (), (Cause("its namespace is not known", at),))
    services = around.hosts.matching(full)
    if not services:
        return nobodys_host(host, full, Cause(f"no service has the host {full!r}", at), around)
    return combined(host, ((service, _on_service(rule, full, service, around)) for service in services))


def _on_service(
    rule: VirtualService, host: str, service: Resource, around: Surroundings
) -> Derived[bool | None]:
    front = in_front(service, around)
    if front.value is not True or front.waypoint is None:
        return Derived(front.value, front.because)
    refused = _refusal(rule, service, front.waypoint.namespace, around.version)
    if refused is not None:
        return Derived(False, (refused,))
    if not tells_ports(service):
        return Derived(True, front.because)
    names = [name for name in hosts_of(service) if matches(host, name)]
    ports = served_ports(service, around)
    if any(True for _ in _acting(rule, names, front.waypoint, ports, around.version)):
        return Derived(True, front.because)
    useless = Cause("no rule of it fits what the waypoint serves", rule.at("spec"))
    return Derived(False, (useless, *front.because))


def _refusal(
    rule: VirtualService, service: Resource, namespace: str | None, version: IstioVersion
) -> Cause | None:
    """Why a waypoint does not take a VirtualService by its namespace or `exportTo`; None if it does."""
    beside_service = ROUTES_BESIDE_THE_SERVICE.holds(version)
    takes = {namespace, service.namespace} if beside_service else {namespace}
    if rule.namespace not in takes:
        of = "the service's or its own namespace" if len(takes) > 1 else "its own namespace"
        return Cause(f"a waypoint takes VirtualServices only of {of}", rule.at("metadata", "namespace"))
    if not is_exported_to(rule.export_to, namespace, rule.namespace):
        return Cause("it is not exported to the waypoint's namespace", rule.at("spec", "exportTo"))
    return None


def _acting(
    rule: VirtualService,
    hosts: list[str],
    waypoint: ResourceRef,
    ports: Mapping[int, PortTraffic],
    version: IstioVersion,
) -> Iterator[TrafficRule]:
    """The rules that a waypoint acts by. TCP and TLS: 1.26 and newer."""
    http = [number for number, carried in ports.items() if carried.may_be_http]
    for block in rule.http if http else ():
        if not block.matches or any(_takes_http(m, waypoint, http, version) for m in block.matches):
            yield block
    tcp = [number for number, carried in ports.items() if carried.may_be_tcp]
    if not tcp or not TCP_AT_WAYPOINTS.holds(version):
        return
    for block in rule.tls:
        if not block.matches or any(_takes_tcp(m, tcp) and _names(m, hosts) for m in block.matches):
            yield block
    for block in rule.tcp:
        if not block.matches or any(_takes_tcp(match, tcp) for match in block.matches):
            yield block


def _takes_http(match: RouteMatch, waypoint: ResourceRef, ports: list[int], version: IstioVersion) -> bool:
    """
    Whether a waypoint keeps a match (istio `pilot/pkg/networking/core/route/route.go`, sourceMatchHTTP).

    From 1.25 it drops every one with `sourceLabels`. Before, it held them against its own labels, and a
    match with `gateways` for everyone. `sourceNamespace` is held against the waypoint's.
    """
    if match.port is not None and match.port not in ports:
        return False
    if match.by_source_labels and SOURCE_LABELS_NEVER_MATCH.holds(version):
        return False
    if match.gateways:
        return MESH in match.gateways
    return not match.by_source_labels and match.source_namespace in ("", waypoint.namespace)


def _takes_tcp(match: RouteMatch, ports: list[int]) -> bool:
    """Istio `pilot/pkg/networking/core/tls.go`, matchTCP: a waypoint names no source."""
    if match.by_source_labels or match.source_namespace:
        return False
    fits = match.port is None or match.port in ports
    return fits and (not match.gateways or MESH in match.gateways)


def _names(match: RouteMatch, hosts: list[str]) -> bool:
    """Whether the only SNI host is the service's."""
    return len(match.sni_hosts) == 1 and match.sni_hosts[0] in hosts
