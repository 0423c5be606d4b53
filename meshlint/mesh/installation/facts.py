"""How Istio is installed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.graph.known import Known
from meshlint.mesh.foundation import Foundation
from meshlint.model.keys import REVISION
from meshlint.model.kind import AUTHORIZATION_POLICY, SERVICE_ENTRY, WORKLOAD_ENTRY
from meshlint.model.kinds.core import Namespace

if TYPE_CHECKING:
    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.installation.components import Account
    from meshlint.mesh.installation.mesh_config import MeshConfig
    from meshlint.mesh.installation.revisions import Revisions
    from meshlint.mesh.installation.values import Values
    from meshlint.model.kinds.gateway import Gateway
    from meshlint.model.kinds.workload import Workload
    from meshlint.model.resource import Resource


class InstallationFacts(Foundation):
    """How Istio is installed."""

    @cached_property
    def chart_values(self) -> tuple[Values, ...]:
        """All values for Istio's charts that the manifests hold."""
        from meshlint.mesh.installation import values as installation

        return tuple(installation.chart_values(self.graph))

    @cached_property
    def mesh_config(self) -> MeshConfig:
        """MeshConfig: root namespace, trust domain, discovery selectors and the like."""
        from meshlint.mesh.installation.mesh_config import mesh_config

        return mesh_config(self.graph, self.chart_values)

    @property
    def root_namespace(self) -> Derived[str]:
        """The namespace whose policies are for the whole mesh; without causes it is the default."""
        return self.mesh_config.root_namespace

    @cached_property
    def ambient_installation(self) -> tuple[Cause, ...]:
        """The lines by which ambient mode is installed."""
        from meshlint.mesh.installation import control_plane

        return control_plane.ambient_installation(self.graph, self.chart_values)

    def remote_control_plane(self, resource: Resource) -> tuple[Cause, ...]:
        """The lines of an object that put a control plane outside of the cluster."""
        from meshlint.mesh.installation import control_plane

        return control_plane.remote_control_plane(resource, self.chart_values)

    @cached_property
    def ambient_enabled(self) -> Derived[bool | None]:
        """Whether istio-cni does ambient mode, so that pods are captured; None where nothing tells."""
        from meshlint.mesh.installation import components

        return components.ambient_cni(self.graph, self.chart_values)

    @cached_property
    def istiod_ambient(self) -> Derived[bool | None]:
        """Whether istiod does ambient mode, so that there are waypoints; None where nothing tells."""
        from meshlint.mesh.installation import components

        return components.ambient_istiod(self.graph, self.chart_values)

    @cached_property
    def multi_network(self) -> Derived[bool | None]:
        """Whether ambient mode spans networks; None where nothing tells."""
        from meshlint.mesh.installation import components

        return components.multi_network(self.graph, self.chart_values)

    @cached_property
    def agentgateway(self) -> Derived[bool | None]:
        """Whether istiod serves the classes of agentgateway; None where nothing tells."""
        from meshlint.mesh.installation import components

        return components.agentgateway(self.graph, self.chart_values)

    @cached_property
    def istiod_namespace(self) -> Derived[str]:
        """The namespace of istiod; without causes it is the usual one."""
        from meshlint.mesh.installation import components

        return components.istiod_namespace(self.graph, self.chart_values)

    @cached_property
    def ztunnel_account(self) -> Derived[Account]:
        """The service account of ztunnel; without causes it is the usual one."""
        from meshlint.mesh.installation import components

        return components.ztunnel_account(self.graph, self.chart_values)

    def is_component(self, workload: Workload) -> bool:
        """Whether the pods are Istio's own: istiod, the CNI node agent, ztunnel."""
        from meshlint.mesh.installation import components

        return components.is_component(workload)

    @cached_property
    def platform(self) -> Derived[str | None]:
        """The platform that Istio is installed for; None where nothing tells."""
        from meshlint.mesh.installation import components

        return components.platform(self.graph, self.chart_values)

    @cached_property
    def revisions(self) -> Revisions:
        """The control planes and tags that the set tells of."""
        from meshlint.mesh.installation.revisions import revisions

        return revisions(self.graph, self.chart_values, self.version)

    def owner(self, gateway: Gateway) -> Derived[Known[str]]:
        """The revision that deploys and programs a Gateway; absent if no control plane does."""
        from meshlint.mesh.installation.revisions import owner

        found = self.graph.namespace_of(gateway)
        namespace = Known(found.presence, found.value if isinstance(found.value, Namespace) else None)
        return owner(gateway, namespace, self.revisions)

    def is_discovered(self, resource: Resource) -> bool | None:
        """Whether istiod watches the namespace of an object; None if that takes labels not known."""
        selectors = self.mesh_config.discovery_selectors
        if selectors is None:
            return True
        namespace = self.namespace_of(resource)
        if namespace is None:
            return None
        return any(selector.matches(namespace.effective_labels) for selector in selectors.value)

    @cached_property
    def sends_dry_runs(self) -> bool:
        """Whether istiod sends policies with `istio.io/dry-run` to ztunnel, to be logged (1.29 and newer)."""
        from meshlint.mesh.changes import DRY_RUNS_CAN_BE_SENT
        from meshlint.mesh.installation.switches import istiod_switch

        name = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
        switch = istiod_switch(self.graph, self.chart_values, name)
        return DRY_RUNS_CAN_BE_SENT.holds(self.version) and switch is not None and switch.value

    @cached_property
    def allows_waypoints(self) -> bool:
        """Whether istiod adds an ALLOW policy for the waypoint to each workload behind one."""
        from meshlint.mesh.installation.switches import istiod_switch

        switch = istiod_switch(self.graph, self.chart_values, "PILOT_AUTO_ALLOW_WAYPOINT_POLICY")
        return switch is not None and switch.value

    def _istiod_switch(self, name: str) -> Derived[bool] | None:
        from meshlint.mesh.installation.switches import istiod_switch

        return istiod_switch(self.graph, self.chart_values, name)

    def _is_read(self, subject: Resource) -> bool:
        """
        Whether istiod certainly reads an object: of a namespace that it watches, and of its revision.

        From 1.27 ambient mode takes a ServiceEntry, WorkloadEntry or AuthorizationPolicy with `istio.io/rev`
        only if that is the revision itself, no tag
        (istio `pilot/pkg/serviceregistry/ambient/ambientindex.go`, inRevision).
        """
        from meshlint.mesh.changes import AMBIENT_COMPARES_REVISIONS

        revision = subject.labels.get(REVISION)
        if revision and subject.kind in (SERVICE_ENTRY, WORKLOAD_ENTRY, AUTHORIZATION_POLICY):
            compares = AMBIENT_COMPARES_REVISIONS.holds(self.version)
            if compares and revision not in self.revisions.names:
                return False
        return self.is_discovered(subject) is True
