"""How pods are named in messages, and which lines show that they are what is said of them."""

from collections.abc import Iterator, Sequence

from meshlint import Cause, Gateway, Mesh, Namespace, Workload

Pods = Workload | Gateway | Namespace
"""A workload; the waypoint that istiod deploys; all pods of a namespace."""

_SHOWN = 3  # The others are there for the same reason.


def naming(pods: Sequence[Pods]) -> str:
    """Pods by the name of the first of them: `Deployment 'cart' and 2 others`."""
    first, *others = pods
    match len(others):
        case 0:
            return _name(first)
        case 1:
            return f"{_name(first)} and 1 other"
        case count:
            return f"{_name(first)} and {count} others"


def are_ambient(pods: Sequence[Pods]) -> str:
    """That pods are ambient, as a clause: of the first of them by name."""
    first, *others = pods
    plural = isinstance(first, Namespace) or bool(others)
    return f"{naming(pods)} {'are' if plural else 'is'} ambient"


def mesh_causes(pods: Sequence[Pods], mesh: Mesh, verb: str) -> tuple[Cause, ...]:
    """The lines that show which pods are meant, and why they are in the mesh; `verb`: what became of them."""
    return tuple(dict.fromkeys(_causes(pods, mesh, verb)))


def _causes(pods: Sequence[Pods], mesh: Mesh, verb: str) -> Iterator[Cause]:
    for pod in pods[:_SHOWN]:
        if not isinstance(pod, Namespace):
            yield Cause(f"{pod.kind.name} {pod.name!r} is {verb}", pod.at())
        match pod:
            case Namespace():
                yield from mesh.namespace_mode(pod).because
            case Gateway():
                yield from mesh.is_waypoint(pod).because
            case _:
                yield from mesh.dataplane_mode(pod).because


def _name(pods: Pods) -> str:
    match pods:
        case Namespace():
            return f"the pods of namespace {pods.name!r}"
        case Gateway():
            return f"waypoint {pods.name!r}"
        case _:
            return f"{pods.kind.name} {pods.name!r}"
