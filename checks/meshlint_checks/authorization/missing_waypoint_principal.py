"""
No ALLOW policy at the pods behind a waypoint admits it, so ztunnel denies its calls.

## What it does

Looks at the ALLOW policies without `targetRefs` that ztunnel enforces on the ambient pods of a
workload. If a Service of the pods uses a waypoint (a canary too), or the workload itself does, one
of these policies has to let in the waypoint's identity, on some port that the Service leads to.
Rules count as ztunnel reads them: what needs HTTP is not there, wildcards and whole namespaces
admit.

It is an error where the manifests tell all policies (a dump, or `--complete`). Otherwise another
policy may admit the waypoint: a warning if the namespace of the pods is told completely and only
the root namespace is not, else a note.

It is silent where nothing is meant to be let in (a policy without rules alone, and none with rules
at the waypoint), where addresses decide (`ipBlocks`), where the identity of the waypoint is not
known, where `PILOT_AUTO_ALLOW_WAYPOINT_POLICY` is set, and about pods with sidecars. A policy whose
rules all need HTTP is another fault, of which `l7-rule-at-ztunnel` speaks.

## Why it matters

A waypoint calls the pods under its own identity, not under that of the client. An ALLOW policy that
names the clients is right without a waypoint, and denies all calls as soon as the Service gets one:
callers see resets, or `503`. A mesh that denies by default with an ALLOW policy without rules in
the root namespace does the same.

## How to fix it

Admit the waypoint's principal, `<trust domain>/ns/<namespace>/sa/<name of the Gateway>`, at the
pods. Who of the clients may call is then said at the waypoint, by a policy with `targetRefs` to the
Service.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from meshlint import (
    AuthorizationPolicy,
    Cause,
    EnforcementPoint,
    FieldPath,
    Fix,
    Impact,
    Mesh,
    Problem,
    ResourceRef,
    Severity,
    WaypointDenial,
    append_item,
    check,
    kind,
)

_SHOWN = 5


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=(kind.AUTHORIZATION_POLICY,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
        kind.VALIDATING_WEBHOOK,
    ),
    istio=">=1.22",
    since="0.1.0",
)
def missing_waypoint_principal(subject: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find ALLOW policies that shut out the waypoint in front of their pods."""
    if subject.action != "ALLOW" or subject.targets:
        return
    for denials in _by_waypoint(subject, mesh).values():
        first = denials[0]
        severity = min(_severity(denial, mesh) for denial in denials)
        otherwise = "" if severity is Severity.ERROR else " unless a policy that is not here admits it,"
        yield Problem(
            f"no ALLOW policy admits waypoint {first.call.gateway.name!r}:{otherwise} "
            f"ztunnel denies what comes through it to {_pods(denials)}",
            at=subject.at(*(_list_of_accounts(subject, first) or ("spec", "rules"))),
            related=tuple(_explanations(subject, denials)),
            fix=_admit(subject, first),
            severity=severity,
        )


def _by_waypoint(subject: AuthorizationPolicy, mesh: Mesh) -> Mapping[ResourceRef, Sequence[WaypointDenial]]:
    """The waypoints that are shut out where this policy is the one to change."""
    found: dict[ResourceRef, list[WaypointDenial]] = defaultdict(list)
    for enforcement in mesh.reach(subject).enforcements:
        if enforcement.point is EnforcementPoint.ZTUNNEL:
            for workload in enforcement.workloads:
                for denial in mesh.waypoint_denials(workload):
                    if denial.policies[0] is subject:
                        found[denial.call.gateway.ref].append(denial)
    return found


def _severity(denial: WaypointDenial, mesh: Mesh) -> Severity:
    """An error only where no further policy can be: in the namespace of the pods, or the root namespace."""
    is_closed = mesh.is_closed(denial.workload.namespace, kind.AUTHORIZATION_POLICY)
    is_root_closed = mesh.is_closed(mesh.root_namespace.value, kind.AUTHORIZATION_POLICY)
    if mesh.is_complete or (is_closed and is_root_closed):
        return Severity.ERROR
    return Severity.WARNING if is_closed else Severity.NOTE


def _pods(denials: Sequence[WaypointDenial]) -> str:
    workloads = list(dict.fromkeys(denial.workload for denial in denials))
    if len(workloads) > 1:
        return f"{len(workloads)} workloads"
    return f"{workloads[0].kind.name} {workloads[0].name!r}"


def _explanations(subject: AuthorizationPolicy, denials: Sequence[WaypointDenial]) -> Iterator[Cause]:
    yield from denials[0].because
    for denial in denials[:_SHOWN]:
        served, workload = denial.call.served, denial.workload
        if served is workload:
            text = f"{workload.kind.name} {workload.name!r} is called through it"
        else:
            text = f"{served.kind.name} {served.name!r} of {workload.kind.name} {workload.name!r} uses it"
        yield Cause(text, served.at())
    yield from denials[0].call.because[:1]
    for policy in denials[0].policies:
        if policy is not subject:
            yield Cause(f"ALLOW policy {policy.name!r} does not admit it either", policy.at())


def _list_of_accounts(policy: AuthorizationPolicy, denial: WaypointDenial) -> FieldPath | None:
    """The way to a list of callers, one more of which would be admitted to a port that the waypoint calls."""
    called = set(map(str, denial.call.ports))
    for rule in policy.rules:
        ports = [entry.values["ports"] for entry in rule.operations if list(entry.values) == ["ports"]]
        is_for_call = any(called.intersection(numbers) for numbers in ports)
        if rule.conditions or (rule.operations and not is_for_call):
            continue
        for source in rule.sources:
            match list(source.values):
                case ["principals" | "serviceAccounts" as only]:
                    return (*source.path, only)
    return None


def _admit(policy: AuthorizationPolicy, denial: WaypointDenial) -> Fix:
    path = _list_of_accounts(policy, denial)
    if path is None and policy.rules:
        return Fix(f"add a rule that admits principal {denial.principal!r}")
    if path is None:
        place = f"in namespace {denial.workload.namespace!r} " if denial.workload.namespace else ""
        return Fix(f"add an ALLOW policy {place}that admits principal {denial.principal!r}")
    account = denial.account if path[-1] == "serviceAccounts" else denial.principal
    return Fix(f"admit {account!r} too", append_item(policy.at(*path), account))
