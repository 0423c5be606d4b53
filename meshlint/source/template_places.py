"""
Where in a template the fields of an object stand that was made of it.

A field stands at the line that writes its key, and its value where that is written too; a line that only puts
something in stands for whatever the object has there and no line of the template writes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from meshlint.source.document import Place
from meshlint.source.template_lines import BLOCK_SCALAR, Node, first_line, fits, objects, parts_of

_MOST_STEPS = 100_000
# What an object must have in common with the lines that it was made of, and what only tells them apart.
_IS_SAME, _MAY_BE = 3, 1
_WEIGHT_OF_NAME, _WEIGHT_OF_NAMESPACE = 100, 10
_WORDS = {"True": "true", "False": "false", "None": "null"}


class TemplatePlaces:
    """The lines of one template. `values` are those of its chart, to tell which line puts what in."""

    def __init__(self, text: str, values: Sequence[Mapping[str, Any]] = ()) -> None:
        self._text = text
        self._values = values
        self._steps = 0
        self._objects = [nodes for nodes in objects(text) if nodes]

    def place(self, data: Mapping[str, Any]) -> Place:
        """The place of an object made of the template, with those of its fields that its lines tell of."""
        self._steps = 0
        found = [self._object(nodes, data) for nodes in self._of_kind(data.get("kind"))]
        if found:
            return max(found, key=lambda entry: entry[0])[1]
        first = next((node for nodes in self._objects for node in nodes if node.is_insertion), None)
        return Place(*first.span) if first is not None else Place(0, len(first_line(self._text)))

    def _of_kind(self, kind: object) -> list[list[Node]]:
        """The lines of objects of a kind; if there are none, of those whose kind is put in."""
        written: list[list[Node]] = []
        templated: list[list[Node]] = []
        for nodes in self._objects:
            kinds = [node.text for node in nodes if node.key == "kind"]
            if kind in kinds:
                written.append(nodes)
            elif any("{{" in each for each in kinds):
                templated.append(nodes)
        return written or templated

    def _object(self, nodes: Sequence[Node], data: Mapping[str, Any]) -> tuple[int, Place]:
        score, place = self._mapping(nodes, data)
        metadata = data.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        for holder in (node for node in nodes if node.key == "metadata"):
            for key, weight in (("name", _WEIGHT_OF_NAME), ("namespace", _WEIGHT_OF_NAMESPACE)):
                named = [node for node in holder.children if node.key == key]
                if named and key in metadata:
                    score += weight * max(_likeness(node, metadata[key]) for node in named)
        return score, place

    def _mapping(self, nodes: Sequence[Node], data: Mapping[str, Any]) -> tuple[int, Place]:
        self._steps += len(nodes)
        total = 0
        children: dict[str, Place] = {}
        keys: dict[str, tuple[int, int]] = {}
        by_key: dict[str | None, list[Node]] = {}
        for node in nodes:
            by_key.setdefault(node.key, []).append(node)
        others = [node for node in nodes if node.parts is not None or node.is_insertion]
        for key, value in data.items() if self._steps < _MOST_STEPS else ():
            entries = by_key.get(key) or self._others(others, key)
            if entries:
                score, place, node = self._best(entries, value)
                total += score
                children[key] = place
                keys[key] = node.span
        spans = [node.span for node in nodes] or [(0, 0)]
        return total, Place(spans[0][0], spans[-1][1], children, keys)

    def _others(self, nodes: Sequence[Node], key: str) -> list[Node]:
        """What may write a key that no line spells out: a key with an action in it, else what is put in."""
        self._steps += len(nodes)
        if self._steps > _MOST_STEPS:
            return []
        fitting = [node for node in nodes if node.parts is not None and fits(node.parts, key)]
        if fitting:
            return [max(fitting, key=lambda node: sum(map(len, node.parts or ())))]
        inserted = [node for node in nodes if node.is_insertion]
        known = [node for node in inserted if self._holds(node, key)]
        unknown = [node for node in inserted if node.values is None]
        return (known or unknown or inserted)[:1]

    def _holds(self, node: Node, key: str) -> bool:
        """Whether the values that a line puts in have a key."""
        path = node.values
        return path is not None and any(key in _below(values, path) for values in self._values)

    def _sequence(self, nodes: Sequence[Node], items: Sequence[Any]) -> tuple[int, Place]:
        total, places = 0, []
        candidates = [node for node in nodes if node.is_item]
        inserted = [node for node in nodes if node.is_insertion]
        for index, item in enumerate(items):
            possible = [node for node in candidates if _may_be(node, item)]
            self._steps += len(candidates)
            if self._steps > _MOST_STEPS:
                candidates = []
            # Of lines that are as likely as others the one in the same position, or the only one, of a loop.
            if len(candidates) == len(items) and candidates[index] in possible:
                possible.insert(0, candidates[index])
            score, place, _ = self._best(possible or inserted or [nodes[0]], item)
            total += score
            places.append(place)
        return total, Place(nodes[0].span[0], nodes[-1].span[1], places)

    def _best(self, entries: Sequence[Node], value: object) -> tuple[int, Place, Node]:
        found = ((*self._value(node, value), node) for node in entries)
        return max(found, key=lambda entry: entry[0])

    def _value(self, node: Node, value: object) -> tuple[int, Place]:
        self._steps += 1
        if node.is_insertion or self._steps > _MOST_STEPS:
            return 0, Place(*node.span)
        match value:
            case dict() if node.children:
                return self._mapping(node.children, value)
            case list() if any(child.is_item or child.is_insertion for child in node.children):
                return self._sequence(node.children, value)
            case _:
                return _likeness(node, value), Place(*node.value)


def _may_be(node: Node, item: object) -> bool:
    """Whether an item of a list can be the one that a line begins, as far as names tell."""
    if not isinstance(item, dict):
        return _likeness(node, item) >= 0
    names = [child for child in node.children if child.key == "name"]
    return not names or any(_likeness(name, item.get("name")) >= 0 for name in names)


def _below(values: object, path: Sequence[str]) -> Mapping[str, Any]:
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _likeness(node: Node, value: object) -> int:
    """How much what a line writes speaks for a value: less than nothing if it is another."""
    if isinstance(value, dict | list) or not node.written:
        return 0
    spelled = _WORDS.get(str(value), str(value)) if value is None or isinstance(value, bool) else str(value)
    if BLOCK_SCALAR.fullmatch(node.text):
        return 0
    if "{{" in node.text:
        return _MAY_BE if fits(parts_of(node.text), spelled) else -_IS_SAME
    if node.text in (spelled, str(value)):
        return _IS_SAME
    # What goes on in the next lines only begins the same.
    begins = " ".join(spelled.split()).startswith(node.text.lstrip("\"'"))
    return _MAY_BE if begins else -_IS_SAME
