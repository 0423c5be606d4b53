"""Faults of the labels and annotations that decide whether pods are in the mesh, and how."""

import json

from accuracy.mesh import (
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    WORKLOADS,
    At,
    HealthyMesh,
    Object,
    labels,
    namespace_of,
    pod_annotations,
    pod_at,
    pod_labels,
    pod_template,
)
from accuracy.mutation import mutation

MODE = "istio.io/dataplane-mode"
INJECTION = "istio-injection"
REVISION = "istio.io/rev"
INJECT = "sidecar.istio.io/inject"
REDIRECTION = "ambient.istio.io/redirection"
STATUS = "sidecar.istio.io/status"
_ENROLLED = (
    "strict-webhook-backend",
    "strict-exposed-service",
    "blocked-hbone-ingress",
    "ignored-capture-annotation",
)
"""What is said of pods that were to be outside of the mesh, and now are in it."""
_NEW_CNI = ("half-enabled-ambient", "missing-ztunnel")
"""What is said of an istio-cni that comes without the rest."""
_CONTROLLERS = tuple(kind for kind in WORKLOADS if kind != "Pod")


def _label(item: Object, key: str) -> At:
    return At(item, ("metadata", "labels", key))


def _annotate(item: Object, key: str, value: str) -> At:
    item["metadata"].setdefault("annotations", {})[key] = value
    return At(item, ("metadata", "annotations", key))


def _has_ambient_pods(mesh: HealthyMesh, namespace: Object) -> bool:
    return any(namespace_of(workload) == namespace_of(namespace) for workload in mesh.ambient_workloads())


def _populated(mesh: HealthyMesh) -> list[Object]:
    """The ambient Namespaces with pods that are ambient by them."""
    return [each for each in mesh.ambient_namespaces() if _has_ambient_pods(mesh, each)]


# Namespaces


