"""The Gateway API: Gateway, GatewayClass and the routes."""

from typing import Final, NamedTuple

from meshlint.model.fields import Fields
from meshlint.model.kind import GATEWAY, SERVICE, Kind
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
from meshlint.source.document import FieldPath


class Listener(NamedTuple):
    """
    A listener of a Gateway.

    `routes_from` is `allowedRoutes.namespaces.from`, None if it is not set.
    """

    name: str
    port: int | None
    protocol: str
    tls_mode: str
    routes_from: str | None
    routes_selector: LabelSelector | None
    path: FieldPath


class Gateway(Resource):
    """A Gateway of the Gateway API. `infrastructure_labels` is None if there are none of its own."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        own = spec.part("infrastructure")
        self.class_name: Final = spec.text("gatewayClassName")
        self.listeners: Final = tuple(_listener(listener) for listener in spec.each("listeners"))
        self.addresses: Final = tuple(
            (address.text("type") or "IPAddress", address.text("value")) for address in spec.each("addresses")
        )
        self.infrastructure_labels: Final = own.text_map("labels") if "labels" in own else None
        self.infrastructure_annotations: Final = own.text_map("annotations") if "annotations" in own else None


class GatewayClass(Resource):
    """A GatewayClass: cluster-wide."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        self.controller_name: Final = document.part("spec").text("controllerName")


class ObjectReference(NamedTuple):
    """A reference by group, kind and name. `namespace` is None if it is not written."""

    kind: Kind
    name: str
    namespace: str | None
    port: int | None
    path: FieldPath


class Route(Resource):
    """An HTTPRoute, GRPCRoute, TCPRoute or TLSRoute."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.parents: Final = tuple(object_reference(parent, GATEWAY) for parent in spec.each("parentRefs"))
        self.backends: Final = tuple(
            object_reference(backend, SERVICE)
            for rule in spec.each("rules")
            for backend in rule.each("backendRefs")
        )
        self.hostnames: Final = spec.texts("hostnames")


def object_reference(fields: Fields, default: Kind | None = None) -> ObjectReference:
    """Decode a reference; `default` fills in group and kind where the API does."""
    group = fields.optional_text("group")
    kind = fields.optional_text("kind")
    return ObjectReference(
        kind=Kind(
            group if group is not None else (default.group if default else ""),
            kind if kind is not None else (default.name if default else ""),
        ),
        name=fields.text("name"),
        namespace=fields.optional_text("namespace"),
        port=fields.number("port"),
        path=fields.path,
    )


def _listener(listener: Fields) -> Listener:
    namespaces = listener.part("allowedRoutes", "namespaces")
    return Listener(
        name=listener.text("name"),
        port=listener.number("port"),
        protocol=listener.text("protocol"),
        tls_mode=listener.part("tls").text("mode"),
        routes_from=namespaces.optional_text("from"),
        routes_selector=LabelSelector.read(namespaces.part("selector")) if "selector" in namespaces else None,
        path=listener.path,
    )
