"""Whether the references of a route resolve: what istiod makes of its backends and filters."""

from collections.abc import Iterator

from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.routing.at_waypoint import Surroundings
from meshlint.mesh.routing.hosts import CLUSTER_DOMAIN
from meshlint.model.kind import (
    GRPC_ROUTE,
    HTTP_ROUTE,
    REFERENCE_GRANT,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
    ResourceRef,
)
from meshlint.model.kinds.gateway import ReferenceGrant, Route, RouteBackend, RouteRule
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple

_HOSTNAME = Kind("networking.istio.io", "Hostname")
_EXTENSIONS = frozenset(
    {
        Kind("multicluster.x-k8s.io", "ServiceImport"),
        Kind("inference.networking.k8s.io", "InferencePool"),
        Kind("inference.networking.x-k8s.io", "InferencePool"),
        Kind("gateway.networking.x-k8s.io", "XBackend"),
    }
)
_HTTP_FILTERS = frozenset(
    {
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestRedirect",
        "RequestMirror",
        "URLRewrite",
        "CORS",
    }
)
_GRPC_FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"})
_BACKEND_FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier"})
_FILTERS = {HTTP_ROUTE: _HTTP_FILTERS, GRPC_ROUTE: _GRPC_FILTERS}
_RESOLVED = PredictedCondition("ResolvedRefs", "True", "ResolvedRefs", "All references resolved")


class Conversion(NamedTuple):
    """
    What istiod makes of the rules of a route.

    `condition` is `ResolvedRefs`, None where it depends on objects outside of the set. `is_lost` tells
    that an error of this sort costs the whole route.
    """

    condition: PredictedCondition | None
    is_lost: bool = False


class _Fault(NamedTuple):
    """An error of a rule; a fatal one costs the route, any other only the backend."""

    reason: str
    message: str
    fatal: bool = False


class _UnknownError(Exception):
    """It depends on something outside of the set."""


def conversion(route: Route, around: Surroundings, *, in_mesh: bool) -> Conversion:
    """
    What istiod makes of a route for the mesh, or for gateways: there, backends elsewhere take a grant.

    istio `pilot/pkg/config/kube/gateway/conversion.go`, convertHTTPRoute, convertGRPCRoute,
    convertTCPRoute, buildDestination; `route_collections.go`, computeRoute: the last error tells.
    """
    last: _Fault | None = None
    for rule in route.rules:
        try:
            fault = _rule_fault(route, rule, around, in_mesh=in_mesh)
        except _UnknownError:
            return Conversion(None)
        if fault is not None and fault.fatal:
            return Conversion(PredictedCondition("ResolvedRefs", "False", fault.reason, fault.message), True)
        last = fault or last
    if last is None:
        return Conversion(_RESOLVED)
    return Conversion(PredictedCondition("ResolvedRefs", "False", last.reason, last.message))


def receivers(route: Route, around: Surroundings) -> Iterator[tuple[RouteBackend, Resource]]:
    """The backends of a route at gateways that certainly get a share, and what they are in the set."""
    for backend in (backend for rule in route.rules for backend in rule.backends if backend.weight):
        try:
            refused = _backend_fault(route, backend, around, in_mesh=False) is not None
        except _UnknownError:
            continue
        service = None if refused else _backend_service(route, backend, around)
        if service is not None:
            yield backend, service


def _backend_service(route: Route, backend: RouteBackend, around: Surroundings) -> Resource | None:
    reference = backend.reference
    if reference.kind == _HOSTNAME:
        named = around.hosts.named(reference.name)
        return next((service for service in named if service.namespace == route.namespace), None)
    namespace = reference.namespace if reference.namespace is not None else route.namespace
    return around.graph.find(ResourceRef(reference.kind, namespace, reference.name)).value


