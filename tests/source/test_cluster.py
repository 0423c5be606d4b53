"""Reading a cluster: what kubectl is asked, and what becomes of its answers."""

import json
import os
import time

import pytest

from clusters import FakeCluster, listing, live
from meshlint.errors import UsageError
from meshlint.model import kind as k
from meshlint.model.decode import _DECODERS
from meshlint.source import kubectl
from meshlint.source.cluster import READ_KINDS, Cluster, read_cluster
from meshlint.source.compose import MAX_DEPTH

GATEWAYS = "gateways.gateway.networking.k8s.io"
SHOP = """
    apiVersion: v1
    kind: Namespace
    metadata: {name: shop}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: cart, namespace: shop}
    status: {loadBalancer: {}}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: cart, namespace: shop}
    status: {phase: Running, podIP: 10.0.0.1}
    ---
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata: {name: edge, namespace: shop}
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    fake = FakeCluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path)
    fake.holds(SHOP)
    return fake


def paths(read: Cluster) -> list[str]:
    return [manifest.file.path for manifest in read.manifests]


def test_the_objects_stand_where_the_cluster_has_them(cluster):
    """
    Each has a file of its own, named for what it is; two groups have a kind Gateway.
    """
    assert [
        "cluster:Namespace/shop",
        "cluster:Service/shop/cart",
        "cluster:Pod/shop/cart",
        "cluster:Gateway.networking.istio.io/shop/edge",
    ] == paths(read_cluster())


def test_an_object_is_shown_as_yaml_without_noise(cluster):
    """
    Neither what the API server notes for itself, nor a status that is no matter of the mesh.
    """
    _, service, pod, _ = read_cluster().manifests
    span = service.at("metadata", "name").span

    assert "managedFields" not in service.file.text
    assert "last-applied" not in service.file.text
    assert "  name: cart" == service.file.line(span.start_line)
    assert {"phase": "Running"} == pod.value("status")
    assert service.is_live


def test_kubectl_is_asked_to_get_and_nothing_else(cluster):
    """
    Page by page, with a limit of time, in all namespaces; never a Secret, no data of others' ConfigMaps.
    """
    cluster.says("table", "istio-system  istio  2  5d\nshop  app  3  2d\nshop istio-ca-root-cert 1 5d\n")
    read_cluster("prod")
    lists = [call for call in cluster.calls if "--all-namespaces" in call and "--no-headers" not in call]

    assert all(call.startswith("get --request-timeout=30s --context=prod ") for call in cluster.calls)
    assert all(call.endswith("--all-namespaces --chunk-size=500 --output=json") for call in lists)
    assert not [call for call in cluster.calls if "secret" in call.lower()]
    assert ["configmaps istio --namespace=istio-system --ignore-not-found --output=json"] == [
        call.partition("prod ")[2] for call in cluster.calls if "configmaps" in call and "headers" not in call
    ]


def test_every_kind_that_is_decoded_is_asked_for():
    """
    Those aside from which something is only delivered: what they brought is in the cluster.
    """
    known = {*_DECODERS, *k.GATEWAY_API, *k.INSTALLATION, *k.WAYPOINT_RULES, *k.API_EXTENSIONS}

    assert {k.HELM_RELEASE, k.ARGO_APPLICATION} == known - READ_KINDS


def test_a_kind_that_the_cluster_does_not_have_is_told(cluster):
    """
    There can be no object of it.
    """
    cluster.fails(GATEWAYS, 'error: the server doesn\'t have a resource type "gateways"')
    read = read_cluster()

    assert READ_KINDS == read.listed
    assert not read.complaints


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ("metrics.k8s.io/v1beta1", True),
        ("gateway.networking.k8s.io/v1", False),
    ],
)
def test_a_kind_whose_group_does_not_answer_may_be_there(cluster, said, is_told):
    """
    Kubectl does not know the kinds of a group that the API server could not tell it.
    """
    log = f'E1126 23:17:56.233043   20469 memcache.go:287] "err" err="couldn\'t get resource list for {said}"'
    cluster.fails(GATEWAYS, f'{log}\nerror: the server doesn\'t have a resource type "gateways"')

    assert (k.GATEWAY in read_cluster().listed) is is_told


def test_kinds_that_are_not_served_are_not_asked_for(cluster):
    """
    The cluster has its Gateways in an older version only, no TLSRoutes, and nothing of Argo.
    """
    api, versions = "gateway.networking.k8s.io", ("v1", "v1beta1")
    groups = {"apps": ["v1"], api: versions, "security.istio.io": ["v1"]}
    cluster.answers(
        "--raw=_apis",
        {
            "groups": [
                {"name": name, "versions": [{"groupVersion": f"{name}/{each}"} for each in held]}
                for name, held in groups.items()
            ]
        },
    )
    cluster.answers(
        f"--raw=_apis_{api}_v1", {"resources": [{"name": "httproutes"}, {"name": "httproutes/status"}]}
    )
    cluster.answers(f"--raw=_apis_{api}_v1beta1", {"resources": [{"name": "gateways"}]})
    cluster.answers("--raw=_apis_apps_v1", {"resources": [{"name": "deployments"}, None, {"name": 1}]})
    cluster.fails("--raw=_apis_security.istio.io_v1", "Error from server (ServiceUnavailable): no")
    cluster.fails("rollouts.argoproj.io", "nobody should ask")
    read = read_cluster()
    asked = {call.split()[2] for call in cluster.calls if "--all-namespaces" in call} - {"configmaps"}

    assert READ_KINDS == read.listed
    assert asked == {
        "namespaces",
        "services",
        "pods",
        "deployments.apps",
        GATEWAYS,
        f"httproutes.{api}",
        "authorizationpolicies.security.istio.io",
        "peerauthentications.security.istio.io",
        "requestauthentications.security.istio.io",
    }


@pytest.mark.parametrize("said", [{"groups": []}, {"groups": 1}, [], {"groups": [{"name": []}, None]}])
def test_a_list_of_groups_that_is_none_is_not_believed(cluster, said):
    """
    A kind that is there must not count as one that the cluster does not have.
    """
    cluster.answers("--raw=_apis", said)

    assert "cluster:Gateway.networking.istio.io/shop/edge" in paths(read_cluster())


def test_what_may_not_be_read_is_said_once_and_open(cluster):
    """
    One line for all the kinds that are forbidden.
    """
    cluster.forbids("pods")
    cluster.forbids(GATEWAYS)
    read = read_cluster()

    assert {k.POD, k.GATEWAY} == READ_KINDS - read.listed
    assert ("Pod, Gateway: may not be read; what they hold counts as unknown",) == read.complaints


def test_forbidden_config_maps_are_open(cluster):
    """
    They are asked for in another way than the rest.
    """
    cluster.forbids("table")

    assert {k.CONFIG_MAP} == READ_KINDS - read_cluster().listed


def test_pages_that_are_missing_are_open_and_the_others_count(cluster):
    """
    Kubectl prints what it has got, and fails.
    """
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "wp", "namespace": "shop"},
    }
    cluster.answers(GATEWAYS, listing([live(gateway, 1)]))
    cluster.fails(GATEWAYS, "Error from server (Expired): The provided continue parameter is too old")
    read = read_cluster()

    assert "cluster:Gateway/shop/wp" in paths(read)
    assert {k.GATEWAY} == READ_KINDS - read.listed
    assert "continue parameter is too old" in read.complaints[0]


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        '{"kind": "List", "items": [',
        "[]",
        '{"kind": "Table", "rows": []}',
        "[" * 100_000,
        '{"kind": "List", "items": [1, {"kind": "Gateway"}]}',
        '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Gateway", "metadata": {"name": "x"}}]}',
        "9" * 5_000,
    ],
    ids=["html", "cut", "a list", "a table", "deep", "no objects", "another kind", "a number"],
)
def test_an_answer_that_is_none_is_open(cluster, text):
    """
    Whatever stands between kubectl and the API server.
    """
    cluster.says(GATEWAYS, text)
    read = read_cluster()

    assert {k.GATEWAY} == READ_KINDS - read.listed
    assert 1 == len(read.complaints)


def test_an_object_that_is_too_deep_is_left_out(cluster):
    """
    Who may write an EnvoyFilter may write anything into it.
    """
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    metadata = {"name": "deep", "namespace": "shop"}
    item = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "EnvoyFilter",
        "metadata": metadata,
        "spec": value,
    }
    cluster.answers("envoyfilters.networking.istio.io", listing([live(item, 1)]))
    read = read_cluster()

    assert not [path for path in paths(read) if "deep" in path]
    assert {k.ENVOY_FILTER} == READ_KINDS - read.listed


def test_text_that_is_none_is_replaced(cluster):
    """
    Half a character, which JSON can spell, and characters that no terminal should get.
    """
    metadata = '{"name": "cart", "namespace": "shop", "labels": {"a": "\\ud800\\u001b[31m\\u2028"}}'
    cluster.says("services", f'{{"apiVersion": "v1", "kind": "Service", "metadata": {metadata}}}')
    service = read_cluster().manifests[1]

    assert "?\x1b[31m\u2028" == service.value("metadata", "labels", "a")
    assert "\x1b" not in service.file.text
    assert '    a: "?\\e[31m\\L"' == service.file.line(service.at("metadata", "labels", "a").span.start_line)


def test_what_takes_too_long_is_ended_with_its_children(cluster, monkeypatch):
    """
    A plugin for credentials that waits for somebody to log in, for instance.
    """
    monkeypatch.setattr(kubectl, "TIME_LIMIT_SECONDS", 1)
    cluster.is_slow("pods")
    started = time.monotonic()
    read = read_cluster()

    assert 20 > time.monotonic() - started
    assert {k.POD} == READ_KINDS - read.listed
    assert "it took longer than 1 seconds" in read.complaints[0]


def test_an_answer_without_an_end_is_not_taken(cluster, monkeypatch):
    """
    There is a limit to what is read of one kind.
    """
    monkeypatch.setattr(kubectl, "LARGEST_OUTPUT", 10_000)
    cluster.says("services", "x" * 20_000)

    assert {k.SERVICE} == READ_KINDS - read_cluster().listed


def test_a_cluster_that_is_not_there_is_an_error(cluster):
    """
    It is asked once, and not for all kinds.
    """
    log = 'E1126 23:17:56.233043   20469 memcache.go:265] "Unhandled Error" err="connection refused"'
    cluster.fails("namespaces", f"{log}\nThe connection to the server localhost:8080 was refused")
    (cluster.home / "namespaces.out").unlink()

    with pytest.raises(UsageError, match="cannot read the cluster: The connection to the server localhost"):
        read_cluster()
    assert 1 == len(cluster.calls)


def test_a_complaint_is_one_line_of_plain_text(cluster):
    """
    It comes from a server.
    """
    cluster.fails("pods", "\x1b[31mError:\nno " + "x" * 1_000)
    [complaint] = read_cluster().complaints

    assert "\x1b" not in complaint
    assert len(complaint) < 500


def test_without_kubectl_there_is_no_cluster(monkeypatch, tmp_path):
    """
    One in the working directory does not count: it may be a repository that somebody else wrote.
    """
    FakeCluster(tmp_path / "bin")
    monkeypatch.chdir(tmp_path / "bin")
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", "bin")))

    with pytest.raises(UsageError, match="kubectl"):
        read_cluster()


def test_kubectl_gets_no_relative_path(cluster, monkeypatch, tmp_path):
    """
    It runs plugins for credentials from there.
    """
    monkeypatch.setenv("PATH", os.pathsep.join((".", cluster.path, "bin", "")))
    monkeypatch.setenv("KUBECONFIG", "mine")
    program = cluster.home / "kubectl"
    program.write_text(f"#!/bin/sh\nprintf '%s' \"$PATH $KUBECONFIG\" > {tmp_path}/told\nexit 1\n")
    with pytest.raises(UsageError):
        read_cluster()
    path, config = (tmp_path / "told").read_text().rsplit(" ", 1)

    assert all(os.path.isabs(entry) for entry in path.split(os.pathsep))
    assert "mine" == config


def test_the_schemas_of_definitions_are_left_out(cluster):
    """
    They are most of what a CRD holds, and nothing that is looked at.
    """
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": GATEWAYS},
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {}}}, None]},
    }
    cluster.says("customresourcedefinitions.apiextensions.k8s.io", json.dumps(definition))
    [found] = [m for m in read_cluster().manifests if m.value("kind") == "CustomResourceDefinition"]

    assert [{"name": "v1"}, None] == found.value("spec", "versions")
