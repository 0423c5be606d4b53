"""`sets` for scripts, version 1: what was decided on each manifest set."""

import json
from collections.abc import Sequence
from typing import Any

from meshlint.graph.decided import DecidedSet
from meshlint.report.json_report import location
from meshlint.source.decision import Decision

_VERSION = 1
_HOW = {
    Decision.SETTINGS: "settings",
    Decision.FLUX: "flux",
    Decision.ARGO_CD: "argo-cd",
    Decision.BUILT: "kustomize",
    Decision.READ: "kustomization",
    Decision.CHART: "helm",
    Decision.FILES: "files",
    Decision.DIRECTORY: "directory",
    Decision.ALTERNATIVE: "alternative",
}


def render(decided: Sequence[DecidedSet], program: str | None) -> str:
    """Write what was decided as one JSON object; `program` is what builds kustomizations."""
    report = {"version": _VERSION, "built_by": program, "sets": [_set(one) for one in decided]}
    return json.dumps(report, indent=2) + "\n"


def _set(one: DecidedSet) -> dict[str, Any]:
    because = one.manifest_set.because
    return {
        "name": one.manifest_set.name,
        "decided_by": _HOW.get(one.manifest_set.decision, one.manifest_set.decision.name.lower()),
        "because": location(because) if because else None,
        "files": len(one.files),
        "objects": len(one.resources),
        "without_namespace": len(one.without_namespace),
        "closed_namespaces": list(one.closed),
        "open_namespaces": [{"name": name, "why": why} for name, why in one.open.items()],
        "not_built": [
            {"message": refusal.why, "location": location(refusal.at)}
            for refusal in one.manifest_set.not_built
        ],
        "not_read": [{"message": it.message, "location": location(it.at)} for it in one.unread],
    }
