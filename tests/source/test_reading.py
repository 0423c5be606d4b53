"""Reading one file: its documents each by themselves, and what is told of those that are not readable."""

import codecs
import json

import pytest

from meshlint.source.document import Unread, UnreadReason
from meshlint.source.reading import Reading, parse_yaml, read_text, split_documents

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: shop\n"


def read(text: str) -> Reading:
    return read_text("shop/x.yaml", text.encode())


def names(reading: Reading) -> list[str]:
    return [manifest.value("metadata", "name") for manifest in reading.manifests]


def only_unread(reading: Reading) -> Unread:
    [unread] = reading.unread
    return unread


def blamed(reading: Reading) -> str:
    """The text that the only unread document is blamed for."""
    at = only_unread(reading).at
    return at.file.text[slice(*at.offsets)]


def position(unread: Unread) -> tuple[int, int]:
    return unread.at.span.start_line, unread.at.span.start_column


def pod(name: str) -> str:
    return POD.replace("{name}", name)


@pytest.mark.parametrize("text", ["", "a: [", "apiVersion: v1\n", "kind: Pod\n\tx", "name: {{ x }}\n"])
def test_other_files_are_none_of_our_business(text):
    """A file without `apiVersion` and `kind` gives nothing, not even an error."""
    reading = read(text)

    assert not reading.is_kubernetes
    assert ((), (), ()) == (reading.manifests, reading.duplicate_keys, reading.unread)


def test_a_mapping_that_is_no_object_is_silently_none():
    """Values that speak of `apiVersion` and `kind` without being an object are no manifest."""
    reading = read("apiVersion: v1\nspec: {kind: x}\n---\n# empty\n---\nkind: 3\napiVersion: v1\n---\n")

    assert reading.is_kubernetes
    assert ((), ()) == (reading.manifests, reading.unread)


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("a: 1\n", ["a: 1\n"]),
        ("---\na: 1\n--- # two\nb: 2\n", ["---\na: 1\n", "--- # two\nb: 2\n"]),
        ("# c\n\n---\na: 1\n", ["# c\n\n---\na: 1\n"]),
        (
            "%YAML 1.1\n---\na: 1\n...\n%TAG ! x\n---\nb\n",
            ["%YAML 1.1\n---\na: 1\n...", "\n%TAG ! x\n---\nb\n"],
        ),
        ("a: |\n  ---\n---x\n", ["a: |\n  ---\n---x\n"]),
        ("a: 1\r---\rb: 2\r\n---\r\nc: 3", ["a: 1\r", "---\rb: 2\r\n", "---\r\nc: 3"]),
        ("a\n---\n---", ["a\n", "---\n", "---"]),
    ],
)
def test_documents_begin_at_their_markers(text, documents):
    """`---` in the first column begins a document, directives stay with theirs."""
    assert documents == [text[start:end] for start, end in split_documents(text)]


def test_a_broken_document_does_not_hide_the_others():
    """Each document of a file is read by itself."""
    reading = read(f"{pod('one')}---\n{pod('two')}  labels: [a\n---\n{pod('three')}")

    assert ["one", "three"] == names(reading)
    assert (UnreadReason.SYNTAX, "`[` is not closed", "shop") == (
        only_unread(reading).reason,
        only_unread(reading).message,
        only_unread(reading).namespace,
    )
    assert (12, 11) == position(only_unread(reading))


def test_a_tab_is_told_as_a_tab():
    """A tab that indents is a syntax error with words that help, at the tab."""
    reading = read(pod("x") + "spec:\n\thostname: x\n")

    assert "a tab is used for indentation; YAML wants spaces" == only_unread(reading).message
    assert (7, 1) == position(only_unread(reading))


