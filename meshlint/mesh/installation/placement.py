"""Where each installer of Istio reads its values, and which values stand where none does."""

from collections.abc import Iterator, Mapping

from meshlint.mesh.changes import VALUES_AT_THE_TOP
from meshlint.mesh.installation.control_plane import is_installation
from meshlint.mesh.installation.value_keys import (
    CHART_KEYS,
    CNI_OWN,
    COMPONENTS,
    HOME,
    ISTIOD_OWN,
    OF_EACH,
    OPERATOR_KEYS,
    OPERATOR_VALUES,
    OTHER_NAMES,
    OWN,
    SAIL_HOMES,
    SAIL_KEYS,
    SAIL_VALUES,
    SUBCHARTS,
    ZTUNNEL_OWN,
)
from meshlint.mesh.installation.values import Values, values_of
from meshlint.model import kind as k
from meshlint.model.resource import Resource
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location


class MisplacedValue(NamedTuple):
    """
    A value under a path that its installer does not read.

    `written` is the path from the top of what `reader` gets, `meant` where that reads such a value. With
    `is_refused` the reader stops there instead of ignoring it.
    """

    at: Location
    written: str
    meant: str
    reader: str
    is_refused: bool = False


def misplaced_values(
    resource: Resource, version: IstioVersion, *, version_known: bool
) -> tuple[MisplacedValue, ...]:
    """
    The values of an object that stand where nothing reads them.

    Only such as are told for certain: a slip of a known key, one that belongs elsewhere, one level too many.
    istio `manifests/charts/*/values.yaml`, 1.22 to 1.32; `operator/pkg/apis/types.go` and
    `values_types.proto`; sail-operator `api/v1`.
    """
    if not is_installation(resource):
        return ()
    if resource.kind == k.ISTIO_OPERATOR:
        return tuple(_of_operator(resource))
    if resource.kind in SAIL_VALUES:
        return tuple(_of_sail(resource))
    return tuple(
        found
        for held in values_of(resource)
        for chart, way in _charts_in(held)
        for found in _of_chart(held, chart, way, version if version_known else None)
    )


def _charts_in(held: Values) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The charts that values are for, with the way to the part of each."""
    if held.chart == "ambient":
        yield from ((chart, (chart,)) for chart in SUBCHARTS)
    else:
        yield held.chart, ()


def _of_chart(
    held: Values, chart: str, way: tuple[str, ...], version: IstioVersion | None
) -> Iterator[MisplacedValue]:
    known, reader = CHART_KEYS[chart], f"chart {chart!r}"
    for key, value in _entries(held, way):
        path = (*way, key)
        meant = _meant(chart, key, value)
        if key == "defaults" and (version is None or VALUES_AT_THE_TOP.holds(version)):
            yield _misplaced(held, path, "the top", reader, is_refused=True)
        elif key in known or key == "defaults":
            too_early = version is not None and not VALUES_AT_THE_TOP.holds(version)
            if too_early and chart in HOME and key in _read_at_home(chart):
                yield _misplaced(held, path, ".".join((*way, HOME[chart], key)), f"{reader} before 1.24")
        elif meant is not None:
            yield _misplaced(held, path, meant, reader)
    if chart in HOME:
        yield from _of_home(held, chart, (*way, HOME[chart]))


def _of_home(held: Values, chart: str, way: tuple[str, ...]) -> Iterator[MisplacedValue]:
    """What stands under the key of a chart's own settings and is none of them."""
    for key, value in _entries(held, way):
        if key in OWN[chart] or key in OF_EACH:
            continue
        if key == "values" and isinstance(value, Mapping):
            yield _misplaced(held, (*way, key), ".".join(way), f"chart {chart!r}")
        elif slip := nearest(key, OWN[chart]):
            yield _misplaced(held, (*way, key), ".".join((*way, slip)), f"chart {chart!r}")


def _read_at_home(chart: str) -> frozenset[str]:
    """The settings that before 1.24 had to stand under a key of their own."""
    return OWN[chart] - {"env"} if chart == "cni" else OWN[chart] - {"cni"}


def _meant(chart: str, key: str, value: object) -> str | None:
    """Where a chart reads what stands under a key that it does not know; None where that cannot be told."""
    if isinstance(value, Mapping) and key in ("values", chart):
        return "the top"
    return nearest(key, CHART_KEYS[chart])


def _of_operator(operator: Resource) -> Iterator[MisplacedValue]:
    """Istioctl knows each field: what it does not know, it refuses."""
    for key, path in _keys(operator, "spec"):
        if key not in OPERATOR_KEYS and (meant := _operator_field(key)):
            yield _refused(operator, path, meant)
    for key, path in _keys(operator, "spec", "components"):
        if key not in COMPONENTS and (name := OTHER_NAMES.get(key) or nearest(key, COMPONENTS)):
            yield _refused(operator, path, f"spec.components.{name}")
    for key, path in _keys(operator, "spec", "values"):
        if key not in OPERATOR_VALUES and (meant := _operator_value(key)):
            yield _refused(operator, path, meant)


def _operator_field(key: str) -> str | None:
    if name := OTHER_NAMES.get(key, key if key in COMPONENTS else None):
        return f"spec.components.{name}"
    if key in OPERATOR_VALUES:
        return f"spec.values.{key}"
    slip = nearest(key, OPERATOR_KEYS)
    return f"spec.{slip}" if slip else None


def _operator_value(key: str) -> str | None:
    if key in CNI_OWN - ISTIOD_OWN - ZTUNNEL_OWN:
        return f"spec.values.cni.{key}"
    if key in ISTIOD_OWN - CNI_OWN - ZTUNNEL_OWN:
        return f"spec.values.pilot.{key}"
    slip = nearest(key, OPERATOR_VALUES)
    return f"spec.values.{slip}" if slip else None


def _refused(operator: Resource, path: FieldPath, meant: str) -> MisplacedValue:
    return MisplacedValue(operator.at(*path), _dotted(path), meant, "istioctl", is_refused=True)


def _of_sail(resource: Resource) -> Iterator[MisplacedValue]:
    """The API server drops what the schema of Sail's kinds does not know, or refuses it."""
    known = SAIL_VALUES[resource.kind]
    home, own = SAIL_HOMES[resource.kind]
    reader = f"kind {resource.kind.name}"
    for key, path in _keys(resource, "spec"):
        if key not in SAIL_KEYS:
            slip = nearest(key, SAIL_KEYS)
            meant = f"spec.values.{key}" if key in known else f"spec.{slip}" if slip else None
            if meant:
                yield MisplacedValue(resource.at(*path), _dotted(path), meant, reader)
    for key, path in _keys(resource, "spec", "values"):
        if key not in known:
            slip = nearest(key, known)
            meant = f"spec.values.{home}.{key}" if key in own else f"spec.values.{slip}" if slip else None
            if meant:
                yield MisplacedValue(resource.at(*path), _dotted(path), meant, reader)


def _misplaced(
    held: Values, path: tuple[str, ...], meant: str, reader: str, *, is_refused: bool = False
) -> MisplacedValue:
    return MisplacedValue(held.at(*path), ".".join(path), meant, reader, is_refused)


def _entries(held: Values, way: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    entries = held.get(*way) if way else held.data
    yield from entries.items() if isinstance(entries, Mapping) else ()


def _keys(resource: Resource, *way: str) -> Iterator[tuple[str, FieldPath]]:
    entries = resource.manifest.value(*way)
    for key in entries if isinstance(entries, dict) else ():
        yield key, (*way, key)


def _dotted(path: FieldPath) -> str:
    return ".".join(map(str, path))