def _rule_fault(route: Route, rule: RouteRule, around: Surroundings, *, in_mesh: bool) -> _Fault | None:
    allowed = _FILTERS.get(route.kind)
    if allowed is not None:
        for name in rule.filters:
            if name not in allowed:
                return _Fault("InvalidFilter", f'unsupported filter type "{name}"', fatal=True)
    mirrors = [_backend_fault(route, mirror, around, in_mesh=in_mesh) for mirror in rule.mirrors]
    mirror = next((fault for fault in reversed(mirrors) if fault is not None), None)
    if mirror is not None and route.kind == GRPC_ROUTE:
        return mirror._replace(fatal=True)
    backend = _backends_fault(route, rule, around, in_mesh=in_mesh)
    if mirror is None or (backend is not None and backend.fatal):
        return backend
    mirror = mirror._replace(fatal=False)
    if backend is None:
        return mirror
    return backend._replace(message=f"{backend.message}; {mirror.message}")


def _backends_fault(route: Route, rule: RouteRule, around: Surroundings, *, in_mesh: bool) -> _Fault | None:
    """The last fault of the backends that get a share; with no share at all none is looked at."""
    last: _Fault | None = None
    for backend in rule.backends:
        if backend.weight == 0:
            continue
        fault = _backend_fault(route, backend, around, in_mesh=in_mesh)
        if fault is not None and fault.fatal:
            return fault
        last = fault or last
        if route.kind in _FILTERS:
            for name in backend.filters:
                if name not in _BACKEND_FILTERS:
                    return _Fault("InvalidFilter", f'unsupported filter type "{name}"', fatal=True)
    return last


def _backend_fault(
    route: Route, backend: RouteBackend, around: Surroundings, *, in_mesh: bool
) -> _Fault | None:
    reference = backend.reference
    namespace = reference.namespace if reference.namespace is not None else route.namespace
    if not in_mesh and namespace != route.namespace and not _is_granted(route, backend, namespace, around):
        text = (
            f"backendRef {reference.name}/{namespace} not accessible to a {route.kind.name} in namespace "
            f'"{route.namespace}" (missing a ReferenceGrant?)'
        )
        return _Fault("RefNotPermitted", text)
    if reference.kind == SERVICE:
        return _service_fault(reference.name, namespace, reference.port, around)
    if reference.kind == _HOSTNAME:
        return _hostname_fault(route, backend, around)
    if reference.kind in _EXTENSIONS:
        raise _UnknownError
    text = f'referencing unsupported backendRef: group "{backend.group or ""}" kind "{backend.kind or ""}"'
    return _Fault("InvalidKind", text)


def _service_fault(name: str, namespace: str | None, port: int | None, around: Surroundings) -> _Fault | None:
    if "." in name:
        text = "service name invalid; the name of the Service must be used, not the hostname."
        return _Fault("InvalidDestination", text, fatal=True)
    if port is None:
        return _Fault("InvalidDestination", "port is required in backendRef", fatal=True)
    found = around.graph.find(ResourceRef(SERVICE, namespace, name))
    if found.is_unknown:
        raise _UnknownError
    if found.is_absent:
        host = f"{name}.{namespace}.svc.{CLUSTER_DOMAIN}"
        return _Fault("BackendNotFound", f"backend({host}) not found")
    return None


def _hostname_fault(route: Route, backend: RouteBackend, around: Surroundings) -> _Fault | None:
    """A host is looked up in the route's namespace alone (`gatewaycommon/context.go`, GetService)."""
    reference = backend.reference
    if reference.namespace is not None:
        return _Fault("InvalidDestination", "namespace may not be set with Hostname type", fatal=True)
    if reference.port is None:
        return _Fault("InvalidDestination", "port is required in backendRef", fatal=True)
    if any(service.namespace == route.namespace for service in around.hosts.named(reference.name)):
        return None
    if not around.graph.scopes.is_closed(route.namespace, SERVICE, SERVICE_ENTRY):
        raise _UnknownError
    return _Fault("BackendNotFound", f"backend({reference.name}) not found")


def _is_granted(route: Route, backend: RouteBackend, namespace: str | None, around: Surroundings) -> bool:
    """Whether a ReferenceGrant beside the backend lets the route refer to it."""
    reference = backend.reference
    for grant in around.graph.in_namespace(namespace, REFERENCE_GRANT):
        if not isinstance(grant, ReferenceGrant) or (route.kind, route.namespace or "") not in grant.origins:
            continue
        if {(reference.kind, None), (reference.kind, reference.name)} & grant.targets:
            return True
    if not around.graph.scopes.is_closed(namespace, REFERENCE_GRANT):
        raise _UnknownError
    return False
