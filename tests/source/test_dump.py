"""Which kinds a dump shows to be told completely."""

from textwrap import dedent

import yaml

from clusters import listing, live
from meshlint.source.dump import listed_kinds
from meshlint.source.reading import read_text

NAMESPACE, SERVICE, GATEWAY = ("", "Namespace"), ("", "Service"), ("gateway.networking.k8s.io", "Gateway")
OF_TWO_NAMESPACES = """
    apiVersion: v1
    kind: Service
    metadata: {name: cart, namespace: shop, labels: {app: cart, tier: web}}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: kubernetes, namespace: default, labels: {component: apiserver}}
"""
NAMESPACES = "\n---\n".join(
    f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"
    for name in ("default", "kube-node-lease", "kube-public", "kube-system", "shop")
)
A_GATEWAY = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: wp, namespace: shop}
"""


def dumped(*texts: str) -> str:
    """Some objects as one list, the way kubectl prints it."""
    items = [item for text in texts for item in yaml.safe_load_all(dedent(text))]
    return yaml.safe_dump(listing(live(item, number) for number, item in enumerate(items)))


def listed(text: str) -> set[tuple[str, str]]:
    """What a file shows to be told completely."""
    return set(listed_kinds(read_text("dump.yaml", text.encode()).manifests))


def test_objects_of_two_namespaces_show_that_all_were_asked_for():
    """
    A dump of all namespaces closes the kinds that it holds, and no other.
    """
    assert {SERVICE, GATEWAY} == listed(dumped(OF_TWO_NAMESPACES, A_GATEWAY))
    assert {SERVICE} == listed(dumped(OF_TWO_NAMESPACES))


def test_a_dump_of_one_namespace_may_hold_what_was_asked_for_by_name():
    """
    `kubectl get gateway wp -n shop` gives no less.
    """
    assert not listed(dumped(A_GATEWAY))
    assert not listed(dumped(A_GATEWAY, A_GATEWAY.replace("wp", "wp2")))


def test_a_label_that_all_have_may_have_narrowed_the_dump():
    """
    `kubectl get svc -A -l tier=web` gives objects of several namespaces, and not all.
    """
    narrowed = OF_TWO_NAMESPACES.replace("component: apiserver", "component: apiserver, tier: web")

    assert not listed(dumped(narrowed))


def test_the_namespaces_of_every_cluster_show_that_all_namespaces_were_asked_for():
    """
    Cluster-wide objects alone may have been asked for by their names.
    """
    assert {NAMESPACE} == listed(dumped(NAMESPACES))
    assert not listed(dumped(NAMESPACES.replace("kube-public", "store")))
    assert {NAMESPACE, SERVICE} == listed(dumped(NAMESPACES, OF_TWO_NAMESPACES))


def test_what_is_no_list_of_a_cluster_shows_nothing():
    """
    Neither documents of their own, nor a list that somebody has written.
    """
    items = yaml.safe_load(dumped(OF_TWO_NAMESPACES, A_GATEWAY))["items"]
    written = yaml.safe_load_all(dedent(OF_TWO_NAMESPACES))

    assert not listed(yaml.safe_dump_all(items))
    assert not listed(yaml.safe_dump(listing(written)))
    assert not listed(yaml.safe_dump(listing([*items, *yaml.safe_load_all(dedent(A_GATEWAY))])))


def test_lists_count_one_by_one_and_with_what_they_hold():
    """
    Lists within a list are one dump; lists one after the other are not.
    """
    one, other = dumped(OF_TWO_NAMESPACES), dumped(A_GATEWAY)
    nested = yaml.safe_dump(listing([yaml.safe_load(one), yaml.safe_load(other)]))

    assert {SERVICE} == listed(f"{one}---\n{other}")
    assert {SERVICE, GATEWAY} == listed(nested)


def test_odd_metadata_does_no_harm():
    """
    A dump is input like any other.
    """
    odd = {"name": [], "namespace": {}, "labels": "none", "uid": "a", "resourceVersion": "1"}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {**odd, "name": name}} for name in ([], {})
    ]

    assert not listed(yaml.safe_dump(listing(items)))
