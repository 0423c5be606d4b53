"""What istiod has written into the status of an object of a cluster, among what others have."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshlint.mesh.condition import WrittenCondition, written_conditions
from meshlint.model.kind import GATEWAY, SERVICE, SERVICE_ENTRY
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway, ObjectReference, Route
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import WorkloadEntry
from meshlint.model.resource import Resource

_ABOUT_WAYPOINTS = "istio.io/"
_OF_POLICIES = frozenset({"WaypointAccepted", "ZtunnelAccepted"})
_OF_GATEWAYS = frozenset({"Accepted", "Programmed"})
_OF_PARENTS = frozenset({"Accepted", "ResolvedRefs", "ResolvedWaypoints"})
# istio `pkg/config/constants/constants.go`: the controllers begin so.
_ISTIO = "istio.io/"


def istiods_conditions(resource: Resource) -> Iterator[WrittenCondition]:
    """The conditions that istiod writes about ambient mode: of a route, about its parents in the mesh."""
    match resource:
        case Service() | ServiceEntry() | WorkloadEntry():
            yield from (c for c in written_conditions(resource) if c.type.startswith(_ABOUT_WAYPOINTS))
        case AuthorizationPolicy():
            yield from (c for c in written_conditions(resource) if c.type in _OF_POLICIES)
        case Gateway():
            yield from (c for c in written_conditions(resource) if c.type in _OF_GATEWAYS)
            for index, _ in enumerate(_list(resource, "listeners")):
                path = ("status", "listeners", index)
                yield from (c for c in written_conditions(resource, path) if c.type == "Accepted")
        case Route():
            for reference in resource.parents:
                if reference.kind in (SERVICE, SERVICE_ENTRY):
                    yield from parent_conditions(resource, reference)
        case _:
            pass


def parent_conditions(route: Route, reference: ObjectReference) -> Iterator[WrittenCondition]:
    """What istiod has written about one parent of a route."""
    for index, entry in enumerate(_list(route, "parents")):
        match entry:
            case {"controllerName": str(controller), "parentRef": {**parent}}:
                if controller.startswith(_ISTIO) and _is_same(parent, reference, route.namespace):
                    path = ("status", "parents", index)
                    yield from (c for c in written_conditions(route, path) if c.type in _OF_PARENTS)
            case _:
                pass


def _list(resource: Resource, key: str) -> list[Any]:
    found = resource.manifest.value("status", key)
    return found if isinstance(found, list) else []


def _is_same(parent: Mapping[Any, Any], reference: ObjectReference, namespace: str | None) -> bool:
    """Whether the status speaks of a parent that the route names; the API fills in what is left out."""
    ours = (
        reference.kind,
        reference.namespace or namespace,
        reference.name,
        reference.section,
        reference.port,
    )
    theirs = (
        (parent.get("group", GATEWAY.group), parent.get("kind", GATEWAY.name)),
        parent.get("namespace") or namespace,
        parent.get("name"),
        parent.get("sectionName") or "",
        parent.get("port"),
    )
    return ours == theirs
