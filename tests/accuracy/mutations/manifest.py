"""Faults of the manifests themselves, before any meaning that Istio gives them."""

import copy

from accuracy.mesh import (
    At,
    HealthyMesh,
    Object,
    labels,
    pod_labels,
    pod_metadata,
    pod_path,
    pod_template,
    replace_key,
    waypoint_request,
)
from accuracy.mutation import mutation

_USE_WAYPOINT = "istio.io/use-waypoint"
_MODE = "istio.io/dataplane-mode"
_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet")
_WITHOUT_WAYPOINT = (
    "policy-without-enforcer",
    "route-without-waypoint",
    "virtual-service-without-waypoint",
    "destination-rule-without-waypoint",
    "unused-waypoint",
    "orphan-waypoint-namespace",
    "service-entry-without-vip",
)
"""What also goes without a waypoint when the label for it is not read."""


def _first(mesh: HealthyMesh, *kinds: str) -> Object | None:
    """An object that nothing else has made."""
    return next((each for each in mesh.of(*kinds) if "ownerReferences" not in each["metadata"]), None)


# Labels


@mutation("invalid-label", "a sentence is the value of a label")
def sentence_as_label(mesh: HealthyMesh) -> At | None:
    item = _first(mesh, "Namespace", "Service")
    if item is None:
        return None
    labels(item)["description"] = "the team of the shop"
    return At(item, ("metadata", "labels", "description"))


@mutation("invalid-label", "a path is the value of a label of pods")
def path_as_label(mesh: HealthyMesh) -> At | None:
    workload = _first(mesh, *_CONTROLLERS)
    if workload is None:
        return None
    pod_metadata(workload).setdefault("labels", {})["source"] = "git/main/shop"
    return At(workload, (*pod_path(workload), "metadata", "labels", "source"))


@mutation("invalid-label", "a checksum that is too long is the value of a label")
def checksum_as_label(mesh: HealthyMesh) -> At | None:
    workload = _first(mesh, *_CONTROLLERS)
    if workload is None:
        return None
    labels(workload)["checksum"] = "0123456789abcdef" * 4
    return At(workload, ("metadata", "labels", "checksum"))


@mutation("invalid-label", "the prefix of an annotation is no DNS name")
def prefix_with_spaces(mesh: HealthyMesh) -> At | None:
    item = _first(mesh, "Service", "Gateway")
    if item is None:
        return None
    item["metadata"].setdefault("annotations", {})["my team/owner"] = "shop"
    return At(item, ("metadata", "annotations", "my team/owner"))


@mutation("unquoted-label-value", "a label that says true is not quoted")
def bare_boolean(mesh: HealthyMesh) -> At | None:
    service = _first(mesh, "Service")
    if service is None:
        return None
    labels(service)["istio.io/ingress-use-waypoint"] = True  # type: ignore[assignment]
    return At(service, ("metadata", "labels", "istio.io/ingress-use-waypoint"))


@mutation("unquoted-label-value", "a version as a label of pods is not quoted")
def bare_version(mesh: HealthyMesh) -> At | None:
    workload = _first(mesh, *_CONTROLLERS)
    if workload is None:
        return None
    pod_metadata(workload).setdefault("labels", {})["release"] = 1.2
    return At(workload, (*pod_path(workload), "metadata", "labels", "release"))


@mutation("unquoted-label-value", "a number in the environment of a container is not quoted")
def bare_variable(mesh: HealthyMesh) -> At | None:
    workload = _first(mesh, *_CONTROLLERS)
    if workload is None:
        return None
    variables = pod_template(workload)["spec"]["containers"][0].setdefault("env", [])
    variables.append({"name": "WORKERS", "value": 4})
    way = (*pod_path(workload), "spec", "containers", 0, "env", len(variables) - 1, "value")
    return At(workload, way)


@mutation("misspelt-istio-key", "the label for a waypoint has an underscore", also=_WITHOUT_WAYPOINT)
def underscore(mesh: HealthyMesh) -> At | None:
    for user in mesh.of("Namespace", "Service", "ServiceEntry"):
        asked = waypoint_request(user)
        if asked and asked[1] != "none":
            replace_key(labels(user), _USE_WAYPOINT, "istio.io/use_waypoint", asked[1])
            return At(user, ("metadata", "labels", "istio.io/use_waypoint"))
    return None


