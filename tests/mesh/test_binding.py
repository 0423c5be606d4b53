"""Which waypoint an object really gets."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service

SHOP = namespace("shop")


def state(text: str, name: str, kind: str | None = None, **options: object) -> str:
    mesh = mesh_of(text, **options)  # type: ignore[arg-type]
    return mesh.waypoint_binding(named(mesh, name, kind)).state.value


def test_a_service_is_bound_to_the_waypoint_of_its_namespace():
    """
    Without a label of its own a Service takes its namespace's waypoint.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + service("cart", "shop")

    assert "bound" == state(text, "cart")


def test_an_object_label_hides_the_namespace_label_even_if_it_names_nothing():
    """
    There is no fall-back to the namespace's waypoint.
    """
    text = (
        namespace("shop", use_waypoint="wp")
        + gateway("wp", "shop")
        + service("cart", "shop", use_waypoint="x")
    )

    assert "WaypointIsNotReady" == state(text, "cart")


def test_none_opts_out_of_the_namespace_waypoint():
    """
    The value `none` on a Service means no waypoint, on a Namespace it means no label.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")

    assert "opted-out" == state(text + service("cart", "shop", use_waypoint="none"), "cart")
    assert "absent" == state(namespace("shop", use_waypoint="none") + service("cart", "shop"), "cart")


def test_none_is_exact():
    """
    `None` is the name of a Gateway, one that is not there.
    """
    assert "WaypointIsNotReady" == state(SHOP + service("cart", "shop", use_waypoint="None"), "cart")


def test_the_waypoint_namespace_counts_only_beside_use_waypoint():
    """
    `use-waypoint-namespace` of the Namespace is not inherited by a Service with its own name.
    """
    text = (
        namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
        + namespace("infra")
        + gateway("wp", "infra", routes="{from: All}")
    )

    assert "bound" == state(text + service("cart", "shop"), "cart")
    assert "WaypointIsNotReady" == state(text + service("cart", "shop", use_waypoint="wp"), "cart")


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("", "AttachmentDenied"),
        ("{from: Same}", "AttachmentDenied"),
        ("{from: All}", "bound"),
        ("{from: Anything}", "AttachmentDenied"),
        ("{from: Selector}", "AttachmentDenied"),
        ("{from: Selector, selector: {}}", "bound"),
        ("{from: Selector, selector: {matchLabels: {team: a}}}", "AttachmentDenied"),
        ("{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}}", "bound"),
        (
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: NotIn, values: [b]}]}}",
            "bound",
        ),
    ],
)
def test_allowed_routes_decide_across_namespaces(routes, expected):
    """
    The HBONE listener's allowedRoutes admit by the labels of the object's namespace.
    """
    text = (
        SHOP
        + namespace("infra")
        + gateway("wp", "infra", routes=routes)
        + service("cart", "shop", use_waypoint="wp", use_waypoint_namespace="infra")
    )

    assert expected == state(text, "cart")


def test_before_1_23_allowed_routes_are_not_looked_at():
    """
    1.22 has no attachment check.
    """
    text = (
        SHOP
        + namespace("infra")
        + gateway("wp", "infra")
        + service("cart", "shop", use_waypoint="wp", use_waypoint_namespace="infra")
    )

    assert "bound" == state(text, "cart", version="1.22")


@pytest.mark.parametrize(
    ("waypoint_for", "service_state", "pod_state"),
    [
        ("service", "bound", "UnsupportedTrafficType"),
        ("workload", "UnsupportedTrafficType", "bound"),
        ("all", "bound", "bound"),
        ("none", "UnsupportedTrafficType", "UnsupportedTrafficType"),
        ("services", "UnsupportedTrafficType", "UnsupportedTrafficType"),
        ("", "UnsupportedTrafficType", "UnsupportedTrafficType"),
    ],
)
def test_waypoint_for_has_to_cover_the_kind_of_object(waypoint_for, service_state, pod_state):
    """
    An unknown value of waypoint-for behaves like `none`.
    """
    text = (
        SHOP
        + gateway("wp", "shop", waypoint_for=waypoint_for)
        + service("cart", "shop", use_waypoint="wp")
        + deployment("pods", "shop", use_waypoint="wp")
    )

    assert service_state == state(text, "cart")
    assert pod_state == state(text, "pods")


def test_a_pod_does_not_suffer_from_its_namespace_s_service_waypoint():
    """
    An inherited waypoint that is for Services leaves pods without one, and that is no error.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + deployment("pods", "shop")

    assert "absent" == state(text, "pods")


def test_an_open_scope_makes_a_missing_gateway_unknown():
    """
    Without the Namespace object the Gateway may have been made elsewhere.
    """
    assert "unknown" == state(service("cart", "shop", use_waypoint="wp"), "cart")


def test_a_gateway_without_namespace_may_be_the_one_that_is_meant():
    """
    A Gateway of that name whose namespace is not told keeps the answer open.
    """
    text = SHOP + gateway("wp") + service("cart", "shop", use_waypoint="wp")

    assert "unknown" == state(text, "cart")


def test_objects_without_namespace_are_together():
    """
    What is applied with one `-n` is taken to be in one namespace.
    """
    assert "bound" == state(gateway("wp") + service("cart", use_waypoint="wp"), "cart")


def test_external_names_and_waypoint_services_have_no_waypoint():
    """
    An alias is not known to ztunnel, and a waypoint does not go through itself.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")
    alias = service("bank", "shop", spec="type: ExternalName", use_waypoint="wp")
    own = service("wp", "shop").replace("app: wp", "gateway.istio.io/managed: istio.io-mesh-controller")

    assert "absent" == state(text + alias, "bank")
    assert "absent" == state(text + own, "wp", "Service")


def test_the_class_says_what_a_waypoint_is_for_unless_the_gateway_does():
    """
    The Gateway's label wins over its class's; a class that is not in the set may say anything.
    """
    the_class = """---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ours, labels: {istio.io/waypoint-for: workload}}
spec: {controllerName: istio.io/mesh-controller}
"""
    user = SHOP + service("cart", "shop", use_waypoint="wp")

    assert "UnsupportedTrafficType" == state(
        user + gateway("wp", "shop", class_name="ours") + the_class, "cart"
    )
    labelled = gateway("wp", "shop", class_name="ours", waypoint_for="all")
    assert "bound" == state(user + labelled + the_class, "cart")
    assert "unknown" == state(user + gateway("wp", "shop", class_name="ours"), "cart")


def test_a_binding_starts_its_causes_with_the_label():
    """
    The first cause is the label that asked, the next the line that decided.
    """
    mesh = mesh_of(namespace("shop", use_waypoint="wp") + gateway("wp", "shop", waypoint_for="workload"))
    binding = mesh.waypoint_binding(named(mesh, "shop"))
    lines = [cause.at.file.line(cause.at.span.start_line).strip() for cause in binding.because]

    assert ["istio.io/use-waypoint: 'wp'", "istio.io/waypoint-for: 'workload'"] == lines
