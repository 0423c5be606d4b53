"""Faults of how Istio is installed: by charts, operators, rendered objects."""

from collections.abc import Iterator
from typing import Any

from accuracy.mesh import ROOT, At, HealthyMesh, Object, pod_metadata, pod_path, pod_template, value_at
from accuracy.mutation import mutation

_BUNDLE = "gateway.networking.k8s.io/bundle-version"
_GATEWAY_API = "gateway.networking.k8s.io"
_TRUSTED = "CA_TRUSTED_NODE_ACCOUNTS"
_USED = ("GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")

Place = tuple[Object, tuple[str | int, ...]]


# half-enabled-ambient


@mutation("half-enabled-ambient", "istio-cni is installed without the profile")
def cni_without_profile(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("cni"):
        if value_at(item, way).pop("profile", None):
            return At(item, _chart_of(item, "cni"))
    for item in mesh.of("IstioCNI"):
        del item["spec"]["profile"]
        return At(item, ("metadata", "name"))
    for item, way in _helm_of_applications(mesh, "cni"):
        parameters = value_at(item, way).get("parameters", [])
        if any(each["name"] == "profile" for each in parameters):
            parameters[:] = [each for each in parameters if each["name"] != "profile"]
            return At(item, _chart_of(item, "cni"))
    return None


@mutation("half-enabled-ambient", "istiod is installed without the profile")
def istiod_without_profile(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("istiod"):
        if value_at(item, way).pop("profile", None):
            return At(item, _chart_of(item, "istiod"))
    for item in mesh.of("Istio"):
        del item["spec"]["profile"]
        return At(item, ("metadata", "name"))
    return None


@mutation("half-enabled-ambient", "ambient mode is switched off in the rendered settings of istio-cni")
def rendered_cni_off(mesh: HealthyMesh) -> At | None:
    for config in mesh.of("ConfigMap"):
        if config.get("data", {}).get("AMBIENT_ENABLED") == "true":
            config["data"]["AMBIENT_ENABLED"] = "false"
            return At(config, ("data", "AMBIENT_ENABLED"))
    return None


@mutation("half-enabled-ambient", "ambient mode is switched off in the environment of istiod")
def istiod_switched_off(mesh: HealthyMesh) -> At | None:
    for istiod in _rendered(mesh, "Deployment", "istiod"):
        for index, variable in enumerate(_env(istiod)):
            if variable["name"] == "PILOT_ENABLE_AMBIENT":
                variable["value"] = "false"
                return At(istiod, (*_env_path(istiod), index, "value"))
    for item, way in _istiod_values(mesh):
        values = value_at(item, way[:-1]).setdefault(way[-1], {})
        values.setdefault("pilot", {}).setdefault("env", {})["PILOT_ENABLE_AMBIENT"] = "false"
        return At(item, (*way, "pilot", "env", "PILOT_ENABLE_AMBIENT"))
    return None


# missing-ztunnel


@mutation("missing-ztunnel", "nothing installs ztunnel any more")
def removed_ztunnel(mesh: HealthyMesh) -> At | None:
    gone = [
        *(item for item in mesh.of("HelmRelease") if _chart_name(item) == "ztunnel"),
        *mesh.of("ZTunnel"),
        *_rendered(mesh, "DaemonSet", "ztunnel"),
    ]
    for item in gone:
        mesh.remove(item)
        return _what_makes_cni_ambient(mesh)
    for item in mesh.of("Application"):
        sources = item["spec"].get("sources", [])
        if any(source.get("chart") == "ztunnel" for source in sources):
            sources[:] = [source for source in sources if source.get("chart") != "ztunnel"]
            return _what_makes_cni_ambient(mesh)
    return None


# untrusted-ztunnel


@mutation("untrusted-ztunnel", "istiod is not told the namespace of ztunnel any more")
def unnamed_namespace(mesh: HealthyMesh) -> At | None:
    for item, way in _istiod_values(mesh):
        values = value_at(item, way[:-1]).get(way[-1], {})
        for below in ((), ("pilot",)):
            key = "trustedZtunnelNamespace"
            if (below != () and below[0] not in values) or not value_at(values, below).pop(key, None):
                continue
            return At(item, (*way, *below, key))
    return None


@mutation("untrusted-ztunnel", "ztunnel is moved to a namespace that istiod is not told")
def moved_ztunnel(mesh: HealthyMesh) -> At | None:
    for item in mesh.of("HelmRelease"):
        if _chart_name(item) == "ztunnel":
            item["spec"]["targetNamespace"] = "mesh-dataplane"
            for istiod, way in _istiod_values(mesh):
                place = (*way, "trustedZtunnelNamespace")
                if "trustedZtunnelNamespace" in value_at(istiod, way):
                    return At(istiod, place)
    for item in mesh.of("ZTunnel"):
        item["spec"]["namespace"] = "mesh-dataplane"
        for istiod in mesh.of("Istio"):
            return At(istiod, ("spec", "values", "pilot", "trustedZtunnelNamespace"))
    return None


@mutation("untrusted-ztunnel", "the rendered istiod trusts an account of another name")
def other_account(mesh: HealthyMesh) -> At | None:
    for istiod in _rendered(mesh, "Deployment", "istiod"):
        for index, variable in enumerate(_env(istiod)):
            if variable["name"] == _TRUSTED:
                variable["value"] = "kube-system/ztunnel"
                return At(istiod, (*_env_path(istiod), index, "value"))
    return None


@mutation("untrusted-ztunnel", "ztunnel gets a name of its own, and istiod is not told")
def renamed_ztunnel(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("ztunnel"):
        value_at(item, way)["resourceName"] = "ztunnel-blue"
        for istiod, place in _istiod_values(mesh):
            key = "trustedZtunnelNamespace"
            told = key in value_at(istiod, place[:-1]).get(place[-1], {})
            return At(istiod, (*place, key) if told else _chart_of(istiod, "istiod"))
    return None


@mutation("untrusted-ztunnel", "the rendered ztunnel is moved to another namespace")
def moved_rendered_ztunnel(mesh: HealthyMesh) -> At | None:
    for ztunnel in _rendered(mesh, "DaemonSet", "ztunnel"):
        for item in (ztunnel, mesh.find("ServiceAccount", ROOT, "ztunnel")):
            if item is not None:
                item["metadata"]["namespace"] = "kube-system"
        for istiod in _rendered(mesh, "Deployment", "istiod"):
            names = [variable["name"] for variable in _env(istiod)]
            return At(istiod, (*_env_path(istiod), names.index(_TRUSTED), "value"))
    return None


# misplaced-install-value


@mutation("misplaced-install-value", "a slip in the name of a value")
def slip_in_value(mesh: HealthyMesh) -> At | None:
    for item, way in (*mesh.chart_values("istiod", "cni", "ztunnel"), *_operator_values(mesh)):
        values = value_at(item, way[:-1]).setdefault(way[-1], {})
        values["gobal"] = values.pop("global", {"logAsJson": True})
        return At(item, (*way, "gobal"))
    return None


@mutation("misplaced-install-value", "the values of the chart are put below its name")
def values_too_deep(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("ztunnel"):
        values = value_at(item, way)
        deeper = dict(values)
        values.clear()
        values["ztunnel"] = deeper
        return At(item, (*way, "ztunnel"))
    return None


@mutation("misplaced-install-value", "values of istio-cni stand one level too deep")
def cni_values_too_deep(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("cni"):
        values = value_at(item, way)
        values.setdefault("cni", {})["values"] = {"excludeNamespaces": ["kube-system"]}
        return At(item, (*way, "cni", "values"))
    return None


@mutation("misplaced-install-value", "settings of a component stand beside the components")
def component_beside(mesh: HealthyMesh) -> At | None:
    for operator in mesh.of("IstioOperator"):
        operator["spec"]["cni"] = {"namespace": "kube-system"}
        return At(operator, ("spec", "cni"))
    for item in mesh.of("Istio"):
        item["spec"]["meshConfig"] = {"accessLogFile": "/dev/stdout"}
        return At(item, ("spec", "meshConfig"))
    return None


@mutation("misplaced-install-value", "a slip in the name of a value in a text of values")
def slip_in_text(mesh: HealthyMesh) -> At | None:
    for item, way in _helm_of_applications(mesh, "cni", "istiod", "ztunnel"):
        helm = value_at(item, way)
        if "values" in helm and "global:" not in helm["values"]:
            helm["values"] += "gobal:\n  logAsJson: true\n"
            return At(item, (*way, "values"))
    return None


# missing-gateway-api-crd


@mutation("missing-gateway-api-crd", "the CRDs of the Gateway API are not installed any more")
def no_crds(mesh: HealthyMesh) -> At | None:
    gone = [item for item in mesh.of("CustomResourceDefinition") if item["spec"]["group"] == _GATEWAY_API]
    gone += [
        item
        for item in mesh.of("Kustomization", "Application", "GitRepository")
        if "gateway-api" in item["metadata"]["name"]
    ]
    for item in gone:
        mesh.remove(item)
    first = next((item for kind in _USED for item in mesh.of(kind) if _is_of_gateway_api(item)), None)
    return At(first, ("kind",)) if gone and first else None


@mutation("missing-gateway-api-crd", "the CRDs are of a channel without one of the kinds that are used")
def no_crd_of_kind(mesh: HealthyMesh) -> At | None:
    for item in mesh.of("CustomResourceDefinition"):
        name = item["spec"]["names"]["kind"]
        used = next((each for each in mesh.of(name) if _is_of_gateway_api(each)), None)
        if item["spec"]["group"] == _GATEWAY_API and name in ("TCPRoute", "TLSRoute", "GRPCRoute") and used:
            mesh.remove(item)
            return At(used, ("kind",))
    return None


# outdated-gateway-api-crd


@mutation("outdated-gateway-api-crd", "the CRD of a kind is of an old bundle")
def old_bundle(mesh: HealthyMesh) -> At | None:
    for item in _judged_crds(mesh):
        item["metadata"]["annotations"][_BUNDLE] = "v1.0.0"
        return At(item, ("metadata", "annotations", _BUNDLE))
    return None


@mutation("outdated-gateway-api-crd", "the CRD of a kind is of a bundle just too old for it")
def bundle_just_too_old(mesh: HealthyMesh) -> At | None:
    for item in _judged_crds(mesh):
        if item["spec"]["names"]["kind"] == "TLSRoute":
            item["metadata"]["annotations"][_BUNDLE] = "v1.4.1"
            return At(item, ("metadata", "annotations", _BUNDLE))
    return None


@mutation("outdated-gateway-api-crd", "a CRD has lost the annotation that tells its bundle")
def unknown_bundle(mesh: HealthyMesh) -> At | None:
    for item in _judged_crds(mesh):
        del item["metadata"]["annotations"][_BUNDLE]
        return At(item, ("metadata", "name"))
    return None


# contradictory-profile


@mutation("contradictory-profile", "istio-cni is left out of the components")
def profile_without_cni(mesh: HealthyMesh) -> At | None:
    for operator in mesh.of("IstioOperator"):
        operator["spec"].setdefault("components", {})["cni"] = {"enabled": False}
        return At(operator, ("spec", "components", "cni", "enabled"))
    return None


@mutation("contradictory-profile", "ztunnel is left out of the components")
def profile_without_ztunnel(mesh: HealthyMesh) -> At | None:
    for operator in mesh.of("IstioOperator"):
        operator["spec"].setdefault("components", {})["ztunnel"] = {"enabled": False}
        return At(operator, ("spec", "components", "ztunnel", "enabled"))
    return None


@mutation("contradictory-profile", "a slip in the name of the profile")
def slip_in_profile(mesh: HealthyMesh) -> At | None:
    for item, way in mesh.chart_values("istiod", "cni"):
        if "profile" in value_at(item, way):
            value_at(item, way)["profile"] = "ambiant"
            return At(item, (*way, "profile"))
    for operator in mesh.of("IstioOperator"):
        operator["spec"]["profile"] = "ambiant"
        return At(operator, ("spec", "profile"))
    return None


# disabled-ambient-cni


@mutation("disabled-ambient-cni", "Istio is installed without ambient mode, and the labels are there")
def sidecar_installation(mesh: HealthyMesh) -> At | None:
    if "complete" not in mesh.circumstances or any(mesh.of("IstioOperator", "IstioCNI", "HelmRelease")):
        return None
    cni = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-cni-config", "namespace": ROOT},
        "data": {"AMBIENT_ENABLED": "false", "EXCLUDE_NAMESPACES": "kube-system"},
    }
    return At(mesh.add(cni), ("data", "AMBIENT_ENABLED")) if any(mesh.ambient_namespaces()) else None


# dead-ambient-flag


@mutation("dead-ambient-flag", "istiod is given a switch that was removed long ago")
def removed_switch(mesh: HealthyMesh) -> At | None:
    for item, way in _istiod_values(mesh):
        values = value_at(item, way[:-1]).setdefault(way[-1], {})
        values.setdefault("pilot", {}).setdefault("env", {})["PILOT_ENABLE_HBONE"] = "true"
        return At(item, (*way, "pilot", "env", "PILOT_ENABLE_HBONE"))
    for istiod in _rendered(mesh, "Deployment", "istiod"):
        _env(istiod).append({"name": "PILOT_ENABLE_AMBIENT_CONTROLLERS", "value": "true"})
        return At(istiod, (*_env_path(istiod), len(_env(istiod)) - 1, "value"))
    return None


# unknown-platform


@mutation("unknown-platform", "a platform is named that the charts do not know")
def platform_of_others(mesh: HealthyMesh) -> At | None:
    for item, way in (*mesh.chart_values("istiod", "cni"), *_operator_values(mesh)):
        values = value_at(item, way[:-1]).setdefault(way[-1], {})
        values.setdefault("global", {})["platform"] = "eks"
        return At(item, (*way, "global", "platform"))
    return None


# What they share


def _operator_values(mesh: HealthyMesh) -> Iterator[Place]:
    return ((item, ("spec", "values")) for item in mesh.of("IstioOperator", "Istio"))


def _istiod_values(mesh: HealthyMesh) -> Iterator[Place]:
    """The values that istiod is installed with."""
    yield from mesh.chart_values("istiod")
    yield from _operator_values(mesh)


def _chart_name(release: Object) -> object:
    return release["spec"].get("chart", {}).get("spec", {}).get("chart")


def _chart_of(item: Object, chart: str) -> tuple[str | int, ...]:
    """The way to the name of a chart in a HelmRelease or an Application."""
    if item["kind"] == "HelmRelease":
        return ("spec", "chart", "spec", "chart")
    sources = item["spec"].get("sources")
    if sources is None:
        return ("spec", "source", "chart")
    return ("spec", "sources", [source.get("chart") for source in sources].index(chart), "chart")


def _helm_of_applications(mesh: HealthyMesh, *charts: str) -> Iterator[Place]:
    """Where Applications tell Helm about charts."""
    for item in mesh.of("Application"):
        sources = item["spec"].get("sources")
        ways: list[tuple[str | int, ...]] = [("source",)]
        if sources is not None:
            ways = [("sources", index) for index, _ in enumerate(sources)]
        for way in ways:
            source = value_at(item, ("spec", *way))
            if source.get("chart") in charts and "helm" in source:
                yield item, ("spec", *way, "helm")


def _rendered(mesh: HealthyMesh, kind: str, app: str) -> Iterator[Object]:
    return (each for each in mesh.of(kind) if pod_metadata(each).get("labels", {}).get("app") == app)


def _env(workload: Object) -> list[Any]:
    found: list[Any] = pod_template(workload)["spec"]["containers"][0]["env"]
    return found


def _env_path(workload: Object) -> tuple[str | int, ...]:
    return (*pod_path(workload), "spec", "containers", 0, "env")


def _what_makes_cni_ambient(mesh: HealthyMesh) -> At | None:
    for item in mesh.of("HelmRelease"):
        if _chart_name(item) == "cni":
            return At(item, ("spec", "values", "profile"))
    for item in mesh.of("IstioCNI"):
        return At(item, ("spec", "profile"))
    for config in mesh.of("ConfigMap"):
        if "AMBIENT_ENABLED" in config.get("data", {}):
            return At(config, ("data", "AMBIENT_ENABLED"))
    for item in mesh.of("Application"):
        for index, source in enumerate(item["spec"].get("sources", ())):
            if source.get("chart") == "cni":
                return At(item, ("spec", "sources", index, "helm", "parameters", 0, "value"))
    return None


def _is_of_gateway_api(item: Object) -> bool:
    return str(item["apiVersion"]).startswith(_GATEWAY_API)


def _judged_crds(mesh: HealthyMesh) -> Iterator[Object]:
    """The CRDs of the Gateway API for which istiod has a minimum."""
    for item in mesh.of("CustomResourceDefinition"):
        names = ("GRPCRoute", "TLSRoute", "TCPRoute", "BackendTLSPolicy")
        if item["spec"]["group"] == _GATEWAY_API and item["spec"]["names"]["kind"] in names:
            yield item
