"""
A headless Service is to use a waypoint, which none of its traffic takes.

## What it does

Looks at Services with `clusterIP: None` that a label binds to a waypoint: their own, or their
Namespace's.

By their own label it is a warning, by the Namespace's a note. It is an error if an AuthorizationPolicy or
a RequestAuthentication has the Service as its target, and a warning if another policy or a route does.

Without such a target it is silent where the pods have a waypoint of their own, and, by the Namespace's
label, where the same pods stand behind a Service with an IP too: the headless one is then for the pods
among themselves. Of waypoints that are not of Istio's classes nothing is said.

## Why it matters

A headless Service has no virtual IP. Its clients look up the addresses of the pods and call those, and to
ztunnel that is traffic to a workload: the waypoint of the Service is never asked for. istiod writes
`istio.io/WaypointBound=True` all the same. Policies with the Service as target look enforced, and are
not.

## How to fix it

Give the Service an IP, if its clients can do with one. Else label the pods with `istio.io/use-waypoint`,
make the waypoint one for `all` (or `workload`), and have its policies name the Gateway: what names the
Service is for calls to its IP alone.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Impact,
    Location,
    Mesh,
    Problem,
    Service,
    Severity,
    WaypointBinding,
    Workload,
    check,
    keys,
    kind,
    waypoint,
)

_DECIDES = (kind.AUTHORIZATION_POLICY, kind.REQUEST_AUTHENTICATION)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.SERVICE,),
    reads=(
        kind.NAMESPACE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        kind.STATEFUL_SET,
        kind.AUTHORIZATION_POLICY,
        kind.REQUEST_AUTHENTICATION,
        kind.HTTP_ROUTE,
    ),
    istio=">=1.22",
    since="0.1.0",
)
def waypoint_on_headless_service(service: Service, mesh: Mesh) -> Iterator[Problem]:
    """Find Services without an IP that are bound to a waypoint."""
    binding = mesh.waypoint_binding(service)
    if not service.is_headless or not _is_judged(binding, service, mesh):
        return
    policies, routes = tuple(_policies(service, mesh)), tuple(_routes(service, mesh))
    if not policies and not routes and _is_harmless(binding, service, mesh):
        return
    name = binding.wanted.name if binding.wanted else ""
    yield Problem(
        f"service {service.name!r} is headless: "
        f"its clients call the pods, past waypoint {name!r}{_lost(policies, routes)}",
        at=_at(binding, service),
        related=(*_label(binding, service), *policies, *routes),
        fix=Fix(_advice(binding, service, mesh)),
        severity=_severity(binding, service, mesh, policies, routes),
    )


def _is_judged(binding: WaypointBinding, service: Service, mesh: Mesh) -> bool:
    """Whether no other check speaks of the label, and the waypoint is not somebody else's."""
    if binding.state not in (BindingState.BOUND, BindingState.UNKNOWN) or binding.wanted is None:
        return False
    is_waypoint = mesh.is_waypoint(binding.gateway).value if binding.gateway else True
    return is_waypoint or (is_waypoint is False and binding.asked_by is service)


def _policies(service: Service, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.policies_targeting(service.ref):
        policy = edge.source
        yield Cause(f"{policy.kind.name} {policy.name!r} is for this Service", edge.declared_at)


def _routes(service: Service, mesh: Mesh) -> Iterator[Cause]:
    for route in mesh.routes_of(service):
        parents = (p for p in route.parents if p.kind == kind.SERVICE and p.name == service.name)
        for parent in parents:
            yield Cause(
                f"{route.kind.name} {route.name!r} is for this Service", route.at(*parent.path, "name")
            )


def _is_harmless(binding: WaypointBinding, service: Service, mesh: Mesh) -> bool:
    """Whether the pods have a waypoint of their own, or nobody meant this Service."""
    pods = _pods(service, mesh)
    if pods and _have_waypoint(pods, mesh):
        return True
    if binding.asked_by is service:
        return False
    inherits = binding.gateway is not None and mesh.traffic_type(binding.gateway).value
    if not pods and inherits in waypoint.WORKLOAD_TRAFFIC:
        return True
    return bool(pods) and all(_is_behind_an_ip(pod, mesh) for pod in pods)


def _pods(service: Service, mesh: Mesh) -> list[Workload]:
    selected = (mesh.find(edge.target).value for edge in mesh.selected_workloads(service))
    return [workload for workload in selected if isinstance(workload, Workload)]


def _have_waypoint(pods: Sequence[Workload], mesh: Mesh) -> bool:
    return all(mesh.waypoint_binding(pod).state is BindingState.BOUND for pod in pods)


def _is_behind_an_ip(pod: Workload, mesh: Mesh) -> bool:
    """Whether some Service with an IP selects the pods."""
    return any(mesh.virtual_ip(service).value for service in mesh.services_of(pod))


def _lost(policies: tuple[Cause, ...], routes: tuple[Cause, ...]) -> str:
    if policies:
        return ", and what is written for it is enforced by nobody"
    return ", and its routes are followed by nobody" if routes else ""


def _advice(binding: WaypointBinding, service: Service, mesh: Mesh) -> str:
    name = binding.wanted.name if binding.wanted else ""
    pods, gateway = _pods(service, mesh), binding.gateway
    if gateway is not None and not mesh.is_waypoint(gateway).value:
        return f"remove {keys.USE_WAYPOINT!r}"
    if pods and _have_waypoint(pods, mesh):
        return f"write it for Gateway {name!r} in place of the Service, or give the Service an IP"
    serves = gateway is None or mesh.traffic_type(gateway).value in waypoint.WORKLOAD_TRAFFIC
    wider = "" if serves else f" and the waypoint '{keys.WAYPOINT_FOR}: all'"
    return f"label the pods '{keys.USE_WAYPOINT}: {name}'{wider}, or give the Service an IP"


def _at(binding: WaypointBinding, service: Service) -> Location:
    own = binding.asked_at if binding.asked_by is service else None
    return own or service.at("spec", "clusterIP")


def _label(binding: WaypointBinding, service: Service) -> Iterator[Cause]:
    if binding.asked_by is service:
        yield Cause("it has no virtual IP", service.at("spec", "clusterIP"))
    elif binding.asked_at is not None:
        yield Cause("the namespace asks for the waypoint", binding.asked_at)


def _severity(
    binding: WaypointBinding,
    service: Service,
    mesh: Mesh,
    policies: tuple[Cause, ...],
    routes: tuple[Cause, ...],
) -> Severity:
    if any(edge.source.kind in _DECIDES for edge in mesh.policies_targeting(service.ref)):
        return Severity.ERROR
    is_meant = binding.asked_by is service or policies or routes
    return Severity.WARNING if is_meant else Severity.NOTE
