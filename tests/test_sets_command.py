"""`meshlint sets`, as it is typed."""

import json
from pathlib import Path

import pytest

from meshlint.cli import run

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
FLUX = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps
  targetNamespace: shop
"""
REMOTE = "resources: [cart.yaml, 'https://github.com/o/r']\n"
RELEASE = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: cache}
spec: {chart: {spec: {chart: redis}}}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A repository with a cluster of Flux, and something else."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        ".git/HEAD": "",
        "flux/apps.yaml": FLUX,
        "flux/shop.yaml": NAMESPACE,
        "apps/cart.yaml": SERVICE,
        "lone.yaml": SERVICE,
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)


def test_each_set_is_told_with_what_decided_it(here, capsys):
    """
    Its objects, those without a namespace, and which namespaces it tells completely.
    """
    Path("flux/apps.yaml").write_text(
        f"{FLUX}---\n{NAMESPACE}---\n{RELEASE}---\n{NAMESPACE.replace('shop', 'cache')}"
    )

    assert 0 == run(["sets"])
    assert (
        ".: a directory\n"
        "  1 object from 1 file, 1 of them in no namespace that is told\n"
        "\n"
        "flux: a cluster of Flux (flux/apps.yaml:5:3)\n"
        "  6 objects from 3 files\n"
        "  complete: shop\n"
        "  open, more is delivered to it than was read: cache\n"
        "  open, its Namespace is not in the set: flux-system\n"
        "\n"
        "2 sets, 7 objects.\n"
    ) == capsys.readouterr().out


def test_what_was_not_built_is_told_with_the_reason(here, capsys):
    """
    And `check` says how many there are.
    """
    Path("apps/kustomization.yaml").write_text(REMOTE)

    run(["sets"])
    said = capsys.readouterr().out
    assert "  not built: " in said
    assert "1 kustomization not built." in said
    run(["check"])
    assert "1 kustomization changes or adds objects and was not applied" in capsys.readouterr().out


def test_scripts_get_the_same(here, capsys):
    """
    One object a set, with places as everywhere.
    """
    Path("apps/kustomization.yaml").write_text(REMOTE)

    assert 0 == run(["sets", "--format", "json", "flux", "apps", "--no-render"])
    report = json.loads(capsys.readouterr().out)
    [one] = report["sets"]
    assert (1, None) == (report["version"], report["built_by"])
    assert {
        "name": "flux",
        "decided_by": "flux",
        "because": {"path": "flux/apps.yaml", "line": 5, "column": 3, "end_line": 5, "end_column": 15},
        "files": 3,
        "objects": 3,
        "without_namespace": 0,
        "closed_namespaces": [],
        "open_namespaces": [
            {"name": "flux-system", "why": "its Namespace is not in the set"},
            {"name": "shop", "why": "more is delivered to it than was read"},
        ],
        "not_read": [],
    } == {key: value for key, value in one.items() if key != "not_built"}
    assert ["nothing was to be rendered"] == [it["message"] for it in one["not_built"]]


def test_a_cluster_is_linted_at_the_lines_that_people_edit(here, capsys):
    """
    What Flux writes into an object is blamed in Flux.
    """
    Path("flux/apps.yaml").write_text(
        f"{FLUX}  commonMetadata:\n    labels:\n      istio.io/dataplane-mode: ambiet\n"
    )

    assert 1 == run(["check", "--format", "concise"])
    assert "flux/apps.yaml:9:7: " in capsys.readouterr().out


def test_a_template_that_flux_fills_is_not_counted(here, capsys):
    """
    A document with variables is checked with their values; it is not said to be left out.
    """
    Path("apps/cart.yaml").write_text(SERVICE.replace("cart", "'${NAME}'"))

    run(["check"])
    assert "1 template not rendered" in capsys.readouterr().out
    Path("flux/apps.yaml").write_text(f"{FLUX}  postBuild: {{substitute: {{NAME: cart}}}}\n")
    run(["check"])
    assert "not rendered" not in capsys.readouterr().out
