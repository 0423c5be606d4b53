"""Who goes through the waypoint of a service, and who passes by."""

from meshlint.mesh.changes import ANY_BOOLEAN_ASKS_INGRESS, INGRESS_USE_WAYPOINT_LABEL, NAMESPACES_ASK_INGRESS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.installation.switches import parse_bool
from meshlint.mesh.routing.egress import needs_captured_dns
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.model.keys import DNS_CAPTURE, GATEWAY_NAME, INGRESS_USE_WAYPOINT
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple


class Client(NamedTuple):
    """
    A workload that calls, and what is known of it.

    `gateway_is_waypoint` is None for a gateway whose Gateway is not known; `dns_capture` is None where the
    manifests do not tell whether ztunnel answers its DNS queries.
    """

    workload: Workload
    mode: Derived[DataplaneMode]
    gateway_class: str
    gateway_is_waypoint: bool | None
    dns_capture: bool | None


class Called(NamedTuple):
    """A Service or ServiceEntry that is called; `namespace` is its Namespace object, if it is known."""

    service: Resource
    namespace: Namespace | None
    namespace_known: bool
    binding: WaypointBinding
    virtual_ip: Derived[bool | None]


def passes_waypoint(client: Client, called: Called, version: IstioVersion) -> Derived[bool | None]:
    """
    Whether calls from a workload to a service go through the service's waypoint; None if that is not known.

    Only ztunnel takes the detour by itself. A sidecar calls the pods; so does a gateway, unless the
    service asks for more (istio `pilot/pkg/xds/endpoints/endpoint_builder.go`, findServiceWaypoint).
    """
    binding = called.binding
    if binding.state is not BindingState.BOUND:
        none = (Cause("it has no waypoint", called.service.at()),)
        return Derived(None if binding.state is BindingState.UNKNOWN else False, binding.because or none)
    if called.virtual_ip.value is not True:
        return called.virtual_ip
    match client.mode.value:
        case DataplaneMode.AMBIENT:
            return _by_ztunnel(client, called)
        case DataplaneMode.GATEWAY:
            return _by_gateway(client, called, version)
        case DataplaneMode.UNKNOWN:
            return Derived(None, client.mode.because)
        case _:
            return Derived(False, client.mode.because)


def asks_ingress(
    service: Resource, namespace: Namespace | None, version: IstioVersion, *, namespace_known: bool = True
) -> Derived[bool | None]:
    """
    Whether a service has ingress gateways use its waypoint: `istio.io/ingress-use-waypoint` (1.24 and newer).

    1.24 looks at the service alone, and for exactly `true`; from 1.25 the Namespace's label stands in;
    from 1.30 any boolean of Go counts
    (istio `pilot/pkg/serviceregistry/ambient/services.go`, ingressUseWaypointFromLabels).
    """
    if not INGRESS_USE_WAYPOINT_LABEL.holds(version):
        return Derived(False, (Cause(f"gateways of Istio {version} use no waypoints", service.at()),))
    holder: Resource | None = service
    if INGRESS_USE_WAYPOINT not in service.labels and NAMESPACES_ASK_INGRESS.holds(version):
        if not namespace_known:
            return Derived(None)
        holder = namespace
    if holder is None or INGRESS_USE_WAYPOINT not in holder.labels:
        return Derived(False, (Cause("without `istio.io/ingress-use-waypoint`", service.at()),))
    value = holder.labels[INGRESS_USE_WAYPOINT]
    at = holder.label_at(INGRESS_USE_WAYPOINT)
    return Derived(_is_true(value, version), (Cause(f"`istio.io/ingress-use-waypoint` is {value!r}", at),))


def _by_ztunnel(client: Client, called: Called) -> Derived[bool | None]:
    workload, wanted = client.workload, called.binding.wanted
    name = workload.pod_labels.get(GATEWAY_NAME)
    if wanted is not None and (workload.namespace, name) == (wanted.namespace, wanted.name):
        own = Cause("it is the waypoint itself", workload.pod_label_at(GATEWAY_NAME))
        return Derived(False, (own,))
    if isinstance(called.service, ServiceEntry) and needs_captured_dns(called.service):
        if client.dns_capture is False:
            at = workload.pod_annotation_at(DNS_CAPTURE)
            return Derived(False, (Cause("its DNS queries pass ztunnel by", at),))
        if client.dns_capture is None:
            return Derived(None)
    return Derived(True, client.mode.because)


def _by_gateway(client: Client, called: Called, version: IstioVersion) -> Derived[bool | None]:
    at = client.workload.at()
    if client.gateway_is_waypoint:
        return Derived(False, (Cause("a waypoint calls the pods of a service itself", at),))
    if client.gateway_class == "istio-east-west":
        return Derived(True, (Cause("an east-west gateway uses waypoints", at),))
    if client.gateway_is_waypoint is None:
        return Derived(None)
    return asks_ingress(called.service, called.namespace, version, namespace_known=called.namespace_known)


def _is_true(value: str, version: IstioVersion) -> bool:
    if ANY_BOOLEAN_ASKS_INGRESS.holds(version):
        return parse_bool(value) is True
    return value == "true" or (NAMESPACES_ASK_INGRESS.holds(version) and value.lower() == "true")
