"""Kustomizations as kustomize builds them: places that people edit, and no way out for hostile ones."""

import os
import shutil
from pathlib import Path

import pytest

from meshlint.lint import Options, linked_meshes, lint
from meshlint.source import renderer
from meshlint.source.input import read_input
from meshlint.source.renderer import find_program, run_renderer

kustomize = pytest.mark.skipif(
    not (find_program("kustomize") or find_program("kubectl")), reason="neither kustomize nor kubectl is here"
)
BASE = {
    "base/kustomization.yaml": "resources: [cart.yaml]\n",
    "base/cart.yaml": """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
---
apiVersion: v1
kind: Service
metadata:
  name: cart
  labels:
    app: cart # the base
spec:
  ports:
    - name: http
      port: 80
    - name: admin
      port: 81
""",
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Write files, and be in their directory: a repository."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")

    def write(files: dict[str, str]) -> None:
        for name, text in {**BASE, **files}.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)

    return write


def overlay(text: str) -> dict[str, str]:
    return {"overlays/prod/kustomization.yaml": f"resources: [../../base]\n{text}"}


def built(name: str = "cart"):
    """The object of a name in the set of the overlay, which was built."""
    [only] = [one for one in read_input(["."], render=True).sets if one.name == "overlays/prod"]
    assert only.unbuilt is None
    assert only.rendered
    [found] = [m for m in only.manifests if m.value("metadata", "name") == name]
    return found


def place(manifest, *path: str | int) -> str:
    """Where a field stands: file, line, and what is written there."""
    at = manifest.at(*path)
    return f"{at.file.path}:{at.span.start_line}: {at.file.text[slice(*at.offsets)]}"


@kustomize
def test_a_field_stands_where_the_base_writes_it(repository):
    """
    What no patch touches is shown in the file of the base, at its line.
    """
    repository(overlay("namespace: shop\nlabels: [{pairs: {a: b}}]\n"))

    assert "base/cart.yaml:13: app: cart" == place(built(), "metadata", "labels", "app")
    assert "base/cart.yaml:19: port: 81" == place(built(), "spec", "ports", 1, "port")


@kustomize
def test_a_namespace_stands_in_the_kustomization(repository):
    """
    The namespace that a kustomization gives is its line.
    """
    repository(overlay("namespace: shop\nnameSuffix: ''\nlabels: [{pairs: {a: b}}]\n"))

    assert "shop" == built().value("metadata", "namespace")
    assert "overlays/prod/kustomization.yaml:2: namespace: shop" == place(built(), "metadata", "namespace")


@kustomize
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "patches:\n  - path: labels.yaml\n",
            "overlays/prod/labels.yaml:6: istio.io/use-waypoint: waypoint",
        ),
        (
            "patchesStrategicMerge: [labels.yaml]\n",
            "overlays/prod/labels.yaml:6: istio.io/use-waypoint: waypoint",
        ),
        (
            (
                "patches:\n  - patch: |-\n      apiVersion: v1\n      kind: Service\n      metadata:\n"
                "        name: cart\n        labels:\n          istio.io/use-waypoint: waypoint # here\n"
            ),
            "overlays/prod/kustomization.yaml:9: istio.io/use-waypoint: waypoint",
        ),
        (
            (
                "patches:\n  - target: {kind: Service}\n    patch: |\n\n      - op: add\n"
                "        path: /metadata/labels/istio.io~1use-waypoint\n        value: waypoint\n"
            ),
            "overlays/prod/kustomization.yaml:8: value: waypoint",
        ),
        (
            (
                "patches:\n  - target: {kind: Service}\n"
                """    patch: '[{"op": "add", "path": "/metadata/labels/istio.io~1use-waypoint","""
                """ "value": "waypoint"}]'\n"""
            ),
            "overlays/prod/kustomization.yaml:4: ",
        ),
        (
            "labels:\n  - pairs:\n      other: x\n      istio.io/use-waypoint: waypoint\n",
            "overlays/prod/kustomization.yaml:5: istio.io/use-waypoint: waypoint",
        ),
        (
            "commonLabels:\n  istio.io/use-waypoint: waypoint\n",
            "overlays/prod/kustomization.yaml:3: istio.io/use-waypoint: waypoint",
        ),
        (
            "components: [../../component]\n",
            "component/labels.yaml:6: istio.io/use-waypoint: waypoint",
        ),
    ],
)
def test_a_patched_field_stands_in_the_patch(repository, text, expected):
    """
    Patches in files and in the kustomization, merges and operations, labels, components: each at its line.
    """
    patch = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n"
        "  labels:\n    istio.io/use-waypoint: waypoint\n"
    )
    component = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: labels.yaml}]\n"
    )
    repository(
        {
            **overlay(text),
            "overlays/prod/labels.yaml": patch,
            "component/kustomization.yaml": component,
            "component/labels.yaml": patch,
        }
    )

    assert place(built(), "metadata", "labels", "istio.io/use-waypoint").startswith(expected)
    assert "base/cart.yaml:13: app: cart" == place(built(), "metadata", "labels", "app")


