"""Which data plane a pod runs in: ambient, a sidecar, a gateway proxy, or none."""

from collections.abc import Iterator, Mapping
from enum import Enum

from meshlint.mesh.changes import EXCLUSION_IS_LOST, NODE_AGENT_EXCLUDES
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.enrollment.injection import injected, namespace_injection
from meshlint.mesh.installation.injector import Injectors
from meshlint.mesh.installation.values import EnablementSelector
from meshlint.model.keys import (
    DATAPLANE_MODE,
    GATEWAY_NAME,
    INJECT_TEMPLATES,
    SIDECAR_STATUS,
)
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.regex import regex

AMBIENT = "ambient"
NONE = "none"
PROXY_CONTAINER = "istio-proxy"
_GATEWAY_ROLES = frozenset({"router", "waypoint"})
_PROXY_IMAGE = regex(r"(?:^|/)proxyv2(?:[:@-]|$)")


class DataplaneMode(Enum):
    """What carries a pod's traffic."""

    AMBIENT = "ambient"
    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    NONE = "none"
    UNKNOWN = "unknown"


class EnrollmentRules(NamedTuple):
    """
    What decides enrolment beside labels.

    `selectors` is None for Istio's own rule. `excluded` are the namespaces that the CNI leaves
    alone. `cni` tells whether it does ambient mode at all, None if that is not known.
    """

    version: IstioVersion
    selectors: Derived[tuple[EnablementSelector, ...]] | None
    excluded: Derived[frozenset[str]]
    injectors: Injectors
    cni: Derived[bool | None] = Derived(None)

    @property
    def node_agent_honours_exclusion(self) -> bool:
        """
        Whether an excluded namespace is never enrolled: from 1.30 (release note 59295).

        Before, only the plugin left its pods alone, and the node agent enrolled them afterwards.
        """
        return NODE_AGENT_EXCLUDES.holds(self.version)

    @property
    def exclusion_is_lost(self) -> bool:
        """
        Whether the charts write the list under a key that nothing reads, so that it excludes nothing.

        `EXCLUDED_NAMESPACES` for `EXCLUDE_NAMESPACES`: istio
        `manifests/charts/istio-cni/templates/configmap-cni.yaml` of these versions.
        """
        return EXCLUSION_IS_LOST.holds(self.version)


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


def namespace_mode(namespace: Namespace, rules: EnrollmentRules) -> Derived[DataplaneMode]:
    """What the pods of a namespace run in that carry no deciding labels themselves."""
    injection = namespace_injection(namespace, rules.injectors)
    if injection.value is not None:
        return Derived(DataplaneMode.SIDECAR, injection.because)
    if rules.cni.value is False:
        return Derived(DataplaneMode.NONE, rules.cni.because)
    if namespace.name in rules.excluded.value and rules.node_agent_honours_exclusion:
        return Derived(DataplaneMode.NONE, rules.excluded.because)
    ambient = selects_ambient(namespace, rules)
    return Derived(DataplaneMode.AMBIENT if ambient.value else DataplaneMode.NONE, ambient.because)


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


