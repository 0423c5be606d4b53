"""Services by host: which Services and ServiceEntries a host of a VirtualService or DestinationRule means."""

from collections import defaultdict
from collections.abc import Iterator

from meshlint.graph.graph import ResourceGraph
from meshlint.model.kind import SERVICE, SERVICE_ENTRY
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.resource import Resource

CLUSTER_DOMAIN = "cluster.local"
"""Istio's default of `global.proxy.clusterDomain`."""


def full_name(host: str, namespace: str | None) -> str | None:
    """
    A host as Istio reads it in an object of some namespace; None if that namespace is not known.

    Only a name without a dot is completed: `cart.shop` is left as it is, and is nobody's host
    (istio `pilot/pkg/model/config.go`, ResolveShortnameToFQDN).
    """
    if not host or host == "*" or "." in host or _is_address(host):
        return host
    return f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}" if namespace is not None else None


def hosts_of(service: Resource) -> tuple[str, ...]:
    """The hosts of a Service or ServiceEntry; none for a Service whose namespace is not known."""
    match service:
        case ServiceEntry():
            return service.hosts
        case Service() if service.namespace is not None:
            return (f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}",)
        case _:
            return ()


def is_wildcard(host: str) -> bool:
    """Whether a host stands for many."""
    return host.startswith("*")


def matches(one: str, other: str) -> bool:
    """Whether two hosts, wildcards or not, mean a common host (istio `pkg/config/host/name.go`, Matches)."""
    match is_wildcard(one), is_wildcard(other):
        case True, True:
            short, long = sorted((one[1:], other[1:]), key=len)
            return long.endswith(short)
        case True, False:
            return other.endswith(one[1:])
        case False, True:
            return one.endswith(other[1:])
        case _:
            return one == other


def covers(pattern: str, host: str) -> bool:
    """Whether a host of a DestinationRule is meant for a service's (`config.go`, MostSpecificHostMatch)."""
    if not is_wildcard(pattern):
        return pattern == host
    return (host[1:] if is_wildcard(host) else host).endswith(pattern[1:])


def covering(host: str) -> Iterator[str]:
    """All patterns that cover a host, most specific first (istio `pkg/config/host/names.go`)."""
    yield host
    rest = host[1:] if is_wildcard(host) else host
    for start in range(len(rest) + 1):
        pattern = f"*{rest[start:]}"
        if pattern != host:
            yield pattern


class HostIndex:
    """The Services and ServiceEntries of a set, by their hosts and by every domain that these are in."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._exact: dict[str, list[Resource]] = defaultdict(list)
        self._wildcards: dict[str, list[Resource]] = defaultdict(list)
        self._by_domain: dict[str, list[Resource]] = defaultdict(list)
        for service in graph.of_kind(SERVICE, SERVICE_ENTRY):
            for host in hosts_of(service):
                (self._wildcards if is_wildcard(host) else self._exact)[host].append(service)
                for domain in _domains(host):
                    self._by_domain[domain].append(service)

    def named(self, host: str) -> tuple[Resource, ...]:
        """Whose host exactly this is, Services first."""
        return tuple(self._wildcards.get(host, ()) if is_wildcard(host) else self._exact.get(host, ()))

    def matching(self, host: str) -> tuple[Resource, ...]:
        """Whose hosts have one in common with a host, which may be a wildcard."""
        return tuple(dict.fromkeys(self._candidates(host)))

    def _candidates(self, host: str) -> Iterator[Resource]:
        if not is_wildcard(host):
            yield from self._exact.get(host, ())
        else:
            # The domain after the first dot narrows the search; what stands before it is compared.
            near = self._by_domain.get(host.partition(".")[2], ())
            yield from (s for s in near if any(matches(host, own) for own in hosts_of(s)))
        for pattern in covering(host):
            yield from self._wildcards.get(pattern, ())


def _domains(host: str) -> Iterator[str]:
    """`a.b.c` is in `b.c`, `c` and the domain of all."""
    rest = host
    while rest:
        rest = rest.partition(".")[2]
        yield rest


def _is_address(host: str) -> bool:
    if not (host[:1].isdigit() or ":" in host):
        return False
    from ipaddress import ip_address  # few hosts look like one

    try:
        ip_address(host)
    except ValueError:
        return False
    return True
