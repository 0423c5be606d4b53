"""
A WasmPlugin or TrafficExtension without `targetRefs` is for ambient pods, and nothing runs it.

## What it does

Finds a WasmPlugin or a TrafficExtension that attaches by a `selector`, or to all of its namespace, and that
covers ambient pods alone: no sidecar and no gateway. In `phase: AUTHN` or `AUTHZ` this is an error.

One in these phases that is for sidecars or gateways too is a warning: to the ambient pods among those that
it covers, requests pass without it. The same in any other phase is no finding. It is silent about a copy of
an extension that a waypoint in front of the pods runs.

## Why it matters

Extensions run in Envoy. ztunnel is none, and a waypoint runs only those that name it, or one of its
Services, in `targetRefs`: it never looks at a `selector`. What the extension adds is missing without a
trace. If it authenticates or authorizes, all requests are let through.

## How to fix it

Have the Service use a waypoint (`istio.io/use-waypoint`), and write `targetRefs` to that Service, or to the
waypoint, in the place of `selector`. One extension has either: where sidecars are covered too, they keep
the old one, and the ambient pods get a second one.
"""

from collections.abc import Iterator

from meshlint import Extension, Impact, Mesh, Namespace, Problem, Severity, Workload, check, kind
from meshlint_checks._pods import are_ambient, mesh_causes, naming
from meshlint_checks.extension._targets import attach

_SECURITY_PHASES = frozenset({"AUTHN", "AUTHZ"})


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.WASM_PLUGIN, kind.TRAFFIC_EXTENSION),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    since="0.1.0",
)
def unattached_extension(extension: Extension, mesh: Mesh) -> Iterator[Problem]:
    """Find extensions for pods that no Envoy serves."""
    coverage = mesh.coverage(extension)
    pods = [pod for pod in coverage.ambient if not _is_run(extension, pod, mesh)]
    secures = extension.phase in _SECURITY_PHASES
    if not pods or not (coverage.is_lost or secures):
        return
    yield Problem(
        _message(extension, pods, lost=coverage.is_lost, secures=secures),
        at=extension.at("spec", "selector"),
        related=mesh_causes(pods, mesh, "covered"),
        fix=attach(extension, coverage, mesh),
        severity=Severity.ERROR if secures and coverage.is_lost else Severity.WARNING,
        impact=Impact.EXPOSURE if secures else Impact.INEFFECTIVE,
    )


def _is_run(extension: Extension, pod: Workload | Namespace, mesh: Mesh) -> bool:
    """Whether a waypoint runs a copy of it."""
    others = mesh.at_waypoints_of(pod, extension.kind)
    return any(isinstance(other, Extension) and other.content == extension.content for other in others)


def _message(extension: Extension, pods: list[Workload | Namespace], *, lost: bool, secures: bool) -> str:
    what = f"nothing runs this {extension.kind.name}"
    why = "ztunnel runs no extensions"
    if secures:
        why += f": requests pass without its {extension.phase}"
    return f"{what}: {are_ambient(pods)}, and {why}" if lost else f"{what} for {naming(pods)}: {why}"
