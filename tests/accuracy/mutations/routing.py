"""Faults of mesh routes, VirtualServices and DestinationRules."""

from collections.abc import Iterator

from accuracy.mesh import At, HealthyMesh, Object, host_of, labels, made, namespace_of, reference_to
from accuracy.mutation import mutation

_GATEWAY_API = "gateway.networking.k8s.io/v1"
_NETWORKING = "networking.istio.io/v1"
_USE_WAYPOINT = "istio.io/use-waypoint"
_LOST_WITH_WAYPOINT = (
    "policy-without-enforcer",
    "route-without-waypoint",
    "virtual-service-without-waypoint",
    "destination-rule-without-waypoint",
    "unused-waypoint",
)
"""What also goes without a waypoint when a Service opts out."""


def _opt_out(service: Object) -> None:
    labels(service)[_USE_WAYPOINT] = "none"
    labels(service).pop(f"{_USE_WAYPOINT}-namespace", None)


def _is_bound(mesh: HealthyMesh, service: Object) -> bool:
    ambient = any(service is each for each, _ in mesh.ambient_services())
    return ambient and any(service is each for each, _ in mesh.services_with_waypoint())


def _without_waypoint(mesh: HealthyMesh) -> Iterator[Object]:
    """The Services with ambient pods that ask for no waypoint."""
    ambient = [service for service, _ in mesh.ambient_services()]
    for service in mesh.services_without_waypoint():
        if any(service is each for each in ambient):
            yield service


def _port(service: Object) -> int:
    number: int = service["spec"]["ports"][0]["port"]
    return number


def _short_hosts(mesh: HealthyMesh, host: str, rule: Object) -> Iterator[Object]:
    """The Services that a host of a VirtualService or DestinationRule is for."""
    for service in mesh.of("Service"):
        is_short = host == service["metadata"]["name"] and namespace_of(service) == namespace_of(rule)
        if is_short or (namespace_of(service) and host == host_of(service)):
            yield service


# Gateway API


@mutation("route-without-waypoint", "a new HTTPRoute is for a Service without a waypoint")
def route_of_plain_service(mesh: HealthyMesh) -> At | None:
    for service in _without_waypoint(mesh):
        rule = {
            "timeouts": {"request": "2s"},
            "backendRefs": [{"name": service["metadata"]["name"], "port": _port(service)}],
        }
        spec = {"parentRefs": [reference_to(service)], "rules": [rule]}
        route = mesh.add(made(_GATEWAY_API, "HTTPRoute", "added", namespace_of(service), spec), service)
        return At(route, ("spec", "parentRefs", 0, "name"))
    return None


@mutation(
    "route-without-waypoint", "the Service of a route opts out of its waypoint", also=_LOST_WITH_WAYPOINT
)
def route_of_opted_out_service(mesh: HealthyMesh) -> At | None:
    found = list(mesh.mesh_routes())
    for route, index, service in found:
        if _is_bound(mesh, service) and sum(each[2] is service for each in found) == 1:
            _opt_out(service)
            return At(route, ("spec", "parentRefs", index, "name"))
    return None


@mutation("dangling-route-parent", "a letter of the parent's name is left out")
def slip_in_parent(mesh: HealthyMesh) -> At | None:
    for route, index, service in mesh.mesh_routes():
        name = service["metadata"]["name"]
        shorter = name[:-2] + name[-1]
        if mesh.find("Service", namespace_of(service), shorter) is None:
            route["spec"]["parentRefs"][index]["name"] = shorter
            return At(route, ("spec", "parentRefs", index, "name"))
    return None


@mutation("dangling-route-parent", "the parent is said to be in the route's own namespace, which it is not")
def parent_elsewhere(mesh: HealthyMesh) -> At | None:
    for route, index, service in mesh.mesh_routes():
        parent = route["spec"]["parentRefs"][index]
        if namespace_of(service) != namespace_of(route):
            parent.pop("namespace")
            return At(route, ("spec", "parentRefs", index, "name"))
    return None


@mutation("unmatched-parent-port", "the parent's port is that of the pods")
def port_of_pods(mesh: HealthyMesh) -> At | None:
    for route, index, service in mesh.mesh_routes():
        known = {port["port"] for port in service["spec"]["ports"]}
        for port in service["spec"]["ports"]:
            target = port.get("targetPort")
            if isinstance(target, int) and target not in known:
                route["spec"]["parentRefs"][index]["port"] = target
                return At(route, ("spec", "parentRefs", index, "port"))
    return None


@mutation("unmatched-parent-port", "the parent's port is a slip")
def slip_in_port(mesh: HealthyMesh) -> At | None:
    for route, index, service in mesh.mesh_routes():
        if all(port["port"] != 81 for port in service["spec"]["ports"]):
            route["spec"]["parentRefs"][index]["port"] = 81
            return At(route, ("spec", "parentRefs", index, "port"))
    return None


# Istio's own kinds


