"""Faults of what goes out: ServiceEntries and egress gateways."""

from collections.abc import Iterator

from accuracy.mesh import At, HealthyMesh, Object, labels, made, namespace_of, pod_metadata
from accuracy.mutation import mutation

_USE_WAYPOINT = "istio.io/use-waypoint"
_AUTO_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"


def _bound_entries(mesh: HealthyMesh) -> Iterator[Object]:
    """The ServiceEntries with exact hosts that use a waypoint of the mesh."""
    for entry in mesh.of("ServiceEntry"):
        if mesh.waypoint_of(entry) is not None and not any("*" in host for host in entry["spec"]["hosts"]):
            yield entry


@mutation("service-entry-without-vip", "the names are not resolved, and there are no addresses")
def unresolved_names(mesh: HealthyMesh) -> At | None:
    for entry in _bound_entries(mesh):
        entry["spec"].pop("addresses", None)
        entry["spec"]["resolution"] = "NONE"
        return At(entry, ("spec", "resolution"))
    return None


@mutation("service-entry-without-vip", "a label keeps istiod from giving an address")
def no_allocation(mesh: HealthyMesh) -> At | None:
    for entry in _bound_entries(mesh):
        entry["spec"].pop("addresses", None)
        labels(entry)[_AUTO_ALLOCATE] = "false"
        if not mesh.is_before(25):
            return At(entry, ("metadata", "labels", _AUTO_ALLOCATE))
    return None


@mutation("service-entry-without-vip", "a new ServiceEntry for a wildcard has the label of a waypoint")
def wildcard(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        is_for_services = labels(gateway).get("istio.io/waypoint-for", "service") in ("service", "all")
        admitted = gateway["spec"]["listeners"][0].get("allowedRoutes", {}).get("namespaces", {})
        if is_for_services and namespace_of(gateway) and "selector" not in admitted:
            spec = {
                "hosts": ["*.partner.example"],
                "location": "MESH_EXTERNAL",
                "resolution": "NONE",
                "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
            }
            entry = made("networking.istio.io/v1", "ServiceEntry", "added", namespace_of(gateway), spec)
            entry["metadata"]["labels"] = {_USE_WAYPOINT: gateway["metadata"]["name"]}
            return At(mesh.add(entry, gateway), ("spec", "resolution"))
    return None


def _gateway_hosts(mesh: HealthyMesh) -> Iterator[tuple[str, Object]]:
    """The hosts of Services before gateways, each with an object that it stands by."""
    for gateway in mesh.of("Gateway"):
        if gateway["spec"].get("gatewayClassName") == "istio" and namespace_of(gateway):
            yield f"{gateway['metadata']['name']}-istio.{namespace_of(gateway)}.svc.cluster.local", gateway
    for service in mesh.of("Service"):
        workload = mesh.workload_of(service)
        annotations = pod_metadata(workload).get("annotations", {}) if workload else {}
        if annotations.get("inject.istio.io/templates") == "gateway":
            yield f"{service['metadata']['name']}.{namespace_of(service)}.svc.cluster.local", service


@mutation("bypassed-egress-gateway", "a new VirtualService sends what goes to an outside host to a gateway")
def egress_by_rules(mesh: HealthyMesh) -> At | None:
    host, gateway = next(_gateway_hosts(mesh), (None, None))
    if host is None or not any(mesh.ambient_workloads()):
        return None
    entry = made(
        "networking.istio.io/v1",
        "ServiceEntry",
        "outside",
        namespace_of(gateway or {}),
        {
            "hosts": ["api.outside.example"],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        },
    )
    entry["metadata"]["labels"] = {_USE_WAYPOINT: "none"}
    mesh.add(entry, gateway)
    route = {"route": [{"destination": {"host": host, "port": {"number": 80}}}]}
    spec = {"hosts": ["api.outside.example"], "gateways": ["mesh"], "http": [route]}
    rules = made("networking.istio.io/v1", "VirtualService", "outside", namespace_of(gateway or {}), spec)
    return At(mesh.add(rules, gateway), ("spec", "hosts", 0))
