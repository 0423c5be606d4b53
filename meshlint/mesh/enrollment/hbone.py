"""Whether sidecars listen for HBONE: no other mTLS do ztunnel and waypoints speak to them."""

from collections.abc import Iterator, Mapping

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.mesh_config import MeshConfig
from meshlint.model.fields import as_text
from meshlint.model.keys import POD_PROXY_CONFIG
from meshlint.model.kind import PROXY_CONFIG
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.source.reading import parse_yaml

_SWITCH = "ISTIO_META_ENABLE_HBONE"


def hears_hbone(workload: Workload, graph: ResourceGraph, config: MeshConfig) -> Derived[bool | None]:
    """
    Whether the sidecars of a workload listen for HBONE; None where the manifests do not tell.

    The pods' `proxy.istio.io/config`, else a ProxyConfig that selects them, one of their namespace, one of
    the root namespace, else MeshConfig (istio `pilot/pkg/model/proxy_config.go`, EffectiveProxyConfig).
    """
    own = parse_yaml(workload.pod_annotations.get(POD_PROXY_CONFIG, ""))
    metadata = own.get("proxyMetadata") if isinstance(own, Mapping) else None
    if isinstance(metadata, Mapping) and _SWITCH in metadata:
        at = workload.pod_annotation_at(POD_PROXY_CONFIG)
        return _switched(metadata[_SWITCH], Cause(f"the pods set `{_SWITCH}` themselves", at))
    for proxy_config in _proxy_configs(workload, graph, config.root_namespace.value):
        path = ("spec", "environmentVariables", _SWITCH)
        value = proxy_config.manifest.value(*path)
        if value is not None:
            text = f"ProxyConfig {proxy_config.name!r} sets `{_SWITCH}`"
            return _switched(value, Cause(text, proxy_config.at(*path)))
    return config.hbone_enabled


def _switched(value: object, cause: Cause) -> Derived[bool | None]:
    return Derived(as_text(value) == "true", (cause,))


def _proxy_configs(workload: Workload, graph: ResourceGraph, root: str) -> Iterator[Resource]:
    """The ProxyConfigs for the pods of a workload, the most specific first."""
    beside = list(graph.in_namespace(workload.namespace, PROXY_CONFIG))
    yield from (it for it in beside if _selector(it) and _selects(it, workload))
    yield from (it for it in beside if not _selector(it))
    yield from (it for it in graph.in_namespace(root, PROXY_CONFIG) if not _selector(it))


def _selects(proxy_config: Resource, workload: Workload) -> bool:
    return all(workload.pod_labels.get(key) == value for key, value in _selector(proxy_config).items())


def _selector(proxy_config: Resource) -> Mapping[str, object]:
    found = proxy_config.manifest.value("spec", "selector", "matchLabels")
    return found if isinstance(found, Mapping) else {}