@mutation("virtual-service-without-waypoint", "a new VirtualService is for a Service without a waypoint")
def rules_of_plain_service(mesh: HealthyMesh) -> At | None:
    for service in _without_waypoint(mesh):
        route = {"retries": {"attempts": 3}, "route": [{"destination": {"host": host_of(service)}}]}
        spec = {"hosts": [service["metadata"]["name"]], "http": [route]}
        rules = mesh.add(made(_NETWORKING, "VirtualService", "added", namespace_of(service), spec), service)
        return At(rules, ("spec", "hosts", 0))
    return None


@mutation(
    "virtual-service-without-waypoint",
    "the Service of a VirtualService opts out of its waypoint",
    also=_LOST_WITH_WAYPOINT,
)
def rules_of_opted_out_service(mesh: HealthyMesh) -> At | None:
    for rules in mesh.of("VirtualService"):
        for index, host in enumerate(rules["spec"].get("hosts", [])):
            for service in _short_hosts(mesh, host, rules):
                if _is_bound(mesh, service) and "mesh" in rules["spec"].get("gateways", ["mesh"]):
                    _opt_out(service)
                    return At(rules, ("spec", "hosts", index))
    return None


@mutation(
    "destination-rule-without-waypoint", "a new DestinationRule ejects pods of a Service without a waypoint"
)
def ejection_for_plain_service(mesh: HealthyMesh) -> At | None:
    for service in _without_waypoint(mesh):
        spec = {
            "host": host_of(service),
            "trafficPolicy": {"outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s"}},
        }
        rule = mesh.add(made(_NETWORKING, "DestinationRule", "added", namespace_of(service), spec), service)
        return At(rule, ("spec", "trafficPolicy", "outlierDetection"))
    return None


@mutation(
    "destination-rule-without-waypoint",
    "a new DestinationRule balances one port of a Service without a waypoint",
)
def balancing_for_plain_service(mesh: HealthyMesh) -> At | None:
    for service in _without_waypoint(mesh):
        setting = {"port": {"number": _port(service)}, "loadBalancer": {"simple": "LEAST_REQUEST"}}
        spec = {"host": service["metadata"]["name"], "trafficPolicy": {"portLevelSettings": [setting]}}
        rule = mesh.add(made(_NETWORKING, "DestinationRule", "added", namespace_of(service), spec), service)
        return At(rule, ("spec", "trafficPolicy", "portLevelSettings", 0, "loadBalancer"))
    return None


@mutation(
    "destination-rule-without-waypoint",
    "the Service of a DestinationRule opts out of its waypoint",
    also=_LOST_WITH_WAYPOINT,
)
def rule_of_opted_out_service(mesh: HealthyMesh) -> At | None:
    for rule in mesh.of("DestinationRule"):
        policy = {key: value for key, value in rule["spec"].get("trafficPolicy", {}).items() if key != "tls"}
        for service in _short_hosts(mesh, rule["spec"]["host"], rule):
            if policy and _is_bound(mesh, service):
                _opt_out(service)
                return At(rule, ("spec", "trafficPolicy", next(iter(policy))))
    return None


@mutation("orphan-subsets", "an HTTPRoute to the same Service replaces the VirtualService that names subsets")
def route_instead_of_rules(mesh: HealthyMesh) -> At | None:
    for rule in mesh.of("DestinationRule"):
        for service in _short_hosts(mesh, rule["spec"]["host"], rule):
            senders = [each for each in mesh.of("VirtualService") if _names_subset(each, rule)]
            if "subsets" in rule["spec"] and len(senders) == 1 and _is_bound(mesh, service):
                backend = {"name": service["metadata"]["name"], "port": _port(service)}
                spec = {"parentRefs": [reference_to(service)], "rules": [{"backendRefs": [backend]}]}
                route = made(
                    _GATEWAY_API, "HTTPRoute", senders[0]["metadata"]["name"], namespace_of(rule), spec
                )
                mesh.add(route, senders[0])
                mesh.remove(senders[0])
                return At(rule, ("spec", "subsets"))
    return None


def _names_subset(rules: Object, rule: Object) -> bool:
    host = rule["spec"]["host"]
    hosts = {host, host.partition(".")[0]}
    destinations = [
        each["destination"] for route in rules["spec"].get("http", []) for each in route.get("route", [])
    ]
    return any("subset" in each and each["host"] in hosts for each in destinations)


@mutation("orphan-subsets", "a new DestinationRule splits a Service whose route sends to the whole of it")
def subsets_beside_route(mesh: HealthyMesh) -> At | None:
    for route, _, service in mesh.mesh_routes():
        backends = [each for rule in route["spec"]["rules"] for each in rule.get("backendRefs", [])]
        to_itself = all(each["name"] == service["metadata"]["name"] for each in backends)
        if backends and to_itself and _is_bound(mesh, service) and not mesh.has_sidecars():
            subsets = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
            spec = {"host": host_of(service), "subsets": subsets}
            rule = made(_NETWORKING, "DestinationRule", "added", namespace_of(service), spec)
            return At(mesh.add(rule, service), ("spec", "subsets"))
    return None
