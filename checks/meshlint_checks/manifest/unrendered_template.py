"""
A document holds template syntax that nobody has rendered, so that it was not checked.

## What it does

Speaks where `{{ … }}`, `<< inputs… >>`, `${…}` or `$(…)` stands in what meshlint reads of an object:
its identity, its labels, Istio's annotations, what selects pods, the specs of the kinds of Istio and
the Gateway API; or where it keeps the text from being YAML. The templates of one Helm chart are one
finding, at its `Chart.yaml`.

Scripts, queries and environment variables of containers, where `$(VAR)` is Kubernetes' own syntax,
the data of ConfigMaps, and the templates of other programs are no templates here.

## Why it matters

What the document turns into is not known. It is left out, and nothing that it may hold counts as
missing: other checks say less about its namespace.

## How to fix it

Render first, and check what comes out: `helm template … | meshlint check -`, `kustomize build`,
`flux build kustomization`, or `envsubst`. If the file is not meant for a cluster, leave it out.
"""

from collections.abc import Iterator

from meshlint import Impact, Mesh, Problem, Severity, TextSubject, Unread, UnreadReason, check


@check(
    doc=__doc__,
    severity=Severity.NOTE,
    impact=Impact.HYGIENE,
    subjects=(TextSubject.UNREAD,),
    since="0.1.0",
)
def unrendered_template(unread: Unread, _: Mesh) -> Iterator[Problem]:
    """Find documents that only rendering makes manifests."""
    if unread.reason is UnreadReason.TEMPLATE:
        yield Problem(unread.message, at=unread.at)
