"""Whether routes are respected, and what istiod says of them."""

import pytest

from manifests import gateway, mesh_of, named, namespace, service

PORTS = "ports: [{name: http, port: 80}, {name: tcp, port: 90}]"
SHOP = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + service("cart", "shop", spec=PORTS)
CART = "{group: '', kind: Service, name: cart}"
NO_LABEL = (
    "istio.io/use-waypoint label missing from parent and parent namespace; "
    "in ambient mode, route will not be respected"
)


def route(
    parent: str = CART, kind: str = "HTTPRoute", where: str = "shop", hosts: str = "", rules: str = "[]"
) -> str:
    hostnames = f", hostnames: {hosts}" if hosts else ""
    return (
        f"---\napiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\n"
        f"metadata: {{name: r, namespace: {where}}}\n"
        f"spec: {{parentRefs: [{parent}]{hostnames}, rules: {rules}}}\n"
    )


def respected(text: str, version: str = "1.31", **options: bool) -> bool | None:
    mesh = mesh_of(text, version, **options)
    [parent] = mesh.route_parents(named(mesh, "r"))
    return parent.respected


def conditions(text: str, version: str = "1.31", **options: bool) -> dict[str, tuple[str, str, str]]:
    mesh = mesh_of(text, version, **options)
    [parent] = mesh.route_parents(named(mesh, "r"))
    return {c.type: (c.status, c.reason, c.message) for c in parent.conditions}


def test_a_route_of_a_bound_service_is_respected():
    """
    And istiod says so in three conditions.
    """
    expected = {
        "Accepted": ("True", "Accepted", "Route was valid"),
        "ResolvedRefs": ("True", "ResolvedRefs", "All references resolved"),
        "ResolvedWaypoints": ("True", "ResolvedWaypoints", "All waypoints resolved"),
    }

    assert expected == conditions(SHOP + route())
    assert respected(SHOP + route()) is True


@pytest.mark.parametrize(
    ("parent", "kind", "expected"),
    [
        ("{group: '', kind: Service, name: cart, port: 80}", "HTTPRoute", True),
        ("{group: '', kind: Service, name: cart, port: 80}", "GRPCRoute", True),
        ("{group: '', kind: Service, name: cart, port: 90}", "HTTPRoute", False),
        ("{group: '', kind: Service, name: cart, port: 9999}", "HTTPRoute", False),
        ("{group: '', kind: Service, name: cart, port: 90}", "TCPRoute", True),
        ("{group: '', kind: Service, name: cart, port: 80}", "TCPRoute", False),
        ("{group: '', kind: Service, name: ghost}", "HTTPRoute", False),
        ("{kind: Service, name: cart}", "HTTPRoute", False),
        ("{group: x.io, kind: Foo, name: cart}", "HTTPRoute", None),
        ("{kind: ListenerSet, name: cart}", "HTTPRoute", None),
        ("{name: wp}", "HTTPRoute", False),
        ("{name: ghost}", "HTTPRoute", False),
        ("{name: wp, namespace: elsewhere}", "HTTPRoute", None),
    ],
)
def test_parents(parent, kind, expected):
    """
    A port of the parent that carries what the route is for; a waypoint itself is nobody's parent.
    """
    assert expected is respected(SHOP + route(parent, kind))


