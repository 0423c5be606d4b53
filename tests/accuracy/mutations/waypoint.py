"""Faults of waypoints and of the labels that ask for them."""

from typing import Any

from accuracy.mesh import (
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    WORKLOADS,
    At,
    Carrier,
    HealthyMesh,
    Object,
    labels,
    namespace_of,
    pod_metadata,
    pod_path,
    waypoint_request,
)
from accuracy.mutation import mutation

WAYPOINT_FOR = "istio.io/waypoint-for"
INGRESS = "istio.io/ingress-use-waypoint"
DATAPLANE_MODE = "istio.io/dataplane-mode"
_USERS = ("Namespace", "Service", "ServiceEntry")
_SERVICES = ("Service", "ServiceEntry")


def _label(carrier: Carrier, key: str = USE_WAYPOINT) -> At:
    return At(carrier.object, (*carrier.path, key))


def _gateway(name: str, namespace: str | None, class_name: str = "istio-waypoint") -> Object:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    if class_name == "istio":
        listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayClassName": class_name, "listeners": [listener]},
    }


def _policy(name: str, namespace: str | None, spec: dict[str, Any]) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _listener(gateway: Object) -> dict[str, Any]:
    listener: dict[str, Any] = gateway["spec"]["listeners"][0]
    return listener


def _is_unique(mesh: HealthyMesh, gateway: Object) -> bool:
    """Whether no other Gateway has its name."""
    name = gateway["metadata"]["name"]
    return sum(each["metadata"]["name"] == name for each in mesh.of("Gateway")) == 1


def _is_shared(gateway: Object) -> bool:
    """Whether a waypoint admits more than its own namespace."""
    routes = _listener(gateway).get("allowedRoutes", {})
    return bool(routes.get("namespaces", {}).get("from", "Same") != "Same")


# Labels that name no waypoint


