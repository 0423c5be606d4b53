"""Which data plane a pod runs in."""

import pytest

from manifests import deployment, mesh_of, named, namespace
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.enrollment.injection import InjectionSource

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


@pytest.mark.parametrize(
    ("containers", "labels", "expected"),
    [
        ("[{name: cart}]", {}, "none"),
        ("[{name: cart}]", {"inject": "true"}, "sidecar"),
        ("[{name: cart}, {name: istio-proxy}]", {}, "sidecar"),
        ("[{name: cart}, {name: proxy, image: 'example.org/proxyv2:1.31.0'}]", {}, "sidecar"),
        ("[]", {}, "sidecar"),
    ],
)
def test_an_injected_template_needs_a_proxy_to_be_a_sidecar(containers, labels, expected):
    """
    The annotation alone keeps pods out of ambient mode, and a template without the container has no sidecar.
    """
    pods = deployment("cart", "shop", spec=f"containers: {containers}", **labels).replace(
        "      labels:\n        app",
        "      annotations: {sidecar.istio.io/status: '{}'}\n      labels:\n        app",
    )
    mesh = mesh_of(namespace("shop", **AMBIENT) + pods)
    cart = named(mesh, "cart")

    assert expected == mesh.dataplane_mode(cart).value.value
    assert mesh.chosen_for_ambient(cart).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (namespace("shop", **AMBIENT, injection="enabled") + deployment("cart", "shop"), True),
        (namespace("shop", **AMBIENT) + deployment("cart", "shop", dataplane_mode="none"), False),
        (namespace("shop") + deployment("cart", "shop", **AMBIENT, inject="true"), True),
        (namespace("shop", **AMBIENT) + deployment("cart", "shop", spec="hostNetwork: true"), False),
        (deployment("cart", "shop"), None),
    ],
)
def test_ambient_mode_is_chosen_whatever_is_injected(text, expected):
    """
    What labels choose is told apart from what a sidecar makes of it.
    """
    mesh = mesh_of(text)

    assert expected is mesh.chosen_for_ambient(named(mesh, "cart")).value


def owned(text: str, kind: str, name: str, group: str = "apps/v1") -> str:
    """The same objects, made by another one."""
    owner = f"{{apiVersion: {group}, kind: {kind}, name: {name}}}"
    return text.replace("  namespace: shop\n", f"  namespace: shop\n  ownerReferences: [{owner}]\n")


