"""Which data plane a pod runs in: ambient, a sidecar, a gateway proxy, or none."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation import EnablementSelector
from meshlint.model.keys import (
    DATAPLANE_MODE,
    INJECT,
    INJECT_TEMPLATES,
    INJECTION,
    REVISION,
    SIDECAR_STATUS,
)
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion, VersionRange

AMBIENT = "ambient"
NONE = "none"
_NEVER_INJECTED = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})


class DataplaneMode(Enum):
    """What carries a pod's traffic."""

    AMBIENT = "ambient"
    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    NONE = "none"
    UNKNOWN = "unknown"


class InjectionSource(Enum):
    """Which label of a namespace has sidecars injected into its new pods."""

    LABEL = INJECTION
    REVISION = REVISION


class EnrollmentRules(NamedTuple):
    """
    What decides enrolment beside labels.

    `selectors` is None for Istio's own rule. `excluded` are the namespaces that the CNI leaves
    alone; `revisions` those whose injector is there, None if it is not known.
    """

    version: IstioVersion
    selectors: Derived[tuple[EnablementSelector, ...]] | None
    excluded: Derived[frozenset[str]]
    revisions: frozenset[str] | None

    @property
    def node_agent_honours_exclusion(self) -> bool:
        """
        Whether an excluded namespace is never enrolled: from 1.30 (release note 59471).

        Before, only the plugin left its pods alone, and the node agent enrolled them afterwards.
        """
        return self.version >= IstioVersion(1, 30, 0)

    @property
    def exclusion_is_lost(self) -> bool:
        """
        Whether the charts write the list under a key that nothing reads, so that it excludes nothing.

        `EXCLUDED_NAMESPACES` for `EXCLUDE_NAMESPACES`: istio
        `manifests/charts/istio-cni/templates/configmap-cni.yaml` of these versions.
        """
        return self.version in VersionRange(">=1.23,<1.24.5 || >=1.25,<1.25.2")


def selects_ambient(namespace: Namespace, rules: EnrollmentRules) -> Derived[bool]:
    """
    Whether a namespace's labels choose ambient mode for its pods.

    istio `cni/pkg/util/enablement_selector.go`, CompiledEnablementSelectors.Matches: exact
    values only; an unlabelled pod is what the namespace speaks for.
    """
    chosen = _enrols({}, namespace, rules)
    label = namespace.labels.get(DATAPLANE_MODE)
    causes = []
    if label is not None:
        causes.append(
            Cause(f"namespace {namespace.name!r} is labelled {label!r}", namespace.label_at(DATAPLANE_MODE))
        )
    if rules.selectors:
        causes.extend(rules.selectors.because)
    return Derived(chosen, tuple(causes))


def namespace_injection(namespace: Namespace, rules: EnrollmentRules) -> Derived[InjectionSource | None]:
    """
    Which of a namespace's labels has sidecars injected, if one does.

    `istio-injection: enabled` wins over `istio.io/rev`; any other value of it blocks both
    (istio `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
    """
    name = namespace.name
    label = namespace.labels.get(INJECTION)
    if label is not None:
        enabled = label == "enabled" and name not in _NEVER_INJECTED
        cause = Cause(f"namespace {name!r} is labelled {label!r}", namespace.label_at(INJECTION))
        return Derived(InjectionSource.LABEL if enabled else None, (cause,))
    revision = asked_revision(namespace)
    if revision is not None:
        cause = Cause(
            f"revision {revision!r} injects sidecars into namespace {name!r}", namespace.label_at(REVISION)
        )
        exists = rules.revisions is None or revision in rules.revisions
        return Derived(InjectionSource.REVISION if exists else None, (cause,))
    return Derived(None)


def asked_revision(namespace: Namespace) -> str | None:
    """
    The revision whose injector a namespace's `istio.io/rev` asks for, installed or not.

    None where the label cannot matter to pods: beside `istio-injection`, and in the namespaces
    that the injector leaves alone (istio `pkg/kube/inject/inject.go`, IgnoredNamespaces).
    """
    if INJECTION in namespace.labels or namespace.name in _NEVER_INJECTED:
        return None
    return namespace.labels.get(REVISION) or None


def enrolls_itself(workload: Workload, rules: EnrollmentRules) -> Derived[bool]:
    """
    Whether the pods' own labels choose ambient mode, whatever their namespace says.

    Exclusion is not looked at; what has a sidecar, or the host's network, cannot be captured
    (istio `cni/pkg/util/enablement_selector.go`, CompiledEnablementSelectors.Matches).
    """
    if workload.host_network or SIDECAR_STATUS in workload.pod_annotations:
        return Derived(False)
    if rules.selectors is not None:
        chosen = any(
            rule.namespaces.is_empty and not rule.pods.is_empty and rule.pods.matches(workload.pod_labels)
            for rule in rules.selectors.value
        )
        return Derived(chosen, rules.selectors.because)
    chosen = workload.pod_labels.get(DATAPLANE_MODE) == AMBIENT
    return Derived(chosen, tuple(_enrollment_causes(workload, None)))


