"""Faults of NetworkPolicies, which see HBONE and not what it carries."""

from collections.abc import Iterator

from accuracy.mesh import ROOT, At, HealthyMesh, Object, matches, namespace_of, pod_metadata, selector_for
from accuracy.mutation import mutation

_HBONE = 15008
_WAYPOINT = "gateway.networking.k8s.io/gateway-name"


# blocked-hbone-ingress


@mutation("blocked-hbone-ingress", "15008 is taken out of the ports of the rule that admits it")
def without_hbone(mesh: HealthyMesh) -> At | None:
    for policy, index, rule in _rules(mesh, "ingress"):
        ports = rule.get("ports", ())
        if len(ports) > 1 and _admits_hbone(rule) and _is_only_one(mesh, policy, rule):
            rule["ports"] = [entry for entry in ports if entry.get("port") != _HBONE]
            return At(policy, ("spec", "ingress", index, "ports"))
    return None


@mutation("blocked-hbone-ingress", "15008 is admitted by the name of a port that no container has")
def hbone_by_name(mesh: HealthyMesh) -> At | None:
    for policy, index, rule in _rules(mesh, "ingress"):
        for entry in rule.get("ports", ()):
            if entry.get("port") == _HBONE and _is_only_one(mesh, policy, rule):
                entry["port"] = "hbone"
                return At(policy, ("spec", "ingress", index, "ports"))
    return None


@mutation("blocked-hbone-ingress", "a new policy admits the mesh to the port of the application")
def port_of_application(mesh: HealthyMesh) -> At | None:
    for workload, port in mesh.servers():
        if not any(mesh.selecting(workload, "NetworkPolicy")):
            peers = [{"namespaceSelector": {"matchLabels": _name_of_namespace(workload)}}]
            spec = _ingress(workload, {"from": peers, "ports": [{"port": port}]})
            return At(mesh.add(_policy(workload, spec)), ("spec", "ingress", 0, "ports"))
    return None


@mutation("blocked-hbone-ingress", "a new policy for the whole namespace admits everybody to some ports")
def ports_of_namespace(mesh: HealthyMesh) -> At | None:
    for workload, port in mesh.servers():
        if not any(mesh.beside(workload, "NetworkPolicy")):
            ports = [{"port": port, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}]
            spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": ports}]}
            return At(mesh.add(_policy(workload, spec)), ("spec", "ingress", 0, "ports"))
    return None


# blocked-hbone-egress


@mutation("blocked-hbone-egress", "the port of the application stands where 15008 was")
def application_for_hbone(mesh: HealthyMesh) -> At | None:
    for policy, index, rule in _rules(mesh, "egress"):
        for entry in rule.get("ports", ()):
            if entry.get("port") == _HBONE and _is_only_one(mesh, policy, rule, "egress"):
                entry["port"] = 8080
                return At(policy, ("spec", "egress", index, "ports"))
    return None


@mutation("blocked-hbone-egress", "a new policy lets pods out to the port of another application")
def out_to_application(mesh: HealthyMesh) -> At | None:
    for workload, port in mesh.servers():
        if not any(mesh.selecting(workload, "NetworkPolicy")):
            peers = [{"namespaceSelector": {"matchLabels": _name_of_namespace(workload)}}]
            dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
            spec = {
                "podSelector": {"matchLabels": selector_for(workload)},
                "policyTypes": ["Egress"],
                "egress": [dns, {"to": peers, "ports": [{"port": port, "protocol": "TCP"}]}],
            }
            return At(mesh.add(_policy(workload, spec)), ("spec", "egress", 1, "ports"))
    return None


# blocked-waypoint-traffic


@mutation("blocked-waypoint-traffic", "a slip in the name of the waypoint that a rule admits")
def other_waypoint(mesh: HealthyMesh) -> At | None:
    for policy, index, rule in _rules(mesh, "ingress"):
        for peer in rule.get("from", ()) if _is_only_one(mesh, policy, rule) else ():
            own = peer.get("podSelector", {}).get("matchLabels", {})
            if _WAYPOINT in own:
                own[_WAYPOINT] = own[_WAYPOINT][:-2] + own[_WAYPOINT][-1]
                return At(policy, ("spec", "ingress", index, "from"))
    return None


@mutation("blocked-waypoint-traffic", "a new policy admits the client of a Service, and not its waypoint")
def client_and_not_waypoint(mesh: HealthyMesh) -> At | None:
    for workload in _behind_waypoint(mesh):
        peers = [{"podSelector": {"matchLabels": {"app": "client"}}}]
        spec = _ingress(workload, {"from": peers, "ports": [{"port": _HBONE, "protocol": "TCP"}]})
        return At(mesh.add(_policy(workload, spec)), ("spec", "ingress", 0, "from"))
    return None