def test_directives_and_document_ends():
    """Directives belong to the document below them, `...` ends a document."""
    reading = read(f"%YAML 1.1\n---\n{pod('one')}...\n# c\n%YAML 1.1\n---\n{pod('two')}...\n")

    assert ["one", "two"] == names(reading)
    assert () == reading.unread


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_line_breaks(line_break):
    """A byte order mark moves no column, and lines are counted alike however they end."""
    raw = codecs.BOM_UTF8 + (pod("é") + "---\n" + pod("b")).replace("\n", line_break).encode()
    reading = read_text("x.yaml", raw)
    first, second = (manifest.at("metadata", "name").span for manifest in reading.manifests)

    assert reading.file.has_bom
    assert (4, 3, 10) == (first.start_line, first.start_column, first.end_column)
    assert (10, 3, 10) == (second.start_line, second.start_column, second.end_column)
    assert (1, 1) == (
        reading.manifests[0].at("apiVersion").span.start_line,
        reading.manifests[0].at("apiVersion").span.start_column,
    )


def test_a_byte_order_mark_between_documents():
    """Files that were put together may have a byte order mark in the middle."""
    reading = read(f"{pod('one')}\ufeff---\n{pod('two')}")

    assert ["one", "two"] == names(reading)
    assert () == reading.unread


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16(encoding):
    """UTF-16 with a byte order mark is read like any other text."""
    reading = read_text("x.yaml", ("\ufeff" + pod("é")).encode(encoding))

    assert ["é"] == names(reading)
    assert reading.file.has_bom


def test_broken_utf_16():
    """Half a character at the end of UTF-16 is told, at its place."""
    reading = read_text("x.yaml", ("\ufeff" + pod("x")).encode("utf-16-le") + b"\x00")

    assert UnreadReason.ENCODING == only_unread(reading).reason
    assert (6, 1) == position(only_unread(reading))


def test_bytes_that_are_no_utf_8():
    """Only the document that holds the bad bytes is lost, and the first of them is shown."""
    raw = f"{pod('é')}---\n{pod('b')}".encode() + b"  # \xc3\xa9 \xff\xfe\n" + f"---\n{pod('c')}".encode()
    reading = read_text("x.yaml", raw)
    unread = only_unread(reading)

    assert ["é", "c"] == names(reading)
    assert (UnreadReason.ENCODING, "shop", (12, 7)) == (unread.reason, unread.namespace, position(unread))
    reading.file.text.encode()


def test_an_exceeded_limit_is_named():
    """A document that would take too much is told as such, the others are read."""
    reading = read(f"{pod('one')}---\n{pod('two')}spec: {'[' * 10_000}\n---\n{pod('three')}")

    assert ["one", "three"] == names(reading)
    assert (UnreadReason.LIMIT, "nested deeper than 200 levels") == (
        only_unread(reading).reason,
        only_unread(reading).message,
    )


@pytest.mark.slow
def test_a_huge_value():
    """A value of 200 MB is refused in seconds and without a multiple of its memory."""
    reading = read_text("x.yaml", pod("x").encode() + b"spec: " + b"a" * 200_000_000)

    assert (UnreadReason.LIMIT, "the document is longer than 32 MiB") == (
        only_unread(reading).reason,
        only_unread(reading).message,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- apiVersion: v1\n  kind: Pod\n", "the top level is a list, not a Kubernetes object"),
        ("apiVersion=v1 kind=Pod\n", "the top level is text, not a Kubernetes object"),
    ],
)
def test_the_top_level_must_be_a_mapping(text, message):
    """Objects in a list, or text, are no manifest, and the user is told."""
    assert (UnreadReason.SYNTAX, message) == (only_unread(read(text)).reason, only_unread(read(text)).message)


def test_a_playbook_is_none_of_our_business():
    """A list of something else is no failed manifest although objects stand in it."""
    assert () == read("- hosts: all\n  tasks:\n  - k8s: {apiVersion: v1, kind: Pod}\n").unread


