"""
An ingress gateway sends to a Service past its waypoint, and past what the waypoint enforces.

## What it does

Looks at Services and ServiceEntries that are bound to a waypoint, and to which an ingress gateway sends:
by a route with a Gateway of class `istio` as parent, or by a VirtualService for gateways. It speaks if an
AuthorizationPolicy or a RequestAuthentication acts on calls at the waypoint, or a route of the mesh does
for the same port, and nothing has ingress use the waypoint.

It is a note where that is written (`istio.io/ingress-use-waypoint: "false"`), and where the ingress
gateways have policies of these kinds themselves. It is silent where the label may stand on a Namespace
that is not in the set, where all pods have sidecars, and about routes and gateways that are not in the
set.

## Why it matters

Ingress gateways send straight to the pods, and not to the waypoint. What comes from outside skips the L7
policies and the routes that hold for calls inside of the mesh, while istiod reports the Service as bound.

## How to fix it

Label the Service `istio.io/ingress-use-waypoint: "true"` (1.24 and newer), or its Namespace (1.25 and
newer). Or write the policies for the ingress gateway too: they are then checked there, and not at the
waypoint.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    BindingState,
    Cause,
    DataplaneMode,
    Derived,
    Edit,
    Fix,
    Impact,
    IngressRoute,
    Kind,
    Location,
    Mesh,
    Problem,
    Resource,
    Route,
    Service,
    ServiceEntry,
    Severity,
    TargetedPolicy,
    Workload,
    append_entry,
    check,
    keys,
    kind,
    replace_value,
)

_DECIDES = (kind.AUTHORIZATION_POLICY, kind.REQUEST_AUTHENTICATION)
_NO = frozenset({"false", "f", "0"})


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.SERVICE, kind.SERVICE_ENTRY),
    reads=(
        kind.NAMESPACE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        kind.REFERENCE_GRANT,
        *kind.ROUTES,
        kind.VIRTUAL_SERVICE,
        *_DECIDES,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    istio=">=1.24",
    since="0.1.0",
)
def ingress_bypasses_waypoint(service: Service | ServiceEntry, mesh: Mesh) -> Iterator[Problem]:
    """Find Services that ingress reaches past the policies of their waypoint."""
    if not _has_waypoint(service, mesh):
        return
    routes, asked = mesh.ingress_routes(service), mesh.asks_ingress(service)
    if not routes or asked.value is not False or _has_sidecars(service, mesh):
        return
    policies, mesh_routes = mesh.waypoint_policies(service), _mesh_routes(service, routes, mesh)
    if not policies and not mesh_routes:
        return
    lost = "skips the policies there" if policies else "does not follow the routes there"
    yield Problem(
        f"ingress gateways send to {service.kind.name} {service.name!r} past its waypoint: "
        f"what comes from outside {lost}",
        at=asked.because[0].at if _is_written(asked) else service.at(),
        related=(*_skipped(policies, mesh_routes), *_leading(routes)),
        fix=_ask(service, asked),
        severity=_severity(asked, policies, routes, mesh),
        impact=Impact.EXPOSURE if policies else Impact.INEFFECTIVE,
    )


def _has_waypoint(service: Service | ServiceEntry, mesh: Mesh) -> bool:
    binding = mesh.waypoint_binding(service)
    if binding.state is not BindingState.BOUND or binding.gateway is None:
        return False
    return bool(mesh.is_waypoint(binding.gateway).value and mesh.virtual_ip(service).value)


def _has_sidecars(service: Service | ServiceEntry, mesh: Mesh) -> bool:
    """Whether all pods that are known have sidecars, which take what comes from ingress."""
    selected = [mesh.find(edge.target).value for edge in mesh.selected_workloads(service)]
    pods = [workload for workload in selected if isinstance(workload, Workload)]
    return bool(pods) and all(mesh.dataplane_mode(pod).value is DataplaneMode.SIDECAR for pod in pods)


def _mesh_routes(
    service: Service | ServiceEntry, routes: Sequence[IngressRoute], mesh: Mesh
) -> Sequence[Resource]:
    """The routes that the waypoint follows on ports of ingress, but for those that ingress follows too."""
    of_ingress = {leading.route for leading in routes}
    ports = {leading.port for leading in routes}
    return [
        route
        for route in mesh.routes_of(service)
        if route not in of_ingress and _is_followed(service, route, ports, mesh)
    ]


def _is_followed(service: Service | ServiceEntry, route: Route, ports: set[int | None], mesh: Mesh) -> bool:
    """Whether the waypoint follows a route on one of some ports; None among them stands for any."""
    return any(
        parent.respected
        and parent.ref == service.ref
        and (reference.port is None or None in ports or reference.port in ports)
        for reference, parent in zip(route.parents, mesh.route_parents(route), strict=True)
    )


def _skipped(policies: Sequence[TargetedPolicy], routes: Sequence[Resource]) -> Iterator[Cause]:
    for policy in policies:
        field = "targetRefs" if policy.manifest.value("spec", "targetRefs") else "targetRef"
        yield Cause(f"{policy.kind.name} {policy.name!r} is skipped", policy.at("spec", field))
    for route in routes:
        yield Cause(f"{route.kind.name} {route.name!r} is not followed", route.at("spec", "parentRefs"))


def _leading(routes: Sequence[IngressRoute]) -> Iterator[Cause]:
    for leading in routes:
        yield Cause(f"{leading.route.kind.name} {leading.route.name!r} leads here", leading.at)


def _severity(
    asked: Derived[bool | None],
    policies: Sequence[TargetedPolicy],
    routes: Sequence[IngressRoute],
    mesh: Mesh,
) -> Severity:
    is_guarded = bool(policies) and _are_guarded({policy.kind for policy in policies}, routes, mesh)
    return Severity.NOTE if _is_decided(asked) or is_guarded else Severity.WARNING


def _are_guarded(kinds: set[Kind], routes: Sequence[IngressRoute], mesh: Mesh) -> bool:
    """Whether each ingress gateway has policies of the kinds itself."""
    gateways = {gateway for leading in routes for gateway in leading.gateways}
    is_known = all(leading.gateways for leading in routes)
    return is_known and all(
        kinds <= {policy.kind for policy in mesh.gateway_policies(gateway)} for gateway in gateways
    )


def _ask(service: Service | ServiceEntry, asked: Derived[bool | None]) -> Fix | None:
    if _is_decided(asked):
        return None
    title = f"label it '{keys.INGRESS_USE_WAYPOINT}: \"true\"'"
    at = asked.because[0].at
    if _is_written(asked):
        return Fix(title, replace_value(at, "true"))
    edits: tuple[Edit, ...] = append_entry(
        service.at("metadata", "labels"), keys.INGRESS_USE_WAYPOINT, "true"
    )
    return Fix(title, edits)


def _is_written(asked: Derived[bool | None]) -> bool:
    return bool(asked.because) and asked.because[0].at.field[-1:] == (keys.INGRESS_USE_WAYPOINT,)


def _is_decided(asked: Derived[bool | None]) -> bool:
    """Whether it is written that ingress is not to use the waypoint."""
    at: Location | None = asked.because[0].at if _is_written(asked) else None
    return at is not None and at.manifest is not None and str(at.manifest.value(*at.field)).lower() in _NO