@mutation(
    "blocked-waypoint-traffic", "a new policy admits only the pods of the workload's own kind, on all ports"
)
def only_peers(mesh: HealthyMesh) -> At | None:
    for workload in _behind_waypoint(mesh):
        spec = _ingress(workload, {"from": [{"podSelector": {"matchLabels": selector_for(workload)}}]})
        return At(mesh.add(_policy(workload, spec)), ("spec", "ingress", 0, "from"))
    return None


# moot-port-restriction


@mutation("moot-port-restriction", "the AuthorizationPolicy that names the ports is deleted")
def unguarded_ports(mesh: HealthyMesh) -> At | None:
    for policy, index, rule in _rules(mesh, "ingress"):
        ports = rule.get("ports", ())
        entry = next((n for n, each in enumerate(ports) if each.get("port") == _HBONE), None)
        if entry is None or len(ports) == 1:
            continue
        for workload in _selected(mesh, policy):
            guards = list(mesh.selecting(workload, "AuthorizationPolicy"))
            if len(guards) == 1 and not mesh.of_namespace(ROOT, "AuthorizationPolicy"):
                mesh.remove(guards[0])
                return At(policy, ("spec", "ingress", index, "ports", entry))
    return None


@mutation("moot-port-restriction", "a new policy admits one port and 15008, where no policy names ports")
def new_moot_ports(mesh: HealthyMesh) -> At | None:
    for workload, port in mesh.servers():
        is_guarded = any(mesh.selecting(workload, "AuthorizationPolicy"))
        is_guarded |= mesh.of_namespace(ROOT, "AuthorizationPolicy") is not None
        if not is_guarded and not any(mesh.selecting(workload, "NetworkPolicy")):
            ports = [{"port": port, "protocol": "TCP"}, {"port": _HBONE, "protocol": "TCP"}]
            spec = _ingress(workload, {"ports": ports})
            return At(mesh.add(_policy(workload, spec)), ("spec", "ingress", 0, "ports", 1))
    return None


# What they share


def _policy(workload: Object, spec: Object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{workload['metadata']['name']}-network",
            "namespace": namespace_of(workload),
        },
        "spec": spec,
    }


def _ingress(workload: Object, rule: Object) -> Object:
    return {"podSelector": {"matchLabels": selector_for(workload)}, "ingress": [rule]}


def _name_of_namespace(workload: Object) -> Object:
    return {"kubernetes.io/metadata.name": namespace_of(workload)}


def _rules(mesh: HealthyMesh, direction: str) -> Iterator[tuple[Object, int, Object]]:
    """The rules of NetworkPolicies that select ambient servers: the policy, the index, the rule."""
    for policy in mesh.of("NetworkPolicy"):
        if any(_selected(mesh, policy)):
            for index, rule in enumerate(policy["spec"].get(direction, ())):
                yield policy, index, rule


def _selected(mesh: HealthyMesh, policy: Object) -> Iterator[Object]:
    """The ambient servers that a NetworkPolicy selects."""
    for workload in mesh.ambient_workloads():
        own = pod_metadata(workload).get("labels", {})
        if namespace_of(workload) == namespace_of(policy) and matches(policy["spec"]["podSelector"], own):
            yield workload


def _is_only_one(mesh: HealthyMesh, policy: Object, rule: Object, direction: str = "ingress") -> bool:
    """Whether no other rule lets HBONE through to, or from, one of the pods that a policy selects."""
    for workload in _selected(mesh, policy):
        others = [
            each
            for beside in mesh.selecting(workload, "NetworkPolicy")
            for each in beside["spec"].get(direction, ())
            if each is not rule
        ]
        if any(map(_admits_hbone, others)):
            return False
    return True


def _admits_hbone(rule: Object) -> bool:
    if not rule.get("ports"):
        return True
    return any(
        entry.get("protocol", "TCP") == "TCP"
        and ("port" not in entry or _covers(entry["port"], entry.get("endPort")))
        for entry in rule["ports"]
    )


def _covers(port: int | str, end: int | None) -> bool:
    return isinstance(port, int) and port <= _HBONE <= (end or port)


def _behind_waypoint(mesh: HealthyMesh) -> Iterator[Object]:
    """The ambient servers behind a waypoint that no NetworkPolicy selects."""
    servers = [workload for workload, _ in mesh.servers()]
    waypoints = list(mesh.waypoints())
    for service, gateway in mesh.services_with_waypoint():
        if not any(each is gateway for each in waypoints):
            continue
        for workload in servers:
            is_behind = any(each is service for each in mesh.services_of(workload))
            if is_behind and not any(mesh.selecting(workload, "NetworkPolicy")):
                yield workload