@pytest.mark.parametrize(
    ("where", "version", "expected"),
    [
        ("shop", "1.31", True),
        ("infra", "1.31", True),
        ("client", "1.31", False),
        ("shop", "1.23", False),
        ("infra", "1.23", True),
    ],
)
def test_consumer_routes_are_ignored(where, version, expected):
    """
    A waypoint takes routes of the Service's namespace (from 1.24) and of its own.
    """
    text = (
        namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
        + namespace("infra")
        + namespace("client")
        + gateway("wp", "infra", routes="{from: All}")
        + service("cart", "shop", spec=PORTS)
    )
    parent = "{group: '', kind: Service, name: cart, namespace: shop}"

    assert expected is respected(text + route(parent, where=where), version)


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("HTTPRoute", "1.24", True),
        ("GRPCRoute", "1.24", True),
        ("TCPRoute", "1.31", True),
        ("TCPRoute", "1.30", None),
        ("TLSRoute", "1.30", True),
        ("TLSRoute", "1.29", None),
    ],
)
def test_kinds_by_version(kind, version, expected):
    """
    Before 1.31 TCPRoutes, before 1.30 TLSRoutes are read only where alpha APIs are switched on.
    """
    assert expected is respected(SHOP + route(kind=kind), version)


@pytest.mark.parametrize(("version", "expected"), [("1.25", False), ("1.26", True)])
def test_waypoints_take_tcp_routes_from_1_26(version, expected):
    """
    Provided that istiod reads alpha APIs.
    """
    istiod = (
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\n"
        "spec: {template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, "
        "env: [{name: PILOT_ENABLE_ALPHA_GATEWAY_API, value: 'true'}]}]}}}\n"
    )

    assert expected is respected(SHOP + route(kind="TCPRoute") + istiod, version)


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("", True),
        ("['*']", True),
        ("[cart.shop.svc.cluster.local]", True),
        ("[cart.shop.svc.cluster.local, a.com]", True),
        ("[cart.shop.svc.cluster.local, '*.shop.svc.cluster.local']", False),
        ("[a.com]", False),
    ],
)
def test_a_tls_route_names_the_host_of_its_parent(hosts, expected):
    """
    A waypoint keeps it only with the one SNI host that is the Service's.
    """
    assert expected is respected(SHOP + route(kind="TLSRoute", hosts=hosts))