@kustomize
def test_an_absent_field_stands_at_its_nearest_ancestor(repository):
    """
    What is not there is shown where it would be, in the base, as for an object that is not built.
    """
    repository(overlay("labels: [{pairs: {a: b}}]\n"))

    assert "base/cart.yaml:14: spec" == place(built(), "spec", "selector", "app")
    assert built().at("spec", "selector", "app").place is None


@kustomize
def test_an_object_with_a_prefix_stands_in_its_file(repository):
    """
    An object that got another name is still found in the file that it was made of.
    """
    repository(overlay("namePrefix: prod-\n"))

    assert "base/cart.yaml:13: app: cart" == place(built("prod-cart"), "metadata", "labels", "app")


@kustomize
def test_a_generated_object_stands_at_its_generator(repository):
    """
    A ConfigMap that a kustomization generates is shown where it says so.
    """
    repository(overlay("configMapGenerator:\n  - name: settings\n    literals: [a=b]\nnameSuffix: -x\n"))
    [only] = read_input(["."], render=True).sets
    [made] = [m for m in only.manifests if m.value("kind") == "ConfigMap"]

    assert place(made, "metadata", "name").startswith("overlays/prod/kustomization.yaml:3: ")


@kustomize
def test_sibling_overlays_are_sets_of_their_own_and_share_findings(repository):
    """
    A fault of the base is one finding that names both overlays; one of an overlay is that overlay's.
    """
    head = "resources: [../../base]\npatches:\n  - target: {kind: Namespace}\n    patch: |\n"
    operation = "      - {op: add, path: /metadata/labels/istio-injection, value: "
    files = {
        f"overlays/{name}/kustomization.yaml": f"{head}{operation}{value}}}\n"
        for name, value in (("dev", "disabled"), ("prod", "enabled"))
    }
    repository(
        {
            **files,
            "base/bad.yaml": bad_service(),
            "base/kustomization.yaml": "resources: [cart.yaml, bad.yaml]\n",
        }
    )

    found = {finding.check: finding for finding in lint(Options(render=True)).findings}

    assert ("overlays/prod",) == found["dual-mode-namespace"].sets
    assert "overlays/prod/kustomization.yaml" == found["dual-mode-namespace"].at.file.path
    assert ("overlays/dev", "overlays/prod") == found["invalid-use-waypoint"].sets
    assert "base/bad.yaml" == found["invalid-use-waypoint"].at.file.path


def bad_service() -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: bad\n  namespace: shop\n  labels:\n"
        '    istio.io/use-waypoint: "None"\nspec:\n  ports: [{port: 80}]\n'
    )


@kustomize
def test_findings_of_what_was_built_have_no_edits(repository):
    """
    A base serves several overlays: what a fix of one would do to the others is not known.
    """
    repository(
        {
            "base/kustomization.yaml": "resources: [bad.yaml]\n",
            "base/bad.yaml": bad_service(),
            **overlay("labels: [{pairs: {a: b}}]\n"),
        }
    )
    os.remove("base/cart.yaml")

    [finding] = [f for f in lint(Options(render=True)).findings if f.check == "invalid-use-waypoint"]

    assert finding.fix is not None
    assert () == finding.fix.edits


@kustomize
def test_a_namespace_is_closed_when_what_puts_it_together_is_built(repository):
    """
    Nothing is missing from a set that was built, so what is not in it does not exist.
    """
    repository(overlay("namespace: shop\nlabels: [{pairs: {team: a}}]\n"))

    [linked] = linked_meshes(Options(render=True)).meshes

    assert linked.mesh.is_closed("shop")


# What a hostile repository tries


def refusal() -> str:
    """Why the only set was not built."""
    [only] = [one for one in read_input(["."], render=True).sets if one.name == "overlays/prod"]
    assert only.unbuilt is not None
    assert not only.rendered
    return only.unbuilt.why


