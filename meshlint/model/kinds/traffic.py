"""Istio's networking kinds."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.kinds.policy import selector_labels
from meshlint.model.resource import Head, Resource
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath


class Endpoint(NamedTuple):
    """An inline endpoint of a ServiceEntry."""

    address: str
    labels: Mapping[str, str]
    path: FieldPath


class EntryPort(NamedTuple):
    """A port of a ServiceEntry."""

    name: str
    number: int | None
    protocol: str


class ServiceEntry(Resource):
    """A ServiceEntry. `workload_selector` is None without one."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        selector = spec.part("workloadSelector")
        self.hosts: Final = spec.texts("hosts")
        self.addresses: Final = spec.texts("addresses")
        self.resolution: Final = spec.text("resolution") or "NONE"
        self.location: Final = spec.text("location") or "MESH_EXTERNAL"
        self.ports: Final = tuple(
            EntryPort(port.text("name"), port.number("number"), port.text("protocol"))
            for port in spec.each("ports")
        )
        self.endpoints: Final = tuple(
            Endpoint(endpoint.text("address"), endpoint.text_map("labels"), endpoint.path)
            for endpoint in spec.each("endpoints")
        )
        self.workload_selector: Final = selector.text_map("labels") if "workloadSelector" in spec else None
        self.export_to: Final = spec.texts("exportTo")


class Destination(NamedTuple):
    """A host that a VirtualService sends traffic to."""

    host: str
    subset: str
    path: FieldPath
    port: int | None = None


class RouteMatch(NamedTuple):
    """What a match of a VirtualService asks of client and connection, as far as it decides where it acts."""

    gateways: tuple[str, ...]
    by_source_labels: bool
    source_namespace: str
    port: int | None
    sni_hosts: tuple[str, ...]


class TrafficRule(NamedTuple):
    """A rule of a VirtualService: its matches, none for a catch-all."""

    matches: tuple[RouteMatch, ...]
    path: FieldPath

    @property
    def is_for_mesh(self) -> bool:
        """Whether its matches leave calls inside the mesh to it, not only those at gateways."""
        return not self.matches or any(
            not match.gateways or "mesh" in match.gateways for match in self.matches
        )

    @property
    def is_for_gateways(self) -> bool:
        """Whether its matches leave calls at some gateway to it."""
        return not self.matches or any(
            not match.gateways or any(name != "mesh" for name in match.gateways) for match in self.matches
        )


class VirtualService(Resource):
    """
    A VirtualService. Without `gateways` it is for the mesh.

    `destinations` are where its routes lead, `mirrors` where copies of requests go.
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.hosts: Final = spec.texts("hosts")
        self.gateways: Final = spec.texts("gateways")
        rules = {protocol: tuple(spec.each(protocol)) for protocol in ("http", "tcp", "tls")}
        self.destinations: Final = tuple(
            _destination(entry.part("destination"))
            for protocol_rules in rules.values()
            for rule in protocol_rules
            for entry in rule.each("route")
        )
        self.mirrors: Final = tuple(
            _destination(mirror)
            for rule in rules["http"]
            for mirror in (
                rule.part("mirror"),
                *(entry.part("destination") for entry in rule.each("mirrors")),
            )
            if "host" in mirror
        )
        self.export_to: Final = spec.texts("exportTo")
        self.http: Final = _traffic_rules(rules["http"])
        self.tcp: Final = _traffic_rules(rules["tcp"])
        self.tls: Final = _traffic_rules(rules["tls"])

    @property
    def is_for_mesh(self) -> bool:
        """Whether it routes calls inside the mesh, not only at gateways."""
        return not self.gateways or "mesh" in self.gateways

    @property
    def rules(self) -> tuple[TrafficRule, ...]:
        """The rules of all protocols."""
        return (*self.http, *self.tls, *self.tcp)

    def destinations_of(self, rule: TrafficRule) -> tuple[Destination, ...]:
        """Where the routes of one rule lead."""
        depth = len(rule.path)
        return tuple(found for found in self.destinations if found.path[:depth] == rule.path)


class TrafficPolicy(NamedTuple):
    """
    A traffic policy: of a whole DestinationRule, of a port, or of a subset and its ports.

    `parts` are the fields that it sets, those of its ports apart.
    """

    parts: tuple[str, ...]
    tls_mode: str
    of_port: bool
    of_subset: bool
    path: FieldPath


class DestinationRule(Resource):
    """A DestinationRule."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.host: Final = spec.text("host")
        self.subsets: Final = tuple(subset.text("name") for subset in spec.each("subsets"))
        self.policies: Final = (
            *_traffic_policies(spec),
            *(
                policy._replace(of_subset=True)
                for subset in spec.each("subsets")
                for policy in _traffic_policies(subset)
            ),
        )
        self.export_to: Final = spec.texts("exportTo")
        self.has_workload_selector: Final = "workloadSelector" in spec


class Sidecar(Resource):
    """A Sidecar. `selector` is None without a `workloadSelector`; an empty mapping selects all."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        self.selector: Final = selector_labels(document.part("spec"))


def _traffic_policies(holder: Fields) -> Iterator[TrafficPolicy]:
    policy = holder.part("trafficPolicy")
    if "trafficPolicy" in holder:
        yield _traffic_policy(policy, of_port=False)
    for port in policy.each("portLevelSettings"):
        yield _traffic_policy(port, of_port=True)


def _traffic_policy(policy: Fields, *, of_port: bool) -> TrafficPolicy:
    parts = tuple(key for key in policy.data if key in policy and key not in ("port", "portLevelSettings"))
    tls_mode = policy.part("tls").text("mode")
    return TrafficPolicy(parts, tls_mode, of_port=of_port, of_subset=False, path=policy.path)


def _traffic_rules(rules: Iterable[Fields]) -> tuple[TrafficRule, ...]:
    return tuple(
        TrafficRule(tuple(_route_match(match) for match in rule.each("match")), rule.path) for rule in rules
    )


def _route_match(match: Fields) -> RouteMatch:
    return RouteMatch(
        gateways=match.texts("gateways"),
        by_source_labels=bool(match.text_map("sourceLabels")),
        source_namespace=match.text("sourceNamespace"),
        port=match.number("port"),
        sni_hosts=match.texts("sniHosts"),
    )


def _destination(destination: Fields) -> Destination:
    return Destination(
        destination.text("host"),
        destination.text("subset"),
        destination.path,
        destination.part("port").number("number"),
    )
