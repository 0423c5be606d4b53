"""Which Gateways are waypoints, and who gets which."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.graph.graph import Relation
from meshlint.mesh.enrollment.facts import EnrollmentFacts
from meshlint.model.keys import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE
from meshlint.model.kind import GATEWAY, NAMESPACE, SERVICE, SERVICE_ENTRY, WAYPOINT_USERS
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.references import canary_reference
from meshlint.model.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshlint.graph.graph import Edge
    from meshlint.mesh.condition import PredictedCondition, WrittenCondition
    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.waypoints.binding import WaypointBinding, WaypointBindings
    from meshlint.mesh.waypoints.canary import CanaryBinding
    from meshlint.mesh.waypoints.gateway_status import ListenerCondition
    from meshlint.mesh.waypoints.own_pods import SelfCapture
    from meshlint.mesh.waypoints.removed import RemovedKey
    from meshlint.mesh.waypoints.second_labels import IdleLabel
    from meshlint.model.kind import ResourceRef
    from meshlint.model.kinds.gateway import GatewayClass, ObjectReference, Route
    from meshlint.model.resource import Resource
    from meshlint.source.document import FieldPath, Location, Manifest


class WaypointFacts(EnrollmentFacts):
    """Which Gateways are waypoints, and who gets which."""

    def is_waypoint(self, gateway: Gateway) -> Derived[bool | None]:
        """Whether a Gateway is a waypoint; None for a class that is not Istio's own."""
        return self._fact("is_waypoint", gateway, lambda: self._is_waypoint(gateway))

    def _is_waypoint(self, gateway: Gateway) -> Derived[bool | None]:
        from meshlint.mesh.waypoints import waypoint
        from meshlint.mesh.waypoints.binding import class_of

        return waypoint.is_waypoint(gateway, class_of(self.graph, gateway), self.version)

    def gateway_controller(self, gateway: Gateway) -> str | None:
        """The controller of Istio that a Gateway's class means, served or not; None for another's class."""
        from meshlint.mesh.waypoints import waypoint
        from meshlint.mesh.waypoints.binding import class_of

        return waypoint.controller_of(gateway, class_of(self.graph, gateway), self.version)

    def traffic_type(self, gateway: Gateway) -> Derived[str | None]:
        """What traffic a waypoint is for, as written; None if that cannot be known."""
        from meshlint.mesh.waypoints import waypoint
        from meshlint.mesh.waypoints.binding import class_of

        return waypoint.traffic_type(gateway, class_of(self.graph, gateway), self.version)

    def waypoint_binding(self, subject: Resource) -> WaypointBinding:
        """Which waypoint an object gets, by its own label or its namespace's, or as istiod has written."""
        return self._fact("waypoint_binding", subject, lambda: self._binding(subject))

    def _binding(self, subject: Resource) -> WaypointBinding:
        binding = self._bindings.effective(subject)
        if not subject.head.live:
            return binding
        from meshlint.mesh.waypoints.written_binding import as_written

        return as_written(subject, binding)

    def canary_binding(self, subject: Resource) -> CanaryBinding | None:
        """The second waypoint of a Service or ServiceEntry (1.31 and newer); None if it has none."""
        from meshlint.mesh.changes import CANARY_WAYPOINTS
        from meshlint.mesh.waypoints.canary import canary_binding

        if not CANARY_WAYPOINTS.holds(self.version) or not isinstance(subject, Service | ServiceEntry):
            return None
        primary = self.waypoint_binding(subject)
        return self._fact(
            "canary_binding",
            subject,
            lambda: canary_binding(subject, self.namespace_of(subject), primary, self._bindings),
        )

    def endpoint_bindings(self, entry: ServiceEntry) -> tuple[WaypointBinding, ...]:
        """Which waypoint each inline endpoint of a ServiceEntry gets, in their order."""
        return self._fact("endpoint_bindings", entry, lambda: tuple(self._bindings.of_endpoints(entry)))

    def nominal_binding(self, service: Service) -> WaypointBinding:
        """What the labels of a Service would bind it to, also of an alias that is never bound."""
        return self._fact("nominal_binding", service, lambda: self._bindings.nominal(service))

    def binding_conditions(self, subject: Resource) -> tuple[PredictedCondition, ...]:
        """What istiod will write about waypoints into the status of a Service or entry."""
        from meshlint.mesh.waypoints.binding_status import Bound, binding_conditions

        if self.istiod_ambient.value is False or not self._is_read(subject):
            return ()
        bound = Bound(
            subject,
            self.namespace_of(subject),
            self.waypoint_binding(subject),
            self.canary_binding(subject),
            self.mesh_config.service_entry_visibility,
        )
        return binding_conditions(bound, self.version)

    def gateway_conditions(self, gateway: Gateway) -> tuple[PredictedCondition, ...]:
        """
        What istiod will write into the status of a Gateway: its own conditions, then those of its listeners.

        Nothing where no control plane serves it, or its class is not Istio's.
        """
        from meshlint.mesh.waypoints.gateway_status import gateway_conditions

        controller = self._controller(gateway)
        return gateway_conditions(gateway, controller, self.version) if controller else ()

    def listener_conditions(self, gateway: Gateway) -> tuple[ListenerCondition, ...]:
        """Whether istiod will accept each listener of a Gateway."""
        from meshlint.mesh.waypoints.gateway_status import listener_conditions

        controller = self._controller(gateway)
        return tuple(listener_conditions(gateway, controller, self.version)) if controller else ()

    def written_conditions(self, resource: Resource) -> tuple[WrittenCondition, ...]:
        """What istiod has written about ambient mode into the status of an object of a cluster."""
        from meshlint.mesh.waypoints.written_status import istiods_conditions

        if not resource.head.live:
            return ()
        if isinstance(resource, Gateway) and self.gateway_controller(resource) is None:
            return ()
        return tuple(istiods_conditions(resource))

    def written_about_parent(self, route: Route, reference: ObjectReference) -> tuple[WrittenCondition, ...]:
        """What istiod has written about one parent of a route of a cluster."""
        from meshlint.mesh.waypoints.written_status import parent_conditions

        return tuple(parent_conditions(route, reference)) if route.head.live else ()

    def _controller(self, gateway: Gateway) -> str | None:
        """The controller of Istio that serves a Gateway, as far as it is switched on; None without one."""
        from meshlint.mesh.waypoints import waypoint

        controller = self.gateway_controller(gateway)
        switches = {
            waypoint.MESH_CONTROLLER: self.istiod_ambient,
            waypoint.EASTWEST_CONTROLLER: self.multi_network,
            waypoint.AGENTGATEWAY_CONTROLLER: self.agentgateway,
            waypoint.AGENTGATEWAY_WAYPOINT_CONTROLLER: self.agentgateway,
        }
        is_off = controller in switches and switches[controller].value is False
        is_served = not self.owner(gateway).value.is_absent and self.is_discovered(gateway)
        return None if is_off or not is_served else controller

    def waypoint_identity(self, gateway: Gateway) -> Derived[str | None]:
        """The identity of a Gateway's proxies as `namespace/serviceaccount`; None if that cannot be known."""
        from meshlint.mesh.waypoints.binding import class_of
        from meshlint.mesh.waypoints.gateway_identity import gateway_identity

        return gateway_identity(gateway, class_of(self.graph, gateway), self.version)

    def deployed_name(self, gateway: Gateway) -> Derived[str | None]:
        """The name of the Service and the Deployment that istiod makes for a Gateway; None without them."""
        from meshlint.mesh.waypoints.binding import class_of
        from meshlint.mesh.waypoints.gateway_identity import deployed_name

        return deployed_name(gateway, class_of(self.graph, gateway), self.version)

    def self_captures(self, gateway: Gateway) -> tuple[SelfCapture, ...]:
        """The labels by which the pods that istiod deploys for a waypoint are captured themselves."""
        from meshlint.mesh.waypoints.binding import class_of
        from meshlint.mesh.waypoints.own_pods import self_captures

        namespace, its_class = self.namespace_of(gateway), class_of(self.graph, gateway)
        return tuple(self_captures(gateway, its_class, namespace, lambda: self.enrollment_rules.injectors))

    def meant_class(self, gateway: Gateway) -> str | None:
        """The class of waypoints that a Gateway's class is a slip of; None for a class that may exist."""
        from meshlint.mesh.waypoints import waypoint
        from meshlint.mesh.waypoints.binding import class_of

        return waypoint.meant_class(gateway, class_of(self.graph, gateway))

    def removed_keys(self, resource: Resource) -> tuple[RemovedKey, ...]:
        """The keys of a Gateway or a policy by which only older versions know waypoints."""
        from meshlint.mesh.waypoints.removed import removed_keys

        return tuple(removed_keys(resource, self.graph, self.version))

    def idle_waypoint_labels(self, subject: Resource) -> tuple[IdleLabel, ...]:
        """The labels of an object that tell the namespace of a waypoint and are not read."""
        from meshlint.mesh.waypoints.second_labels import idle_labels

        return tuple(idle_labels(subject, self.version))

    def waypoint_requests(self, subject: Resource) -> tuple[WaypointBinding, ...]:
        """What becomes of each `use-waypoint` label that an object itself carries."""
        return self._fact("waypoint_requests", subject, lambda: tuple(self._bindings.own(subject)))

    def shadowed_request(self, subject: Resource) -> Location | None:
        """The namespace's `use-waypoint` that an object's own label hides; None if there is none."""
        namespace = self.namespace_of(subject)
        if namespace is None or USE_WAYPOINT not in namespace.labels:
            return None
        return namespace.label_at(USE_WAYPOINT)

    def waypoint_label_holders(self, subject: Resource) -> Iterator[tuple[Mapping[str, str], FieldPath]]:
        """Where an object can carry `use-waypoint` for Istio to read it: labels, and the way to them."""
        from meshlint.mesh.waypoints.binding import waypoint_label_holders

        return waypoint_label_holders(subject, self.version)

    def gateways_named(self, name: str) -> Iterator[Gateway]:
        """The Gateways of a name, in whatever namespace."""
        return (gateway for gateway in self.graph.named(GATEWAY, name) if isinstance(gateway, Gateway))

    def gateways_in(self, namespace: str | None) -> Iterator[Gateway]:
        """The Gateways of a namespace."""
        return (g for g in self.graph.in_namespace(namespace, GATEWAY) if isinstance(g, Gateway))

    def waypoints(self) -> Iterator[Gateway]:
        """All waypoints of Istio's own classes."""
        for gateway in self.graph.of_kind(GATEWAY):
            if isinstance(gateway, Gateway) and self.is_waypoint(gateway).value:
                yield gateway

    def waypoint_users(self, gateway: Gateway) -> Iterator[Edge]:
        """The `use-waypoint` labels that name a Gateway, whether they bind to it or not."""
        return self.graph.edges_to(gateway.ref, Relation.USES_WAYPOINT)

    def possible_users(self, gateway: Gateway) -> Iterator[Resource]:
        """
        The objects whose labels may name a Gateway: as their waypoint, or from 1.31 as its canary.

        Where the manifests do not tell the namespace of the one or the other, the name decides.
        """
        named = self._users_by_name.get(gateway.name, {})
        if gateway.namespace is None:
            return (user for users in named.values() for user in users)
        return (user for namespace in (gateway.namespace, None) for user in named.get(namespace, ()))

    def dependents(self, gateway: Gateway) -> Iterator[Cause]:
        """What only a waypoint would enforce: what names this one, or a Service beside it that has none."""
        from meshlint.mesh.waypoints.dependents import dependents

        return dependents(self.graph, gateway, self.waypoint_binding, self.version)

    def possible_dependents(self, gateway: Gateway) -> Iterator[Cause]:
        """What may need a waypoint: it is for a Service beside this one that the set does not hold."""
        from meshlint.mesh.waypoints.dependents import possible_dependents

        return iter(()) if self.is_complete else possible_dependents(self.graph, gateway)

    def hanging_policies(self, binding: WaypointBinding) -> Iterator[Cause]:
        """The policies, routes and traffic rules that hang in the air when a request for a waypoint fails."""
        from meshlint.mesh.waypoints.dependents import hanging_policies

        return hanging_policies(self.graph, binding, self.waypoint_binding, self.version)

    def unused_waypoint_for(self, dependent: Location) -> Gateway | None:
        """The waypoint that certainly nothing uses, though what a line says needs it; None without one."""
        return self._unused_by_dependent.get((dependent.manifest, dependent.field))

    def usable_waypoint(self, service: Resource) -> Gateway | None:
        """The waypoint in its namespace that a Service could use; None if there is none, or several."""
        from meshlint.mesh.waypoints.waypoint import SERVICE_TRAFFIC

        usable = [
            gateway
            for gateway in self._waypoints_by_namespace.get(service.namespace, {}).values()
            if self.traffic_type(gateway).value in SERVICE_TRAFFIC and self.admits(gateway, service).value
        ]
        return usable[0] if len(usable) == 1 else None

    def gateways_of_class(self, gateway_class: GatewayClass) -> Iterator[Gateway]:
        """The Gateways of a class."""
        gateways = self.graph.of_kind(GATEWAY)
        return (g for g in gateways if isinstance(g, Gateway) and g.class_name == gateway_class.name)

    def are_users_known(self, gateway: Gateway) -> bool:
        """Whether whatever may use a waypoint is in the set."""
        from meshlint.mesh.waypoints import waypoint
        from meshlint.mesh.waypoints.binding import class_of

        admits_others = waypoint.admits_others(gateway, class_of(self.graph, gateway), self.version)
        return self.is_complete or (self.is_closed(gateway.namespace) and not admits_others)

    def admits(self, gateway: Gateway, subject: Resource) -> Derived[bool | None]:
        """Whether an object may use a waypoint; None if that takes labels of a namespace not known."""
        return self._bindings.admits(gateway, subject)

    def lost_labels_for(self, gateway: Gateway) -> Sequence[Location]:
        """The `use-waypoint` labels that name no Gateway of the set, and may mean this one."""
        return self._lost_labels.get(gateway, ())

    def near_waypoint(self, binding: WaypointBinding) -> Gateway | None:
        """The waypoint whose name a label's is a slip of; None if there is none, or several."""
        wanted = binding.wanted
        if wanted is None:
            return None
        if wanted not in self._near_waypoints:
            there = self._waypoints_by_namespace.get(wanted.namespace, {})
            near = nearest(wanted.name, there)
            self._near_waypoints[wanted] = there[near] if near is not None else None
        return self._near_waypoints[wanted]

    def waypoints_named(self, name: str) -> Mapping[str | None, Gateway]:
        """The waypoints of a name, by their namespaces."""
        return self._waypoints_by_name.get(name, {})

    def waypoint_elsewhere(self, binding: WaypointBinding) -> Gateway | None:
        """
        The waypoint of the name that a label asks for, in another namespace than the label means.

        It is the only one of that name, or the one that the object's Namespace asks for. None also
        where the label names a namespace itself, and where the one that is asked for may be missing
        from the set and this one does not admit the object: they often share one name.
        """
        from meshlint.mesh.waypoints.binding import BindingState

        wanted, subject, at = binding.wanted, binding.asked_by, binding.asked_at
        if wanted is None or wanted.namespace is None or subject is None or self.could_be(wanted):
            return None
        if at and at.manifest and at.manifest.value(*at.field[:-1], USE_WAYPOINT_NAMESPACE) is not None:
            return None
        there = self._asked_beside(subject, wanted.name) or self._only_waypoint_named(wanted.name)
        is_certain = binding.state is BindingState.NOT_READY
        return there if there and (is_certain or self.admits(there, subject).value) else None

    def only_waypoint_in(self, namespace: str | None) -> Gateway | None:
        """The waypoint of a namespace that has one only."""
        found = [gateway for gateway in self.gateways_in(namespace) if self.is_waypoint(gateway).value]
        return found[0] if len(found) == 1 else None

    def _asked_beside(self, subject: Resource, name: str) -> Gateway | None:
        """The waypoint of a name that the Namespace of an object asks for."""
        namespace = self.namespace_of(subject)
        asked = self.waypoint_requests(namespace) if namespace and namespace is not subject else ()
        named = self.waypoints_named(name)
        places = (each.wanted.namespace for each in asked if each.wanted and each.wanted.name == name)
        return next((named[place] for place in places if place in named), None)

    def _only_waypoint_named(self, name: str) -> Gateway | None:
        named = self.waypoints_named(name)
        return next(iter(named.values())) if len(named) == 1 else None

    @cached_property
    def _unused_by_dependent(self) -> dict[tuple[Manifest | None, FieldPath], Gateway]:
        """The waypoints that certainly nothing uses, by the lines that need one."""
        return {
            (cause.at.manifest, cause.at.field): gateway
            for gateway in self.waypoints()
            if not any(self.possible_users(gateway)) and self.are_users_known(gateway)
            if not any(self.possible_dependents(gateway)) and not self.lost_labels_for(gateway)
            for cause in self.dependents(gateway)
        }

    @cached_property
    def _users_by_name(self) -> dict[str, dict[str | None, list[Resource]]]:
        """Who names a waypoint, by the waypoint's name and the namespace in which it is to be."""
        users: dict[str, dict[str | None, list[Resource]]] = defaultdict(lambda: defaultdict(list))
        for user in self.graph.of_kind(*WAYPOINT_USERS):
            for edge in self.graph.edges_from(user, Relation.USES_WAYPOINT):
                users[edge.target.name][edge.target.namespace].append(user)
            canary = self._canary_of(user)
            if canary is not None:
                users[canary.name][canary.namespace].append(user)
        return users

    @cached_property
    def _near_waypoints(self) -> dict[ResourceRef, Gateway | None]:
        """What `near_waypoint` has found so far."""
        return {}

    @cached_property
    def _waypoints_by_namespace(self) -> dict[str | None, dict[str, Gateway]]:
        found: dict[str | None, dict[str, Gateway]] = defaultdict(dict)
        for gateway in self.waypoints():
            found[gateway.namespace][gateway.name] = gateway
        return found

    @cached_property
    def _waypoints_by_name(self) -> dict[str, dict[str | None, Gateway]]:
        found: dict[str, dict[str | None, Gateway]] = defaultdict(dict)
        for gateway in self.waypoints():
            found[gateway.name][gateway.namespace] = gateway
        return found

    @cached_property
    def _lost_labels(self) -> dict[Gateway, list[Location]]:
        """The labels of lost requests, by the waypoint that each may mean: one judgement for each label."""
        labels: dict[Gateway, list[Location]] = defaultdict(list)
        for binding in self._lost_requests:
            meant = self._meant(binding)
            if meant is not None and binding.asked_at is not None:
                labels[meant].append(binding.asked_at)
        return labels

    def _meant(self, binding: WaypointBinding) -> Gateway | None:
        return (
            self._written_out(binding)
            or self._affirmed(binding)
            or self.near_waypoint(binding)
            or self.waypoint_elsewhere(binding)
        )

    def _written_out(self, binding: WaypointBinding) -> Gateway | None:
        """The waypoint that a label names as `namespace/name`."""
        namespace, _, name = binding.wanted.name.partition("/") if binding.wanted else ("", "", "")
        return self.waypoints_named(name).get(namespace)

    def _affirmed(self, binding: WaypointBinding) -> Gateway | None:
        """The waypoint that a label means which says `true` instead of a name."""
        from meshlint.mesh.waypoints.waypoint import YES

        wanted = binding.wanted
        return self.only_waypoint_in(wanted.namespace) if wanted and wanted.name.lower() in YES else None

    def _canary_of(self, user: Resource) -> ResourceRef | None:
        from meshlint.mesh.changes import CANARY_WAYPOINTS

        # Pods and WorkloadEntries have no canaries (istiod resolves them in ambient/services.go alone).
        if not CANARY_WAYPOINTS.holds(self.version) or user.kind not in (NAMESPACE, SERVICE, SERVICE_ENTRY):
            return None
        return canary_reference(user.labels, user.name if user.kind == NAMESPACE else user.namespace)

    @cached_property
    def _lost_requests(self) -> tuple[WaypointBinding, ...]:
        return tuple(
            binding
            for user in self.graph.of_kind(*WAYPOINT_USERS)
            for binding in self.waypoint_requests(user)
            if binding.wanted is not None and not self.could_be(binding.wanted)
        )

    @cached_property
    def _bindings(self) -> WaypointBindings:
        from meshlint.mesh.waypoints.binding import WaypointBindings

        return WaypointBindings(self.graph, self.version, lambda: self.mesh_config.service_entry_visibility)
