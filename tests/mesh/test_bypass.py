"""Why ambient clients pass by any waypoint, and who else there is."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.mesh import Mesh

POD = "selector: {app: cart}"


def reason(text: str, name: str = "cart", kind: str = "Service") -> str | None:
    mesh = mesh_of(text)
    found = mesh.bypass(named(mesh, name, kind))
    return found.reason if found else None


@pytest.mark.parametrize(
    ("labels", "own", "expected"),
    [
        ({}, {}, "Service 'cart' has no waypoint"),
        ({"use_waypoint": "none"}, {}, "Service 'cart' has no waypoint"),
        ({"use_waypoint": "wp"}, {}, None),
        ({"use_waypoint": "wp"}, {"use_waypoint": "none"}, "Service 'cart' opts out of waypoints"),
        ({"use_waypoint": "ghost"}, {}, "Service 'cart' is not bound to waypoint 'ghost'"),
        ({"use_waypoint": "pods"}, {}, "Service 'cart' is not bound to waypoint 'pods'"),
        ({"use_waypoint": "ingress"}, {}, None),
        ({"use_waypoint": "vendor"}, {}, None),
    ],
)
def test_a_service_is_called_past_any_waypoint_for_a_reason(labels, own, expected):
    """
    A Gateway that is no waypoint, and one of another vendor, are no bypass.
    """
    text = (
        namespace("shop", dataplane_mode="ambient", **labels)
        + gateway("wp", "shop")
        + gateway("pods", "shop", waypoint_for="workload")
        + gateway("ingress", "shop", class_name="istio")
        + gateway("vendor", "shop", class_name="vendor-waypoint")
        + service("cart", "shop", **own)
    )

    assert expected == reason(text)


def test_a_headless_service_cannot_be_known_by_an_address():
    """
    It is bound all the same, for istiod.
    """
    labels = {"dataplane_mode": "ambient", "use_waypoint": "wp"}
    text = (
        namespace("shop", **labels) + gateway("wp", "shop") + service("cart", "shop", spec="clusterIP: None")
    )

    assert reason(text) == "Service 'cart' has no virtual IP"


@pytest.mark.parametrize(
    ("text", "is_ambient"),
    [
        (namespace("shop"), False),
        (namespace("shop", injection="enabled"), False),
        ("", False),
        (namespace("shop") + deployment("cart", "shop", dataplane_mode="ambient"), True),
        (
            namespace("shop", dataplane_mode="ambient") + deployment("cart", "shop", dataplane_mode="none"),
            False,
        ),
    ],
)
def test_only_ambient_services_are_bypassed(text, is_ambient):
    """
    The pods that a Service selects decide, else the labels of its namespace.
    """
    assert is_ambient == (reason(text + service("cart", "shop", spec=POD)) is not None)


def test_nothing_is_said_of_a_service_that_is_defined_in_two_ways():
    """
    One of the copies may have the label.
    """
    shop = namespace("shop", dataplane_mode="ambient") + gateway("wp", "shop")
    mesh = mesh_of(shop + service("cart", "shop") + service("cart", "shop", use_waypoint="wp"))

    assert [None, None] == [mesh.bypass(found) for found in mesh.graph.resources if found.name == "cart"]


@pytest.mark.parametrize(("elsewhere", "expected"), [("ambient", True), ("none", False)])
def test_a_service_entry_is_called_from_everywhere(elsewhere, expected):
    """
    Ambient clients of any namespace count: ztunnel reads no `exportTo`.
    """
    entry = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: bank, namespace: egress}\n"
        "spec: {hosts: [api.bank.example], resolution: DNS, exportTo: ['.']}\n"
    )
    text = namespace("egress") + namespace("shop", dataplane_mode=elsewhere) + entry

    assert expected == (reason(text, "bank", "ServiceEntry") is not None)


def mode_lines(mesh: Mesh) -> dict[str, str]:
    found = {mode.value: mesh.evidence_of(mode) for mode in DataplaneMode}
    return {mode: cause.at.field[-1] for mode, cause in found.items() if cause is not None}


def test_modes_in_use_are_shown_by_a_line():
    """
    Of a namespace by its label, of a workload by that of its pods.
    """
    text = (
        namespace("shop", dataplane_mode="ambient")
        + namespace("legacy")
        + deployment("old", "legacy", inject="true")
    )
    expected = {"ambient": "istio.io/dataplane-mode", "sidecar": "sidecar.istio.io/inject"}

    assert expected == mode_lines(mesh_of(text))


def test_a_namespace_in_which_all_pods_refuse_is_no_evidence_of_sidecars():
    """
    Its label would inject others, of which none are known.
    """
    text = namespace("legacy", injection="enabled") + deployment("old", "legacy", inject="false")

    assert mesh_of(text).evidence_of(DataplaneMode.SIDECAR) is None


UNUSED = (
    namespace("shop", dataplane_mode="ambient")
    + gateway("wp", "shop")
    + service("cart", "shop")
    + "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
    "metadata: {name: rule, namespace: shop}\n"
    "spec: {hosts: [cart], http: [{timeout: 1s}]}\n"
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", True),
        (service("orders", "shop", use_waypoint="wp"), False),
        (service("orders", "shop", use_waypoint="pw"), False),
    ],
)
def test_an_unused_waypoint_is_known_by_what_needs_it(more, expected):
    """
    Not if something uses it, or a label that is lost may mean it.
    """
    mesh = mesh_of(UNUSED + more)
    rule = named(mesh, "rule")
    found = mesh.unused_waypoint_for(rule.at("spec", "hosts", 0))

    assert expected == (found is named(mesh, "wp"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (gateway("a", "shop"), "a"),
        (gateway("a", "shop") + gateway("b", "shop"), None),
        (gateway("a", "shop") + gateway("b", "shop", waypoint_for="workload"), "a"),
        (gateway("a", "infra", routes="{from: All}"), None),
    ],
)
def test_a_service_can_use_the_only_waypoint_of_its_namespace(more, expected):
    """
    One for another kind of traffic does not count.
    """
    mesh = mesh_of(namespace("shop") + service("cart", "shop") + more)
    usable = mesh.usable_waypoint(named(mesh, "cart"))

    assert expected == (usable.name if usable else None)


RULES = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
    "metadata: {name: route, namespace: shop}\n"
    "spec: {parentRefs: [{group: '', kind: Service, name: cart}]}\n"
    "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
    "metadata: {name: rule, namespace: shop}\n"
    "spec: {host: cart, trafficPolicy: {outlierDetection: {}}}\n"
)


@pytest.mark.parametrize(
    ("text", "asking", "expected"),
    [
        (namespace("shop", use_waypoint="ghost") + service("cart", "shop"), "shop", {"route", "rule"}),
        (namespace("shop") + service("cart", "shop", use_waypoint="ghost"), "cart", {"route", "rule"}),
        (
            namespace("shop", use_waypoint="ghost") + service("cart", "shop", use_waypoint="none"),
            "shop",
            set(),
        ),
        (namespace("shop") + deployment("cart", "shop", use_waypoint="ghost"), "cart", set()),
    ],
)
def test_a_label_that_comes_to_nothing_leaves_routes_hanging(text, asking, expected):
    """
    Those for what relies on the label; a workload is nobody's parent.
    """
    mesh = mesh_of(text + RULES)
    [binding] = mesh.waypoint_requests(named(mesh, asking))
    hanging = {cause.at.manifest.value("metadata", "name") for cause in mesh.hanging_policies(binding)}

    assert expected == hanging
