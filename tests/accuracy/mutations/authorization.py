"""Faults of AuthorizationPolicies, and of what policies are attached to."""

import copy
from collections.abc import Callable, Iterator

from accuracy.mesh import (
    At,
    HealthyMesh,
    Object,
    labels,
    made,
    namespace_of,
    pod_metadata,
    reference_to,
    replace_key,
)
from accuracy.mutation import mutation

_SECURITY = "security.istio.io/v1"
_POLICY = "AuthorizationPolicy"
_TARGETED = (_POLICY, "RequestAuthentication", "WasmPlugin", "Telemetry")
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_GATEWAY_CLASS = "gateway.networking.k8s.io/gateway-class-name"
_USE_WAYPOINT = "istio.io/use-waypoint"
_LOST_WITH_WAYPOINT = (
    "route-without-waypoint",
    "virtual-service-without-waypoint",
    "destination-rule-without-waypoint",
    "unused-waypoint",
)
"""What also goes without a waypoint when the Service of a policy does."""

# What ztunnel knows

_HTTP_SOURCE = {"requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks"}
_HTTP_OPERATION = {"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"}
_CONNECTION_KEYS = {
    "source.ip",
    "source.namespace",
    "source.principal",
    "destination.ip",
    "destination.port",
}


def _http_attributes(policy: Object) -> Iterator[tuple[str | int, ...]]:
    """The paths of all that takes HTTP, in the order of the text."""
    for number, rule in enumerate(policy["spec"].get("rules", [])):
        for part, entries in rule.items():
            for index, entry in enumerate(entries):
                way = ("spec", "rules", number, part, index)
                if part == "when" and entry["key"] not in _CONNECTION_KEYS:
                    yield (*way, "key")
                for holder in ("source", "operation"):
                    for name in entry.get(holder, {}) if part != "when" else ():
                        if name in _HTTP_SOURCE | _HTTP_OPERATION:
                            yield (*way, holder, name)


def _is_dead(rule: Object) -> bool:
    """Whether a DENY rule has no effect at ztunnel."""
    sources = [each["source"].keys() for each in rule.get("from", [])]
    operations = [each["operation"].keys() for each in rule.get("to", [])]
    return (
        any(each["key"] not in _CONNECTION_KEYS for each in rule.get("when", []))
        or (bool(sources) and all(each <= _HTTP_SOURCE for each in sources))
        or (bool(operations) and all(each <= _HTTP_OPERATION for each in operations))
    )


def _action(policy: Object) -> str:
    return str(policy["spec"].get("action", "ALLOW"))


def _select_instead(policy: Object, service: Object) -> None:
    selector = {"matchLabels": dict(service["spec"]["selector"])}
    replace_key(policy["spec"], "targetRefs", "selector", selector)


def _at_ztunnel_instead(mesh: HealthyMesh) -> Iterator[Object]:
    """Policies for one Service with ambient pods, with the selector of that Service instead of targets."""
    ambient = [service for service, _ in mesh.ambient_services()]
    for policy, _, service in mesh.targeted(_POLICY):
        is_tried = "istio.io/dry-run" in policy["metadata"].get("annotations", {})
        alone = len(policy["spec"]["targetRefs"]) == 1
        if alone and not is_tried and any(service is each for each in ambient):
            changed = copy.deepcopy(policy)
            _select_instead(changed, service)
            yield changed


def _put(mesh: HealthyMesh, policy: Object) -> None:
    """Have a policy stand where the one of its name does."""
    old = mesh.find(policy["kind"], namespace_of(policy), policy["metadata"]["name"])
    assert old is not None
    old["spec"] = policy["spec"]


def _new(mesh: HealthyMesh, spec: Object, *, selects: bool = True) -> Object | None:
    """A new policy for the pods of an ambient workload, or for the whole namespace of one."""
    for _, workload in mesh.ambient_services():
        scope = {"selector": {"matchLabels": dict(_selector_of(workload))}} if selects else {}
        return mesh.add(made(_SECURITY, _POLICY, "added", namespace_of(workload), scope | spec))
    return None


