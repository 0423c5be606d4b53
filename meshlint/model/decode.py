"""From manifests to resources: the door at which types are checked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from meshlint.model import kind as k
from meshlint.model.fields import Fields, Malformed
from meshlint.model.kind import Kind, ResourceRef, is_cluster_wide
from meshlint.model.kinds import core, gateway, policy, traffic, workload
from meshlint.model.resource import Head, Resource
from meshlint.source.document import Manifest

_Decoder = Callable[[Head, Fields], Resource]

_DECODERS: Mapping[Kind, _Decoder] = {
    k.NAMESPACE: core.namespace,
    k.SERVICE: core.service,
    k.CONFIG_MAP: core.config_map,
    k.MUTATING_WEBHOOK: core.mutating_webhook,
    **dict.fromkeys(k.WORKLOADS, workload.workload),
    k.WORKLOAD_ENTRY: workload.workload_entry,
    k.WORKLOAD_GROUP: workload.workload_group,
    k.GATEWAY: gateway.gateway,
    k.GATEWAY_CLASS: gateway.gateway_class,
    **dict.fromkeys(k.ROUTES, gateway.route),
    **dict.fromkeys(k.TARGETED_POLICIES, policy.targeted_policy),
    k.AUTHORIZATION_POLICY: policy.authorization_policy,
    k.PEER_AUTHENTICATION: policy.peer_authentication,
    k.SERVICE_ENTRY: traffic.service_entry,
    k.VIRTUAL_SERVICE: traffic.virtual_service,
    k.DESTINATION_RULE: traffic.destination_rule,
}


def decode(manifests: Iterable[Manifest], default_namespace: str | None = None) -> list[Resource]:
    """
    Decode manifests into resources, in their order.

    Fields of a wrong type are kept in `Head.malformed`. An object that names no namespace
    gets `default_namespace`, if there is one.
    """
    return [_resource(manifest, default_namespace) for manifest in manifests]


def _resource(manifest: Manifest, default_namespace: str | None) -> Resource:
    malformed: list[Malformed] = []
    document = Fields(manifest.data, (), malformed)
    head = _head(manifest, document, default_namespace)
    decoder = _DECODERS.get(head.ref.kind)
    resource = decoder(head, document) if decoder else Resource(head)
    if malformed:
        return replace(resource, head=replace(head, malformed=tuple(malformed)))
    return resource


def _head(manifest: Manifest, document: Fields, default_namespace: str | None) -> Head:
    metadata = document.part("metadata")
    api_version = document.text("apiVersion")
    kind = Kind(api_version.rpartition("/")[0], document.text("kind"))
    namespace = None
    if not is_cluster_wide(kind):
        namespace = metadata.text("namespace") or default_namespace
    return Head(
        ref=ResourceRef(kind, namespace, metadata.text("name")),
        api_version=api_version,
        manifest=manifest,
        labels=metadata.text_map("labels"),
        annotations=metadata.text_map("annotations"),
        live="uid" in metadata and "resourceVersion" in metadata,
    )
