"""Which waypoint an object really gets."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from meshlint.graph.graph import ResourceGraph
from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.waypoint import SERVICE_TRAFFIC, WORKLOAD_TRAFFIC, admits, traffic_type
from meshlint.model.keys import MANAGED, USE_WAYPOINT
from meshlint.model.kind import GATEWAY_CLASS, ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.references import waypoint_reference
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.source.document import FieldPath, Location

_WAYPOINT_SERVICES = frozenset({"istio.io-mesh-controller", "istio.io-eastwest-controller"})


class BindingState(Enum):
    """
    What became of a request for a waypoint.

    Where istiod refuses, the value is the reason that it writes into the condition
    `istio.io/WaypointBound` (istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, from 1.24).
    `UNKNOWN`: it depends on something outside of the set.
    """

    BOUND = "bound"
    ABSENT = "absent"
    OPTED_OUT = "opted-out"
    UNKNOWN = "unknown"
    NOT_READY = "WaypointIsNotReady"
    ATTACHMENT_DENIED = "AttachmentDenied"
    UNSUPPORTED_TRAFFIC_TYPE = "UnsupportedTrafficType"


class WaypointBinding(NamedTuple):
    """
    What became of a request for a waypoint, and the label that made it.

    `asked_by` is the object that carries the label: the object itself or its Namespace.
    `wanted` is the Gateway that the label names, `gateway` that Gateway if the set holds it.
    `because` starts with the label. `traffic` are the types of waypoint that could serve what asks.
    """

    state: BindingState
    asked_by: Resource | None = None
    asked_at: Location | None = None
    wanted: ResourceRef | None = None
    gateway: Gateway | None = None
    because: tuple[Cause, ...] = ()
    traffic: frozenset[str] = frozenset()


class _Request(NamedTuple):
    """Something that may carry `use-waypoint`, and the traffic that a waypoint must be for to serve it."""

    labels: Mapping[str, str]
    path: FieldPath
    carrier: Resource
    namespace: str | None
    traffic: frozenset[str]


_NOTHING_ASKED = WaypointBinding(BindingState.ABSENT)


class WaypointBindings:
    """
    The rules by which istiod binds objects to waypoints.

    istio `pilot/pkg/serviceregistry/ambient/waypoints.go`: fetchWaypointForTarget,
    fetchWaypointForService, fetchWaypointForWorkload; the same since 1.24. A label on the
    object shadows the namespace's even if it names nothing: there is no fall-back.
    """

    def __init__(self, graph: ResourceGraph, version: IstioVersion) -> None:
        self._graph = graph
        self._version = version

    def own(self, subject: Resource) -> Iterator[WaypointBinding]:
        """One binding for each `use-waypoint` label that an object itself carries."""
        if isinstance(subject, Service) and _is_beyond_waypoints(subject):
            return
        for request in _requests(subject):
            if USE_WAYPOINT in request.labels:
                yield self._resolve(request, request)

    def effective(self, subject: Resource) -> WaypointBinding:
        """The binding of an object, by its own label or else its namespace's."""
        if isinstance(subject, Service) and _is_beyond_waypoints(subject):
            return _NOTHING_ASKED
        request = next(_requests(subject), None)
        if request is None:
            return _NOTHING_ASKED
        if USE_WAYPOINT in request.labels or isinstance(subject, Namespace):
            return self._resolve(request, request)
        return self._inherited(subject, request)

    def admits(self, gateway: Gateway, subject: Resource) -> Derived[bool | None]:
        """Whether an object may use a waypoint; None if that takes labels of a namespace not known."""
        if self._version < IstioVersion(1, 23, 0):
            return Derived(True)
        name = subject.name if isinstance(subject, Namespace) else subject.namespace
        # A selector decides about the waypoint's own namespace too.
        found = self._graph.namespace_of(subject)
        namespace = Known(found.presence, found.value if isinstance(found.value, Namespace) else None)
        return admits(gateway, class_of(self._graph, gateway), name, namespace)

    def _inherited(self, subject: Resource, request: _Request) -> WaypointBinding:
        namespace = self._graph.namespace_of(subject)
        if namespace.is_unknown:
            return WaypointBinding(BindingState.UNKNOWN)
        if not isinstance(namespace.value, Namespace) or USE_WAYPOINT not in namespace.value.labels:
            return _NOTHING_ASKED
        asked = next(_requests(namespace.value))
        binding = self._resolve(request, asked)
        if binding.state is BindingState.OPTED_OUT:
            return binding._replace(state=BindingState.ABSENT)
        unserved = binding.state is BindingState.UNSUPPORTED_TRAFFIC_TYPE
        if unserved and isinstance(subject, Workload | WorkloadEntry):
            # The namespace asked on behalf of its Services; its pods are not meant.
            return binding._replace(state=BindingState.ABSENT)
        return binding

    def _resolve(self, target: _Request, asked: _Request) -> WaypointBinding:
        """Bind `target` to what the labels of `asked` name: its own, or its namespace's."""
        value = asked.labels.get(USE_WAYPOINT)
        if value is None:
            return _NOTHING_ASKED
        at = asked.carrier.at(*asked.path, USE_WAYPOINT)
        label = Cause(f"{_of(asked)} asks for waypoint {value!r}", at)
        binding = WaypointBinding(
            BindingState.UNKNOWN, asked.carrier, at, because=(label,), traffic=target.traffic
        )
        wanted = waypoint_reference(asked.labels, asked.namespace)
        if wanted is None:
            return binding._replace(state=BindingState.OPTED_OUT)
        binding = binding._replace(wanted=wanted)
        found = self._graph.find(wanted)
        if isinstance(found.value, Gateway):
            return self._attach(binding._replace(gateway=found.value), found.value, target)
        return binding._replace(state=BindingState.NOT_READY) if found.is_absent else binding

    def _attach(self, binding: WaypointBinding, gateway: Gateway, target: _Request) -> WaypointBinding:
        gateway_class = class_of(self._graph, gateway)
        admitted = self.admits(gateway, target.carrier)
        if admitted.value is None:
            return binding._replace(because=(*binding.because, *admitted.because))
        if not admitted.value:
            return binding._replace(
                state=BindingState.ATTACHMENT_DENIED,
                because=(*binding.because, *admitted.because),
            )
        traffic = traffic_type(gateway, gateway_class)
        if traffic.value is None:
            return binding._replace(because=(*binding.because, *traffic.because))
        served = traffic.value in target.traffic
        state = BindingState.BOUND if served else BindingState.UNSUPPORTED_TRAFFIC_TYPE
        return binding._replace(state=state, because=(*binding.because, *traffic.because))


