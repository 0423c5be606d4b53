"""Which waypoint an object really gets."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from meshlint.graph.graph import ResourceGraph
from meshlint.graph.known import Known
from meshlint.mesh import changes
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.mesh_config import ServiceEntryVisibility
from meshlint.mesh.waypoints.waypoint import (
    SERVICE_TRAFFIC,
    WORKLOAD_TRAFFIC,
    admits,
    allowed_routes,
    lacks_address,
    traffic_type,
)
from meshlint.model.keys import GATEWAY_NAME, MANAGED, USE_WAYPOINT
from meshlint.model.kind import GATEWAY, GATEWAY_CLASS, ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway, GatewayClass
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload, WorkloadEntry
from meshlint.model.references import waypoint_reference
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location


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
    CROSS_NAMESPACE = "CrossNamespaceWaypointForbidden"
    CANARY_INVALID_WEIGHT = "CanaryInvalidWeight"
    CANARY_SAME_AS_PRIMARY = "CanarySameAsPrimary"


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
_WITHOUT_WAYPOINT = {
    "istio.io-mesh-controller": changes.WAYPOINTS_HAVE_NO_WAYPOINT,
    "istio.io-eastwest-controller": changes.EAST_WEST_GATEWAYS_HAVE_NO_WAYPOINT,
}


class WaypointBindings:
    """
    The rules by which istiod binds objects to waypoints.

    istio `pilot/pkg/serviceregistry/ambient/waypoints.go`: fetchWaypointForTarget,
    fetchWaypointForService, fetchWaypointForWorkload; the same since 1.24. A label on the
    object shadows the namespace's even if it names nothing: there is no fall-back.
    `visibility` is how widely ServiceEntries are visible, None for Istio's own rule.
    """

    def __init__(
        self,
        graph: ResourceGraph,
        version: IstioVersion,
        visibility: Callable[[], ServiceEntryVisibility | None] = lambda: None,
    ) -> None:
        self._graph = graph
        self._version = version
        self._visibility = visibility

    def own(self, subject: Resource) -> Iterator[WaypointBinding]:
        """One binding for each `use-waypoint` label that an object itself carries."""
        if self._is_beyond_waypoints(subject):
            return
        for request in _requests(subject, self._version):
            if USE_WAYPOINT in request.labels:
                yield self._of_instance(request, self._resolve(request, request))

    def effective(self, subject: Resource) -> WaypointBinding:
        """The binding of an object, by its own label or else its namespace's."""
        if self._is_beyond_waypoints(subject):
            return _NOTHING_ASKED
        request = next(_requests(subject, self._version), None)
        return self._effective(request) if request else _NOTHING_ASKED

    def nominal(self, service: Service) -> WaypointBinding:
        """What the labels of a Service would bind it to if it could be, as of an alias of a DNS name."""
        return self._effective(next(_requests(service, self._version)))

    def of_endpoints(self, entry: ServiceEntry) -> Iterator[WaypointBinding]:
        """The binding of each inline endpoint of a ServiceEntry, in their order: workloads of their own."""
        return (self._effective(request) for request in list(_requests(entry, self._version))[1:])

    def canary(self, subject: Service | ServiceEntry, wanted: ResourceRef, label: Cause) -> WaypointBinding:
        """
        What becomes of the request for a canary, apart from its weight.

        istio `pilot/pkg/serviceregistry/ambient/waypoints.go`, resolveCanaryWaypoint.
        """
        request = next(_requests(subject, self._version))
        binding = WaypointBinding(
            BindingState.UNKNOWN, asked_at=label.at, because=(label,), wanted=wanted, traffic=request.traffic
        )
        return self._found(binding, request)

    def _effective(self, request: _Request) -> WaypointBinding:
        if USE_WAYPOINT in request.labels or isinstance(request.carrier, Namespace):
            return self._of_instance(request, self._resolve(request, request))
        return self._of_instance(request, self._inherited(request))

    def admits(self, gateway: Gateway, subject: Resource) -> Derived[bool | None]:
        """Whether an object may use a waypoint; None if that takes labels of a namespace not known."""
        if not changes.ALLOWED_ROUTES.holds(self._version):
            return Derived(True)
        name = subject.name if isinstance(subject, Namespace) else subject.namespace
        # A selector decides about the waypoint's own namespace too.
        found = self._graph.namespace_of(subject)
        namespace = Known(found.presence, found.value if isinstance(found.value, Namespace) else None)
        rule = allowed_routes(gateway, class_of(self._graph, gateway), self._version)
        return admits(gateway, rule, name, namespace)

    def _inherited(self, request: _Request) -> WaypointBinding:
        namespace = self._graph.namespace_of(request.carrier)
        if namespace.is_unknown:
            return WaypointBinding(BindingState.UNKNOWN)
        if not isinstance(namespace.value, Namespace) or USE_WAYPOINT not in namespace.value.labels:
            return _NOTHING_ASKED
        asked = next(_requests(namespace.value, self._version))
        binding = self._resolve(request, asked)
        if binding.state is BindingState.OPTED_OUT:
            return binding._replace(state=BindingState.ABSENT)
        unserved = binding.state is BindingState.UNSUPPORTED_TRAFFIC_TYPE
        if unserved and request.traffic == WORKLOAD_TRAFFIC:
            # The namespace asked on behalf of its Services; its pods are not meant. Before 1.30
            # that was an error, which nothing showed.
            return binding._replace(state=BindingState.ABSENT)
        return binding

    def _of_instance(self, request: _Request, binding: WaypointBinding) -> WaypointBinding:
        """A workload that is an instance of a waypoint has none itself (computeWaypoint)."""
        name = request.labels.get(GATEWAY_NAME) if request.traffic == WORKLOAD_TRAFFIC else None
        settled = binding.state in (BindingState.ABSENT, BindingState.OPTED_OUT)
        if not name or settled:
            return binding
        gateway = self._graph.find(ResourceRef(GATEWAY, request.namespace, name))
        if gateway.is_absent:
            return binding
        at = request.carrier.at(*request.path, GATEWAY_NAME)
        cause = Cause(f"it is an instance of Gateway {name!r}", at)
        state = BindingState.UNKNOWN if gateway.is_unknown else BindingState.ABSENT
        return WaypointBinding(state, because=(cause,))

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
        wanted = self._reference(asked)
        if wanted is None:
            return binding._replace(state=BindingState.OPTED_OUT)
        return self._found(binding._replace(wanted=wanted), target)

    def _reference(self, asked: _Request) -> ResourceRef | None:
        """
        The Gateway that a label names; None if it opts out.

        1.22 does not know `use-waypoint-namespace`. It would read `namespace/name`, which is no
        value of a label: the API server has no such object (istio 1.22
        `pilot/pkg/serviceregistry/kube/controller/ambient/waypoints.go`, getUseWaypoint).
        """
        wanted = waypoint_reference(asked.labels, asked.namespace)
        reads_namespace = changes.USE_WAYPOINT_NAMESPACE_LABEL.holds(self._version)
        return wanted if reads_namespace or wanted is None else wanted._replace(namespace=asked.namespace)

    def _found(self, binding: WaypointBinding, target: _Request) -> WaypointBinding:
        if binding.wanted is None:
            return binding
        found = self._graph.find(binding.wanted)
        if isinstance(found.value, Gateway) and lacks_address(found.value):
            waits = Cause("it has no address yet", found.value.at("status"))
            because = (*binding.because, waits)
            return binding._replace(gateway=found.value, state=BindingState.NOT_READY, because=because)
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
        traffic = traffic_type(gateway, gateway_class, self._version)
        if traffic.value is None:
            return binding._replace(because=(*binding.because, *traffic.because))
        served = traffic.value in target.traffic
        state = BindingState.BOUND if served else BindingState.UNSUPPORTED_TRAFFIC_TYPE
        binding = binding._replace(state=state, because=(*binding.because, *traffic.because))
        return self._within_sight(binding, gateway, target) if served else binding

    def _within_sight(self, binding: WaypointBinding, gateway: Gateway, target: _Request) -> WaypointBinding:
        """
        Refuse a ServiceEntry of NAMESPACE visibility a waypoint elsewhere.

        `meshConfig.serviceEntryVisibility`, Istio 1.31 and newer.
        """
        is_entry = isinstance(target.carrier, ServiceEntry) and target.traffic == SERVICE_TRAFFIC
        if not is_entry or gateway.namespace == target.namespace:
            return binding
        if not changes.SERVICE_ENTRY_VISIBILITY.holds(self._version):
            return binding
        rule = self._visibility()
        if rule is None:
            return binding
        namespace = self._graph.namespace_of(target.carrier).value
        if isinstance(namespace, Namespace):
            visibility = rule.of(namespace.effective_labels)
        elif rule.is_uniform:
            visibility = rule.default
        else:
            return binding._replace(state=BindingState.UNKNOWN)
        if visibility != "NAMESPACE":
            return binding
        cause = Cause("its ServiceEntries are visible in their own namespace only", rule.at)
        return binding._replace(state=BindingState.CROSS_NAMESPACE, because=(*binding.because, cause))

    def _is_beyond_waypoints(self, subject: Resource) -> bool:
        """
        Whether a Service has no waypoint whatever asks for one.

        An alias of a DNS name is not in the mesh; a waypoint's own Service has none (from 1.23;
        from 1.27 that of an east-west gateway neither).
        """
        if not isinstance(subject, Service | ServiceEntry):
            return False
        if isinstance(subject, Service) and subject.is_external_name:
            return True
        managed = subject.labels.get(MANAGED)
        without = _WITHOUT_WAYPOINT.get(managed or "")
        return without is not None and without.holds(self._version)


