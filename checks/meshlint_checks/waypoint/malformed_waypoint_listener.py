"""
A waypoint lacks the one listener on port 15008 with protocol HBONE, or HBONE is on another class.

## What it does

Looks at the listeners of waypoints that istiod deploys, and for HBONE on Gateways of class `istio`.

Without a listener on port 15008 it is an error. A listener there with another protocol is an error if its
`allowedRoutes` admit other namespaces, else a warning; so is each additional listener. Where the Gateway
names an address and istiod deploys nothing, only the protocol is looked at. Sandwiches, which ztunnel
captures on purpose, and classes that are not Istio's are left alone.

## Why it matters

istiod deploys the Gateway all the same, says `Programmed=True`, and tells of the fault only in the
listener's status: `Accepted=False`, reason `UnsupportedProtocol`. What follows differs:

- Without port 15008 the waypoint's Service has no such port. As soon as the waypoint has an address, all
  calls through it fail.
- With another protocol on port 15008 the waypoint works for its own namespace, but the `allowedRoutes`
  are not read: users in other namespaces go straight to the pods, past every L7 policy.
- Additional listeners are never served.
- On class `istio` the listener is refused: nobody takes HBONE there.

## How to fix it

Write one listener: `{name: mesh, port: 15008, protocol: HBONE}`, and `allowedRoutes` on it.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    Cause,
    Edit,
    Fix,
    Gateway,
    Impact,
    Listener,
    Location,
    Mesh,
    Problem,
    Severity,
    check,
    kind,
    replace_value,
    waypoint,
)

_OPEN = ("All", "Selector")
_CONTROL_PLANE = (*(set(kind.INSTALLATION) - {kind.DAEMON_SET}), kind.VALIDATING_WEBHOOK)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.GATEWAY,),
    reads=(kind.GATEWAY_CLASS, kind.NAMESPACE, kind.SERVICE, *_CONTROL_PLANE),
    istio=">=1.22",
    since="0.1.0",
)
def malformed_waypoint_listener(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    """Find listeners that a waypoint does not have, and HBONE where no waypoint is."""
    controller = mesh.gateway_controller(gateway)
    if controller == waypoint.GATEWAY_CONTROLLER and mesh.is_waypoint(gateway).value is False:
        yield from _on_other_class(gateway, mesh)
    elif controller in waypoint.WAYPOINT_CONTROLLERS:
        yield from _on_waypoint(gateway, mesh)


def _on_other_class(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    hbone = [listener for listener in _refused(gateway, mesh) if listener.protocol.upper() == waypoint.HBONE]
    if not hbone:
        return
    listener, at_class = hbone[0], gateway.at("spec", "gatewayClassName")
    is_all = len(hbone) == len(gateway.listeners)
    users = tuple(_users(gateway, mesh))
    lost = "and calls through it fail" if users else "and this is no waypoint"
    here = Cause(
        f"listener {listener.name!r} is of protocol {listener.protocol!r}", _protocol_at(gateway, listener)
    )
    yield Problem(
        f"class {gateway.class_name!r} takes no HBONE: listener {listener.name!r} is refused, {lost}",
        at=at_class if is_all else here.at,
        related=((here,) if is_all else ()) + users,
        fix=_to_waypoint_class(at_class) if is_all else Fix("remove the listener, or make a waypoint for it"),
        impact=Impact.OUTAGE if users else Impact.INEFFECTIVE,
    )


def _on_waypoint(gateway: Gateway, mesh: Mesh) -> Iterator[Problem]:
    refused = _refused(gateway, mesh)
    ports = {listener.port for listener in gateway.listeners}
    is_managed = waypoint.is_managed(gateway)
    if waypoint.HBONE_PORT not in ports and None not in ports:
        if refused and is_managed:
            yield _without_port(gateway, mesh)
        return
    for listener in refused:
        if listener.port == waypoint.HBONE_PORT:
            yield _wrong_protocol(gateway, listener, mesh)
        elif is_managed:
            yield _additional(gateway, listener)


def _without_port(gateway: Gateway, mesh: Mesh) -> Problem:
    effect = "all calls through it fail, though istiod says that it is programmed"
    if not _is_programmed(gateway, mesh):
        effect = "calls through it fail, or skip its policies"
    return Problem(
        f"waypoint {gateway.name!r} has no listener on port {waypoint.HBONE_PORT}: {effect}",
        at=_narrowest(gateway),
        related=tuple(_users(gateway, mesh)),
        fix=_one_listener(gateway),
    )


def _narrowest(gateway: Gateway) -> Location:
    match gateway.listeners:
        case (only,) if only.protocol == waypoint.HBONE:
            return gateway.at(*only.path, "port")
        case (only,):
            return gateway.at(*only.path)
        case _:
            return gateway.at("spec", "listeners")


def _one_listener(gateway: Gateway) -> Fix:
    title = f"write one listener with port {waypoint.HBONE_PORT} and protocol '{waypoint.HBONE}'"
    match gateway.listeners:
        case (only,):
            port = replace_value(gateway.at(*only.path, "port"), waypoint.HBONE_PORT)
            protocol = replace_value(_protocol_at(gateway, only), waypoint.HBONE)
            return Fix(title, _all_or_none(port, () if only.protocol == waypoint.HBONE else protocol))
        case _:
            return Fix(title)


def _all_or_none(port: tuple[Edit, ...], protocol: tuple[Edit, ...]) -> tuple[Edit, ...]:
    return (*port, *protocol) if port else ()


def _wrong_protocol(gateway: Gateway, listener: Listener, mesh: Mesh) -> Problem:
    at = _protocol_at(gateway, listener)
    admits_others = listener.routes_from in _OPEN
    for_whom = "is for its own namespace only" if _is_programmed(gateway, mesh) else "may never be ready"
    effect = f"istiod refuses it, and the waypoint {for_whom}"
    if admits_others:
        effect = (
            "its 'allowedRoutes' are not read, and traffic of other namespaces skips the waypoint's policies"
        )
    rule = Cause("this is not read", gateway.at(*listener.path, "allowedRoutes", "namespaces", "from"))
    return Problem(
        f"listener {listener.name!r} is of protocol {listener.protocol!r}, not '{waypoint.HBONE}': {effect}",
        at=at,
        related=(rule,) if admits_others else (),
        fix=Fix(f"write '{waypoint.HBONE}'", replace_value(at, waypoint.HBONE)),
        severity=Severity.ERROR if admits_others else Severity.WARNING,
        impact=Impact.EXPOSURE if admits_others else Impact.INEFFECTIVE,
    )


def _additional(gateway: Gateway, listener: Listener) -> Problem:
    return Problem(
        f"listener {listener.name!r} on port {listener.port} does nothing: "
        f"a waypoint serves port {waypoint.HBONE_PORT} alone",
        at=gateway.at(*listener.path),
        fix=Fix(f"remove listener {listener.name!r}"),
        severity=Severity.WARNING,
        impact=Impact.INEFFECTIVE,
    )


def _to_waypoint_class(at: Location) -> Fix:
    return Fix("use class 'istio-waypoint'", replace_value(at, "istio-waypoint"))


def _refused(gateway: Gateway, mesh: Mesh) -> Sequence[Listener]:
    return [
        found.listener for found in mesh.listener_conditions(gateway) if found.condition.status == "False"
    ]


def _is_programmed(gateway: Gateway, mesh: Mesh) -> bool:
    """Whether istiod will certainly say that it serves the Gateway: not without certificates, for one."""
    return any(condition.type == "Programmed" for condition in mesh.gateway_conditions(gateway))


def _users(gateway: Gateway, mesh: Mesh) -> Iterator[Cause]:
    for edge in mesh.waypoint_users(gateway):
        yield Cause(f"{edge.source.kind.name} {edge.source.name!r} uses it", edge.declared_at)


def _protocol_at(gateway: Gateway, listener: Listener) -> Location:
    return gateway.at(*listener.path, "protocol")
