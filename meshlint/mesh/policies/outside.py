"""Who calls pods from outside of the mesh: the API server, and clients outside of the cluster."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from meshlint.graph.graph import Relation, ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.model.keys import MANAGED
from meshlint.model.kind import INGRESS_CLASS, SERVICE, WORKLOADS, ResourceRef
from meshlint.model.kinds.core import ApiExtension, Service, ServicePort
from meshlint.model.kinds.network import Ingress, IngressBackend, IngressClass
from meshlint.model.kinds.workload import Workload
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Location

_ISTIO_CLASS = "istio"
_ISTIO_CONTROLLER = "istio.io/ingress-controller"
# These controllers configure load balancers that stand outside of the cluster.
_OF_THE_CLOUD = frozenset(
    {
        "alb",
        "azure-application-gateway",
        "azure/application-gateway",
        "gce",
        "gce-internal",
        "ingress.k8s.aws/alb",
    }
)
_CLASS_OPTION = regex(r"(?:ingressclass|ingressclassname|controllerclass)$")

_ModeOf = Callable[[Workload], Derived[DataplaneMode]]


class ApiServerCall(NamedTuple):
    """
    A call of the API server to the pods behind a Service.

    `pod_port` is None if no container declares the name that the Service gives it.
    """

    extension: ApiExtension
    service: Service
    port: int
    pod_port: int | None
    at: Location


class ExposedPort(NamedTuple):
    """
    A port of a Service that is open to clients outside of the cluster.

    `at` is the line that opens it, `is_outside` whether what then calls the pods is outside of the mesh;
    None where that is not known.
    """

    service: Service
    port: ServicePort
    at: Location
    is_outside: Derived[bool | None]


def api_server_calls(workload: Workload, graph: ResourceGraph) -> Iterator[ApiServerCall]:
    """The calls that webhooks, the conversion of CRDs and APIServices have the API server make to pods."""
    for service in graph.services_of(workload):
        callers = dict.fromkeys(edge.source for edge in graph.edges_to(service.ref, Relation.CALLS))
        for extension in callers:
            if isinstance(extension, ApiExtension):
                yield from _calls(extension, service, workload)


def exposed_by_service(service: Service) -> Iterator[ExposedPort]:
    """
    The ports that a Service opens itself: by its type, or by addresses outside of the cluster.

    Not those of Services that istiod makes for Gateways, labelled `gateway.istio.io/managed`.
    """
    if MANAGED in service.labels:
        return
    at = None
    if service.type in ("LoadBalancer", "NodePort"):
        at = service.at("spec", "type")
    elif service.external_ips:
        at = service.at("spec", "externalIPs")
    if at is not None:
        yield from (ExposedPort(service, port, at, Derived(True)) for port in service.ports)


def exposed_by_ingress(
    ingress: Ingress, is_outside: Derived[bool | None], graph: ResourceGraph
) -> Iterator[ExposedPort]:
    """The ports of Services that an Ingress sends to."""
    for backend in ingress.backends:
        found = graph.find(ResourceRef(SERVICE, ingress.namespace, backend.service)).value
        if isinstance(found, Service):
            at = ingress.at(*backend.path, "name")
            for port in found.ports:
                if _is_meant(port, backend):
                    yield ExposedPort(found, port, at, is_outside)


class IngressControllers:
    """The controllers that serve Ingresses, as far as the set tells of them."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph

    def is_outside(self, ingress: Ingress, mode_of: _ModeOf) -> Derived[bool | None]:
        """Whether what carries the traffic of an Ingress is outside of the mesh; None where nothing tells."""
        names = frozenset(self._names(ingress))
        if names & {_ISTIO_CLASS, _ISTIO_CONTROLLER}:
            return Derived(False)
        if names & _OF_THE_CLOUD:
            cause = Cause("its load balancer stands outside of the cluster", self._class_at(ingress))
            return Derived(True, (cause,))
        serving = [workload for name in sorted(names) for workload in self._serving.get(name, ())]
        modes = {mode_of(workload).value for workload in serving}
        if not serving or DataplaneMode.UNKNOWN in modes:
            return Derived(None)
        first = serving[0]
        cause = Cause(f"{first.kind.name} {first.name!r} carries its traffic", first.at())
        return Derived(modes == {DataplaneMode.NONE}, (cause,))

    def _names(self, ingress: Ingress) -> Iterator[str]:
        """The class of an Ingress, and the controller of the class."""
        if ingress.class_name:
            yield ingress.class_name
        for each in self._graph.of_kind(INGRESS_CLASS):
            if isinstance(each, IngressClass):
                is_meant = each.name == ingress.class_name if ingress.class_name else each.is_default
                if is_meant:
                    yield from (each.name, each.controller)

    def _class_at(self, ingress: Ingress) -> Location:
        return ingress.at("spec", "ingressClassName")

    @cached_property
    def _serving(self) -> Mapping[str, list[Workload]]:
        """The workloads that are told to serve a class or a controller's classes, by its name."""
        serving: dict[str, list[Workload]] = defaultdict(list)
        for workload in self._graph.of_kind(*WORKLOADS):
            if isinstance(workload, Workload):
                for name in _served_by(workload):
                    serving[name].append(workload)
        return serving


def _calls(extension: ApiExtension, service: Service, workload: Workload) -> Iterator[ApiServerCall]:
    for call in extension.calls:
        for port in service.ports:
            if call.service == service.ref and port.number == call.port:
                at, pod_port = extension.at(*call.path, "name"), workload.pod_port(port.pod_port)
                yield ApiServerCall(extension, service, call.port, pod_port, at)


def _is_meant(port: ServicePort, backend: IngressBackend) -> bool:
    if isinstance(backend.port, str):
        return port.name == backend.port
    return backend.port is None or port.number == backend.port


def _served_by(workload: Workload) -> Iterator[str]:
    """The names that a workload is told by options and variables such as `--ingress-class`."""
    for container in workload.containers:
        options = (argument.partition("=")[::2] for argument in container.args)
        for option, value in (*options, *container.env.items()):
            if value and _CLASS_OPTION.search(re.sub(r"[^a-z]", "", option.lower())):
                yield value
