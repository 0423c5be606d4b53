"""What the targets and selectors of policies mean, and which waypoints are let in."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.policies.target_attachment import EnforcementPoint
from meshlint.model.kind import SERVICE, ResourceRef
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.kinds.workload import Workload

SHOP = namespace("shop", dataplane_mode="ambient", use_waypoint="wp") + gateway("wp", "shop")
GROUPS = {"EnvoyFilter": "networking", "TrafficExtension": "extensions"}
TARGETS = """targetRefs: [
    {kind: Service, name: cart}, {group: core, kind: Service, name: cart}, {kind: Gateway, name: wp},
    {group: networking.istio.io, kind: ServiceEntry, name: api}, {kind: Namespace, name: shop},
    {group: gateway.networking.k8s.io, kind: Gateway, name: wp}, {kind: Service, name: cart, namespace: shop},
    {group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint},
  ]"""


def policy(spec: str, kind: str = "AuthorizationPolicy", *, name: str = "policy", where: str = "shop") -> str:
    return (
        f"---\napiVersion: {GROUPS.get(kind, 'security')}.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {where}}}\nspec:\n  {spec}\n"
    )


def the_policy(mesh: Mesh) -> TargetedPolicy:
    found = named(mesh, "policy")
    assert isinstance(found, TargetedPolicy)
    return found


@pytest.mark.parametrize(
    ("version", "kind", "targets", "invalid"),
    [
        (
            "1.31",
            "AuthorizationPolicy",
            "Service Service ServiceEntry Gateway GatewayClass",
            "Gateway Namespace",
        ),
        (
            "1.24",
            "AuthorizationPolicy",
            "Service Service ServiceEntry Gateway",
            "Gateway Namespace GatewayClass",
        ),
        (
            "1.23",
            "AuthorizationPolicy",
            "Service Service Gateway",
            "Gateway ServiceEntry Namespace GatewayClass",
        ),
        ("1.31", "EnvoyFilter", "Service Service ServiceEntry Gateway GatewayClass", "Gateway Namespace"),
        ("1.26", "EnvoyFilter", "", ""),
    ],
)
def test_targets_are_told_apart_by_kind_and_group(version, kind, targets, invalid):
    """
    Four kinds can be one, from some version on; one that tells a namespace is left out of both.
    """
    mesh = mesh_of(SHOP + service("cart", "shop") + policy(TARGETS, kind), version)
    found = the_policy(mesh)

    assert targets.split() == [target.ref.kind.name for target in mesh.policy_targets(found)]
    assert invalid.split() == [target.kind.name for target in mesh.invalid_targets(found)]


def test_each_target_has_its_own_verdict():
    """
    One is there and its waypoint enforces the policy, the other is not there.
    """
    targets = "targetRefs: [{kind: Service, name: cart}, {kind: Service, name: till}]"
    mesh = mesh_of(SHOP + service("cart", "shop") + policy(targets))
    cart, till = mesh.policy_targets(the_policy(mesh))

    assert named(mesh, "cart") is cart.found.value
    assert [EnforcementPoint.WAYPOINT] == [it.point for it in cart.reach.enforcements]
    assert till.found.is_absent
    assert not till.reach.enforcements


def test_a_policy_with_a_selector_has_no_targets():
    """
    Istio refuses both beside each other.
    """
    both = "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: cart}]}"
    mesh = mesh_of(SHOP + policy(both))

    assert () == mesh.policy_targets(the_policy(mesh))


@pytest.mark.parametrize(
    ("kind", "has_it", "point"),
    [
        ("AuthorizationPolicy", True, ["waypoint"]),
        ("TrafficExtension", False, ["sidecar"]),
        ("EnvoyFilter", False, ["sidecar"]),
    ],
)
def test_not_every_kind_has_the_singular_target_ref(kind, has_it, point):
    """
    The API server drops it from the others, which are then for their whole namespace.
    """
    target = "targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: wp}"
    text = gateway("wp", "shop") + deployment("cart", "shop", inject="true") + policy(target, kind)
    mesh = mesh_of(text + namespace("shop", injection="enabled"))
    found = the_policy(mesh)

    assert has_it is mesh.has_singular_target(found)
    assert point == [enforcement.point.value for enforcement in mesh.reach(found).enforcements]


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("pg-rw", "pg"),
        ("pg", "pg"),
        ("pgbouncer", None),
        ("wp", "wp"),
        ("front-istio", "front"),
        ("cart", None),
    ],
)
def test_controllers_make_services_named_after_their_objects(name, maker):
    """
    Those of other projects and Gateways do; what Kubernetes itself runs does not.
    """
    cluster = "---\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: pg, namespace: shop}\n"
    text = SHOP + cluster + gateway("front", "shop", class_name="istio") + deployment("cart", "shop")
    found = mesh_of(text).possible_maker(ResourceRef(SERVICE, "shop", name))

    assert maker == (found.name if found else None)


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("istio-waypoint", EnforcementPoint.WAYPOINT),
        ("istio", EnforcementPoint.GATEWAY),
        ("istio-agentgateway-waypoint", None),
        ("kgateway-waypoint", None),
    ],
)
def test_the_class_of_a_gateway_says_what_it_is_to_a_policy(class_name, expected):
    """
    Only Istio's own Envoys take Istio's policies.
    """
    mesh = mesh_of(gateway("wp", "shop", class_name=class_name))
    found = named(mesh, "wp")
    assert isinstance(found, Gateway)

    assert expected is mesh.enforcement_point(found)


NAMED = "gateway.networking.k8s.io/gateway-name: wp"


@pytest.mark.parametrize(
    ("labels", "class_name", "expected"),
    [
        (NAMED, "istio-waypoint", ["wp"]),
        ("gateway.istio.io/managed: istio.io-mesh-controller", "istio-waypoint", ["wp"]),
        ("gateway.networking.k8s.io/gateway-class-name: istio-waypoint", "istio", []),
        (NAMED, "istio", None),
        (NAMED, "kgateway-waypoint", None),
        (f"{NAMED}, app: other", "istio-waypoint", None),
        (f"{NAMED}, app: wp", "istio-waypoint", ["wp"]),
        ("app: wp", "istio-waypoint", None),
    ],
)
def test_a_selector_may_be_for_waypoints(labels, class_name, expected):
    """
    By the labels of Istio's own, together with those that a Gateway hands on to its pods.
    """
    text = gateway("wp", "shop", class_name=class_name) + policy(f"selector: {{matchLabels: {{{labels}}}}}")
    mesh = mesh_of(text)
    found = mesh.waypoint_selection(the_policy(mesh))

    assert expected == (None if found is None else [it.name for it in found.waypoints])


@pytest.mark.parametrize(
    ("class_name", "expected"), [("istio-waypoint", []), ("istio", ["gateway", "gateway"])]
)
def test_no_selector_acts_on_the_pods_of_a_waypoint(class_name, expected):
    """
    Their Deployment is in a dump of the cluster, labelled as that of an ordinary Gateway is.
    """
    pods = deployment("wp", "shop").replace("        app: wp\n", f"        {NAMED}\n")
    text = namespace("shop") + gateway("wp", "shop", class_name=class_name) + pods
    mesh = mesh_of(text + policy(f"selector: {{matchLabels: {{{NAMED}}}}}"))
    reach = mesh.reach(the_policy(mesh))

    assert expected == [enforcement.point.value for enforcement in reach.enforcements]


PODS = deployment("cart", "shop") + service(
    "cart", "shop", spec="selector: {app: cart}\n  ports: [{port: 80}]"
)


def allow(source: str) -> str:
    return policy(
        f"{{selector: {{matchLabels: {{app: cart}}}}, rules: [{{from: [{{source: {{{source}}}}}]}}]}}"
    )


def denied(text: str, version: str = "1.31") -> list[str]:
    mesh = mesh_of(text, version)
    cart = named(mesh, "cart", "Deployment")
    assert isinstance(cart, Workload)
    return [denial.principal for denial in mesh.waypoint_denials(cart)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("principals: [cluster.local/ns/shop/sa/front]", ["cluster.local/ns/shop/sa/wp"]),
        ("principals: [prod.example/ns/shop/sa/front]", ["prod.example/ns/shop/sa/wp"]),
        ("principals: [prod.example/ns/shop/sa/wp]", []),
        ("principals: ['*/ns/shop/sa/wp']", []),
        ("notPrincipals: [cluster.local/ns/shop/sa/wp]", ["cluster.local/ns/shop/sa/wp"]),
        ("namespaces: [front]", ["cluster.local/ns/shop/sa/wp"]),
        ("serviceAccounts: [wp]", []),
        ("ipBlocks: [10.0.0.0/8]", []),
        ("ipBlocks: [10.0.0.0/8], namespaces: [front]", ["cluster.local/ns/shop/sa/wp"]),
        ("requestPrincipals: ['*']", []),
    ],
)
def test_a_waypoint_has_to_be_admitted_under_its_own_identity(source, expected):
    """
    In whatever trust domain where none is told; of what needs HTTP alone nothing is said.
    """
    assert expected == denied(SHOP + PODS + allow(source))


CLIENTS = allow("namespaces: [front]")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (SHOP + PODS + CLIENTS, 1),
        (SHOP + PODS, 0),
        (SHOP + PODS + policy("{}"), 0),
        (SHOP + PODS + policy("{rules: [{}]}"), 0),
        (SHOP + PODS + policy("{}", where="istio-system") + policy("{rules: [{}]}", name="all"), 0),
        (
            SHOP
            + PODS
            + policy("{}")
            + policy("{targetRefs: [{kind: Service, name: cart}], rules: [{}]}", name="at-waypoint"),
            1,
        ),
        (namespace("shop", dataplane_mode="ambient") + gateway("wp", "shop") + PODS + CLIENTS, 0),
        (namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + PODS + CLIENTS, 0),
        (SHOP + PODS.replace("ports: [", "clusterIP: None\n  ports: [") + CLIENTS, 0),
        (SHOP.replace("istio-waypoint", "kgateway-waypoint") + PODS + CLIENTS, 0),
    ],
)
def test_a_waypoint_is_turned_away_where_others_are_let_in(text, count):
    """
    It takes a waypoint, an ambient pod, and an ALLOW policy with rules, at the pods or at the waypoint.
    """
    assert count == len(denied(text))


@pytest.mark.parametrize(
    ("target", "ports", "expected"),
    [
        ("", "[80]", 0),
        ("8080", "[80]", 1),
        ("web", "[8080]", 0),
        ("web", "[9090]", 1),
        ("other", "[9090]", 0),
    ],
)
def test_the_ports_are_those_of_the_pods(target, ports, expected):
    """
    A port by a name that no container declares may be any.
    """
    pods = deployment(
        "cart", "shop", spec="containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]"
    )
    leads = f", targetPort: {target}" if target else ""
    called = service("cart", "shop", spec=f"selector: {{app: cart}}\n  ports: [{{port: 80{leads}}}]")
    rule = policy(f"{{rules: [{{to: [{{operation: {{ports: {ports.replace('[', '[!!str ')}}}}}]}}]}}")

    assert expected == len(denied(SHOP + pods + called + rule))
