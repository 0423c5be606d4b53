"""
A `use-waypoint` label names a Gateway that is no waypoint.

## What it does

Looks at every `istio.io/use-waypoint` label whose Gateway is in the set and is of one of Istio's own
classes for other gateways (`istio`, `istio-remote`, `istio-east-west`, `istio-agentgateway`). A Gateway
of class `istio` that ztunnel captures on purpose, to stand in front of it, counts as a waypoint. Of
classes that are not Istio's nothing is said.

## Why it matters

istiod takes any Gateway that has an address for a waypoint, and writes `istio.io/WaypointBound=True`.
From then on ztunnel sends all calls of ambient pods to port 15008 of that Gateway, where nothing takes
them: they fail.

Where the Gateway does not admit the namespace, or is not for this kind of traffic, istiod does not bind
the object. Then traffic goes straight to the pods, and every policy and route of a waypoint is skipped.

## How to fix it

Name a Gateway of class `istio-waypoint`. To have an ingress gateway in front of a Service takes no label:
a route does that.
"""

from collections.abc import Iterator

from meshlint import (
    BindingState,
    Cause,
    Fix,
    Gateway,
    Impact,
    Mesh,
    Problem,
    Resource,
    Service,
    Severity,
    WaypointBinding,
    check,
    kind,
    waypoint,
)

_REFUSED = (BindingState.ATTACHMENT_DENIED, BindingState.UNSUPPORTED_TRAFFIC_TYPE)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.OUTAGE,
    subjects=kind.WAYPOINT_USERS,
    reads=(kind.GATEWAY, kind.GATEWAY_CLASS, *kind.WAYPOINT_RULES),
    istio=">=1.22",
    since="0.1.0",
)
def non_waypoint_target(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find `use-waypoint` labels that name an ordinary Gateway."""
    if isinstance(subject, Service) and subject.is_headless:
        return
    for binding in mesh.waypoint_requests(subject):
        gateway, at = binding.gateway, binding.asked_at
        if gateway is None or at is None or mesh.is_waypoint(gateway).value is not False:
            continue
        is_refused = binding.state in _REFUSED
        hanging = mesh.hanging_policies(binding) if is_refused else ()
        yield Problem(
            f"Gateway {gateway.name!r} is of class {gateway.class_name!r}, which is for no waypoint: "
            f"{_outcome(binding, subject)}",
            at=at,
            related=(*_explanations(gateway, binding), *hanging),
            fix=Fix(_advice(gateway, mesh)),
            impact=Impact.EXPOSURE if is_refused else Impact.OUTAGE,
        )


def _outcome(binding: WaypointBinding, subject: Resource) -> str:
    if binding.state in _REFUSED:
        return "traffic goes straight to the pods and L7 policies are skipped"
    called = f"this {subject.kind.name}"
    if subject.kind == kind.NAMESPACE:
        called = f"the Services of namespace {subject.name!r}"
    elif binding.traffic == waypoint.WORKLOAD_TRAFFIC:
        called = "these workloads' addresses"
    may = "may fail" if binding.state is BindingState.UNKNOWN else "fail"
    return f"calls of ambient pods to {called} {may}"


def _explanations(gateway: Gateway, binding: WaypointBinding) -> Iterator[Cause]:
    yield Cause("this class is for no waypoint", gateway.at("spec", "gatewayClassName"))
    if binding.state in _REFUSED:
        yield from binding.because[1:]


def _advice(gateway: Gateway, mesh: Mesh) -> str:
    beside = [other.name for other in mesh.gateways_in(gateway.namespace) if mesh.is_waypoint(other).value]
    if len(beside) == 1:
        return f"use {beside[0]!r}, or write 'none'"
    return "name a Gateway of class 'istio-waypoint', or write 'none'"
