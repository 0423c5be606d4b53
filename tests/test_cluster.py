"""The command on live state: a cluster, a cluster as context, and dumps of one."""

import json
from textwrap import dedent

import pytest
import yaml

from clusters import FakeCluster, listing, live
from meshlint.cli import run

GATEWAYS = "gateways.gateway.networking.k8s.io"
NAMESPACE = """
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop
      labels: {istio.io/use-waypoint: waypont}
"""
SERVICE = """
    apiVersion: v1
    kind: Service
    metadata: {name: cart, namespace: shop}
    spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}
    status:
      conditions:
        - type: istio.io/WaypointBound
          status: "False"
          reason: WaypointIsNotReady
          message: waypoint "shop/waypont" is not ready
"""
GATEWAY = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: waypoint, namespace: shop}
    spec:
      gatewayClassName: istio-waypoint
      listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""
ELSEWHERE = """
    apiVersion: v1
    kind: Service
    metadata: {name: kubernetes, namespace: default}
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fake = FakeCluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path)
    return fake


def together(*texts: str) -> str:
    return "\n---\n".join(dedent(text) for text in texts)


def dump(*texts: str) -> str:
    """Some objects as one dump."""
    items = enumerate(yaml.safe_load_all(together(*texts)))
    return json.dumps(listing(live(item, number) for number, item in items), indent=4)


def checked(capsys, *arguments: str) -> list[tuple[str, str, str]]:
    """The findings of a run: severity, check, path."""
    run(["check", *arguments, "--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    return [(one["severity"], one["check"], one["location"]["path"]) for one in found]


def test_a_finding_of_a_cluster_shows_the_object(cluster, capsys):
    """
    The condition of the Service says nothing that the label to blame does not.
    """
    cluster.holds(together(NAMESPACE, SERVICE, GATEWAY))

    assert 1 == run(["check", "--cluster"])
    assert (
        dedent("""\
        error[dangling-waypoint]: no waypoint 'waypont' in namespace 'shop': \
