"""
A label, annotation or variable is a YAML boolean or number, so that Kubernetes refuses the object.

## What it does

Looks at labels, annotations and label selectors wherever meshlint reads them, at `env` of containers, at the
data of ConfigMaps, and at `proxyMetadata` in the values that Istio is installed with. Words that
YAML 1.1 takes for booleans count: `yes`, `no`, `y`, `n`, `on`, `off`. An empty value reads as the empty text,
and is left alone.

## Why it matters

Kubernetes takes nothing but text there: `istio.io/ingress-use-waypoint: true` makes the API server
refuse the whole object, and a boolean in `proxyMetadata` makes a mesh configuration that istiod
cannot read. What is in the cluster stays as it was.

## How to fix it

Put quotes around the value: `"true"`. The fix quotes the text exactly as it is written.
"""

from collections.abc import Iterator

from meshlint import Fix, Impact, Location, Malformed, Mesh, Problem, Resource, Severity, check, kind
from meshlint_checks.manifest._entries import selectors
from meshlint_checks.manifest._scalars import as_written, quote, type_of, unquoted_noun

_PROXY_METADATA = ("meshConfig", "defaultConfig", "proxyMetadata")
_WITH_VALUES = frozenset(
    (
        kind.ISTIO_OPERATOR,
        kind.SAIL_ISTIO,
        kind.HELM_RELEASE,
        kind.ARGO_APPLICATION,
    )
)


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.INEFFECTIVE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def unquoted_label_value(resource: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find booleans and numbers where Kubernetes takes only text."""
    for malformed in (*resource.malformed, *_in_selectors(resource)):
        noun = unquoted_noun(malformed)
        if noun is not None:
            what = f"{noun} {_name(resource, malformed)!r}"
            yield _problem(what, resource.at(*malformed.path), malformed.found)
    if resource.kind in _WITH_VALUES:
        for name, value, at in _proxy_metadata(resource, mesh):
            yield _problem(f"proxyMetadata {name!r}", at, value, "istiod cannot read the configuration")


def _in_selectors(resource: Resource) -> Iterator[Malformed]:
    """What is malformed in selectors that are not decoded."""
    for entries in selectors(resource) if resource.kind != kind.SERVICE else ():
        for key, value in entries.written.items():
            if isinstance(value, bool | int | float):
                yield Malformed((*entries.path, key), "text", value)


def _problem(
    what: str, at: Location, found: object, effect: str = "the Kubernetes API refuses the object"
) -> Problem:
    written = as_written(at)
    shown = f" ({written})" if "\n" not in written else ""
    return Problem(
        f"{what} is {type_of(found)}{shown}, not text: {effect}",
        at=at,
        fix=Fix("quote the value", quote(at), safe=True),
    )


def _name(resource: Resource, malformed: Malformed) -> str:
    match malformed.path:
        case (*env, "value") if env[-2:-1] == ["env"]:
            return str(resource.manifest.value(*env, "name"))
        case (*_, key):
            return str(key)
        case _:
            return ""


def _proxy_metadata(resource: Resource, mesh: Mesh) -> Iterator[tuple[str, object, Location]]:
    ways = [(*values.path, *_PROXY_METADATA) for values in mesh.chart_values if values.resource is resource]
    if resource.kind == kind.ISTIO_OPERATOR:
        ways.append(("spec", *_PROXY_METADATA))
    for way in ways:
        metadata = resource.manifest.value(*way)
        for name, value in metadata.items() if isinstance(metadata, dict) else ():
            if isinstance(value, bool | int | float):
                yield name, value, resource.at(*way, name)
