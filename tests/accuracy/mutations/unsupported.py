"""Faults that ask of ambient mode what it does not do."""

from collections.abc import Iterator

from accuracy.mesh import (
    ROOT,
    At,
    HealthyMesh,
    Object,
    labels,
    namespace_of,
    pod_metadata,
    pod_path,
    pod_template,
    selector_for,
    value_at,
)
from accuracy.mutation import mutation

_GROUP = "istio.io/autoRegistrationGroup"
_TEMPLATES = "inject.istio.io/templates"
_CLUSTERS = "topology.istio.io/controlPlaneClusters"


# remote-control-plane


@mutation("remote-control-plane", "istiod of another cluster is named where Istio is installed")
def remote_address(mesh: HealthyMesh) -> At | None:
    for item, way in _global_values(mesh):
        value_at(item, way)["remotePilotAddress"] = "203.0.113.7"
        return At(item, (*way, "remotePilotAddress"))
    return None


@mutation("remote-control-plane", "istiod is to serve clusters that have none")
def external_istiod(mesh: HealthyMesh) -> At | None:
    for item, way in _global_values(mesh):
        value_at(item, way)["externalIstiod"] = True
        return At(item, (*way, "externalIstiod"))
    return None


@mutation("remote-control-plane", "the profile of a remote cluster beside ztunnel and an ambient istio-cni")
def remote_profile(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("istiod"):
        value_at(item, way)["profile"] = "remote"
        return At(item, (*way, "profile"))
    for item in mesh.of("IstioOperator", "Istio"):
        item["spec"]["profile"] = "remote"
        return At(item, ("spec", "profile"))
    return None


@mutation("remote-control-plane", "the rendered istiod serves other clusters")
def rendered_external_istiod(mesh: HealthyMesh) -> At | None:
    for workload in mesh.of("Deployment"):
        if pod_metadata(workload).get("labels", {}).get("app") == "istiod":
            env = pod_template(workload)["spec"]["containers"][0]["env"]
            env.append({"name": "EXTERNAL_ISTIOD", "value": "true"})
            way = (*pod_path(workload), "spec", "containers", 0, "env", len(env) - 1, "value")
            return At(workload, way)
    return None


@mutation("remote-control-plane", "the namespace of Istio names the clusters that control it")
def controlled_by_clusters(mesh: HealthyMesh) -> At | None:
    if not any(mesh.ambient_namespaces()):
        return None
    namespace = mesh.find("Namespace", None, ROOT) or mesh.add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT}}
    )
    namespace["metadata"].setdefault("annotations", {})[_CLUSTERS] = "primary"
    return At(namespace, ("metadata", "annotations", _CLUSTERS))


# disabled-multi-network


@mutation("disabled-multi-network", "a gateway to another network, without istiod's switch")
def east_west_gateway(mesh: HealthyMesh) -> At | None:
    if not any(mesh.ambient_namespaces()):
        return None
    listener = {
        "name": "cross-network",
        "port": 15008,
        "protocol": "HBONE",
        "tls": {"mode": "Terminate", "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}},
    }
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "istio-eastwestgateway",
            "namespace": ROOT,
            "labels": {"topology.istio.io/network": "network1"},
        },
        "spec": {"gatewayClassName": "istio-east-west", "listeners": [listener]},
    }
    return At(mesh.add(gateway), ("spec", "gatewayClassName"))


@mutation("disabled-multi-network", "a Service is made global, without istiod's switch")
def global_service(mesh: HealthyMesh) -> At | None:
    is_told = any(_global_values(mesh)) or any(
        pod_metadata(each).get("labels", {}).get("app") == "istiod" for each in mesh.of("Deployment")
    )
    for workload, _ in mesh.servers() if is_told else ():
        for service in mesh.services_of(workload):
            labels(service)["istio.io/global"] = "true"
            return At(service, ("metadata", "labels", "istio.io/global"))
    return None