@mutation(
    "misspelt-istio-key",
    "a letter of the label for ambient mode is left out",
    also=("waypoint-without-ambient",),
)
def letter_left_out(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        replace_key(labels(namespace), _MODE, "istio.io/dataplan-mode", "ambient")
        return At(namespace, ("metadata", "labels", "istio.io/dataplan-mode"))
    return None


@mutation("misspelt-istio-key", "pods opt out under another prefix")
def other_prefix(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_labels(workload)["ambient.istio.io/dataplane-mode"] = "none"
        return At(workload, (*pod_path(workload), "metadata", "labels", "ambient.istio.io/dataplane-mode"))
    return None


@mutation("misspelt-istio-key", "an annotation of ambient pods has a letter too many")
def letter_too_many(mesh: HealthyMesh) -> At | None:
    key = "ambient.istio.io/bypass-inbound-captures"
    for workload in mesh.ambient_workloads():
        pod_metadata(workload).setdefault("annotations", {})[key] = "true"
        return At(workload, (*pod_path(workload), "metadata", "annotations", key))
    return None


# Fields and objects


@mutation("malformed-field", "the port of a Service is quoted")
def quoted_port(mesh: HealthyMesh) -> At | None:
    for service in mesh.of("Service"):
        if service["spec"].get("ports"):
            service["spec"]["ports"][0]["port"] = str(service["spec"]["ports"][0]["port"])
            return At(service, ("spec", "ports", 0, "port"))
    return None


@mutation("malformed-field", "a list of one in a policy is written as a text")
def text_instead_of_list(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of("AuthorizationPolicy"):
        for number, rule in enumerate(policy["spec"].get("rules", [])):
            for index, entry in enumerate(rule.get("from", [])):
                for name, values in entry["source"].items():
                    if len(values) == 1:
                        entry["source"][name] = values[0]
                        return At(policy, ("spec", "rules", number, "from", index, "source", name))
    return None


@mutation("malformed-field", "the ports of a container are a mapping")
def mapping_instead_of_list(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of(*_CONTROLLERS):
        for index, container in enumerate(pod_template(workload)["spec"]["containers"]):
            if container.get("ports"):
                container["ports"] = container["ports"][0]
                return At(workload, (*pod_path(workload), "spec", "containers", index, "ports"))
    return None


@mutation("malformed-field", "the port of a waypoint's listener is quoted")
def quoted_listener_port(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["spec"]["listeners"][0]["port"] = "15008"
        return At(gateway, ("spec", "listeners", 0, "port"))
    return None


@mutation("duplicate-resource", "a Deployment stands in a file twice, with another number of replicas")
def deployment_twice(mesh: HealthyMesh) -> At | None:
    deployment = _first(mesh, "Deployment")
    if deployment is None:
        return None
    again = copy.deepcopy(deployment)
    again["spec"]["replicas"] = deployment["spec"].get("replicas", 1) + 1
    return At(mesh.add(again, deployment), ("metadata", "name"))


@mutation("duplicate-resource", "a Service stands in a file twice, in the same words")
def service_twice(mesh: HealthyMesh) -> At | None:
    service = _first(mesh, "Service")
    return At(mesh.add(copy.deepcopy(service), service), ("metadata", "name")) if service else None


@mutation("unknown-kind", "the kind of a policy is in British English")
def british_policy(mesh: HealthyMesh) -> At | None:
    policy = _first(mesh, "AuthorizationPolicy")
    if policy is None:
        return None
    policy["kind"] = "AuthorisationPolicy"
    return At(policy, ("kind",))


@mutation("unknown-kind", "a new waypoint is a Waypoint, as some guides have it")
def waypoint_kind(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        waypoint = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Waypoint",
            "metadata": {"name": "guide", "namespace": namespace["metadata"]["name"]},
            "spec": {"service": "shop"},
        }
        return At(mesh.add(waypoint), ("kind",))
    return None


@mutation("unknown-kind", "a policy is of the group of VirtualServices", also=("strict-exposed-service",))
def group_of_networking(mesh: HealthyMesh) -> At | None:
    policy = _first(mesh, "PeerAuthentication", "AuthorizationPolicy")
    if policy is None:
        return None
    policy["apiVersion"] = "networking.istio.io/v1"
    return At(policy, ("apiVersion",))
