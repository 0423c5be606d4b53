"""Istio's networking kinds."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from meshlint.model.fields import Fields
from meshlint.model.resource import Head, Resource
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


class Destination(NamedTuple):
    """A host that a VirtualService sends traffic to."""

    host: str
    subset: str
    path: FieldPath


class VirtualService(Resource):
    """A VirtualService. Without `gateways` it is for the mesh."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.hosts: Final = spec.texts("hosts")
        self.gateways: Final = spec.texts("gateways")
        self.destinations: Final = tuple(
            _destination(entry.part("destination"))
            for protocol in ("http", "tcp", "tls")
            for rule in spec.each(protocol)
            for entry in rule.each("route")
        )

    @property
    def is_for_mesh(self) -> bool:
        """Whether it routes calls inside the mesh, not only at gateways."""
        return not self.gateways or "mesh" in self.gateways


class DestinationRule(Resource):
    """A DestinationRule."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.host: Final = spec.text("host")
        self.subsets: Final = tuple(subset.text("name") for subset in spec.each("subsets"))
        self.has_traffic_policy: Final = "trafficPolicy" in spec


def _destination(destination: Fields) -> Destination:
    return Destination(destination.text("host"), destination.text("subset"), destination.path)