def dataplane_mode(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[DataplaneMode]:
    """
    What the pods of a workload will run in.

    Injection is decided first and wins: the injector does not know of ambient mode, and the CNI
    leaves alone what has a sidecar (istio `cni/pkg/plugin/plugin.go`, doAddRun). `namespace` is
    None if its labels are not known.
    """
    if SIDECAR_STATUS in workload.pod_annotations:
        at = workload.pod_annotation_at(SIDECAR_STATUS)
        return Derived(DataplaneMode.SIDECAR, (Cause("the pod template is already injected", at),))
    if workload.host_network:
        at = workload.pod_at("spec", "hostNetwork")
        return Derived(DataplaneMode.NONE, (Cause("a pod on the host's network is never captured", at),))
    injected = _injected(workload, namespace, rules)
    if injected.value:
        return Derived(_proxy_kind(workload), injected.because)
    captured = _captured(workload, namespace, rules)
    if captured.value and injected.value is not None:
        return Derived(DataplaneMode.AMBIENT, captured.because)
    if captured.value is None or injected.value is None:
        return Derived(DataplaneMode.UNKNOWN, (*injected.because, *captured.because))
    return Derived(DataplaneMode.NONE, captured.because)


def _proxy_kind(workload: Workload) -> DataplaneMode:
    templates = workload.pod_annotations.get(INJECT_TEMPLATES, "").split(",")
    return DataplaneMode.GATEWAY if "gateway" in templates else DataplaneMode.SIDECAR


def _injected(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[bool | None]:
    """
    Whether an injector takes the pods; None if the namespace's labels would have to be known.

    istio `pkg/kube/inject/inject.go`, injectRequired, behind the webhooks' selectors.
    """
    asked = workload.pod_labels.get(INJECT)
    refused = asked == "false" or (asked is None and workload.pod_annotations.get(INJECT) == "false")
    if refused or workload.namespace in _NEVER_INJECTED:
        return Derived(False)
    if namespace is None:
        return _injected_by_pod(workload, rules, certain=False)
    if namespace.labels.get(INJECTION) is not None or namespace.labels.get(REVISION) is not None:
        source = namespace_injection(namespace, rules)
        return Derived(source.value is not None, source.because)
    return _injected_by_pod(workload, rules, certain=True)


def _injected_by_pod(workload: Workload, rules: EnrollmentRules, *, certain: bool) -> Derived[bool | None]:
    revision = workload.pod_labels.get(REVISION)
    if revision and (rules.revisions is None or revision in rules.revisions):
        at = workload.pod_label_at(REVISION)
        return Derived(True, (Cause(f"the pods ask for revision {revision!r}'s sidecar", at),))
    if workload.pod_labels.get(INJECT) == "true":
        return Derived(True, (Cause("the pods ask for a sidecar", workload.pod_label_at(INJECT)),))
    if certain or workload.pod_labels.get(DATAPLANE_MODE) == AMBIENT:
        return Derived(False)
    return Derived(None)


def _captured(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[bool | None]:
    if workload.namespace in rules.excluded.value and rules.node_agent_honours_exclusion:
        return Derived(False, rules.excluded.because)
    causes = tuple(_enrollment_causes(workload, namespace))
    if namespace is None:
        mode = workload.pod_labels.get(DATAPLANE_MODE)
        decided = {AMBIENT: True, NONE: False}.get(mode or "") if rules.selectors is None else None
        return Derived(decided, causes)
    return Derived(_enrols(workload.pod_labels, namespace, rules), causes)


def _enrols(pod_labels: Mapping[str, str], namespace: Namespace, rules: EnrollmentRules) -> bool:
    if rules.selectors is not None:
        return any(
            rule.pods.matches(pod_labels) and rule.namespaces.matches(namespace.effective_labels)
            for rule in rules.selectors.value
        )
    mode = pod_labels.get(DATAPLANE_MODE)
    return mode == AMBIENT or (mode != NONE and namespace.labels.get(DATAPLANE_MODE) == AMBIENT)


def _enrollment_causes(workload: Workload, namespace: Namespace | None) -> Iterator[Cause]:
    own = workload.pod_labels.get(DATAPLANE_MODE)
    if own is not None:
        yield Cause(f"the pods are labelled {own!r}", workload.pod_label_at(DATAPLANE_MODE))
    if namespace is not None and DATAPLANE_MODE in namespace.labels:
        label = namespace.labels[DATAPLANE_MODE]
        yield Cause(f"namespace {namespace.name!r} is labelled {label!r}", namespace.label_at(DATAPLANE_MODE))
