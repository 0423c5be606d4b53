"""What ztunnel makes of AuthorizationPolicies: rules, connections, conditions."""

import pytest

from manifests import deployment, mesh_of, named, namespace
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.policies.decision import Peer
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.model.kinds.workload import Workload

AMBIENT = namespace("shop", dataplane_mode="ambient")
IN_MESH = Peer("cluster.local/ns/a/sa/b", "a", "10.0.0.1", 80)
PLAINTEXT = Peer(None, None, "10.0.0.1", 80)


def policy(
    spec: str, name: str = "policy", where: str = "shop", *, kind: str = "AuthorizationPolicy", meta: str = ""
) -> str:
    group = {"Telemetry": "telemetry", "WasmPlugin": "extensions", "TrafficExtension": "extensions"}
    api = "networking" if kind == "EnvoyFilter" else group.get(kind, "security")
    return (
        f"---\napiVersion: {api}.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {where}{meta}}}\nspec: {{{spec}}}\n"
    )


def the_policy(mesh: Mesh, name: str = "policy") -> AuthorizationPolicy:
    found = named(mesh, name)
    assert isinstance(found, AuthorizationPolicy)
    return found


def outcomes(spec: str, version: str = "1.31", where: str = "shop", meta: str = "") -> list[str]:
    mesh = mesh_of(policy(spec, where=where, meta=meta), version)
    return [verdict.outcome.value for verdict in mesh.rule_verdicts(the_policy(mesh))]


def decision(text: str, peer: Peer, **options: object) -> str:
    mesh = mesh_of(AMBIENT + deployment("cart", "shop") + text, complete=True, **options)  # type: ignore[arg-type]
    workload = named(mesh, "cart")
    assert isinstance(workload, Workload)
    return mesh.authorization(workload, peer).value.value


def conditions(text: str, version: str = "1.31", *, complete: bool = True) -> list[tuple[str, str, str, str]]:
    mesh = mesh_of(text, version, complete=complete)
    return [tuple(condition) for condition in mesh.policy_conditions(the_policy(mesh))]


METHODS = "to: [{operation: {methods: [GET]}}]"
SOURCES = "from: [{source: {%s}}]"
ANYONE = SOURCES % 'principals: ["*"]'


@pytest.mark.parametrize(
    ("spec", "in_mesh", "plaintext", "outcome"),
    [
        (
            "action: DENY, rules: [{%s}]" % (SOURCES % 'notRequestPrincipals: ["*"]'),
            False,
            False,
            "no-effect",
        ),
        (f"action: DENY, rules: [{{{METHODS}}}]", False, False, "no-effect"),
        (f"action: DENY, rules: [{{{ANYONE}, {METHODS}}}]", False, False, "no-effect"),
        (
            f"action: DENY, rules: [{{{ANYONE}, when: [{{key: 'request.headers[x]', values: [y]}}]}}]",
            False,
            False,
            "no-effect",
        ),
        (
            "action: DENY, rules: [{to: [{operation: {ports: ['80'], methods: [GET]}}]}]",
            True,
            True,
            "over-deny",
        ),
        (
            "action: DENY, rules: [{%s}]" % (SOURCES % 'principals: ["*"], requestPrincipals: [x]'),
            True,
            False,
            "over-deny",
        ),
        (
            "action: DENY, rules: [{to: [{operation: {ports: ['81']}}, {operation: {methods: [GET]}}]}]",
            False,
            False,
            "partly",
        ),
        ("action: DENY, rules: [{}]", True, True, "enforced"),
        ("action: DENY, rules: [{%s}]" % (SOURCES % 'notPrincipals: ["*"]'), False, True, "enforced"),
        ("action: ALLOW", False, False, None),
        ("", False, False, None),
        ("action: ALLOW, rules: [{}]", True, True, "enforced"),
        (f"rules: [{{{METHODS}}}]", False, False, "never-matches"),
        ("rules: [{%s}]" % (SOURCES % "namespaces: [a], trustDomains: [zz]"), True, False, "partly"),
        ("rules: [{%s}]" % (SOURCES % "trustDomains: [zz]"), False, False, "never-matches"),
        (
            "rules: [{%s}]" % (SOURCES % 'principals: ["spiffe://cluster.local/ns/a/sa/b"]'),
            False,
            False,
            "never-matches",
        ),
        ("rules: [{%s}]" % (SOURCES % 'namespaces: ["*a*"]'), False, False, "never-matches"),
        ("rules: [{%s}]" % (SOURCES % 'principals: ["*/ns/a/sa/b"]'), True, False, "enforced"),
    ],
)
def test_a_rule_matches_at_ztunnel_by_layer_4_alone(spec, in_mesh, plaintext, outcome):
    """
    What a rule matches, from the mesh and in plaintext, and the word for it.
    """
    verb = "denied" if "DENY" in spec else "allowed"

    assert ([] if outcome is None else [outcome]) == outcomes(spec)
    assert in_mesh is (verb == decision(policy(spec), IN_MESH))
    assert plaintext is (verb == decision(policy(spec), PLAINTEXT))


