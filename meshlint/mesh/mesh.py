"""The one object that a check is given to look around in."""

from meshlint.mesh.routing.facts import RoutingFacts


class Mesh(RoutingFacts):
    """
    What ambient mode makes of a set of manifests.

    Each subject stands on those before it: the objects, the installation, enrolment, waypoints,
    policies, routing. Facts are worked out when they are first asked for, and once; so are the
    modules loaded that do. `version` is the Istio version that they hold for; `version_known` is
    False where it is only assumed.
    """