def test_items_of_a_list():
    """Each item of a `List` is a manifest with its own place; null items and other things are skipped."""
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: one}\n- null\n"
        "- text\n- kind: Pod\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: two\n"
    )
    reading = read(text)

    assert ["one", "two"] == names(reading)
    assert [("items", 0), ("items", 4)] == [manifest.prefix for manifest in reading.manifests]
    assert (13, 5) == (
        reading.manifests[1].at("metadata", "name").span.start_line,
        reading.manifests[1].at("metadata", "name").span.start_column,
    )
    assert (10, 3) == (
        reading.manifests[1].at("absent").span.start_line,
        reading.manifests[1].at("absent").span.start_column,
    )


def test_items_of_a_typed_list_inherit():
    """An item of a `ServiceList` is a Service without saying so."""
    reading = read("apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: a}}, {kind: Other}]\n")

    assert [("v1", "Service"), ("v1", "Other")] == [
        (manifest.data["apiVersion"], manifest.data["kind"]) for manifest in reading.manifests
    ]


@pytest.mark.parametrize("text", ["kind: List\nitems:\n", "kind: AllowList\nspec: {}\n"])
def test_what_is_only_named_like_a_list(text):
    """Without a list of `items` a kind that ends in List is an object."""
    assert 1 == len(read("apiVersion: v1\n" + text).manifests)


def test_json():
    """JSON is read by the same reader, its places included."""
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} for name in ("a", "\U0001f600")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}, indent="\t")
    reading = read(text)

    assert ["a", "\U0001f600"] == names(reading)
    assert '"name": "a"' == text[slice(*reading.manifests[0].at("metadata", "name").offsets)]


def test_duplicate_keys_know_the_field_that_is_kept():
    """A lost entry is shown where it stands, the one that is kept as a field of its manifest."""
    reading = read(pod("x") + "  labels: {a: b, a: c}\n---\nkey: 1\nkey: 2\n")
    [duplicate] = reading.duplicate_keys

    assert ("a", False) == (duplicate.key, duplicate.same_value)
    assert ("a: b", "a: c") == tuple(
        reading.file.text[slice(*at.offsets)] for at in (duplicate.lost, duplicate.kept)
    )
    assert (("metadata", "labels", "a"), reading.manifests[0]) == (
        duplicate.kept.field,
        duplicate.kept.manifest,
    )


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("apiVersion: {{ .Values.api }}\nkind: Pod\n", "{{ .Values.api }}"),
        ("apiVersion: v1\nkind: '{{ kind }}'\n", "{{ kind }}"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x-${NAME}\n", "${NAME}"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x-${NAME:=y}\n", "${NAME:=y}"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  namespace: $(NS)\n", "$(NS)"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: << inputs.name >>\n", "<< inputs.name >>"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {labels: {app: '{{ x }}'}}\n", "{{ x }}"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {labels: {istio.io/rev: '{{ x }}'}}\n", "{{ x }}"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {labels: {'${KEY}': x}}\n", "${KEY}"),
        ("apiVersion: v1\nkind: Namespace\nmetadata:\n  labels: {{ toYaml . }}\n", "{{ toYaml . }}"),
        ("apiVersion: v1\nkind: Service\nspec: {selector: {app: '{{ x }}'}}\n", "{{ x }}"),
        ("apiVersion: v1\nkind: Service\nspec: {selector: {{ x }}}\n", "{{ x }}"),
        (
            "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {metadata: {labels: {a: '$(X)'}}}}\n",
            "$(X)",
        ),
        ("apiVersion: apps/v1\nkind: Deployment\nspec:\n  template: {{ x }}\n", "{{ x }}"),
        (
            (
                "apiVersion: batch/v1\nkind: CronJob\n"
                "spec: {jobTemplate: {spec: {template: {metadata: {annotations: {istio.io/x: '${X}'}}}}}}\n"
            ),
            "${X}",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: ['a.${DOMAIN}']}\n",
            "${DOMAIN}",
        ),
        ("apiVersion: security.istio.io/v1\nkind: X\nspec: {a: [{{ x }}]}\n", "{{ x }}"),
        (
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: '${X}'}}]\n",
            "${X}",
        ),
        ("apiVersion: v1\nkind: Pod\n{{- if .Values.x }}\nmetadata: {}\n{{- end }}\n", "{{- if .Values.x }}"),
        ("apiVersion: v1\nkind: Pod\n{% if x %}\nmetadata: {}\n{% endif %}\n", "{% if x %}"),
        ("apiVersion: v1\nkind: Pod\nx: {{ .a }}-b\n", "{{ .a }}"),
    ],
)
def test_templates_that_matter(text, syntax):
    """What meshlint reads, or what keeps a text from being YAML, is an unrendered template."""
    reading = read(text)

    assert () == reading.manifests
    assert UnreadReason.TEMPLATE == only_unread(reading).reason
    assert syntax == blamed(reading)
    assert f"`{syntax}` is not" in only_unread(reading).message