@pytest.mark.parametrize(
    ("rule", "allow", "deny"),
    [
        (SOURCES % "notPrincipals: ['spiffe://x']", "partly", "over-deny"),
        (SOURCES % "principals: ['spiffe://x', 'cluster.local/ns/a/sa/b']", "partly", "partly"),
        (SOURCES % "principals: ['spiffe://x']", "never-matches", "no-effect"),
        (SOURCES % "principals: ['a*b']", "never-matches", "no-effect"),
        (SOURCES % "principals: ['*a', 'a*', '*']", "enforced", "enforced"),
        (SOURCES % "namespaces: ['**']", "never-matches", "no-effect"),
        (SOURCES % "namespaces: [a], notTrustDomains: [x]", "partly", "over-deny"),
        (SOURCES % "serviceAccounts: ['*']", "never-matches", "no-effect"),
        (SOURCES % "remoteIpBlocks: [10.0.0.0/8]", "never-matches", "no-effect"),
        (SOURCES % "ipBlocks: [10.0.0.0/8], notRemoteIpBlocks: [10.1.0.0/16]", "never-matches", "over-deny"),
        (SOURCES % "ipBlocks: [10.0.0.0/33]", "never-matches", "no-effect"),
        (SOURCES % "ipBlocks: [10.0.0.0/255.0.0.0]", "never-matches", "no-effect"),
        (SOURCES % "ipBlocks: [10.0.0.300, 10.0.0.1]", "partly", "partly"),
        (SOURCES % "ipBlocks: ['::/0', '10.1.2.3/8', 'fe80::1']", "enforced", "enforced"),
        ("from: [{source: {namespaces: [a]}}, {source: {trustDomains: [x]}}]", "partly", "partly"),
        ("to: [{operation: {ports: ['80', http]}}]", "partly", "partly"),
        ("to: [{operation: {ports: ['65536']}}]", "never-matches", "no-effect"),
        ("to: [{operation: {ports: ['-1']}}]", "never-matches", "no-effect"),
        ("to: [{operation: {ports: ['0', '65535']}}]", "enforced", "enforced"),
        ("to: [{operation: {notPorts: [http], ports: ['80']}}]", "partly", "over-deny"),
        ("to: [{operation: {ports: [http], notPorts: ['80']}}]", "partly", "over-deny"),
        ("to: [{operation: {ports: ['80'], paths: []}}]", "enforced", "enforced"),
        ("to: [{operation: {ports: ['80'], notPaths: [/x]}}]", "never-matches", "over-deny"),
        ("to: [{operation: {notHosts: [x]}}]", "never-matches", "no-effect"),
        ("when: [{key: source.ip, values: [10.0.0.1]}]", "enforced", "enforced"),
        ("when: [{key: source.namespace, notValues: [a]}]", "enforced", "enforced"),
        ("when: [{key: source.principal, values: ['*']}]", "enforced", "enforced"),
        ("when: [{key: destination.ip, values: [10.0.0.0/8]}]", "enforced", "enforced"),
        ("when: [{key: destination.port, values: ['80']}]", "enforced", "enforced"),
        ("when: [{key: destination.port, values: [http]}]", "never-matches", "no-effect"),
        ("when: [{key: source.serviceAccount, values: [a/b]}]", "never-matches", "no-effect"),
        ("when: [{key: source.trustDomain, values: [a]}]", "never-matches", "no-effect"),
        ("when: [{key: connection.sni, values: [a]}]", "never-matches", "no-effect"),
        ("when: [{key: remote.ip, values: [10.0.0.1]}]", "never-matches", "no-effect"),
        ("when: [{key: 'request.auth.claims[a]', values: [b]}]", "never-matches", "no-effect"),
        ("when: [{key: experimental.envoy.filters.x, values: [b]}]", "never-matches", "no-effect"),
    ],
)
def test_what_becomes_of_a_rule_depends_on_the_action(rule, allow, deny):
    """
    What is lost makes an ALLOW policy refuse, and a DENY policy let through or refuse too much.
    """
    assert [allow] == outcomes(f"rules: [{{{rule}}}]")
    assert [deny] == outcomes(f"action: DENY, rules: [{{{rule}}}]")


