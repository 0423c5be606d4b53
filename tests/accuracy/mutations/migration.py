"""What a migration from sidecars leaves behind."""

import copy

from accuracy.mesh import (
    At,
    HealthyMesh,
    host_of,
    made,
    namespace_of,
    pod_labels,
    pod_metadata,
    pod_path,
    replace_key,
)
from accuracy.mutation import mutation


@mutation("leftover-selector-policy", "the DENY policy of the sidecars stays beside the one for the waypoint")
def policy_of_sidecars(mesh: HealthyMesh) -> At | None:
    ambient = {id(service): workload for service, workload in mesh.ambient_services()}
    bound = [
        service
        for service, gateway in mesh.services_with_waypoint()
        if gateway["spec"]["gatewayClassName"] == "istio-waypoint"
    ]
    for policy, _, service in mesh.targeted("AuthorizationPolicy"):
        workload = ambient.get(id(service))
        one = (
            workload
            and len(list(mesh.services_selecting(workload))) == 1
            and len(policy["spec"]["targetRefs"]) == 1
        )
        tried = "istio.io/dry-run" in policy["metadata"].get("annotations", {})
        if (
            one
            and not tried
            and any(service is each for each in bound)
            and _is_about_requests(policy["spec"])
        ):
            older = copy.deepcopy(policy)
            older["metadata"]["name"] += "-old"
            selector = {"matchLabels": dict(service["spec"]["selector"])}
            replace_key(older["spec"], "targetRefs", "selector", selector)
            mesh.add(older, policy)
            return At(older, ("metadata", "name"))
    return None


def _is_about_requests(spec: dict) -> bool:
    """Whether a DENY policy has operations by nothing but requests, so that ztunnel has no part in it."""
    return spec.get("action") == "DENY" and all(
        "to" in rule and all(not each["operation"].keys() & {"ports", "notPorts"} for each in rule["to"])
        for rule in spec["rules"]
    )


def _annotated(mesh: HealthyMesh, key: str, value: str) -> At | None:
    """An annotation on the pods of an ambient workload."""
    for workload in mesh.ambient_workloads():
        pod_metadata(workload).setdefault("annotations", {})[key] = value
        return At(workload, (*pod_path(workload), "metadata", "annotations", key))
    return None


@mutation("sidecar-only-annotation", "pods keep the resources of their sidecar")
def resources_of_sidecar(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "sidecar.istio.io/proxyCPU", "100m")


@mutation("sidecar-only-annotation", "pods keep the configuration of their sidecar")
def configuration_of_sidecar(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "proxy.istio.io/config", "holdApplicationUntilProxyStarts: true\n")


@mutation("ignored-capture-annotation", "pods keep a port out of the sidecar")
def excluded_port(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "traffic.sidecar.istio.io/excludeInboundPorts", "9090")


@mutation("ignored-capture-annotation", "pods keep a database out of the sidecar")
def excluded_outbound_port(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "traffic.sidecar.istio.io/excludeOutboundPorts", "5432")


@mutation("ignored-capture-annotation", "virtual machines in pods name their interfaces")
def interfaces(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "traffic.sidecar.istio.io/kubevirtInterfaces", "k6t-net1")


@mutation("sidecar-opt-out-only", "pods refuse a sidecar by label")
def refused_by_label(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_labels(workload)["sidecar.istio.io/inject"] = "false"
        return At(workload, (*pod_path(workload), "metadata", "labels", "sidecar.istio.io/inject"))
    return None


@mutation("sidecar-opt-out-only", "pods refuse a sidecar by annotation")
def refused_by_annotation(mesh: HealthyMesh) -> At | None:
    return _annotated(mesh, "sidecar.istio.io/inject", "false")


@mutation("redundant-mtls-destination-rule", "the rule by which sidecars spoke mTLS stays")
def rule_of_sidecars(mesh: HealthyMesh) -> At | None:
    for service, _ in mesh.ambient_services():
        if not mesh.has_sidecars():
            spec = {"host": host_of(service), "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}
            rule = made("networking.istio.io/v1", "DestinationRule", "added", namespace_of(service), spec)
            return At(mesh.add(rule, service), ("spec", "trafficPolicy", "tls", "mode"))
    return None


@mutation("redundant-mtls-destination-rule", "the rule by which sidecars spoke mTLS stays, with its subsets")
def subset_of_sidecars(mesh: HealthyMesh) -> At | None:
    routed = [service for _, _, service in mesh.mesh_routes()]
    for service, workload in mesh.ambient_services():
        own = dict(pod_metadata(workload).get("labels", {}))
        if not mesh.has_sidecars() and not any(service is each for each in routed):
            subset = {"name": "all", "labels": own, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}
            spec = {"host": host_of(service), "subsets": [subset]}
            rule = made("networking.istio.io/v1", "DestinationRule", "added", namespace_of(service), spec)
            return At(mesh.add(rule, service), ("spec", "subsets", 0, "trafficPolicy", "tls", "mode"))
    return None
