"""Core kinds: Namespace, Service, ConfigMap, webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlint.model.fields import Fields
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Namespace(Resource):
    """A namespace."""

    @property
    def effective_labels(self) -> Mapping[str, str]:
        """The labels that selectors see: the API server adds the namespace's name."""
        return {**self.labels, NAMESPACE_NAME_LABEL: self.name}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ServicePort:
    """A port of a Service. `target` is a number, a port name, or None for the same number."""

    name: str
    number: int | None
    target: int | str | None
    protocol: str
    app_protocol: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Service(Resource):
    """A Service. An empty `selector` selects nothing."""

    type: str
    cluster_ip: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]

    @property
    def is_headless(self) -> bool:
        """Whether it has no virtual IP of its own."""
        return self.cluster_ip == "None"

    @property
    def is_external_name(self) -> bool:
        """Whether it is an alias of a DNS name."""
        return self.type == "ExternalName"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConfigMap(Resource):
    """A ConfigMap."""

    data: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Webhook:
    """A webhook, with what it selects."""

    name: str
    namespace_selector: LabelSelector
    object_selector: LabelSelector


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MutatingWebhook(Resource):
    """A MutatingWebhookConfiguration."""

    webhooks: tuple[Webhook, ...]


def namespace(head: Head, _: Fields) -> Namespace:
    """Decode a Namespace."""
    return Namespace(head)


def service(head: Head, document: Fields) -> Service:
    """Decode a Service."""
    spec = document.part("spec")
    return Service(
        head,
        type=spec.text("type") or "ClusterIP",
        cluster_ip=spec.text("clusterIP"),
        selector=spec.text_map("selector"),
        ports=tuple(_service_port(port) for port in spec.each("ports")),
    )


def config_map(head: Head, document: Fields) -> ConfigMap:
    """Decode a ConfigMap."""
    return ConfigMap(head, document.text_map("data"))


def mutating_webhook(head: Head, document: Fields) -> MutatingWebhook:
    """Decode a MutatingWebhookConfiguration."""
    return MutatingWebhook(
        head,
        tuple(
            Webhook(
                webhook.text("name"),
                LabelSelector.read(webhook.part("namespaceSelector")),
                LabelSelector.read(webhook.part("objectSelector")),
            )
            for webhook in document.each("webhooks")
        ),
    )


def _service_port(port: Fields) -> ServicePort:
    target = port.data.get("targetPort")
    return ServicePort(
        name=port.text("name"),
        number=port.number("port"),
        target=target if isinstance(target, int | str) else None,
        protocol=port.text("protocol") or "TCP",
        app_protocol=port.text("appProtocol"),
    )
