"""What istiod will write about waypoints into the status of Services and entries."""

from collections.abc import Iterator

from meshlint.mesh import changes
from meshlint.mesh.condition import PredictedCondition
from meshlint.mesh.installation.mesh_config import ServiceEntryVisibility
from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
from meshlint.mesh.waypoints.canary import CanaryBinding
from meshlint.mesh.waypoints.written_binding import WAYPOINT_BOUND
from meshlint.model.keys import CONNECT_STRATEGY, INGRESS_USE_WAYPOINT
from meshlint.model.kind import ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import WorkloadEntry
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_MISSING = "istio.io/WaypointMissing"
_VISIBILITY = "istio.io/VisibilityApplied"
_BY_INGRESS = ". Ingress traffic will traverse the waypoint"
_NOT_BY_INGRESS = (
    ". Ingress traffic is not using the waypoint, "
    "set the istio.io/ingress-use-waypoint label to true if desired."
)
# Go's strconv.ParseBool.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


class Bound(NamedTuple):
    """An object with all that decides what istiod writes about its waypoint."""

    subject: Resource
    namespace: Namespace | None
    binding: WaypointBinding
    canary: CanaryBinding | None
    visibility: ServiceEntryVisibility | None


def binding_conditions(bound: Bound, version: IstioVersion) -> tuple[PredictedCondition, ...]:
    """
    The conditions of a Service, a ServiceEntry (1.24 and newer) or a WorkloadEntry (1.30 and newer).

    istio `pilot/pkg/model/service.go`, ServiceInfo.GetConditions and WorkloadInfo.GetConditions. Nothing
    where it depends on what is outside of the set; the words about ingress in the message are
    left out where the labels of the Namespace are not known.
    """
    if not changes.BINDING_CONDITIONS.holds(version):
        return ()
    match bound.subject:
        case Service() if not bound.subject.is_external_name:
            return tuple(_waypoint_bound(bound, version))
        case ServiceEntry() if _is_published(bound, bound.subject, version):
            return (
                *_waypoint_bound(bound, version),
                *_waypoint_missing(bound, bound.subject, version),
                *_visibility_applied(bound, version),
            )
        case WorkloadEntry() if changes.WORKLOAD_ENTRY_CONDITIONS.holds(version):
            return tuple(_waypoint_bound(bound, version))
        case _:
            return ()


def refusal(state: BindingState, waypoint: ResourceRef, traffic: str) -> str:
    """Istiod's words for a waypoint that is refused (istio `pilot/pkg/serviceregistry/ambient/status.go`)."""
    name = f'"{waypoint.namespace}/{waypoint.name}"'
    match state:
        case BindingState.NOT_READY:
            return f"waypoint {name} is not ready"
        case BindingState.ATTACHMENT_DENIED:
            return f"we are not permitted to attach to waypoint {name} (missing allowedRoutes?)"
        case BindingState.UNSUPPORTED_TRAFFIC_TYPE:
            return (
                f'attempting to bind to traffic type "{traffic}" which the waypoint {name} does not support'
            )
        case BindingState.CANARY_INVALID_WEIGHT:
            return f"canary waypoint {name} has an invalid weight; must be an integer in [0,100]"
        case BindingState.CANARY_SAME_AS_PRIMARY:
            return f"canary waypoint {name} must differ from the primary waypoint"
        case _:
            return (
                f"cannot bind to waypoint {name} in another namespace: cross-namespace waypoint binding is "
                "not permitted for a ServiceEntry with NAMESPACE visibility"
            )


def _waypoint_bound(bound: Bound, version: IstioVersion) -> Iterator[PredictedCondition]:
    state, wanted = bound.binding.state, bound.binding.wanted
    settled = state in (BindingState.ABSENT, BindingState.OPTED_OUT, BindingState.UNKNOWN)
    if settled or wanted is None or wanted.namespace is None:
        return
    if state is BindingState.BOUND:
        yield PredictedCondition(
            WAYPOINT_BOUND, "True", "WaypointAccepted", _attached(bound, wanted, version)
        )
    else:
        traffic = "workload" if isinstance(bound.subject, WorkloadEntry) else "service"
        yield PredictedCondition(WAYPOINT_BOUND, "False", state.value, refusal(state, wanted, traffic))


