"""What NetworkPolicies let through."""

from textwrap import indent

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace
from meshlint.mesh.mesh import Mesh

SHOP = namespace("shop", dataplane_mode="ambient")
CART = deployment("cart", "shop")
TILL = deployment("till", "shop")
INGRESS = "policyTypes: [Ingress]\n"
EGRESS = "policyTypes: [Egress]\n"


def policy(spec: str, where: str = "shop", pods: str = "{}", name: str = "net") -> str:
    """A NetworkPolicy document; `spec` without its podSelector."""
    place = f", namespace: {where}" if where else ""
    return (
        f"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}{place}}}\n"
        f"spec:\n  podSelector: {pods}\n{indent(spec, '  ')}\n"
    )


def rule(ports: str = "", peers: str = "", direction: str = "ingress") -> str:
    """One rule, in flow style."""
    key = "from" if direction == "ingress" else "to"
    fields = [f"{key}: [{peers}]"] * bool(peers) + [f"ports: [{ports}]"] * bool(ports)
    return f"{direction}: [{{{', '.join(fields)}}}]"


def till_to_cart(mesh: Mesh, port: int) -> bool | None:
    return mesh.admits_peer(named(mesh, "cart"), named(mesh, "till"), port).value


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ("", False, True),
        ("ingress: []", False, True),
        ("egress: []", False, True),
        (rule("{port: 53}", direction="egress"), False, False),
        ("policyTypes: [Egress]", True, False),
        ("policyTypes: [Ingress, Egress]", False, False),
        (INGRESS + rule(direction="egress"), False, True),
        (EGRESS + rule(direction="ingress"), True, False),
        ("policyTypes: []", False, True),
    ],
)
def test_policy_types_and_their_defaults(spec, ingress, egress):
    """
    A policy isolates for ingress unless told otherwise, for egress if it has rules for it.
    """
    mesh = mesh_of(SHOP + CART + policy(spec))

    assert ingress is mesh.admits_hbone(named(mesh, "cart")).value
    assert egress is mesh.reaches_hbone(named(mesh, "cart")).value


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ("{}", False),
        ("{matchLabels: {app: cart}}", False),
        ("{matchLabels: {app: cart, tier: a}}", True),
        ("{matchLabels: {app: till}}", True),
        ("{matchExpressions: [{key: app, operator: In, values: [cart]}]}", False),
        ("{matchExpressions: [{key: app, operator: DoesNotExist}]}", True),
        ("{matchLabels: {app: cart}, matchExpressions: [{key: app, operator: NotIn, values: [cart]}]}", True),
    ],
)
def test_a_policy_isolates_the_pods_that_it_selects(pods, expected):
    """
    Pods that no policy selects are open.
    """
    mesh = mesh_of(SHOP + CART + policy("", pods=pods))

    assert expected is mesh.admits_hbone(named(mesh, "cart")).value


PORTS = [
    ("", True),
    ("{port: 15008}", True),
    ("{port: 15008, protocol: TCP}", True),
    ("{port: 15008, protocol: UDP}", False),
    ("{protocol: TCP}", True),
    ("{protocol: UDP}", False),
    ("{port: 8080}", False),
    ("{port: 8080}, {port: 15008}", True),
    ("{port: 15000, endPort: 15010}", True),
    ("{port: 15008, endPort: 15008}", True),
    ("{port: 8080, endPort: 15007}", False),
    ("{port: hbone}", True),
    ("{port: hbone, protocol: UDP}", False),
    ("{port: http}", False),
    ("{port: missing}", False),
]
DECLARING = deployment(
    "cart",
    "shop",
    spec="containers: [{ports: [{name: hbone, containerPort: 15008}, {name: http, containerPort: 80}]}]",
)


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_hbone_comes_in_where_a_rule_covers_its_port(ports, expected):
    """
    No ports are all ports; named ones are those that a container declares.
    """
    mesh = mesh_of(SHOP + DECLARING + policy(rule(ports)))

    assert expected is mesh.admits_hbone(named(mesh, "cart")).value


def test_hbone_goes_out_where_a_rule_covers_its_port():
    """
    What port a name stands for at pods that nobody names is not known.
    """
    for ports, expected in PORTS:
        mesh = mesh_of(SHOP + DECLARING + policy(rule(ports, direction="egress")))
        named_port = ports in ("{port: hbone}", "{port: http}", "{port: missing}")

        assert (None if named_port else expected) is mesh.reaches_hbone(named(mesh, "cart")).value, ports


def test_rules_of_all_policies_are_added_up():
    """
    A second policy can let through what the first does not.
    """
    closed, opened = policy("", name="deny"), policy(rule("{port: 15008}"), name="hbone")
    mesh = mesh_of(SHOP + CART + closed + opened)

    assert mesh.admits_hbone(named(mesh, "cart")).value is True


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ("{podSelector: {}}", True),
        ("{podSelector: {matchLabels: {app: x}}}", True),
        ("{namespaceSelector: {}}", True),
        ("{ipBlock: {cidr: 0.0.0.0/0}}", None),
        ("{ipBlock: {cidr: 203.0.113.0/24}}, {podSelector: {}}", True),
    ],
)
def test_hbone_needs_a_rule_about_pods(peers, expected):
    """
    What an address range means for pods is left to the CNI.
    """
    mesh = mesh_of(SHOP + CART + policy(rule("{port: 15008}", peers)))

    assert expected is mesh.admits_hbone(named(mesh, "cart")).value


