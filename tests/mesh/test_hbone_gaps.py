"""Rules of NetworkPolicies that leave the port of the mesh out."""

from textwrap import indent

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.model.kinds.network import NetworkPolicy

SHOP = namespace("shop", dataplane_mode="ambient")
CART = deployment("cart", "shop")
TILL = deployment("till", "shop")
EGRESS = "policyTypes: [Egress]\n"
FROM_TILL = "{podSelector: {matchLabels: {app: till}}}"


def policy(spec: str, pods: str = "{}", name: str = "net") -> str:
    """A NetworkPolicy document; `spec` without its podSelector."""
    return (
        f"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  podSelector: {pods}\n{indent(spec, '  ')}\n"
    )


def rule(ports: str = "", peers: str = "", direction: str = "ingress") -> str:
    """One rule, in flow style."""
    key = "from" if direction == "ingress" else "to"
    fields = [f"{key}: [{peers}]"] * bool(peers) + [f"ports: [{ports}]"] * bool(ports)
    return f"{direction}: [{{{', '.join(fields)}}}]"


def gaps(text: str, *, egress: bool = False) -> list[tuple[str, bool | None]]:
    """The pods of each gap, and whether it is for the mesh."""
    mesh = mesh_of(text)
    found = named(mesh, "net")
    assert isinstance(found, NetworkPolicy)
    gaps = mesh.egress_gaps(found) if egress else mesh.ingress_gaps(found)
    return [(",".join(pod.name for pod in gap.pods), gap.is_for_mesh) for gap in gaps]


def elsewhere(name: str, peer: str = "") -> str:
    selector = f"namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}"
    return f"{{{selector}{', ' + peer if peer else ''}}}"


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("{port: 8080}", [("cart", True)]),
        ("{port: http}", [("cart", True)]),
        ("{port: 8080}, {port: 53, protocol: UDP}", [("cart", True)]),
        ("{port: 8080}, {port: 15008}", []),
        ("{port: 8000, endPort: 16000}", []),
        ("{port: 53, protocol: UDP}", []),
        ("{protocol: TCP}", []),
        ("", []),
    ],
)
def test_a_gap_is_a_rule_for_other_tcp_ports(ports, expected):
    """
    All ports, port 15008, and other protocols are none.
    """
    assert expected == gaps(SHOP + CART + policy(rule(ports)))


def test_no_rule_has_a_gap_where_any_rule_of_any_policy_admits_hbone():
    """
    What policies admit is added up.
    """
    closed = SHOP + CART + policy(rule("{port: 8080}"))

    assert [("cart", True)] == gaps(closed)
    assert [] == gaps(closed + policy(rule("{port: 15008}"), name="other"))
    assert [("cart", True)] == gaps(closed + policy("", name="other"))
    assert [] == gaps(closed + policy(rule("", "{ipBlock: {cidr: 10.0.0.0/8}}"), name="other"))


def test_gaps_are_about_ambient_pods_and_waypoints():
    """
    Not about sidecars, what is in no mesh, what the policy does not select, and gateways.
    """
    others = (
        deployment("old", "shop", inject="true")
        + deployment("out", "shop", dataplane_mode="none")
        + deployment("away", "web")
        + gateway("public", "shop", class_name="istio")
        + gateway("waypoint", "shop")
    )

    assert [("cart,waypoint", True)] == gaps(SHOP + CART + others + policy(rule("{port: 8080}")))
    assert [] == gaps(SHOP + CART + policy(rule("{port: 8080}"), pods="{matchLabels: {app: till}}"))
    assert [] == gaps(CART + policy(rule("{port: 8080}")))


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        (FROM_TILL, True),
        ("{podSelector: {}}", True),
        ("{podSelector: {matchLabels: {app: missing}}}", None),
        ("{podSelector: {matchLabels: {app: out}}}", None),
        ("{namespaceSelector: {}}", True),
        (elsewhere("web"), True),
        (elsewhere("web", "podSelector: {matchLabels: {app: missing}}"), None),
        (elsewhere("monitoring"), False),
        (elsewhere("sidecars"), None),
        (elsewhere("empty"), None),
        (elsewhere("unknown"), None),
        (elsewhere("gateways"), True),
        ("{namespaceSelector: {matchLabels: {team: a}}}", None),
        (elsewhere("monitoring") + ", " + FROM_TILL, True),
        (elsewhere("monitoring") + ", " + elsewhere("unknown"), None),
        (elsewhere("monitoring") + ", {ipBlock: {cidr: 10.0.0.0/8}}", False),
    ],
)
def test_whether_the_peers_of_a_rule_are_in_the_mesh(peers, expected):
    """
    It is so of ambient pods and gateways of the set, and of all pods of an ambient namespace.
    """
    text = (
        SHOP
        + CART
        + TILL
        + deployment("out", "shop", dataplane_mode="none")
        + namespace("web", dataplane_mode="ambient")
        + namespace("monitoring")
        + deployment("prometheus", "monitoring")
        + namespace("sidecars", injection="enabled")
        + deployment("old", "sidecars")
        + namespace("empty")
        + gateway("public", "gateways", class_name="istio")
    )
    isolated = policy(rule("{port: 8080}", peers), pods="{matchLabels: {app: cart}}")

    assert [("cart", expected)] == gaps(text + isolated)


def test_only_addresses_are_no_peers_in_the_mesh():
    """
    They are clients from outside.
    """
    assert [] == gaps(SHOP + CART + policy(rule("{port: 8080}", "{ipBlock: {cidr: 10.0.0.0/8}}")))