traffic goes straight to the pods and L7 policies are skipped
          --> cluster:Namespace/shop:6:5
           |
         6 |     istio.io/use-waypoint: waypont
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
          ::: cluster:Gateway/shop/waypoint:4:3
           |
         4 |   name: waypoint
           |   -------------- waypoint 'waypoint' is here
           |
           = help: use 'waypoint'
           = impact: exposure

        Found 1 error in the cluster (3 objects, Istio 1.31: newest known).
        """)
        == capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "name", ["json", "jsonl", "sarif", "github", "gitlab", "junit", "markdown", "concise", "text"]
)
def test_every_format_can_show_a_cluster(cluster, capsys, name):
    """
    What is no file has a name of its own in each.
    """
    cluster.holds(together(NAMESPACE, GATEWAY))

    assert 1 == run(["check", "--cluster", "--format", name])
    assert "cluster:Namespace/shop" in capsys.readouterr().out.replace("%3A", ":")


def test_a_kind_that_may_not_be_read_is_said_and_unknown(cluster, capsys):
    """
    The waypoint may be there.
    """
    cluster.holds(together(NAMESPACE, SERVICE))
    cluster.forbids(GATEWAYS)

    assert [
        ("note", "dangling-waypoint", "cluster:Namespace/shop"),
    ] == checked(capsys, "--cluster", "--select", "dangling-waypoint")
    assert 0 == run(["check", "--cluster", "--select", "dangling-waypoint"])
    assert "meshlint: Gateway: may not be read; what they hold counts as unknown\n" == capsys.readouterr().err


def test_an_empty_cluster_is_fine(cluster, capsys):
    """
    There is nothing to check, and that is said.
    """
    assert 0 == run(["check", "--cluster"])
    assert "No objects to check in the cluster.\n" == capsys.readouterr().out


def test_the_settings_of_a_repository_do_not_hold_for_a_cluster(cluster, capsys):
    """
    That a repository is complete says nothing of what may not be read.
    """
    cluster.holds(NAMESPACE)
    cluster.forbids(GATEWAYS)
    with open("meshlint.toml", "w", encoding="utf-8") as settings:
        settings.write('complete = true\nnamespace = "shop"\ncontext = ["gone"]\n')

    assert [("note", "dangling-waypoint", "cluster:Namespace/shop")] == checked(capsys, "--cluster")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cluster", "apps"], "to look at 'apps' in view of the cluster there is `--context-cluster`"),
        (["--cluster", "--context-cluster"], "not both"),
        (["--cluster", "--fix"], "`--fix` is for files"),
        (["--cluster", "--diff"], "`--diff` is for files"),
        (["--cluster", "--only-files"], "`--only-files` is for files"),
        (["--kube-context", "prod"], "`--kube-context` is for"),
    ],
)
def test_options_that_contradict_each_other_are_refused(cluster, capsys, arguments, message):
    """
    Nothing is read for them.
    """
    assert 2 == run(["check", *arguments])
    assert message in capsys.readouterr().err
    assert not cluster.calls


def test_files_are_checked_in_view_of_a_cluster(cluster, capsys):
    """
    What the cluster holds is there; of what it does not hold, nothing is.
    """
    with open("cart.yaml", "w", encoding="utf-8") as file:
        file.write(
            together(SERVICE.replace("{name: cart, ", "{name: cart, labels: {istio.io/use-waypoint: wp}, "))
        )
    cluster.holds(together(NAMESPACE, GATEWAY.replace("name: waypoint", "name: wp")))

    assert [("note", "dangling-waypoint", "cart.yaml")] == checked(capsys, "--select", "dangling-waypoint")
    assert [] == checked(capsys, "--context-cluster", "--select", "dangling-waypoint")
    cluster.holds(GATEWAY)
    assert [("error", "dangling-waypoint", "cart.yaml")] == checked(
        capsys, "--context-cluster", "--select", "dangling-waypoint"
    )


def test_a_template_may_bring_what_the_cluster_lacks(cluster, capsys):
    """
    What is about to be applied and was not read is not in the cluster yet.
    """
    label = "{name: cart, labels: {istio.io/use-waypoint: wp}, "
    with open("cart.yaml", "w", encoding="utf-8") as file:
        file.write(together(SERVICE.replace("{name: cart, ", label)))
    with open("more.yaml", "w", encoding="utf-8") as file:
        file.write(together(GATEWAY.replace("name: waypoint", "name: '{{ .Values.name }}'")))

    assert [("note", "dangling-waypoint", "cart.yaml")] == checked(
        capsys, "--context-cluster", "--select", "dangling-waypoint"
    )


def test_describe_says_what_istiod_has_written(cluster, capsys):
    """
    The manifests look right, and istiod sees no waypoint that is ready: that is the case.
    """
    cluster.holds(
        together(NAMESPACE.replace("waypont", "waypoint"), SERVICE, GATEWAY).replace("waypont", "waypoint")
    )

    assert 0 == run(["describe", "--cluster", "service/shop/cart"])
    assert (
        dedent("""\
        Service shop/cart  cluster:Service/shop/cart:4:3
          waypoint  none: the one that is asked for is not ready, and traffic goes straight to the pods
                    because namespace 'shop' asks for waypoint 'waypoint'  cluster:Namespace/shop:6:5
                    because without `istio.io/waypoint-for` it is for service traffic  \
cluster:Gateway/shop/waypoint:4:3
                    because istiod has written False (WaypointIsNotReady)  cluster:Service/shop/cart:16:5
          istiod    has written istio.io/WaypointBound=False (WaypointIsNotReady): \