@pytest.mark.parametrize(
    ("peers", "beside", "elsewhere"),
    [
        ("", True, True),
        ("{podSelector: {}}", True, False),
        ("{podSelector: {matchLabels: {app: till}}}", True, False),
        ("{podSelector: {matchLabels: {app: x}}}", False, False),
        ("{namespaceSelector: {}}", True, True),
        ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bank}}}", False, True),
        ("{namespaceSelector: {matchLabels: {team: money}}}", False, True),
        (
            "{namespaceSelector: {matchLabels: {team: money}}, podSelector: {matchLabels: {app: till}}}",
            False,
            True,
        ),
        (
            "{namespaceSelector: {matchLabels: {team: money}}, podSelector: {matchLabels: {app: x}}}",
            False,
            False,
        ),
        ("{namespaceSelector: {matchLabels: {team: money}}}, {podSelector: {}}", True, True),
        ("{ipBlock: {cidr: 10.0.0.0/8}}", None, None),
        ("{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {}}", True, None),
    ],
)
def test_peers_are_meant_by_their_labels_and_their_namespace(peers, beside, elsewhere):
    """
    A podSelector alone is about the policy's own namespace; in one entry both selectors must hold.
    """
    bank = namespace("bank").replace("labels: {}", "labels: {team: money}")
    admits = policy(rule("{port: 15008}", peers))
    near = mesh_of(SHOP + CART + TILL + admits)
    far = mesh_of(SHOP + bank + CART + deployment("till", "bank") + admits)

    assert beside is till_to_cart(near, 15008)
    assert elsewhere is till_to_cart(far, 15008)
    assert False is till_to_cart(near, 8080)


def test_labels_of_a_namespace_that_is_not_in_the_set_are_not_known():
    """
    Only its name is.
    """
    till = deployment("till", "bank")
    by_team = policy(rule(peers="{namespaceSelector: {matchLabels: {team: money}}}"))
    by_name = policy(rule(peers="{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bank}}}"))

    assert till_to_cart(mesh_of(SHOP + CART + till + by_team), 80) is None
    assert till_to_cart(mesh_of(SHOP + CART + till + by_name), 80) is True


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("gateway.networking.k8s.io/gateway-name: wp", True),
        ("gateway.networking.k8s.io/gateway-name: other", False),
        ("gateway.istio.io/managed: istio.io-mesh-controller", True),
        ("app: wp", True),
        ("app: cart", False),
    ],
)
def test_a_waypoint_is_a_peer_by_the_labels_that_istiod_gives_its_pods(labels, expected):
    """
    They carry the Gateway's name, and the Gateway's own labels.
    """
    admits = policy(rule("{port: 15008}", f"{{podSelector: {{matchLabels: {{{labels}}}}}}}"))
    mesh = mesh_of(SHOP + CART + gateway("wp", "shop") + admits)

    assert expected is mesh.admits_peer(named(mesh, "cart"), named(mesh, "wp"), 15008).value


def test_infrastructure_labels_replace_those_of_the_gateway():
    """
    With `spec.infrastructure.labels` the Gateway's own labels stay with it.
    """
    waypoint = gateway("wp", "shop").replace("spec:\n", "spec:\n  infrastructure: {labels: {tier: edge}}\n")
    by_tier = policy(rule(peers="{podSelector: {matchLabels: {tier: edge}}}"))
    by_app = policy(rule(peers="{podSelector: {matchLabels: {app: wp}}}"))
    mesh = mesh_of(SHOP + CART + waypoint + by_tier)

    assert mesh.admits_peer(named(mesh, "cart"), named(mesh, "wp"), 15008).value is True
    mesh = mesh_of(SHOP + CART + waypoint + by_app)
    assert mesh.admits_peer(named(mesh, "cart"), named(mesh, "wp"), 15008).value is False


def test_a_waypoint_can_be_isolated():
    """
    A default-deny in its namespace is for its pods too; of another class's pods the labels are not known.
    """
    foreign = gateway("gw", "shop", class_name="foreign")
    mesh = mesh_of(SHOP + gateway("wp", "shop") + foreign + policy("policyTypes: [Ingress, Egress]"))

    assert mesh.admits_hbone(named(mesh, "wp")).value is False
    assert mesh.reaches_hbone(named(mesh, "wp")).value is False
    assert mesh.admits_hbone(named(mesh, "gw")).value is False
    mesh = mesh_of(SHOP + foreign + policy("", pods="{matchLabels: {app: gw}}"))
    assert mesh.admits_hbone(named(mesh, "gw")).value is None


def test_egress_to_a_peer_knows_its_ports():
    """
    A named port is that of the peer's containers.
    """
    mesh = mesh_of(SHOP + TILL + DECLARING + policy(EGRESS + rule("{port: http}", direction="egress")))
    till, cart = named(mesh, "till"), named(mesh, "cart")

    assert mesh.reaches_peer(till, cart, 80).value is True
    assert mesh.reaches_peer(till, cart, 15008).value is False


