"""Faults of waypoints and of the labels that ask for them."""

from accuracy.mesh import At, HealthyMesh, labels, waypoint_request
from accuracy.mutation import mutation

USE_WAYPOINT = "istio.io/use-waypoint"
_USERS = ("Namespace", "Service", "ServiceEntry")


@mutation("dangling-waypoint", "a letter of the waypoint's name is left out")
def slip_in_name(mesh: HealthyMesh) -> At | None:
    for user in mesh.of(*_USERS):
        asked = waypoint_request(user)
        if asked and asked[1] != "none":
            labels(user)[USE_WAYPOINT] = asked[1][:-2] + asked[1][-1]
            return At(user, ("metadata", "labels", USE_WAYPOINT))
    return None


@mutation("invalid-waypoint-for", "the traffic type is written in the plural")
def plural_traffic_type(mesh: HealthyMesh) -> At | None:
    for gateway in mesh.waypoints():
        labels(gateway)["istio.io/waypoint-for"] = "services"
        return At(gateway, ("metadata", "labels", "istio.io/waypoint-for"))
    return None
