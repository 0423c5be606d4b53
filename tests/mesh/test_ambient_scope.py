"""The ambient pods that a policy without targets is for, and the twins of such a policy."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.policies.ambient_scope import AmbientScope
from meshlint.model.kinds.core import Service
from meshlint.model.kinds.policy import AuthorizationPolicy

AMBIENT = namespace("shop", dataplane_mode="ambient")
BOUND = namespace("shop", dataplane_mode="ambient", use_waypoint="wp") + gateway("wp", "shop")
SIDECARS = namespace("shop", injection="enabled", use_waypoint="wp") + gateway("wp", "shop")
PODS = deployment("cart", "shop") + deployment("till", "shop", inject="true") + deployment("bank", "shop")
SELECTED = "selector: {matchLabels: {app: cart}}"
CUSTOM = "action: CUSTOM, rules: [{}]"
DENY = "action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]"


def policy(spec: str = "", name: str = "policy", where: str = "shop", *, meta: str = "") -> str:
    return (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        f"metadata: {{name: {name}, namespace: {where}{meta}}}\nspec: {{{spec}}}\n"
    )


def the_policy(mesh: Mesh) -> AuthorizationPolicy:
    found = named(mesh, "policy")
    assert isinstance(found, AuthorizationPolicy)
    return found


def scope_of(text: str, version: str = "1.31") -> AmbientScope:
    mesh = mesh_of(text, version)
    return mesh.ambient_scope(the_policy(mesh))


def names(text: str, version: str = "1.31") -> tuple[list[str], list[str]]:
    found = scope_of(text, version)
    return [workload.name for workload in found.workloads], [entry.name for entry in found.namespaces]


def twins(text: str) -> list[str]:
    mesh = mesh_of(text)
    return [twin.name for twin in mesh.twins(the_policy(mesh))]


def cart(spec: str = "selector: {app: cart}\n  ports: [{port: 80, targetPort: 8080}]", **labels: str) -> str:
    return service("cart", "shop", spec=spec, **labels)


def twin(rules: str = DENY, target: str = "kind: Service, name: cart", name: str = "twin") -> str:
    return policy(f"{rules}, targetRefs: [{{{target}}}]", name)


@pytest.mark.parametrize(
    ("spec", "where", "expected"),
    [
        ("", "shop", ["cart", "bank"]),
        ("", "istio-system", ["cart", "bank"]),
        ("", "other", []),
        (SELECTED, "shop", ["cart"]),
        (SELECTED, "istio-system", ["cart"]),
        ("selector: {matchLabels: {app: till}}", "shop", []),
        ("selector: {}", "shop", []),
        (CUSTOM, "shop", ["cart", "bank"]),
        (f"{DENY}, targetRefs: [{{kind: Service, name: cart}}]", "shop", []),
    ],
)
def test_a_policy_without_targets_is_for_the_ambient_pods_in_its_scope(spec, where, expected):
    """
    What ztunnel makes of it does not matter; pods with sidecars and empty selectors do not count.
    """
    assert (expected, []) == names(AMBIENT + PODS + policy(spec, where=where))


def test_pods_of_which_nothing_is_known_are_not_ambient():
    """
    Without the Namespace's labels the mode is unknown, unless the pods tell it themselves.
    """
    assert ([], []) == names(deployment("cart", "shop") + policy())
    assert (["cart"], []) == names(deployment("cart", "shop", dataplane_mode="ambient") + policy())


def test_an_ambient_namespace_without_pods_counts_for_a_policy_without_a_selector():
    """
    Its pods are elsewhere; a policy of the root namespace is for all such namespaces.
    """
    others = namespace("depot", dataplane_mode="ambient") + namespace("outside")
    both = namespace("half", dataplane_mode="ambient", injection="enabled")
    text = AMBIENT + PODS + others + both

    assert ([], ["depot"]) == names(text + policy(where="depot"))
    assert ([], []) == names(text + policy(SELECTED, where="depot"))
    assert ([], []) == names(text + policy(where="outside"))
    assert ([], []) == names(text + policy(where="half"))
    assert (["cart", "bank"], ["depot"]) == names(text + policy(where="istio-system"))


def test_ztunnel_has_the_policies_of_namespaces_whose_pods_are_elsewhere():
    """
    A policy of the root namespace is ztunnel's also where the pods of the set have sidecars.
    """
    text = namespace("shop", injection="enabled") + deployment("cart", "shop")
    mesh = mesh_of(text + namespace("depot", dataplane_mode="ambient") + policy(where="istio-system"))
    points = [entry.point.value for entry in mesh.reach(the_policy(mesh)).enforcements]

    assert ["ztunnel", "sidecar"] == sorted(points, reverse=True)


def test_a_dry_run_is_for_pods_only_where_it_is_enforced():
    """
    From 1.25.2 ztunnel is not given dry runs.
    """
    dry = policy(DENY, meta=", annotations: {istio.io/dry-run: 'true'}")

    assert (["cart", "bank"], []) == names(AMBIENT + PODS + dry, "1.25.1")
    assert ([], []) == names(AMBIENT + PODS + dry, "1.25.2")


def test_a_policy_that_may_be_for_another_control_plane_is_for_nobody():
    """
    Ztunnel is given policies with `istio.io/rev` only of the revision itself.
    """
    canary = policy(DENY, meta=", labels: {istio.io/rev: canary}")

    assert ([], []) == names(AMBIENT + PODS + canary)
    assert (["cart", "bank"], []) == names(AMBIENT + PODS + canary, "1.24")


def test_a_scope_shows_what_makes_its_first_pods_ambient():
    """
    The line is the label of the namespace, or of the pods.
    """
    messages = [cause.message for cause in scope_of(AMBIENT + PODS + policy()).because]
    own = [cause.message for cause in scope_of(AMBIENT + policy()).because]

    assert ["namespace 'shop' is labelled 'ambient'"] == messages
    assert ["namespace 'shop' is labelled 'ambient'"] == own


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (twin(), ["twin"]),
        (twin(target="group: gateway.networking.k8s.io, kind: Gateway, name: wp"), ["twin"]),
        (twin() + twin(name="again"), ["twin", "again"]),
        (twin(DENY.replace("DENY", "ALLOW")), []),
        (twin(DENY.replace("PUT", "GET")), []),
        (twin(DENY.replace("[PUT]", "[PUT, PUT]")), ["twin"]),
        (twin(DENY.replace("rules: [", "rules: [{}, ")), []),
        (twin(target="kind: Service, name: till"), []),
        (policy(DENY, "copy"), []),
    ],
)
def test_a_twin_says_the_same_at_the_waypoint_of_the_pods(other, expected):
    """
    Action and rules are the same, and the Service that has the pods is its target, or the waypoint.
    """
    assert expected == twins(BOUND + PODS + cart() + policy(f"{SELECTED}, {DENY}") + other)


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ("8080", "80", ["twin"]),
        ("8080", "8080", ["twin"]),
        ("80", "80", ["twin"]),
        ("80", "8080", []),
    ],
)
def test_a_twin_may_name_the_port_of_the_service(here, there, expected):
    """
    A waypoint sees the port of the Service where ztunnel sees that of the pods.
    """
    rules = "action: DENY, rules: [{to: [{operation: {ports: ['%s']}}], when: [{key: destination.port, %s}]}]"
    own, other = (rules % (port, f"values: ['{port}']") for port in (here, there))

    assert expected == twins(BOUND + PODS + cart() + policy(f"{SELECTED}, {own}") + twin(other))


def test_a_twin_that_nobody_enforces_is_none():
    """
    Its Service has no waypoint, or there is none of its own among those that have the pods.
    """
    own = policy(f"{SELECTED}, {DENY}")
    second = service("front", "shop", spec="selector: {app: cart}")

    assert [] == twins(AMBIENT + PODS + cart() + own + twin())
    assert [] == twins(BOUND + PODS + cart(use_waypoint="none") + own + twin())
    assert [] == twins(BOUND + PODS + cart() + second + own + twin())
    assert [] == twins(BOUND + PODS + own + twin())


def test_a_policy_for_a_namespace_has_twins_if_all_of_its_services_have_them():
    """
    Also where the pods of the namespace are not in the set.
    """
    till = service("till", "shop", spec="selector: {app: till}")

    assert ["twin"] == twins(BOUND + cart() + policy(DENY) + twin())
    assert [] == twins(BOUND + cart() + till + policy(DENY) + twin())
    both = twin() + twin(target="kind: Service, name: till", name="till-twin")
    assert ["twin", "till-twin"] == twins(BOUND + cart() + till + policy(DENY) + both)


def test_pods_with_sidecars_have_twins_before_they_move():
    """
    The Service is bound to its waypoint already, though sidecars do not go there.
    """
    assert ["twin"] == twins(SIDECARS + deployment("cart", "shop") + cart() + policy(DENY) + twin())


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        (BOUND, "1.31", "wp"),
        (AMBIENT, "1.31", None),
        (namespace("shop"), "1.31", None),
        ("", "1.31", None),
        (namespace("shop", use_waypoint="wp") + gateway("wp", "shop", class_name="cilium"), "1.31", None),
    ],
)
def test_a_waypoint_enforces_the_policies_of_its_services(text, version, expected):
    """
    If the Service is bound to one, and it is Istio's.
    """
    mesh = mesh_of(text + cart(), version)
    found = named(mesh, "cart")
    assert isinstance(found, Service)
    waypoint = mesh.enforcing_waypoint(found)

    assert expected == (waypoint.name if waypoint else None)


@pytest.mark.parametrize(("version", "expected"), [("1.23", None), ("1.24.0", "wp")])
def test_a_waypoint_elsewhere_enforces_policies_from_1_24(version, expected):
    """
    Before, waypoints looked for AuthorizationPolicies in their own namespace alone.
    """
    text = (
        namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
        + namespace("infra")
        + gateway("wp", "infra", routes="{from: All}")
        + cart()
    )
    mesh = mesh_of(text, version)
    found = named(mesh, "cart")
    assert isinstance(found, Service)
    waypoint = mesh.enforcing_waypoint(found)

    assert expected == (waypoint.name if waypoint else None)


def test_principals_with_a_prefix_are_found_wherever_they_may_stand():
    """
    In sources and conditions, and told apart from those that are left out.
    """
    source = "from: [{source: {principals: ['spiffe://a', b], notPrincipals: ['spiffe://c']}}]"
    condition = "when: [{key: source.principal, values: ['spiffe://d'], notValues: ['spiffe://e']}]"
    other = "when: [{key: source.namespace, values: ['spiffe://f']}]"
    mesh = mesh_of(policy(f"rules: [{{{source}, {condition}}}, {{{other}}}]"))
    found = mesh.prefixed_principals(the_policy(mesh))

    assert [("spiffe://a", False), ("spiffe://c", True), ("spiffe://d", False), ("spiffe://e", True)] == [
        (principal.value, principal.is_excluded) for principal in found
    ]
    assert [("rules", 0, "from", 0, "source", "principals", 0)] == [found[0].at.field[1:]]


def test_a_namespace_that_is_told_in_two_ways_is_not_known_to_be_ambient():
    """
    Its definitions differ, and either may be the one that is applied.
    """
    twice = namespace("depot", dataplane_mode="ambient") + namespace("depot")

    assert ([], []) == names(twice + policy(where="istio-system"))
    assert ([], []) == names(twice + policy(where="depot"))
