"""What becomes of waypoints with an unlucky name, label or class, and of labels that nothing reads."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service

ANNOTATED = "metadata:\n  annotations: {{{key}: {value}}}\n"
BINDING = ("ambient.istio.io/waypoint-inbound-binding", "PROXY/15088")
HOSTNAME = "  addresses: [{type: Hostname, value: wp.shop.svc.cluster.local}]\n"


def annotated(text: str, key: str, value: str) -> str:
    """A document with an annotation."""
    return text.replace("metadata:\n", ANNOTATED.format(key=key, value=value), 1)


def infrastructure(text: str, **labels: str) -> str:
    """A Gateway with labels for what is deployed."""
    lines = "".join(f"\n      istio.io/{key.replace('_', '-')}: {value}" for key, value in labels.items())
    return text.replace("spec:\n", f"spec:\n  infrastructure:\n    labels:{lines or ' {}'}\n")


def plain(text: str) -> str:
    """A Gateway for HTTP in place of HBONE."""
    return text.replace("port: 15008\n    protocol: HBONE", "port: 80\n    protocol: HTTP")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (gateway("wp", "shop", class_name="istio", dataplane_mode="ambient"), True),
        (infrastructure(gateway("wp", "shop", class_name="istio"), dataplane_mode="ambient"), True),
        (gateway("wp", "shop", class_name="istio"), False),
        (plain(gateway("wp", "shop", class_name="istio", dataplane_mode="ambient")), False),
        (gateway("wp", "shop", class_name="istio") + HOSTNAME, None),
        (annotated(plain(gateway("wp", "shop", class_name="istio")), *BINDING) + HOSTNAME, None),
        (plain(gateway("wp", "shop", class_name="istio")) + HOSTNAME, False),
        (gateway("wp", "shop", class_name="kgateway-waypoint"), None),
        (gateway("wp", "shop", class_name="istio-agentgateway"), None),
        (plain(gateway("wp", "shop", class_name="istio-agentgateway")), False),
    ],
)
def test_a_gateway_behind_ztunnel_is_a_waypoint(text, expected):
    """
    A sandwich counts by either place of its labels; of what istiod does not deploy the labels are not known.
    """
    mesh = mesh_of(text)

    assert expected is mesh.is_waypoint(named(mesh, "wp")).value


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("istio-waypoints", "istio-waypoint"),
        ("itsio-waypoint", "istio-waypoint"),
        ("istio-agentgateway-waypiont", "istio-agentgateway-waypoint"),
        ("istio-waypoint", None),
        ("istio-agentgateway-waypoint", None),
        ("kgateway-waypoint", None),
        ("waypoint", None),
        ("istio", None),
    ],
)
@pytest.mark.parametrize("version", ["1.24", "1.31"])
def test_a_class_may_be_a_slip_of_a_waypoints(class_name, expected, version):
    """
    Only what is near to a class of waypoints and no class of any version is a slip.
    """
    mesh = mesh_of(gateway("wp", "shop", class_name=class_name), version)

    assert expected == mesh.meant_class(named(mesh, "wp"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (gateway("wp", "shop"), "wp"),
        (gateway("wp", "shop", class_name="istio"), "wp-istio"),
        (gateway("wp", "shop", class_name="istio-remote"), None),
        (gateway("wp", "shop", class_name="kgateway-waypoint"), None),
        (gateway("wp", "shop") + HOSTNAME, None),
        (annotated(gateway("wp", "shop"), "gateway.istio.io/name-override", "other"), "other"),
    ],
)
def test_what_is_deployed_is_called_after_the_gateway(text, expected):
    """
    A waypoint's Service and Deployment have its name, others the class's too; an annotation gives another.
    """
    mesh = mesh_of(text)

    assert expected == mesh.deployed_name(named(mesh, "wp")).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (gateway("wp", "shop", dataplane_mode="ambient"), ["ztunnel"]),
        (gateway("wp", "shop", dataplane_mode="none", inject="false"), []),
        (gateway("wp", "shop", inject="true"), ["sidecar"]),
        (gateway("wp", "shop", inject="true") + namespace("shop"), ["sidecar"]),
        (gateway("wp", "shop", inject="true") + namespace("shop", injection="disabled"), []),
        (infrastructure(gateway("wp", "shop", dataplane_mode="ambient")), []),
        (infrastructure(gateway("wp", "shop"), dataplane_mode="ambient"), ["ztunnel"]),
        (annotated(gateway("wp", "shop", dataplane_mode="ambient"), *BINDING), []),
    ],
)
def test_a_waypoint_passes_its_labels_to_its_pods(text, expected):
    """
    What goes to the pods captures them, unless a binding says that ztunnel is to stand in front.
    """
    mesh = mesh_of(text)

    assert expected == [capture.by.value for capture in mesh.self_captures(named(mesh, "wp", "Gateway"))]


SELECTING = (
    "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
    "metadata: {name: deny, namespace: shop}\n"
    "spec:\n  selector: {matchLabels: {istio.io/gateway-name: edge}}\n  action: DENY\n"
)


@pytest.mark.parametrize(
    ("beside", "version", "expected"),
    [
        ("", "1.23", []),
        ("", "1.24", ["istio.io/gateway-name"]),
        (gateway("edge", "shop", class_name="istio"), "1.31", ["istio.io/gateway-name"]),
        (gateway("edge", "shop", class_name="istio", gateway_name="edge"), "1.31", []),
        (deployment("edge", "shop", gateway_name="edge"), "1.31", []),
        (deployment("edge", "shop", gateway_name="other"), "1.31", ["istio.io/gateway-name"]),
    ],
)
def test_a_label_is_gone_where_nobody_gives_it(beside, version, expected):
    """
    From 1.24 istiod gives gateways the old label no more; manifests may.
    """
    mesh = mesh_of(SELECTING + beside, version)

    assert expected == [removed.key for removed in mesh.removed_keys(named(mesh, "deny"))]


@pytest.mark.parametrize("version", ["1.22", "1.31"])
def test_no_known_version_reads_a_service_account_on_a_waypoint(version):
    """
    The annotation of the first waypoints went with 1.22.
    """
    mesh = mesh_of(annotated(gateway("wp", "shop"), "istio.io/for-service-account", "cart"), version)

    assert ["cart"] == [removed.value for removed in mesh.removed_keys(named(mesh, "wp"))]


@pytest.mark.parametrize(
    ("labels", "version", "expected"),
    [
        ({"use_waypoint_namespace": "infra"}, "1.31", [None]),
        ({"use_waypoint_namespace": "infra"}, "1.22", []),
        ({"use_waypoint_namespace": "infra", "use_waypoint": "none"}, "1.31", ["none"]),
        ({"use_waypoint_namespace": "infra", "use_waypoint": "wp"}, "1.31", []),
        ({"use_waypoint_namespace": "infra", "use_waypoint": ""}, "1.31", []),
        ({"use_waypoint_canary_namespace": "infra", "use_waypoint": "wp"}, "1.31", [None]),
        ({"use_waypoint_canary_namespace": "infra", "use_waypoint": "wp"}, "1.30", []),
        ({"use_waypoint_canary_namespace": "infra", "use_waypoint_canary": ""}, "1.31", [""]),
        ({"use_waypoint_canary_namespace": "infra", "use_waypoint_canary": "wp"}, "1.31", []),
    ],
)
def test_the_namespace_of_a_waypoint_counts_beside_its_name(labels, version, expected):
    """
    Without the label that names the waypoint on the same object, the one with its namespace is not read.
    """
    mesh = mesh_of(namespace("shop", use_waypoint="wp") + service("cart", "shop", **labels), version)

    assert expected == [idle.value for idle in mesh.idle_waypoint_labels(named(mesh, "cart"))]


def test_a_pod_has_no_canary_to_look_for():
    """
    The labels of canaries are for Services and Namespaces; those of waypoints for pods too.
    """
    labels = {"use_waypoint_canary_namespace": "infra", "use_waypoint_namespace": "infra"}
    mesh = mesh_of(deployment("cart", "shop", **labels))

    assert ["istio.io/use-waypoint-namespace"] == [
        idle.key for idle in mesh.idle_waypoint_labels(named(mesh, "cart"))
    ]


def test_who_selects_a_workload_is_known():
    """
    The Services and policies of its namespace whose selectors meet the labels of its pods.
    """
    text = deployment("cart", "shop") + "".join(
        service(name, where, spec=f"selector: {{app: {app}}}")
        for name, where, app in (("a", "shop", "cart"), ("b", "shop", "other"), ("c", "else", "cart"))
    )
    mesh = mesh_of(text)

    assert ["a"] == [service.name for service in mesh.services_of(named(mesh, "cart"))]
