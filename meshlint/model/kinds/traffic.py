"""Istio's networking kinds."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlint.model.fields import Fields
from meshlint.model.resource import Head, Resource
from meshlint.source.document import FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """An inline endpoint of a ServiceEntry."""

    address: str
    labels: Mapping[str, str]
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class EntryPort:
    """A port of a ServiceEntry."""

    name: str
    number: int | None
    protocol: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ServiceEntry(Resource):
    """A ServiceEntry. `workload_selector` is None without one."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    resolution: str
    location: str
    ports: tuple[EntryPort, ...]
    endpoints: tuple[Endpoint, ...]
    workload_selector: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """A host that a VirtualService sends traffic to."""

    host: str
    subset: str
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VirtualService(Resource):
    """A VirtualService. Without `gateways` it is for the mesh."""

    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    destinations: tuple[Destination, ...]

    @property
    def is_for_mesh(self) -> bool:
        """Whether it routes calls inside the mesh, not only at gateways."""
        return not self.gateways or "mesh" in self.gateways


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DestinationRule(Resource):
    """A DestinationRule."""

    host: str
    subsets: tuple[str, ...]
    has_traffic_policy: bool


def service_entry(head: Head, document: Fields) -> ServiceEntry:
    """Decode a ServiceEntry."""
    spec = document.part("spec")
    return ServiceEntry(
        head,
        hosts=spec.texts("hosts"),
        addresses=spec.texts("addresses"),
        resolution=spec.text("resolution") or "NONE",
        location=spec.text("location") or "MESH_EXTERNAL",
        ports=tuple(
            EntryPort(port.text("name"), port.number("number"), port.text("protocol"))
            for port in spec.each("ports")
        ),
        endpoints=tuple(
            Endpoint(endpoint.text("address"), endpoint.text_map("labels"), endpoint.path)
            for endpoint in spec.each("endpoints")
        ),
        workload_selector=(
            spec.part("workloadSelector").text_map("labels") if "workloadSelector" in spec else None
        ),
    )


def virtual_service(head: Head, document: Fields) -> VirtualService:
    """Decode a VirtualService."""
    spec = document.part("spec")
    return VirtualService(
        head,
        hosts=spec.texts("hosts"),
        gateways=spec.texts("gateways"),
        destinations=tuple(
            _destination(entry.part("destination"))
            for protocol in ("http", "tcp", "tls")
            for rule in spec.each(protocol)
            for entry in rule.each("route")
        ),
    )


def destination_rule(head: Head, document: Fields) -> DestinationRule:
    """Decode a DestinationRule."""
    spec = document.part("spec")
    return DestinationRule(
        head,
        host=spec.text("host"),
        subsets=tuple(subset.text("name") for subset in spec.each("subsets")),
        has_traffic_policy="trafficPolicy" in spec,
    )


def _destination(destination: Fields) -> Destination:
    return Destination(destination.text("host"), destination.text("subset"), destination.path)
