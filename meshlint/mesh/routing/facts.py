"""Which routes and traffic rules ambient clients follow."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.graph.graph import Relation
from meshlint.graph.known import ABSENT, UNKNOWN, present
from meshlint.mesh.policies.facts import PolicyFacts
from meshlint.model.keys import GATEWAY_NAME
from meshlint.model.kind import GATEWAY, SERVICE, ResourceRef
from meshlint.model.kinds.core import Namespace, Service
from meshlint.model.kinds.gateway import Gateway, Route
from meshlint.model.kinds.traffic import ServiceEntry
from meshlint.model.kinds.workload import Workload
from meshlint.model.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshlint.graph.graph import Edge
    from meshlint.graph.known import Known
    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.routing.at_waypoint import Surroundings
    from meshlint.mesh.routing.bypass import Bypass
    from meshlint.mesh.routing.destination_rules import DestinationRules
    from meshlint.mesh.routing.egress_detour import EgressDetour
    from meshlint.mesh.routing.hosts import HostIndex
    from meshlint.mesh.routing.ingress import IngressRoute
    from meshlint.mesh.routing.route_parents import RouteParent
    from meshlint.mesh.routing.senders import Senders
    from meshlint.mesh.routing.virtual_services import HostEffect, TrafficEffect
    from meshlint.mesh.waypoints.traffic_policy import TrafficSetting
    from meshlint.model.kinds.traffic import DestinationRule, VirtualService
    from meshlint.model.resource import Resource
    from meshlint.source.document import Location


class RoutingFacts(PolicyFacts):
    """Which routes and traffic rules ambient clients follow."""

    def route_parents(self, route: Route) -> tuple[RouteParent, ...]:
        """What becomes of a route at each of its parents, and what istiod writes about it."""
        from meshlint.mesh.routing.route_parents import route_parents

        return self._fact("route_parents", route, lambda: route_parents(route, self._surroundings))

    def parent_edges(self, route: Route) -> tuple[Edge, ...]:
        """The parents that a route names, in their order, whether the set holds them or not."""
        return tuple(self.graph.edges_from(route, Relation.PARENT))

    def routes_of(self, service: Resource) -> tuple[Route, ...]:
        """The routes that name a Service or ServiceEntry as parent, whether they are respected or not."""
        edges = self.graph.edges_to(service.ref, Relation.PARENT)
        return tuple(dict.fromkeys(edge.source for edge in edges if isinstance(edge.source, Route)))

    def is_made_by_a_gateway(self, service: ResourceRef) -> bool:
        """Whether a Service has the name of one that istiod deploys for a Gateway of the set."""
        from meshlint.mesh.routing.route_parents import is_made_by_a_gateway

        return is_made_by_a_gateway(service, self.graph, self.version)

    def near_service(self, wanted: ResourceRef) -> Resource | None:
        """The Service or ServiceEntry beside it whose name a reference's is a slip of; None without one."""
        if wanted not in self._near_services:
            beside = {found.name: found for found in self.graph.in_namespace(wanted.namespace, wanted.kind)}
            near = nearest(wanted.name, beside)
            self._near_services[wanted] = beside[near] if near is not None else None
        return self._near_services[wanted]

    def virtual_service_effect(self, rule: VirtualService) -> tuple[HostEffect, ...]:
        """What ambient clients notice of a VirtualService, host by host; empty for a delegate."""
        from meshlint.mesh.routing.virtual_services import virtual_service_effect

        return self._fact(
            "virtual_service_effect", rule, lambda: virtual_service_effect(rule, self._surroundings)
        )

    def destination_rule_effect(self, rule: DestinationRule) -> HostEffect:
        """What ambient clients notice of a DestinationRule."""
        from meshlint.mesh.routing.destination_rules import destination_rule_effect

        return self._fact(
            "destination_rule_effect",
            rule,
            lambda: destination_rule_effect(rule, self._destination_rules, self._surroundings),
        )

    def bypass(self, service: Resource) -> Bypass | None:
        """Why ambient clients pass by any waypoint of a service; None if they do not, or it is not known."""
        return self._fact("bypass", service, lambda: self._bypass(service))

    def traffic_settings(self, rule: DestinationRule) -> tuple[TrafficSetting, ...]:
        """What a DestinationRule has a waypoint do for calls to its host; settings of subsets apart."""
        from meshlint.mesh.waypoints.traffic_policy import traffic_settings

        return tuple(traffic_settings(rule, self.version))

    def mtls_setting(self, rule: DestinationRule) -> Location | None:
        """The line by which a DestinationRule asks for mTLS of the mesh, and for nothing else."""
        from meshlint.mesh.waypoints.traffic_policy import mtls_setting

        return mtls_setting(rule)

    def subset_senders(self, rule: DestinationRule) -> Iterator[Cause]:
        """The lines of VirtualServices that send to a subset of a DestinationRule, or may."""
        return self._senders.to_subsets(rule)

    def gateway_senders(self, service: Resource) -> Iterator[Cause]:
        """The lines by which gateways send to a Service or ServiceEntry."""
        return self._senders.at_gateways(service)

    def egress_detours(self, rule: VirtualService) -> tuple[EgressDetour, ...]:
        """The hosts outside of the mesh that a VirtualService leads the mesh's clients to by a gateway."""
        from meshlint.mesh.routing.egress_detour import egress_detours

        return tuple(egress_detours(rule, self._is_gateway, self._surroundings))

    def settings_effect(self, resource: Resource) -> Derived[TrafficEffect]:
        """What ambient clients notice of a Sidecar, a ProxyConfig, or a Telemetry without `targetRefs`."""
        from meshlint.mesh.routing.proxy_settings import settings_effect

        return settings_effect(resource, self._surroundings)

    def service_of_host(self, host: str, namespace: str | None) -> Known[Resource]:
        """The Service or ServiceEntry that a host means, written in an object of some namespace."""
        from meshlint.mesh.routing.hosts import full_name

        full = full_name(host, namespace)
        named = self._hosts.named(full) if full is not None else ()
        if named:
            # A Service wins, then what stands beside the object.
            best = min(named, key=lambda s: (s.kind != SERVICE, s.namespace != namespace))
            return present(best)
        return ABSENT if full is not None and self.is_complete else UNKNOWN

    def virtual_ip(self, service: Resource) -> Derived[bool | None]:
        """Whether ztunnel can tell traffic to a Service or ServiceEntry by an IP of its own."""
        return self._fact("virtual_ip", service, lambda: self._virtual_ip(service))

    def passes_waypoint(self, client: Workload, service: Resource) -> Derived[bool | None]:
        """Whether calls of a workload to a Service or ServiceEntry go through the service's waypoint."""
        from meshlint.mesh.routing.dns_capture import dns_capture
        from meshlint.mesh.routing.passage import Called, Client, passes_waypoint

        name = client.pod_labels.get(GATEWAY_NAME)
        found = self.find(ResourceRef(GATEWAY, client.namespace, name)).value if name else None
        gateway = found if isinstance(found, Gateway) else None
        caller = Client(
            client,
            self.dataplane_mode(client),
            gateway_class=gateway.class_name if gateway else "",
            gateway_is_waypoint=self.is_waypoint(gateway).value if gateway else (None if name else False),
            dns_capture=dns_capture(client, self.graph, self.chart_values, self.version),
        )
        namespace = self.graph.namespace_of(service)
        called = Called(
            service,
            namespace.value if isinstance(namespace.value, Namespace) else None,
            namespace_known=not namespace.is_unknown,
            binding=self.waypoint_binding(service),
            virtual_ip=self.virtual_ip(service),
        )
        return passes_waypoint(caller, called, self.version)

    def asks_ingress(self, service: Resource) -> Derived[bool | None]:
        """Whether a service has ingress gateways use its waypoint; None if that takes labels not known."""
        from meshlint.mesh.routing.passage import asks_ingress

        namespace = self.graph.namespace_of(service)
        known = namespace.value if isinstance(namespace.value, Namespace) else None
        return asks_ingress(service, known, self.version, namespace_known=not namespace.is_unknown)

    def ingress_routes(self, service: Resource) -> Sequence[IngressRoute]:
        """The routes by which ingress gateways of Istio certainly send to a Service or ServiceEntry."""
        return self._ingress_routes.get(service, ())

    def _bypass(self, service: Resource) -> Bypass | None:
        from meshlint.mesh.derived import Cause
        from meshlint.mesh.enrollment.dataplane import DataplaneMode
        from meshlint.mesh.routing.bypass import bypass

        if self.find(service.ref).is_unknown:
            return None  # It is altered, or its copies differ.
        mode = self.service_mode(service)
        if mode.value is DataplaneMode.AMBIENT:
            callers: Cause | None = next(iter(mode.because), Cause("it is ambient", service.at()))
        else:
            # A ServiceEntry is called from everywhere: ztunnel reads no `exportTo`.
            callers = self.evidence_of(DataplaneMode.AMBIENT) if isinstance(service, ServiceEntry) else None
        return bypass(service, callers, self._surroundings) if callers is not None else None

    def _is_gateway(self, service: Service) -> bool:
        found = (self.find(edge.target).value for edge in self.selected_workloads(service))
        return any(self.is_gateway_proxy(workload) for workload in found if isinstance(workload, Workload))

    def _virtual_ip(self, service: Resource) -> Derived[bool | None]:
        from meshlint.mesh.derived import Derived
        from meshlint.mesh.routing.egress import virtual_ip, virtual_ip_of_service

        match service:
            case Service():
                return virtual_ip_of_service(service)
            case ServiceEntry():
                return virtual_ip(service, self.version, self.istiod_switch)
            case _:
                return Derived(None)

    @cached_property
    def _hosts(self) -> HostIndex:
        from meshlint.mesh.routing.hosts import HostIndex

        return HostIndex(self.graph)

    @cached_property
    def _ingress_routes(self) -> Mapping[Resource, Sequence[IngressRoute]]:
        from meshlint.mesh.routing.ingress import ingress_routes

        return ingress_routes(self._surroundings, self.route_parents, self.service_of_host)

    @cached_property
    def _destination_rules(self) -> DestinationRules:
        from meshlint.mesh.routing.destination_rules import DestinationRules

        return DestinationRules(self.graph)

    @cached_property
    def _near_services(self) -> dict[ResourceRef, Resource | None]:
        """What `near_service` has found so far."""
        return {}

    @cached_property
    def _senders(self) -> Senders:
        from meshlint.mesh.routing.senders import Senders

        return Senders(self.graph)

    @cached_property
    def _surroundings(self) -> Surroundings:
        from meshlint.mesh.routing.at_waypoint import Surroundings

        return Surroundings(
            graph=self.graph,
            version=self.version,
            hosts=self._hosts,
            root_namespace=self.mesh_config.root_namespace.value,
            bind=self.waypoint_binding,
            virtual_ip=self.virtual_ip,
            judge=self.is_waypoint,
            switch=self.istiod_switch,
        )
