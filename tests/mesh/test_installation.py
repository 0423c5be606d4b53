"""How Istio is installed: components, revisions, versions."""

import pytest

from installations import application, cni, custom, istiod, labelled, release
from manifests import gateway, graph_of, mesh_of, named, namespace
from meshlint.mesh.installation.installed_version import detect_version


def ambient_istiod(multi_network: str) -> str:
    """An istiod of ambient mode, with a switch of it."""
    return istiod(PILOT_ENABLE_AMBIENT="true", AMBIENT_ENABLE_MULTI_NETWORK=multi_network)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (cni(AMBIENT_ENABLED="true"), True),
        (cni(AMBIENT_ENABLED="false"), False),
        (cni(cni_network_config='{"ambient_enabled": true}'), True),
        (release("cni", "{ambient: {enabled: true}}"), True),
        (release("cni", "{cni: {ambient: {enabled: false}}}"), False),
        (release("cni", "{profile: ambient}"), True),
        (release("cni", "{global: {profile: ambient}}"), True),
        (release("istiod", "{profile: ambient}"), None),
        (custom("IstioCNI", "{profile: ambient}"), True),
        (custom("IstioCNI", "{values: {cni: {ambient: {enabled: true}}}}"), True),
        (custom("IstioOperator", "{profile: ambient}"), True),
        (custom("IstioOperator", "{values: {cni: {ambient: {enabled: false}}}}"), False),
        (custom("Istio", "{profile: ambient}"), None),
    ],
)
def test_whether_the_cni_does_ambient_mode(text, expected):
    """
    ConfigMap, chart values and profiles switch the CNI; istiod's profile says nothing of it.
    """
    assert expected is mesh_of(text).ambient_enabled.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (istiod(PILOT_ENABLE_AMBIENT="true"), True),
        (istiod(PILOT_ENABLE_AMBIENT="false"), False),
        (istiod(), False),
        (release("istiod", "{pilot: {env: {PILOT_ENABLE_AMBIENT: true}}}"), True),
        (release("istiod", "{env: {PILOT_ENABLE_AMBIENT: 'false'}}"), False),
        (release("istiod", "{profile: ambient}"), True),
        (release("ambient"), True),
        (custom("Istio", "{profile: ambient}"), True),
        (custom("IstioCNI", "{profile: ambient}"), None),
    ],
)
def test_whether_istiod_does_ambient_mode(text, expected):
    """
    A rendered istiod without the switch has it off; without any istiod nothing is known.
    """
    assert expected is mesh_of(text).istiod_ambient.value


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("", "1.31", None),
        (istiod(), "1.31", False),
        (istiod(AMBIENT_ENABLE_MULTI_NETWORK="true"), "1.31", False),
        (ambient_istiod("true"), "1.31", True),
        (ambient_istiod("yes"), "1.31", False),
        (ambient_istiod("${MULTI}"), "1.31", None),
        (istiod("istiod-1") + ambient_istiod("true"), "1.31", True),
        (istiod().replace("env: []", "env: [], envFrom: [{configMapRef: {name: a}}]"), "1.31", None),
        (release("istiod", "{profile: ambient}"), "1.31", False),
        (release("istiod", "{profile: custom}"), "1.31", None),
        (release("istiod", "{compatibilityVersion: '1.30'}"), "1.31", None),
        (
            release("istiod", "{profile: ambient, pilot: {env: {AMBIENT_ENABLE_MULTI_NETWORK: true}}}"),
            "1.31",
            True,
        ),
        (release("istiod").replace("values:", "valuesFrom: [{name: a}], values:"), "1.31", None),
        (release("ambient", "{istiod: {env: {AMBIENT_ENABLE_MULTI_NETWORK: 'true'}}}"), "1.31", True),
        (custom("Istio", "{profile: ambient}"), "1.31", False),
        (custom("IstioOperator", "{profile: ambient}"), "1.31", False),
        (custom("IstioOperator", "{meshConfig: {}}"), "1.31", None),
        (custom("IstioOperator", "{profile: remote}"), "1.31", None),
        (
            custom(
                "IstioOperator",
                "{components: {pilot: {k8s: {env: [{name: AMBIENT_ENABLE_MULTI_NETWORK, value: 'true'}]}}}}",
            ),
            "1.31",
            True,
        ),
    ],
)
def test_a_switch_that_istiod_is_not_given_has_its_default(text, version, expected):
    """
    Of an istiod of which all is known, what is not set is off; of others nothing is known.

    Without ambient mode istiod ignores the switches of ambient mode.
    """
    assert expected is mesh_of(text, version).multi_network.value


