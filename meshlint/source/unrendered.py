"""Template syntax that nobody has rendered yet: where it stands, and whether it matters."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from meshlint.source.document import Manifest, Place


class Template(NamedTuple):
    """A stretch of template syntax, by offsets, and what to tell of it."""

    start: int
    end: int
    message: str


def may_hold_template(text: str, start: int, end: int) -> bool:
    """Tell quickly that a document holds no template syntax at all."""
    return any(text.find(opening, start, end) >= 0 for opening in ("{{", "<<", "${", "$("))


def find_template(manifest: Manifest) -> Template | None:
    """
    Find the first template syntax in what meshlint reads of an object.

    Identity, labels, Istio's annotations, what selects pods, and the specs of the kinds of Istio
    and Gateway API count; scripts, queries, environment and other projects' templates do not.
    """
    for value, place, key in _read_parts(manifest.data, manifest.place):
        found = _template_at(value, place, key, manifest.file.text)
        if found is not None:
            return found
    return None


def find_template_in_text(text: str, start: int, end: int) -> Template | None:
    """Find the first template syntax that can keep a text from being YAML."""
    found = [match for pattern in _BREAKING if (match := pattern.search(text, start, end))]
    if not found:
        return None
    first = min(found, key=lambda match: match.start())
    return _template(first.group(), first.start())


def holds_only_control(text: str, start: int, end: int) -> bool:
    """Tell that a text is nothing but the beginning or end of a condition or loop."""
    return all(_CONTROL_LINE.fullmatch(line.strip()) for line in text[start:end].splitlines())


_CONTROL = r"(?:(?:end|else|if|with|range|define|block)\b|/\*|\$\w+\s*:?=)"
_CONTROL_LINE = re.compile(r"(?:---)?|#.*|\{%.*%\}|\{\{-?\s*" + _CONTROL + r".*\}\}")
_EXPRESSION = r"\{\{[^\r\n]{0,400}?\}\}"
_STATEMENT = r"\{%[^\r\n]{0,400}?%\}"
_OPEN_EXPRESSION = r"\{\{-? *(?:/\*|[a-zA-Z.$\"(])[^\r\n]{0,400}"
_INPUTS = r"<<-?[ \t]*inputs\b[^\r\n]{0,400}?>>"
_VARIABLE = r"(?<!\$)\$\{[A-Za-z_][^}\r\n]{0,400}\}|(?<!\$)\$\([A-Za-z_][\w.-]{0,400}\)"
_TEMPLATE = re.compile(f"{_EXPRESSION}|{_INPUTS}|{_VARIABLE}")
_BREAKING = tuple(map(re.compile, (_EXPRESSION, _STATEMENT, _INPUTS, _OPEN_EXPRESSION)))
_HELM = re.compile(
    r"\.(?:Values|Release|Chart|Capabilities|Files)\b|\b(?:include|template|toYaml|nindent|define|range|with|tpl)\b"
)
_LONGEST_SHOWN = 60

_MESH_GROUPS = frozenset(
    (
        "gateway.networking.k8s.io",
        "networking.istio.io",
        "security.istio.io",
        "telemetry.istio.io",
        "extensions.istio.io",
    )
)
_FOREIGN_TEXT = {
    "EnvoyFilter": frozenset(("value",)),
    "WasmPlugin": frozenset(("pluginConfig",)),
    "Telemetry": frozenset(("expression", "value")),
}
_POD_TEMPLATES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "DaemonSet",
            "Deployment",
            "DeploymentConfig",
            "Job",
            "ReplicaSet",
            "ReplicationController",
            "Rollout",
            "StatefulSet",
        ),
        ("spec", "template"),
    ),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}

_Part = tuple[Any, Place, tuple[int, int] | None]


def _read_parts(data: dict[str, Any], place: Place) -> Iterator[_Part]:
    """Each scalar and each mapping that meshlint reads, with its place and that of its key."""
    kind = data.get("kind") if isinstance(data.get("kind"), str) else ""
    yield from _down(data, place, ("apiVersion",))
    yield from _down(data, place, ("kind",))
    yield from _metadata_parts(data, place, any_label=kind == "Pod")
    if _group(data) in _MESH_GROUPS:
        for value, spec in _last(data, place, ("spec",)):
            yield from _all_parts(value, spec, None, _FOREIGN_TEXT.get(str(kind), frozenset()))
    if kind == "Service":
        yield from _down(data, place, ("spec",))
        for value, selector in _last(data, place, ("spec", "selector")):
            yield from _all_parts(value, selector, None, frozenset())
    if kind in _POD_TEMPLATES:
        yield from _down(data, place, _POD_TEMPLATES[str(kind)])
        for value, template in _last(data, place, _POD_TEMPLATES[str(kind)]):
            yield from _metadata_parts(value, template, any_label=True)


def _group(data: dict[str, Any]) -> str:
    return str(data.get("apiVersion")).partition("/")[0]


def _metadata_parts(data: Any, place: Place, *, any_label: bool) -> Iterator[_Part]:  # noqa: ANN401 - YAML holds anything
    yield from _down(data, place, ("metadata", "name"))
    yield from _down(data, place, ("metadata", "namespace"))
    for name in ("labels", "annotations"):
        yield from _down(data, place, ("metadata", name))
        for entries, holder in _last(data, place, ("metadata", name)):
            if not (isinstance(entries, dict) and isinstance(holder.children, dict)):
                continue
            for key, value in entries.items():
                span = (holder.keys or {}).get(key)
                wanted = "istio" in key or (any_label and name == "labels")
                if wanted or (name == "labels" and _TEMPLATE.search(key)):
                    yield key, holder.children[key], span
                if wanted:
                    yield value, holder.children[key], None


def _down(data: Any, place: Place, path: tuple[str, ...]) -> Iterator[_Part]:  # noqa: ANN401 - YAML holds anything
    """What stands on the way to a field, and the field itself."""
    for length in range(1, len(path) + 1):
        for value, child in _last(data, place, path[:length]):
            yield value, child, None


def _last(data: Any, place: Place, path: tuple[str, ...]) -> Iterator[tuple[Any, Place]]:  # noqa: ANN401 - YAML holds anything
    for step in path:
        if not (isinstance(data, dict) and isinstance(place.children, dict) and step in place.children):
            return
        data, place = data[step], place.children[step]
    yield data, place


def _all_parts(
    data: Any,  # noqa: ANN401 - YAML holds anything
    place: Place,
    key: tuple[int, int] | None,
    foreign: frozenset[str],
) -> Iterator[_Part]:
    yield data, place, key
    if isinstance(data, dict) and isinstance(place.children, dict):
        for name, value in data.items():
            yield name, place.children[name], (place.keys or {}).get(name)
            if name not in foreign:
                yield from _all_parts(value, place.children[name], None, foreign)
    elif isinstance(data, list) and isinstance(place.children, list):
        for value, child in zip(data, place.children, strict=True):
            yield from _all_parts(value, child, None, foreign)


def _template_at(value: object, place: Place, key: tuple[int, int] | None, text: str) -> Template | None:
    """
    Template syntax in a scalar or key, or an unquoted expression.

    `name: {{ .Values.name }}` is YAML: a mapping whose key is a mapping.
    """
    start, end = key or (place.start, place.end)
    if isinstance(value, dict):
        return _template(text[start:end], start) if text.startswith("{{", start, end) else None
    if not (isinstance(value, str) and (match := _TEMPLATE.search(value))):
        return None
    written = _TEMPLATE.search(text, start, end)
    if written:
        return _template(written.group(), written.start())
    return Template(start, max(end, start), _template(match.group(), 0).message)


def _template(written: str, start: int) -> Template:
    shown = re.split(r"[\r\n]", written, maxsplit=1)[0]
    name = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
    if shown.startswith("$"):
        message = f"variable `{name}` is not substituted: this document was not checked"
    else:
        message = f"{_dialect(shown)} `{name}` is not rendered: this document was not checked"
    return Template(start, start + len(shown), message)


def _dialect(written: str) -> str:
    if written.startswith("<<"):
        return "Flux template syntax"
    return "Helm template syntax" if _HELM.search(written) else "template syntax"
