"""
A principal of an AuthorizationPolicy starts with `spiffe://`, and so it is nobody's.

## What it does

Looks at `principals` and `notPrincipals` of all rules and at the values of the key `source.principal`
in `when`, of policies for ztunnel, waypoints, sidecars and gateways alike, and finds those that start
with `spiffe://`.

## Why it matters

Istio compares principals without that prefix, and nothing refuses the value. In an ALLOW policy the
caller is not allowed (an outage), in a DENY policy not denied (an exposure). In a list of exceptions it
is the other way round: nobody is excepted.

## How to fix it

Write the principal without `spiffe://`, as `cluster.local/ns/shop/sa/cart`. From then on it matches: the
policy begins to allow or deny what it says. SPIFFE ids in other resources, as `subjectAltNames` of a
DestinationRule, do have the prefix.
"""

from collections.abc import Iterator

from meshlint import AuthorizationPolicy, Fix, Impact, Mesh, Problem, Severity, check, kind, replace_value

_OUTCOMES = {
    ("ALLOW", False): (Impact.OUTAGE, "this policy does not allow it"),
    ("ALLOW", True): (Impact.EXPOSURE, "this policy does not except it from what it allows"),
    ("DENY", False): (Impact.EXPOSURE, "this policy does not deny it"),
    ("DENY", True): (Impact.OUTAGE, "this policy does not except it from what it denies"),
    ("CUSTOM", False): (Impact.EXPOSURE, "the external authorizer is not asked about it"),
    ("CUSTOM", True): (Impact.OUTAGE, "the external authorizer is asked about it all the same"),
}
_NO_EFFECT = (Impact.INEFFECTIVE, "this line does nothing")


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.EXPOSURE,
    subjects=(kind.AUTHORIZATION_POLICY,),
    since="0.1.0",
)
def spiffe_prefixed_principal(policy: AuthorizationPolicy, mesh: Mesh) -> Iterator[Problem]:
    """Find principals that start with `spiffe://`."""
    for principal in mesh.prefixed_principals(policy):
        impact, outcome = _OUTCOMES.get((policy.action, principal.is_excluded), _NO_EFFECT)
        meant = principal.value.removeprefix("spiffe://")
        yield Problem(
            f"no principal starts with 'spiffe://' here, and {principal.value!r} is nobody: {outcome}",
            at=principal.at,
            fix=Fix(f"write {meant!r}", replace_value(principal.at, meant)) if meant else None,
            impact=impact,
        )
