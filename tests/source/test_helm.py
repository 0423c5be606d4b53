"""Charts as helm renders them: places that people edit, and no way out for hostile ones."""

import io
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from meshlint.cli import run
from meshlint.graph.entries import entry_points
from meshlint.lint import Options, linked_meshes, lint
from meshlint.source import chart_copy, helm, renderer
from meshlint.source.decision import Deciding, Decision, NamedSet
from meshlint.source.document import UnreadReason
from meshlint.source.input import read_input, with_texts
from meshlint.source.renderer import Output, find_program

DATA = Path(__file__).parents[1] / "data" / "helm"
RECORDED = DATA / "shop.rendered.yaml"

needs_helm = pytest.mark.skipif(not find_program("helm"), reason="helm is not here")
CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: cart\nspec:\n  ports: [{port: 80}]\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Write files, and be in their directory: a repository."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.delenv("PRE_COMMIT", raising=False)

    def write(files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A working directory with the chart of the test data; what helm made of it is recorded."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DATA / "shop", tmp_path / "shop")
    if not find_program("helm"):
        monkeypatch.setattr(helm, "find_program", lambda name: f"/recorded/{name}")
        monkeypatch.setattr(helm, "run_renderer", lambda *_: Output(RECORDED.read_text()))


def chart(templates: dict[str, str] | str, values: str = "", more: str = "") -> dict[str, str | bytes]:
    """The files of a chart `shop`, in a directory of that name."""
    named = {"a.yaml": templates} if isinstance(templates, str) else templates
    files = {f"shop/templates/{name}": text for name, text in named.items()}
    return {"shop/Chart.yaml": CHART + more, "shop/values.yaml": values, **files}


def chart_set(**options):
    """The only set, which is the chart's."""
    [only] = read_input(["."], render=True, **options).sets
    return only


def rendered(name: str = "cart", **options):
    """The object of a name that was rendered."""
    found = [m for m in chart_set(**options).manifests if m.value("metadata", "name") == name]
    assert found, [problem.message for problem in chart_set(**options).unread]
    return found[0]


def of_kind(kind: str, name: str):
    """An object of the chart of the test data."""
    [found] = [
        m for m in chart_set().manifests if m.value("kind") == kind and m.value("metadata", "name") == name
    ]
    return found


def refusal() -> str:
    """What is said of the only chart, which was not rendered."""
    [only] = read_input(["."], render=True).sets
    [message] = [problem.message for problem in only.unread if problem.message.startswith("chart 'shop'")]
    return message


def place(manifest, *path: str | int) -> str:
    """Where a field stands: file, line, and what is written there."""
    at = manifest.at(*path)
    return f"{at.file.path}:{at.span.start_line}: {at.file.text[slice(*at.offsets)]}"


# Places


@needs_helm
def test_what_is_recorded_is_what_helm_makes(shop, monkeypatch):
    """
    The test data are what helm writes of the chart beside them.
    """
    outputs = []
    run = helm.run_renderer
    monkeypatch.setattr(helm, "run_renderer", lambda *asked: outputs.append(run(*asked)) or outputs[0])

    assert chart_set().rendered
    assert RECORDED.read_text() == outputs[0].text


def test_a_chart_is_a_set_with_its_definitions(shop):
    """
    The objects that helm made and the files of `crds/`, and nothing left over; the namespace is not known.
    """
    only = chart_set()

    assert ("shop", True, True, None, ()) == (
        only.name,
        only.rendered,
        only.explicit,
        only.default_namespace,
        only.unread,
    )
    assert ["zones.example.com", "generated", "zone-eu", "zone-us", "redis", "shop-cart", "shop-cart"] == [
        manifest.value("metadata", "name") for manifest in only.manifests
    ]
    assert not any(manifest.value("metadata", "namespace") for manifest in only.manifests)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("apiVersion",), "cart.yaml:3: apiVersion: apps/v1"),
        (("metadata", "name"), "cart.yaml:6: name: {{ .Release.Name }}-cart"),
        (
            ("spec", "selector", "matchLabels", "app"),
            'cart.yaml:11: {{- include "shop.labels" . | nindent 6 }}',
        ),
        (
            ("spec", "template", "metadata", "labels", "app"),
            'cart.yaml:15: {{- include "shop.labels" . | nindent 8 }}',
        ),
        (
            ("spec", "template", "metadata", "labels", "istio.io/rev"),
            "cart.yaml:17: {{- toYaml . | nindent 8 }}",
        ),
        (
            ("spec", "template", "metadata", "labels", "istio.io/dataplane-mode"),
            'cart.yaml:19: istio.io/dataplane-mode: "none"',
        ),
        (("spec", "template", "spec", "containers", 0, "name"), "cart.yaml:22: name: cart"),
        (("spec", "template", "spec", "containers", 0, "args", 0), "cart.yaml:25: |"),
        (
            ("spec", "template", "spec", "containers", 0, "ports", 1, "containerPort"),
            "cart.yaml:31: containerPort: 9090",
        ),
        (("spec", "template", "spec", "hostNetwork"), "cart.yaml:20: spec"),
    ],
)
def test_a_field_stands_at_its_line_of_the_template(shop, path, expected):
    """
    What is written, what is put in for one field or for many, and of what is not there the nearest.
    """
    assert f"shop/templates/{expected}" == place(of_kind("Deployment", "shop-cart"), *path)


