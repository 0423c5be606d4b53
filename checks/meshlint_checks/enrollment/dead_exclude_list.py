"""
istio-cni's list of namespaces to leave out stands under a key that nothing reads.

## What it does

Looks at the ConfigMap `istio-cni-config` for `EXCLUDED_NAMESPACES`, as the charts of Istio 1.23.0 to
1.24.4, 1.25.0 and 1.25.1 render it, while `EXCLUDE_NAMESPACES`, which istio-cni reads, is not there.

## Why it matters

No namespace is left out. The CNI plugin works on pods of every namespace, kube-system among them, and
whatever was to stay untouched is enrolled as soon as it carries a label.

## How to fix it

Upgrade to 1.24.5, 1.25.2 or newer, or rename the key. Look at the namespaces of the list first: once it is
read, pods in them leave ambient mode.
"""

from collections.abc import Iterator

from meshlint import ConfigMap, Fix, Impact, Mesh, Problem, Severity, check, kind, rename_key


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.CONFIG_MAP,),
    istio=">=1.23",
    since="0.1.0",
)
def dead_exclude_list(subject: ConfigMap, mesh: Mesh) -> Iterator[Problem]:
    """Find lists of namespaces under the wrong key."""
    at = mesh.dead_exclusion(subject)
    if at is None:
        return
    key = "EXCLUDE_NAMESPACES"
    yield Problem(
        f"istio-cni reads '{key}', not 'EXCLUDED_NAMESPACES': no namespace is left out",
        at=at,
        fix=Fix(f"rename the key to '{key}'", rename_key(at, key)),
    )