def test_a_rule_that_loses_alternatives_and_restrictions_denies_too_much():
    """
    Of two faults of one DENY rule, the refusal of more than is written is told.
    """
    rule = "to: [{operation: {ports: ['80'], methods: [GET]}}, {operation: {methods: [PUT]}}]"

    assert ["over-deny"] == outcomes(f"action: DENY, rules: [{{{rule}}}]")


# The cases of Istio's own tests of the conversion, ALLOW and DENY side by side.
_L4_AND_L7 = [
    ("from: [{source: {principals: [p], requestPrincipals: [r], namespaces: [n]}}], %s", "over-deny"),
    (
        (
            "from: [{source: {principals: [p], namespaces: [n]}}], "
            "to: [{operation: {ports: ['80'], methods: [GET]}}]"
        ),
        "over-deny",
    ),
    ("from: [{source: {principals: [p], namespaces: [n]}}], %s", "enforced"),
    (
        "from: [{source: {requestPrincipals: [r]}}], to: [{operation: {paths: [/x], methods: [GET]}}]",
        "no-effect",
    ),
    ("when: [{key: source.namespace, values: [n]}, {key: connection.sni, values: [s]}]", "no-effect"),
    ("when: [{key: source.namespace, values: [n]}, {key: source.ip, values: [10.10.10.10]}]", "enforced"),
    ("when: [{key: connection.sni, values: [s]}, {key: 'request.headers[h]', values: [v]}]", "no-effect"),
]


@pytest.mark.parametrize(("rule", "deny"), _L4_AND_L7)
def test_mixed_rules_become_what_the_conversion_of_istio_makes_of_them(rule, deny):
    """
    An ALLOW policy keeps the rules of layer 4 alone, a DENY policy all of them without the rest.
    """
    rule = rule.replace("%s", "to: [{operation: {ports: ['80']}}]")
    allow = "enforced" if deny == "enforced" else "never-matches"

    assert [deny] == outcomes(f"action: DENY, rules: [{{{rule}}}]")
    assert [allow] == outcomes(f"rules: [{{{rule}}}]")


def test_translated_rules_keep_their_clauses_in_the_order_of_istio():
    """
    `to` comes before `from`, and each entry of `when` is a clause of its own.
    """
    rule = (
        "from: [{source: {principals: [p-*, '*'], notNamespaces: [ns]}}], "
        "to: [{operation: {ports: ['80', x]}}], "
        "when: [{key: source.ip, values: [10.0.0.1], notValues: [bad]}]"
    )
    mesh = mesh_of(policy(f"rules: [{{{rule}}}]"))
    [translated] = mesh.ztunnel_rules(the_policy(mesh))

    assert [
        {"ports": (("80",), ())},
        {"principals": (("p-*", "*"), ()), "namespaces": ((), ("ns",))},
        {"ipBlocks": (("10.0.0.1",), ())},
    ] == [
        {name: tuple(terms) for name, terms in alternative.terms.items()}
        for [alternative] in translated.clauses
    ]