def test_of_two_branches_the_one_that_was_taken_is_meant(shop):
    """
    Of a label that a condition writes in two ways, the line counts that can have made the value.
    """
    cart = of_kind("Service", "shop-cart")

    assert "shop/templates/cart.yaml:40: istio.io/use-waypoint: {{ .Values.waypoint.name }}" == place(
        cart, "metadata", "labels", "istio.io/use-waypoint"
    )
    assert "shop/templates/cart.yaml:49: port: 81" == place(cart, "spec", "ports", 1, "port")


def test_what_a_loop_makes_stands_at_its_lines(shop):
    """
    Each object of a loop has the places of the lines that all of them come from, keys with actions too.
    """
    zone = of_kind("ConfigMap", "zone-us")

    assert "shop/templates/zones.yaml:6: name: zone-{{ $zone }}" == place(zone, "metadata", "name")
    assert place(zone, "data", "us.zone").startswith("shop/templates/zones.yaml:8: {{ $zone }}.zone")
    assert place(zone, "data", "istio.io.rev").startswith("shop/templates/zones.yaml:10: {{ $key | replace")


def test_what_is_made_elsewhere_stands_at_the_line_that_puts_it_in(shop):
    """
    An object that a template takes from a helper as a whole is shown there.
    """
    made = of_kind("Secret", "generated")

    assert 'shop/templates/generated.yaml:2: {{ include "shop.generated" . }}' == place(
        made, "metadata", "name"
    )


def test_an_object_of_a_dependency_stands_in_its_template(shop):
    """
    A dependency in `charts/`, under the name that it has within the chart.
    """
    redis = of_kind("Service", "redis")

    assert "shop/charts/redis/templates/service.yaml:7: port: {{ .Values.port }}" == place(
        redis, "spec", "ports", 0, "port"
    )


