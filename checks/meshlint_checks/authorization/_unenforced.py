"""What it means that nobody enforces a policy."""

from meshlint import Impact, Severity, TargetedPolicy, kind

_SECURITY = (kind.AUTHORIZATION_POLICY, kind.REQUEST_AUTHENTICATION, kind.WASM_PLUGIN, kind.TRAFFIC_EXTENSION)


def impact_of(policy: TargetedPolicy) -> Impact:
    """Which way it fails: open, unless the policy has nothing to do with security."""
    return Impact.EXPOSURE if policy.kind in _SECURITY else Impact.INEFFECTIVE


def as_grave_as(policy: TargetedPolicy, severity: Severity) -> Severity:
    """How grave it is for a policy of this kind: no error unless security is at stake."""
    return severity if policy.kind in _SECURITY else min(severity, Severity.WARNING)