@pytest.mark.parametrize(
    ("labels", "spec", "expected"),
    [
        ({}, PORTS, True),
        ({"use_waypoint": "none"}, PORTS, False),
        ({"use_waypoint": "ghost"}, PORTS, False),
        ({}, f"clusterIP: None\n  {PORTS}", False),
        ({}, "type: ExternalName", False),
        ({}, "ports: [{name: web, port: 80}]", True),
        ({}, "ports: [{name: tcp, port: 80}]", False),
    ],
)
def test_the_parent_needs_a_waypoint_and_an_ip(labels, spec, expected):
    """
    Nothing else routes the calls of ambient clients.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")

    assert expected is respected(text + service("cart", "shop", spec=spec, **labels) + route())


def test_a_gateway_that_is_no_waypoint_does_not_route():
    """
    Istio binds to any Gateway, but only a waypoint acts.
    """
    text = namespace("shop", use_waypoint="wp") + service("cart", "shop", spec=PORTS) + route()

    assert respected(text + gateway("wp", "shop", class_name="istio")) is False
    assert respected(text + gateway("wp", "shop", class_name="other")) is None


@pytest.mark.parametrize(
    ("on_service", "on_namespace", "message"),
    [
        ("wp", "", "All waypoints resolved"),
        ("ghost", "", "All waypoints resolved"),
        ("", "wp", "All waypoints resolved"),
        ("none", "wp", "All waypoints resolved"),
        ("None", "", NO_LABEL),
        ("", "", NO_LABEL),
        ("", "none", NO_LABEL),
    ],
)
def test_resolved_waypoints_tells_of_labels_alone(on_service, on_namespace, message):
    """
    Status and reason are always the same; an opt-out of the Service leads to the Namespace's label.
    """
    text = namespace("shop", **({"use_waypoint": on_namespace} if on_namespace else {})) + service(
        "cart", "shop", spec=PORTS, **({"use_waypoint": on_service} if on_service else {})
    )
    found = conditions(text + gateway("wp", "shop") + route())["ResolvedWaypoints"]

    assert ("True", "ResolvedWaypoints", message) == found


@pytest.mark.parametrize(
    ("version", "types"),
    [
        ("1.25.0", ["Accepted", "ResolvedRefs"]),
        ("1.25.1", ["Accepted", "ResolvedRefs", "ResolvedWaypoints"]),
        ("1.31", ["Accepted", "ResolvedRefs", "ResolvedWaypoints"]),
    ],
)
def test_resolved_waypoints_is_written_from_1_25_1(version, types):
    """
    Before, istiod looks neither for the label nor for the parent.
    """
    missing = SHOP + route("{group: '', kind: Service, name: ghost}")
    accepted = ("True", "Accepted", "Route was valid")
    if version != "1.25.0":
        accepted = ("False", "NoMatchingParent", 'parent service: "ghost" not found')
    found = conditions(missing, version)

    assert (types, accepted) == (list(found), found["Accepted"])


def test_open_sets_are_unknown():
    """
    Without the Namespace neither its label nor an absent Service can be known.
    """
    text = service("cart", "shop", spec=PORTS) + gateway("wp", "shop")
    found = conditions(text + route())

    assert (None, ["Accepted", "ResolvedRefs"]) == (respected(text + route()), list(found))
    assert {} == conditions(text + route("{group: '', kind: Service, name: ghost}"))


def test_other_controllers_write_their_own_status():
    """
    From 1.31 istiod leaves a parent to whoever manages the class of its waypoint.
    """
    text = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: third}\n"
        "spec: {controllerName: example.com/x}\n"
        + namespace("shop", use_waypoint="wp")
        + gateway("wp", "shop", class_name="third")
        + service("cart", "shop", spec=PORTS)
        + route()
    )

    assert {} == conditions(text)
    assert "Accepted" in conditions(text, "1.30")


@pytest.mark.parametrize(
    ("rules", "in_mesh", "at_gateway"),
    [
        ("[{backendRefs: [{name: cart, port: 80}]}]", "ResolvedRefs", "ResolvedRefs"),
        ("[{backendRefs: [{name: ghost, port: 80}]}]", "BackendNotFound", "BackendNotFound"),
        ("[{backendRefs: [{name: ghost, port: 80, weight: 0}]}]", "ResolvedRefs", "ResolvedRefs"),
        ("[{backendRefs: [{name: cart}]}]", "InvalidDestination", "InvalidDestination"),
        ("[{backendRefs: [{name: cart.shop, port: 80}]}]", "InvalidDestination", "InvalidDestination"),
        ("[{backendRefs: [{name: cart, kind: Foo, port: 80}]}]", "InvalidKind", "InvalidKind"),
        ("[{backendRefs: [{name: api, namespace: infra, port: 80}]}]", "ResolvedRefs", "RefNotPermitted"),
        ("[{filters: [{type: ExtensionRef}]}]", "InvalidFilter", "InvalidFilter"),
        (
            "[{backendRefs: [{name: x.com, group: networking.istio.io, kind: Hostname, port: 80}]}]",
            "BackendNotFound",
            "BackendNotFound",
        ),
    ],
)
def test_references_of_a_route(rules, in_mesh, at_gateway):
    """
    For a parent in the mesh no ReferenceGrant is needed.
    """
    text = SHOP + namespace("infra") + service("api", "infra") + ingress("{name: a}")
    reasons = [
        conditions(text + route(parent, rules=rules))["ResolvedRefs"][1] for parent in (CART, "{name: ing}")
    ]

    assert [in_mesh, at_gateway] == reasons


def test_a_grant_lets_a_route_reach_another_namespace():
    """
    It stands beside the backend and names the kind and the namespace of the route.
    """
    grant = (
        "---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
        "metadata: {name: g, namespace: infra}\nspec: {from: [{group: gateway.networking.k8s.io, "
        "kind: HTTPRoute, namespace: shop}], to: [{group: '', kind: Service}]}\n"
    )
    text = namespace("shop") + namespace("infra") + service("api", "infra") + ingress("{name: a}") + grant
    rules = "[{backendRefs: [{name: api, namespace: infra, port: 80}]}]"

    assert "ResolvedRefs" == conditions(text + route("{name: ing}", rules=rules))["ResolvedRefs"][1]


def ingress(*listeners: str) -> str:
    entries = ", ".join(entry.replace("}", ", port: 80, protocol: HTTP}", 1) for entry in listeners)
    return (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
        "metadata: {name: ing, namespace: shop}\n"
        f"spec: {{gatewayClassName: istio, listeners: [{entries}]}}\n"
    )


@pytest.mark.parametrize(
    ("listeners", "parent", "where", "reason"),
    [
        (["{name: a}"], "{name: ing}", "shop", "Accepted"),
        (["{name: a}"], "{name: ing, namespace: shop}", "other", "NotAllowedByListeners"),
        (["{name: a}"], "{name: ing, port: 80}", "shop", "Accepted"),
        (["{name: a}"], "{name: ing, port: 81}", "shop", "NoMatchingParent"),
        (["{name: a}"], "{name: ing, sectionName: b}", "shop", "NoMatchingParent"),
        (["{name: a, hostname: a.com}"], "{name: ing}", "shop", "Accepted"),
        (["{name: a, hostname: '*.com'}"], "{name: ing}", "shop", "Accepted"),
        (["{name: a, hostname: b.com}"], "{name: ing}", "shop", "NoMatchingListenerHostname"),
    ],
)
def test_listeners_of_a_gateway(listeners, parent, where, reason):
    """
    By port and section, hostname, and namespace.
    """
    text = namespace("shop") + namespace("other") + ingress(*listeners)
    found = text + route(parent, where=where, hosts="[a.com]")

    assert reason == conditions(found)["Accepted"][1]
    assert (reason == "Accepted") is respected(found)


def test_kinds_that_a_listener_takes():
    """
    HTTP takes no TCPRoute; istiod names the kind with the version that it reads.
    """
    text = namespace("shop") + ingress("{name: a}") + route("{name: ing}", kind="TCPRoute")
    message = "kind gateway.networking.k8s.io/v1/TCPRoute is not allowed"

    assert ("False", "NotAllowedByListeners", message) == conditions(text)["Accepted"]


def test_several_listeners_that_admit_are_counted():
    """
    One is enough; the message tells how many.
    """
    text = namespace("shop") + ingress(
        "{name: a}", "{name: b, hostname: a.com}", "{name: c, hostname: b.com}"
    )
    found = conditions(text + route("{name: ing}", hosts="[a.com]"))

    assert "Route was valid, bound to 2 parents" == found["Accepted"][2]


def test_routes_of_a_service():
    """
    Those that name it as parent, once each.
    """
    mesh = mesh_of(SHOP + route(f"{CART}, {CART}") + route("{name: wp}").replace("name: r,", "name: other,"))

    assert ["r"] == [found.name for found in mesh.routes_of(named(mesh, "cart"))]


@pytest.mark.parametrize(
    ("class_name", "parent", "expected"),
    [
        ("istio-waypoint", "gate", None),
        ("istio-waypoint", "gate-istio-waypoint", False),
        ("istio", "gate-istio", None),
        ("istio", "gate", False),
        ("istio-remote", "gate", False),
        ("nginx", "gate", False),
    ],
)
def test_a_service_that_istio_makes_for_a_gateway_is_no_missing_parent(class_name, parent, expected):
    """
    It does not stand in the manifests, so nothing is told of a route that names it.
    """
    gate = (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
        "metadata: {name: gate, namespace: shop}\n"
        f"spec: {{gatewayClassName: {class_name}, listeners: [{{name: a, port: 15008, protocol: HBONE}}]}}\n"
    )
    text = SHOP + gate + route(f"{{group: '', kind: Service, name: {parent}}}")

    assert expected is respected(text, complete=True)
    assert (expected is None) == (not conditions(text, complete=True))
