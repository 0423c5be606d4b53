"""What the checks about waypoints advise."""

import pytest

from manifests import gateway, mesh_of, named, namespace, service
from meshlint.checking.catalog import load_catalog
from meshlint.checking.finding import Problem

CHECKS = {check.id: check for check in load_catalog().checks}


def problem(check: str, text: str, subject: str, kind: str | None = None) -> Problem:
    """The one problem that a check finds with an object."""
    mesh = mesh_of(text)
    [found] = CHECKS[check].run(named(mesh, subject, kind), mesh)
    return found


def advice(check: str, text: str, subject: str, kind: str | None = None) -> str:
    """The advice on the one problem that a check finds with an object."""
    fix = problem(check, text, subject, kind).fix
    assert fix is not None
    return fix.title


def test_a_waypoint_that_is_near_to_nothing_is_to_be_deployed():
    """
    The advice names the Gateway, its class and its namespace, and the way to opt out.
    """
    text = namespace("warehouse", use_waypoint="waypoint")
    expected = (
        "deploy a Gateway 'waypoint' of class 'istio-waypoint' in namespace 'warehouse', or write 'none'"
    )

    assert expected == advice("dangling-waypoint", text, "warehouse")


@pytest.mark.parametrize(
    ("homes", "expected"),
    [
        ("b a", ", or write 'a' or 'b' into 'istio.io/use-waypoint-namespace'"),
        ("a b c", ", or write 'a' or 'b' or 'c' into 'istio.io/use-waypoint-namespace'"),
        ("a b c d", ", or write 'none'"),
        ("a", ", or write 'none'"),
    ],
)
def test_few_waypoints_of_the_name_elsewhere_are_named(homes, expected):
    """
    Of several waypoints of the name the advice tells the namespaces; many are each for their own.
    """
    gateways = "".join(gateway("wp", home, routes="{from: All}") for home in homes.split())
    title = advice("dangling-waypoint", namespace("shop", use_waypoint="wp") + gateways, "shop")

    assert title.endswith(expected)


def test_the_only_waypoint_of_the_name_is_named_where_the_label_says_another_namespace():
    """
    The label says a namespace, and the wrong one: no other check speaks of that.
    """
    text = namespace("shop", use_waypoint="wp", use_waypoint_namespace="infar") + namespace("infar")
    expected = (
        ", or write 'infra' into 'istio.io/use-waypoint-namespace', "
        "where the waypoint has to admit this namespace"
    )

    assert advice("dangling-waypoint", text + gateway("wp", "infra"), "shop").endswith(expected)


def test_the_advice_on_a_denied_attachment_says_what_to_write():
    """
    The whole field is written out, and the narrower way is named.
    """
    text = namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra") + gateway("wp", "infra")
    expected = (
        "admit namespace 'shop' on the HBONE listener: 'allowedRoutes: {namespaces: {from: All}}', "
        "or 'from: Selector' with a selector on 'kubernetes.io/metadata.name'"
    )

    assert expected == advice("denied-waypoint-attachment", text, "shop")


@pytest.mark.parametrize(
    ("routes", "further"),
    [("{from: All}", ""), ("", ", and admit namespace 'shop' on the HBONE listener")],
)
def test_the_advice_for_a_waypoint_elsewhere_ends_where_it_admits_the_namespace(routes, further):
    """
    If the second label alone would lead into a denied attachment, the advice says what else to do.
    """
    text = namespace("shop") + service("cart", "shop", use_waypoint="wp") + namespace("infra")
    title = advice(
        "waypoint-in-other-namespace", text + gateway("wp", "infra", routes=routes), "cart", "Service"
    )

    assert title.startswith(f"add 'istio.io/use-waypoint-namespace: infra'{further}")
    assert bool(further) == title.endswith("'kubernetes.io/metadata.name'")


def test_a_mode_that_is_near_to_nothing_has_two_to_choose_from():
    """
    There is no guess at what was meant, but only two values.
    """
    title = advice("invalid-dataplane-mode", namespace("shop", dataplane_mode="mesh-only"), "shop")

    assert "use 'ambient' or 'none'" == title
