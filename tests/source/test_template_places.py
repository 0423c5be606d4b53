"""Which line of a template made a field, where nothing can be parsed."""

import time

import pytest

from meshlint.source.document import Manifest
from meshlint.source.template_places import TemplatePlaces
from meshlint.source.text import SourceFile

HEAD = "apiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n"
DATA = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart"}}


def line(text: str, data: dict, *path: str | int, values: dict | None = None) -> int:
    """The line that a field of an object stands at."""
    place = TemplatePlaces(text, [values or {}]).place(data)
    return Manifest(SourceFile("a.yaml", text), data, place).at(*path).span.start_line


def with_labels(**labels: str) -> dict:
    return {**DATA, "metadata": {"name": "cart", "labels": labels}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  labels:\n    app: cart\n", 6),
        ("  labels:\n    'app': cart\n", 6),
        ("  labels:\n    # app: cart\n\n    app: cart # app: x\n", 8),
        ('  labels: {{- include "x" . | nindent 4 }}\n', 5),
        ("  labels: {app: cart}\n", 5),
        ('  labels:\n{{ include "x" . | indent 4 }}\n', 6),
        ('  labels:\n    {{- include "x" (dict\n      "app: x" .) | nindent 4 }}\n    other: x\n', 6),
        ("  labels:\n    {{- range $k, $v := .Values.labels }}\n    {{ $k }}: {{ $v }}\n    {{- end }}\n", 7),
        ("  labels:\n    other: x\n    {{ .Values.key }}p: cart\n    {{ .Values.key }}: cart\n", 7),
        ("  annotations:\n    app: cart\n  labels:\n    other: cart\n", 7),
        ("  annotations:\n    text: |\n      labels:\n        app: cart\n  labels:\n    app: cart\n", 10),
        ("  {{- if .Values.labels }}\n  labels:\n    app: cart\n  {{- end }}\n", 7),
        ("  {{- /* labels:\n    app: cart */}}\n  labels:\n    app: cart\n", 8),
    ],
)
def test_a_label_stands_where_it_is_written_or_put_in(text, expected):
    """
    Keys in quotes, with actions, put in as a whole, and none of what only looks like it.
    """
    assert expected == line(HEAD + text, with_labels(app="cart"), "metadata", "labels", "app")


def test_of_several_insertions_the_one_whose_values_have_the_key_counts():
    """
    What the values of the chart say tells which line puts a key in.
    """
    text = (
        f"{HEAD}  labels:\n    {{{{- toYaml .Values.common | nindent 4 }}}}\n"
        "    {{- with .Values.pod.labels }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n"
    )
    values = {"common": {"a": "1"}, "pod": {"labels": {"b": "2"}}}
    data = with_labels(a="1", b="2", c="3")

    assert [6, 8, 6] == [line(text, data, "metadata", "labels", key, values=values) for key in "abc"]


@pytest.mark.parametrize("between", ["---\n", "{{ else }}\n", "\n"])
def test_objects_of_one_template_are_told_apart_by_their_names(between):
    """
    Objects of one kind follow each other with and without a separator; a name that is put in may be any.
    """
    text = f"{HEAD}  x: 1\n{between}{HEAD.replace('cart', '{{ .Values.name }}-web')}  x: 2\n"
    web = {**DATA, "metadata": {"name": "my-web", "x": 2}}

    assert 5 == line(text, {**DATA, "metadata": {"name": "cart", "x": 1}}, "metadata", "x")
    assert line(text, web, "metadata", "x") > 9


def test_an_object_that_no_line_tells_of_stands_at_the_first_line_that_makes_something():
    """
    Without a line that says its kind there is only the line that puts it in, or the first.
    """
    assert 2 == line('# Nothing.\n{{ include "all" . }}\n', DATA, "metadata", "name")
    assert 1 == line("# Nothing.\n", DATA, "metadata", "name")
    assert 1 == line("", DATA, "metadata", "name")


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 200_000,
        "- " * 200_000,
        "{{if}}" * 100_000,
        "{{/*" * 100_000,
        "kind: A\n" * 50_000,
        "kind: A\nitems:\n" + "- name: {{ x }}\n" * 20_000,
        "kind: A\nitems:\n- " + "  {{ a }}b{{ c }}d: 1\n" * 10_000,
        "kind: A\n" + "".join(" " * depth + "a:\n" for depth in range(500)) + "{{ x }}\n" * 10_000,
    ],
)
def test_hostile_templates_take_no_time_without_end(text):
    """
    However a template repeats itself, and whatever was made of it, looking for lines comes to an end.
    """
    data = {"kind": "A", "items": [{"name": str(number), "x": {"y": number}} for number in range(5_000)]}
    started = time.monotonic()

    TemplatePlaces(text).place(data)

    assert time.monotonic() - started < 30
