"""How rules of NetworkPolicies, and the pods that they are for, are named."""

from collections.abc import Iterator, Sequence

from meshlint import Cause, Gateway, Mesh, PolicyPort, PolicyRule, Workload

_SHOWN = 3  # The others are there for the same reason.


def tcp_ports(rule: PolicyRule) -> str:
    """The TCP ports of a rule: `ports 80 and 8000-8010`."""
    ports = [_port(entry) for entry in rule.ports if entry.protocol == "TCP"]
    *others, last = ports
    return f"ports {', '.join(others)} and {last}" if others else f"port {last}"


def naming(pods: Sequence[Workload | Gateway]) -> str:
    """Pods by the name of the first of them."""
    first, *others = pods
    name = f"waypoint {first.name!r}" if isinstance(first, Gateway) else f"{first.kind.name} {first.name!r}"
    match len(others):
        case 0:
            return name
        case 1:
            return f"{name} and 1 other"
        case count:
            return f"{name} and {count} others"


def mesh_causes(pods: Sequence[Workload | Gateway], mesh: Mesh) -> tuple[Cause, ...]:
    """The lines that show which pods are meant, and that they are in the mesh."""
    return tuple(dict.fromkeys(_causes(pods, mesh)))


def _causes(pods: Sequence[Workload | Gateway], mesh: Mesh) -> Iterator[Cause]:
    for pod in pods[:_SHOWN]:
        yield Cause(f"{pod.kind.name} {pod.name!r} is selected", pod.at())
        yield from (
            mesh.is_waypoint(pod).because if isinstance(pod, Gateway) else mesh.dataplane_mode(pod).because
        )


def _port(entry: PolicyPort) -> str:
    if isinstance(entry.port, int):
        return str(entry.port) if entry.end is None else f"{entry.port}-{entry.end}"
    return repr(entry.port)
