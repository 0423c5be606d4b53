"""Which services have a virtual IP, so that ztunnel can tell their traffic from any other."""

from collections.abc import Callable

from meshlint.mesh import changes
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.routing.hosts import is_wildcard
from meshlint.mesh.routing.service_port import protocol
from meshlint.model.keys import AUTO_ALLOCATE, USE_WAYPOINT
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.traffic import EntryPort, ServiceEntry
from meshlint.model.references import NO_WAYPOINT
from meshlint.model.version import IstioVersion

Setting = Callable[[str], Derived[bool | None]]
"""Looks up a switch of istiod by its environment variable; None where nothing tells."""

DYNAMIC_DNS = "DYNAMIC_DNS"
_AUTO_ALLOCATION = "PILOT_ENABLE_IP_AUTOALLOCATE"
_WILDCARD_TLS = "ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS"


def virtual_ip_of_service(service: Service) -> Derived[bool | None]:
    """
    Whether a Service has an IP of its own; the API server gives one to all but two sorts.

    istio `pilot/pkg/serviceregistry/ambient/services.go`, constructService and getVIPs.
    """
    if service.is_external_name:
        alias = Cause("a Service of type ExternalName is only an alias", service.at("spec", "type"))
        return Derived(False, (alias,))
    if service.is_headless:
        headless = Cause("a headless Service has no virtual IP", service.at("spec", "clusterIP"))
        return Derived(False, (headless,))
    return Derived(True)


def virtual_ip(entry: ServiceEntry, version: IstioVersion, setting: Setting) -> Derived[bool | None]:
    """
    Whether ztunnel can tell traffic to a ServiceEntry: by an IP that is written, or one that istiod gives it.

    istio `pilot/pkg/serviceregistry/ambient/services.go`, constructServiceEntries, and
    `pilot/pkg/networking/serviceentry/ip_autoallocation.go`, ShouldV2AutoAllocateIP.
    """
    if entry.resolution == DYNAMIC_DNS and not changes.DYNAMIC_DNS_FOR_HTTP.holds(version):
        unknown = Cause(f"Istio {version} knows no DYNAMIC_DNS", entry.at("spec", "resolution"))
        return Derived(False, (unknown,))
    if entry.addresses:
        return _written(entry, version)
    if entry.resolution == "NONE":
        none = Cause(
            "with resolution NONE and no addresses it gets no virtual IP", entry.at("spec", "resolution")
        )
        return Derived(False, (none,))
    if entry.resolution != DYNAMIC_DNS and all(is_wildcard(host) for host in entry.hosts):
        wildcard = Cause("a wildcard host gets no virtual IP without DYNAMIC_DNS", entry.at("spec", "hosts"))
        return Derived(False, (wildcard,))
    return _allocated(entry, version, setting)


def needs_captured_dns(entry: ServiceEntry) -> bool:
    """Whether a client learns of the virtual IP only if ztunnel answers its DNS queries."""
    return not entry.addresses


def dynamic_dns_fault(entry: ServiceEntry, version: IstioVersion) -> Cause | None:
    """
    Why Istio does not take a ServiceEntry with DYNAMIC_DNS; None if it does.

    istio `pkg/config/validation/validation.go`, ValidateServiceEntry, 1.28 and newer.
    """
    if not changes.DYNAMIC_DNS_FOR_HTTP.holds(version):
        return Cause(f"Istio {version} knows no DYNAMIC_DNS", entry.at("spec", "resolution"))
    if not entry.hosts or not all(is_wildcard(host) for host in entry.hosts):
        return Cause("with DYNAMIC_DNS all hosts must be wildcards", entry.at("spec", "hosts"))
    for field in ("addresses", "endpoints"):
        if getattr(entry, field):
            return Cause(f"with DYNAMIC_DNS there must be no `{field}`", entry.at("spec", field))
    accepted = _protocols_accepted(version)
    for index, port in enumerate(entry.ports):
        if protocol(port, version) not in accepted:
            spoken = port.protocol or "undeclared protocol"
            return Cause(f"DYNAMIC_DNS does not take {spoken}", entry.at("spec", "ports", index, "protocol"))
    return _location_fault(entry, version)


