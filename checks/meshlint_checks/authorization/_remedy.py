"""How a policy that ztunnel cannot enforce is made to be enforced by a waypoint."""

from collections.abc import Collection, Iterable, Sequence

from meshlint import AuthorizationPolicy, Edit, Fix, Gateway, Mesh, Rule, Service, replace_entry
from meshlint_checks.authorization._scope import others, quoted

_FEW = 3
_PORTS = ("ports", "notPorts")
_PORT_CONDITION = "destination.port"


def enforce_at_waypoint(policy: AuthorizationPolicy, mesh: Mesh) -> Fix:
    """Have a waypoint enforce the whole policy: with edits where one Service has just these pods."""
    twins, kept_for = mesh.twins(policy), others(policy, mesh)
    if twins:
        return _give_way(policy, twins, mesh)
    where = f"{_targets(policy, mesh)}{_ports(policy.rules)}"
    if kept_for:
        return Fix(f"add a policy like it with targetRefs to {where}; keep this one for {kept_for} alone")
    return Fix(f"attach it by targetRefs to {where}", _attach(policy, mesh))


def split_for_waypoint(policy: AuthorizationPolicy, lost: Collection[int], mesh: Mesh) -> Fix:
    """Have a waypoint enforce the rules of which ztunnel loses something."""
    twins = mesh.twins(policy)
    if twins:
        return _give_way(policy, twins, mesh)
    where = f"{_targets(policy, mesh)}{_ports(rule for rule in policy.rules if rule.path[-1] in lost)}"
    return Fix(f"move what ztunnel cannot match into a policy of its own with targetRefs to {where}")


def _give_way(policy: AuthorizationPolicy, twins: Sequence[AuthorizationPolicy], mesh: Mesh) -> Fix:
    kept_for = others(policy, mesh)
    what = f"keep it for {kept_for} alone" if kept_for else "delete it"
    verb = "enforces" if len(twins) == 1 else "enforce"
    names = quoted([twin.name for twin in twins])
    return Fix(f"{what}, a leftover of the migration: {names} {verb} the same at the waypoint")


def _targets(policy: AuthorizationPolicy, mesh: Mesh) -> str:
    """The targets by which waypoints would enforce the policy, in words."""
    if not policy.selector and policy.namespace == mesh.root_namespace.value:
        return "GatewayClass 'istio-waypoint' (Istio 1.25 and newer)"
    services = mesh.services_in_scope(policy)
    only = _only_waypoint(policy, services, mesh)
    if not services:
        return f"waypoint {only.name!r}" if only else "the Services of these pods, once they have a waypoint"
    if only is not None and only.namespace == policy.namespace and not policy.selector:
        return f"waypoint {only.name!r}"
    return f"{_listed(services)}{_where(policy, services)}{_without_waypoint(services, mesh)}"


def _only_waypoint(policy: AuthorizationPolicy, services: Sequence[Service], mesh: Mesh) -> Gateway | None:
    """The waypoint that all of some Services have in common; without any, the only one beside the policy."""
    found = {mesh.enforcing_waypoint(service) for service in services}
    if not services:
        found = {gateway for gateway in mesh.waypoints() if gateway.namespace == policy.namespace}
    match list(found):
        case [only]:
            return only
        case _:
            return None


def _listed(services: Sequence[Service]) -> str:
    if len(services) == 1:
        return f"Service {services[0].name!r}"
    names = [repr(service.name) for service in services]
    more = [f"{len(names) - _FEW} more"] if len(names) > _FEW else []
    *first, last = (*names[:_FEW], *more)
    return f"the Services {', '.join(first)} and {last}"


def _where(policy: AuthorizationPolicy, services: Sequence[Service]) -> str:
    """Where the policy has to stand for its targets: beside them."""
    match list(dict.fromkeys(service.namespace for service in services)):
        case [namespace] if namespace == policy.namespace:
            return ""
        case [namespace]:
            return f", by a policy in namespace {namespace!r}"
        case _:
            return ", by a policy in each of their namespaces"


def _without_waypoint(services: Sequence[Service], mesh: Mesh) -> str:
    if all(mesh.enforcing_waypoint(service) for service in services):
        return ""
    return ", once it has a waypoint" if len(services) == 1 else ", once all of them have a waypoint"


def _ports(rules: Iterable[Rule]) -> str:
    return ", with the Service's ports in place of the pods'" if _name_ports(rules) else ""


def _name_ports(rules: Iterable[Rule]) -> bool:
    """Whether rules name ports: at ztunnel they are those of the pods, at a waypoint the Service's."""
    return any(
        any(entry.values.get(name) for entry in rule.operations for name in _PORTS)
        or any(condition.key == _PORT_CONDITION for condition in rule.conditions)
        for rule in rules
    )


def _attach(policy: AuthorizationPolicy, mesh: Mesh) -> tuple[Edit, ...]:
    """Targets in place of the selector, if one Service has the same pods, and a waypoint that enforces."""
    services = mesh.services_in_scope(policy)
    if not policy.selector or len(services) != 1 or _name_ports(policy.rules):
        return ()
    [service] = services
    selected = {edge.target for edge in mesh.selected_workloads(service)}
    if selected != {workload.ref for workload in mesh.ambient_scope(policy).workloads}:
        return ()
    if service.namespace != policy.namespace or mesh.enforcing_waypoint(service) is None:
        return ()
    target = {"group": service.kind.group, "kind": service.kind.name, "name": service.name}
    return replace_entry(policy.at("spec", "selector"), "targetRefs", [target])