def _selector_of(workload: Object) -> dict[str, str]:
    if workload["kind"] == "Pod":
        return labels(workload)
    found: dict[str, str] = workload["spec"]["selector"]["matchLabels"]
    return found


# At ztunnel


@mutation(
    "l7-rule-at-ztunnel",
    "an ALLOW policy with HTTP rules selects the pods, instead of having their Service as its target",
    also=("missing-waypoint-principal",),
)
def allow_by_selector(mesh: HealthyMesh) -> At | None:
    for policy in _at_ztunnel_instead(mesh):
        lost = next(_http_attributes(policy), None)
        if _action(policy) == "ALLOW" and lost:
            _put(mesh, policy)
            return At(_same(mesh, policy), lost)
    return None


def _same(mesh: HealthyMesh, policy: Object) -> Object:
    """The object of the mesh that an object is a changed copy of."""
    found = mesh.find(policy["kind"], namespace_of(policy), policy["metadata"]["name"])
    assert found is not None
    return found


@mutation(
    "l7-rule-at-ztunnel",
    "methods are added to an ALLOW rule that selects pods",
    also=("missing-waypoint-principal",),
)
def method_in_connection_rule(mesh: HealthyMesh) -> At | None:
    for policy in mesh.at_ztunnel():
        if _action(policy) == "ALLOW" and policy["spec"].get("rules"):
            rule = policy["spec"]["rules"][0]
            operation = rule.setdefault("to", [{"operation": {}}])[0]["operation"]
            operation["methods"] = ["GET"]
            return At(policy, ("spec", "rules", 0, "to", 0, "operation", "methods"))
    return None


@mutation("l7-rule-at-ztunnel", "a new ALLOW policy for a namespace names paths")
def paths_for_namespace(mesh: HealthyMesh) -> At | None:
    rule = {"to": [{"operation": {"paths": ["/healthz", "/ready"]}}]}
    policy = _new(mesh, {"action": "ALLOW", "rules": [rule]}, selects=False)
    return At(policy, ("spec", "rules", 0, "to", 0, "operation", "paths")) if policy else None


@mutation("l7-rule-at-ztunnel", "a new ALLOW policy for pods has a condition about a header")
def header_for_pods(mesh: HealthyMesh) -> At | None:
    rule = {"when": [{"key": "request.headers[x-tenant]", "values": ["blue"]}]}
    policy = _new(mesh, {"rules": [rule]})
    return At(policy, ("spec", "rules", 0, "when", 0, "key")) if policy else None


@mutation(
    "unenforced-deny",
    "a DENY policy with HTTP rules selects the pods, instead of having their Service as target",
)
def deny_by_selector(mesh: HealthyMesh) -> At | None:
    for policy in _at_ztunnel_instead(mesh):
        lost = next(_http_attributes(policy), None)
        if _action(policy) == "DENY" and lost and all(map(_is_dead, policy["spec"]["rules"])):
            _put(mesh, policy)
            return At(_same(mesh, policy), lost)
    return None


@mutation("unenforced-deny", "a new policy for pods denies requests without a token")
def token_for_pods(mesh: HealthyMesh) -> At | None:
    rule = {"from": [{"source": {"notRequestPrincipals": ["*"]}}]}
    policy = _new(mesh, {"action": "DENY", "rules": [rule]})
    return At(policy, ("spec", "rules", 0, "from", 0, "source", "notRequestPrincipals")) if policy else None


@mutation("unenforced-deny", "a new policy for a namespace denies paths")
def denied_paths_for_namespace(mesh: HealthyMesh) -> At | None:
    rule = {
        "from": [{"source": {"notNamespaces": ["operations"]}}],
        "to": [{"operation": {"paths": ["/admin*"]}}],
    }
    policy = _new(mesh, {"action": "DENY", "rules": [rule]}, selects=False)
    return At(policy, ("spec", "rules", 0, "to", 0, "operation", "paths")) if policy else None


