"""The environment variables by which istiod's features are switched."""

from collections.abc import Iterator, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.values import Values
from meshlint.model.fields import as_text
from meshlint.model.kind import DEPLOYMENT
from meshlint.model.kinds.workload import Workload
from meshlint.source.document import Location

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def parse_bool(text: str) -> bool | None:
    """Go's strconv.ParseBool; None for what it rejects."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def istiod_switch(graph: ResourceGraph, values: Sequence[Values], name: str) -> Derived[bool] | None:
    """
    Whether istiod runs with a switch on; None where the manifests do not set it.

    istiod's own `env`, else `pilot.env` or `env` of its chart
    (istio `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`).
    """
    for text, at in (*_rendered(graph, name), *_charts(values, name)):
        value = parse_bool(text)
        if value is not None:
            return Derived(value, (Cause(f"istiod runs with {name}={text}", at),))
    return None


def _rendered(graph: ResourceGraph, name: str) -> Iterator[tuple[str, Location]]:
    for workload in graph.of_kind(DEPLOYMENT):
        if isinstance(workload, Workload) and workload.pod_labels.get("app") == "istiod":
            for container in workload.containers:
                if name in container.env:
                    yield container.env[name], workload.at(*container.path, "env")


def _charts(values: Sequence[Values], name: str) -> Iterator[tuple[str, Location]]:
    for held in values:
        prefixes = {"*": ((),), "istiod": ((),), "ambient": (("istiod",),)}.get(held.chart, ())
        for prefix in prefixes:
            for path in ((*prefix, "pilot", "env", name), (*prefix, "env", name)):
                found = held.get(*path)
                if found is not None:
                    yield as_text(found), held.at(*path)
