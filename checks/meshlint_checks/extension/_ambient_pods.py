"""What is said of the ambient pods that something covers."""

from collections.abc import Iterator, Sequence

from meshlint import Cause, Mesh, Namespace, Workload

_SHOWN = 3  # The others are there for the same reason.


def are_ambient(pods: Sequence[Workload | Namespace]) -> str:
    """That pods are ambient, as a clause: of the first of them by name."""
    first, *others = pods
    plural = isinstance(first, Namespace) or bool(others)
    return f"{naming(pods)} {'are' if plural else 'is'} ambient"


def naming(pods: Sequence[Workload | Namespace]) -> str:
    """Pods by the name of the first of them."""
    first, *others = pods
    name = f"{first.kind.name} {first.name!r}"
    if isinstance(first, Namespace):
        name = f"the pods of namespace {first.name!r}"
    match len(others):
        case 0:
            return name
        case 1:
            return f"{name} and 1 other"
        case count:
            return f"{name} and {count} others"


def ambient_causes(pods: Sequence[Workload | Namespace], mesh: Mesh) -> tuple[Cause, ...]:
    """The lines that show which pods are covered, and that they are ambient."""
    return tuple(dict.fromkeys(_causes(pods, mesh)))


def _causes(pods: Sequence[Workload | Namespace], mesh: Mesh) -> Iterator[Cause]:
    for pod in pods[:_SHOWN]:
        if isinstance(pod, Namespace):
            yield from mesh.namespace_mode(pod).because
        else:
            yield Cause(f"{pod.kind.name} {pod.name!r} is covered", pod.at())
            yield from mesh.dataplane_mode(pod).because