@mutation("weakened-deny", "a rule about paths is added to a DENY policy about connections")
def further_rule_about_paths(mesh: HealthyMesh) -> At | None:
    for policy in mesh.at_ztunnel():
        if _action(policy) == "DENY":
            policy["spec"]["rules"].append({"to": [{"operation": {"paths": ["/internal/*"]}}]})
            number = len(policy["spec"]["rules"]) - 1
            return At(policy, ("spec", "rules", number, "to", 0, "operation", "paths"))
    return None


@mutation("weakened-deny", "a new DENY policy for pods names a port, or else methods")
def port_or_methods(mesh: HealthyMesh) -> At | None:
    operations = [{"operation": {"ports": ["9999"]}}, {"operation": {"methods": ["DELETE", "PATCH"]}}]
    policy = _new(mesh, {"action": "DENY", "rules": [{"to": operations}]})
    return At(policy, ("spec", "rules", 0, "to", 1, "operation", "methods")) if policy else None


@mutation(
    "weakened-deny", "a new DENY policy for a namespace has a rule with a claim beside one with addresses"
)
def claim_beside_addresses(mesh: HealthyMesh) -> At | None:
    rules = [
        {"from": [{"source": {"ipBlocks": ["198.51.100.0/24"]}}]},
        {"when": [{"key": "request.auth.claims[group]", "notValues": ["staff"]}]},
    ]
    policy = _new(mesh, {"action": "DENY", "rules": rules}, selects=False)
    return At(policy, ("spec", "rules", 1, "when", 0, "key")) if policy else None


@mutation("broadened-deny", "a new DENY policy for pods names methods on a port")
def methods_on_port(mesh: HealthyMesh) -> At | None:
    rule = {"to": [{"operation": {"ports": ["8080"], "methods": ["DELETE"]}}]}
    policy = _new(mesh, {"action": "DENY", "rules": [rule]})
    return At(policy, ("spec", "rules", 0, "to", 0, "operation", "methods")) if policy else None


@mutation("broadened-deny", "a new DENY policy for a namespace is for callers without a token")
def callers_without_token(mesh: HealthyMesh) -> At | None:
    rule = {"from": [{"source": {"namespaces": ["partners"], "notRequestPrincipals": ["*"]}}]}
    policy = _new(mesh, {"action": "DENY", "rules": [rule]}, selects=False)
    return At(policy, ("spec", "rules", 0, "from", 0, "source", "notRequestPrincipals")) if policy else None


@mutation("broadened-deny", "a DENY rule about callers of pods also asks for their address behind proxies")
def address_behind_proxies(mesh: HealthyMesh) -> At | None:
    for policy in mesh.at_ztunnel():
        sources = policy["spec"].get("rules", [{}])[0].get("from")
        if _action(policy) == "DENY" and sources:
            sources[0]["source"]["notRemoteIpBlocks"] = ["203.0.113.0/24"]
            return At(policy, ("spec", "rules", 0, "from", 0, "source", "notRemoteIpBlocks"))
    return None


@mutation("unsupported-ztunnel-action", "a new CUSTOM policy for pods asks an authorizer")
def authorizer_for_pods(mesh: HealthyMesh) -> At | None:
    spec = {
        "action": "CUSTOM",
        "provider": {"name": "opa"},
        "rules": [{"to": [{"operation": {"paths": ["/*"]}}]}],
    }
    policy = _new(mesh, spec)
    return At(policy, ("spec", "action")) if policy else None


@mutation("unsupported-ztunnel-action", "a new AUDIT policy is for a whole namespace")
def audit_of_namespace(mesh: HealthyMesh) -> At | None:
    policy = _new(mesh, {"action": "AUDIT", "rules": [{}]}, selects=False)
    return At(policy, ("spec", "action")) if policy else None


@mutation("unsupported-ztunnel-action", "a DENY policy that selects pods becomes an AUDIT policy")
def audit_instead_of_deny(mesh: HealthyMesh) -> At | None:
    for policy in mesh.at_ztunnel():
        if _action(policy) == "DENY":
            policy["spec"]["action"] = "AUDIT"
            return At(policy, ("spec", "action"))
    return None


