"""Variables that Flux substitutes after a build: `${NAME}`, as its kustomize-controller reads them."""

import re
from collections.abc import Mapping
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Manifest, Place
from meshlint.source.reading import parse_yaml
from meshlint.source.rendered import SubstitutedManifest

MOST_INSERTED = 1024 * 1024
"""How many characters the values of variables may add to one object."""

_DISABLED = "kustomize.toolkit.fluxcd.io/substitute"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# `$${NAME}` is a literal. What is neither a name nor a name with a default is left as it is.
_VARIABLE = regex(r"\$\$\{|\$\{(?P<name>" + _NAME + r")(?:(?P<how>:?[-=])(?P<default>[^${}]{0,400}))?\}")
# What YAML may take as something else than text once the variable, which was text, is gone.
_NO_TEXT = regex(r"[-+.\w]{1,40}")


class Variables(NamedTuple):
    """
    The values of variables, by name.

    `complete` tells that there are no others: without a value, a variable gets its default or is empty,
    as Flux does it. Otherwise, such as where a Secret holds more, it is left as it is.
    """

    values: Mapping[str, str]
    complete: bool


def substitute(manifest: Manifest, variables: Variables) -> Manifest:
    """
    An object with its variables replaced as far as there are values, keys included.

    The object itself if it opts out, if nothing is to be replaced, or if it would grow beyond bounds.
    """
    for kind in ("labels", "annotations"):
        if manifest.value("metadata", kind, _DISABLED) == "disabled":
            return manifest
    replacing = _Replacing(variables)
    data, place = replacing.node(manifest.data, manifest.place)
    if not replacing.changed or replacing.inserted > MOST_INSERTED:
        return manifest
    return SubstitutedManifest(manifest.file, data, place, manifest.prefix)


class _Replacing:
    """One pass through an object; what aliases share is looked at once."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._known: dict[tuple[int, int], tuple[Any, Place]] = {}
        self.changed = False
        self.inserted = 0

    def node(self, data: Any, place: Place) -> tuple[Any, Place]:  # noqa: ANN401 - YAML holds anything
        match data:
            case str():
                return self._scalar(data), place
            case dict() | list():
                key = id(data), id(place.children)
                if key not in self._known:
                    self._known[key] = self._collection(data, place)
                found, at = self._known[key]
                return found, Place(place.start, place.end, at.children, at.keys)
            case _:
                return data, place

    def _collection(self, data: dict[str, Any] | list[Any], place: Place) -> tuple[Any, Place]:
        return self._mapping(data, place) if isinstance(data, dict) else self._sequence(data, place)

    def _mapping(self, data: dict[str, Any], place: Place) -> tuple[Any, Place]:
        found: dict[str, Any] = {}
        children: dict[str, Place] = {}
        keys: dict[str, tuple[int, int]] = {}
        places = place.children if isinstance(place.children, dict) else {}
        for key, value in data.items():
            name = self._text(key)
            # What a list of a kind gives its items, such as their kind, has no place of its own.
            found[name], children[name] = self.node(value, places.get(key, place))
            if place.keys and key in place.keys:
                keys[name] = place.keys[key]
        return found, Place(place.start, place.end, children, keys)

    def _sequence(self, data: list[Any], place: Place) -> tuple[Any, Place]:
        places = place.children if isinstance(place.children, list) else [place] * len(data)
        pairs = [self.node(value, at) for value, at in zip(data, places, strict=False)]
        return [value for value, _ in pairs], Place(place.start, place.end, [at for _, at in pairs])

    def _scalar(self, text: str) -> Any:  # noqa: ANN401 - YAML holds anything
        replaced = self._text(text)
        if replaced == text or not _NO_TEXT.fullmatch(replaced):
            return replaced
        value = parse_yaml(replaced)
        return replaced if isinstance(value, dict | list) else value

    def _text(self, text: str) -> str:
        if "${" not in text or self.inserted > MOST_INSERTED:
            return text
        return _VARIABLE.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        value = self._found(match)
        if value is None:
            return match.group()
        self.changed = True
        self.inserted += len(value)
        return value if self.inserted <= MOST_INSERTED else ""

    def _found(self, match: re.Match[str]) -> str | None:
        if match["name"] is None:
            return None
        value = self._variables.values.get(match["name"])
        if value is None and not self._variables.complete:
            return None
        if value is None or (value == "" and match["how"] in (":-", ":=")):
            return match["default"] or ""
        return value