def test_service_accounts_are_of_the_policy_s_namespace_and_known_from_1_25():
    """
    A name without a namespace means the policy's own, the root namespace's included.
    """
    rule = SOURCES % "serviceAccounts: [b, c/d]"
    allowed = policy(f"rules: [{{{rule}}}]", where="shop")
    root = policy(f"rules: [{{{rule}}}]", where="istio-system")
    own = Peer("cluster.local/ns/shop/sa/b", port=80)

    assert "allowed" == decision(allowed, own)
    assert "denied" == decision(root, own)
    assert "allowed" == decision(root, Peer("td/ns/istio-system/sa/b", port=80))
    assert "allowed" == decision(allowed, Peer("td/ns/c/sa/d", port=80))
    assert "denied" == decision(allowed, PLAINTEXT)
    assert ["never-matches"] == outcomes(f"rules: [{{{rule}}}]", "1.24")
    assert ["enforced"] == outcomes(f"rules: [{{{rule}}}]", "1.25.0")


@pytest.mark.parametrize("action", ["CUSTOM", "AUDIT"])
def test_ztunnel_refuses_custom_and_audit(action):
    """
    A policy with an action that ztunnel does not support has no effect, and istiod says so.
    """
    spec = f"action: {action}, rules: [{{}}]"
    text = f"ztunnel does not support the {action} action"

    assert ["no-effect"] == outcomes(spec)
    assert [("ZtunnelAccepted", "False", "UnsupportedValue", text)] == conditions(policy(spec))
    assert "allowed" == decision(policy(spec), IN_MESH)


@pytest.mark.parametrize(
    ("version", "outcome", "statuses"),
    [
        ("1.24.6", "enforced", ["True"]),
        ("1.25.1", "enforced", ["True"]),
        ("1.25.2", "no-effect", []),
        ("1.28", "no-effect", []),
        ("1.29.0", "no-effect", ["False"]),
        ("1.31", "no-effect", ["False"]),
    ],
)
def test_a_dry_run_was_once_enforced(version, outcome, statuses):
    """
    `istio.io/dry-run` is enforced before 1.25.2, then kept from ztunnel, and reported from 1.29.
    """
    meta = ", annotations: {istio.io/dry-run: '%s'}"
    spec = "action: DENY, rules: [{}]"

    assert [outcome] == outcomes(spec, version, meta=meta % "true")
    assert [outcome] == outcomes(spec, version, meta=meta % "1")
    assert ["enforced"] == outcomes(spec, version, meta=meta % "yes")
    found = conditions(policy(spec, meta=meta % "true"), version)
    assert statuses == [status for _, status, _, _ in found]


def test_istiod_can_be_told_to_send_dry_runs_to_be_logged():
    """
    With its switch on, a dry run is accepted from 1.29, and still not enforced.
    """
    istiod = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        env:
        - {name: PILOT_ENABLE_AMBIENT, value: "true"}
        - {name: AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY, value: "true"}