def archive(files: dict[str, bytes]) -> bytes:
    """A packaged chart."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


NEEDS_REDIS = "dependencies:\n  - name: redis\n    version: 1.0.0\n    repository: "
REDIS = {
    "redis/Chart.yaml": b"apiVersion: v2\nname: redis\nversion: 1.0.0\n",
    "redis/templates/service.yaml": SERVICE.replace("cart", "redis").encode(),
}


@needs_helm
def test_an_object_of_an_archive_stands_where_the_chart_asks_for_it(repository):
    """
    Nobody edits what is in an archive: the line is that of the dependency.
    """
    files = chart(SERVICE, more=NEEDS_REDIS + "https://charts.example.invalid\n")
    repository({**files, "shop/charts/redis-1.0.0.tgz": archive(REDIS)})

    assert chart_set().rendered
    assert "shop/Chart.yaml:5: name: redis" == place(rendered("redis"), "metadata", "name")


@needs_helm
def test_a_dependency_that_is_a_directory_of_the_repository_is_used(repository):
    """
    `file://` needs no network: it is what helm would take.
    """
    elsewhere = {f"lib/{name}": content for name, content in REDIS.items()}
    repository({**chart(SERVICE, more=NEEDS_REDIS + "file://../lib/redis\n"), **elsewhere})

    sets = {one.name: one for one in read_input(["."], render=True).sets}

    assert ["shop/templates/a.yaml", "lib/redis/templates/service.yaml"] == sorted(
        (m.file.path for m in sets["shop"].manifests), reverse=True
    )


# Sets and scopes


@needs_helm
def test_dependencies_and_libraries_are_no_sets_of_their_own(repository):
    """
    What is in `charts/` belongs to its chart; a library makes nothing, and nothing is said of it.
    """
    library = {
        "lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
        "lib/templates/x.yaml": '{{ define "x" }}\napiVersion: v1\nkind: A\n{{ end }}\n',
    }
    dependency = {f"shop/charts/{name}": content for name, content in REDIS.items()}
    repository({**chart(SERVICE + "  x: {{ .Values.a }}\n", "a: 1\n"), **dependency, **library})

    assert {"cart", "redis"} == {m.value("metadata", "name") for m in chart_set().manifests}
    assert () == chart_set().unread


@needs_helm
def test_templates_of_a_dependency_are_rendered_with_the_chart(repository):
    """
    They are not said to be left over beside what was made of them.
    """
    template = SERVICE.replace("cart", "{{ .Release.Name }}-redis")
    repository(
        {**chart(SERVICE), "shop/charts/redis/Chart.yaml": REDIS["redis/Chart.yaml"]}
        | {"shop/charts/redis/templates/a.yaml": template}
    )

    assert {"cart", "shop-redis"} == {m.value("metadata", "name") for m in chart_set().manifests}


@needs_helm
def test_a_chart_without_values_to_fail_has_nothing_unrendered(repository):
    """
    The templates of a chart that was rendered are read, and what is not in its namespace does not exist.
    """
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: {{ .Values.ns }}}\n"
    repository(chart({"ns.yaml": namespace, "a.yaml": SERVICE}, "ns: shop\n"))

    result = lint(Options(render=True))
    [linked] = linked_meshes(Options(render=True)).meshes

    assert (0, 2) == (result.summary.unrendered, result.summary.resources)
    assert [] == [finding for finding in result.findings if finding.check == "unrendered-template"]
    assert linked.mesh.is_closed("shop")


@needs_helm
def test_what_other_values_would_add_is_not_said_to_be_missing(repository):
    """
    A waypoint that the values of the chart turn off may be there; one that given values turn off is not.
    """
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    waypoint = "{{ if .Values.w }}\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n{{ end }}\n"
    repository({**chart({"ns.yaml": namespace, "wp.yaml": waypoint}), "prod.yaml": "w: false\n"})

    only = chart_set()

    assert not only.rendered
    assert (
        "'templates/wp.yaml' makes nothing with the values of the chart, and may with others"
        == only.unbuilt.why
    )
    assert chart_set(values_files={"shop": ["prod.yaml"]}).rendered


@needs_helm
def test_the_namespace_is_that_of_the_release(repository):
    """
    It is what the options or Argo CD say, else not known; of a chart that makes it, some namespace.
    """
    text = SERVICE.replace("name: cart", "name: cart\n  namespace: {{ .Release.Namespace }}")
    repository(chart({"a.yaml": text, "b.yaml": SERVICE.replace("cart", "other")}))

    assert rendered().value("metadata", "namespace") is None
    assert ("prod", "prod") == (
        rendered(namespace="prod").value("metadata", "namespace"),
        chart_set(namespace="prod").default_namespace,
    )
    repository({"app.yaml": application("")})
    assert "argo" == {one.name: one for one in read_input(["."], render=True).sets}["shop"].default_namespace
    os.remove("app.yaml")
    repository(
        chart({"ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: {{ .Release.Namespace }}}\n"})
    )
    assert helm.UNKNOWN_NAMESPACE == chart_set().default_namespace


def application(rest: str) -> str:
    return (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\n"
        f"spec:\n  destination: {{namespace: argo}}\n  source:\n    path: shop\n{rest}"
    )


@needs_helm
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", frozenset()),
        ("    helm: {releaseName: x}\n", frozenset()),
        ("    helm: {values: 'a: 1'}\n", {"argo"}),
    ],
)
def test_a_chart_with_other_values_than_its_own_was_not_read(repository, rest, expected):
    """
    What Argo CD delivers was read if the chart is rendered as it delivers it.
    """
    repository({**chart(SERVICE), "app.yaml": application(rest)})

    assert expected == {one.name: one for one in read_input(["."], render=True).sets}["."].beyond


def decided(*named: NamedSet):
    """The sets by name, with what Flux and Argo CD apply followed."""
    found = read_input(["."], render=True, deciding=Deciding(entry_points, named)).sets
    return {one.name: one for one in found}


FLUX = (
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: f}\n"
    "spec: {path: ./shop, targetNamespace: argo}\n"
)
APPLICATION_SET = (
    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: shop, namespace: argocd}\n"
    "spec:\n  generators: [{list: {elements: [{ns: argo}]}}]\n"
    "  template:\n    metadata: {name: shop}\n"
    "    spec:\n      destination: {namespace: '{{ns}}'}\n      source: {path: shop}\n"
)


@needs_helm
@pytest.mark.parametrize("delivering", ["application", "application set", "flux"])
def test_a_chart_that_a_cluster_has_delivered_goes_to_the_namespace_that_is_said(repository, delivering):
    """
    It is a set of its own beside the cluster, to which nothing more is delivered than was read.
    """
    texts = {"application": application(""), "application set": APPLICATION_SET, "flux": FLUX}
    repository({**chart(SERVICE), "clusters/a/app.yaml": texts[delivering]})

    sets = decided()

    assert {"clusters/a", "shop"} == sets.keys()
    assert (Decision.CHART, "argo", ()) == (
        sets["shop"].decision,
        sets["shop"].default_namespace,
        sets["shop"].not_built,
    )
    assert frozenset() == sets["clusters/a"].beyond


@needs_helm
def test_what_a_parent_writes_into_an_application_counts(repository):
    """
    The namespace is that of the Application as it is applied, not as it is written.
    """
    written = application("").replace("{namespace: argo}", "{namespace: '${NS}'}")
    applied = FLUX.replace("./shop, targetNamespace: argo", "./apps, postBuild: {substitute: {NS: b}}")
    repository({**chart(SERVICE), "apps/app.yaml": written, "flux/apps.yaml": applied})

    assert "b" == decided()["shop"].default_namespace


@needs_helm
@pytest.mark.parametrize("namespaces", [("argo", "other"), ("argo", "{{ns}}"), ("${NS}",)])
def test_a_chart_that_goes_to_who_knows_where_is_not_all_that_is_delivered(repository, namespaces):
    """
    Where a chart goes to several namespaces, or to one that is not told, it is rendered for none of them.
    """
    repository(chart(SERVICE))
    for index, namespace in enumerate(namespaces):
        text = application("").replace("{namespace: argo}", f"{{namespace: '{namespace}'}}")
        repository({f"clusters/a/{index}.yaml": text.replace("name: shop", f"name: shop-{index}")})

    sets = decided()

    told = {namespace if namespace.isalpha() else None for namespace in namespaces}
    assert (None, told) == (sets["shop"].default_namespace, sets["clusters/a"].beyond)


@needs_helm
def test_a_chart_in_a_directory_of_the_settings_is_a_set_of_its_own(repository):
    """
    Its files are not there twice, and the named set does not claim to hold all that it was said to.
    """
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    template = SERVICE.replace("cart", "{{ .Release.Name }}")
    repository({**chart({"a.yaml": SERVICE, "b.yaml": template}), "shop/ns.yaml": namespace})

    sets = decided(NamedSet("prod", ("shop",), complete=True))

    assert {"prod", "shop"} == sets.keys()
    assert [["shop"], ["cart", "shop"]] == [
        sorted(m.value("metadata", "name") for m in sets[name].manifests) for name in ("prod", "shop")
    ]
    assert ((), {None}, False, False) == (
        sets["prod"].unread,
        sets["prod"].beyond,
        sets["prod"].rendered,
        sets["prod"].complete,
    )


@needs_helm
def test_definitions_of_a_chart_that_a_kustomization_applies_stay_with_it(repository):
    """
    What somebody refers to is applied by them, too.
    """
    definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: z}\n"
    repository(
        {
            **chart(SERVICE),
            "shop/crds/z.yaml": definition,
            "apps/kustomization.yaml": "resources: [../shop/crds/z.yaml]\n",
            "flux/apps.yaml": FLUX.replace("./shop, targetNamespace: argo", "./apps"),
        }
    )

    assert [2, 2] == [len(decided()[name].manifests) for name in ("flux", "shop")]


def test_a_chart_of_a_cluster_that_is_not_rendered_says_why(repository, monkeypatch):
    """
    Without helm its files stay where they are, with the reason.
    """
    repository(chart({"a.yaml": SERVICE.replace("cart", "{{ .Values.x }}"), "b.yaml": SERVICE}))
    monkeypatch.setenv("PATH", "")

    [only] = decided(NamedSet("prod", ("shop",))).values()

    assert ["chart 'shop': 1 template is not rendered: helm is not on PATH"] == [
        problem.message for problem in only.unread
    ]
    assert ["cart"] == [manifest.value("metadata", "name") for manifest in only.manifests]


@needs_helm
def test_sets_tell_of_charts(repository, capsys):
    """
    That one is a set, where it is named, and what of it was not rendered, which is no kustomization.
    """
    repository(chart(SERVICE, more=NEEDS_REDIS + "https://charts.example.invalid\n"))

    assert 0 == run(["sets", "--isolated"])
    said = capsys.readouterr().out
    assert "shop: a chart, rendered by helm in part (shop/Chart.yaml:2:1)\n" in said
    assert 1 == said.count("dependency 'redis' is not vendored")
    assert "  not rendered: chart 'shop': dependency 'redis'" in said
    assert "1 set, 1 object.\n" in said
    run(["check", "--isolated"])
    assert "kustomization" not in capsys.readouterr().out


@needs_helm
def test_values_files_come_after_the_values_of_the_chart(repository):
    """
    The files that are given for a directory are used for its chart, and must be in the repository.
    """
    repository(
        {**chart(SERVICE.replace("cart", "{{ .Values.name }}"), "name: cart\n"), "prod.yaml": "name: prod\n"}
    )

    assert rendered("prod", values_files={"shop": ["prod.yaml"]})
    for path, why in (("../x.yaml", "outside of the repository"), ("none.yaml", "No such file")):
        [problem] = chart_set(values_files={"shop": [path]}).unread
        assert why in problem.message


@needs_helm
def test_the_settings_name_values_files(repository, capsys):
    """
    Each command reads with them, unless settings are not to be read.
    """
    label = "metadata: {name: shop, labels: {istio.io/dataplane-mode: '{{ .Values.mode }}'}}\n"
    repository(
        {
            **chart(f"apiVersion: v1\nkind: Namespace\n{label}", "mode: ambient\n"),
            "prod.yaml": "mode: ambeint\n",
            "meshlint.toml": "[[chart]]\npath = 'shop'\nvalues = ['prod.yaml']\n",
        }
    )

    assert 1 == run(["check", "--format", "concise"])
    assert "invalid-dataplane-mode" in capsys.readouterr().out
    assert 0 == run(["describe", "namespace/shop"])
    assert "ambeint" in capsys.readouterr().out
    assert 0 == run(["check", "--isolated"])


@needs_helm
def test_what_is_not_vendored_is_said_and_the_rest_is_rendered(repository):
    """
    A dependency that is not there is one problem, at its line, and its namespace is not closed.
    """
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    repository(chart(namespace, more=NEEDS_REDIS + "https://charts.example.invalid\n"))

    only = chart_set(namespace="shop")
    [problem] = only.unread

    assert (
        "chart 'shop': dependency 'redis' is not vendored in `charts/`, and not rendered" == problem.message
    )
    assert (UnreadReason.TEMPLATE, 5) == (problem.reason, problem.at.span.start_line)
    assert ["shop"] == [m.value("metadata", "name") for m in only.manifests]
    assert (False, {"shop"}) == (only.rendered, only.beyond)
    assert problem.message == only.unbuilt.why


@needs_helm
def test_a_dependency_that_the_values_turn_off_is_not_missing(repository):
    """
    What a condition leaves out makes nothing.
    """
    more = NEEDS_REDIS + "https://x.invalid\n    condition: redis.enabled\n"
    repository(chart(SERVICE, "redis: {enabled: false}\n", more))

    assert chart_set().rendered


@needs_helm
def test_templates_can_ask_for_the_kinds_of_istio(repository):
    """
    Charts that look for Istio or the Gateway API find them, and a recent Kubernetes.
    """
    condition = (
        '{{ if and (.Capabilities.APIVersions.Has "security.istio.io/v1/AuthorizationPolicy")'
        ' (.Capabilities.APIVersions.Has "gateway.networking.k8s.io/v1")'
        ' (semverCompare ">=1.30" .Capabilities.KubeVersion.Version) }}\n'
    )
    repository(chart(f"{condition}{SERVICE}{{{{ end }}}}\n"))

    assert rendered()


@needs_helm
def test_tests_of_a_chart_are_not_rendered(repository):
    """
    Pods that only `helm test` makes are no part of the mesh.
    """
    pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n"
    repository(chart({"a.yaml": SERVICE, "test.yaml": pod}))

    assert ["cart"] == [m.value("metadata", "name") for m in chart_set().manifests]


@needs_helm
def test_templates_that_are_left_out_are_not_rendered(repository):
    """
    What a user excludes, or git ignores, is not read through helm either.
    """
    repository(chart({"a.yaml": SERVICE, "b.yaml": SERVICE.replace("cart", "other")}))

    [only] = read_input(["."], ["shop/templates/b.yaml"], render=True).sets

    assert ["cart"] == [m.value("metadata", "name") for m in only.manifests]


def test_without_helm_the_templates_are_unrendered_as_one(repository, monkeypatch):
    """
    Nothing is rendered, which is said once for the chart, with the reason.
    """
    repository(chart({"a.yaml": SERVICE.replace("cart", "{{ .Values.x }}"), "b.yaml": SERVICE}))
    monkeypatch.setenv("PATH", "")

    [only] = read_input(["."], render=True).sets
    [problem] = only.unread

    assert "chart 'shop': 1 template is not rendered: helm is not on PATH" == problem.message
    assert ["cart"] == [manifest.value("metadata", "name") for manifest in only.manifests]


@needs_helm
@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ .Values.a.b }}", "shop/templates/a.yaml:1:10: at <.Values.a.b>: nil pointer evaluating"),
        ('{{ required "tell me x" .Values.x }}', "shop/templates/a.yaml:1:3: tell me x"),
        ("a: b: c\n", "YAML parse error on shop/templates/a.yaml"),
    ],
)
def test_a_chart_that_cannot_be_rendered_says_why(repository, template, why):
    """
    The reason is the one that helm gives, without the words around it.
    """
    repository(chart(f"apiVersion: v1\nkind: A\n# {template}\n".replace("# a:", "a:").replace("# {{", "{{")))

    assert "chart 'shop'" in refusal()
    assert why.replace(":1:", ":3:") in refusal()


# Findings


BAD = SERVICE.replace(
    "name: cart", 'name: cart\n  namespace: shop\n  labels:\n    istio.io/use-waypoint: "None"'
)


@needs_helm
def test_findings_of_a_chart_are_at_its_template_and_have_no_edits(repository):
    """
    A template serves any values: what a fix would do to other releases is not known.
    """
    repository(chart(BAD))

    [finding] = [f for f in lint(Options(render=True)).findings if f.check == "invalid-use-waypoint"]

    assert ("shop/templates/a.yaml", 7) == (finding.at.file.path, finding.at.span.start_line)
    assert finding.fix is not None
    assert () == finding.fix.edits
    assert ("shop",) == finding.sets


@needs_helm
def test_a_comment_in_a_template_suppresses(repository):
    """
    The comment stands in the template, which is where the finding is shown.
    """
    repository(chart(BAD.replace('"None"', '"None" # meshlint: ignore[invalid-use-waypoint]')))

    assert "invalid-use-waypoint" not in {f.check for f in lint(Options(render=True)).findings}


@needs_helm
def test_a_chart_is_rendered_once_in_a_run(repository, monkeypatch):
    """
    Reading again with other texts, as fixes do, does not run helm again.
    """
    repository(chart(SERVICE))
    given = read_input(["."], render=True)
    monkeypatch.setattr(helm, "run_renderer", lambda *_: pytest.fail("helm was run"))

    [only] = with_texts(given, {}).sets

    assert ["cart"] == [m.value("metadata", "name") for m in only.manifests]


# Piped output


def piped(monkeypatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_piped_output_is_shown_at_the_template_if_the_chart_is_here(shop, monkeypatch, capsys):
    """
    `helm template | meshlint check -` names the lines that people edit.
    """
    piped(monkeypatch, RECORDED.read_text().replace("use-waypoint: waypoint", 'use-waypoint: "None"'))

    run(["check", "-", "--isolated", "--format", "concise", "--select", "invalid-use-waypoint"])

    assert capsys.readouterr().out.startswith("shop/templates/cart.yaml:40:5: ")


@pytest.mark.parametrize("where", ["none", "two", "outside", "link"])
def test_piped_output_is_shown_where_it_is_read_otherwise(tmp_path, monkeypatch, capsys, where):
    """
    Without the chart, or with two of its name, the comment of helm is shown beside it.
    """
    monkeypatch.chdir(tmp_path)
    source = "shop/templates/a.yaml"
    for directory in {"two": ("a", "b"), "link": ("a",)}.get(where, ()):
        (tmp_path / directory / "templates").mkdir(parents=True)
        (tmp_path / directory / "Chart.yaml").write_text(CHART)
        (tmp_path / directory / "templates" / "a.yaml").write_text(BAD)
    if where == "link":
        os.remove("a/templates/a.yaml")
        os.symlink("/etc/passwd", "a/templates/a.yaml")
    if where == "outside":
        source = "shop/templates/../../../x.yaml"
    piped(monkeypatch, f"---\n# Source: {source}\n{BAD}")

    run(["check", "-", "--isolated", "--format", "text", "--select", "invalid-use-waypoint"])
    said = capsys.readouterr().out

    assert "<stdin>:9:5" in said
    assert f"# Source: {source}" in said
    assert "root:" not in said


# What a hostile repository tries


@needs_helm
@pytest.mark.parametrize(
    "files",
    [
        chart(SERVICE, more=NEEDS_REDIS + "{url}/charts\n"),
        chart(SERVICE, more=NEEDS_REDIS + "oci://127.0.0.1:{port}/charts\n"),
        {**chart(SERVICE, "a: 1\n"), "shop/values.schema.json": '{"$ref": "{url}/schema.json"}'},
        chart(SERVICE + '  x: {{ getHostByName "localhost" | quote }}\n'),
    ],
)
def test_nothing_is_fetched(repository, server, files):
    """
    Neither dependencies nor what a schema refers to are asked for, nor names of hosts.
    """
    url, requests = server
    port = url.rpartition(":")[2]
    repository({name: text.replace("{url}", url).replace("{port}", port) for name, text in files.items()})

    assert rendered().value("spec", "x") in (None, "")
    assert [] == requests


@needs_helm
def test_a_schema_in_an_archive_is_not_followed(repository, server):
    """
    What is packaged gets no further than what is not.
    """
    url, requests = server
    schema = f'{{"$ref": "{url}/schema.json"}}'.encode()
    packaged = archive({**REDIS, "redis/values.yaml": b"a: 1\n", "redis/values.schema.json": schema})
    repository({**chart(SERVICE, more=NEEDS_REDIS + "x\n"), "shop/charts/redis-1.0.0.tgz": packaged})

    assert rendered("redis")
    assert [] == requests


@needs_helm
def test_no_cluster_is_asked(repository, server, monkeypatch, tmp_path):
    """
    `lookup` finds nothing, whatever the environment says of a cluster.
    """
    url, requests = server
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
        f"clusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n"
    )
    for name, value in (("KUBECONFIG", str(config)), ("HELM_KUBEAPISERVER", url), ("HELM_KUBETOKEN", "x")):
        monkeypatch.setenv(name, value)
    found = '{{ lookup "v1" "Namespace" "" "" | len }}'
    repository(chart(SERVICE.replace("name: cart", f"name: cart\n  annotations: {{x: '{found}'}}")))

    assert "0" == rendered().value("metadata", "annotations", "x")
    assert [] == requests


@needs_helm
@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "link"])
def test_files_do_not_lead_out_of_the_chart(repository, path):
    """
    `.Files` gives nothing but what is in the chart.
    """
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cart}\ndata:\n"
    repository({**chart(f'{text}  x: {{{{ .Files.Get "{path}" | quote }}}}\n'), "secret": "secret"})

    assert "" == rendered().value("data", "x")


@needs_helm
@pytest.mark.parametrize("link", ["files/x", "templates/x.yaml", "charts/redis", "values.yaml"])
def test_links_do_not_lead_out_of_the_repository(repository, tmp_path, link):
    """
    A file, template, dependency or values behind a link to elsewhere keeps the chart from being rendered.
    """
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "Chart.yaml").write_text(CHART)
    files = chart(SERVICE)
    del files["shop/values.yaml"]
    repository(files)
    Path("shop", link).parent.mkdir(exist_ok=True)
    os.symlink(tmp_path / "secret", Path("shop", link))

    assert f"'{link}' is outside of the repository" in refusal()


@needs_helm
def test_links_within_the_repository_are_followed(repository):
    """
    Charts share files that way.
    """
    repository({**chart('{{ .Files.Get "files/x" }}'), "common/x": SERVICE})
    os.makedirs("shop/files")
    os.symlink("../../common/x", "shop/files/x")

    assert rendered()


@needs_helm
def test_a_dependency_outside_of_the_repository_is_not_read(repository, tmp_path):
    """
    `file://` may not lead out either.
    """
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "Chart.yaml").write_bytes(REDIS["redis/Chart.yaml"])
    repository(chart(SERVICE, more=NEEDS_REDIS + "file://../../redis\n"))

    assert "is outside of the repository" in refusal()


@needs_helm
def test_no_plugin_and_no_program_of_the_repository_is_run(repository, tmp_path, monkeypatch):
    """
    Plugins are not looked for, neither in the chart nor where the environment says.
    """
    script = f"#!/bin/sh\ntouch {tmp_path}/ran\n"
    plugin = f'name: template\nversion: "1"\ncommand: "{tmp_path}/repository/run"\ndownloaders: []\n'
    repository(
        {
            **chart(SERVICE),
            "run": script,
            "bin/helm": script,
            "plugins/x/plugin.yaml": plugin,
            "shop/helm/plugins/x/plugin.yaml": plugin,
            "shop/.local/share/helm/plugins/x/plugin.yaml": plugin,
        }
    )
    for name in ("run", "bin/helm"):
        os.chmod(name, 0o755)
    monkeypatch.setenv("HELM_PLUGINS", str(tmp_path / "repository" / "plugins"))
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.environ['PATH']}")

    assert rendered()
    assert not (tmp_path / "ran").exists()


@needs_helm
def test_a_template_without_end_is_ended(repository, monkeypatch):
    """
    When the time is over, helm is ended and the reason said.
    """
    monkeypatch.setattr(renderer, "TIME_LIMIT_SECONDS", 1)
    loop = "{{ range until 1000000 }}" * 3 + "{{ end }}" * 3
    repository(chart(f"apiVersion: v1\nkind: A\nx: {loop}\n"))

    assert "it took longer than 1 seconds" in refusal()


@needs_helm
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits others")
def test_a_template_that_wants_all_memory_gets_none(repository):
    """
    A list of a billion numbers is more than helm may hold.
    """
    repository(chart("apiVersion: v1\nkind: A\nx: {{ until 1000000000 | len }}\n"))

    assert "it needed more than 2 GiB of memory" in refusal()


@needs_helm
def test_a_template_that_writes_too_much_is_ended(repository, monkeypatch):
    """
    What is written is bounded.
    """
    monkeypatch.setattr(renderer, "LARGEST_OUTPUT", 10_000)
    repository(chart('apiVersion: v1\nkind: A\nx: {{ repeat 100000 "x" }}\n'))

    assert "it wrote more than 10000 bytes" in refusal()


@needs_helm
def test_an_archive_may_neither_lead_out_nor_have_no_end(repository, monkeypatch, tmp_path):
    """
    What an archive holds stays in its place, and has to be of a bearable size when it is unpacked.
    """
    files = chart(SERVICE, more=NEEDS_REDIS + "x\n")
    hostile = {"../../../../escaped": b"x", "redis/../../escaped": b"x", "/escaped": b"x", **REDIS}
    repository({**files, "shop/charts/redis.tgz": archive(hostile)})

    assert rendered("redis")
    assert not list(tmp_path.rglob("escaped"))

    monkeypatch.setattr(chart_copy, "MOST_BYTES", 100_000)
    repository({"shop/charts/redis.tgz": archive({**REDIS, "redis/x": b"0" * 1_000_000})})
    assert "it is larger than" in refusal()

    repository({"shop/charts/redis.tgz": b"no archive"})
    assert "'charts/redis.tgz' cannot be unpacked" in refusal()


@needs_helm
def test_a_chart_may_not_have_files_without_end(repository, monkeypatch):
    """
    How many files are copied is bounded.
    """
    monkeypatch.setattr(chart_copy, "MOST_FILES", 5)
    repository(chart({f"{number}.yaml": SERVICE for number in range(10)}))

    assert "it has more than 5 files" in refusal()


@needs_helm
@pytest.mark.parametrize("name", ["--post-renderer=./run", "-x", "../x", "a/b", ""])
def test_a_name_that_is_no_name_makes_no_chart(repository, name):
    """
    What could be an option or a path is not handed to helm.
    """
    repository({**chart(SERVICE), "shop/Chart.yaml": f"apiVersion: v2\nname: {name!r}\nversion: 0.1.0\n"})

    assert not read_input(["."], render=True).rendering.charts