@pytest.mark.parametrize(
    ("more", "ports", "expected"),
    [
        ("", "{port: 8080}", True),
        (service("cart", "shop", spec="selector: {app: cart}"), "{port: 8080}", True),
        (service("cart", "shop", spec="{type: LoadBalancer, selector: {app: cart}}"), "{port: 8080}", None),
        (service("cart", "shop", spec="{type: NodePort, selector: {app: cart}}"), "{port: 8080}", None),
        ("", "{port: 9443}", None),
        ("", "{port: 9443}, {port: 8080}", True),
        ("", "{port: webhook-server}", None),
    ],
)
def test_a_rule_for_everybody_may_be_for_others(more, ports, expected):
    """
    For clients outside of the cluster, or for the API server.
    """
    more = more.replace("spec:\n  {", "spec: {")

    assert [("cart", expected)] == gaps(SHOP + CART + more + policy(rule(ports)))


@pytest.mark.parametrize(
    ("ports", "peers", "expected"),
    [
        ("{port: 8080}", FROM_TILL, [("cart,till", True)]),
        ("{port: 8080}", "", [("cart,till", None)]),
        ("{port: 443}, {port: 6443}", "", []),
        ("{port: 443}", "{ipBlock: {cidr: 0.0.0.0/0}}", []),
        ("{port: 53, protocol: UDP}, {port: 53}", elsewhere("kube-system"), []),
        ("{port: 8080}, {port: 15008}", FROM_TILL, []),
        ("{port: http}", FROM_TILL, []),
        ("", FROM_TILL, []),
    ],
)
def test_gaps_on_the_way_out(ports, peers, expected):
    """
    Not for addresses, DNS and TLS to anywhere, nor where a name may stand for the port.
    """
    text = SHOP + CART + TILL + policy(EGRESS + rule(ports, peers, "egress"))

    assert expected == gaps(text, egress=True)
    assert [] == gaps(text)


BOUND = namespace("shop", dataplane_mode="ambient", use_waypoint="waypoint") + gateway("waypoint", "shop")
SERVICE = service("cart", "shop", spec="selector: {app: cart}")
FROM_WAYPOINT = "{podSelector: {matchLabels: {gateway.networking.k8s.io/gateway-name: waypoint}}}"


def unadmitted(text: str, name: str = "net") -> list[tuple[str, str]]:
    """Each waypoint that is kept out, with the Service behind it."""
    mesh = mesh_of(text)
    found = named(mesh, name)
    assert isinstance(found, NetworkPolicy)
    return [(one.waypoint.name, one.service.name) for one in mesh.unadmitted_waypoints(found)]


@pytest.mark.parametrize(
    ("ports", "peers", "expected"),
    [
        ("{port: 15008}", FROM_TILL, [("waypoint", "cart")]),
        ("", FROM_TILL, [("waypoint", "cart")]),
        ("{port: 15008}", elsewhere("web"), [("waypoint", "cart")]),
        ("{port: 15008}", FROM_WAYPOINT, []),
        ("{port: 15008}", FROM_TILL + ", " + FROM_WAYPOINT, []),
        ("{port: 15008}", "{podSelector: {}}", []),
        ("{port: 15008}", "", []),
        ("{port: 8080}", FROM_TILL, []),
        ("{port: 15008}", "{namespaceSelector: {matchLabels: {team: a}}}", [("waypoint", "cart")]),
        ("{port: 15008}", "{ipBlock: {cidr: 10.0.0.0/8}}", []),
    ],
)
def test_a_waypoint_is_kept_out_where_others_are_admitted(ports, peers, expected):
    """
    Where nobody is, or only addresses are, nothing is said of waypoints.
    """
    isolated = policy(rule(ports, peers), pods="{matchLabels: {app: cart}}")

    assert expected == unadmitted(BOUND + CART + SERVICE + isolated)
    assert [] == unadmitted(SHOP + CART + SERVICE + isolated)
    assert [] == unadmitted(BOUND + CART + isolated)


def test_of_several_policies_that_keep_a_waypoint_out_the_first_is_meant():
    """
    One rule more in either of them is enough.
    """
    text = BOUND + CART + SERVICE + policy(rule("{port: 15008}", FROM_TILL))
    other = policy(rule("", "{podSelector: {matchLabels: {app: x}}}"), name="other")

    assert [("waypoint", "cart")] == unadmitted(text + other)
    assert [] == unadmitted(text + other, "other")
    assert [] == unadmitted(text + policy(rule("", FROM_WAYPOINT), name="other"))


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("{port: 8080}, {port: 15008}", [1]),
        ("{port: 15008}, {port: http}", [0]),
        ("{port: 8080}, {port: 15000, endPort: 15010}", [1]),
        ("{port: 15008}", []),
        ("{port: 15008}, {port: 53, protocol: UDP}", []),
        ("{port: 15008}, {protocol: TCP}", []),
        ("{port: 8080}", []),
        ("", []),
    ],
)
def test_ports_are_moot_beside_that_of_the_mesh(ports, expected):
    """
    Not where all ports are open, or where no other TCP port is named.
    """
    mesh = mesh_of(SHOP + CART + policy(rule(ports)))
    found = named(mesh, "net")
    assert isinstance(found, NetworkPolicy)

    assert expected == [moot.entry for moot in mesh.moot_ports(found)]
