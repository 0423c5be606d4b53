"""What a DestinationRule asks of a waypoint."""

from collections.abc import Iterator

from meshlint.mesh.changes import PORT_SETTINGS_AT_WAYPOINTS, TRAFFIC_POLICIES_AT_WAYPOINTS
from meshlint.model.kinds.traffic import DestinationRule, TrafficPolicy
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

_HARMLESS_TLS = frozenset({"", "DISABLE", "ISTIO_MUTUAL"})


class TrafficSetting(NamedTuple):
    """A field of a traffic policy that a waypoint acts by, and the line that sets it."""

    name: str
    at: Location


def traffic_settings(rule: DestinationRule, version: IstioVersion) -> Iterator[TrafficSetting]:
    """
    What a DestinationRule has a waypoint do for calls to its host; settings of subsets apart.

    Before 1.23 a waypoint reads subsets alone, before 1.23.1 no `portLevelSettings`. TLS to the pods is
    HBONE's business: `ISTIO_MUTUAL` and `DISABLE` change nothing
    (istio `pilot/pkg/networking/core/cluster_waypoint.go`, buildWaypointTLSContext).
    """
    if not TRAFFIC_POLICIES_AT_WAYPOINTS.holds(version):
        return
    for policy in rule.policies:
        is_read = not policy.of_port or PORT_SETTINGS_AT_WAYPOINTS.holds(version)
        if is_read and not policy.of_subset:
            yield from (TrafficSetting(part, rule.at(*policy.path, part)) for part in _acting(policy))


def mtls_setting(rule: DestinationRule) -> Location | None:
    """
    The line by which a DestinationRule asks for mTLS of the mesh; None if it asks for anything else too.

    Where pods speak HBONE, that takes the place of `ISTIO_MUTUAL`, for all clients
    (istio `pilot/pkg/networking/core/cluster_tls.go`, applyHBONETransportSocketMatches).
    """
    settings = [policy for policy in rule.policies if policy.parts]
    if any(policy.parts != ("tls",) or policy.tls_mode != "ISTIO_MUTUAL" for policy in settings):
        return None
    return rule.at(*settings[0].path, "tls", "mode") if settings else None


def _acting(policy: TrafficPolicy) -> Iterator[str]:
    return (part for part in policy.parts if part != "tls" or policy.tls_mode not in _HARMLESS_TLS)
