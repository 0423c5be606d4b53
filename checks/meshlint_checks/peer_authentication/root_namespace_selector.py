"""
A PeerAuthentication in the root namespace has a selector, and ambient pods do not go by it.

## What it does

Looks at every PeerAuthentication with a `selector` in the root namespace (`istio-system`, unless
MeshConfig names another). It is an error if the policy asks for STRICT, the manifests tell where the root
namespace is, and pods accept plaintext because of it.

An empty selector is judged where the manifests show ambient pods or an installation of ambient mode; else
it is a note.

## Why it matters

Of the root namespace only policies without any `selector` are for the whole mesh. One that selects labels
is ignored everywhere, for the pods of the root namespace itself as well: nothing is STRICT or PERMISSIVE
because of it, in ambient mode or with sidecars.

An empty selector (`selector: {}`) is told apart from none: sidecars go by such a policy in the whole
mesh, ambient pods of other namespaces never see it. A mesh that is moved to ambient mode loses its STRICT
with it, and accepts plaintext.

## How to fix it

Delete the empty selector. A policy for certain pods belongs into their namespace. For the pods of the
root namespace itself nothing but the policy for the whole mesh is read.
"""

from collections.abc import Iterator

from meshlint import (
    DataplaneMode,
    Fix,
    Impact,
    LabelSelector,
    Mesh,
    MtlsMode,
    Namespace,
    PeerAuthentication,
    PodSource,
    Problem,
    Severity,
    Workload,
    check,
    delete_entry,
    kind,
)

_FEW = 3


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.EXPOSURE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def root_namespace_selector(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find policies of the root namespace that select."""
    if policy.selector is None or policy.namespace != mesh.root_namespace.value or mesh.refuses(policy):
        return
    yield _for_labels(policy, mesh) if policy.selector else _for_all(policy, mesh)


def _for_labels(policy: PeerAuthentication, mesh: Mesh) -> Problem:
    meant = list(_selected(policy, mesh))
    exposed = not meant or any(_accepts_plaintext(workload, mesh) for workload in meant)
    return Problem(
        f"nothing goes by this policy: in root namespace {policy.namespace!r} "
        f"only one without a selector is read{_outcome(policy)}",
        at=policy.at("spec", "selector"),
        related=mesh.root_namespace.because,
        fix=Fix(f"move the policy to {_home(policy, meant)}"),
        severity=_severity(policy, mesh, exposed=exposed),
        impact=_impact(policy),
    )


def _for_all(policy: PeerAuthentication, mesh: Mesh) -> Problem:
    ambient = (*mesh.ambient_pods, *mesh.ambient_installation)[:1]
    exposed = any(_is_exposed(pods, mesh) for pods in _pods(mesh))
    return Problem(
        f"an empty selector is not none: outside of root namespace {policy.namespace!r} "
        f"ambient pods do not go by this policy{_outcome(policy)}",
        at=policy.at("spec", "selector"),
        related=(*ambient, *mesh.root_namespace.because),
        fix=Fix("delete the selector", delete_entry(policy.at("spec", "selector"))),
        severity=_severity(policy, mesh, exposed=exposed) if ambient else Severity.NOTE,
        impact=_impact(policy),
    )


def _severity(policy: PeerAuthentication, mesh: Mesh, *, exposed: bool) -> Severity:
    is_root_told = bool(mesh.root_namespace.because or mesh.istiod_namespace.because or mesh.is_complete)
    return Severity.ERROR if exposed and _asks_strict(policy) and is_root_told else Severity.WARNING


def _outcome(policy: PeerAuthentication) -> str:
    match _impact(policy):
        case Impact.EXPOSURE:
            return ", and the pods accept plaintext unless another asks for STRICT"
        case Impact.OUTAGE:
            return ", and plaintext is refused where another asks for STRICT"
        case _:
            return ""


def _impact(policy: PeerAuthentication) -> Impact:
    if _asks_strict(policy):
        return Impact.EXPOSURE
    modes = {policy.mode, *policy.port_modes.values()}
    return Impact.OUTAGE if modes & {"PERMISSIVE", "DISABLE"} else Impact.INEFFECTIVE


def _asks_strict(policy: PeerAuthentication) -> bool:
    return "STRICT" in (policy.mode, *policy.port_modes.values())


def _selected(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Workload]:
    """The pods that are meant, in whatever namespace."""
    selector = LabelSelector(policy.selector or {})
    for workload in mesh.resources(*kind.WORKLOADS):
        if isinstance(workload, Workload) and selector.matches(workload.pod_labels):
            yield workload


def _accepts_plaintext(pods: PodSource, mesh: Mesh) -> bool:
    return mesh.mtls(pods).value is not MtlsMode.STRICT


def _home(policy: PeerAuthentication, meant: list[Workload]) -> str:
    names = sorted({pods.namespace for pods in meant if pods.namespace} - {policy.namespace})
    if 0 < len(names) <= _FEW:
        return f"namespace {' or '.join(map(repr, names))}, where such pods are"
    return "the namespace of the pods"


def _pods(mesh: Mesh) -> Iterator[PodSource]:
    for pods in mesh.resources(kind.NAMESPACE, *kind.WORKLOADS):
        if isinstance(pods, Namespace | Workload):
            yield pods


def _is_exposed(pods: PodSource, mesh: Mesh) -> bool:
    """Whether ambient pods accept plaintext although STRICT is asked for."""
    is_ambient = mesh.pods_mode(pods).value is DataplaneMode.AMBIENT
    return is_ambient and _accepts_plaintext(pods, mesh) and mesh.asked_mtls(pods).value is MtlsMode.STRICT
