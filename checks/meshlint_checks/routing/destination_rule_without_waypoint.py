"""
A DestinationRule sets traffic policies for an ambient Service that has no working waypoint.

## What it does

Looks at the `trafficPolicy` of a DestinationRule, the settings of single ports included. It speaks where the
host is that of a Service with ambient pods (or of a ServiceEntry that ambient clients call), and the
manifests show that no waypoint takes the calls to it.

It is a warning if `tls`, `outlierDetection` or `loadBalancer` is set, else a note; and a note where sidecars
or gateways call the Service too, because those act by the rule themselves. Subsets alone are no finding: what
sends to them is. So is `tls` with `ISTIO_MUTUAL` or `DISABLE`, which changes nothing at a waypoint. Where a
label asks for a waypoint in vain, the finding about that label shows the DestinationRule instead; so does the
finding about a waypoint that nothing uses.

## Why it matters

ztunnel balances connections, and knows no DestinationRules. Without a waypoint nobody ejects failing pods,
limits connections or starts TLS towards a host outside: a plaintext request arrives where TLS was meant.

## How to fix it

Label the Service, or its Namespace, with `istio.io/use-waypoint`, or delete the rule if nobody needs it.
"""

from collections.abc import Iterator, Sequence

from meshlint import (
    Bypass,
    Cause,
    DestinationRule,
    Impact,
    Mesh,
    Problem,
    Severity,
    TrafficEffect,
    TrafficSetting,
    check,
    kind,
)
from meshlint_checks.routing._bypass import causes, remedy, sidecars

_GRAVE = frozenset({"tls", "outlierDetection", "loadBalancer"})


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.DESTINATION_RULE,),
    reads=(
        kind.NAMESPACE,
        kind.SERVICE,
        kind.SERVICE_ENTRY,
        kind.GATEWAY,
        kind.GATEWAY_CLASS,
        kind.WORKLOAD_ENTRY,
        *kind.WORKLOADS,
        *kind.WAYPOINT_RULES,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def destination_rule_without_waypoint(rule: DestinationRule, mesh: Mesh) -> Iterator[Problem]:
    """Find traffic policies for hosts that no waypoint stands in front of."""
    settings = mesh.traffic_settings(rule)
    found = _bypasses(rule, mesh) if settings else []
    if not found:
        return
    bypass, *more = found
    others = (*sidecars(mesh), *_gateways(found, mesh))
    host = rule.at("spec", "host")
    yield Problem(
        f"{bypass.reason}: {_do_nothing(settings)} for ambient clients",
        at=settings[0].at,
        related=(
            *causes(bypass, host, mesh),
            *(Cause(also.reason, also.service.at()) for also in more),
            *others,
        ),
        fix=remedy(bypass, rule, mesh),
        severity=_severity(settings, others),
    )


def _bypasses(rule: DestinationRule, mesh: Mesh) -> list[Bypass]:
    """The services of its host, if no waypoint acts by the rule for any."""
    host = mesh.destination_rule_effect(rule)
    if host.effect is not TrafficEffect.NOWHERE:
        return []
    return [one for one in map(mesh.bypass, host.services) if one is not None]


def _gateways(found: Sequence[Bypass], mesh: Mesh) -> Iterator[Cause]:
    """The first line by which gateways call one of the services."""
    for bypass in found:
        for cause in mesh.gateway_senders(bypass.service):
            yield cause
            return


def _do_nothing(settings: Sequence[TrafficSetting]) -> str:
    names = [repr(name) for name in dict.fromkeys(setting.name for setting in settings)]
    if len(names) == 1:
        return f"{names[0]} does nothing"
    return f"{', '.join(names[:-1])} and {names[-1]} do nothing"


def _severity(settings: Sequence[TrafficSetting], others: Sequence[Cause]) -> Severity:
    grave = any(setting.name in _GRAVE for setting in settings)
    return Severity.WARNING if grave and not others else Severity.NOTE
