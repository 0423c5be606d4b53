"""Template syntax that nobody has rendered yet: where it stands, and whether it matters."""

import re
from collections.abc import Iterator
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import FieldPath, Manifest


class Template(NamedTuple):
    """A stretch of template syntax, by offsets, and what to tell of it."""

    start: int
    end: int
    message: str


def may_hold_template(text: str, start: int, end: int) -> bool:
    """Tell quickly that a document holds no template syntax at all."""
    # One character is found many times as fast as two.
    return (
        text.find("{{", start, end) >= 0
        or (text.find("<", start, end) >= 0 and text.find("<<", start, end) >= 0)
        or (
            text.find("$", start, end) >= 0
            and (text.find("${", start, end) >= 0 or text.find("$(", start, end) >= 0)
        )
    )


def find_template(manifest: Manifest) -> Template | None:
    """
    Find the first template syntax in what meshlint reads of an object.

    Identity, labels, Istio's annotations, what selects pods, and the specs of the kinds of Istio
    and Gateway API count; scripts, queries, environment and other projects' templates do not.
    """
    for value, path, is_key in _read_parts(manifest.data):
        found = _template_at(value, path, manifest, is_key=is_key)
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
_CONTROL_LINE = regex(r"(?:---)?|#.*|\{%.*%\}|\{\{-?\s*" + _CONTROL + r".*\}\}")
_EXPRESSION = r"\{\{[^\r\n]{0,400}?\}\}"
_STATEMENT = r"\{%[^\r\n]{0,400}?%\}"
_OPEN_EXPRESSION = r"\{\{-? *(?:/\*|[a-zA-Z.$\"(])[^\r\n]{0,400}"
_INPUTS = r"<<-?[ \t]*inputs\b[^\r\n]{0,400}?>>"
_VARIABLE = r"(?<!\$)\$\{[A-Za-z_][^}\r\n]{0,400}\}|(?<!\$)\$\([A-Za-z_][\w.-]{0,400}\)"
_TEMPLATE = regex(f"{_EXPRESSION}|{_INPUTS}|{_VARIABLE}")
_BREAKING = tuple(map(regex, (_EXPRESSION, _STATEMENT, _INPUTS, _OPEN_EXPRESSION)))
_HELM = regex(
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

_Part = tuple[Any, FieldPath, bool]


def _read_parts(data: dict[str, Any]) -> Iterator[_Part]:
    """Each scalar, each mapping and each key that meshlint reads, with its path, and whether it is a key."""
    kind = data.get("kind") if isinstance(data.get("kind"), str) else ""
    yield from _down(data, (), ("apiVersion",))
    yield from _down(data, (), ("kind",))
    yield from _metadata_parts(data, (), any_label=kind == "Pod")
    if _group(data) in _MESH_GROUPS:
        for value, spec in _last(data, (), ("spec",)):
            yield from _all_parts(value, spec, _FOREIGN_TEXT.get(str(kind), frozenset()))
    if kind == "Service":
        yield from _down(data, (), ("spec",))
        for value, selector in _last(data, (), ("spec", "selector")):
            yield from _all_parts(value, selector, frozenset())
    if kind in _POD_TEMPLATES:
        yield from _down(data, (), _POD_TEMPLATES[str(kind)])
        for value, template in _last(data, (), _POD_TEMPLATES[str(kind)]):
            yield from _metadata_parts(value, template, any_label=True)


def _group(data: dict[str, Any]) -> str:
    return str(data.get("apiVersion")).partition("/")[0]


def _metadata_parts(data: Any, at: FieldPath, *, any_label: bool) -> Iterator[_Part]:  # noqa: ANN401 - YAML holds anything
    yield from _down(data, at, ("metadata", "name"))
    yield from _down(data, at, ("metadata", "namespace"))
    for name in ("labels", "annotations"):
        yield from _down(data, at, ("metadata", name))
        for entries, path in _last(data, at, ("metadata", name)):
            for key, value in entries.items() if isinstance(entries, dict) else ():
                wanted = "istio" in key or (any_label and name == "labels")
                if wanted or (name == "labels" and _TEMPLATE.search(key)):
                    yield key, (*path, key), True
                if wanted:
                    yield value, (*path, key), False


def _down(data: Any, at: FieldPath, path: tuple[str, ...]) -> Iterator[_Part]:  # noqa: ANN401 - YAML holds anything
    """What stands on the way to a field, and the field itself."""
    for length in range(1, len(path) + 1):
        for value, child in _last(data, at, path[:length]):
            yield value, child, False


def _last(data: Any, at: FieldPath, path: tuple[str, ...]) -> Iterator[tuple[Any, FieldPath]]:  # noqa: ANN401 - YAML holds anything
    for step in path:
        if not (isinstance(data, dict) and step in data):
            return
        data = data[step]
    yield data, (*at, *path)


def _all_parts(
    data: Any,  # noqa: ANN401 - YAML holds anything
    at: FieldPath,
    foreign: frozenset[str],
) -> Iterator[_Part]:
    yield data, at, False
    if isinstance(data, dict):
        for name, value in data.items():
            yield name, (*at, name), True
            if name not in foreign:
                yield from _all_parts(value, (*at, name), foreign)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _all_parts(value, (*at, index), foreign)


def _template_at(value: object, path: FieldPath, manifest: Manifest, *, is_key: bool) -> Template | None:
    """
    Template syntax in a scalar or key, or an unquoted expression.

    `name: {{ .Values.name }}` is YAML: a mapping whose key is a mapping.
    """
    text = manifest.file.text
    if isinstance(value, dict):
        if not any(key.startswith("{") for key in value):
            return None
        start, end = _offsets(manifest, path, is_key=False)
        return _template(text[start:end], start) if text.startswith("{{", start, end) else None
    if not (isinstance(value, str) and (match := _TEMPLATE.search(value))):
        return None
    start, end = _offsets(manifest, path, is_key=is_key)
    written = _TEMPLATE.search(text, start, end)
    if written:
        return _template(written.group(), written.start())
    return Template(start, max(end, start), _template(match.group(), 0).message)


def _offsets(manifest: Manifest, path: FieldPath, *, is_key: bool) -> tuple[int, int]:
    """Start and end of a value, or of its key."""
    place = manifest.at(*(path[:-1] if is_key else path)).place or manifest.place
    if is_key and place.keys:
        return place.keys[str(path[-1])]
    return place.start, place.end


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
