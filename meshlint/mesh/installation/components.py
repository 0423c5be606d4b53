"""The parts of an installation: whether each does ambient mode, and where it runs."""

from collections.abc import Iterator, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.control_plane import is_on
from meshlint.mesh.installation.parts import Component, Part
from meshlint.mesh.installation.switches import does_ambient
from meshlint.mesh.installation.values import Values, of_cni, of_istiod
from meshlint.model.fields import as_text
from meshlint.model.kind import DAEMON_SET, DEPLOYMENT, ISTIO_OPERATOR, SAIL_ISTIO, SAIL_ZTUNNEL
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_SYSTEM_NAMESPACE = "istio-system"


class Account(NamedTuple):
    """A service account: by it a component is known to the others."""

    namespace: str
    name: str


def ambient_cni(
    values: Sequence[Values], parts: Sequence[Part], version: IstioVersion
) -> Derived[bool | None]:
    """
    Whether istio-cni does ambient mode: without it no pod is captured. None where nothing says so.

    Of a chart that is given nothing about it, the values may stand in a file that is not read.
    """
    for part in parts:
        told = does_ambient(part, version) if part.component is Component.CNI else Derived(None)
        if told.value is not None and (told.value or told.because[0].at != part.at):
            return told
    for held, prefix in of_cni(values):
        found = held.get(*prefix, "ambient", "enabled")
        if found is not None:
            cause = Cause(f"`ambient.enabled` is {as_text(found)!r}", held.at(*prefix, "ambient", "enabled"))
            return Derived(is_on(found), (cause,))
    return Derived(None)


def istiod_namespace(graph: ResourceGraph, values: Sequence[Values]) -> Derived[str]:
    """The namespace of istiod; without causes it is the usual one."""
    for istiod in istiods(graph):
        if istiod.namespace:
            cause = Cause("istiod runs here", istiod.at("metadata", "namespace"))
            return Derived(istiod.namespace, (cause,))
    for resource in graph.of_kind(ISTIO_OPERATOR, SAIL_ISTIO):
        found = _text(resource.manifest.value("spec", "namespace"))
        if found:
            return Derived(found, (Cause("Istio is installed here", resource.at("spec", "namespace")),))
    for held, prefix in of_istiod(values):
        path = (*prefix, "global", "istioNamespace")
        found = _text(held.get(*path))
        if found:
            return Derived(found, (Cause("Istio is installed here", held.at(*path)),))
    return Derived(_SYSTEM_NAMESPACE)


def ztunnel_account(graph: ResourceGraph, values: Sequence[Values]) -> Derived[Account]:
    """
    The service account of ztunnel; without causes it is the usual one.

    The DaemonSet with the pod label `app: ztunnel`; Sail's `ZTunnel`; what istiod is told to trust
    (`trustedZtunnelNamespace`, 1.23 and newer; `trustedZtunnelName`, 1.26 and newer).
    """
    for workload in graph.of_kind(DAEMON_SET):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "ztunnel":
            account = Account(workload.namespace or _SYSTEM_NAMESPACE, workload.service_account or "ztunnel")
            return Derived(account, (Cause("ztunnel runs here", workload.at()),))
    for sail in graph.of_kind(SAIL_ZTUNNEL):
        namespace = _text(sail.manifest.value("spec", "namespace"))
        if namespace:
            cause = Cause("ztunnel is installed here", sail.at("spec", "namespace"))
            return Derived(Account(namespace, "ztunnel"), (cause,))
    for held, prefix in of_istiod(values):
        for path in ((*prefix, "pilot", "trustedZtunnelNamespace"), (*prefix, "trustedZtunnelNamespace")):
            namespace = _text(held.get(*path))
            if namespace:
                name = _text(held.get(*path[:-1], "trustedZtunnelName")) or "ztunnel"
                cause = Cause(f"istiod trusts ztunnel in {namespace!r}", held.at(*path))
                return Derived(Account(namespace, name), (cause,))
    return Derived(Account(istiod_namespace(graph, values).value, "ztunnel"))


def platform(graph: ResourceGraph, values: Sequence[Values]) -> Derived[str | None]:
    """The platform that Istio is installed for (`openshift`, `gke`, `k3s` …); None where nothing tells."""
    for istiod in istiods(graph):
        for container in istiod.containers:
            found = container.env.get("PLATFORM")
            if found:
                at = istiod.env_at(container, "PLATFORM")
                return Derived(found, (Cause(f"the platform is {found!r}", at),))
    for held in values:
        for prefix in ((), ("istiod",), ("cni",), ("ztunnel",)) if held.chart == "ambient" else ((),):
            for path in ((*prefix, "global", "platform"), (*prefix, "platform")):
                found = _text(held.get(*path))
                if found:
                    return Derived(found, (Cause(f"the platform is {found!r}", held.at(*path)),))
    return Derived(None)


def is_component(workload: Workload) -> bool:
    """
    Whether the pods are Istio's own: istiod, the CNI node agent, ztunnel.

    istio `manifests/charts`: `istio-control/istio-discovery/templates/deployment.yaml`,
    `istio-cni/templates/daemonset.yaml`, `ztunnel/templates/daemonset.yaml`.
    """
    labels = workload.pod_labels
    return labels.get("app") in ("istiod", "ztunnel") or labels.get("k8s-app") == "istio-cni-node"


def istiods(graph: ResourceGraph) -> Iterator[Workload]:
    """The Deployments of istiod."""
    for workload in graph.of_kind(DEPLOYMENT):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "istiod":
            yield workload


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