def class_of(graph: ResourceGraph, gateway: Gateway) -> Known[GatewayClass]:
    """The GatewayClass of a Gateway."""
    found = graph.find(ResourceRef(GATEWAY_CLASS, None, gateway.class_name))
    return Known(found.presence, found.value if isinstance(found.value, GatewayClass) else None)


def waypoint_label_holders(subject: Resource) -> Iterator[tuple[Mapping[str, str], FieldPath]]:
    """Where an object can carry `use-waypoint` for Istio to read it: the labels, and the way to them."""
    return ((request.labels, request.path) for request in _requests(subject))


def _requests(subject: Resource) -> Iterator[_Request]:
    labels = ("metadata", "labels")
    match subject:
        case Namespace():
            yield _Request(subject.labels, labels, subject, subject.name, SERVICE_TRAFFIC)
        case Service():
            yield _Request(subject.labels, labels, subject, subject.namespace, SERVICE_TRAFFIC)
        case ServiceEntry():
            yield _Request(subject.labels, labels, subject, subject.namespace, SERVICE_TRAFFIC)
            for endpoint in subject.endpoints:
                path = (*endpoint.path, "labels")
                yield _Request(endpoint.labels, path, subject, subject.namespace, WORKLOAD_TRAFFIC)
        case Workload():
            path = (*subject.template, *labels)
            yield _Request(subject.pod_labels, path, subject, subject.namespace, WORKLOAD_TRAFFIC)
        case WorkloadEntry():
            yield _Request(subject.labels, labels, subject, subject.namespace, WORKLOAD_TRAFFIC)
        case _:
            pass


def _is_beyond_waypoints(service: Service) -> bool:
    """An alias of a DNS name is not in the mesh; a waypoint's own Service has no waypoint."""
    return service.is_external_name or service.labels.get(MANAGED) in _WAYPOINT_SERVICES


def _of(request: _Request) -> str:
    kind, name = request.carrier.kind.name, request.carrier.name
    return f"{'namespace' if kind == 'Namespace' else kind} {name!r}"
