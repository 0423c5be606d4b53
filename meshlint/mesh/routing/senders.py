"""Who sends to a host by name: the destinations of VirtualServices, and what gateways route to a service."""

from collections import defaultdict
from collections.abc import Iterator

from meshlint.graph.graph import Relation, ResourceGraph
from meshlint.mesh.derived import Cause
from meshlint.mesh.routing.hosts import covers, full_name, hosts_of, is_wildcard
from meshlint.model.kind import GATEWAY, VIRTUAL_SERVICE
from meshlint.model.kinds.gateway import Route
from meshlint.model.kinds.traffic import Destination, DestinationRule, VirtualService
from meshlint.model.resource import Resource


class Senders:
    """The destinations of all VirtualServices, mirrors included, by the first label of their hosts."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._by_label: dict[str, list[tuple[VirtualService, Destination]]] = defaultdict(list)
        for rule in graph.of_kind(VIRTUAL_SERVICE):
            if isinstance(rule, VirtualService):
                for destination in (*rule.destinations, *rule.mirrors):
                    self._by_label[_first_label(destination.host)].append((rule, destination))

    def to_subsets(self, rule: DestinationRule) -> Iterator[Cause]:
        """
        The lines that send to a subset of a DestinationRule, or may.

        A host is taken for the rule's by its first label: its namespace may not be known, and may be written
        in a way that Istio does not read.
        """
        named = self._all() if is_wildcard(rule.host) else self._by_label.get(_first_label(rule.host), ())
        for sender, destination in named:
            if destination.subset in rule.subsets:
                text = f"VirtualService {sender.name!r} sends to subset {destination.subset!r}"
                yield Cause(text, sender.at(*destination.path, "subset"))

    def at_gateways(self, service: Resource) -> Iterator[Cause]:
        """The lines by which gateways send to a service: those of routes, and of VirtualServices."""
        for edge in self._graph.edges_to(service.ref, Relation.BACKEND):
            route = edge.source
            if isinstance(route, Route) and any(parent.kind == GATEWAY for parent in route.parents):
                yield Cause(f"gateways send to it by {route.kind.name} {route.name!r}", edge.declared_at)
        for host in hosts_of(service):
            for sender, destination in self._by_label.get(_first_label(host), ()):
                full = full_name(destination.host, sender.namespace)
                is_for_gateways = not sender.hosts or any(name != "mesh" for name in sender.gateways)
                if is_for_gateways and full is not None and covers(host, full):
                    text = f"gateways send to it by VirtualService {sender.name!r}"
                    yield Cause(text, sender.at(*destination.path, "host"))

    def _all(self) -> Iterator[tuple[VirtualService, Destination]]:
        return (entry for entries in self._by_label.values() for entry in entries)


def _first_label(host: str) -> str:
    return host.partition(".")[0]
