"""
STRICT covers ambient pods that the API server calls, and refuses it.

## What it does

Looks at the Services that the API server is told to call: by a ValidatingWebhookConfiguration or a
MutatingWebhookConfiguration, for the conversion of a CustomResourceDefinition, by an APIService. It
speaks where their pods are ambient and a PeerAuthentication makes the port of the pods STRICT.

It says nothing of pods that are not in the mesh, that take what comes in past ztunnel
(`ambient.istio.io/bypass-inbound-capture`), or on the host's network, nor of a port that is PERMISSIVE.

## Why it matters

The API server is never in the mesh. Its calls are TLS of its own, which to ztunnel is plaintext: no
client certificate of the mesh. ztunnel of the pods resets them (`EOF`, `connection reset by peer`). With
`failurePolicy: Fail` nothing of the kind can be created or changed any more, with `Ignore` the webhook is
skipped without a word; resources of an APIService or of an old version cannot be read.

Calls that come from the very node of the pods get through, as those of the kubelet do. So it can work on
a cluster with one node and break on the next.

## How to fix it

Open the port of the pods by a PeerAuthentication that selects them, with `portLevelMtls` and PERMISSIVE.
The port is that of the container, not that of the Service. Or take the pods out of the mesh:
`istio.io/dataplane-mode: none`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from meshlint import (
    ApiServerCall,
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Mesh,
    MtlsLine,
    MtlsMode,
    PeerAuthentication,
    Problem,
    Severity,
    Workload,
    check,
    kind,
)


class _Refused(NamedTuple):
    """A call to pods that a line of a policy refuses."""

    line: MtlsLine
    call: ApiServerCall
    workload: Workload


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.NAMESPACE, kind.SERVICE, *kind.API_EXTENSIONS, *kind.WORKLOADS, *kind.INSTALLATION),
    since="0.1.0",
)
def strict_webhook_backend(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find lines with STRICT that refuse the API server."""
    refused = list(_refused(policy, mesh))
    for line in dict.fromkeys(each.line for each in refused):
        calls = [each for each in refused if each.line == line]
        first, services = calls[0], list(dict.fromkeys(each.call.service for each in calls))
        others = f" and {len(services) - 1} more" if len(services) > 1 else ""
        yield Problem(
            f"STRICT refuses the API server, which is not in the mesh: its calls to Service "
            f"{services[0].name!r}{others} fail",
            at=line.at,
            related=(*_callers(calls), *mesh.dataplane_mode(first.workload).because),
            fix=Fix(_open(first) + (", and likewise for the others" if others else "")),
        )


def _refused(policy: PeerAuthentication, mesh: Mesh) -> Iterator[_Refused]:
    for pods in mesh.governed_pods(policy):
        if isinstance(pods, Workload) and mesh.dataplane_mode(pods).value is DataplaneMode.AMBIENT:
            verdict = mesh.mtls(pods)
            for call in mesh.api_server_calls(pods):
                line = mesh.mtls_line(pods, call.pod_port)
                is_strict = verdict.on(call.pod_port) is MtlsMode.STRICT
                # A line with another mode is ignored, and another check speaks of it.
                if is_strict and line is not None and line.policy is policy and line.mode == "STRICT":
                    yield _Refused(line, call, pods)


def _callers(calls: list[_Refused]) -> Iterator[Cause]:
    """One line of each object that has the API server call some pods."""
    firsts = {(each.call.extension, each.workload): each for each in reversed(calls)}
    for each in reversed(firsts.values()):
        extension, workload = each.call.extension, each.workload
        pods = f"the pods of {workload.kind.name} {workload.name!r}"
        yield Cause(f"{extension.kind.name} {extension.name!r} has it call {pods}", each.call.at)


def _open(refused: _Refused) -> str:
    port = refused.call.pod_port
    which = f"port {port}" if port is not None else "the port"
    ports = f"'portLevelMtls: {{{port}: {{mode: PERMISSIVE}}}}'" if port is not None else "'portLevelMtls'"
    return (
        f"open {which} of {refused.workload.kind.name} {refused.workload.name!r} by {ports} in a "
        "PeerAuthentication that selects its pods, or label them 'istio.io/dataplane-mode: none'"
    )
