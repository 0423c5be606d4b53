"""From manifests to resources: the door at which types are checked."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module

from meshlint.model import kind as k
from meshlint.model.fields import Fields
from meshlint.model.kind import Kind, ResourceRef, is_cluster_wide
from meshlint.model.kinds import core, gateway, policy, traffic, workload
from meshlint.model.resource import Head, Resource
from meshlint.named import NamedTuple
from meshlint.source.document import Manifest

_Decoder = Callable[[Head, Fields], Resource]

_DECODERS: Mapping[Kind, _Decoder] = {
    k.NAMESPACE: core.Namespace,
    k.SERVICE: core.Service,
    k.CONFIG_MAP: core.ConfigMap,
    **dict.fromkeys(k.API_EXTENSIONS, core.ApiExtension),
    k.CUSTOM_RESOURCE_DEFINITION: core.CustomResourceDefinition,
    k.MUTATING_WEBHOOK: core.MutatingWebhook,
    **dict.fromkeys(k.WORKLOADS, workload.Workload),
    k.WORKLOAD_ENTRY: workload.WorkloadEntry,
    k.WORKLOAD_GROUP: workload.WorkloadGroup,
    k.GATEWAY: gateway.Gateway,
    k.GATEWAY_CLASS: gateway.GatewayClass,
    k.REFERENCE_GRANT: gateway.ReferenceGrant,
    **dict.fromkeys(k.ROUTES, gateway.Route),
    **dict.fromkeys(k.TARGETED_POLICIES, policy.TargetedPolicy),
    k.AUTHORIZATION_POLICY: policy.AuthorizationPolicy,
    k.REQUEST_AUTHENTICATION: policy.RequestAuthentication,
    k.WASM_PLUGIN: policy.Extension,
    k.TRAFFIC_EXTENSION: policy.Extension,
    k.PEER_AUTHENTICATION: policy.PeerAuthentication,
    k.SERVICE_ENTRY: traffic.ServiceEntry,
    k.VIRTUAL_SERVICE: traffic.VirtualService,
    k.DESTINATION_RULE: traffic.DestinationRule,
    k.SIDECAR: traffic.Sidecar,
}
# Of modules that nothing else loads in most runs.
_SELDOM: Mapping[Kind, tuple[str, str]] = {
    k.NETWORK_POLICY: ("network", "NetworkPolicy"),
    k.INGRESS: ("network", "Ingress"),
    k.INGRESS_CLASS: ("network", "IngressClass"),
    k.CLUSTER_SPIFFE_ID: ("spire", "ClusterSpiffeId"),
}


def decode(manifests: Iterable[Manifest], default_namespace: str | None = None) -> list[Resource]:
    """
    Decode manifests into resources, in their order.

    Fields of a wrong type are kept in `Head.malformed`. An object that names no namespace
    gets `default_namespace`, if there is one.
    """
    return [_resource(manifest, default_namespace) for manifest in manifests]


class _Door(NamedTuple):
    """What an object of some API version and kind is."""

    kind: Kind
    is_cluster_wide: bool
    decoder: _Decoder | None


@cache
def _door(api_version: str, name: str) -> _Door:
    kind = Kind(api_version.rpartition("/")[0], name)
    decoder = _DECODERS.get(kind)
    if decoder is None and kind in _SELDOM:
        module, called = _SELDOM[kind]
        decoder = getattr(import_module(f"meshlint.model.kinds.{module}"), called)
    return _Door(kind, is_cluster_wide(kind), decoder)


def _resource(manifest: Manifest, default_namespace: str | None) -> Resource:
    document = Fields(manifest.data, (), [])
    metadata = document.part("metadata")
    api_version = document.text("apiVersion")
    door = _door(api_version, document.text("kind"))
    namespace = None if door.is_cluster_wide else metadata.text("namespace") or default_namespace
    head = Head(
        ResourceRef(door.kind, namespace, metadata.text("name")),
        api_version,
        manifest,
        metadata.text_map("labels"),
        metadata.text_map("annotations"),
        manifest.is_live,
        document.malformed,
    )
    return door.decoder(head, document) if door.decoder else Resource(head)