@mutation("dangling-waypoint", "a letter of the waypoint's name is left out")
def slip_in_name(mesh: HealthyMesh) -> At | None:
    for user in mesh.of(*_USERS):
        asked = waypoint_request(user)
        if asked and asked[1] != "none":
            labels(user)[USE_WAYPOINT] = asked[1][:-2] + asked[1][-1]
            return At(user, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("dangling-waypoint", "the waypoint is deleted, the label that asks for it is not")
def deleted_waypoint(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        name = gateway["metadata"]["name"]
        if not _is_unique(mesh, gateway):
            continue
        mesh.remove(gateway)
        for policy in list(mesh.beside(gateway, "AuthorizationPolicy", "RequestAuthentication")):
            if any(ref["name"] == name for ref in policy["spec"].get("targetRefs", ())):
                mesh.remove(policy)
        for other in list(mesh.beside(gateway, "WasmPlugin", "Telemetry", "EnvoyFilter")):
            if any(ref["name"] == name for ref in other["spec"].get("targetRefs", ())):
                mesh.remove(other)
        return _label(user)
    return None


@mutation("dangling-waypoint", "a Service asks for a waypoint of its own, which nobody has made")
def waypoint_not_made(mesh: HealthyMesh) -> At | None:
    for service in mesh.services_without_waypoint():
        if any(mesh.waypoints()):
            labels(service)[USE_WAYPOINT] = f"{service['metadata']['name']}-proxy"
            return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("invalid-use-waypoint", "namespace and name are written into one label")
def namespace_in_label(mesh: HealthyMesh) -> At | None:
    for user in mesh.of(*_USERS):
        asked = waypoint_request(user)
        if asked and asked[1] != "none":
            labels(user)[USE_WAYPOINT] = f"{asked[0] or namespace_of(user)}/{asked[1]}"
            labels(user).pop(USE_WAYPOINT_NAMESPACE, None)
            return At(user, ("metadata", "labels", USE_WAYPOINT))
    return None


# Where a namespace has several waypoints, nobody knows which one is left without its user.
@mutation("invalid-use-waypoint", "the label says `true` instead of a name", also=("unused-waypoint",))
def true_for_name(mesh: HealthyMesh) -> At | None:
    for user in mesh.of(*_USERS):
        asked = waypoint_request(user)
        if asked and asked[0] is None and asked[1] != "none":
            labels(user)[USE_WAYPOINT] = "true"
            return At(user, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("invalid-use-waypoint", "a Service opts out with a capital letter")
def capital_opt_out(mesh: HealthyMesh) -> At | None:
    for service, _ in mesh.services_with_waypoint():
        if not any(mesh.policies_for(service)) and waypoint_request(service) is None:
            labels(service)[USE_WAYPOINT] = "None"
            return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation(
    "orphan-waypoint-namespace", "only the namespace of a waypoint is given, for a Service that had none"
)
def namespace_alone(mesh: HealthyMesh) -> At | None:
    for service in mesh.services_without_waypoint():
        gateway = next(mesh.waypoints(), None)
        if gateway is not None:
            labels(service)[USE_WAYPOINT_NAMESPACE] = gateway["metadata"]["namespace"]
            return At(service, ("metadata", "labels", USE_WAYPOINT_NAMESPACE))
    return None


@mutation("orphan-waypoint-namespace", "a Service means another waypoint, and gives its namespace only")
def half_override(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        if waypoint_request(service) is None:
            labels(service)[USE_WAYPOINT_NAMESPACE] = gateway["metadata"]["namespace"]
            return At(service, ("metadata", "labels", USE_WAYPOINT_NAMESPACE))
    return None


@mutation("orphan-waypoint-namespace", "a Service opts out, and keeps the namespace of the waypoint")
def namespace_beside_none(mesh: HealthyMesh) -> At | None:
    for user in mesh.of("Service", "ServiceEntry"):
        asked = waypoint_request(user)
        if asked and asked[0] is None and asked[1] == "none":
            labels(user)[USE_WAYPOINT_NAMESPACE] = namespace_of(user) or ""
            return At(user, ("metadata", "labels", USE_WAYPOINT_NAMESPACE))
    return None


@mutation("waypoint-in-other-namespace", "the label for the waypoint's namespace is forgotten")
def forgotten_namespace(mesh: HealthyMesh) -> At | None:
    for user in mesh.of(*_USERS):
        gateway = mesh.own_waypoint(user)
        if gateway is not None and namespace_of(gateway) != namespace_of(user) and _is_unique(mesh, gateway):
            del labels(user)[USE_WAYPOINT_NAMESPACE]
            return At(user, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("waypoint-in-other-namespace", "a Service repeats the first label of its namespace, not the second")
def half_repeated(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        if namespace_of(gateway) != namespace_of(service) and waypoint_request(service) is None:
            labels(service)[USE_WAYPOINT] = gateway["metadata"]["name"]
            return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("waypoint-in-other-namespace", "a Service names the waypoint of a neighbour as if it were its own")
def waypoint_next_door(mesh: HealthyMesh) -> At | None:
    for service in mesh.services_without_waypoint():
        for gateway in mesh.waypoints():
            if namespace_of(gateway) != namespace_of(service) and _is_unique(mesh, gateway):
                labels(service)[USE_WAYPOINT] = gateway["metadata"]["name"]
                return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


# Waypoints that do not take what asks for them


@mutation("denied-waypoint-attachment", "a shared waypoint loses its `allowedRoutes`")
def lost_admission(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        if _is_shared(gateway) and namespace_of(user.object) != namespace_of(gateway):
            del _listener(gateway)["allowedRoutes"]
            return _label(user)
    return None


@mutation("denied-waypoint-attachment", "the namespace loses the label that the waypoint selects")
def lost_namespace_label(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        selector = _listener(gateway).get("allowedRoutes", {}).get("namespaces", {}).get("selector", {})
        wanted = [*selector.get("matchLabels", {})]
        wanted += [each["key"] for each in selector.get("matchExpressions", ())]
        namespace = mesh.find("Namespace", None, namespace_of(user.object) or "")
        if namespace is not None and wanted and wanted[0] in labels(namespace):
            del labels(namespace)[wanted[0]]
            return _label(user)
    return None


@mutation(
    "denied-waypoint-attachment", "a Service uses the waypoint of a neighbour that shares it with nobody"
)
def uninvited(mesh: HealthyMesh) -> At | None:
    for service in mesh.services_without_waypoint():
        for gateway in mesh.waypoints():
            if namespace_of(gateway) != namespace_of(service) and not _is_shared(gateway):
                labels(service)[USE_WAYPOINT] = gateway["metadata"]["name"]
                labels(service)[USE_WAYPOINT_NAMESPACE] = namespace_of(gateway) or ""
                return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation(
    "waypoint-traffic-mismatch",
    "a waypoint that a Service or a namespace uses is made one for workloads",
    also=("missing-waypoint-principal",),
)
def for_workloads(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        name = user.object["metadata"]["name"]
        if user.object["kind"] == "Namespace" and not any(
            namespace_of(each) == name for each in mesh.of("Service", "ServiceEntry")
        ):
            continue
        if user.object["kind"] in _USERS and user.object["kind"] != "ServiceEntry":
            labels(gateway)[WAYPOINT_FOR] = "workload"
            return _label(user)
    return None


@mutation("waypoint-traffic-mismatch", "pods are labelled for a waypoint that is for Services")
def pods_of_service_waypoint(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        workload = mesh.workload_of(service)
        if workload is None or gateway["spec"]["gatewayClassName"] != "istio-waypoint":
            continue
        own = pod_metadata(workload).setdefault("labels", {})
        if labels(gateway).get(WAYPOINT_FOR, "service") == "service" and USE_WAYPOINT not in own:
            own[USE_WAYPOINT] = gateway["metadata"]["name"]
            if namespace_of(gateway) != namespace_of(service):
                own[USE_WAYPOINT_NAMESPACE] = namespace_of(gateway)
            return At(workload, (*pod_path(workload), "metadata", "labels", USE_WAYPOINT))
    return None


@mutation("waypoint-traffic-mismatch", "a waypoint for workloads is made one for Services")
def for_services(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        if user.object["kind"] in WORKLOADS and labels(gateway).get(WAYPOINT_FOR) in ("workload", "all"):
            labels(gateway)[WAYPOINT_FOR] = "service"
            return _label(user)
    return None


@mutation("invalid-waypoint-for", "the traffic type is written in the plural")
def plural_traffic_type(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        labels(gateway)[WAYPOINT_FOR] = "services"
        return At(gateway, ("metadata", "labels", WAYPOINT_FOR))
    return None


@mutation("invalid-waypoint-for", "the traffic type is written with a capital")
def capital_traffic_type(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        labels(gateway)[WAYPOINT_FOR] = labels(gateway).get(WAYPOINT_FOR, "service").capitalize()
        return At(gateway, ("metadata", "labels", WAYPOINT_FOR))
    return None


@mutation("invalid-waypoint-for", "the traffic type says what the waypoint stands in")
def namespace_for_traffic_type(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        labels(gateway)[WAYPOINT_FOR] = "namespace"
        return At(gateway, ("metadata", "labels", WAYPOINT_FOR))
    return None


_NO_IP = ("virtual-service-without-waypoint", "destination-rule-without-waypoint")
"""What is said of traffic rules that are for a Service without an IP."""


@mutation("waypoint-on-headless-service", "a headless Service is labelled for a waypoint")
def labelled_headless(mesh: HealthyMesh) -> At | None:
    for service in mesh.of("Service"):
        if service["spec"].get("clusterIP") != "None" or waypoint_request(service):
            continue
        for gateway in mesh.waypoints():
            if namespace_of(gateway) == namespace_of(service):
                labels(service)[USE_WAYPOINT] = gateway["metadata"]["name"]
                return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("waypoint-on-headless-service", "a Service that asks for a waypoint loses its IP", also=_NO_IP)
def label_kept_headless(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        if waypoint_request(service) and gateway["spec"]["gatewayClassName"] == "istio-waypoint":
            service["spec"]["clusterIP"] = "None"
            return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation(
    "waypoint-on-headless-service",
    "a Service with a policy at its namespace's waypoint loses its IP",
    also=_NO_IP,
)
def policy_kept_headless(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        is_meant = waypoint_request(service) is None and any(mesh.policies_for(service))
        if is_meant and gateway["spec"]["gatewayClassName"] == "istio-waypoint":
            service["spec"]["clusterIP"] = "None"
            return At(service, ("spec", "clusterIP"))
    return None


# Gateways that are no waypoints, or not as they are to be

_NOT_ADMITTED = ("denied-waypoint-attachment",)
"""Of a listener that is not HBONE on port 15008 the `allowedRoutes` are not read."""


@mutation("non-waypoint-target", "a Service names an ingress gateway as its waypoint")
def ingress_as_waypoint(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.gateways():
        for service in mesh.beside(gateway, "Service"):
            if service["spec"].get("clusterIP") != "None" and waypoint_request(service) is None:
                labels(service)[USE_WAYPOINT] = gateway["metadata"]["name"]
                return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("non-waypoint-target", "a new Gateway of class `istio` is to be the waypoint of a Service")
def waypoint_of_wrong_class(mesh: HealthyMesh) -> At | None:
    for service in mesh.services_without_waypoint():
        mesh.add(_gateway("internal", namespace_of(service), "istio"))
        labels(service)[USE_WAYPOINT] = "internal"
        return At(service, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("malformed-waypoint-listener", "a waypoint is given the class `istio`")
def class_of_ingress(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["spec"]["gatewayClassName"] = "istio"
        return At(gateway, ("spec", "gatewayClassName"))
    return None


@mutation("malformed-waypoint-listener", "the protocol is written in small letters", also=_NOT_ADMITTED)
def small_letters(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        _listener(gateway)["protocol"] = "hbone"
        return At(gateway, ("spec", "listeners", 0, "protocol"))
    return None


@mutation("malformed-waypoint-listener", "two digits of the port are exchanged", also=_NOT_ADMITTED)
def wrong_port(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        _listener(gateway)["port"] = 15080
        return At(gateway, ("spec", "listeners", 0, "port"))
    return None


@mutation("malformed-waypoint-listener", "the waypoint is given a second listener, for HTTP")
def second_listener(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["spec"]["listeners"].append({"name": "http", "port": 80, "protocol": "HTTP"})
        return At(gateway, ("spec", "listeners", 1))
    return None


@mutation("unknown-waypoint-class", "the class is written in the plural")
def plural_class(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["spec"]["gatewayClassName"] = "istio-waypoints"
        return At(gateway, ("spec", "gatewayClassName"))
    return None


@mutation("unknown-waypoint-class", "two letters of the class are exchanged")
def slip_in_class(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["spec"]["gatewayClassName"] = "istio-waypiont"
        return At(gateway, ("spec", "gatewayClassName"))
    return None


_NAMED_ELSEWHERE = ("dangling-waypoint", "blocked-waypoint-traffic")
"""What is said of Applications and NetworkPolicies that name the waypoint, and do not follow."""


@mutation(
    "unusable-waypoint-name",
    "a waypoint is renamed, with a dot, and those that name it follow",
    also=_NAMED_ELSEWHERE,
)
def dot_in_name(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        _rename(mesh, gateway, f"{gateway['metadata']['name']}.v2")
        return At(gateway, ("metadata", "name"))
    return None


@mutation(
    "unusable-waypoint-name",
    "a waypoint is renamed, with a digit first, and those that name it follow",
    also=_NAMED_ELSEWHERE,
)
def digit_first(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        _rename(mesh, gateway, f"2nd-{gateway['metadata']['name']}")
        return At(gateway, ("metadata", "name"))
    return None


@mutation("unusable-waypoint-name", "the waypoint's Service is given a name that no Service can have")
def unusable_override(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        gateway["metadata"].setdefault("annotations", {})["gateway.istio.io/name-override"] = "Way_Point"
        return At(gateway, ("metadata", "annotations", "gateway.istio.io/name-override"))
    return None


def _rename(mesh: HealthyMesh, gateway: Object, name: str) -> None:
    """Rename a waypoint, in the labels of its users, the targets of policies, and principals."""
    old, users = gateway["metadata"]["name"], mesh.users_of(gateway)
    for user in users:
        user.labels[USE_WAYPOINT] = name
    for item in mesh.beside(gateway, "AuthorizationPolicy", "RequestAuthentication", "WasmPlugin"):
        _retarget(item, old, name)
    for item in mesh.beside(gateway, "Telemetry", "EnvoyFilter"):
        _retarget(item, old, name)
    for item in mesh.of("AuthorizationPolicy"):
        for rule in item["spec"].get("rules", ()):
            for each in rule.get("from", ()):
                _rename_identity(each["source"], f"ns/{namespace_of(gateway)}/sa/", old, name)
                if namespace_of(item) == namespace_of(gateway):
                    _rename_identity(each["source"], "", old, name)
    gateway["metadata"]["name"] = name


def _retarget(item: Object, old: str, name: str) -> None:
    for ref in item["spec"].get("targetRefs", ()):
        if (ref["kind"], ref["name"]) == ("Gateway", old):
            ref["name"] = name


def _rename_identity(source: dict[str, list[str]], before: str, old: str, name: str) -> None:
    for key in ("principals", "notPrincipals", "serviceAccounts") if before else ("serviceAccounts",):
        if key in source:
            source[key] = [
                value.removesuffix(old) + name if value.endswith(before + old) else value
                for value in source[key]
            ]


@mutation("self-captured-waypoint", "a waypoint is labelled for ambient mode")
def ambient_waypoint(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        if "infrastructure" not in gateway["spec"]:
            labels(gateway)[DATAPLANE_MODE] = "ambient"
            return At(gateway, ("metadata", "labels", DATAPLANE_MODE))
    return None


@mutation("self-captured-waypoint", "the pods of a waypoint are labelled for ambient mode")
def ambient_infrastructure(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        made = gateway["spec"].setdefault("infrastructure", {}).setdefault("labels", {})
        made[DATAPLANE_MODE] = "ambient"
        return At(gateway, ("spec", "infrastructure", "labels", DATAPLANE_MODE))
    return None


@mutation("self-captured-waypoint", "a waypoint is labelled for injection")
def injected_waypoint(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        namespace = mesh.find("Namespace", None, namespace_of(gateway) or "")
        is_open = namespace is not None and "istio-injection" not in labels(namespace)
        if is_open and "infrastructure" not in gateway["spec"]:
            labels(gateway)["sidecar.istio.io/inject"] = "true"
            return At(gateway, ("metadata", "labels", "sidecar.istio.io/inject"))
    return None


@mutation("removed-waypoint-api", "a waypoint is tied to a service account by the old annotation")
def for_service_account(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        key = "istio.io/for-service-account"
        gateway["metadata"].setdefault("annotations", {})[key] = "default"
        return At(gateway, ("metadata", "annotations", key))
    return None


@mutation("removed-waypoint-api", "a policy selects the pods of a waypoint by the old label")
def old_gateway_label(mesh: HealthyMesh) -> At | None:
    key = "istio.io/gateway-name"
    for gateway in mesh.waypoints():
        spec = {
            "selector": {"matchLabels": {key: gateway["metadata"]["name"]}},
            "action": "DENY",
            "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}],
        }
        policy = mesh.add(_policy("no-deletes", namespace_of(gateway), spec))
        return At(policy, ("spec", "selector", "matchLabels", key))
    return None


@mutation("removed-waypoint-api", "a policy for an ingress gateway goes back to the old label")
def old_label_of_ingress(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of("AuthorizationPolicy", "RequestAuthentication", "WasmPlugin"):
        selector = policy["spec"].get("selector", {}).get("matchLabels", {})
        if "gateway.networking.k8s.io/gateway-name" in selector:
            name = selector.pop("gateway.networking.k8s.io/gateway-name")
            selector["istio.io/gateway-name"] = name
            return At(policy, ("spec", "selector", "matchLabels", "istio.io/gateway-name"))
    return None


# Who uses a waypoint

_WITHOUT_WAYPOINT = (
    "policy-without-enforcer",
    "route-without-waypoint",
    "virtual-service-without-waypoint",
    "destination-rule-without-waypoint",
)
"""What is said of policies, routes and rules that a waypoint was to act by."""


@mutation("unused-waypoint", "the label that asked for the waypoint is deleted", also=_WITHOUT_WAYPOINT)
def deleted_label(mesh: HealthyMesh) -> At | None:
    for gateway, user in mesh.waypoints_with_one_user():
        del user.labels[USE_WAYPOINT]
        user.labels.pop(USE_WAYPOINT_NAMESPACE, None)
        return At(gateway, ("metadata", "name"))
    return None


@mutation("unused-waypoint", "a waypoint and a policy for it are added, and no label")
def forgotten_label(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        name = namespace_of(namespace)
        gateway = mesh.add(_gateway("guard", name))
        target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "guard"}
        rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
        mesh.add(_policy("guard", name, {"targetRefs": [target], "action": "DENY", "rules": rules}))
        return At(gateway, ("metadata", "name"))
    return None


@mutation("waypoint-without-ambient", "a namespace with a waypoint leaves ambient mode")
def left_ambient(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        if mesh.own_waypoint(namespace) and _has_plain_pods(mesh, namespace):
            del labels(namespace)[DATAPLANE_MODE]
            return At(namespace, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("waypoint-without-ambient", "a namespace whose Services use a waypoint leaves ambient mode")
def services_left_ambient(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        has_users = any(waypoint_request(service) for service in mesh.beside(namespace, "Service"))
        if waypoint_request(namespace) is None and has_users and _has_plain_pods(mesh, namespace):
            labels(namespace)[DATAPLANE_MODE] = "none"
            return At(namespace, ("metadata", "name"))
    return None


def _has_plain_pods(mesh: HealthyMesh, namespace: Object) -> bool:
    return any(namespace_of(workload) == namespace_of(namespace) for workload in mesh.ambient_workloads())


@mutation("ingress-bypasses-waypoint", "a Service loses the label that has ingress use its waypoint")
def lost_ingress_label(mesh: HealthyMesh) -> At | None:
    for service in mesh.of(*_SERVICES):
        routes = mesh.of("HTTPRoute", "GRPCRoute", "TLSRoute", "VirtualService")
        is_exposed = any(repr(service["metadata"]["name"]) in str(route["spec"]) for route in routes)
        if labels(service).get(INGRESS) == "true" and is_exposed and any(mesh.policies_for(service)):
            del labels(service)[INGRESS]
            return At(service, ("metadata", "name"))
    return None


@mutation("ingress-bypasses-waypoint", "a Service with a policy at its waypoint is exposed by a route")
def exposed_service(mesh: HealthyMesh) -> At | None:
    for service, gateway in mesh.services_with_waypoint():
        namespace = mesh.find("Namespace", None, namespace_of(service) or "")
        if namespace is None or INGRESS in labels(namespace) or INGRESS in labels(service):
            continue
        if not any(mesh.policies_for(service)) or gateway["spec"]["gatewayClassName"] != "istio-waypoint":
            continue
        mesh.add(_gateway("front", namespace_of(service), "istio"))
        mesh.add(_route("front", service))
        return At(service, ("metadata", "name"))
    return None


def _route(gateway: str, service: Object) -> Object:
    backend = {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": gateway, "namespace": namespace_of(service)},
        "spec": {"parentRefs": [{"name": gateway}], "rules": [{"backendRefs": [backend]}]},
    }