def test_a_default_depends_on_the_version():
    """
    Addresses are allocated by default from 1.25.
    """
    assert mesh_of(istiod(), "1.25").istiod_switch("PILOT_ENABLE_IP_AUTOALLOCATE").value is True
    assert mesh_of(istiod(), "1.24").istiod_switch("PILOT_ENABLE_IP_AUTOALLOCATE").value is False


@pytest.mark.parametrize(
    ("helm", "expected"),
    [
        ("{valuesObject: {profile: ambient}}", True),
        ('{values: "profile: ambient"}', True),
        ('{values: "meshConfig: {}"}', False),
        ('{values: "a: [", valueFiles: []}', None),
        ("{valueFiles: [ambient.yaml]}", None),
        ("{parameters: [{name: pilot.env.PILOT_ENABLE_AMBIENT, value: 'true'}]}", True),
        ('{valuesObject: {profile: default}, values: "profile: ambient"}', False),
    ],
)
def test_values_of_an_application(helm, expected):
    """
    Argo CD takes parameters, an object, or a text; what stands in other files is not known.
    """
    assert expected is mesh_of(application(helm)).istiod_ambient.value


def test_a_chart_of_another_repository_is_not_istios():
    """
    Others, too, call a chart `base` or `cni`.
    """
    foreign = application("{valuesObject: {ambient: {enabled: true}}}", "cni", "https://charts.example.com")
    own = application("{valuesObject: {ambient: {enabled: true}}}", "cni")

    assert None is mesh_of(foreign).ambient_enabled.value
    assert mesh_of(own).ambient_enabled.value


def test_without_ambient_mode_istiod_writes_nothing_about_waypoints():
    """
    There are no waypoints for an istiod that does no ambient mode.
    """
    text = namespace("shop") + gateway("wp", "shop")

    assert mesh_of(text).gateway_conditions(named(mesh_of(text), "wp"))  # type: ignore[arg-type]
    off = mesh_of(text + istiod())
    assert () == off.gateway_conditions(named(off, "wp"))  # type: ignore[arg-type]


def test_where_the_components_run():
    """
    Deployments and DaemonSets tell, then what istiod is told; else it is the usual namespace.
    """
    ztunnel = (
        "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: ztunnel, namespace: kube-system}\n"
        "spec:\n  template: {metadata: {labels: {app: ztunnel}}, "
        "spec: {serviceAccountName: zt, containers: []}}\n"
    )
    trusted = release("istiod", "{trustedZtunnelNamespace: kube-system, trustedZtunnelName: z}")

    assert ("istio-system", "ztunnel") == mesh_of("").ztunnel_account.value
    assert ("kube-system", "zt") == mesh_of(ztunnel).ztunnel_account.value
    assert ("kube-system", "z") == mesh_of(trusted).ztunnel_account.value
    assert "mesh" == mesh_of(istiod(namespace="mesh")).istiod_namespace.value
    assert "openshift" == mesh_of(release("cni", "{global: {platform: openshift}}")).platform.value
    assert mesh_of(ambient_istiod("true")).multi_network.value
    assert None is mesh_of("").multi_network.value


TAGGED = labelled("MutatingWebhookConfiguration", "istio-revision-tag-prod", rev="1-30", tag="prod")
DEFAULT_TAG = labelled(
    "MutatingWebhookConfiguration", "istio-revision-tag-default", rev="1-30", tag="default"
)
SERVICE_TAG = labelled("Service", "istiod-revision-tag-prod", rev="1-30", tag="prod")
VALIDATOR = labelled("ValidatingWebhookConfiguration", "istiod-default-validator", rev="1-30")
CANARY = istiod("istiod-1-30", REVISION="1-30", PILOT_ENABLE_AMBIENT="true")


