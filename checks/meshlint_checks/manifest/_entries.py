"""Where objects carry labels and annotations, as they were written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from meshlint import Gateway, Resource, ServiceEntry, Workload, WorkloadEntry, WorkloadGroup, kind

_NETWORK_POLICY = kind.Kind("networking.k8s.io", "NetworkPolicy")
_DISRUPTION_BUDGET = kind.Kind("policy", "PodDisruptionBudget")
# Selectors of custom resources are not checked by the API server, and hardly by Istio's webhook.
_SELECTORS = {
    kind.SERVICE: ("spec", "selector"),
    _NETWORK_POLICY: ("spec", "podSelector", "matchLabels"),
    **dict.fromkeys(
        (
            kind.DEPLOYMENT,
            kind.STATEFUL_SET,
            kind.DAEMON_SET,
            kind.REPLICA_SET,
            kind.JOB,
            _DISRUPTION_BUDGET,
        ),
        ("spec", "selector", "matchLabels"),
    ),
}


class Entries(NamedTuple):
    """Labels or annotations: what is written, the way to it, and what an entry is called."""

    written: Mapping[str, object]
    path: tuple[str | int, ...]
    noun: str


def labels_and_annotations(resource: Resource) -> list[Entries]:
    """The labels and annotations of an object, and of what is made from it."""
    own = _of(resource.manifest.data.get("metadata"), ("metadata",))
    further = _FURTHER.get(type(resource))
    return own + further(resource) if further else own


def selectors(resource: Resource) -> Iterator[Entries]:
    """The label selectors of Kubernetes' own kinds."""
    path = _SELECTORS.get(resource.kind)
    written = resource.manifest.value(*path) if path else None
    if path and isinstance(written, dict):
        yield Entries(written, path, "selector label")


def _of(holder: object, path: tuple[str | int, ...]) -> list[Entries]:
    """What a mapping that stands at a path holds as `labels` and `annotations`."""
    if not isinstance(holder, dict):
        return []
    return [
        Entries(written, (*path, name), noun)
        for name, noun in (("labels", "label"), ("annotations", "annotation"))
        if isinstance(written := holder.get(name), dict)
    ]


def _of_pods(workload: Workload) -> list[Entries]:
    path = (*workload.template, "metadata")
    return _of(workload.manifest.value(*path), path) if workload.template else []


def _of_infrastructure(gateway: Gateway) -> list[Entries]:
    path = ("spec", "infrastructure")
    return _of(gateway.manifest.value(*path), path)


def _of_endpoints(entry: ServiceEntry) -> list[Entries]:
    paths = (endpoint.path for endpoint in entry.endpoints)
    return [entries for path in paths for entries in _of(entry.manifest.value(*path), path)]


def _of_workload(entry: WorkloadEntry) -> list[Entries]:
    return _of(entry.manifest.value("spec"), ("spec",))


def _of_group(group: WorkloadGroup) -> list[Entries]:
    path = ("spec", "metadata")
    return _of(group.manifest.value(*path), path)


_FURTHER: Mapping[type, Callable[[Any], list[Entries]]] = {
    Workload: _of_pods,
    Gateway: _of_infrastructure,
    ServiceEntry: _of_endpoints,
    WorkloadEntry: _of_workload,
    WorkloadGroup: _of_group,
}