@mutation(
    "disabled-multi-network", "a Service is made global in a version without such networks", version="1.26"
)
def global_service_before(mesh: HealthyMesh) -> At | None:
    return global_service.run(mesh)


# vm-in-ambient


@mutation("vm-in-ambient", "a WorkloadGroup for machines is put into an ambient namespace")
def group_of_machines(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        group = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadGroup",
            "metadata": {"name": "machines", "namespace": namespace_of(namespace)},
            "spec": {
                "metadata": {"labels": {"app": "machines"}},
                "template": {"serviceAccount": "machines", "network": "vm-network"},
                "probe": {"httpGet": {"port": 8080}},
            },
        }
        return At(mesh.add(group), ("metadata", "namespace"))
    return None


@mutation("vm-in-ambient", "the entry that a machine has registered is put under version control")
def registered_machine(mesh: HealthyMesh) -> At | None:
    for namespace in mesh.ambient_namespaces():
        entry = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadEntry",
            "metadata": {
                "name": "machines-10.0.4.7",
                "namespace": namespace_of(namespace),
                "annotations": {_GROUP: "machines"},
            },
            "spec": {"address": "10.0.4.7", "labels": {"app": "machines"}, "serviceAccount": "machines"},
        }
        return At(mesh.add(entry), ("metadata", "annotations", _GROUP))
    return None


# spire-in-ambient


@mutation("spire-in-ambient", "ambient pods ask for the injection template of SPIRE")
def spire_template(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        pod_metadata(workload).setdefault("annotations", {})[_TEMPLATES] = "sidecar,spire"
        return At(workload, (*pod_path(workload), "metadata", "annotations", _TEMPLATES))
    return None


@mutation("spire-in-ambient", "ambient pods mount the socket of SPIRE for their proxy")
def spire_socket(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        spec = pod_template(workload)["spec"]
        volumes = spec.setdefault("volumes", [])
        volumes.append({"name": "workload-socket", "csi": {"driver": "csi.spiffe.io", "readOnly": True}})
        mount = {"name": "workload-socket", "mountPath": "/run/secrets/workload-spiffe-uds"}
        spec["containers"][0].setdefault("volumeMounts", []).append(mount)
        way = ("spec", "volumes", len(volumes) - 1, "csi", "driver")
        return At(workload, (*pod_path(workload), *way))
    return None


@mutation("spire-in-ambient", "a ClusterSPIFFEID is for the pods of an ambient workload")
def registered_pods(mesh: HealthyMesh) -> At | None:
    for workload, _ in mesh.servers():
        return At(mesh.add(_spiffe_id(workload)), ("spec", "podSelector"))
    return None


@mutation("spire-in-ambient", "a ClusterSPIFFEID loses the selectors that keep it to sidecars")
def registered_all(mesh: HealthyMesh) -> At | None:
    for spiffe_id in mesh.of("ClusterSPIFFEID"):
        spiffe_id["spec"].pop("podSelector", None)
        spiffe_id["spec"].pop("namespaceSelector", None)
        return At(spiffe_id, ("metadata", "name"))
    return None


# What they share


def _global_values(mesh: HealthyMesh) -> Iterator[tuple[Object, tuple[str | int, ...]]]:
    """The values below `global` that istiod is installed with, made if there are none."""
    places = list(mesh.chart_values("istiod"))
    places += [(item, ("spec", "values")) for item in mesh.of("IstioOperator", "Istio")]
    for item, way in places:
        values = value_at(item, way[:-1]).setdefault(way[-1], {})
        values.setdefault("global", {})
        yield item, (*way, "global")


def _spiffe_id(workload: Object) -> Object:
    template = "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}"
    return {
        "apiVersion": "spire.spiffe.io/v1alpha1",
        "kind": "ClusterSPIFFEID",
        "metadata": {"name": "servers"},
        "spec": {
            "spiffeIDTemplate": template,
            "podSelector": {"matchLabels": selector_for(workload)},
            "namespaceSelector": {
                "matchLabels": {"kubernetes.io/metadata.name": namespace_of(workload)},
            },
        },
    }
