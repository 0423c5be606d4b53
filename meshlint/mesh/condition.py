"""Conditions in the status of an object: those that istiod will write, and those that it has written."""

from collections.abc import Iterator, Sequence

from meshlint.model.resource import Resource
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location


class PredictedCondition(NamedTuple):
    """
    A condition as istiod writes it after apply: type, status, reason and message, in its own words.

    `status` is `True`, `False` or `Unknown`. An odd combination is istiod's: a headless Service
    is bound although nothing uses the waypoint.
    """

    type: str
    status: str
    reason: str
    message: str


class WrittenCondition(NamedTuple):
    """A condition that stands in the status of an object of a cluster, and where its reason stands."""

    type: str
    status: str
    reason: str
    message: str
    at: Location


Condition = PredictedCondition | WrittenCondition


def written_conditions(resource: Resource, path: FieldPath = ("status",)) -> tuple[WrittenCondition, ...]:
    """
    The conditions of an object that was read from a cluster: all, or those below some part of its status.

    A status in a manifest is nobody's word. What was written about an older generation of the
    object is left out: it is about to change.
    """
    if not resource.head.live:
        return ()
    return tuple(_written(resource, (*path, "conditions")))


def confirmed(
    predicted: Sequence[PredictedCondition], written: Sequence[WrittenCondition]
) -> tuple[Condition, ...]:
    """What istiod says of an object: what it has written, and of the other types what it will write."""
    told = {condition.type for condition in written}
    return (*written, *(condition for condition in predicted if condition.type not in told))


def _written(resource: Resource, path: FieldPath) -> Iterator[WrittenCondition]:
    conditions = resource.manifest.value(*path)
    generation = _number(resource.manifest.value("metadata", "generation"))
    observed = _number(resource.manifest.value("status", "observedGeneration"))
    for index, condition in enumerate(conditions if isinstance(conditions, list) else ()):
        match condition:
            case {"type": str(kind), "status": str(status)}:
                told_about = _number(condition.get("observedGeneration")) or observed
                if not (generation and told_about and told_about < generation):
                    reason, message = condition.get("reason", ""), condition.get("message", "")
                    at = resource.at(*path, index, "reason")
                    yield WrittenCondition(kind, status, str(reason), str(message), at)
            case _:
                pass


def _number(value: object) -> int | None:
    """A generation; in Istio's own status it is a text."""
    match value:
        case int():
            return value
        case str() if value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - 64 bits
            return int(value)
        case _:
            return None
