"""Which data plane a pod runs in."""

import pytest

from manifests import deployment, mesh_of, named, namespace
from meshlint.mesh.dataplane import DataplaneMode, InjectionSource

AMBIENT = {"dataplane_mode": "ambient"}


def mode(text: str, name: str = "cart", version: str = "1.31") -> str:
    mesh = mesh_of(text, version)
    return mesh.dataplane_mode(named(mesh, name)).value.value


@pytest.mark.parametrize(
    ("namespace_labels", "pod_labels", "expected"),
    [
        (AMBIENT, {}, "ambient"),
        ({}, AMBIENT, "ambient"),
        ({"dataplane_mode": "none"}, AMBIENT, "ambient"),
        (AMBIENT, {"dataplane_mode": "none"}, "none"),
        (AMBIENT, {"dataplane_mode": "None"}, "ambient"),
        (AMBIENT, {"dataplane_mode": "disabled"}, "ambient"),
        (AMBIENT, {"dataplane_mode": ""}, "ambient"),
        ({"dataplane_mode": "Ambient"}, {}, "none"),
        ({"dataplane_mode": "enabled"}, {}, "none"),
        ({}, {}, "none"),
        ({**AMBIENT, "injection": "enabled"}, {}, "sidecar"),
        ({**AMBIENT, "injection": "disabled"}, {}, "ambient"),
        ({**AMBIENT, "injection": "disabled"}, {"inject": "true"}, "ambient"),
        ({**AMBIENT, "injection": "true"}, {"inject": "true"}, "ambient"),
        ({**AMBIENT, "injection": "disabled", "rev": "stable"}, {}, "ambient"),
        ({**AMBIENT, "injection": "enabled", "rev": "stable"}, {}, "sidecar"),
        ({**AMBIENT, "rev": "stable"}, {}, "sidecar"),
        ({**AMBIENT, "rev": "stable"}, {"inject": "false"}, "ambient"),
        (AMBIENT, {"inject": "true"}, "sidecar"),
        (AMBIENT, {"rev": "stable"}, "sidecar"),
        (AMBIENT, {"inject": "yes"}, "ambient"),
        ({"injection": "enabled"}, {"inject": "false"}, "none"),
    ],
)
def test_mode_of_a_pod_is_decided_by_exact_labels_and_injection_wins(namespace_labels, pod_labels, expected):
    """
    Only exact values count, a pod's label beats its namespace's, and a sidecar beats ambient.
    """
    text = namespace("shop", **namespace_labels) + deployment("cart", "shop", **pod_labels)

    assert expected == mode(text)


@pytest.mark.parametrize(
    ("pod_labels", "expected"),
    [
        ({}, "unknown"),
        ({"dataplane_mode": "ambient"}, "ambient"),
        ({"dataplane_mode": "none"}, "unknown"),
        ({"dataplane_mode": "none", "inject": "false"}, "none"),
        ({"inject": "true"}, "sidecar"),
        ({"inject": "false"}, "unknown"),
    ],
)
def test_without_its_namespace_a_pod_is_only_known_by_deciding_labels(pod_labels, expected):
    """
    The labels of a Namespace that is not in the set are unknown, not absent.
    """
    assert expected == mode(deployment("cart", "shop", **pod_labels))


def test_a_pod_without_namespace_is_not_in_the_only_namespace_of_the_set():
    """
    An object that names no namespace is not guessed into one.
    """
    assert "unknown" == mode(namespace("shop", **AMBIENT) + deployment("cart"))


def test_a_namespace_that_is_defined_twice_differently_is_unknown():
    """
    Of two definitions that contradict each other neither is taken.
    """
    text = namespace("shop", **AMBIENT) + namespace("shop") + deployment("cart", "shop")

    assert "unknown" == mode(text)


def test_host_network_is_never_captured():
    """
    A pod on the host's network is in no mode, whatever its labels.
    """
    pods = deployment("cart", "shop", spec="hostNetwork: true", dataplane_mode="ambient")

    assert "none" == mode(namespace("shop", **AMBIENT) + pods)


def test_an_injected_template_stays_a_sidecar():
    """
    The annotation that the injector leaves keeps a pod out of ambient mode for ever.
    """
    text = namespace("shop", **AMBIENT) + deployment("cart", "shop").replace(
        "      labels:\n        app",
        "      annotations: {sidecar.istio.io/status: '{}'}\n      labels:\n        app",
    )

    assert "sidecar" == mode(text)


def test_gateway_injection_makes_a_gateway():
    """
    The injection template `gateway` makes a gateway proxy, not a sidecar.
    """
    text = namespace("shop", **AMBIENT) + deployment("cart", "shop", inject="true").replace(
        "      labels:\n        app",
        "      annotations: {inject.istio.io/templates: gateway}\n      labels:\n        app",
    )

    assert "gateway" == mode(text)


@pytest.mark.parametrize(("version", "expected"), [("1.30", "none"), ("1.29", "ambient")])
def test_the_exclude_list_is_honoured_from_1_30(version, expected):
    """
    Before 1.30 the node agent enrolled what the plugin had left alone.
    """
    config = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-cni-config, namespace: istio-system}
data:
  EXCLUDE_NAMESPACES: "kube-system, shop"
"""
    text = namespace("shop", **AMBIENT) + deployment("cart", "shop") + config

    assert expected == mode(text, version=version)


def test_a_custom_enablement_selector_decides_instead_of_the_labels():
    """
    With rules of its own, istio-cni enrols by them and by nothing else.
    """
    config = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-cni-config, namespace: istio-system}
data:
  AMBIENT_ENABLEMENT_SELECTOR: |
    - namespaceSelector:
        matchLabels: {team: shop}
"""
    ambient = namespace("old", **AMBIENT) + deployment("legacy", "old")
    text = namespace("shop").replace("labels: {}", "labels: {team: shop}") + deployment("cart", "shop")

    assert "ambient" == mode(text + ambient + config)
    assert "none" == mode(text + ambient + config, "legacy")


def test_the_mode_shows_the_label_that_decided():
    """
    A derived mode comes with the line that made it so.
    """
    mesh = mesh_of(namespace("shop", **AMBIENT) + deployment("cart", "shop", inject="true"))
    derived = mesh.dataplane_mode(named(mesh, "cart"))

    assert DataplaneMode.SIDECAR is derived.value
    assert "sidecar.istio.io/inject: 'true'" in derived.because[0].at.file.line(
        derived.because[0].at.span.start_line
    )


def test_injection_by_revision_needs_that_revision_where_the_installation_is_known():
    """
    Where the cluster-wide objects are complete, a revision that no webhook knows injects nothing.
    """
    text = namespace("shop", **AMBIENT, rev="gone") + deployment("cart", "shop")

    assert InjectionSource.REVISION is mesh_of(text).namespace_injection(named(mesh_of(text), "shop")).value
    complete = mesh_of(text, complete=True)
    assert DataplaneMode.AMBIENT is complete.dataplane_mode(named(complete, "cart")).value
