"""`describe` for people: what a careful colleague would say, with the lines that decide."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from meshlint.checking.result import Summary
from meshlint.mesh.condition import Condition, WrittenCondition
from meshlint.mesh.derived import Cause
from meshlint.mesh.description import (
    Description,
    GatewayDescription,
    NamespaceDescription,
    PolicyDescription,
    RouteDescription,
    ServiceDescription,
    WaypointFact,
    WorkloadDescription,
)
from meshlint.model.kind import ResourceRef
from meshlint.model.resource import Resource
from meshlint.report.terminal import Paint, Style, painter, plain
from meshlint.report.wording import not_applied, not_read, place

_MODES = {
    "ambient": "in the mesh, in ambient mode: ztunnel carries its traffic",
    "sidecar": "in the mesh, with a sidecar",
    "gateway": "a gateway proxy",
    "none": "outside of the mesh",
    "unknown": "not known: it depends on what is not among these manifests",
}
_OF_NAMESPACE = {
    "ambient": "new pods are ambient",
    "sidecar": "new pods get a sidecar",
    "none": "new pods stay outside of the mesh, unless their own labels say otherwise",
    "gateway": "new pods are gateway proxies",
    "unknown": "what its pods become is not known",
}
_STATES = {
    "absent": "none is asked for",
    "opted-out": "none: it opts out",
    "unknown": "not known: it depends on what is not among these manifests",
    "WaypointIsNotReady": "none: what is asked for does not exist, and traffic goes straight to the pods",
    "AttachmentDenied": "none: the one that is asked for does not admit its namespace",
    "UnsupportedTrafficType": "none: the one that is asked for is not for this kind of traffic",
    "CrossNamespaceWaypointForbidden": "none: it may not use one of another namespace",
}
_MTLS = {
    "strict": "strict: plaintext is refused",
    "permissive": "permissive: plaintext is accepted",
    "unknown": "not known",
}
_RULES = {
    "enforced": "is enforced as written",
    "no-effect": "has no effect: it denies nothing",
    "never-matches": "never matches: it admits nobody",
    "over-deny": "denies more than is written",
    "partly": "is enforced in part: some alternatives are lost",
}
_RESPECTED = {True: "is respected", False: "is ignored", None: "may be respected: that is not known"}


def render(
    descriptions: Sequence[Description], versions: Sequence[str], summary: Summary, *, color: bool
) -> str:
    """
    Write a paragraph for each object.

    Then the Istio versions that this holds for, each with where it comes from, and what was not read.
    """
    paint = painter(color=color)
    blocks = []
    for description in descriptions:
        if len(descriptions) > 1:
            blocks.append(paint(f"# {plain(description.name)}", Style.FRAME))
        blocks.extend("\n".join(paragraph) for paragraph in _paragraphs(description, paint))
    said = [f"{plain('; '.join(versions))}."] if blocks else ["Nothing to describe."]
    last = " ".join(line for line in (*said, not_read(summary), not_applied(summary)) if line)
    return "\n\n".join([*blocks, last]) + "\n"


def _paragraphs(description: Description, paint: Paint) -> Iterator[list[str]]:
    writers: list[tuple[Iterable[object], Callable[..., Iterator[str]]]] = [
        (description.namespaces, _namespace),
        (description.gateways, _gateway),
        (description.services, _service),
        (description.workloads, _workload),
        (description.policies, _policy),
        (description.routes, _route),
    ]
    for entries, write in writers:
        yield from (list(write(entry, paint)) for entry in entries)


def _namespace(entry: NamespaceDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    mode = entry.dataplane_mode
    yield _said("mode", f"{mode.value}: {_OF_NAMESPACE.get(str(mode.value), '')}", paint)
    yield from _because(mode.because, paint)


def _workload(entry: WorkloadDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    mode = entry.dataplane_mode
    yield _said("mode", f"{mode.value}: {_MODES.get(str(mode.value), '')}", paint)
    yield from _because(mode.because, paint)
    yield from _waypoint(entry.waypoint, paint)
    yield _said("mTLS", _MTLS[entry.mtls.value], paint)
    for port, value in entry.mtls.ports.items():
        yield _said("", f"port {port}: {_MTLS[value]}", paint)
    yield from _because(entry.mtls.because, paint)
    yield from _list("policies", entry.policies, paint)
    yield from _conditions(entry.conditions, paint)


def _service(entry: ServiceDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    yield from _waypoint(entry.waypoint, paint)
    yield from _list("pods of", entry.workloads, paint)
    yield from _list("policies", entry.policies, paint)
    yield from _list("routes", entry.routes, paint)
    yield from _conditions(entry.conditions, paint)


def _gateway(entry: GatewayDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    match entry.is_waypoint:
        case True:
            traffic = entry.waypoint_for or "what its class says"
            yield _said("waypoint", f"yes, for {plain(traffic)}", paint)
        case False:
            yield _said("waypoint", "no: an ordinary gateway", paint)
        case _:
            yield _said("waypoint", "not judged: its class is not Istio's", paint)
    yield from _conditions(entry.conditions, paint)


def _policy(entry: PolicyDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    if not entry.enforced_at:
        yield _said("enforced", "nowhere", paint)
    for where in entry.enforced_at:
        on = ", ".join(_short(ref) for ref in where.workloads)
        yield _said("enforced", f"at the {where.point}" + (f", on {on}" if on else ""), paint)
        yield from _because(where.because, paint)
    yield from _because(entry.because, paint)
    for rule in entry.rules:
        yield _said(f"rule {rule.number}", _RULES[rule.enforced], paint)
        yield from _because(rule.because, paint)
    yield from _conditions(entry.conditions, paint)


def _route(entry: RouteDescription, paint: Paint) -> Iterator[str]:
    yield _title(entry.resource, paint)
    for parent in entry.parents:
        yield _said("parent", f"{_short(parent.ref)}: {_RESPECTED[parent.respected]}", paint)
        yield from _because(parent.because, paint)
        yield from _conditions(parent.conditions, paint)


def _waypoint(fact: WaypointFact, paint: Paint) -> Iterator[str]:
    words = plain(fact.value) if fact.value else _STATES.get(fact.state, fact.state)
    if fact.state == "absent" and fact.because:
        words = "none: its namespace's is not for this kind of traffic"
    if fact.state == "WaypointIsNotReady" and fact.gateway is not None:
        words = "none: the one that is asked for is not ready, and traffic goes straight to the pods"
    yield _said("waypoint", words, paint)
    yield from _because(fact.because, paint)


def _title(resource: Resource, paint: Paint) -> str:
    name = paint(plain(_short(resource.ref)), Style.STRONG)
    return f"{name}  {paint(place(resource.at()), Style.FRAME)}"


def _said(name: str, words: str, paint: Paint) -> str:
    return f"  {paint(f'{name:<9}', Style.FRAME)} {words}"


def _because(causes: Iterable[Cause], paint: Paint) -> Iterator[str]:
    for cause in causes:
        yield f"            because {plain(cause.message)}  {paint(place(cause.at), Style.FRAME)}"


def _list(name: str, refs: Sequence[ResourceRef], paint: Paint) -> Iterator[str]:
    for index, ref in enumerate(refs):
        yield _said("" if index else name, plain(_short(ref)), paint)


def _conditions(conditions: Iterable[Condition], paint: Paint) -> Iterator[str]:
    for condition in conditions:
        status = f"{condition.type}={condition.status} ({condition.reason})"
        words = f"{status}: {condition.message}" if condition.message else status
        verb = "has written" if isinstance(condition, WrittenCondition) else "will write"
        yield _said("istiod", f"{verb} {plain(words)}", paint)


def _short(ref: ResourceRef) -> str:
    return str(ref)
