"""What nothing looks at: manifests without it are to the mesh what they were."""

from pathlib import Path

import pytest

from meshlint.checking.catalog import load_catalog
from meshlint.lint import Options, lint
from meshlint.model.unseen import seen
from meshlint.report import render
from meshlint.source.document import Manifest

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = [
    ROOT / "examples",
    *sorted(path.parent for path in (ROOT / "checks" / "meshlint_checks").glob("*/__init__.py")),
    *sorted(path for path in (ROOT / "tests" / "corpus").iterdir() if path.name != "README.md"),
]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_nothing_is_found_otherwise_without_what_nothing_looks_at(path, monkeypatch):
    """
    Places stay what they are, since they are looked up in the text.
    """
    catalog = load_catalog()
    whole = lint(Options(paths=[str(path)]), catalog)
    pruned = []

    make = Manifest.__init__

    def without(manifest, file, data, *others):
        pruned.append(seen(data) != data)
        make(manifest, file, seen(data), *others)

    monkeypatch.setattr(Manifest, "__init__", without)
    rest = lint(Options(paths=[str(path)]), catalog)

    assert pruned
    assert render(whole, "json") == render(rest, "json")


RESTARTED = "kubectl.kubernetes.io/restartedAt"


def pod(**fields):
    return {"spec": {"containers": [{"name": "app", **fields}], "serviceAccountName": "cart"}}


def workload(kind, **spec):
    version = {"Pod": "v1", "CronJob": "batch/v1", "Rollout": "argoproj.io/v1alpha1"}.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, **spec}


def test_of_each_workload_the_pods_are_known():
    for kind in ("Deployment", "Rollout"):
        template = pod(image="cart:1.2", resources={}, ports=[])
        whole = workload(kind, spec={"replicas": 2, "selector": {}, "template": template})

        assert workload(kind, spec={"selector": {}, "template": pod(ports=[])}) == seen(whole)
    job = {"backoffLimit": 3, "template": pod(image="cart:1.2", args=["x"])}
    whole = workload("CronJob", spec={"schedule": "* * * * *", "jobTemplate": {"spec": job}})
    rest = {"jobTemplate": {"spec": {"template": pod(args=["x"])}}}
    assert workload("CronJob", spec=rest) == seen(whole)
    restarted = {"template": {"metadata": {"annotations": {RESTARTED: "now", "team": "shop"}}}}
    rest = {"template": {"metadata": {"annotations": {"team": "shop"}}}}
    assert workload("Deployment", spec=rest) == seen(workload("Deployment", spec=restarted))
    assert workload("Pod", **pod(env=[])) == seen(workload("Pod", **pod(env=[], command=["x"])))


@pytest.mark.parametrize(
    "data",
    [
        workload("Pod", **pod(image="docker.io/istio/proxyv2:1.24.0")),
        workload("Pod", **pod(image="registry.example/mirror/ztunnel:1.24.0")),
        workload("Pod", **pod(image=5)),
        workload("Pod", **pod(replicas=5)),
        workload("Pod", spec={"replicas": 5, "containers": {"image": "cart:1.2"}}),
        workload("Pod", spec={"containers": [[{"image": "cart:1.2"}]]}),
        workload("Pod", metadata={"annotations": {RESTARTED: "now"}}),
        workload("Deployment", metadata={"annotations": {RESTARTED: "now"}}),
        workload("Deployment", spec={"template": {"metadata": {"annotations": {RESTARTED: 5}}}}),
        {"apiVersion": "example.com/v1", "kind": "Deployment", "spec": {"replicas": 5}},
        {"apiVersion": ["apps/v1"], "kind": "Deployment", "spec": {"replicas": 5}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio"}, "data": {"mesh": ""}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"retries": 3}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"mesh": ""}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": [], "data": {"mesh": ""}},
        {"apiVersion": "v1", "kind": "Secret", "data": ["x"]},
        {"apiVersion": "v1", "kind": "Service", "data": {"x": "y"}, "rules": [], "stringData": {}},
    ],
)
def test_what_may_be_looked_at_stays(data):
    """
    What is of Istio, what has a type that it should not have, and what stands elsewhere.
    """
    assert data == seen(data)
