"""Whether a sidecar injector takes a pod."""

from collections.abc import Mapping
from enum import Enum

from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.injector import DEFAULT_REVISION, InjectorConfig, Injectors
from meshlint.model.keys import DATAPLANE_MODE, INJECT, INJECTION, REVISION
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
"""The namespaces that the injector leaves alone (istio `pkg/kube/inject/inject.go`, IgnoredNamespaces)."""


class InjectionSource(Enum):
    """What has sidecars injected into a namespace's new pods: a label, or the absence of any."""

    LABEL = INJECTION
    REVISION = REVISION
    DEFAULT = "enableNamespacesByDefault"


def namespace_injection(namespace: Namespace, injectors: Injectors) -> Derived[InjectionSource | None]:
    """
    Which of a namespace's labels has sidecars injected into pods without labels of their own.

    `istio-injection: enabled` wins over `istio.io/rev`; any other value of it blocks both
    (istio `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
    """
    name, label = namespace.name, namespace.labels.get(INJECTION)
    hit = name not in SYSTEM_NAMESPACES and _webhook_revision(namespace, {}, injectors) is not None
    if label is not None:
        cause = Cause(f"namespace {name!r} is labelled {label!r}", namespace.label_at(INJECTION))
        return Derived(InjectionSource.LABEL if hit else None, (cause,))
    revision = asked_revision(namespace)
    if revision is not None:
        text = f"revision {revision!r} injects sidecars into namespace {name!r}"
        cause = Cause(text, namespace.label_at(REVISION))
        return Derived(InjectionSource.REVISION if hit else None, (cause,))
    return Derived(InjectionSource.DEFAULT, injectors.by_default.because) if hit else Derived(None)


def asked_revision(namespace: Namespace) -> str | None:
    """
    The revision whose injector a namespace's `istio.io/rev` asks for, installed or not.

    None where the label cannot matter to pods: beside `istio-injection`, and in the namespaces
    that the injector leaves alone.
    """
    if INJECTION in namespace.labels or namespace.name in SYSTEM_NAMESPACES:
        return None
    return namespace.labels.get(REVISION) or None


def injected(workload: Workload, namespace: Namespace | None, injectors: Injectors) -> Derived[bool | None]:
    """
    Whether an injector takes the pods; None if the namespace's labels would have to be known.

    A webhook has to bring the pod, and the injector has to want it
    (istio `pkg/kube/inject/inject.go`, injectRequired).
    """
    if workload.host_network or workload.namespace in SYSTEM_NAMESPACES:
        return Derived(False)
    label = workload.pod_labels.get(INJECT)
    if label == "false":
        return Derived(False, (Cause("the pods refuse a sidecar", workload.pod_label_at(INJECT)),))
    if label is None and workload.pod_annotations.get(INJECT) == "false":
        return Derived(False, (Cause("the pods refuse a sidecar", workload.pod_annotation_at(INJECT)),))
    if namespace is None:
        return _injected_by_pod(workload, injectors)
    revision = _webhook_revision(namespace, workload.pod_labels, injectors)
    if revision is None:
        return Derived(False)
    wanted = _is_wanted(workload, injectors.config(revision))
    return Derived(wanted.value, (*wanted.because, *_webhook_causes(workload, namespace, injectors)))


def is_brought(pod_labels: Mapping[str, str], namespace: Namespace | None, injectors: Injectors) -> bool:
    """Whether a webhook brings pods that ask for a sidecar; `namespace` is None if it is not known."""
    return namespace is None or _webhook_revision(namespace, pod_labels, injectors) is not None


def obstacle(workload: Workload, namespace: Namespace, injectors: Injectors) -> Cause:
    """
    What keeps injectors from pods that ask for a sidecar and do not get one.

    The first that is enough: the host's network, a namespace that is left alone, its `istio-injection`,
    a revision that is not there, an annotation where webhooks select by labels, the injector's policy.
    """
    if workload.host_network:
        return Cause("pods on the host's network get no sidecar", workload.pod_at("spec", "hostNetwork"))
    if namespace.name in SYSTEM_NAMESPACES:
        return Cause(f"injectors leave namespace {namespace.name!r} alone", namespace.at())
    revision = _webhook_revision(namespace, workload.pod_labels, injectors)
    if revision is not None:
        config = injectors.config(revision)
        return next(iter(config.because), Cause("the injector does not want the pods", workload.at()))
    injection = namespace.labels.get(INJECTION)
    if injection not in (None, "enabled"):
        text = f"namespace {namespace.name!r} says '{INJECTION}: {injection}'"
        return Cause(text, namespace.label_at(INJECTION))
    if INJECT not in workload.pod_labels and not {INJECTION, REVISION} & {*namespace.labels}:
        return Cause("webhooks select pods by labels, not by annotations", namespace.at())
    return _absent_injector(workload, namespace)