def _attached(bound: Bound, wanted: ResourceRef, version: IstioVersion) -> str:
    message = f"Successfully attached to waypoint {wanted.namespace}/{wanted.name}"
    if isinstance(bound.subject, WorkloadEntry) or not changes.INGRESS_IN_CONDITION.holds(version):
        return message
    message += {None: "", True: _BY_INGRESS, False: _NOT_BY_INGRESS}[_used_by_ingress(bound, version)]
    settled = (BindingState.BOUND, BindingState.UNKNOWN)
    if bound.canary and bound.canary.state not in settled:
        reason = refusal(bound.canary.state, bound.canary.wanted, "service")
        message += f". Canary waypoint not attached: {reason}"
    return message


def _used_by_ingress(bound: Bound, version: IstioVersion) -> bool | None:
    """
    Whether ingress gateways use the waypoint; None if no label tells.

    Up to 1.29 the object's label alone, in any case of `true`; from 1.30 its Namespace's too
    (istio `pilot/pkg/serviceregistry/ambient/services.go`, ingressUseWaypointFromLabels).
    """
    value = bound.subject.labels.get(INGRESS_USE_WAYPOINT)
    if not changes.NAMESPACE_INGRESS_IN_CONDITION.holds(version):
        return None if value is None else value.lower() == "true"
    if value is None and bound.namespace is not None:
        value = bound.namespace.labels.get(INGRESS_USE_WAYPOINT)
    return None if value is None else value in _TRUE


def _waypoint_missing(
    bound: Bound, entry: ServiceEntry, version: IstioVersion
) -> Iterator[PredictedCondition]:
    if bound.binding.state in (BindingState.BOUND, BindingState.UNKNOWN):
        return
    races = entry.annotations.get(CONNECT_STRATEGY, "").upper() == "RACE_FIRST_TCP_CONNECT"
    if races and changes.RACING_CONDITION.holds(version):
        yield PredictedCondition(
            _MISSING,
            "True",
            "NoWaypointForRacingConnectStrategy",
            "ServiceEntry has a non-default connect strategy but no waypoint bound. "
            "A waypoint is required for connect strategies to take effect for ambient clients.",
        )
    elif changes.WILDCARD_CONDITION.holds(version) and any(host.startswith("*") for host in entry.hosts):
        yield PredictedCondition(
            _MISSING,
            "True",
            "NoWaypointForWildcardService",
            "ServiceEntry will not apply until it is bound to a valid waypoint.",
        )


def _visibility_applied(bound: Bound, version: IstioVersion) -> Iterator[PredictedCondition]:
    match _visibility_of(bound, version):
        case "PUBLIC":
            message = "ServiceEntry is visible to the entire mesh (PUBLIC)."
            yield PredictedCondition(_VISIBILITY, "True", "Public", message)
        case "NAMESPACE":
            message = (
                "ServiceEntry is visible only within its own namespace (NAMESPACE), "
                "per mesh serviceEntryVisibility."
            )
            yield PredictedCondition(_VISIBILITY, "True", "Namespace", message)
        case _:
            pass


def _visibility_of(bound: Bound, version: IstioVersion) -> str | None:
    """How widely a ServiceEntry is visible; None if the mesh does not say, or it is not known."""
    if bound.visibility is None or not changes.SERVICE_ENTRY_VISIBILITY.holds(version):
        return None
    if bound.namespace is not None:
        return bound.visibility.of(bound.namespace.effective_labels)
    return bound.visibility.default if bound.visibility.is_uniform else None


def _is_published(bound: Bound, entry: ServiceEntry, version: IstioVersion) -> bool:
    """
    Whether ambient mode takes a ServiceEntry at all: what it drops gets no condition.

    istio `pilot/pkg/serviceregistry/ambient/services.go`, serviceEntriesInfo: an address that is
    none drops the whole; up to 1.29 so does a range of addresses.
    """
    if _visibility_of(bound, version) == "NONE" or not entry.hosts:
        return False
    return all(_is_address(address, version) for address in entry.addresses)


def _is_address(text: str, version: IstioVersion) -> bool:
    from ipaddress import ip_interface  # only needed where an entry writes addresses

    try:
        address = ip_interface(text)
    except ValueError:
        return False
    return changes.ADDRESS_RANGES.holds(version) or address.network.num_addresses == 1