"""
    dry = policy("action: DENY, rules: [{}]", meta=", annotations: {istio.io/dry-run: 'true'}")

    assert [("ZtunnelAccepted", "True", "Accepted", "attached to ztunnel")] == conditions(dry + istiod)
    assert "allowed" == decision(dry + istiod, IN_MESH)


HTTP = (
    "ztunnel does not support HTTP attributes (found: %s). "
    "In ambient mode you must use a waypoint proxy to enforce HTTP rules. %s"
)
MORE = "This will be more restrictive than requested."


@pytest.mark.parametrize(
    ("version", "spec", "message"),
    [
        (
            "1.31",
            "rules: [{{{}, {}}}]".format(METHODS, "when: [{key: connection.sni, values: [x]}]"),
            HTTP
            % (
                "connection.sni, methods",
                f"Within an ALLOW policy, rules matching HTTP attributes are omitted. {MORE}",
            ),
        ),
        (
            "1.31",
            f"action: DENY, rules: [{{{METHODS}}}]",
            HTTP
            % ("methods", f"DENY policy with HTTP attributes is enforced without the HTTP rules. {MORE}"),
        ),
        (
            "1.32",
            f"action: DENY, rules: [{{{METHODS}}}]",
            HTTP
            % (
                "methods",
                (
                    "After omitting unsupported HTTP attributes, this DENY policy has no enforceable "
                    "rules at ztunnel and will have no effect. "
                    "Deploy a waypoint proxy and use a targetRef to enforce this policy."
                ),
            ),
        ),
        (
            "1.32",
            f"action: DENY, rules: [{{{METHODS}}}, {{}}]",
            HTTP
            % ("methods", f"DENY policy with HTTP attributes is enforced without the HTTP rules. {MORE}"),
        ),
        (
            "1.24.2",
            f"rules: [{{{METHODS}}}]",
            (
                "ztunnel does not support HTTP rules (methods require HTTP parsing), in ambient mode "
                "you must use waypoint proxy to enforce HTTP rules. "
                "Allow rules with HTTP attributes will be "
                "empty and never match. This is more restrictive than requested."
            ),
        ),
        (
            "1.24.2",
            f"action: DENY, rules: [{{{METHODS}}}]",
            (
                "ztunnel does not support HTTP rules (methods require HTTP parsing), in ambient mode "
                "you must use waypoint proxy to enforce HTTP rules. "
                "Deny rules with HTTP attributes will be "
                "enforced without their HTTP components. This is more restrictive than intended."
            ),
        ),
    ],
)
def test_istiod_warns_of_http_attributes_in_the_words_of_its_version(version, spec, message):
    """
    The condition is True all the same, and lists the attributes by the alphabet.
    """
    assert [("ZtunnelAccepted", "True", "UnsupportedValue", message)] == conditions(policy(spec), version)


def test_what_is_dropped_without_a_word_is_accepted():
    """
    Trust domains and bad ports leave no trace in the condition.
    """
    accepted = [("ZtunnelAccepted", "True", "Accepted", "attached to ztunnel")]

    assert accepted == conditions(policy("rules: [{%s}]" % (SOURCES % "trustDomains: [x]")))
    assert accepted == conditions(policy("rules: [{to: [{operation: {ports: [http]}}]}]"))
    assert accepted == conditions(policy("selector: {}"))
    assert [] == conditions(policy(""), "1.23")


def test_deny_comes_before_allow():
    """
    A DENY that matches wins over an ALLOW that does.
    """
    text = policy("rules: [{}]", "allow") + policy(f"action: DENY, rules: [{{{ANYONE}}}]", "deny")

    assert "denied" == decision(text, IN_MESH)
    assert "allowed" == decision(text, PLAINTEXT)


def test_any_allow_policy_will_do():
    """
    Without ALLOW policies all is allowed; with some, one of them has to match.
    """
    only_c = policy("rules: [{%s}]" % (SOURCES % "namespaces: [c]"), "c")
    only_a = policy("rules: [{%s}]" % (SOURCES % "namespaces: [a]"), "a", where="istio-system")

    assert "allowed" == decision("", IN_MESH)
    assert "denied" == decision(only_c, IN_MESH)
    assert "allowed" == decision(only_c + only_a, IN_MESH)


def test_a_policy_for_other_pods_does_not_count():
    """
    Selectors and namespaces decide which policies act; an empty selector selects no ambient pod.
    """
    deny = "action: DENY, rules: [{}]"

    assert "denied" == decision(policy(f"{deny}, selector: {{matchLabels: {{app: cart}}}}"), IN_MESH)
    assert "allowed" == decision(policy(f"{deny}, selector: {{matchLabels: {{app: till}}}}"), IN_MESH)
    assert "allowed" == decision(policy(f"{deny}, selector: {{}}"), IN_MESH)
    assert "allowed" == decision(policy(deny, where="other"), IN_MESH)
    assert "denied" == decision(policy(deny, where="istio-system"), IN_MESH)
    assert "denied" == decision(
        policy(f"{deny}, selector: {{matchLabels: {{app: cart}}}}", where="istio-system"), IN_MESH
    )
    assert "allowed" == decision(policy(f"{deny}, targetRefs: [{{kind: Service, name: cart}}]"), IN_MESH)


@pytest.mark.parametrize(
    ("rule", "peer", "expected"),
    [
        (SOURCES % "ipBlocks: [10.0.0.0/8]", Peer(None, ip="10.1.2.3"), "denied"),
        (SOURCES % "ipBlocks: [10.9.9.9/8]", Peer(None, ip="10.1.2.3"), "denied"),
        (SOURCES % "ipBlocks: [10.0.0.0/8]", Peer(None, ip="11.1.2.3"), "allowed"),
        (SOURCES % "ipBlocks: [10.0.0.0/8]", Peer(None, ip="::1"), "allowed"),
        (SOURCES % "ipBlocks: [10.0.0.0/8]", Peer(None), "unknown"),
        (SOURCES % "notIpBlocks: [10.0.0.0/8]", Peer(None), "unknown"),
        (SOURCES % "notNamespaces: [a]", PLAINTEXT, "denied"),
        (SOURCES % "notNamespaces: [a]", IN_MESH, "allowed"),
        (SOURCES % "notNamespaces: [a, b]", Peer("td/ns/c/sa/x"), "denied"),
        (SOURCES % "notServiceAccounts: [a/b]", IN_MESH, "allowed"),
        (SOURCES % "notServiceAccounts: [a/b]", PLAINTEXT, "denied"),
        (SOURCES % "namespaces: ['a*']", IN_MESH, "denied"),
        (SOURCES % "principals: ['cluster.local/*'], namespaces: [z]", IN_MESH, "allowed"),
        ("to: [{operation: {notPorts: ['80']}}]", IN_MESH, "allowed"),
        ("to: [{operation: {ports: ['080']}}]", IN_MESH, "denied"),
        ("to: [{operation: {ports: ['80']}}]", Peer(None), "unknown"),
        ("when: [{key: destination.ip, values: [10.0.0.0/8]}]", IN_MESH, "unknown"),
        (f"when: [{{key: destination.ip, values: [10.0.0.0/8]}}], {ANYONE}", PLAINTEXT, "allowed"),
    ],
)
def test_attributes_are_compared_as_ztunnel_does(rule, peer, expected):
    """
    A DENY rule by each attribute; what is not known of the peer is left open.
    """
    assert expected == decision(policy(f"action: DENY, rules: [{{{rule}}}]"), peer)


def test_istiod_can_be_told_to_allow_waypoints_by_itself():
    """
    With its own ALLOW policies in play, only a DENY is certain.
    """
    istiod = """
