"""What the checks about policies at ztunnel advise."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.checking.catalog import load_catalog
from meshlint.checking.finding import Problem

CHECKS = {check.id: check for check in load_catalog().checks}
AMBIENT = namespace("shop", dataplane_mode="ambient")
BOUND = namespace("shop", dataplane_mode="ambient", use_waypoint="wp") + gateway("wp", "shop")
CART = deployment("cart", "shop") + service("cart", "shop", spec="selector: {app: cart}")
TILL = deployment("till", "shop") + service("till", "shop", spec="selector: {app: till}")
SELECTED = "selector: {matchLabels: {app: cart}}"
METHODS = "to: [{operation: {methods: [PUT]}}]"
PORT = "to: [{operation: {ports: ['8080'], methods: [PUT]}}]"
BOTH = "the Services 'cart' and 'till'"
EVERYWHERE = "GatewayClass 'istio-waypoint'"
SECOND = deployment("db", "shop", tier="db").replace("istio.io/tier", "tier")
LEFTOVER = "a leftover of the migration: 'twin' enforces the same at the waypoint"


def policy(rule: str, scope: str = "", *, action: str = "DENY", where: str = "shop") -> str:
    return (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        f"metadata: {{name: policy, namespace: {where}}}\n"
        f"spec:\n  action: {action}\n  rules: [{{{rule}}}]\n  {scope}\n"
    )


def twin(rule: str, action: str = "DENY") -> str:
    scope = "targetRefs: [{kind: Service, name: cart}]"
    return policy(rule, scope, action=action).replace("name: policy", "name: twin")


def problem(check: str, text: str) -> Problem:
    """The one problem that a check finds with the policy."""
    mesh = mesh_of(text)
    [found] = CHECKS[check].run(named(mesh, "policy"), mesh)
    return found


def advice(check: str, text: str) -> str:
    """The advice on it."""
    fix = problem(check, text).fix
    assert fix is not None
    return fix.title


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOUND + CART + policy(METHODS, SELECTED), "Service 'cart'"),
        (AMBIENT + CART + policy(METHODS, SELECTED), "Service 'cart', once it has a waypoint"),
        (BOUND + CART + policy(METHODS), "waypoint 'wp'"),
        (BOUND + policy(METHODS), "waypoint 'wp'"),
        (AMBIENT + CART + TILL + policy(METHODS), f"{BOTH}, once all of them have a waypoint"),
        (AMBIENT + policy(METHODS), "the Services of these pods, once they have a waypoint"),
        (BOUND + CART + policy(METHODS, where="istio-system"), f"{EVERYWHERE} (Istio 1.25 and newer)"),
        (
            BOUND + CART + policy(METHODS, SELECTED, where="istio-system"),
            "Service 'cart', by a policy in namespace 'shop'",
        ),
    ],
)
def test_the_advice_names_the_targets_that_would_do(text, expected):
    """
    The Service of the pods, the waypoint of a whole namespace, all waypoints for the root namespace.
    """
    assert f"attach it by targetRefs to {expected}" == advice("unenforced-deny", text)


def test_many_services_are_counted():
    """
    The first three are named.
    """
    more = "".join(
        deployment(name, "shop") + service(name, "shop", spec=f"selector: {{app: {name}}}")
        for name in "abcde"
    )
    found = advice("unenforced-deny", AMBIENT + more + policy(METHODS))

    assert "to the Services 'a', 'b', 'c' and 2 more, once all of them have a waypoint" in found


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        (CART + policy(METHODS, SELECTED), 1),
        (CART + policy(f"{METHODS}, when: [{{key: destination.port, values: ['1']}}]", SELECTED), 0),
        (CART + SECOND + policy(METHODS, "selector: {matchLabels: {tier: db}}"), 0),
        (CART + service("front", "shop", spec="selector: {app: cart}") + policy(METHODS, SELECTED), 0),
        (CART + policy(METHODS), 0),
        (CART + policy(METHODS, SELECTED, where="istio-system"), 0),
    ],
)
def test_the_selector_is_replaced_where_one_service_has_just_the_pods(text, edits):
    """
    Not where rules name ports, as those of the Service would be meant, and not from another namespace.
    """
    fix = problem("unenforced-deny", BOUND + text).fix
    assert fix is not None

    assert (edits, False) == (len(fix.edits), fix.safe)


@pytest.mark.parametrize(
    ("check", "rule", "action"),
    [
        ("l7-rule-at-ztunnel", METHODS, "ALLOW"),
        ("unenforced-deny", METHODS, "DENY"),
        ("broadened-deny", PORT, "DENY"),
        ("unsupported-ztunnel-action", METHODS, "CUSTOM"),
    ],
)
def test_a_policy_with_a_twin_at_the_waypoint_is_to_be_deleted(check, rule, action):
    """
    Where pods with sidecars are in its scope too, it is to be kept for those.
    """
    text = BOUND + CART + policy(rule, action=action) + twin(rule, action)
    with_sidecar = text + deployment("old", "shop", inject="true")

    assert f"delete it, {LEFTOVER}" == advice(check, text)
    assert f"keep it for pods with sidecars alone, {LEFTOVER}" == advice(check, with_sidecar)


def test_a_policy_for_others_as_well_is_not_to_be_moved():
    """
    Neither sidecars nor gateways without targets of their own would enforce it any more.
    """
    sidecar = deployment("old", "shop", inject="true")
    ingress = gateway("front", "shop", class_name="istio")
    mixed = advice("unenforced-deny", BOUND + CART + sidecar + policy(METHODS))
    beside = advice("unenforced-deny", BOUND + CART + ingress + policy(METHODS))

    assert "add a policy like it with targetRefs to waypoint 'wp'; keep this one for" in mixed
    assert mixed.endswith("pods with sidecars alone")
    assert beside.endswith("gateways alone")


def test_what_ztunnel_can_match_stays_where_it_is():
    """
    Only the rest is to be moved; the ports of a rule that moves are others then.
    """
    partly = "to: [{operation: {ports: ['1']}}, {operation: {methods: [PUT]}}]"
    weakened = advice("weakened-deny", BOUND + CART + policy(partly, SELECTED))
    broadened = advice("broadened-deny", BOUND + CART + policy(PORT, SELECTED))
    allowing = advice(
        "l7-rule-at-ztunnel", BOUND + CART + policy(f"}}, {{{METHODS}", SELECTED, action="ALLOW")
    )
    move = "move what ztunnel cannot match into a policy of its own with targetRefs to Service 'cart'"

    assert [f"{move}, with the Service's ports in place of the pods'"] * 2 == [weakened, broadened]
    assert move == allowing


def test_those_who_enforce_a_policy_as_it_is_written_are_shown():
    """
    Beside the line that makes the pods ambient.
    """
    found = problem(
        "unenforced-deny", BOUND + CART + deployment("old", "shop", inject="true") + policy(METHODS)
    )

    assert [
        "namespace 'shop' is labelled 'ambient'",
        "the sidecar of Deployment 'old' enforces it as written",
    ] == [cause.message for cause in found.related]


@pytest.mark.parametrize(
    ("check", "rule", "action", "impact"),
    [
        ("spiffe-prefixed-principal", "principals", "ALLOW", "outage"),
        ("spiffe-prefixed-principal", "notPrincipals", "ALLOW", "exposure"),
        ("spiffe-prefixed-principal", "principals", "DENY", "exposure"),
        ("spiffe-prefixed-principal", "notPrincipals", "DENY", "outage"),
        ("spiffe-prefixed-principal", "principals", "AUDIT", "ineffective"),
    ],
)
def test_which_way_a_prefix_fails_depends_on_the_action(check, rule, action, impact):
    """
    Who is not matched is not allowed, or not denied; with exceptions it is the other way round.
    """
    source = f"from: [{{source: {{{rule}: ['spiffe://a']}}}}]"
    found = problem(check, policy(source, action=action)).impact

    assert found is not None
    assert impact == found.value


@pytest.mark.parametrize(
    ("rules", "more", "expected"),
    [
        (METHODS, "", "delete it"),
        (METHODS, deployment("old", "shop", inject="true"), "keep it for pods with sidecars alone"),
        (
            f"from: [{{source: {{namespaces: [a]}}}}]}}, {{{METHODS}",
            "",
            "delete it, or leave in it what ztunnel enforces",
        ),
    ],
)
def test_a_leftover_is_deleted_as_far_as_nobody_needs_it(rules, more, expected):
    """
    What ztunnel enforces holds for callers that do not use the waypoint too.
    """
    text = BOUND + CART + more + policy(rules) + twin(rules)

    assert expected == advice("leftover-selector-policy", text)