@pytest.mark.parametrize(
    "text",
    [
        "kind: ConfigMap\ndata: {a: '{{ x }}', b: '${X}', '{{ k }}': c}\n",
        "kind: Pod\nmetadata: {name: x}\nspec: {containers: [{args: [$(X)], image: '${I}'}]}\n",
        "kind: Pod\nmetadata: {annotations: {checksum: '{{ x }}'}}\n# {{ comment }}\n",
        "kind: Namespace\nmetadata: {labels: {team: '${TEAM}'}}\n",
        "kind: ApplicationSet\nspec: {template: {metadata: {name: '{{ name }}', labels: {a: '{{ b }}'}}}}\n",
        "kind: Workflow\nspec: {templates: [{name: '{{ inputs.parameters.x }}'}]}\n",
        "kind: ClusterSPIFFEID\nspec: {spiffeIDTemplate: 'spiffe://{{ .TrustDomain }}'}\n",
        "kind: ResourceSet\nspec: {resources: [{metadata: {name: << inputs.name >>}}]}\n",
        "kind: Pod\nmetadata: {name: 'a-$${X}'}\n",
        "kind: Pod\nmetadata: {name: a<<b}\n",
    ],
)
def test_templates_of_others(text):
    """Template syntax in what meshlint never reads does not keep it from reading the rest."""
    reading = read("apiVersion: v1\n" + text)

    assert () == reading.unread
    assert 1 == len(reading.manifests)


@pytest.mark.parametrize(
    "text",
    [
        "networking.istio.io/v1\nkind: EnvoyFilter\nspec: {configPatches: [{patch: {value: '${X}'}}]}\n",
        "extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {pluginConfig: {a: '{{ x }}'}}\n",
        "telemetry.istio.io/v1\nkind: Telemetry\nspec: {accessLogging: [{filter: {expression: '${X}'}}]}\n",
        "networking.istio.io/v1\nkind: VirtualService\nspec: ['%REQ(X)%', 'x(.*)$', '${1}', '\\{\\{']\n",
        "security.istio.io/v1\nkind: AuthorizationPolicy\nspec: {paths: ['/a/{*}/b/{**}']}\n",
    ],
)
def test_source_text_in_the_meshs_own_kinds(text):
    """Envoy's, Lua's and a plugin's own text, and what only looks like a template, are let be."""
    reading = read("apiVersion: " + text)

    assert () == reading.unread
    assert 1 == len(reading.manifests)


def test_a_template_is_told_once_with_its_namespace():
    """One document is one problem, for the namespace that is written out in it."""
    text = pod("'{{ a }}'") + "  labels: {app: '{{ b }}'}\n"

    assert ("`{{ a }}`", "shop") == (
        only_unread(read(text)).message.split("syntax ")[1].split(" is")[0],
        only_unread(read(text)).namespace,
    )
    assert only_unread(read(text.replace("shop", "'${NS}'"))).namespace is None


