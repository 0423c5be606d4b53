"""The Gateway API: Gateway, GatewayClass and the routes."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlint.model.fields import Fields
from meshlint.model.kind import GATEWAY, SERVICE, Kind
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
from meshlint.source.document import FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gateway(Resource):
    """A Gateway of the Gateway API. `infrastructure_labels` is None if there are none of its own."""

    class_name: str
    listeners: tuple[Listener, ...]
    addresses: tuple[tuple[str, str], ...]
    infrastructure_labels: Mapping[str, str] | None
    infrastructure_annotations: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GatewayClass(Resource):
    """A GatewayClass: cluster-wide."""

    controller_name: str


@dataclass(frozen=True, slots=True, eq=False)
class ObjectReference:
    """A reference by group, kind and name. `namespace` is None if it is not written."""

    kind: Kind
    name: str
    namespace: str | None
    port: int | None
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Route(Resource):
    """An HTTPRoute, GRPCRoute, TCPRoute or TLSRoute."""

    parents: tuple[ObjectReference, ...]
    backends: tuple[ObjectReference, ...]
    hostnames: tuple[str, ...]


def gateway(head: Head, document: Fields) -> Gateway:
    """Decode a Gateway."""
    spec = document.part("spec")
    infrastructure = spec.part("infrastructure")
    return Gateway(
        head,
        class_name=spec.text("gatewayClassName"),
        listeners=tuple(_listener(listener) for listener in spec.each("listeners")),
        addresses=tuple(
            (address.text("type") or "IPAddress", address.text("value"))
            for address in spec.each("addresses")
        ),
        infrastructure_labels=infrastructure.text_map("labels") if "labels" in infrastructure else None,
        infrastructure_annotations=(
            infrastructure.text_map("annotations") if "annotations" in infrastructure else None
        ),
    )


def gateway_class(head: Head, document: Fields) -> GatewayClass:
    """Decode a GatewayClass."""
    return GatewayClass(head, document.part("spec").text("controllerName"))


def route(head: Head, document: Fields) -> Route:
    """Decode a route."""
    spec = document.part("spec")
    return Route(
        head,
        parents=tuple(object_reference(parent, GATEWAY) for parent in spec.each("parentRefs")),
        backends=tuple(
            object_reference(backend, SERVICE)
            for rule in spec.each("rules")
            for backend in rule.each("backendRefs")
        ),
        hostnames=spec.texts("hostnames"),
    )


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
