"""What comes in from outside, and which policies it meets."""

import pytest

from manifests import gateway, mesh_of, named, namespace, service

PUBLIC = gateway("public", "edge", class_name="istio").replace(
    "port: 15008\n    protocol: HBONE",
    "port: 80\n    protocol: HTTP\n    allowedRoutes: {namespaces: {from: All}}",
)
SHOP = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")


def route(*parents: str, backend: str = "{name: cart, port: 80}", where: str = "shop") -> str:
    """An HTTPRoute to a backend."""
    return (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
        f"metadata: {{name: r, namespace: {where}}}\n"
        f"spec:\n  parentRefs: [{', '.join(parents)}]\n  rules:\n  - backendRefs: [{backend}]\n"
    )


def virtual_service(gateways: str, rule: str = "", host: str = "cart") -> str:
    """A VirtualService with one rule."""
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: v, namespace: shop}\n"
        f"spec:\n  hosts: [cart.example.com]\n  gateways: [{gateways}]\n  http:\n"
        f"  - route: [{{destination: {{host: {host}}}}}]\n{rule}"
    )


IN = "{name: public, namespace: edge}"
MESH = "{group: '', kind: Service, name: cart, port: 80}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PUBLIC + route(IN), ["r"]),
        (PUBLIC + route(IN, MESH), ["r"]),
        (PUBLIC + route(MESH), []),
        (route(IN), []),
        (PUBLIC.replace("gatewayClassName: istio", "gatewayClassName: nginx") + route(IN), []),
        (PUBLIC.replace("from: All", "from: Same") + route(IN), []),
        (PUBLIC + route(IN, backend="{name: cart, port: 80, weight: 0}"), []),
        (PUBLIC + route(IN, backend="{name: other, port: 80}"), []),
        (PUBLIC + route(IN, backend="{name: cart, namespace: shop, port: 80}", where="edge"), []),
        (virtual_service("edge/public"), ["v"]),
        (virtual_service("edge/public", host="cart.shop.svc.cluster.local"), ["v"]),
        (virtual_service("edge/public, mesh"), ["v"]),
        (virtual_service("edge/public, mesh", "    match: [{gateways: [mesh]}]\n"), []),
        (virtual_service("edge/public, mesh", "    match: [{gateways: [mesh]}, {port: 80}]\n"), ["v"]),
        (virtual_service("mesh"), []),
        (virtual_service(""), []),
    ],
)
def test_ingress_leads_to_a_service(text, expected):
    """
    A route leads there by a gateway of Istio's that certainly takes it; a VirtualService by its gateways.
    """
    mesh = mesh_of(SHOP + service("cart", "shop", spec="ports: [{port: 80}]") + text)

    assert expected == [leading.route.name for leading in mesh.ingress_routes(named(mesh, "cart"))]


def policy(name: str, where: str, spec: str, kind: str = "AuthorizationPolicy") -> str:
    """A policy of security.istio.io."""
    return (
        f"---\napiVersion: security.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {where}}}\n"
        f"spec: {{{spec}}}\n"
    )


def target(kind: str, name: str) -> str:
    """A target of a policy."""
    group = "gateway.networking.k8s.io" if kind == "Gateway" else "''"
    return f"targetRefs: [{{group: {group}, kind: {kind}, name: {name}}}]"


POLICIES = (
    policy("for-cart", "shop", target("Service", "cart"))
    + policy("for-other", "shop", target("Service", "other"))
    + policy("for-all", "shop", target("Gateway", "wp"), "RequestAuthentication")
    + policy("for-pods", "shop", "selector: {matchLabels: {app: cart}}")
    + policy("at-edge", "edge", "selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: public}}")
    + policy("at-public", "edge", target("Gateway", "public"), "RequestAuthentication")
)


def test_a_waypoint_enforces_what_is_for_the_service_and_for_all():
    """
    Policies with the Service or the waypoint as target act on calls to it; those for other Services do not.
    """
    mesh = mesh_of(SHOP + PUBLIC + service("cart", "shop") + service("other", "shop") + POLICIES)

    assert ["for-cart", "for-all"] == [p.name for p in mesh.waypoint_policies(named(mesh, "cart"))]


def test_a_gateway_enforces_what_selects_or_names_it():
    """
    At a gateway for ingress selectors and targets count alike.
    """
    mesh = mesh_of(SHOP + PUBLIC + service("cart", "shop") + POLICIES)

    assert ["at-edge", "at-public"] == [p.name for p in mesh.gateway_policies(named(mesh, "public"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (namespace("shop") + service("cart", "shop"), False),
        (namespace("shop", ingress_use_waypoint="true") + service("cart", "shop"), True),
        (service("cart", "shop"), None),
        (service("cart", "shop", ingress_use_waypoint="true"), True),
        (service("cart", "shop", ingress_use_waypoint="no"), False),
    ],
)
def test_a_service_or_its_namespace_asks_ingress(text, expected):
    """
    Without a label of its own, and without the Namespace, it is not known.
    """
    mesh = mesh_of(text)

    assert expected is mesh.asks_ingress(named(mesh, "cart")).value
