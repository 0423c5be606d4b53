"""Core kinds: Namespace, Service, ConfigMap, and what extends the API server."""

from collections.abc import Iterator, Mapping
from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.kind import API_SERVICE, CUSTOM_RESOURCE_DEFINITION, SERVICE, Kind, ResourceRef
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath

_HTTPS = 443
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"


class Namespace(Resource):
    """A namespace."""

    def __init__(self, head: Head, _: Fields) -> None:
        super().__init__(head)

    @property
    def effective_labels(self) -> Mapping[str, str]:
        """The labels that selectors see: the API server adds the namespace's name."""
        return {**self.labels, NAMESPACE_NAME_LABEL: self.name}


class ServicePort(NamedTuple):
    """A port of a Service. `target` is a number, a port name, or None for the same number."""

    name: str
    number: int | None
    target: int | str | None
    protocol: str
    app_protocol: str

    @property
    def pod_port(self) -> int | str | None:
        """The port of the pods that it leads to: a number, or the name that a container gives it."""
        return self.number if self.target is None else self.target


class Service(Resource):
    """A Service. An empty `selector` selects nothing."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.type: Final = spec.text("type") or "ClusterIP"
        self.cluster_ip: Final = spec.text("clusterIP")
        self.selector: Final = spec.text_map("selector")
        self.ports: Final = tuple(_service_port(port) for port in spec.each("ports"))
        self.external_ips: Final = spec.texts("externalIPs")

    @property
    def is_headless(self) -> bool:
        """Whether it has no virtual IP of its own."""
        return self.cluster_ip == "None"

    @property
    def is_external_name(self) -> bool:
        """Whether it is an alias of a DNS name."""
        return self.type == "ExternalName"


class ConfigMap(Resource):
    """A ConfigMap."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        self.data: Final = document.text_map("data")


class Webhook(NamedTuple):
    """A webhook, with what it selects."""

    name: str
    namespace_selector: LabelSelector
    object_selector: LabelSelector


class ServiceCall(NamedTuple):
    """A Service that the API server is told to call at a port; `path` is the way to where it is named."""

    service: ResourceRef
    port: int
    path: FieldPath


class ApiExtension(Resource):
    """What extends the API server by a Service: webhooks, the conversion of a CRD, an APIService."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        self.calls: Final = tuple(_calls(head, document))


class MutatingWebhook(ApiExtension):
    """A MutatingWebhookConfiguration."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head, document)
        self.webhooks: Final = tuple(
            Webhook(
                webhook.text("name"),
                LabelSelector.read(webhook.part("namespaceSelector")),
                LabelSelector.read(webhook.part("objectSelector")),
            )
            for webhook in document.each("webhooks")
        )


class CustomResourceDefinition(ApiExtension):
    """A CustomResourceDefinition: it `defines` a kind."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head, document)
        spec = document.part("spec")
        self.defines: Final = Kind(spec.text("group"), spec.part("names").text("kind"))


def _service_port(port: Fields) -> ServicePort:
    target = port.data.get("targetPort")
    return ServicePort(
        name=port.text("name"),
        number=port.number("port"),
        target=target if isinstance(target, int | str) else None,
        protocol=port.text("protocol") or "TCP",
        app_protocol=port.text("appProtocol"),
    )


def _calls(head: Head, document: Fields) -> Iterator[ServiceCall]:
    if head.ref.kind == API_SERVICE:
        places = [document.part("spec")]
    elif head.ref.kind == CUSTOM_RESOURCE_DEFINITION:
        places = [document.part("spec", "conversion", "webhook", "clientConfig")]
    else:
        places = [webhook.part("clientConfig") for webhook in document.each("webhooks")]
    for place in places:
        if "service" in place:
            named = place.part("service")
            ref = ResourceRef(SERVICE, named.text("namespace") or None, named.text("name"))
            yield ServiceCall(ref, named.number("port") or _HTTPS, named.path)
