"""`meshlint describe` as users run it."""

import json
import os
from pathlib import Path

import pytest

from meshlint.cli import run

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
VOCABULARY = {
    "mode": {"ambient", "sidecar", "gateway", "none", "unknown"},
    "state": {
        *("bound", "absent", "opted-out", "unknown"),
        *("WaypointIsNotReady", "AttachmentDenied", "UnsupportedTrafficType"),
        "CrossNamespaceWaypointForbidden",
    },
    "mtls": {"strict", "permissive", "unknown"},
    "enforced": {"enforced", "no-effect", "never-matches", "over-deny", "partly"},
    "point": {"ztunnel", "waypoint", "sidecar", "gateway"},
}


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", ["shop", "shop-mended"])
@pytest.mark.parametrize("format_", ["text", "json"])
def test_the_examples_are_described_as_they_were(at_root, capsys, name, format_):
    """
    What `describe` says of the examples is kept, whole; `UPDATE_GOLDEN=1` writes it anew.
    """
    assert 0 == run(["describe", "--path", f"examples/{name}", "--format", format_])
    said = capsys.readouterr().out
    kept = GOLDEN / f"{name}.describe.{format_}"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(said, encoding="utf-8")

    assert kept.read_text(encoding="utf-8") == said


def test_the_readme_shows_a_real_description():
    """
    The description in the README is what the command prints for the example.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("$ meshlint describe service/shop/cart --path examples/shop-mended\n")[2]

    assert shown.partition("```")[0] in (GOLDEN / "shop-mended.describe.text").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["shop", "shop-mended"])
def test_the_json_keeps_to_its_words(at_root, capsys, name):
    """
    Every closed vocabulary of the contract is kept, and every cause has a place.
    """
    run(["describe", "--path", f"examples/{name}", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    [one] = report["sets"]

    assert ["version", "istio_version", "sets"] == list(report)
    lists = ["namespaces", "workloads", "services", "policies", "gateways", "routes"]
    assert ["name", *lists] == list(one)
    assert VOCABULARY["mode"] >= {n["dataplane_mode"]["value"] for n in one["namespaces"] + one["workloads"]}
    assert VOCABULARY["state"] >= {s["waypoint"]["state"] for s in one["services"] + one["workloads"]}
    assert VOCABULARY["mtls"] >= {w["mtls"]["value"] for w in one["workloads"]}
    assert VOCABULARY["enforced"] >= {r["enforced"] for p in one["policies"] for r in p["rules"]}
    assert VOCABULARY["point"] >= {e["point"] for p in one["policies"] for e in p["enforced_at"]}
    for namespace in one["namespaces"]:
        for cause in namespace["dataplane_mode"]["because"]:
            assert {"path", "line", "column", "end_line", "end_column"} == set(cause["location"])


@pytest.mark.parametrize(
    ("word", "titles"),
    [
        ("service/shop/cart", ["Service shop/cart"]),
        ("svc/cart", ["Service shop/cart"]),
        ("services/shop/cart", ["Service shop/cart"]),
        ("ns/shop", ["Namespace shop"]),
        ("Deployment/shop/cart", ["Deployment shop/cart"]),
        ("gateway/waypoint", ["Gateway platform/waypoint", "Gateway shop/waypoint"]),
    ],
)
def test_objects_are_named_as_with_kubectl(at_root, capsys, word, titles):
    """
    Kind, short name or plural, with or without the namespace, describes the objects of that name.
    """
    assert 0 == run(["describe", word, "--path", "examples/shop"])
    printed = capsys.readouterr().out.splitlines()
    said = [line for line in printed[:-1] if line and not line.startswith(" ")]

    assert "Istio 1.31: newest known." == printed[-1]
    assert titles == sorted(line.split("  ")[0] for line in said)


def test_an_object_that_is_not_there_is_answered_with_the_nearest(at_root, capsys):
    """
    A slip in a name ends with exit code 2 and the name that was meant.
    """
    assert 2 == run(["describe", "service/shop/crat", "--path", "examples/shop"])
    assert "did you mean 'service/shop/cart'?" in capsys.readouterr().err


def test_nothing_to_describe_is_said(tmp_path, capsys):
    """
    An empty directory is no error.
    """
    assert 0 == run(["describe", "--path", str(tmp_path)])
    assert "Nothing to describe." in capsys.readouterr().out


def test_the_context_decides_but_is_not_described(tmp_path, capsys):
    """
    `--context` makes known what is elsewhere; only the paths are described.
    """
    (tmp_path / "app.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\n"
        "spec: {ports: [{port: 80}]}\n"
    )
    (tmp_path / "ns.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/use-waypoint: wp}}\n"
    )
    arguments = ["describe", "--path", str(tmp_path / "app.yaml"), "--format", "json"]
    run(arguments)
    alone = json.loads(capsys.readouterr().out)["sets"][0]
    run([*arguments, "--context", str(tmp_path / "ns.yaml")])
    known = json.loads(capsys.readouterr().out)["sets"][0]

    assert "unknown" == alone["services"][0]["waypoint"]["state"]
    assert "WaypointIsNotReady" == known["services"][0]["waypoint"]["state"]
    assert [] == known["namespaces"]