@pytest.mark.parametrize(
    ("metadata", "namespace"),
    [
        ("metadata:\n  namespace: shop # c\n", "shop"),
        ("metadata:\n{{- if x }}\n  name: x\n{{- end }}\n  namespace: 'shop'\n", "shop"),
        ("metadata:\n  labels:\n    namespace: no\n", None),
        ("metadata:\n  namespace: {{ .Release.Namespace }}\n", None),
        ("metadata:\n  name: x\nspec:\n  namespace: no\n", None),
    ],
)
def test_the_namespace_of_what_cannot_be_parsed(metadata, namespace):
    """A namespace that stands literally in `metadata` is known without parsing."""
    text = f"apiVersion: v1\nkind: Pod\n{metadata}x:\n{{{{- toYaml . }}}}\n"

    assert (UnreadReason.TEMPLATE, namespace) == (
        only_unread(read(text)).reason,
        only_unread(read(text)).namespace,
    )


def test_a_document_that_is_all_template():
    """A document that is nothing but an include will be an object, and is not checked."""
    reading = read(f"{pod('x')}---\n# the Deployment\n{{{{ include 'common.deployment' . }}}}\n")

    assert ["x"] == names(reading)
    assert (UnreadReason.TEMPLATE, (8, 1)) == (only_unread(reading).reason, position(only_unread(reading)))


def test_the_end_of_a_condition_is_no_document():
    """What holds only the beginning or end of a condition is nothing that was missed."""
    reading = read(f"{{{{- if .Values.x }}}}\n---\n{pod('x')}---\n{{{{- end }}}}\n")

    assert ["x"] == names(reading)
    assert () == reading.unread


def test_encrypted_documents():
    """A document that SOPS has encrypted is told, and nothing of what it holds."""
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: 'ENC[hush]'}\n"
        "data: {a: 'ENC[hush,{{ x }}]'}\nsops:\n  mac: ENC[hush]\n  version: 3.9.0\n"
    )
    unread = only_unread(read(text))

    assert (UnreadReason.ENCRYPTED, None, (5, 1)) == (unread.reason, unread.namespace, position(unread))
    assert "hush" not in unread.message


def test_not_everything_named_sops_is_encrypted():
    """A field `sops` elsewhere, or without a signature, means nothing."""
    reading = read(
        f"{pod('a')}sops: {{a: b}}\n---\n{pod('b')}spec: {{sops: {{mac: x}}}}\n---\n{pod('c')}sops: x\n"
    )

    assert ["a", "b", "c"] == names(reading)


def test_yaml_in_a_value():
    """YAML that stands in a value is plain data, or None if it is none."""
    assert [{"a": 1}] == parse_yaml("- a: 1\n")
    assert parse_yaml("[") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kind: Pod\nmetadata: {name: x}\n",
            "the document has no `apiVersion`: Kubernetes takes no object without it",
        ),
        (
            "apiVersion: v1\nKind: Pod\nmetadata: {name: x}\n",
            "the document has no `kind`, but `Kind`: Kubernetes takes no object without it",
        ),
    ],
)
def test_what_lacks_half_of_its_identity_among_objects_is_told(text, message):
    """Among objects, what has a name and `apiVersion` or `kind` was meant to be one; alone it may not."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n"

    assert [message] == [unread.message for unread in read(pod + text).unread]
    assert () == read("# apiVersion, kind\n" + text).unread
    assert () == read(pod + text.replace("{name: x}", "{labels: {}}")).unread
    assert () == read(pod + text + "# {{ x }}\n").unread


@pytest.mark.slow
def test_a_list_may_be_larger_than_a_document():
    """
    A dump of a cluster is one document; its items are read one by one, and one of them may be too long.
    """
    item = "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c-{n}\n  data:\n    text: {text}\n"
    items = [item.format(n=n, text="x" * 200_000) for n in range(200)]
    head, end = "apiVersion: v1\nkind: List\nitems:\n", "metadata: {}\n"
    reading = read(head + "".join(items) + end)
    whole = read(head + "".join(items[:2]) + end)

    assert 200 == len(reading.manifests)
    for one, other in zip(reading.manifests, whole.manifests, strict=False):
        assert one.at("data", "text").span == other.at("data", "text").span
    too_long = item.format(n=41, text="x" * 40_000_000)
    assert UnreadReason.LIMIT is only_unread(read(head + items[0] + too_long + end)).reason
