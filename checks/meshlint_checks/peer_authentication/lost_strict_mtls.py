"""
STRICT that PeerAuthentications ask for is lost on its way to ztunnel, because of how they are written.

## What it does

Works out, for all ambient pods, what the PeerAuthentications of the mesh, the namespace and the pods ask
for by plain inheritance, and what istiod really gives to ztunnel. It speaks where a port accepts
plaintext that should be STRICT, and points at the policy whose form is to blame:

- a STRICT policy of the namespace has an empty selector (`selector: {}`, `matchLabels: {}`), and a policy
  of the pods sets no mode of its own and has a PERMISSIVE port: all ports of these pods are open;
- the mesh is STRICT, a policy of the namespace sets no mode, and a policy of the pods sets none either
  and has a PERMISSIVE port: all ports of these pods are open;
- the mesh is STRICT, and a policy of the pods is PERMISSIVE or DISABLE except for a STRICT port, while
  the namespace sets no mode that istiod sees: the STRICT port is open.

It is a warning where it depends on policies that may be missing here or on which of several is the
oldest, where the pods are not among the manifests, and where the version of Istio is not known.

## Why it matters

istiod makes two things of such policies: a rule of the pods with the exceptions for their ports, and a
reference to that rule in place of the plain STRICT. The two are worked out from different parents.
Written in one of these ways the reference is made and the rule is not, and ztunnel skips a rule that it
was never given. Plaintext is accepted, no status tells, and clients in the mesh notice nothing. Sidecars
do what is written.

This is so in 1.22.8, 1.23.5, 1.24.3, in 1.25 and since.

## How to fix it

Write STRICT in another way: delete the empty selector; set STRICT on the namespace's policy or delete
that; set `mtls.mode: STRICT` on the policy of the pods and list the ports that are to be open as
PERMISSIVE.
"""

from collections.abc import Iterator
from typing import NamedTuple

from meshlint import (
    Cause,
    DataplaneMode,
    Fix,
    Impact,
    Location,
    LossForm,
    LostStrict,
    Mesh,
    PeerAuthentication,
    PodSource,
    Problem,
    Severity,
    check,
    delete_entry,
    kind,
    replace_value,
)


class _Case(NamedTuple):
    """What is lost, and for which pods."""

    loss: LostStrict
    pods: PodSource


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.PEER_AUTHENTICATION,),
    reads=(kind.NAMESPACE, *kind.WORKLOADS, *kind.INSTALLATION),
    istio=">=1.22.8,<1.23 || >=1.23.5,<1.24 || >=1.24.3",
    since="0.1.0",
)
def lost_strict_mtls(policy: PeerAuthentication, mesh: Mesh) -> Iterator[Problem]:
    """Find policies whose form makes istiod lose STRICT."""
    cases = list(_cases(policy, mesh))
    for form in LossForm:
        found = [case for case in cases if case.loss.form is form]
        if found and form is LossForm.STRICT_PORT:
            yield from _of_ports(policy, found, mesh)
        elif found:
            yield _of_namespace(policy, found, mesh)


def _cases(policy: PeerAuthentication, mesh: Mesh) -> Iterator[_Case]:
    for pods in mesh.governed_pods(policy):
        if mesh.pods_mode(pods).value is DataplaneMode.AMBIENT:
            for loss in mesh.lost_strict(pods):
                if loss.blamed is policy:
                    yield _Case(loss, pods)


def _of_ports(policy: PeerAuthentication, cases: list[_Case], mesh: Mesh) -> Iterator[Problem]:
    first = cases[0]
    for port in sorted({port for case in cases for port in case.loss.ports}):
        yield Problem(
            f"port {port} accepts plaintext: below a STRICT mesh istiod drops "
            "the STRICT port of pods that are not STRICT otherwise",
            at=policy.at("spec", "portLevelMtls", str(port), "mode"),
            related=tuple(_causes(first, mesh)),
            fix=Fix("set 'mtls.mode' to STRICT, and list the ports that are to be open as PERMISSIVE"),
            severity=_severity(cases, mesh),
        )


def _of_namespace(policy: PeerAuthentication, cases: list[_Case], mesh: Mesh) -> Problem:
    first = cases[0]
    is_empty = first.loss.form is LossForm.EMPTY_SELECTOR
    at = policy.at("spec", "selector") if is_empty else _mode_at(policy)
    others = len({case.loss.exceptions for case in cases}) - 1
    names = f"{first.loss.exceptions.name!r}" + (f" and {others} more" if others else "")
    reason = "with an empty selector" if is_empty else "with this policy, which sets no mode, below"
    return Problem(
        f"all ports of the pods of PeerAuthentication {names} accept plaintext: istiod loses STRICT {reason}",
        at=at,
        related=tuple(dict.fromkeys(cause for case in cases for cause in _causes(case, mesh))),
        fix=_drop_selector(at) if is_empty else _set_mode(at),
        severity=_severity(cases, mesh),
    )


def _mode_at(policy: PeerAuthentication) -> Location:
    return policy.at("spec", "mtls", "mode")


def _causes(case: _Case, mesh: Mesh) -> Iterator[Cause]:
    """The exception by which STRICT is lost, the STRICT itself, and why the pods are ambient."""
    exceptions = case.loss.exceptions
    yield Cause(
        f"PeerAuthentication {exceptions.name!r} excepts ports", exceptions.at("spec", "portLevelMtls")
    )
    strict = case.loss.strict
    yield Cause(f"PeerAuthentication {strict.policy.name!r} asks for STRICT", strict.at)
    yield from mesh.pods_mode(case.pods).because


def _drop_selector(at: Location) -> Fix:
    return Fix("delete the empty selector", delete_entry(at))


def _set_mode(at: Location) -> Fix:
    return Fix("set 'mtls.mode' to STRICT, or delete this policy", replace_value(at, "STRICT"))


def _severity(cases: list[_Case], mesh: Mesh) -> Severity:
    proved = any(case.loss.is_certain and not isinstance(case.pods, PeerAuthentication) for case in cases)
    return Severity.ERROR if proved and mesh.version_known else Severity.WARNING
