"""Which pods are in the mesh, and in which mode."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from meshlint.mesh.installation.facts import InstallationFacts
from meshlint.model.keys import GATEWAY_NAME
from meshlint.model.kind import NAMESPACE, WORKLOADS
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlint.mesh.derived import Cause, Derived
    from meshlint.mesh.enrollment.dataplane import DataplaneMode, EnrollmentRules
    from meshlint.mesh.enrollment.identity import SpireIdentity
    from meshlint.mesh.enrollment.injection import InjectionSource
    from meshlint.mesh.enrollment.pod_settings import CaptureSetting, ReservedPort
    from meshlint.mesh.installation.values import EnablementSelector
    from meshlint.model.kind import Kind
    from meshlint.model.kinds.workload import WorkloadEntry
    from meshlint.model.resource import Resource

DEFAULT_EXCLUDED = frozenset({"kube-system"})
"""What istio-cni leaves alone by default from 1.22 (`manifests/charts/istio-cni/values.yaml`)."""


class EnrollmentFacts(InstallationFacts):
    """Which pods are in the mesh, and in which mode."""

    def dataplane_mode(self, workload: Workload) -> Derived[DataplaneMode]:
        """What the pods of a workload will run in, and because of which labels."""
        from meshlint.mesh.enrollment import dataplane

        return self._fact(
            "dataplane_mode",
            workload,
            lambda: dataplane.dataplane_mode(workload, self.namespace_of(workload), self.enrollment_rules),
        )

    def namespace_mode(self, namespace: Namespace) -> Derived[DataplaneMode]:
        """What the pods of a namespace run in that carry no deciding labels themselves."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.namespace_mode(namespace, self.enrollment_rules)

    def selects_ambient(self, namespace: Namespace) -> Derived[bool]:
        """Whether a namespace's labels choose ambient mode for its pods."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.selects_ambient(namespace, self.enrollment_rules)

    def namespace_injection(self, namespace: Namespace) -> Derived[InjectionSource | None]:
        """Which of a namespace's labels has sidecars injected, if one does."""
        from meshlint.mesh.enrollment import injection

        return injection.namespace_injection(namespace, self.enrollment_rules.injectors)

    def asked_revision(self, namespace: Namespace) -> str | None:
        """The revision whose injector a namespace's `istio.io/rev` asks for, installed or not."""
        from meshlint.mesh.enrollment import injection

        return injection.asked_revision(namespace)

    def may_get_sidecars(self, namespace: Namespace) -> bool:
        """Whether some pods of a namespace could be injected: false if all of its known ones refuse."""
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        modes = [self.dataplane_mode(workload).value for workload in self.workloads_in(namespace)]
        spared = (DataplaneMode.AMBIENT, DataplaneMode.NONE)
        return not modes or any(mode not in spared for mode in modes)

    @cached_property
    def ambient_pods(self) -> tuple[Cause, ...]:
        """The lines by which some pods are ambient: of their namespaces, and of workloads themselves."""
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        spaces = (self.namespace_mode(n) for n in self.resources(NAMESPACE) if isinstance(n, Namespace))
        workloads = (self.dataplane_mode(w) for w in self.resources(*WORKLOADS) if isinstance(w, Workload))
        modes = (mode for mode in (*spaces, *workloads) if mode.value is DataplaneMode.AMBIENT)
        return tuple(dict.fromkeys(mode.because[0] for mode in modes if mode.because))

    def hears_hbone(self, workload: Workload) -> Derived[bool | None]:
        """Whether the sidecars of a workload listen for HBONE; None where the manifests do not tell."""
        from meshlint.mesh.enrollment import hbone

        return self._fact(
            "hears_hbone", workload, lambda: hbone.hears_hbone(workload, self.graph, self.mesh_config)
        )

    def enrolls_itself(self, workload: Workload) -> Derived[bool]:
        """Whether the pods' own labels choose ambient mode, whatever their namespace says."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.enrolls_itself(workload, self.enrollment_rules)

    def chosen_for_ambient(self, workload: Workload) -> Derived[bool | None]:
        """Whether the pods are to be in ambient mode, so that nothing but a sidecar keeps them out of it."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.chosen_for_ambient(workload, self.namespace_of(workload), self.enrollment_rules)

    def asked_for_ambient(self, workload: Workload) -> Derived[bool | None]:
        """Whether labels and settings ask for ambient mode, for pods on the host's network too."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.asked_for_ambient(workload, self.namespace_of(workload), self.enrollment_rules)

    def injection(self, workload: Workload) -> Derived[bool | None]:
        """Whether an injector takes the pods; None if the namespace's labels would have to be known."""
        from meshlint.mesh.enrollment import injection

        return injection.injected(workload, self.namespace_of(workload), self.enrollment_rules.injectors)

    def injection_obstacle(self, workload: Workload) -> Cause | None:
        """What keeps injectors from pods that ask for a sidecar; None if nothing does, or it is not known."""
        from meshlint.mesh.enrollment import injection

        namespace = self.namespace_of(workload)
        if namespace is None or self.injection(workload).value is not False:
            return None
        return injection.obstacle(workload, namespace, self.enrollment_rules.injectors)

    def has_proxy_container(self, workload: Workload) -> bool | None:
        """Whether a pod template holds an injected container; None if it holds no containers at all."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.has_proxy_container(workload)

    def bypasses_inbound(self, workload: Workload) -> Derived[bool]:
        """Whether what comes in to the pods is not captured although they are ambient."""
        from meshlint.mesh.enrollment import pod_settings

        return pod_settings.bypasses_inbound(workload, self.version)

    def sidecar_only(self, workload: Workload) -> tuple[str, ...]:
        """The annotations of the pods that nobody reads but a sidecar and its injector."""
        from meshlint.mesh.enrollment import pod_settings

        return pod_settings.sidecar_only(workload, self.version)

    def capture_settings(self, workload: Workload) -> tuple[CaptureSetting, ...]:
        """The annotations of the pods that keep traffic away from a sidecar."""
        from meshlint.mesh.enrollment import pod_settings

        return tuple(pod_settings.capture_settings(workload, self.version))

    def ignored_switches(self, workload: Workload) -> tuple[str, ...]:
        """The annotations of the pods that switch something of ambient mode, and hold no boolean."""
        from meshlint.mesh.enrollment import pod_settings

        return tuple(pod_settings.ignored_switches(workload, self.version))

    def reserved_ports(self, workload: Workload) -> tuple[ReservedPort, ...]:
        """The ports that the containers declare although ztunnel needs them in the pods."""
        from meshlint.mesh.enrollment import pod_settings

        return tuple(pod_settings.reserved_ports(workload))

    def label_carriers(self, key: str) -> tuple[Kind, ...]:
        """The kinds from whose labels Istio reads a key of ambient mode; Pod stands for pod templates too."""
        from meshlint.mesh.enrollment import carriers

        return carriers.label_carriers(key, self.version)

    def annotation_carriers(self, key: str) -> tuple[Kind, ...]:
        """The kinds from whose annotations Istio reads a key of ambient mode; Pod means pod templates too."""
        from meshlint.mesh.enrollment import carriers

        return carriers.annotation_carriers(key)

    def registration(self, entry: WorkloadEntry) -> Cause | None:
        """The line that shows that a machine registers itself by a WorkloadEntry; None for a destination."""
        from meshlint.mesh.enrollment import identity

        return identity.registration(entry)

    def speaks_hbone(self, labels: Mapping[str, str]) -> bool:
        """Whether what is labelled so accepts HBONE itself."""
        from meshlint.mesh.enrollment import identity

        return identity.speaks_hbone(labels)

    def spire_identity(self, workload: Workload) -> tuple[SpireIdentity, ...]:
        """The lines of a pod template that ask for an identity from SPIRE."""
        from meshlint.mesh.enrollment import identity

        return tuple(identity.spire_identity(workload))

    def service_mode(self, service: Resource) -> Derived[DataplaneMode]:
        """
        What the pods behind a Service run in: ambient if any of those that it selects do.

        Where the set holds none of them, and for a ServiceEntry, what the labels of its namespace choose.
        """
        from meshlint.mesh.derived import Derived
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        found = (self.graph.find(edge.target).value for edge in self.selected_workloads(service))
        modes = [self.dataplane_mode(workload) for workload in found if isinstance(workload, Workload)]
        for wanted in (DataplaneMode.AMBIENT, DataplaneMode.UNKNOWN):
            for mode in modes:
                if mode.value is wanted:
                    return mode
        if modes:
            return modes[0]
        namespace = self.namespace_of(service)
        return self.namespace_mode(namespace) if namespace else Derived(DataplaneMode.UNKNOWN)

    def evidence_of(self, mode: DataplaneMode) -> Cause | None:
        """A line by which some pods run in a mode; None if none are known to."""
        return self._evidence.get(mode)

    def own_proxy(self, workload: Workload) -> Derived[DataplaneMode | None]:
        """The proxy that pods bring along without injection: of a gateway, or a sidecar; None without one."""
        from meshlint.mesh.enrollment import dataplane

        return dataplane.own_proxy(workload)

    def is_gateway_proxy(self, workload: Workload) -> bool:
        """Whether the pods are a gateway or a waypoint: injected as one, or deployed from a Gateway."""
        from meshlint.mesh.enrollment import dataplane
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        if self.dataplane_mode(workload).value is DataplaneMode.GATEWAY:
            return True
        return dataplane.own_proxy(workload).value is DataplaneMode.GATEWAY

    def is_deployed_gateway(self, workload: Workload) -> bool:
        """Whether istiod deploys the pods for a Gateway of the Gateway API."""
        return GATEWAY_NAME in workload.pod_labels

    def spire_templates(self, resource: Resource) -> tuple[SpireIdentity, ...]:
        """The injection templates with SPIRE that an object's chart values bring along."""
        from meshlint.mesh.enrollment import identity

        held = (values for values in self.chart_values if values.resource is resource)
        return tuple(line for values in held for line in identity.spire_templates(values))

    @cached_property
    def _evidence(self) -> dict[DataplaneMode, Cause]:
        """The first line for each mode: of a namespace, else of a workload."""
        from meshlint.mesh.derived import Cause
        from meshlint.mesh.enrollment.dataplane import DataplaneMode

        found: dict[DataplaneMode, Cause] = {}
        for namespace in self.resources(NAMESPACE):
            if isinstance(namespace, Namespace):
                mode = self.namespace_mode(namespace)
                is_moot = mode.value is DataplaneMode.SIDECAR and not self.may_get_sidecars(namespace)
                if mode.because and not is_moot:
                    found.setdefault(mode.value, mode.because[0])
        for workload in self.resources(*WORKLOADS):
            if isinstance(workload, Workload):
                mode = self.dataplane_mode(workload)
                found.setdefault(mode.value, next(iter(mode.because), Cause("it runs so", workload.at())))
        return found

    @cached_property
    def enrollment_rules(self) -> EnrollmentRules:
        """What decides enrolment beside labels."""
        from meshlint.mesh.enrollment.dataplane import EnrollmentRules
        from meshlint.mesh.installation import values as installation
        from meshlint.mesh.installation.injector import injectors

        return EnrollmentRules(
            version=self.version,
            selectors=self.enablement_selectors,
            excluded=self.excluded_namespaces,
            injectors=injectors(self.graph, self.chart_values, installation.installed_revisions(self.graph)),
            cni=self.ambient_enabled,
        )

    @cached_property
    def enablement_selectors(self) -> Derived[tuple[EnablementSelector, ...]] | None:
        """Custom rules for which pods are ambient; None for Istio's own, as always before 1.27."""
        from meshlint.mesh.changes import ENABLEMENT_SELECTORS
        from meshlint.mesh.installation import values as installation

        if not ENABLEMENT_SELECTORS.holds(self.version):
            return None
        return installation.enablement_selectors(self.graph)

    @cached_property
    def excluded_namespaces(self) -> Derived[frozenset[str]]:
        """The namespaces that istio-cni leaves alone; without causes it is the default."""
        from meshlint.mesh.derived import Derived
        from meshlint.mesh.installation import values as installation

        return installation.excluded_namespaces(self.graph) or Derived(DEFAULT_EXCLUDED)