waypoint "shop/waypoint" is not ready

        Istio 1.31: newest known.
        """)
        == capsys.readouterr().out
    )


def test_describe_marks_what_is_written_for_scripts(cluster, capsys):
    """
    A condition that is predicted has no such mark.
    """
    ready = SERVICE.replace('status: "False"', 'status: "True"').replace(
        "WaypointIsNotReady", "WaypointAccepted"
    )
    ready = ready.replace(
        'waypoint "shop/waypont" is not ready', "Successfully attached to waypoint shop/waypont"
    )
    cluster.holds(together(NAMESPACE, ready))
    cluster.forbids(GATEWAYS)
    run(["describe", "--cluster", "--format", "json"])
    [service] = json.loads(capsys.readouterr().out)["sets"][0]["services"]

    assert ("bound", "shop/waypont") == (service["waypoint"]["state"], service["waypoint"]["value"])
    assert [True] == [condition.get("written") for condition in service["conditions"]]


def test_a_dump_of_all_namespaces_tells_what_it_was_asked_for(cluster, capsys, monkeypatch):
    """
    Without a Gateway in it, whether Gateways were asked for is not known, unless the user says so.
    """
    arguments = ("dump.json", "--select", "dangling-waypoint")
    for texts, expected in (
        ((NAMESPACE, SERVICE, ELSEWHERE, GATEWAY), "error"),
        ((NAMESPACE, SERVICE, ELSEWHERE), "note"),
        ((NAMESPACE, SERVICE, GATEWAY), "warning"),
    ):
        with open("dump.json", "w", encoding="utf-8") as file:
            file.write(dump(*texts))
        assert [(expected, "dangling-waypoint", "dump.json")] == checked(capsys, *arguments)
        assert [("error", "dangling-waypoint", "dump.json")] == checked(capsys, *arguments, "--complete")


def test_noise_and_values_that_look_like_templates_do_not_hide_a_dump(cluster, capsys):
    """
    What a cluster holds is rendered, whatever its annotations and arguments look like.
    """
    noisy = NAMESPACE.replace("waypont}", "waypont, shop: '${SHOP}'}\n  annotations: {note: '{{ x }}'}")
    noisy = noisy.replace("\n  annotations", "\n      annotations")
    with open("dump.json", "w", encoding="utf-8") as file:
        file.write(dump(noisy, ELSEWHERE, GATEWAY))

    assert [("error", "dangling-waypoint", "dump.json")] == checked(
        capsys, "dump.json", "--select", "dangling-waypoint,unrendered-template"
    )


def test_two_dumps_of_one_object_agree_but_for_what_the_cluster_notes(cluster, capsys):
    """
    Version, generation and status change by themselves.
    """
    later = dump(NAMESPACE, ELSEWHERE, GATEWAY).replace('"10', '"20').replace('"f:labels"', '"f:spec"')
    with open("dumps.yaml", "w", encoding="utf-8") as file:
        file.write(f"{dump(NAMESPACE, ELSEWHERE, GATEWAY)}\n---\n{later}")
    found = checked(capsys, "dumps.yaml", "--select", "dangling-waypoint,duplicate-resource")

    assert {"note", "error"} == {severity for severity, _, _ in found}
    assert {"error"} == {severity for severity, check, _ in found if check == "dangling-waypoint"}


def test_a_dump_as_context_answers_for_the_kinds_that_it_holds(cluster, capsys):
    """
    The waypoint that a file asks for is in it, or is nowhere.
    """
    label = "{name: cart, labels: {istio.io/use-waypoint: wp}, "
    with open("cart.yaml", "w", encoding="utf-8") as file:
        file.write(together(SERVICE.replace("{name: cart, ", label)))
    arguments = ("cart.yaml", "--context", "dump.json", "--select", "dangling-waypoint")
    for gateway, expected in (
        (GATEWAY.replace("name: waypoint", "name: wp"), []),
        (GATEWAY, [("error", "dangling-waypoint", "cart.yaml")]),
        (NAMESPACE, [("note", "dangling-waypoint", "cart.yaml")]),
    ):
        with open("dump.json", "w", encoding="utf-8") as file:
            file.write(dump(ELSEWHERE, SERVICE, gateway))

        assert expected == checked(capsys, *arguments)


def test_a_value_that_looks_like_a_comment_suppresses_nothing(cluster, capsys):
    """
    Whoever may write a label's neighbour could silence a finding otherwise.
    """
    trick = NAMESPACE.replace("waypont}", "'waypont # meshlint: ignore[all]'}")
    cluster.holds(together(trick, GATEWAY))
    label = yaml.safe_load(trick)["metadata"]["labels"]["istio.io/use-waypoint"]

    assert label.endswith("ignore[all]")
    assert ("error", "invalid-use-waypoint", "cluster:Namespace/shop") in checked(capsys, "--cluster")
