"""Where objects carry labels and annotations, as they were written."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from meshlint import Gateway, Resource, ServiceEntry, Workload, WorkloadEntry, WorkloadGroup, kind

_LABELS = ("metadata", "labels")
_ANNOTATIONS = ("metadata", "annotations")
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


def labels_and_annotations(resource: Resource) -> Iterator[Entries]:
    """The labels and annotations of an object, and of what is made from it."""
    yield from _at(resource, _LABELS, "label")
    yield from _at(resource, _ANNOTATIONS, "annotation")
    match resource:
        case Workload(template=template) if template:
            yield from _at(resource, (*template, *_LABELS), "label")
            yield from _at(resource, (*template, *_ANNOTATIONS), "annotation")
        case Gateway():
            yield from _at(resource, ("spec", "infrastructure", "labels"), "label")
            yield from _at(resource, ("spec", "infrastructure", "annotations"), "annotation")
        case ServiceEntry():
            for endpoint in resource.endpoints:
                yield from _at(resource, (*endpoint.path, "labels"), "label")
        case WorkloadEntry():
            yield from _at(resource, ("spec", "labels"), "label")
        case WorkloadGroup():
            yield from _at(resource, ("spec", *_LABELS), "label")
            yield from _at(resource, ("spec", *_ANNOTATIONS), "annotation")
        case _:
            pass


def selectors(resource: Resource) -> Iterator[Entries]:
    """The label selectors of Kubernetes' own kinds."""
    path = _SELECTORS.get(resource.kind)
    if path is not None:
        yield from _at(resource, path, "selector label")


def _at(resource: Resource, path: tuple[str | int, ...], noun: str) -> Iterator[Entries]:
    written = resource.manifest.value(*path)
    if isinstance(written, dict) and written:
        yield Entries(written, path, noun)