def test_the_maker_of_a_workload_is_its_owner_in_the_set():
    """
    A ReplicaSet of a Deployment is made by it, one of something that is not in the set by nobody known.
    """
    replica_set = deployment("cart-1", "shop").replace("Deployment", "ReplicaSet")
    mesh = mesh_of(
        deployment("cart", "shop")
        + owned(replica_set, "Deployment", "cart")
        + owned(replica_set.replace("cart-1", "cart-2"), "Rollout", "cart", "argoproj.io/v1alpha1")
    )

    assert named(mesh, "cart", "Deployment") is mesh.maker_of(named(mesh, "cart-1"))
    assert mesh.maker_of(named(mesh, "cart-2")) is None


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
    Where the injectors are known, a revision that none of them serves injects nothing.
    """
    injector = """---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector}
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: In, values: [stable]}
"""
    text = namespace("shop", **AMBIENT, rev="gone") + deployment("cart", "shop")
    known = mesh_of(text + injector, complete=True)

    for elsewhere in (mesh_of(text), mesh_of(text, complete=True)):
        assert InjectionSource.REVISION is elsewhere.namespace_injection(named(elsewhere, "shop")).value
    assert DataplaneMode.AMBIENT is known.dataplane_mode(named(known, "cart")).value


def cni(**data: str) -> str:
    """The ConfigMap of istio-cni."""
    entries = "".join(f"  {key}: {value!r}\n" for key, value in data.items())
    head = "---\napiVersion: v1\nkind: ConfigMap\n"
    return f"{head}metadata: {{name: istio-cni-config, namespace: istio-system}}\ndata:\n{entries}"


VERSIONS = ["1.22", "1.23", "1.24", "1.25", "1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("namespace_labels", "pod_labels", "spec", "expected"),
    [
        (AMBIENT, {}, "", "ambient"),
        ({}, AMBIENT, "", "ambient"),
        (AMBIENT, {"dataplane_mode": "none"}, "", "none"),
        (AMBIENT, {"dataplane_mode": "ambient"}, "hostNetwork: true", "none"),
    ],
)
def test_every_version_enrols_alike(version, namespace_labels, pod_labels, spec, expected):
    """
    From 1.22 pods opt in and out by label, and the host's network is never captured.
    """
    text = namespace("shop", **namespace_labels) + deployment("cart", "shop", spec=spec, **pod_labels)

    assert expected == mode(text, version=version)


def test_selectors_are_configurable_from_1_27():
    """
    Before, istio-cni reads no selectors: the labels decide.
    """
    text = namespace("shop", **AMBIENT) + deployment("cart", "shop") + cni(AMBIENT_ENABLEMENT_SELECTOR="[]")

    assert "ambient" == mode(text, version="1.26")
    assert "none" == mode(text, version="1.27")


def test_without_ambient_mode_in_the_cni_nobody_is_captured():
    """
    `AMBIENT_ENABLED: "false"` leaves every pod alone; sidecars are no business of it.
    """
    text = namespace("shop", **AMBIENT) + deployment("cart", "shop", **AMBIENT)

    assert "none" == mode(text + cni(AMBIENT_ENABLED="false"))
    assert "ambient" == mode(text + cni(AMBIENT_ENABLED="true"))
    sidecar = namespace("shop", **AMBIENT, injection="enabled") + deployment("cart", "shop")
    assert "sidecar" == mode(sidecar + cni(AMBIENT_ENABLED="false"))


ROUTER = "containers: [{name: gw, image: 'example.org/proxyv2:1.31.0', args: [proxy, router]}]"
BARE = "containers: [{name: istio-proxy, image: 'docker.io/istio/proxyv2:1.31.0'}]"
ZTUNNEL = "containers: [{name: istio-proxy, image: 'docker.io/istio/ztunnel:1.31.0', args: [proxy, ztunnel]}]"
SIDECAR = "containers: [{name: istio-proxy, image: 'istio/proxyv2:1.31.0', args: [proxy, sidecar]}]"


@pytest.mark.parametrize(
    ("namespace_labels", "pod_labels", "spec", "expected"),
    [
        ({}, {"inject": "false"}, ROUTER, "gateway"),
        ({}, {}, BARE, "gateway"),
        ({}, {}, ROUTER.replace("router", "waypoint"), "gateway"),
        ({}, {}, ZTUNNEL, "none"),
        ({}, {}, SIDECAR, "sidecar"),
        ({}, {}, BARE.replace("proxyv2", "my-proxyv2-like"), "none"),
        (AMBIENT, {"dataplane_mode": "none"}, ROUTER, "gateway"),
        (AMBIENT, {"inject": "false"}, ROUTER, "ambient"),
        (AMBIENT, {}, BARE, "ambient"),
        ({}, {}, f"hostNetwork: true\n      {ROUTER}", "gateway"),
    ],
)
def test_a_hand_deployed_proxy_is_a_gateway_unless_ztunnel_captures_it(
    namespace_labels, pod_labels, spec, expected
):
    """
    istio-cni does not know gateways: in an ambient namespace one without `none` is captured like any pod.
    """
    text = namespace("shop", **namespace_labels) + deployment("cart", "shop", spec=spec, **pod_labels)

    assert expected == mode(text)


def test_a_deployment_of_the_gateway_controller_is_a_gateway():
    """
    Istio's controller labels its pods with the Gateway's name and keeps them out of ambient mode.
    """
    pods = deployment("cart", "shop", dataplane_mode="none", inject="false").replace(
        "app: cart", "gateway.networking.k8s.io/gateway-name: cart"
    )

    assert "gateway" == mode(namespace("shop", **AMBIENT) + pods)
    assert "gateway" == mode(pods)


@pytest.mark.parametrize(("templates", "expected"), [("gateway", "gateway"), ("sidecar, gateway", "gateway")])
def test_the_templates_of_an_injected_pod_tell_gateways(templates, expected):
    """
    The list of templates may hold blanks, and it stays on pods that are injected already.
    """
    annotations = (
        f"      annotations: {{inject.istio.io/templates: '{templates}', sidecar.istio.io/status: x}}\n"
    )
    pods = deployment("cart", "shop").replace(
        "      labels:\n        app", f"{annotations}      labels:\n        app"
    )

    assert expected == mode(namespace("shop") + pods)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (AMBIENT, "ambient"),
        ({}, "none"),
        ({**AMBIENT, "injection": "enabled"}, "sidecar"),
        ({**AMBIENT, "injection": "disabled"}, "ambient"),
        ({**AMBIENT, "rev": "stable"}, "sidecar"),
    ],
)
def test_the_mode_of_a_namespace_is_that_of_its_unlabelled_pods(labels, expected):
    """
    A namespace speaks for the pods that say nothing themselves.
    """
    mesh = mesh_of(namespace("shop", **labels))

    assert expected == mesh.namespace_mode(named(mesh, "shop")).value.value  # type: ignore[arg-type]