def class_of(graph: ResourceGraph, gateway: Gateway) -> Known[GatewayClass]:
    """The GatewayClass of a Gateway."""
    found = graph.find(ResourceRef(GATEWAY_CLASS, None, gateway.class_name))
    return Known(found.presence, found.value if isinstance(found.value, GatewayClass) else None)


def waypoint_label_holders(
    subject: Resource, version: IstioVersion
) -> Iterator[tuple[Mapping[str, str], FieldPath]]:
    """Where an object can carry `use-waypoint` for Istio to read it: the labels, and the way to them."""
    return ((request.labels, request.path) for request in _requests(subject, version))


def _requests(subject: Resource, version: IstioVersion) -> Iterator[_Request]:
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
        case WorkloadEntry() if changes.WORKLOAD_ENTRY_SPEC_LABELS.holds(version):
            yield _of_entry(subject)
        case WorkloadEntry():
            yield _Request(subject.labels, labels, subject, subject.namespace, WORKLOAD_TRAFFIC)
        case _:
            pass


def _of_entry(entry: WorkloadEntry) -> _Request:
    """
    The labels of a WorkloadEntry are those of its metadata, then those of its `spec`.

    istio `pilot/pkg/serviceregistry/serviceentry/conversion.go`, ConvertClientWorkloadEntry.
    """
    labels = {**entry.workload_labels, **entry.labels}
    in_metadata = USE_WAYPOINT in entry.labels or USE_WAYPOINT not in labels
    path = ("metadata" if in_metadata else "spec", "labels")
    return _Request(labels, path, entry, entry.namespace, WORKLOAD_TRAFFIC)


def _of(request: _Request) -> str:
    kind, name = request.carrier.kind.name, request.carrier.name
    return f"{'namespace' if kind == 'Namespace' else kind} {name!r}"
