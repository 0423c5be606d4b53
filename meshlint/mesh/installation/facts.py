"""How Istio is installed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.graph.known import Known
from meshlint.mesh.foundation import Foundation
from meshlint.model.keys import REVISION
from meshlint.model.kind import (
    ARGO_APPLICATION,
    AUTHORIZATION_POLICY,
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    FLUX_KUSTOMIZATION,
    GATEWAY_API,
    HELM_RELEASE,
    INSTALLATION,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
)
from meshlint.model.kinds.core import Namespace

if TYPE_CHECKING:
    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.installation.choices import RefusedChoice
    from meshlint.mesh.installation.companions import Companions
    from meshlint.mesh.installation.components import Account
    from meshlint.mesh.installation.gateway_api import OutdatedBundle
    from meshlint.mesh.installation.mesh_config import MeshConfig
    from meshlint.mesh.installation.parts import Component, Part
    from meshlint.mesh.installation.placement import MisplacedValue
    from meshlint.mesh.installation.revisions import Revisions
    from meshlint.mesh.installation.values import Values
    from meshlint.model.kind import Kind
    from meshlint.model.kinds.core import ConfigMap, CustomResourceDefinition
    from meshlint.model.kinds.gateway import Gateway
    from meshlint.model.kinds.workload import Workload
    from meshlint.model.resource import Resource
    from meshlint.source.document import Location


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
    def parts(self) -> tuple[Part, ...]:
        """The components of Istio that the objects of the set install."""
        from meshlint.mesh.installation import parts

        return parts.parts(self.graph)

    @cached_property
    def parts_elsewhere(self) -> tuple[Part, ...]:
        """The components that objects of the other sets of the run install, maybe in other clusters."""
        from meshlint.mesh.installation import parts

        return parts.parts_of(self.resources_elsewhere(*INSTALLATION))

    def parts_of(self, resource: Resource) -> tuple[Part, ...]:
        """The components of Istio that an object installs."""
        return tuple(part for part in self.parts if part.resource is resource)

    def left_out(self, resource: Resource, component: Component) -> Location | None:
        """The line of an IstioOperator that leaves a component out."""
        from meshlint.mesh.installation.parts import switched_off

        return switched_off(resource, component)

    def companions(self, part: Part, component: Component) -> Companions:
        """The parts of a component that are of the same installation as a part."""
        from meshlint.mesh.installation.companions import Surroundings, companions

        around = Surroundings(self.parts, self.parts_elsewhere, self._foreign_releases, self._is_one_cluster)
        return companions(part, component, around)

    def does_ambient(self, part: Part) -> Derived[bool | None]:
        """Whether an istiod or an istio-cni does ambient mode; None where that cannot be told."""
        from meshlint.mesh.installation.switches import does_ambient

        return does_ambient(part, self.version)

    def runs_as(self, ztunnel: Part) -> Derived[Account | None]:
        """The service account as which a ztunnel asks istiod for certificates; None if not known."""
        from meshlint.mesh.installation import trust

        return trust.ztunnel_account(ztunnel, self.version)

    def trusted_by(self, istiod: Part) -> Derived[frozenset[Account] | None]:
        """The service accounts that an istiod lets ask for the certificates of others; None if not known."""
        from meshlint.mesh.installation import trust

        return trust.trusted_accounts(istiod, self.version)

    @property
    def _is_one_cluster(self) -> bool:
        return self.is_applied_together or self.is_complete

    @cached_property
    def _foreign_releases(self) -> tuple[Resource, ...]:
        """What Flux and Argo CD install anywhere in the run without telling a chart of Istio."""
        from meshlint.mesh.installation.values import charts_of

        kinds = (HELM_RELEASE, ARGO_APPLICATION, FLUX_KUSTOMIZATION)
        releases = (*self.resources(*kinds), *self.resources_elsewhere(*kinds))
        return tuple(release for release in releases if not any(charts_of(release)))

    def dead_switches(self, istiod: Part) -> tuple[tuple[str, Cause], ...]:
        """The switches of ambient mode that an istiod is given and does not heed, each with its line."""
        from meshlint.mesh.installation.switches import dead_switches

        return tuple(dead_switches(istiod, self.version))

    def dead_exclusion(self, config: ConfigMap) -> Location | None:
        """The namespaces to exclude that a ConfigMap of istio-cni holds under a key that nothing reads."""
        from meshlint.mesh.installation.values import dead_exclusion

        return dead_exclusion(config)

    def refused_platforms(self, resource: Resource) -> tuple[RefusedChoice, ...]:
        """The platforms in an object's values at which Istio's charts fail to render."""
        from meshlint.mesh.installation.choices import refused_platforms

        return tuple(refused_platforms(resource, self.version))

    def refused_profiles(self, resource: Resource) -> tuple[RefusedChoice, ...]:
        """The profiles of an object that its charts, or istioctl, do not have."""
        from meshlint.mesh.installation.choices import refused_profiles

        return tuple(refused_profiles(resource, self.version))

    def misplaced_values(self, resource: Resource) -> tuple[MisplacedValue, ...]:
        """The values of an object that installs Istio that stand where nothing reads them."""
        from meshlint.mesh.installation.placement import misplaced_values

        return misplaced_values(resource, self.version, version_known=self.version_known)

    def outdated_bundle(self, definition: CustomResourceDefinition) -> OutdatedBundle | None:
        """Why istiod does not read the kind of a CRD of the Gateway API; None if it does."""
        from meshlint.mesh.installation.gateway_api import outdated_bundle

        return outdated_bundle(definition, self.version)

    @cached_property
    def gateway_api(self) -> frozenset[Kind]:
        """The kinds of the Gateway API that CRDs of the run, or a dump of a cluster, show to be served."""
        from meshlint.mesh.installation.gateway_api import served_kinds

        definitions = self.resources_elsewhere(CUSTOM_RESOURCE_DEFINITION)
        return served_kinds((*self.resources(CUSTOM_RESOURCE_DEFINITION, *GATEWAY_API), *definitions))

    @property
    def is_rendered(self) -> bool:
        """Whether nothing adds to the set, or changes it, that was not applied."""
        return self.graph.scopes.rendered

    def brings(self, word: str) -> bool:
        """Whether Flux or Argo CD install something anywhere in the run that has a word in its name."""
        return any(word in release.name for release in self._foreign_releases)

    @cached_property
    def ambient_enabled(self) -> Derived[bool | None]:
        """Whether istio-cni does ambient mode, so that pods are captured; None where nothing tells."""
        from meshlint.mesh.installation import components, parts
        from meshlint.mesh.installation.values import HOLDERS

        by_values = parts.parts(self.graph, (CONFIG_MAP, *HOLDERS))
        return components.ambient_cni(self.chart_values, by_values, self.version)

    @cached_property
    def istiod_ambient(self) -> Derived[bool | None]:
        """Whether istiod does ambient mode, so that there are waypoints; None where nothing tells."""
        return self.istiod_switch("PILOT_ENABLE_AMBIENT")

    @cached_property
    def multi_network(self) -> Derived[bool | None]:
        """Whether ambient mode spans networks; None where nothing tells."""
        return self.istiod_switch("AMBIENT_ENABLE_MULTI_NETWORK")

    @cached_property
    def multi_network_elsewhere(self) -> Derived[bool | None]:
        """Whether an istiod of another set of the run lets ambient mode span networks; None if none tells."""
        from meshlint.mesh.installation.switches import istiod_switch

        return istiod_switch(self.parts_elsewhere, "AMBIENT_ENABLE_MULTI_NETWORK", self.version)

    @property
    def has_multi_network(self) -> bool:
        """Whether the version of Istio can have ambient mode span networks: 1.27 and newer."""
        from meshlint.mesh.changes import EAST_WEST_CLASS

        return EAST_WEST_CLASS.holds(self.version)

    def multi_network_use(self, resource: Resource) -> Cause | None:
        """The line by which an object is for an ambient mesh across networks."""
        from meshlint.mesh.installation.multi_network import multi_network_use

        return multi_network_use(resource)

    @cached_property
    def agentgateway(self) -> Derived[bool | None]:
        """Whether istiod serves the classes of agentgateway; None where nothing tells."""
        return self.istiod_switch("PILOT_ENABLE_AGENTGATEWAY")

    def istiod_switch(self, name: str) -> Derived[bool | None]:
        """
        Whether istiod runs with a switch on, an environment variable of it; None where nothing tells.

        Where istiod is in the set and does not set it, its own default counts.
        """
        from meshlint.mesh.installation.switches import istiod_switch

        return istiod_switch(self._istiods, name, self.version)

    @cached_property
    def _istiods(self) -> tuple[Part, ...]:
        from meshlint.mesh.installation.parts import parts
        from meshlint.mesh.installation.values import HOLDERS

        return parts(self.graph, (DEPLOYMENT, *HOLDERS))

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

        switch = self.istiod_switch("AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY")
        return DRY_RUNS_CAN_BE_SENT.holds(self.version) and switch.value is True

    @cached_property
    def allows_waypoints(self) -> bool:
        """Whether istiod adds an ALLOW policy for the waypoint to each workload behind one."""
        return self.istiod_switch("PILOT_AUTO_ALLOW_WAYPOINT_POLICY").value is True

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