---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: i, namespace: istio-system}
spec: {values: {pilot: {env: {PILOT_AUTO_ALLOW_WAYPOINT_POLICY: "true"}}}}
"""

    assert "unknown" == decision(istiod + policy(""), IN_MESH)
    assert "unknown" == decision(istiod, IN_MESH)
    assert "denied" == decision(istiod + policy("action: DENY, rules: [{}]"), IN_MESH)


def test_an_open_set_leaves_a_decision_open_unless_something_denies():
    """
    Other policies may stand elsewhere; taken as written, the set decides.
    """
    allow = policy("rules: [{%s}]" % (SOURCES % "namespaces: [c]"))
    deny = policy("action: DENY, rules: [{}]")
    found = []
    for text in (allow, deny):
        mesh = mesh_of(AMBIENT + deployment("cart", "shop") + text)
        workload = named(mesh, "cart")
        assert isinstance(workload, Workload)
        found.append(mesh.authorization(workload, IN_MESH).value.value)
        found.append(mesh.authorization(workload, IN_MESH, as_written=True).value.value)

    assert ["unknown", "denied", "denied", "denied"] == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (namespace("shop"), "allowed"),
        (namespace("shop", injection="enabled"), "unknown"),
        ("", "unknown"),
    ],
)
def test_only_captured_pods_are_judged(text, expected):
    """
    Nothing enforces at pods outside of the mesh; a sidecar is not judged, nor what is not known.
    """
    mesh = mesh_of(text + deployment("cart", "shop") + policy("action: DENY, rules: [{}]"))
    workload = named(mesh, "cart")
    assert isinstance(workload, Workload)

    assert expected == mesh.authorization(workload, IN_MESH).value.value


def test_a_verdict_points_at_the_attribute():
    """
    The cause is the line of the attribute that ztunnel does not see.
    """
    mesh = mesh_of(
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: policy, namespace: shop}
        spec:
          action: DENY
          rules:
          - to:
            - operation:
                ports: ["80"]
                methods: [GET]
        """
    )
    [verdict] = mesh.rule_verdicts(the_policy(mesh))

    assert ["methods"] == [cause.at.field[-1] for cause in verdict.because]