def _sources(mesh: HealthyMesh, name: str) -> Iterator[tuple[Object, tuple[str | int, ...], list[str]]]:
    """The lists of principals or the like of all policies."""
    for policy in mesh.of(_POLICY):
        for number, rule in enumerate(policy["spec"].get("rules", [])):
            for index, entry in enumerate(rule.get("from", [])):
                if name in entry["source"]:
                    way = ("spec", "rules", number, "from", index, "source", name)
                    yield policy, way, entry["source"][name]


@mutation(
    "spiffe-prefixed-principal",
    "an allowed principal is written as a SPIFFE id",
    also=("missing-waypoint-principal",),
)
def spiffe_id(mesh: HealthyMesh) -> At | None:
    for policy, way, values in _sources(mesh, "principals"):
        values[0] = f"spiffe://{values[0]}"
        return At(policy, (*way, 0))
    return None


@mutation("spiffe-prefixed-principal", "a principal that is excepted is written as a SPIFFE id")
def excepted_spiffe_id(mesh: HealthyMesh) -> At | None:
    for policy, way, values in _sources(mesh, "notPrincipals"):
        values[-1] = f"spiffe://{values[-1]}"
        return At(policy, (*way, len(values) - 1))
    return None


@mutation("spiffe-prefixed-principal", "a new policy has a condition about a SPIFFE id")
def condition_about_spiffe_id(mesh: HealthyMesh) -> At | None:
    condition = {"key": "source.principal", "values": ["spiffe://cluster.local/ns/qa/sa/robot"]}
    policy = _new(mesh, {"action": "DENY", "rules": [{"when": [condition]}]})
    return At(policy, ("spec", "rules", 0, "when", 0, "values", 0)) if policy else None


# What policies are attached to


