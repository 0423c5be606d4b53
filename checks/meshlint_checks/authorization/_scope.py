"""For which pods a policy without targets speaks, in words and lines."""

from collections.abc import Collection, Iterator

from meshlint import AmbientScope, AuthorizationPolicy, Cause, Enforcement, EnforcementPoint, Mesh, Workload

_FEW = 2
_OTHERS = {EnforcementPoint.SIDECAR: "pods with sidecars", EnforcementPoint.GATEWAY: "gateways"}


def ambient_pods(policy: AuthorizationPolicy, mesh: Mesh) -> str:
    """The ambient pods that a policy without targets is for."""
    if policy.selector:
        return _listed(mesh.ambient_scope(policy).workloads)
    if policy.namespace == mesh.root_namespace.value:
        return "the ambient pods of all namespaces"
    where = f"namespace {policy.namespace!r}" if policy.namespace else "its namespace"
    return f"the ambient pods of {where}"


def explanation(policy: AuthorizationPolicy, scope: AmbientScope, mesh: Mesh) -> Iterator[Cause]:
    """Why the pods are ambient, and who else enforces the policy."""
    yield from scope.because
    for twin in mesh.twins(policy):
        yield Cause(f"policy {twin.name!r} enforces the same at the waypoint", twin.at())
    yield from enforced_elsewhere(policy, mesh)


def enforced_elsewhere(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Cause]:
    """The first of the sidecars and of the gateways that enforce a policy as well."""
    for enforcement in _elsewhere(policy, mesh):
        place = enforcement.workloads[0] if enforcement.workloads else enforcement.target
        if place is not None:
            text = f"the {enforcement.point.value} of {place.kind.name} {place.name!r} enforces it as written"
            yield Cause(text, place.at())


def others(policy: AuthorizationPolicy, mesh: Mesh) -> str:
    """Whom else a policy is for: pods with sidecars, gateways, or nobody."""
    points = {enforcement.point for enforcement in _elsewhere(policy, mesh)}
    return " and ".join(name for point, name in _OTHERS.items() if point in points)


def quoted(names: Collection[str], word: str = "and") -> str:
    """Names as a list in words, each once."""
    *others, last = (repr(name) for name in dict.fromkeys(names))
    return f"{', '.join(others)} {word} {last}" if others else last


def _elsewhere(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Enforcement]:
    for enforcement in mesh.reach(policy).enforcements:
        if enforcement.point in _OTHERS:
            yield enforcement


def _listed(workloads: Collection[Workload]) -> str:
    names = [f"{workload.kind.name} {workload.name!r}" for workload in workloads]
    more = len(names) - _FEW
    if more > 0:
        return f"{', '.join(names[:_FEW])} and {more} more"
    return " and ".join(names)