PROBED = deployment(
    "cart",
    "shop",
    spec="containers: [{ports: [{name: http, containerPort: 80}], livenessProbe: {httpGet: {port: http}}}]",
)


@pytest.mark.parametrize(
    ("admits", "expected"),
    [
        (rule(), True),
        (rule("{port: 80}"), True),
        (rule("{port: http}"), True),
        (rule("{port: 15008}"), False),
        (rule(peers="{ipBlock: {cidr: 169.254.7.127/32}}"), True),
        (rule(peers="{ipBlock: {cidr: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128'}}"), True),
        (rule(peers="{ipBlock: {cidr: 0.0.0.0/0}}"), True),
        (rule(peers="{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}"), False),
        (rule(peers="{ipBlock: {cidr: 10.0.0.0/8}}"), False),
        (rule(peers="{ipBlock: {cidr: nonsense}}"), False),
        (rule(peers="{namespaceSelector: {}}"), False),
        ("", False),
    ],
)
def test_probes_come_from_a_link_local_address(admits, expected):
    """
    Selectors do not mean the kubelet, and a rule has to cover the port that is probed.
    """
    mesh = mesh_of(SHOP + PROBED + policy(admits))

    assert expected is mesh.admits_kubelet_probes(named(mesh, "cart")).value


@pytest.mark.parametrize("probe", ["exec: {command: [x]}", "tcpSocket: {port: 90}", "grpc: {port: 90}"])
def test_only_probes_over_the_network_can_be_blocked(probe):
    """
    Without one there is nothing to let through.
    """
    pods = deployment("cart", "shop", spec=f"containers: [{{name: a, readinessProbe: {{{probe}}}}}]")
    mesh = mesh_of(SHOP + pods + policy(""))

    assert ("exec" in probe) is mesh.admits_kubelet_probes(named(mesh, "cart")).value


def test_the_address_of_probes_is_the_one_that_the_cni_is_told():
    """
    `HOST_PROBE_SNAT_IP` of istio-cni replaces the default.
    """
    agent = deployment(
        "istio-cni-node",
        "istio-system",
        spec="containers: [{name: install-cni, env: [{name: HOST_PROBE_SNAT_IP, value: 169.254.7.1}]}]",
    ).replace("kind: Deployment", "kind: DaemonSet")
    text = SHOP + PROBED + agent
    default = mesh_of(text + policy(rule(peers="{ipBlock: {cidr: 169.254.7.127/32}}")))
    told = mesh_of(text + policy(rule(peers="{ipBlock: {cidr: 169.254.7.1/32}}")))

    assert default.admits_kubelet_probes(named(default, "cart")).value is False
    assert told.admits_kubelet_probes(named(told, "cart")).value is True


@pytest.mark.parametrize(
    ("policies", "expected"),
    [("", None), (policy(""), None), (policy(rule("{port: 15008}")), True)],
)
def test_without_the_namespace_other_policies_may_be_there(policies, expected):
    """
    They can isolate, and let through more; what is let through here stays so.
    """
    mesh = mesh_of(CART + policies)

    assert expected is mesh.admits_hbone(named(mesh, "cart")).value


def test_a_policy_without_namespace_may_be_anywhere():
    """
    Where it would make a difference the answer is open.
    """
    mesh = mesh_of(SHOP + CART + policy("", where=""))
    admitted = mesh_of(SHOP + CART + policy("", where="") + policy(rule("{port: 15008}"), name="b"))

    assert mesh.admits_hbone(named(mesh, "cart")).value is None
    assert admitted.admits_hbone(named(admitted, "cart")).value is True


def test_nothing_is_said_of_pods_on_the_host_s_network():
    """
    Policies mean something else there with every CNI.
    """
    mesh = mesh_of(SHOP + deployment("cart", "shop", spec="hostNetwork: true") + policy(""))

    assert mesh.admits_hbone(named(mesh, "cart")).value is None


def test_policies_of_other_namespaces_do_not_matter():
    """
    A NetworkPolicy is for its own namespace.
    """
    mesh = mesh_of(SHOP + CART + policy("", where="other"))

    assert mesh.admits_hbone(named(mesh, "cart")).value is True


def test_the_causes_are_lines_of_policies():
    """
    The rule that lets through; or what isolates, with the rules that do not suffice.
    """
    mesh = mesh_of(SHOP + CART + policy("", name="deny") + policy(rule("{port: 8080}"), name="web"))
    refused = mesh.admits_hbone(named(mesh, "cart"))
    mesh = mesh_of(SHOP + CART + policy(rule("{port: 15008}"), name="hbone"))
    admitted = mesh.admits_hbone(named(mesh, "cart"))

    assert [
        "NetworkPolicy 'deny' isolates the pods",
        "NetworkPolicy 'web' isolates the pods",
        "this rule is not enough",
    ] == [cause.message for cause in refused.because]
    assert ["NetworkPolicy 'hbone' lets this through"] == [cause.message for cause in admitted.because]