@mutation("invalid-policy-target", "a target that is a Gateway has no group")
def gateway_without_group(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of(*_TARGETED):
        for index, target in enumerate(policy["spec"].get("targetRefs", [])):
            if target["kind"] == "Gateway":
                target.pop("group", None)
                return At(policy, ("spec", "targetRefs", index, "kind"))
    return None


@mutation("invalid-policy-target", "the Deployment is the target instead of its Service")
def deployment_as_target(mesh: HealthyMesh) -> At | None:
    for policy, index, _ in mesh.targeted(*_TARGETED):
        policy["spec"]["targetRefs"][index] |= {"group": "apps", "kind": "Deployment"}
        return At(policy, ("spec", "targetRefs", index, "kind"))
    return None


@mutation("invalid-policy-target", "a new policy has its Namespace as the target")
def namespace_as_target(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        spec = {
            "targetRefs": [reference_to(namespace)],
            "action": "DENY",
            "rules": [{"to": [{"operation": {"methods": ["TRACE"]}}]}],
        }
        policy = mesh.add(made(_SECURITY, _POLICY, "added", namespace_of(namespace), spec))
        return At(policy, ("spec", "targetRefs", 0, "kind"))
    return None


@mutation("invalid-policy-target", "the kind of the target is in lower case")
def kind_in_lower_case(mesh: HealthyMesh) -> At | None:
    for policy, index, _ in mesh.targeted(*_TARGETED):
        policy["spec"]["targetRefs"][index]["kind"] = "service"
        return At(policy, ("spec", "targetRefs", index, "kind"))
    return None


@mutation("singular-target-ref", "the older field for one target is used")
def one_target(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of(*_TARGETED):
        targets = policy["spec"].get("targetRefs", [])
        if len(targets) == 1:
            replace_key(policy["spec"], "targetRefs", "targetRef", targets[0])
            return At(policy, ("spec", "targetRef"))
    return None


@mutation("dangling-policy-target", "a letter of the Service's name is left out")
def slip_in_target(mesh: HealthyMesh) -> At | None:
    for policy, index, service in mesh.targeted(*_TARGETED):
        name = service["metadata"]["name"]
        shorter = name[:-2] + name[-1]
        if mesh.find("Service", namespace_of(policy), shorter) is None:
            policy["spec"]["targetRefs"][index]["name"] = shorter
            return At(policy, ("spec", "targetRefs", index, "name"))
    return None


@mutation("dangling-policy-target", "two letters of the waypoint's name are swapped")
def slip_in_targeted_waypoint(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of(*_TARGETED):
        for index, target in enumerate(policy["spec"].get("targetRefs", [])):
            if target["kind"] == "Gateway" and target["name"][-1] != target["name"][-2]:
                name = target["name"]
                target["name"] = name[:-2] + name[-1] + name[-2]
                return At(policy, ("spec", "targetRefs", index, "name"))
    return None


@mutation("dangling-policy-target", "the policy is in another namespace than the Service")
def policy_elsewhere(mesh: HealthyMesh) -> At | None:
    for policy, index, service in mesh.targeted(*_TARGETED):
        for namespace in mesh.ambient_namespaces():
            elsewhere = namespace["metadata"]["name"]
            has_own = mesh.find("Service", elsewhere, service["metadata"]["name"])
            if elsewhere != namespace_of(policy) and not has_own and any(mesh.beside(namespace, "Service")):
                policy["metadata"]["namespace"] = elsewhere
                return At(policy, ("spec", "targetRefs", index, "name"))
    return None


def _single_targets(mesh: HealthyMesh) -> Iterator[tuple[Object, int, Object]]:
    """The targeted Services that a waypoint serves and that only one policy is for."""
    bound = [service for service, _ in mesh.services_with_waypoint()]
    found = list(mesh.targeted(*_TARGETED))
    for policy, index, service in found:
        alone = sum(each[2] is service for each in found) == 1
        if alone and policy["kind"] != "Telemetry" and any(service is each for each in bound):
            yield policy, index, service


@mutation(
    "policy-without-enforcer", "the Service of a policy opts out of its waypoint", also=_LOST_WITH_WAYPOINT
)
def opted_out_service(mesh: HealthyMesh) -> At | None:
    for policy, index, service in _single_targets(mesh):
        labels(service)[_USE_WAYPOINT] = "none"
        labels(service).pop(f"{_USE_WAYPOINT}-namespace", None)
        return At(policy, ("spec", "targetRefs", index, "name"))
    return None


@mutation("policy-without-enforcer", "a new policy is for a Service without a waypoint")
def policy_without_waypoint(mesh: HealthyMesh) -> At | None:
    ambient = [service for service, _ in mesh.ambient_services()]
    for service in mesh.services_without_waypoint():
        if any(service is each for each in ambient):
            rule = {"to": [{"operation": {"methods": ["DELETE"]}}]}
            spec = {"targetRefs": [reference_to(service)], "action": "DENY", "rules": [rule]}
            policy = mesh.add(made(_SECURITY, _POLICY, "added", namespace_of(service), spec))
            return At(policy, ("spec", "targetRefs", 0, "name"))
    return None


@mutation(
    "policy-without-enforcer",
    "the label of the only Service with a policy is forgotten",
    also=_LOST_WITH_WAYPOINT,
)
def forgotten_label(mesh: HealthyMesh) -> At | None:
    for policy, index, service in _single_targets(mesh):
        namespace = mesh.find("Namespace", None, namespace_of(service) or "")
        if _USE_WAYPOINT in labels(service) and namespace and _USE_WAYPOINT not in labels(namespace):
            for key in (_USE_WAYPOINT, f"{_USE_WAYPOINT}-namespace"):
                labels(service).pop(key, None)
            return At(policy, ("spec", "targetRefs", index, "name"))
    return None


def _waypoints_before(mesh: HealthyMesh, policy: Object) -> Iterator[Object]:
    """The waypoints of the Services whose pods an AuthorizationPolicy selects."""
    selected = policy["spec"].get("selector", {}).get("matchLabels", {}).items()
    for service, gateway in mesh.services_with_waypoint():
        workload = mesh.workload_of(service)
        own = pod_metadata(workload).get("labels", {}).items() if workload else set()
        if namespace_of(service) == namespace_of(policy) and selected and selected <= own:
            yield gateway


def _principal(gateway: Object) -> str:
    return f"cluster.local/ns/{namespace_of(gateway)}/sa/{gateway['metadata']['name']}"


@mutation(
    "missing-waypoint-principal", "the waypoint is replaced by the client among those that may call the pods"
)
def client_instead_of_waypoint(mesh: HealthyMesh) -> At | None:
    for policy, way, values in _sources(mesh, "principals"):
        own = {_principal(gateway) for gateway in _waypoints_before(mesh, policy)}
        if _action(policy) == "ALLOW" and own & set(values):
            values[:] = ["cluster.local/ns/clients/sa/client" if value in own else value for value in values]
            return At(policy, way)
    return None


@mutation("missing-waypoint-principal", "a new policy at pods behind a waypoint names their clients")
def clients_behind_waypoint(mesh: HealthyMesh) -> At | None:
    ambient = {id(service): workload for service, workload in mesh.ambient_services()}
    for service, gateway in mesh.services_with_waypoint():
        if gateway["spec"]["gatewayClassName"] != "istio-waypoint":
            continue
        if id(service) in ambient and not _allowing(mesh, ambient[id(service)]):
            source = {"principals": ["cluster.local/ns/clients/sa/client"]}
            spec = {
                "selector": {"matchLabels": dict(service["spec"]["selector"])},
                "action": "ALLOW",
                "rules": [{"from": [{"source": source}]}],
            }
            policy = mesh.add(made(_SECURITY, _POLICY, "added", namespace_of(service), spec))
            return At(policy, ("spec", "rules", 0, "from", 0, "source", "principals"))
    return None


def _allowing(mesh: HealthyMesh, workload: Object) -> bool:
    """Whether an ALLOW policy at ztunnel covers a workload."""
    own = pod_metadata(workload).get("labels", {}).items()
    return any(
        _action(policy) == "ALLOW"
        and policy["spec"].get("selector", {}).get("matchLabels", {}).items() <= own
        and "targetRefs" not in policy["spec"]
        for policy in mesh.beside(workload, _POLICY)
    )


@mutation("selector-on-waypoint", "a policy for a waypoint selects its pods")
def select_waypoint(mesh: HealthyMesh) -> At | None:
    names = {(namespace_of(gateway), gateway["metadata"]["name"]) for gateway in mesh.waypoints()}
    for policy in mesh.of(_POLICY, "RequestAuthentication"):
        for target in policy["spec"].get("targetRefs", []):
            if target["kind"] == "Gateway" and (namespace_of(policy), target["name"]) in names:
                selector = {"matchLabels": {_GATEWAY_NAME: target["name"]}}
                replace_key(policy["spec"], "targetRefs", "selector", selector)
                return At(policy, ("spec", "selector", "matchLabels", _GATEWAY_NAME))
    return None


@mutation("selector-on-waypoint", "a new policy selects the pods of a waypoint by its name")
def new_selector_on_waypoint(mesh: HealthyMesh) -> At | None:
    return _for_waypoint_pods(mesh, _GATEWAY_NAME, lambda gateway: str(gateway["metadata"]["name"]))


@mutation("selector-on-waypoint", "a new policy selects the pods of waypoints by their class")
def new_selector_on_class(mesh: HealthyMesh) -> At | None:
    return _for_waypoint_pods(mesh, _GATEWAY_CLASS, lambda _: "istio-waypoint")


def _for_waypoint_pods(mesh: HealthyMesh, key: str, value: Callable[[Object], str]) -> At | None:
    for gateway in mesh.waypoints():
        spec = {
            "selector": {"matchLabels": {key: value(gateway)}},
            "action": "DENY",
            "rules": [{"to": [{"operation": {"methods": ["TRACE"]}}]}],
        }
        policy = mesh.add(made(_SECURITY, _POLICY, "added", namespace_of(gateway), spec), gateway)
        return At(policy, ("spec", "selector", "matchLabels", key))
    return None
