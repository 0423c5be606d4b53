"""
A PeerAuthentication has `targetRefs`, which it cannot have: it is refused, or is for more than meant.

## What it does

Finds a PeerAuthentication with `targetRefs` or `targetRef`. Other policies of Istio have them, a
PeerAuthentication has only `selector`, `mtls` and `portLevelMtls`.

## Why it matters

An API server that validates strictly, as `kubectl apply` asks it to, refuses the object: then the policy
is not there. One that is not asked to drops the unknown field without a word. Without a `selector` the
policy is then for all pods of its namespace, in the root namespace for the whole mesh: PERMISSIVE opens
them all, STRICT closes them all to plaintext.

A PeerAuthentication is about pods and never acts on a waypoint. Waypoints always ask for mTLS.

## How to fix it

Select the pods: `selector: {matchLabels: {…}}`, with the labels that the Service selects by. Or delete
the field, if the policy is to be for the whole namespace.
"""

from collections.abc import Iterator

from meshlint import (
    Fix,
    Impact,
    Mesh,
    PeerAuthentication,
    Problem,
    ResourceRef,
    Service,
    Severity,
    check,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.SERVICE, *kind.MESH_CONFIG),
    since="0.1.0",
)
def targeted_peer_authentication(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find PeerAuthentications that name targets."""
    if not policy.targets:
        return
    field = str(policy.targets[0].path[1])
    yield Problem(
        f"a PeerAuthentication has no {field!r}: {_outcome(policy, mesh)}",
        at=policy.at("spec", field),
        fix=Fix(_advice(policy, field, mesh)),
    )


def _outcome(policy: PeerAuthentication, mesh: Mesh) -> str:
    refused = "the API server refuses the policy"
    if mesh.refuses(policy):
        return f"{refused}, and it is not there"
    if policy.selector:
        return f"{refused}, or drops the field, and the policy goes by its selector alone"
    if policy.namespace == mesh.root_namespace.value:
        return f"{refused}, or drops the field, and the policy is for the whole mesh"
    place = f"namespace {policy.namespace!r}" if policy.namespace else "its namespace"
    return f"{refused}, or drops the field, and the policy is for all of {place}"


def _advice(policy: PeerAuthentication, field: str, mesh: Mesh) -> str:
    if policy.selector:
        return f"delete {field!r}"
    for target in policy.targets:
        service = mesh.find(ResourceRef(kind.SERVICE, policy.namespace, target.name)).value
        if target.kind == kind.SERVICE and isinstance(service, Service) and service.selector:
            labels = ", ".join(f"{key}: {value}" for key, value in service.selector.items())
            return f"select the pods of Service {service.name!r}: 'selector: {{matchLabels: {{{labels}}}}}'"
    return f"select the pods by 'selector', or delete {field!r} to mean all of the namespace"
