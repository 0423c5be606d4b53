"""
`describe` for scripts, version 1: the whole mesh.

Objects are named `Kind/namespace/name`, without the middle where the manifests tell no namespace.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from meshlint.mesh.condition import Condition, WrittenCondition
from meshlint.mesh.derived import Cause
from meshlint.mesh.description import (
    Description,
    Fact,
    GatewayDescription,
    PolicyDescription,
    RouteDescription,
    ServiceDescription,
    WaypointFact,
    WorkloadDescription,
)
from meshlint.model.kind import ResourceRef
from meshlint.model.resource import Resource
from meshlint.report.json_report import related

_VERSION = 1


def render(descriptions: Sequence[Description], istio_version: str) -> str:
    """Write the description of all sets as one JSON object."""
    report = {
        "version": _VERSION,
        "istio_version": istio_version,
        "sets": [_set(description) for description in descriptions],
    }
    return json.dumps(report, indent=2) + "\n"


def object_name(ref: ResourceRef) -> str:
    """An object as `describe` names it: `Service/shop/cart`, or `Service/cart` without a namespace."""
    return "/".join(part for part in (ref.kind.name, ref.namespace, ref.name) if part)


def _set(description: Description) -> dict[str, Any]:
    return {
        "name": description.name,
        "namespaces": [
            {"name": entry.resource.name, "dataplane_mode": _fact(entry.dataplane_mode)}
            for entry in description.namespaces
        ],
        "workloads": [_workload(entry) for entry in description.workloads],
        "services": [_service(entry) for entry in description.services],
        "policies": [_policy(entry) for entry in description.policies],
        "gateways": [_gateway(entry) for entry in description.gateways],
        "routes": [_route(entry) for entry in description.routes],
    }


def _workload(entry: WorkloadDescription) -> dict[str, Any]:
    return {
        **_identity(entry.resource),
        "dataplane_mode": _fact(entry.dataplane_mode),
        "waypoint": _waypoint(entry.waypoint),
        "mtls": {
            "value": entry.mtls.value,
            "ports": {str(port): mode for port, mode in entry.mtls.ports.items()},
            "because": _causes(entry.mtls.because),
        },
        "policies": _names(entry.policies),
        "conditions": _conditions(entry.conditions),
    }


def _service(entry: ServiceDescription) -> dict[str, Any]:
    return {
        **_identity(entry.resource),
        "waypoint": _waypoint(entry.waypoint),
        "workloads": _names(entry.workloads),
        "policies": _names(entry.policies),
        "routes": _names(entry.routes),
        "conditions": _conditions(entry.conditions),
    }


def _policy(entry: PolicyDescription) -> dict[str, Any]:
    return {
        **_identity(entry.resource),
        "enforced_at": [
            {
                "point": place.point,
                "workloads": _names(place.workloads),
                "because": _causes(place.because),
            }
            for place in entry.enforced_at
        ],
        "because": _causes(entry.because),
        "conditions": _conditions(entry.conditions),
        "rules": [
            {"index": rule.number, "enforced": rule.enforced, "because": _causes(rule.because)}
            for rule in entry.rules
        ],
    }


def _gateway(entry: GatewayDescription) -> dict[str, Any]:
    return {
        "namespace": entry.resource.namespace,
        "name": entry.resource.name,
        "is_waypoint": entry.is_waypoint,
        "waypoint_for": entry.waypoint_for,
        "conditions": _conditions(entry.conditions),
    }


def _route(entry: RouteDescription) -> dict[str, Any]:
    return {
        **_identity(entry.resource),
        "parents": [
            {
                "ref": object_name(parent.ref),
                "respected": parent.respected,
                "conditions": _conditions(parent.conditions),
                "because": _causes(parent.because),
            }
            for parent in entry.parents
        ],
    }


def _identity(resource: Resource) -> dict[str, str | None]:
    return {"kind": resource.kind.name, "namespace": resource.namespace, "name": resource.name}


def _fact(fact: Fact) -> dict[str, Any]:
    return {"value": fact.value, "because": _causes(fact.because)}


def _waypoint(fact: WaypointFact) -> dict[str, Any]:
    return {"value": fact.value, "state": fact.state, "because": _causes(fact.because)}


def _causes(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    return [related(cause) for cause in causes]


def _conditions(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    return [_condition(condition) for condition in conditions]


def _condition(condition: Condition) -> dict[str, Any]:
    kind, status, reason, message, *_ = condition
    told: dict[str, Any] = {"type": kind, "status": status, "reason": reason, "message": message}
    # What istiod has written is marked, and where it did not write yet it is predicted.
    return {**told, "written": True} if isinstance(condition, WrittenCondition) else told


def _names(refs: Iterable[ResourceRef]) -> list[str]:
    return [object_name(ref) for ref in refs]