@mutation("dual-mode-namespace", "an ambient namespace is labelled for injection")
def injected_ambient(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        labels(namespace)[INJECTION] = "enabled"
        return _label(namespace, INJECTION)
    return None


@mutation("dual-mode-namespace", "a namespace with sidecars is labelled for ambient mode, injection stays")
def ambient_injected(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.sidecar_namespaces():
        if INJECTION in labels(namespace):
            labels(namespace)[MODE] = "ambient"
            return _label(namespace, INJECTION)
    return None


@mutation("injecting-revision-label", "an ambient namespace is labelled with a revision")
def revision_on_ambient(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        if INJECTION not in labels(namespace):
            labels(namespace)[REVISION] = "stable"
            return _label(namespace, REVISION)
    return None


@mutation("injecting-revision-label", "the label that kept a revision from injecting is deleted")
def injection_no_longer_disabled(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        if REVISION in labels(namespace) and INJECTION in labels(namespace):
            del labels(namespace)[INJECTION]
            return _label(namespace, REVISION)
    return None


@mutation("injecting-revision-label", "a namespace with sidecars of a revision is labelled for ambient mode")
def ambient_revision(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.sidecar_namespaces():
        if REVISION in labels(namespace) and INJECTION not in labels(namespace):
            labels(namespace)[MODE] = "ambient"
            return _label(namespace, REVISION)
    return None


@mutation("invalid-dataplane-mode", "the mode of a namespace is written with a capital")
def capital_mode(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        labels(namespace)[MODE] = "Ambient"
        return _label(namespace, MODE)
    return None


@mutation("invalid-dataplane-mode", "the mode of a namespace is `enabled`, as for injection")
def mode_enabled(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        labels(namespace)[MODE] = "enabled"
        return _label(namespace, MODE)
    return None


@mutation("invalid-dataplane-mode", "pods opt out by a value that is none")
def pods_disabled(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_labels(workload)[MODE] = "disabled"
        return pod_at(workload, "metadata", "labels", MODE)
    return None


@mutation("invalid-dataplane-mode", "pods that opt out are to have a sidecar by the mode", also=_ENROLLED)
def mode_sidecar(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of(*WORKLOADS):
        namespace = mesh.find("Namespace", None, namespace_of(workload) or "")
        is_ambient = namespace is not None and labels(namespace).get(MODE) == "ambient"
        if is_ambient and pod_labels(workload).get(MODE) == "none" and INJECT not in pod_labels(workload):
            pod_labels(workload)[MODE] = "sidecar"
            return pod_at(workload, "metadata", "labels", MODE)
    return None


def _tells_cni(mesh: HealthyMesh) -> bool:
    """Whether something in the mesh tells istio-cni what to do already."""
    installers = ("HelmRelease", "Application", "IstioOperator", "IstioCNI")
    return any(mesh.of(*installers)) or mesh.find("ConfigMap", "istio-system", "istio-cni-config") is not None


def _exclude(mesh: HealthyMesh, key: str, namespaces: str) -> Object:
    return mesh.add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio-cni-config", "namespace": "istio-system"},
            "data": {"AMBIENT_ENABLED": "true", key: namespaces},
        }
    )


@mutation(
    "excluded-ambient-namespace",
    "istio-cni is told to leave an ambient namespace out",
    also=_NEW_CNI,
    version="1.30",
)
def excluded_namespace(mesh: HealthyMesh) -> At | None:
    for namespace in () if _tells_cni(mesh) else _populated(mesh):
        _exclude(mesh, "EXCLUDE_NAMESPACES", f"kube-system,{namespace['metadata']['name']}")
        return _label(namespace, MODE)
    return None


@mutation(
    "excluded-ambient-namespace",
    "the values of istio-cni leave an ambient namespace out",
    also=_NEW_CNI,
    version="1.30",
)
def excluded_by_values(mesh: HealthyMesh) -> At | None:
    for namespace in () if _tells_cni(mesh) else _populated(mesh):
        source = {"kind": "HelmRepository", "name": "istio"}
        mesh.add(
            {
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": {"name": "istio-cni", "namespace": "istio-system"},
                "spec": {
                    "interval": "1h",
                    "chart": {"spec": {"chart": "cni", "version": "1.30.1", "sourceRef": source}},
                    "values": {
                        "profile": "ambient",
                        "excludeNamespaces": ["kube-system", namespace["metadata"]["name"]],
                    },
                },
            }
        )
        return _label(namespace, MODE)
    return None


@mutation("excluded-ambient-namespace", "kube-system is labelled for ambient mode")
def ambient_kube_system(mesh: HealthyMesh) -> At | None:
    if not _populated(mesh) or mesh.find("Namespace", None, "kube-system"):
        return None
    metadata = {"name": "kube-system", "labels": {MODE: "ambient"}}
    return _label(mesh.add({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}), MODE)


@mutation(
    "dead-exclude-list",
    "the list of istio-cni stands under the key of older charts",
    also=_NEW_CNI,
    version="1.26",
)
def old_exclude_key(mesh: HealthyMesh) -> At | None:
    if not _populated(mesh) or _tells_cni(mesh):
        return None
    config = _exclude(mesh, "EXCLUDED_NAMESPACES", "kube-system,monitoring-of-nodes")
    return At(config, ("data", "EXCLUDED_NAMESPACES"))


# Pods


@mutation("dual-mode-pod", "pods of an ambient namespace are labelled for injection")
def pods_ask_for_sidecar(mesh: HealthyMesh) -> At | None:
    for workload in mesh.injectable_workloads():
        pod_labels(workload)[INJECT] = "true"
        return pod_at(workload, "metadata", "labels", INJECT)
    return None


@mutation("dual-mode-pod", "pods of an ambient namespace are labelled with a revision")
def pods_with_revision(mesh: HealthyMesh) -> At | None:
    for workload in mesh.injectable_workloads():
        pod_labels(workload)[REVISION] = "canary"
        return pod_at(workload, "metadata", "labels", REVISION)
    return None


@mutation("dual-mode-pod", "pods of a namespace with sidecars are labelled for ambient mode")
def ambient_pods_injected(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.sidecar_namespaces():
        for workload in mesh.beside(namespace, *WORKLOADS):
            own = pod_labels(workload)
            if not own.keys() & {MODE, INJECT} and not _is_gateway(workload):
                own[MODE] = "ambient"
                return pod_at(workload, "metadata", "labels", MODE)
    return None


def _is_gateway(workload: Object) -> bool:
    containers = pod_template(workload)["spec"]["containers"]
    return any(container.get("name") == "istio-proxy" for container in containers)


@mutation("mixed-dataplane-modes", "one workload of an ambient namespace keeps its sidecar, and says so")
def one_sidecar(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        inside = [
            each for each in mesh.injectable_workloads() if namespace_of(each) == namespace_of(namespace)
        ]
        if len(inside) > 1:
            pod_labels(inside[-1]).update({MODE: "none", INJECT: "true"})
            return _label(namespace, MODE)
    return None


@mutation("powerless-inject-label", "pods ask for a sidecar by the annotation, in an ambient namespace")
def inject_annotation(mesh: HealthyMesh) -> At | None:
    for workload in mesh.injectable_workloads():
        pod_annotations(workload)[INJECT] = "true"
        return pod_at(workload, "metadata", "annotations", INJECT)
    return None


@mutation("powerless-inject-label", "pods ask for a sidecar where the namespace has injection disabled")
def inject_where_disabled(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        inside = list(mesh.beside(namespace, *WORKLOADS))
        if any(INJECT in pod_labels(workload) for workload in inside):
            continue
        labels(namespace)[INJECTION] = "disabled"
        pod_labels(inside[0])[INJECT] = "true"
        return pod_at(inside[0], "metadata", "labels", INJECT)
    return None


@mutation("powerless-inject-label", "pods refuse the sidecar by a value that is no boolean")
def inject_disabled(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.sidecar_namespaces():
        for workload in mesh.beside(namespace, *WORKLOADS):
            if INJECT not in pod_labels(workload) and not _is_gateway(workload):
                pod_labels(workload)[INJECT] = "disabled"
                return pod_at(workload, "metadata", "labels", INJECT)
    return None


@mutation("handwritten-redirection-status", "pods are to be enrolled by the status that istio-cni writes")
def redirection_enabled(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        if "uid" in workload["metadata"]:
            continue
        pod_annotations(workload)[REDIRECTION] = "enabled"
        return pod_at(workload, "metadata", "annotations", REDIRECTION)
    return None


@mutation("handwritten-redirection-status", "pods outside of the mesh carry the status of a live pod")
def redirection_copied(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of(*WORKLOADS):
        if (
            pod_labels(workload).get(MODE) == "none"
            and any(mesh.ambient_namespaces())
            and "uid" not in workload["metadata"]
        ):
            pod_annotations(workload)[REDIRECTION] = "enabled"
            return pod_at(workload, "metadata", "annotations", REDIRECTION)
    return None


@mutation("obsolete-redirection-opt-out", "pods opt out as they did up to Istio 1.21")
def redirection_disabled(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_annotations(workload)[REDIRECTION] = "disabled"
        return pod_at(workload, "metadata", "annotations", REDIRECTION)
    return None


@mutation(
    "obsolete-redirection-opt-out", "pods that opt out go back to what did up to Istio 1.21", also=_ENROLLED
)
def redirection_for_label(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of(*WORKLOADS):
        namespace = mesh.find("Namespace", None, namespace_of(workload) or "")
        if namespace is None or labels(namespace).get(MODE) != "ambient":
            continue
        if pod_labels(workload).get(MODE) == "none" and not _is_gateway(workload):
            del pod_labels(workload)[MODE]
            pod_annotations(workload)[REDIRECTION] = "disabled"
            return pod_at(workload, "metadata", "annotations", REDIRECTION)
    return None


_INJECTED = json.dumps(
    {"initContainers": ["istio-init"], "containers": ["istio-proxy"], "revision": "default"}
)


@mutation("preinjected-template", "a template of an ambient namespace is what kube-inject has made of it")
def kube_injected(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_annotations(workload)[STATUS] = _INJECTED
        spec = pod_template(workload)["spec"]
        image = "registry.example/istio/proxyv2:1.29.2"
        spec["containers"].append({"name": "istio-proxy", "image": image, "args": ["proxy", "sidecar"]})
        spec["initContainers"] = [{"name": "istio-init", "image": image, "args": ["istio-iptables"]}]
        return pod_at(workload, "metadata", "annotations", STATUS)
    return None


@mutation("preinjected-template", "the annotation of kube-inject is left over, without its containers")
def left_over_status(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_annotations(workload)[STATUS] = _INJECTED
        return pod_at(workload, "metadata", "annotations", STATUS)
    return None


@mutation("host-network-in-ambient", "pods of an ambient namespace are put on the host's network")
def host_network(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_template(workload)["spec"]["hostNetwork"] = True
        return pod_at(workload, "spec", "hostNetwork")
    return None


@mutation("host-network-in-ambient", "pods on the host's network are labelled for ambient mode themselves")
def enrolled_host_network(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_labels(workload)[MODE] = "ambient"
        pod_template(workload)["spec"]["hostNetwork"] = True
        return pod_at(workload, "spec", "hostNetwork")
    return None


@mutation("reserved-port-in-ambient", "an application takes the port of HBONE")
def port_of_hbone(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        container = pod_template(workload)["spec"]["containers"][0]
        ports = container.setdefault("ports", [])
        ports.append({"name": "admin", "containerPort": 15008})
        index = len(ports) - 1
        return pod_at(workload, "spec", "containers", 0, "ports", index, "containerPort")
    return None


@mutation("captured-gateway-proxy", "a gateway that is deployed by hand is put into an ambient namespace")
def gateway_by_hand(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        gateway = mesh.add(_gateway_deployment(namespace["metadata"]["name"]))
        return pod_at(gateway, "spec", "containers", 0, "name")
    return None


def _gateway_deployment(namespace: str) -> Object:
    container = {
        "name": "istio-proxy",
        "image": "registry.example/istio/proxyv2:1.29.2",
        "args": ["proxy", "router", "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "ports": [{"containerPort": 8443}],
    }
    own = {"app": "egress-by-hand", INJECT: "false"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "egress-by-hand", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "egress-by-hand"}},
            "template": {"metadata": {"labels": own}, "spec": {"containers": [container]}},
        },
    }


@mutation("invalid-ambient-boolean", "pods bypass the capture of what comes in by `yes`")
def bypass_yes(mesh: HealthyMesh) -> At | None:
    return _switch(mesh, "ambient.istio.io/bypass-inbound-capture", "yes")


@mutation("invalid-ambient-boolean", "the capture of DNS is `disabled`")
def dns_disabled(mesh: HealthyMesh) -> At | None:
    return None if mesh.is_before(25) else _switch(mesh, "ambient.istio.io/dns-capture", "disabled")


def _switch(mesh: HealthyMesh, key: str, value: str) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_annotations(workload)[key] = value
        return pod_at(workload, "metadata", "annotations", key)
    return None


# Labels in the wrong place


@mutation("misplaced-ambient-label", "an opt-out stands on the controller, not on its pods")
def opt_out_on_controller(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        if workload["kind"] in _CONTROLLERS:
            labels(workload)[MODE] = "none"
            return _label(workload, MODE)
    return None


@mutation("misplaced-ambient-label", "an opt-out is moved from the pods to their controller", also=_ENROLLED)
def moved_opt_out(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of(*_CONTROLLERS):
        if pod_labels(workload).get(MODE) == "none" and not _is_gateway(workload):
            labels(workload)[MODE] = pod_labels(workload).pop(MODE)
            return _label(workload, MODE)
    return None


@mutation("misplaced-ambient-label", "a controller is labelled for a waypoint, not its pods")
def waypoint_on_controller(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        for workload in mesh.ambient_workloads():
            has_place = workload["kind"] in _CONTROLLERS and USE_WAYPOINT not in pod_labels(workload)
            if has_place and namespace_of(workload) == namespace_of(gateway):
                labels(workload)[USE_WAYPOINT] = gateway["metadata"]["name"]
                return _label(workload, USE_WAYPOINT)
    return None


@mutation("misplaced-ambient-label", "a Service is to be kept out of ambient mode")
def mode_on_service(mesh: HealthyMesh) -> At | None:
    ambient = list(mesh.ambient_workloads())
    for service in mesh.of("Service"):
        if any(mesh.workload_of(service) is workload for workload in ambient):
            labels(service)[MODE] = "none"
            return _label(service, MODE)
    return None


# Labels and annotations exchanged

_UNUSED = (
    "unused-waypoint",
    "policy-without-enforcer",
    "route-without-waypoint",
    "virtual-service-without-waypoint",
    "destination-rule-without-waypoint",
)
"""What is said of a waypoint that nobody asks for any more, and of what was to act there."""
_OUTSIDE = ("waypoint-without-ambient",)
"""What is said of a namespace that no longer is ambient, and uses a waypoint."""


@mutation("label-as-annotation", "a namespace is to be ambient by an annotation", also=_OUTSIDE)
def annotated_mode(mesh: HealthyMesh) -> At | None:
    for namespace in _populated(mesh):
        return _annotate(namespace, MODE, labels(namespace).pop(MODE))
    return None


@mutation("label-as-annotation", "the waypoint is asked for by an annotation", also=_UNUSED)
def annotated_waypoint(mesh: HealthyMesh) -> At | None:
    for item in mesh.of("Namespace", "Service", "ServiceEntry"):
        if mesh.own_waypoint(item) and USE_WAYPOINT_NAMESPACE not in labels(item):
            return _annotate(item, USE_WAYPOINT, labels(item).pop(USE_WAYPOINT))
    return None


@mutation("label-as-annotation", "the traffic that a waypoint is for is an annotation")
def annotated_traffic_type(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        asked = labels(gateway).pop("istio.io/waypoint-for", "service")
        return _annotate(gateway, "istio.io/waypoint-for", asked)
    return None


@mutation("label-as-annotation", "pods opt out of ambient mode by an annotation")
def annotated_opt_out(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_annotations(workload)[MODE] = "none"
        return pod_at(workload, "metadata", "annotations", MODE)
    return None


@mutation("annotation-as-label", "a switch of ambient mode is written among the pods' labels")
def labelled_switch(mesh: HealthyMesh) -> At | None:
    for workload in mesh.ambient_workloads():
        pod_labels(workload)["ambient.istio.io/bypass-inbound-capture"] = "true"
        return pod_at(workload, "metadata", "labels", "ambient.istio.io/bypass-inbound-capture")
    return None


@mutation("annotation-as-label", "how a Service's traffic is spread is a label")
def labelled_distribution(mesh: HealthyMesh) -> At | None:
    for service in mesh.of("Service"):
        namespace = mesh.find("Namespace", None, namespace_of(service) or "")
        if namespace is not None and labels(namespace).get(MODE) == "ambient":
            labels(service)["networking.istio.io/traffic-distribution"] = "PreferClose"
            return _label(service, "networking.istio.io/traffic-distribution")
    return None
