"""
meshlint: what Istio's ambient mesh will make of your manifests, before you apply them.

This module is the public API: all that a check may import. A name is loaded when it is first used, so
that `import meshlint` costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshlint.checking.catalog import About, Check, Precedence, TextSubject, check
    from meshlint.checking.edits import (
        append_entry,
        append_item,
        delete_entries,
        delete_entry,
        insert_after,
        rename_key,
        replace_entry,
        replace_value,
        wrap_in_list,
    )
    from meshlint.checking.finding import Edit, Fix, Problem
    from meshlint.checking.run import field_text
    from meshlint.checking.vocabulary import Impact, Severity
    from meshlint.graph.graph import Edge, Relation, ResourceGraph
    from meshlint.graph.known import Known
    from meshlint.mesh.condition import WrittenCondition
    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.enrollment.dataplane import DataplaneMode
    from meshlint.mesh.enrollment.identity import SpireIdentity
    from meshlint.mesh.enrollment.injection import InjectionSource
    from meshlint.mesh.enrollment.pod_settings import CaptureSetting, ReservedPort, Spared
    from meshlint.mesh.installation.choices import RefusedChoice
    from meshlint.mesh.installation.gateway_api import OutdatedBundle
    from meshlint.mesh.installation.parts import Component, Part
    from meshlint.mesh.installation.placement import MisplacedValue
    from meshlint.mesh.installation.values import Values
    from meshlint.mesh.mesh import Mesh
    from meshlint.mesh.policies.ambient_scope import AmbientScope
    from meshlint.mesh.policies.authorization import Alternative, RuleOutcome, RuleVerdict, ZtunnelRule
    from meshlint.mesh.policies.coverage import Coverage
    from meshlint.mesh.policies.decision import Decision, Peer
    from meshlint.mesh.policies.hbone_admission import MootPorts, UnadmittedWaypoint
    from meshlint.mesh.policies.hbone_gaps import HboneGap
    from meshlint.mesh.policies.levels import PodSource
    from meshlint.mesh.policies.lost_strict import LossForm, LostStrict
    from meshlint.mesh.policies.mtls import MtlsMode, MtlsVerdict
    from meshlint.mesh.policies.outside import ApiServerCall, ExposedPort
    from meshlint.mesh.policies.peer_authentication import MtlsLine
    from meshlint.mesh.policies.target_attachment import Enforcement, EnforcementPoint, PolicyTarget, Reach
    from meshlint.mesh.policies.waypoint_admission import WaypointCall, WaypointDenial
    from meshlint.mesh.policies.waypoint_selection import WaypointSelection
    from meshlint.mesh.registry import ENDED_GROUPS, KNOWN_KEYS, KNOWN_KINDS, KeyRole, KnownKey
    from meshlint.mesh.routing.bypass import Bypass
    from meshlint.mesh.routing.ingress import IngressRoute
    from meshlint.mesh.routing.route_parents import RouteParent
    from meshlint.mesh.routing.service_port import PortTraffic
    from meshlint.mesh.routing.virtual_services import HostEffect, TrafficEffect
    from meshlint.mesh.waypoints import waypoint
    from meshlint.mesh.waypoints.binding import BindingState, WaypointBinding
    from meshlint.mesh.waypoints.own_pods import Capture, SelfCapture
    from meshlint.mesh.waypoints.removed import RemovedKey
    from meshlint.mesh.waypoints.second_labels import IdleLabel
    from meshlint.mesh.waypoints.traffic_policy import TrafficSetting
    from meshlint.model import keys, kind
    from meshlint.model.fields import Malformed
    from meshlint.model.kind import Kind, ResourceRef
    from meshlint.model.kinds.core import ConfigMap, CustomResourceDefinition, Namespace, Service
    from meshlint.model.kinds.gateway import Gateway, GatewayClass, Listener, ObjectReference, Route
    from meshlint.model.kinds.network import Ingress, NetworkPolicy, PolicyPort, PolicyRule
    from meshlint.model.kinds.policy import (
        AuthorizationPolicy,
        Extension,
        PeerAuthentication,
        RequestAuthentication,
        Rule,
        TargetedPolicy,
    )
    from meshlint.model.kinds.spire import ClusterSpiffeId
    from meshlint.model.kinds.traffic import DestinationRule, ServiceEntry, Sidecar, VirtualService
    from meshlint.model.kinds.workload import Container, Volume, Workload, WorkloadEntry, WorkloadGroup
    from meshlint.model.resource import Resource
    from meshlint.model.selector import LabelSelector
    from meshlint.model.spelling import edit_distance, nearest
    from meshlint.model.version import IstioVersion
    from meshlint.source.document import DuplicateKey, FieldPath, Location, Manifest, Unread, UnreadReason

__version__ = "0.1.0"

_HOMES = {
    "checking.catalog": ("About", "Check", "Precedence", "TextSubject", "check"),
    "checking.edits": (
        "append_entry",
        "append_item",
        "delete_entries",
        "delete_entry",
        "insert_after",
        "rename_key",
        "replace_entry",
        "replace_value",
        "wrap_in_list",
    ),
    "checking.finding": ("Edit", "Fix", "Problem"),
    "checking.run": ("field_text",),
    "checking.vocabulary": ("Impact", "Severity"),
    "graph.graph": ("Edge", "Relation", "ResourceGraph"),
    "graph.known": ("Known",),
    "mesh.condition": ("WrittenCondition",),
    "mesh.derived": ("Cause", "Derived"),
    "mesh.enrollment.dataplane": ("DataplaneMode",),
    "mesh.enrollment.identity": ("SpireIdentity",),
    "mesh.enrollment.injection": ("InjectionSource",),
    "mesh.enrollment.pod_settings": ("CaptureSetting", "ReservedPort", "Spared"),
    "mesh.installation.choices": ("RefusedChoice",),
    "mesh.installation.gateway_api": ("OutdatedBundle",),
    "mesh.installation.parts": ("Component", "Part"),
    "mesh.installation.placement": ("MisplacedValue",),
    "mesh.installation.values": ("Values",),
    "mesh.mesh": ("Mesh",),
    "mesh.policies.ambient_scope": ("AmbientScope",),
    "mesh.policies.authorization": ("Alternative", "RuleOutcome", "RuleVerdict", "ZtunnelRule"),
    "mesh.policies.coverage": ("Coverage",),
    "mesh.policies.decision": ("Decision", "Peer"),
    "mesh.policies.hbone_admission": ("MootPorts", "UnadmittedWaypoint"),
    "mesh.policies.hbone_gaps": ("HboneGap",),
    "mesh.policies.levels": ("PodSource",),
    "mesh.policies.lost_strict": ("LossForm", "LostStrict"),
    "mesh.policies.mtls": ("MtlsMode", "MtlsVerdict"),
    "mesh.policies.outside": ("ApiServerCall", "ExposedPort"),
    "mesh.policies.peer_authentication": ("MtlsLine",),
    "mesh.policies.target_attachment": ("Enforcement", "EnforcementPoint", "PolicyTarget", "Reach"),
    "mesh.policies.waypoint_admission": ("WaypointCall", "WaypointDenial"),
    "mesh.policies.waypoint_selection": ("WaypointSelection",),
    "mesh.registry": ("ENDED_GROUPS", "KNOWN_KEYS", "KNOWN_KINDS", "KeyRole", "KnownKey"),
    "mesh.routing.bypass": ("Bypass",),
    "mesh.routing.ingress": ("IngressRoute",),
    "mesh.routing.route_parents": ("RouteParent",),
    "mesh.routing.service_port": ("PortTraffic",),
    "mesh.routing.virtual_services": ("HostEffect", "TrafficEffect"),
    "mesh.waypoints": ("waypoint",),
    "mesh.waypoints.binding": ("BindingState", "WaypointBinding"),
    "mesh.waypoints.own_pods": ("Capture", "SelfCapture"),
    "mesh.waypoints.removed": ("RemovedKey",),
    "mesh.waypoints.second_labels": ("IdleLabel",),
    "mesh.waypoints.traffic_policy": ("TrafficSetting",),
    "model": ("keys", "kind"),
    "model.fields": ("Malformed",),
    "model.kind": ("Kind", "ResourceRef"),
    "model.kinds.core": ("ConfigMap", "CustomResourceDefinition", "Namespace", "Service"),
    "model.kinds.gateway": ("Gateway", "GatewayClass", "Listener", "ObjectReference", "Route"),
    "model.kinds.network": ("Ingress", "NetworkPolicy", "PolicyPort", "PolicyRule"),
    "model.kinds.policy": (
        "AuthorizationPolicy",
        "Extension",
        "PeerAuthentication",
        "RequestAuthentication",
        "Rule",
        "TargetedPolicy",
    ),
    "model.kinds.spire": ("ClusterSpiffeId",),
    "model.kinds.traffic": ("DestinationRule", "ServiceEntry", "Sidecar", "VirtualService"),
    "model.kinds.workload": ("Container", "Volume", "Workload", "WorkloadEntry", "WorkloadGroup"),
    "model.resource": ("Resource",),
    "model.selector": ("LabelSelector",),
    "model.spelling": ("edit_distance", "nearest"),
    "model.version": ("IstioVersion",),
    "source.document": ("DuplicateKey", "FieldPath", "Location", "Manifest", "Unread", "UnreadReason"),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]  # noqa: PLE0604 - names, all of them text


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    members = vars(import_module(home))
    value: object = members[name] if name in members else import_module(f"{home}.{name}")
    globals()[name] = value
    return value