def chosen_for_ambient(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[bool | None]:
    """
    Whether the pods are to be in ambient mode, so that nothing but a sidecar keeps them out of it.

    None if the namespace's labels would have to be known (istio `cni/pkg/util/enablement_selector.go`,
    CompiledEnablementSelectors.Matches).
    """
    if workload.host_network and rules.cni.value is not False:
        # Whatever the version: where 1.22.0 and 1.27 to 1.30 do not look, they fail to capture it.
        at = workload.pod_at("spec", "hostNetwork")
        return Derived(False, (Cause("a pod on the host's network is never captured", at),))
    return asked_for_ambient(workload, namespace, rules)


def asked_for_ambient(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[bool | None]:
    """Whether labels and settings ask for ambient mode, on the host's network too."""
    if rules.cni.value is False:
        return Derived(False, rules.cni.because)
    if workload.namespace in rules.excluded.value and rules.node_agent_honours_exclusion:
        return Derived(False, rules.excluded.because)
    causes = tuple(_enrollment_causes(workload, namespace))
    if namespace is None:
        mode = workload.pod_labels.get(DATAPLANE_MODE)
        decided = {AMBIENT: True, NONE: False}.get(mode or "") if rules.selectors is None else None
        return Derived(decided, causes)
    return Derived(_enrols(workload.pod_labels, namespace, rules), causes)


def dataplane_mode(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[DataplaneMode]:
    """
    What the pods of a workload will run in.

    Injection is decided first and wins: the injector does not know of ambient mode, and the CNI
    leaves alone what has a sidecar (istio `cni/pkg/plugin/plugin.go`, doAddRun). A gateway that
    was deployed without injection is a gateway unless ztunnel captures it: then it is ambient,
    like any pod. `namespace` is None if its labels are not known.
    """
    if SIDECAR_STATUS in workload.pod_annotations and has_proxy_container(workload) is not False:
        at = workload.pod_annotation_at(SIDECAR_STATUS)
        return Derived(_proxy_kind(workload), (Cause("the pod template is already injected", at),))
    taken = injected(workload, namespace, rules.injectors)
    if taken.value:
        return Derived(_proxy_kind(workload), taken.because)
    captured = _captured(workload, namespace, rules)
    if captured.value and taken.value is not None:
        return Derived(DataplaneMode.AMBIENT, captured.because)
    if captured.value is None or (captured.value and taken.value is None):
        return Derived(DataplaneMode.UNKNOWN, (*taken.because, *captured.because))
    return _outside(workload, taken, captured)


def _outside(
    workload: Workload, taken: Derived[bool | None], captured: Derived[bool | None]
) -> Derived[DataplaneMode]:
    """What pods are that ztunnel does not capture: their own proxy, or nothing."""
    proxy = own_proxy(workload)
    if proxy.value is not None:
        return Derived(proxy.value, (*proxy.because, *captured.because))
    if taken.value is None:
        return Derived(DataplaneMode.UNKNOWN, (*taken.because, *captured.because))
    return Derived(DataplaneMode.NONE, (*captured.because, *taken.because))


def has_proxy_container(workload: Workload) -> bool | None:
    """
    Whether a pod template holds the container that an injector puts in; None if it holds no containers.

    istio `pkg/kube/inject/inject.go`, ProxyContainerName; native sidecars are init containers.
    """
    if not workload.containers:
        return None
    return any(
        container.name == PROXY_CONTAINER or _PROXY_IMAGE.search(container.image)
        for container in workload.containers
    )


def own_proxy(workload: Workload) -> Derived[DataplaneMode | None]:
    """
    The proxy that pods bring along without injection: of a gateway, or a sidecar; None without one.

    A gateway by the labels that Istio's Gateway controller gives its Deployments (istio
    `manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml`), by a container that runs
    `proxy router` or `proxy waypoint`, or by a container `istio-proxy` with Istio's proxy image.
    """
    if GATEWAY_NAME in workload.pod_labels:
        cause = Cause("Istio deploys it for a Gateway", workload.pod_label_at(GATEWAY_NAME))
        return Derived(DataplaneMode.GATEWAY, (cause,))
    for container in workload.containers:
        role = container.args[1] if len(container.args) > 1 and container.args[0] == "proxy" else ""
        is_proxy = container.name == PROXY_CONTAINER and _PROXY_IMAGE.search(container.image) is not None
        if role in _GATEWAY_ROLES or (is_proxy and role != "sidecar"):
            cause = Cause("it runs a gateway proxy", workload.at(*container.path))
            return Derived(DataplaneMode.GATEWAY, (cause,))
        if role == "sidecar":
            cause = Cause("it brings its sidecar along", workload.at(*container.path))
            return Derived(DataplaneMode.SIDECAR, (cause,))
    return Derived(None)


def _proxy_kind(workload: Workload) -> DataplaneMode:
    """Istio `pkg/kube/inject/inject.go`, selectTemplates."""
    templates = workload.pod_annotations.get(INJECT_TEMPLATES, "").split(",")
    is_gateway = "gateway" in (template.strip() for template in templates)
    return DataplaneMode.GATEWAY if is_gateway else DataplaneMode.SIDECAR


def _captured(
    workload: Workload, namespace: Namespace | None, rules: EnrollmentRules
) -> Derived[bool | None]:
    if SIDECAR_STATUS in workload.pod_annotations:
        # Its mere presence, whatever is in the pod (istio `cni/pkg/util/podutil.go`, podHasSidecar).
        at = workload.pod_annotation_at(SIDECAR_STATUS)
        return Derived(False, (Cause("this annotation keeps the pods out of ambient mode", at),))
    return chosen_for_ambient(workload, namespace, rules)


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