def _absent_injector(workload: Workload, namespace: Namespace) -> Cause:
    if INJECTION not in namespace.labels and REVISION in namespace.labels:
        name, at = namespace.labels[REVISION], namespace.label_at(REVISION)
    elif INJECTION not in namespace.labels and REVISION in workload.pod_labels:
        name, at = workload.pod_labels[REVISION], workload.pod_label_at(REVISION)
    else:
        return Cause("no injector of the default revision is installed", workload.at())
    return Cause(f"no injector of revision {name!r} is installed", at)


def _webhook_revision(
    namespace: Namespace, pod_labels: Mapping[str, str], injectors: Injectors
) -> str | None:
    """
    The revision whose webhook brings a pod; None if no webhook does.

    The webhooks of the set are asked themselves. Revisions that are installed elsewhere are taken
    to have the webhooks that Istio's charts give them.
    """
    for held in injectors.webhooks:
        if held.webhook.namespace_selector.matches(
            namespace.effective_labels
        ) and held.webhook.object_selector.matches(pod_labels):
            return held.revision
    found = _charted_revision(namespace, pod_labels, injectors)
    if found is None:
        return None
    if found == "":
        return None if injectors.holds_default else DEFAULT_REVISION
    return found if injectors.has(found) and not injectors.holds(found) else None


def _charted_revision(
    namespace: Namespace, pod_labels: Mapping[str, str], injectors: Injectors
) -> str | None:
    """The revision that labels ask for where the webhooks are those of the charts; empty for the default."""
    injection, revision = namespace.labels.get(INJECTION), namespace.labels.get(REVISION)
    asked = pod_labels.get(INJECT)
    if asked == "false":
        return None
    if injection is not None:
        return "" if injection == "enabled" else None
    if revision is not None:
        return revision or None
    if REVISION in pod_labels:
        return pod_labels[REVISION] or None
    if asked == "true":
        return ""
    by_default = asked is None and injectors.by_default.value and namespace.name not in SYSTEM_NAMESPACES
    return "" if by_default else None


def _is_wanted(workload: Workload, config: InjectorConfig) -> Derived[bool]:
    """Whether the injector of a revision injects what its webhooks bring."""
    if config.policy not in ("enabled", "disabled"):
        return Derived(False, config.because)
    labelled = INJECT in workload.pod_labels
    asked = workload.pod_labels[INJECT] if labelled else workload.pod_annotations.get(INJECT)
    if asked in ("true", "false"):
        at = workload.pod_label_at(INJECT) if labelled else workload.pod_annotation_at(INJECT)
        return Derived(asked == "true", (Cause("the pods ask for a sidecar", at),))
    if any(not rule.is_empty and rule.matches(workload.pod_labels) for rule in config.never):
        return Derived(False, config.because)
    if any(not rule.is_empty and rule.matches(workload.pod_labels) for rule in config.always):
        return Derived(True)
    return Derived(config.policy == "enabled", () if config.policy == "enabled" else config.because)


def _webhook_causes(workload: Workload, namespace: Namespace, injectors: Injectors) -> tuple[Cause, ...]:
    """The labels by which a webhook brings the pods: the namespace's, or their own."""
    source = namespace_injection(namespace, injectors)
    if INJECTION in namespace.labels or REVISION in namespace.labels:
        return source.because
    revision = workload.pod_labels.get(REVISION)
    if revision:
        at = workload.pod_label_at(REVISION)
        return (Cause(f"the pods ask for revision {revision!r}'s sidecar", at),)
    return () if INJECT in workload.pod_labels else source.because


def _injected_by_pod(workload: Workload, injectors: Injectors) -> Derived[bool | None]:
    """What the pods' own labels tell where the namespace's are not known."""
    revision = workload.pod_labels.get(REVISION)
    if revision and injectors.has(revision):
        at = workload.pod_label_at(REVISION)
        return Derived(True, (Cause(f"the pods ask for revision {revision!r}'s sidecar", at),))
    if revision is None and workload.pod_labels.get(INJECT) == "true":
        return Derived(True, (Cause("the pods ask for a sidecar", workload.pod_label_at(INJECT)),))
    chosen = workload.pod_labels.get(DATAPLANE_MODE) == "ambient" and revision is None
    return Derived(False) if chosen else Derived(None)
