"""Faults of PeerAuthentications: mTLS that is not what is written, and clients that it shuts out."""

from collections.abc import Iterator

from accuracy.mesh import (
    ROOT,
    WORKLOADS,
    At,
    HealthyMesh,
    Object,
    labels,
    mtls_mode,
    namespace_of,
    pod_metadata,
    ports_of,
    selector_for,
    value_at,
)
from accuracy.mutation import mutation

_MODE = ("spec", "mtls", "mode")
_SWITCH = "ISTIO_META_ENABLE_HBONE"


# targeted-peer-authentication


@mutation(
    "targeted-peer-authentication",
    "the pods are chosen by targetRefs instead of a selector",
    also=("strict-webhook-backend", "strict-exposed-service"),
)
def targets_for_selector(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of("PeerAuthentication"):
        if policy["spec"].get("selector"):
            name = next(iter(policy["spec"].pop("selector")["matchLabels"].values()))
            policy["spec"]["targetRefs"] = [{"group": "", "kind": "Service", "name": name}]
            return At(policy, ("spec", "targetRefs"))
    return None


@mutation("targeted-peer-authentication", "STRICT is asked for a Service by targetRefs")
def strict_for_service(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        for service in mesh.services_of(workload):
            target = {"group": "", "kind": "Service", "name": service["metadata"]["name"]}
            spec = {"targetRefs": [target], "mtls": {"mode": "STRICT"}}
            return At(mesh.add(_policy(workload, spec)), ("spec", "targetRefs"))
    return None


# mtls-disabled-in-ambient


@mutation("mtls-disabled-in-ambient", "STRICT of the namespace or the mesh becomes DISABLE")
def disabled_for_all(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        policy = mesh.strict_parent(workload)
        if policy is not None and not _own_policies(mesh, workload):
            policy["spec"]["mtls"]["mode"] = "DISABLE"
            return At(policy, _MODE)
    return None


@mutation("mtls-disabled-in-ambient", "a policy of its own disables mTLS for a workload")
def disabled_for_workload(mesh: HealthyMesh) -> At | None:
    for workload, _ in _ungoverned(mesh):
        spec = {"selector": {"matchLabels": selector_for(workload)}, "mtls": {"mode": "DISABLE"}}
        return At(mesh.add(_policy(workload, spec)), _MODE)
    return None


@mutation("mtls-disabled-in-ambient", "the port that is opened beside STRICT is set to DISABLE")
def disabled_port(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        for policy in _own_policies(mesh, workload):
            for port, line in policy["spec"].get("portLevelMtls", {}).items():
                if mtls_mode(policy) == "STRICT" and line["mode"] == "PERMISSIVE":
                    line["mode"] = "DISABLE"
                    return At(policy, ("spec", "portLevelMtls", _key(port), "mode"))
    return None


# ignored-port-disable


@mutation("ignored-port-disable", "the port that is opened below an inherited STRICT is set to DISABLE")
def ignored_port(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        own = _own_policies(mesh, workload)
        modes = own[0]["spec"].get("portLevelMtls", {}) if len(own) == 1 else {}
        if mesh.strict_parent(workload) and mtls_mode(own[0] if own else {}) is None and len(modes) == 1:
            ((port, line),) = modes.items()
            line["mode"] = "DISABLE"
            return At(own[0], ("spec", "portLevelMtls", _key(port), "mode"))
    return None


@mutation("ignored-port-disable", "a new policy opens a port by DISABLE, and sets no mode")
def new_ignored_port(mesh: HealthyMesh) -> At | None:
    for workload, port in _ungoverned(mesh):
        if mesh.strict_parent(workload):
            spec = {
                "selector": {"matchLabels": selector_for(workload)},
                "portLevelMtls": {str(port): {"mode": "DISABLE"}},
            }
            return At(mesh.add(_policy(workload, spec)), ("spec", "portLevelMtls", str(port), "mode"))
    return None


# root-namespace-selector


@mutation("root-namespace-selector", "the policy of the mesh gets an empty selector")
def empty_selector_of_mesh(mesh: HealthyMesh) -> At | None:
    policy = mesh.of_namespace(ROOT, "PeerAuthentication")
    if policy is None or not any(mesh.ambient_namespaces()):
        return None
    policy["spec"] = {"selector": {}, **policy["spec"]}
    return At(policy, ("spec", "selector"))


@mutation(
    "root-namespace-selector",
    "the policy of some pods is moved to the root namespace",
    also=("strict-webhook-backend", "strict-exposed-service"),
)
def moved_to_root(mesh: HealthyMesh) -> At | None:
    for policy in mesh.of("PeerAuthentication"):
        if policy["spec"].get("selector") and policy["metadata"]["namespace"] != ROOT:
            policy["metadata"]["namespace"] = ROOT
            return At(policy, ("spec", "selector"))
    return None


@mutation("root-namespace-selector", "a new policy in the root namespace selects pods of another one")
def strict_from_root(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        spec = {"selector": {"matchLabels": selector_for(workload)}, "mtls": {"mode": "STRICT"}}
        return At(mesh.add(_policy(workload, spec, namespace=ROOT)), ("spec", "selector"))
    return None


# lost-strict-mtls


@mutation("lost-strict-mtls", "the STRICT of a namespace has an empty selector, beside an open port")
def lost_by_empty_selector(mesh: HealthyMesh) -> At | None:
    for workload, port in mesh.servers():
        own = _own_policies(mesh, workload)
        if mesh.of_namespace(ROOT, "PeerAuthentication") or any(map(mtls_mode, own)):
            continue
        whole = mesh.of_namespace(namespace_of(workload), "PeerAuthentication")
        if whole is None:
            whole = mesh.add(_policy(workload, {"mtls": {"mode": "STRICT"}}, name="default"))
        whole["spec"] = {"selector": {"matchLabels": {}}, "mtls": {"mode": "STRICT"}}
        if not own:
            mesh.add(_policy(workload, _open_port(workload, port)))
        return At(whole, ("spec", "selector"))
    return None


@mutation("lost-strict-mtls", "a policy of the namespace without a mode stands between the mesh and a port")
def lost_by_unset_namespace(mesh: HealthyMesh) -> At | None:
    for workload, port in _ungoverned(mesh):
        if _is_strict_by_mesh(mesh, workload):
            whole = mesh.add(_policy(workload, {"mtls": {"mode": "UNSET"}}, name="default"))
            mesh.add(_policy(workload, _open_port(workload, port)))
            return At(whole, _MODE)
    return None


@mutation("lost-strict-mtls", "the pods are PERMISSIVE but for one port, below a STRICT mesh")
def lost_strict_port(mesh: HealthyMesh) -> At | None:
    for workload, port in _ungoverned(mesh):
        if _is_strict_by_mesh(mesh, workload):
            spec = _open_port(workload, port) | {"mtls": {"mode": "PERMISSIVE"}}
            spec["portLevelMtls"][str(port)]["mode"] = "STRICT"
            return At(mesh.add(_policy(workload, spec)), ("spec", "portLevelMtls", str(port), "mode"))
    return None


# strict-webhook-backend


@mutation("strict-webhook-backend", "the port of a webhook is not opened any more")
def closed_webhook(mesh: HealthyMesh) -> At | None:
    for workload in _called_by_api_server(mesh):
        for policy in _own_policies(mesh, workload):
            if mtls_mode(policy) == "STRICT" and policy["spec"].pop("portLevelMtls", None):
                return At(policy, _MODE)
    return None


@mutation("strict-webhook-backend", "the pods of a webhook do not opt out of the mesh any more")
def captured_webhook(mesh: HealthyMesh) -> At | None:
    ambient = {each["metadata"]["name"] for each in mesh.ambient_namespaces()}
    for workload in _called_by_api_server(mesh):
        own = pod_metadata(workload).get("labels", {})
        parent = mesh.strict_parent(workload)
        if namespace_of(workload) in ambient and parent and own.pop("istio.io/dataplane-mode", None):
            return At(parent, _MODE)
    return None


@mutation("strict-webhook-backend", "a webhook is served by pods that are STRICT")
def webhook_of_strict_pods(mesh: HealthyMesh) -> At | None:
    for workload, _ in _ungoverned(mesh):
        parent = mesh.strict_parent(workload)
        for service in mesh.services_of(workload) if parent else ():
            assert parent is not None
            mesh.add(_webhook(service))
            return At(parent, _MODE)
    return None


# strict-exposed-service


@mutation("strict-exposed-service", "the Service of STRICT pods becomes a LoadBalancer")
def load_balancer(mesh: HealthyMesh) -> At | None:
    for workload, _ in _ungoverned(mesh):
        for service in mesh.services_of(workload) if mesh.strict_parent(workload) else ():
            service["spec"]["type"] = "LoadBalancer"
            return At(service, ("spec", "type"))
    return None


@mutation("strict-exposed-service", "an Ingress of another controller leads to STRICT pods")
def foreign_ingress(mesh: HealthyMesh) -> At | None:
    for workload, _ in _ungoverned(mesh):
        for service in mesh.services_of(workload) if mesh.strict_parent(workload) else ():
            backend = {"name": service["metadata"]["name"], "port": _first_port(service)}
            path = {"path": "/", "pathType": "Prefix", "backend": {"service": backend}}
            rule = {"host": "public.example", "http": {"paths": [path]}}
            ingress = {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "public", "namespace": namespace_of(service)},
                "spec": {"ingressClassName": "alb", "rules": [rule]},
            }
            way = ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
            return At(mesh.add(ingress), way)
    return None


@mutation("strict-exposed-service", "STRICT is switched on for pods behind a NodePort or a LoadBalancer")
def strict_behind_node_port(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        for service in mesh.services_of(workload):
            if service["spec"].get("type") not in ("NodePort", "LoadBalancer"):
                continue
            own = _own_policies(mesh, workload)
            if not own:
                spec = {"selector": {"matchLabels": selector_for(workload)}, "mtls": {"mode": "STRICT"}}
                mesh.add(_policy(workload, spec))
            for policy in own:
                policy["spec"] |= {"mtls": {"mode": "STRICT"}}
                policy["spec"].pop("portLevelMtls", None)
            return At(service, ("spec", "type"))
    return None


@mutation("strict-exposed-service", "STRICT is switched on in a namespace to which a foreign Ingress leads")
def strict_behind_ingress(mesh: HealthyMesh) -> At | None:
    for ingress in mesh.of("Ingress"):
        way = ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
        if ingress["spec"].get("ingressClassName") == "istio":
            continue
        service = mesh.find("Service", namespace_of(ingress), value_at(ingress, way))
        servers = [workload for workload, _ in mesh.servers()]
        workload = mesh.workload_of(service) if service else None
        if any(each is workload for each in servers) and workload and not _own_policies(mesh, workload):
            mesh.add(_policy(workload, {"mtls": {"mode": "STRICT"}}, name="strict"))
            return At(ingress, way)
    return None


# missing-hbone-listener


@mutation("missing-hbone-listener", "the MeshConfig of a rendered istiod is without the switch for HBONE")
def no_hbone_in_mesh_config(mesh: HealthyMesh) -> At | None:
    for config in mesh.of("ConfigMap"):
        text = config.get("data", {}).get("mesh", "")
        if _SWITCH in text and _has_sidecars(mesh):
            lines = text.splitlines(keepends=True)
            config["data"]["mesh"] = "".join(
                line for line in lines if _SWITCH not in line and "proxyMetadata" not in line
            )
            return At(config, ("data", "mesh"))
    return None


@mutation("missing-hbone-listener", "HBONE is switched off in what istiod is installed with")
def hbone_off_in_values(mesh: HealthyMesh) -> At | None:
    for item, way in _mesh_configs(mesh):
        if _has_sidecars(mesh):
            config = value_at(item, way[:-1]).setdefault(way[-1], {})
            metadata = config.setdefault("defaultConfig", {}).setdefault("proxyMetadata", {})
            metadata[_SWITCH] = "false"
            return At(item, (*way, "defaultConfig", "proxyMetadata", _SWITCH))
    return None


# What they share


def _policy(
    workload: Object, spec: Object, *, name: str | None = None, namespace: str | None = None
) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {
            "name": name or f"{workload['metadata']['name']}-mtls",
            "namespace": namespace or namespace_of(workload),
        },
        "spec": spec,
    }


def _open_port(workload: Object, port: int) -> Object:
    return {
        "selector": {"matchLabels": selector_for(workload)},
        "portLevelMtls": {str(port): {"mode": "PERMISSIVE"}},
    }


def _key(port: object) -> str:
    return str(port)


def _own_policies(mesh: HealthyMesh, workload: Object) -> list[Object]:
    """The PeerAuthentications that select a workload by labels."""
    found = mesh.selecting(workload, "PeerAuthentication")
    return [policy for policy in found if policy["spec"].get("selector")]


def _ungoverned(mesh: HealthyMesh) -> Iterator[tuple[Object, int]]:
    """The ambient servers that no PeerAuthentication selects."""
    for workload, port in mesh.servers():
        if not _own_policies(mesh, workload):
            yield workload, port


def _is_strict_by_mesh(mesh: HealthyMesh, workload: Object) -> bool:
    whole = mesh.of_namespace(namespace_of(workload), "PeerAuthentication")
    parent = mesh.strict_parent(workload)
    return whole is None and parent is not None


def _called_by_api_server(mesh: HealthyMesh) -> Iterator[Object]:
    """The workloads that webhooks and the conversion of CRDs lead to."""
    clients = [
        hook["clientConfig"]
        for each in mesh.of("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        for hook in each["webhooks"]
    ]
    for each in mesh.of("CustomResourceDefinition"):
        webhook = each["spec"].get("conversion", {}).get("webhook")
        clients += [webhook["clientConfig"]] if webhook else []
    for client in clients:
        if "service" in client:
            named = client["service"]
            service = mesh.find("Service", named["namespace"], named["name"])
            workload = mesh.workload_of(service) if service else None
            if workload is not None and any(ports_of(workload)):
                yield workload


def _webhook(service: Object) -> Object:
    number = service["spec"]["ports"][0]["port"]
    named = {"name": service["metadata"]["name"], "namespace": namespace_of(service), "port": number}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "house-rules"},
        "webhooks": [
            {
                "name": "rules.house.example",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ],
                "clientConfig": {"service": named},
            }
        ],
    }


def _first_port(service: Object) -> Object:
    return {"number": service["spec"]["ports"][0]["port"]}


def _has_sidecars(mesh: HealthyMesh) -> bool:
    """Whether the mesh holds a workload with sidecars."""
    injected = [each for each in mesh.of("Namespace") if labels(each).get("istio-injection") == "enabled"]
    return any(any(mesh.beside(each, *WORKLOADS)) for each in injected)


def _mesh_configs(mesh: HealthyMesh) -> Iterator[tuple[Object, tuple[str | int, ...]]]:
    """Where MeshConfig stands, or would stand, in what istiod is installed with."""
    for item, way in mesh.chart_values("istiod"):
        yield item, (*way, "meshConfig")
    for item in mesh.of("IstioOperator"):
        yield item, ("spec", "meshConfig")
    for item in mesh.of("Istio"):
        item["spec"].setdefault("values", {})
        yield item, ("spec", "values", "meshConfig")
