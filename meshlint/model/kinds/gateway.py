"""The Gateway API: Gateway, GatewayClass and the routes."""

from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.kind import GATEWAY, SERVICE, Kind
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath


class Listener(NamedTuple):
    """
    A listener of a Gateway.

    `routes_from` is `allowedRoutes.namespaces.from`, None if it is not set. `hostname` is None if
    it is not written. `allowed_kinds` are the kinds of routes that it admits, empty for all that fit.
    """

    name: str
    port: int | None
    protocol: str
    tls_mode: str
    routes_from: str | None
    routes_selector: LabelSelector | None
    path: FieldPath
    hostname: str | None = None
    allowed_kinds: tuple[Kind, ...] = ()
    has_tls: bool = False


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


class ReferenceGrant(Resource):
    """A ReferenceGrant: who may refer from another namespace. A name of None stands for all of a kind."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.origins: Final = frozenset(
            (Kind(origin.text("group"), origin.text("kind")), origin.text("namespace"))
            for origin in spec.each("from")
        )
        self.targets: Final = frozenset(
            (Kind(target.text("group"), target.text("kind")), target.optional_text("name"))
            for target in spec.each("to")
        )


class ObjectReference(NamedTuple):
    """
    A reference by group, kind and name. `namespace` is None if it is not written.

    `section` is the `sectionName` of a `parentRef`, empty without one.
    """

    kind: Kind
    name: str
    namespace: str | None
    port: int | None
    path: FieldPath
    section: str = ""


class RouteBackend(NamedTuple):
    """A backend of a rule, or where a mirror leads. `group` and `kind` are as written, None if not."""

    reference: ObjectReference
    weight: int
    group: str | None
    kind: str | None
    filters: tuple[str, ...] = ()


class RouteRule(NamedTuple):
    """A rule of a route: its backends, the types of its filters, and where it mirrors requests to."""

    backends: tuple[RouteBackend, ...]
    filters: tuple[str, ...]
    mirrors: tuple[RouteBackend, ...]


class Route(Resource):
    """An HTTPRoute, GRPCRoute, TCPRoute or TLSRoute."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.parents: Final = tuple(object_reference(parent, GATEWAY) for parent in spec.each("parentRefs"))
        self.rules: Final = tuple(_rule(rule) for rule in spec.each("rules"))
        self.backends: Final = tuple(backend.reference for rule in self.rules for backend in rule.backends)
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
        section=fields.text("sectionName"),
    )


def _rule(rule: Fields) -> RouteRule:
    filters = tuple(rule.each("filters"))
    mirrors = (entry.part("requestMirror", "backendRef") for entry in filters if "requestMirror" in entry)
    return RouteRule(
        backends=tuple(_backend(backend) for backend in rule.each("backendRefs")),
        filters=tuple(entry.text("type") for entry in filters),
        mirrors=tuple(_backend(mirror) for mirror in mirrors),
    )


def _backend(backend: Fields) -> RouteBackend:
    weight = backend.number("weight")
    return RouteBackend(
        object_reference(backend, SERVICE),
        weight=1 if weight is None else weight,
        group=backend.optional_text("group"),
        kind=backend.optional_text("kind"),
        filters=tuple(entry.text("type") for entry in backend.each("filters")),
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
        hostname=listener.optional_text("hostname"),
        allowed_kinds=tuple(
            Kind(entry.optional_text("group") or GATEWAY.group, entry.text("kind"))
            for entry in listener.part("allowedRoutes").each("kinds")
        ),
        has_tls="tls" in listener,
    )