@kustomize
@pytest.mark.parametrize(
    "text",
    [
        "components: [{url}/x]\n",
        "resources: ['{url}/x.yaml']\n",
        "resources: ['git::{url}/x.git//a?ref=main']\n",
        "patches: [{{path: '{url}/x.yaml'}}]\n",
        "crds: ['{url}/x.yaml']\n",
        "openapi: {{path: '{url}/x.json'}}\n",
        "configurations: ['{url}/x.yaml']\n",
        "replacements: [{{path: '{url}/x.yaml'}}]\n",
        "configMapGenerator: [{{name: a, files: ['x={url}/x']}}]\n",
        "transformers: ['{url}/x.yaml']\n",
        "transformers:\n  - |\n    {{apiVersion: builtin, kind: PatchTransformer, path: '{url}'}}\n",
        "helmCharts: [{{name: x, repo: '{url}'}}]\n",
    ],
)
def test_nothing_is_fetched(repository, server, text):
    """
    Whatever a kustomization names remotely keeps it from being built, and nobody is asked for it.
    """
    url, requests = server
    rest = "" if text.startswith("resources") else "resources: [../../base]\n"
    patch = "labels: [{pairs: {a: b}}]\n"
    repository({"overlays/prod/kustomization.yaml": f"{rest}{patch}{text.format(url=url)}"})

    assert refusal()
    assert [] == requests


@kustomize
@pytest.mark.parametrize("path", ["../../../secret", "/etc", "link", "../../../secret/x.yaml"])
def test_nothing_outside_of_the_repository_is_read(repository, tmp_path, path):
    """
    A base outside of the repository, by path or by link, keeps a kustomization from being built.
    """
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "kustomization.yaml").write_text("resources: [x.yaml]\n")
    (secret / "x.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: secret}\n")
    repository({"overlays/prod/kustomization.yaml": f"namespace: shop\nresources: [{path}]\n"})
    os.symlink(secret, "overlays/prod/link")

    assert "is outside of the repository" in refusal()


@kustomize
def test_a_file_of_a_generator_outside_of_the_repository_is_not_read(repository, tmp_path):
    """
    What a generator reads must be in the repository too, also behind a link.
    """
    (tmp_path / "token").write_text("secret")
    repository(overlay("configMapGenerator: [{name: istio, files: [token]}]\n"))
    os.symlink(tmp_path / "token", "overlays/prod/token")

    assert "is outside of the repository" in refusal()


@kustomize
def test_no_program_of_the_repository_is_run(repository, tmp_path, monkeypatch):
    """
    Generators that run programs are refused, and a program in the repository is not taken for kustomize.
    """
    generator = (
        "apiVersion: someteam.example.com/v1\nkind: Gen\nmetadata:\n  name: x\n  annotations:\n"
        "    config.kubernetes.io/function: |\n      exec: {path: ./run}\n"
    )
    script = f"#!/bin/sh\ntouch {tmp_path}/ran\n"
    repository(
        {
            **overlay("generators: [gen.yaml]\n"),
            "overlays/prod/gen.yaml": generator,
            "overlays/prod/run": script,
            "bin/kustomize": script,
        }
    )
    for name in ("overlays/prod/run", "bin/kustomize"):
        os.chmod(name, 0o755)
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.environ['PATH']}")

    assert "`generators` would run or fetch something" == refusal()
    assert not (tmp_path / "ran").exists()


def test_a_renderer_that_takes_too_long_is_ended_with_its_children(tmp_path, monkeypatch):
    """
    When the time is over, what the renderer has started is ended too, and the reason is said.
    """
    monkeypatch.setattr(renderer, "TIME_LIMIT_SECONDS", 0.5)
    shell = shutil.which("sh")

    output = run_renderer([shell, "-c", "(/bin/sleep 30; echo late) & /bin/sleep 30"], str(tmp_path))

    assert (None, "it took longer than 0.5 seconds") == output[:2]


def test_a_renderer_gets_nothing_of_the_environment(tmp_path, monkeypatch):
    """
    Credentials and paths of the user stay with the user.
    """
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    output = run_renderer(["/usr/bin/env"], str(tmp_path))

    assert "secret" not in output.text
    assert f"HOME={tmp_path}" in output.text


@kustomize
def test_what_cannot_be_built_is_read_in_part_and_says_why(repository):
    """
    A file that is missing is the reason that kustomize gives, and the rest is judged all the same.
    """
    repository(overlay("namespace: shop\npatches: [{path: missing.yaml}]\n"))

    assert "missing.yaml" in refusal()
    assert {"shop", "cart"} == {
        manifest.value("metadata", "name")
        for one in read_input(["."], render=True).sets
        for manifest in one.manifests
    }