def is_served(
    entry: ServiceEntry, port: EntryPort, version: IstioVersion, setting: Setting
) -> Derived[bool | None]:
    """
    Whether a waypoint that a ServiceEntry is bound to builds a cluster for a port.

    istio `pilot/pkg/networking/core/cluster_waypoint.go`, buildWaypointInboundVIP, and `waypoint.go`,
    findWaypointResources: with DYNAMIC_DNS only HTTP, from 1.29 TLS where a switch is on, and only
    MESH_EXTERNAL.
    """
    spoken = protocol(port, version)
    if entry.resolution != DYNAMIC_DNS:
        return Derived(spoken != "UDP")
    fault = dynamic_dns_fault(entry, version)
    if fault is not None:
        return Derived(False, (fault,))
    if entry.location != "MESH_EXTERNAL":
        inside = Cause("a waypoint serves DYNAMIC_DNS only with MESH_EXTERNAL", entry.at("spec", "location"))
        return Derived(False, (inside,))
    if spoken == "TLS" and changes.DYNAMIC_DNS_FOR_TLS.holds(version):
        told = setting(_WILDCARD_TLS)
        off = Cause(f"without {_WILDCARD_TLS}", entry.at())
        return told if told.value is not None else Derived(False, (off,))
    return Derived(spoken == "HTTP")


def _written(entry: ServiceEntry, version: IstioVersion) -> Derived[bool | None]:
    """One address that istiod cannot take makes it drop the whole ServiceEntry: before 1.30, any range."""
    for index, address in enumerate(entry.addresses):
        fault = _address_fault(address, version)
        if fault is not None:
            return Derived(False, (Cause(fault, entry.at("spec", "addresses", index)),))
    at = entry.at("spec", "addresses")
    if entry.resolution == "NONE" and not changes.NONE_PASSES_THROUGH.holds(version):
        return Derived(True, (Cause("before 1.28 resolution NONE leaves the address without endpoints", at),))
    return Derived(True, (Cause("ztunnel knows its addresses", at),))


def _address_fault(address: str, version: IstioVersion) -> str | None:
    from ipaddress import ip_address, ip_network  # only needed where an entry writes addresses

    try:
        if "/" not in address:
            ip_address(address)
            return None
        single = ip_network(address, strict=False).num_addresses == 1
    except ValueError:
        return f"{address!r} is no IP address, so that istiod drops the ServiceEntry"
    if single or changes.ADDRESS_RANGES.holds(version):
        return None
    return f"before 1.30 istiod drops a ServiceEntry with a range such as {address!r}"


def _allocated(entry: ServiceEntry, version: IstioVersion, setting: Setting) -> Derived[bool | None]:
    """Allocation by istiod's controller: from 1.23 where it is switched on, from 1.25 by default."""
    if not changes.ADDRESS_ALLOCATION.holds(version):
        return Derived(False, (Cause(f"Istio {version} allocates no addresses", entry.at()),))
    if entry.labels.get(AUTO_ALLOCATE, "").lower() == "false":
        return Derived(
            False,
            (Cause("the label keeps istiod from giving it a virtual IP", entry.label_at(AUTO_ALLOCATE)),),
        )
    told = setting(_AUTO_ALLOCATION)
    if told.value is not None:
        return told
    if not changes.ADDRESS_ALLOCATION_BY_DEFAULT.holds(version):
        return Derived(None, (Cause(f"before 1.25 that takes {_AUTO_ALLOCATION}", entry.at()),))
    return Derived(True, (Cause("istiod allocates an address for it", entry.at()),))


def _protocols_accepted(version: IstioVersion) -> frozenset[str]:
    accepted = {"HTTP"}
    if changes.DYNAMIC_DNS_FOR_TLS.holds(version):
        accepted.add("TLS")
    if changes.DYNAMIC_DNS_FOR_MORE.holds(version):
        accepted |= {"GRPC", "HTTP2"}
    return frozenset(accepted)


def _location_fault(entry: ServiceEntry, version: IstioVersion) -> Cause | None:
    if entry.location == "MESH_EXTERNAL":
        return None
    at = entry.at("spec", "location")
    if not changes.DYNAMIC_DNS_FOR_MORE.holds(version):
        return Cause(f"DYNAMIC_DNS takes only MESH_EXTERNAL, not {entry.location}", at)
    if entry.labels.get(USE_WAYPOINT, "").lower() not in ("", NO_WAYPOINT):
        return Cause("DYNAMIC_DNS with a waypoint takes only MESH_EXTERNAL", at)
    return None