@pytest.mark.parametrize(
    ("installed", "namespace_labels", "labels", "version", "expected"),
    [
        (CANARY, {}, {"rev": "1-30"}, "1.31", "1-30"),
        (CANARY, {"rev": "1-30"}, {}, "1.31", "1-30"),
        (CANARY, {"rev": "1-30"}, {"rev": "gone"}, "1.31", None),
        (CANARY, {}, {}, "1.31", None),
        (CANARY + TAGGED, {}, {"rev": "prod"}, "1.31", "1-30"),
        (CANARY + SERVICE_TAG, {}, {"rev": "prod"}, "1.28", "1-30"),
        (CANARY + SERVICE_TAG, {}, {"rev": "prod"}, "1.27", None),
        (CANARY + DEFAULT_TAG, {}, {}, "1.27", "1-30"),
        (CANARY + VALIDATOR, {}, {}, "1.28", "1-30"),
        (CANARY + VALIDATOR, {}, {}, "1.27", None),
        (istiod(REVISION="default"), {}, {}, "1.31", "default"),
        (istiod(), {}, {"rev": "default"}, "1.31", "default"),
    ],
)
def test_whose_a_gateway_is(installed, namespace_labels, labels, version, expected):
    """
    The Gateway's revision or its Namespace's, by name or tag; without either it is the default's.
    """
    text = installed + namespace("shop", **namespace_labels) + gateway("wp", "shop", **labels)
    mesh = mesh_of(text, version, complete=True)
    owner = mesh.owner(named(mesh, "wp", "Gateway")).value  # type: ignore[arg-type]

    assert expected == owner.value
    assert owner.is_absent == (expected is None)


def test_in_an_open_set_an_unknown_revision_may_be_installed_elsewhere():
    """
    Nobody is certain to own a Gateway only where the control planes are all known.
    """
    text = CANARY + namespace("shop") + gateway("wp", "shop", rev="other")

    assert mesh_of(text).owner(named(mesh_of(text), "wp")).value.is_unknown  # type: ignore[arg-type]
    closed = mesh_of(text, complete=True)
    assert () == closed.gateway_conditions(named(closed, "wp"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (cni(CURRENT_AGENT_VERSION="1.29.1"), "1.29.1"),
        (istiod(image="gcr.io/istio-release/pilot:1.28.3-distroless"), "1.28.3"),
        (release("istiod", version="1.27.x"), "1.27"),
        (release("istiod", version="~1.27.2"), "1.27"),
        (release("istiod", version=">=1.27.0"), None),
        (release("gateway", version="1.27.2"), None),
        (custom("Istio", "{version: v1.26-latest}"), "1.26"),
        (custom("IstioOperator", "{tag: 1.25.4}"), "1.25.4"),
        (release("istiod", "{global: {tag: 1.24.2}}", "latest"), "1.24.2"),
        (custom("Istio", "{version: v1.30-latest}") + istiod(), "1.30.2"),
        (cni(CURRENT_AGENT_VERSION="1.31.0") + istiod(), "1.31.0"),
        ("", None),
    ],
)
def test_the_version_that_is_installed(text, expected):
    """
    The newest one; of two statements the one that names a patch.
    """
    found = detect_version(graph_of(text))

    assert expected == (str(found.value) if found else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"kube-system"}),
        (cni(EXCLUDE_NAMESPACES="a, b"), {"a", "b"}),
        (cni(cni_network_config='{"kubernetes": {"exclude_namespaces": ["a"]}}'), {"a"}),
        (release("cni", "{excludeNamespaces: [a]}"), {"a"}),
        (release("cni", "{cni: {excludeNamespaces: [b]}}"), {"b"}),
        (custom("IstioCNI", "{values: {cni: {excludeNamespaces: [c]}}}"), {"c"}),
        (release("istiod", "{excludeNamespaces: [a]}"), {"kube-system"}),
    ],
)
def test_which_namespaces_the_cni_leaves_alone(text, expected):
    """
    The rendered list, also in the JSON of 1.22, else that of the chart values, else the default.
    """
    assert expected == mesh_of(text).excluded_namespaces.value
