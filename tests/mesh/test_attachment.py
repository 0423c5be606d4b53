"""Where policies land, and what istiod says of their targets."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.mesh import Mesh
from meshlint.model.kinds.policy import AuthorizationPolicy, TargetedPolicy

AMBIENT = namespace("shop", dataplane_mode="ambient")
SIDECARS = namespace("shop", injection="enabled")
ROOT = namespace("istio-system")
BOUND = namespace("shop", dataplane_mode="ambient", use_waypoint="wp") + gateway("wp", "shop")
KINDS = (
    "AuthorizationPolicy",
    "RequestAuthentication",
    "WasmPlugin",
    "TrafficExtension",
    "Telemetry",
    "EnvoyFilter",
)
GATEWAY = "group: gateway.networking.k8s.io, kind: Gateway"
CLASS = "group: gateway.networking.k8s.io, kind: GatewayClass"
SERVICE_ENTRY = "group: networking.istio.io, kind: ServiceEntry"
GROUPS = {
    "Telemetry": "telemetry",
    "WasmPlugin": "extensions",
    "TrafficExtension": "extensions",
    "EnvoyFilter": "networking",
}


def policy(
    spec: str = "",
    kind: str = "AuthorizationPolicy",
    *,
    name: str = "policy",
    where: str = "shop",
    meta: str = "",
) -> str:
    return (
        f"---\napiVersion: {GROUPS.get(kind, 'security')}.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {where}{meta}}}\nspec: {{{spec}}}\n"
    )


def entry(name: str = "api", where: str = "shop") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: {where}}}\n"
        "spec: {hosts: [x.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n"
    )


def gateway_class(name: str, controller: str) -> str:
    return (
        f"---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: {name}}}\n"
        f"spec: {{controllerName: {controller}}}\n"
    )


def the_policy(mesh: Mesh) -> TargetedPolicy:
    found = named(mesh, "policy")
    assert isinstance(found, TargetedPolicy)
    return found


def landed(text: str, version: str = "1.31", *, complete: bool = False) -> list[tuple[str, str]]:
    """Each point, with the workloads or else the target and waypoint."""
    mesh = mesh_of(text, version, complete=complete)
    return [
        (
            entry.point.value,
            ",".join(w.name for w in entry.workloads)
            or ">".join(thing.name for thing in (entry.target, entry.gateway) if thing is not None),
        )
        for entry in mesh.enforced_at(the_policy(mesh)).value
    ]


def is_known(text: str, version: str = "1.31", *, complete: bool = False) -> bool:
    mesh = mesh_of(text, version, complete=complete)
    return mesh.reach(the_policy(mesh)).is_known


def waypoint_accepted(
    text: str, version: str = "1.31", *, complete: bool = True
) -> list[tuple[str, str, str]]:
    mesh = mesh_of(text, version, complete=complete)
    found = mesh.policy_conditions(the_policy(mesh))
    return [(c.status, c.reason, c.message) for c in found if c.type == "WaypointAccepted"]


PODS = deployment("cart", "shop") + deployment("till", "shop")
SELECTED = "selector: {matchLabels: {app: cart}}"
FILTERED = "workloadSelector: {labels: {app: cart}}"


@pytest.mark.parametrize(
    ("spec", "where", "ambient", "sidecar"),
    [
        ("", "shop", [("ztunnel", "cart,till")], [("sidecar", "cart,till")]),
        ("", "istio-system", [("ztunnel", "cart,till")], [("sidecar", "cart,till")]),
        ("", "other", [], []),
        (SELECTED, "shop", [("ztunnel", "cart")], [("sidecar", "cart")]),
        (SELECTED, "istio-system", [("ztunnel", "cart")], [("sidecar", "cart")]),
        (SELECTED, "other", [], []),
        ("selector: {matchLabels: {app: cart, tier: x}}", "shop", [], []),
        ("selector: {}", "shop", [], [("sidecar", "cart,till")]),
        ("selector: {}", "istio-system", [], [("sidecar", "cart,till")]),
        ("action: CUSTOM, rules: [{}]", "shop", [], [("sidecar", "cart,till")]),
        ("targetRefs: [{kind: Service, name: cart}]", "shop", [], []),
        (f"{SELECTED}, targetRefs: [{{kind: Service, name: cart}}]", "shop", [], []),
    ],
)
def test_scope_decides_who_enforces_an_authorization_policy(spec, where, ambient, sidecar):
    """
    Selector, namespace and root namespace, for ambient pods and for sidecars.
    """
    text = PODS + policy(spec, where=where)

    assert ambient == landed(AMBIENT + text)
    assert sidecar == landed(SIDECARS + text)
    assert [] == landed(namespace("shop") + text)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_ztunnel_knows_authorization_policies_alone(kind):
    """
    Any other kind without targets does nothing to ambient pods, and works on sidecars.
    """
    selected = FILTERED if kind == "EnvoyFilter" else SELECTED

    assert [] == landed(AMBIENT + PODS + policy("", kind))
    assert [("sidecar", "cart,till")] == landed(SIDECARS + PODS + policy("", kind))
    assert [("sidecar", "cart")] == landed(SIDECARS + PODS + policy(selected, kind))


def test_a_policy_without_selector_never_acts_on_a_waypoint():
    """
    Waypoints look at targets alone, but for a Telemetry for the whole namespace.
    """
    assert [("ztunnel", "")] == landed(BOUND + policy())
    assert [] == landed(BOUND + policy("", "RequestAuthentication"))
    assert [("waypoint", "wp")] == landed(BOUND + policy("", "Telemetry"))
    assert [("waypoint", "wp")] == landed(BOUND + policy("", "Telemetry", where="istio-system"))
    assert [] == landed(BOUND + policy(SELECTED, "Telemetry"))


def test_an_ingress_gateway_takes_policies_by_namespace_and_labels():
    """
    The proxies of class `istio` honour selectors, by the labels that istiod gives them.
    """
    ingress = namespace("shop") + gateway("front", "shop", class_name="istio")
    by_name = "selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: %s}}"

    assert [("gateway", "front")] == landed(ingress + policy())
    assert [("gateway", "front")] == landed(ingress + policy(where="istio-system"))
    assert [("gateway", "front")] == landed(ingress + policy(by_name % "front"))
    assert [("gateway", "front")] == landed(ingress + policy("selector: {matchLabels: {app: front}}"))
    assert [] == landed(ingress + policy(by_name % "back"))
    assert [("gateway", "front")] == landed(ingress + policy(f"targetRefs: [{{{GATEWAY}, name: front}}]"))
    assert [] == landed(BOUND + policy(by_name % "wp"))


def test_a_namespace_policy_of_an_ambient_namespace_waits_for_its_pods():
    """
    Without any pod in the set, the policy of an ambient namespace is still ztunnel's.
    """
    assert [("ztunnel", "")] == landed(AMBIENT + policy())
    assert [] == landed(namespace("shop") + policy())
    assert [] == landed(AMBIENT + policy(SELECTED))
    assert [] == landed(policy())


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (AMBIENT + PODS + policy(), True),
        (PODS + policy(), False),
        (AMBIENT + PODS + policy(where="istio-system"), False),
        (BOUND + service("cart", "shop") + policy("targetRefs: [{kind: Service, name: cart}]"), True),
        (BOUND + policy("targetRefs: [{kind: Service, name: cart}]"), True),
        (policy("targetRefs: [{kind: Service, name: cart}]"), False),
        (service("cart", "shop") + policy("targetRefs: [{kind: Service, name: cart}]"), False),
        (policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]"), False),
        (ROOT + policy(f"targetRefs: [{{{CLASS}, name: istio-waypoint}}]", where="istio-system"), False),
        (gateway("x", "shop", class_name="cilium") + policy(f"targetRefs: [{{{GATEWAY}, name: x}}]"), False),
        (policy("targetRefs: [{kind: Namespace, name: shop}]"), True),
    ],
)
def test_nowhere_is_told_apart_from_not_known(text, known):
    """
    An open set, an unknown mode, and proxies that are not Istio's leave the answer open.
    """
    assert known is is_known(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_for_a_service_is_enforced_at_its_waypoint(kind):
    """
    The waypoint is the Service's; EnvoyFilters are never matched by a Service.
    """
    text = BOUND + service("cart", "shop") + policy("targetRefs: [{kind: Service, name: cart}]", kind)

    assert ([] if kind == "EnvoyFilter" else [("waypoint", "cart>wp")]) == landed(text)
    assert ([] if kind == "EnvoyFilter" else [("waypoint", "cart>wp")]) == landed(
        text.replace("{kind", '{group: "", kind')
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_for_a_gateway_is_enforced_there(kind):
    """
    All kinds take a Gateway of their own namespace as target.
    """
    text = policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]", kind)

    assert [("waypoint", "wp>wp")] == landed(BOUND + text)
    assert [] == landed(namespace("shop") + namespace("infra") + gateway("wp", "infra") + text)


@pytest.mark.parametrize(
    "target",
    [
        "kind: Namespace, name: shop",
        "kind: ServiceAccount, name: cart",
        "group: apps, kind: Deployment, name: cart",
        "kind: Pod, name: cart",
        "kind: Waypoint, name: wp",
        "kind: Gateway, name: wp",
        "group: networking.istio.io, kind: Gateway, name: wp",
        "group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart",
        "kind: ServiceEntry, name: cart",
        "kind: Service, name: cart, namespace: other",
        "kind: Service, name: cart, namespace: shop",
        "kind: Service, name: missing",
    ],
)
def test_any_other_target_leads_nowhere(target):
    """
    Four kinds of the right groups are allowed, and no namespace.
    """
    assert [] == landed(BOUND + service("cart", "shop") + policy(f"targetRefs: [{{{target}}}]"))


def test_the_singular_target_ref_counts_beside_no_other():
    """
    `targetRef` is read if `targetRefs` is empty.
    """
    text = BOUND + service("cart", "shop") + service("till", "shop")
    singular = "targetRef: {kind: Service, name: cart}"

    assert [("waypoint", "cart>wp")] == landed(text + policy(singular))
    both = f"{singular}, targetRefs: [{{kind: Service, name: till}}]"
    assert [("waypoint", "till>wp")] == landed(text + policy(both))


@pytest.mark.parametrize(
    ("service_text", "expected"),
    [
        (service("cart", "shop"), [("waypoint", "cart>wp")]),
        (service("cart", "shop", use_waypoint="none"), []),
        (service("cart", "shop", use_waypoint="gone"), []),
        (service("cart", "other"), []),
    ],
)
def test_without_an_effective_waypoint_a_service_policy_is_enforced_nowhere(service_text, expected):
    """
    Neither ztunnel nor a sidecar reads it then.
    """
    text = BOUND + namespace("other") + PODS + policy("targetRefs: [{kind: Service, name: cart}]")

    assert expected == landed(text + service_text)


@pytest.mark.parametrize(
    ("kind", "version", "across"),
    [
        ("AuthorizationPolicy", "1.23", False),
        ("AuthorizationPolicy", "1.24.0", True),
        ("RequestAuthentication", "1.24.1", False),
        ("RequestAuthentication", "1.24.2", True),
        ("WasmPlugin", "1.24", False),
        ("WasmPlugin", "1.25", True),
        ("TrafficExtension", "1.29", False),
        ("TrafficExtension", "1.30", True),
        ("Telemetry", "1.30.2", False),
        ("Telemetry", "1.30.3", True),
    ],
)
def test_waypoints_of_other_namespaces_look_for_the_policies_of_a_service(kind, version, across):
    """
    From which version on depends on the kind.
    """
    text = (
        namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
        + namespace("infra")
        + gateway("wp", "infra", routes="{from: All}")
        + service("cart", "shop")
        + policy("targetRefs: [{kind: Service, name: cart}]", kind)
    )

    assert ([("waypoint", "cart>wp")] if across else []) == landed(text, version)


def test_service_entries_are_targets_from_1_24():
    """
    A ServiceEntry is a target like a Service.
    """
    text = BOUND + entry() + policy(f"targetRefs: [{{{SERVICE_ENTRY}, name: api}}]")

    assert [("waypoint", "api>wp")] == landed(text, "1.24")
    assert [] == landed(text, "1.23")


@pytest.mark.parametrize(
    ("kind", "where", "name", "version", "expected"),
    [
        ("AuthorizationPolicy", "istio-system", "istio-waypoint", "1.25", ["wp"]),
        ("AuthorizationPolicy", "istio-system", "istio-waypoint", "1.24", []),
        ("AuthorizationPolicy", "shop", "istio-waypoint", "1.31", []),
        ("AuthorizationPolicy", "istio-system", "mine", "1.31", []),
        ("RequestAuthentication", "istio-system", "istio-waypoint", "1.31", ["wp"]),
        ("WasmPlugin", "istio-system", "istio-waypoint", "1.31", ["wp"]),
        ("Telemetry", "istio-system", "istio-waypoint", "1.31", []),
        ("EnvoyFilter", "istio-system", "istio-waypoint", "1.27.3", []),
        ("EnvoyFilter", "istio-system", "istio-waypoint", "1.27.4", ["wp"]),
    ],
)
def test_a_class_is_a_target_in_the_root_namespace(kind, where, name, version, expected):
    """
    Only GatewayClass `istio-waypoint` is matched, and for Telemetry only in the waypoint's own namespace.
    """
    text = (
        BOUND
        + gateway("front", "shop", class_name="istio")
        + gateway_class("mine", "istio.io/mesh-controller")
        + policy(f"targetRefs: [{{{CLASS}, name: {name}}}]", kind, where=where)
    )

    assert [("waypoint", waypoint) for waypoint in expected] == landed(text, version)


def test_the_root_namespace_is_that_of_mesh_config():
    """
    A policy in MeshConfig's root namespace is for the whole mesh, one in istio-system then is not.
    """
    config = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n"
        "data: {mesh: 'rootNamespace: root'}\n"
    )

    assert [("ztunnel", "cart,till")] == landed(AMBIENT + PODS + config + policy(where="root"))
    assert [] == landed(AMBIENT + PODS + config + policy(where="istio-system"))


def test_agentgateway_ignores_all_policies():
    """
    A waypoint of agentgateway reads none of Istio's own kinds.
    """
    text = (
        namespace("shop", use_waypoint="wp")
        + gateway("wp", "shop", class_name="istio-agentgateway-waypoint")
        + service("cart", "shop")
    )
    by_class = f"targetRefs: [{{{CLASS}, name: istio-waypoint}}]"

    assert [] == landed(text + policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]"))
    assert [] == landed(text + policy("targetRefs: [{kind: Service, name: cart}]"))
    assert [] == landed(text + policy(by_class, where="istio-system"))


def test_the_targets_of_an_envoy_filter_are_ignored_before_1_27():
    """
    It is then for every Envoy of the namespace, waypoints included.
    """
    text = SIDECARS + PODS + gateway("wp", "shop")
    text += policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]", "EnvoyFilter")

    assert [("sidecar", "cart,till"), ("waypoint", "wp")] == landed(text, "1.26")
    assert [("waypoint", "wp>wp")] == landed(text, "1.27")


def test_a_gateway_policy_of_the_root_namespace_once_reached_all_gateways_of_the_name():
    """
    Before 1.25 the namespace of the policy was not compared.
    """
    text = BOUND + ROOT + policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]", where="istio-system")

    assert [("waypoint", "wp>wp")] == landed(text, "1.24")
    assert [] == landed(text, "1.25")


def test_an_ordinary_gateway_as_waypoint_enforces_no_service_policy():
    """
    Istiod binds the Service to any Gateway, whose proxies then are no waypoint.
    """
    text = (
        namespace("shop", use_waypoint="front")
        + gateway("front", "shop", class_name="istio")
        + service("cart", "shop")
        + policy("targetRefs: [{kind: Service, name: cart}]")
    )

    assert [] == landed(text)
    assert [("True", "Accepted", "bound to shop/front")] == waypoint_accepted(text)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("kind: Service, name: cart", ("True", "Accepted", "bound to shop/wp")),
        (f"{GATEWAY}, name: wp", ("True", "Accepted", "bound to shop/wp")),
        (f"{SERVICE_ENTRY}, name: api", ("True", "Accepted", "bound to shop/wp")),
        ("kind: Service, name: gone", ("False", "TargetNotFound", "Service shop/gone was not found")),
        (
            f"{SERVICE_ENTRY}, name: gone",
            ("False", "TargetNotFound", "ServiceEntry shop/gone was not found"),
        ),
        (f"{GATEWAY}, name: gone", ("False", "TargetNotFound", "not bound")),
        (
            "kind: Service, name: out",
            ("False", "AncestorNotBound", "Service shop/out is not bound to a waypoint"),
        ),
        (
            f"{CLASS}, name: istio-waypoint",
            (
                "False",
                "Invalid",
                (
                    "AuthorizationPolicy must be in the root namespace `istio-system` "
                    "when referencing a GatewayClass"
                ),
            ),
        ),
        ("kind: Namespace, name: shop", ("False", "unknown", "not bound")),
    ],
)
def test_istiod_tells_what_became_of_a_single_target(target, expected):
    """
    With one target, its own reason and message are the condition's.
    """
    text = BOUND + entry() + service("cart", "shop") + service("out", "shop", use_waypoint="none")

    assert [expected] == waypoint_accepted(text + policy(f"targetRefs: [{{{target}}}]"))


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("istio-waypoint", "1.31", ("True", "Accepted", "bound to istio-waypoint")),
        ("mine", "1.31", ("True", "Accepted", "bound to mine")),
        (
            "istio",
            "1.31",
            (
                "False",
                "Invalid",
                "GatewayClass must use controller name `istio.io/mesh-controller` for waypoints",
            ),
        ),
        ("gone", "1.31", ("False", "TargetNotFound", "not bound")),
        ("istio-waypoint", "1.25.1", ("False", "unknown", "not bound")),
    ],
)
def test_istiod_tells_what_became_of_a_class(name, version, expected):
    """
    In the root namespace the controller of the class decides, whether it is ever matched or not.
    """
    text = gateway_class("mine", "istio.io/mesh-controller")
    text += policy(f"targetRefs: [{{{CLASS}, name: {name}}}]", where="istio-system")

    assert [expected] == waypoint_accepted(text, version)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("cart", "till"), ("True", "Accepted", "")),
        (
            ("cart", "gone", "out"),
            (
                "True",
                "PartiallyInvalid",
                "Invalid targetRefs: Service.core:shop/gone, Service.core:shop/out",
            ),
        ),
        (
            ("gone", "out"),
            ("False", "Invalid", "Invalid targetRefs: Service.core:shop/gone, Service.core:shop/out"),
        ),
    ],
)
def test_istiod_flattens_several_targets(names, expected):
    """
    One bound target is enough for True; the others are listed.
    """
    text = BOUND + service("cart", "shop") + service("till", "shop")
    text += service("out", "shop", use_waypoint="none")
    targets = ", ".join(f"{{kind: Service, name: {name}}}" for name in names)

    assert [expected] == waypoint_accepted(text + policy(f"targetRefs: [{targets}]"))


def test_conditions_are_for_authorization_policies_from_1_24():
    """
    No other kind gets a condition, and none is told where the set is open.
    """
    target = "targetRefs: [{kind: Service, name: cart}]"
    text = BOUND + service("cart", "shop")

    assert [] == waypoint_accepted(text + policy(target), "1.23")
    assert [] == waypoint_accepted(text + policy(target, "RequestAuthentication"))
    assert [] == waypoint_accepted(service("cart", "shop") + policy(target), complete=False)
    assert [] == waypoint_accepted(policy(target), complete=False)
    singular = policy("targetRef: {kind: Service, name: cart}")
    assert [] == waypoint_accepted(text + singular, "1.24.1")
    assert [("True", "Accepted", "bound to shop/wp")] == waypoint_accepted(text + singular, "1.24.2")


def test_the_labels_of_an_alias_count_for_the_condition_alone():
    """
    An ExternalName Service has no waypoint, but istiod says of a policy for it that it is bound.
    """
    alias = service("cart", "shop", spec="{type: ExternalName, externalName: x.example.com}".strip("{}"))
    alias = alias.replace("type: ExternalName, externalName:", "type: ExternalName\n  externalName:")
    text = BOUND + alias + policy("targetRefs: [{kind: Service, name: cart}]")

    assert [] == landed(text)
    assert [("True", "Accepted", "bound to shop/wp")] == waypoint_accepted(text)


def test_an_empty_map_of_labels_is_left_open():
    """
    Istiod reads `matchLabels: {}` as a selector of all pods or of none, as it came by it.
    """
    text = AMBIENT + PODS

    assert [] == landed(text + policy("selector: {matchLabels: {}}"))
    assert not is_known(text + policy("selector: {matchLabels: {}}"))
    assert is_known(text + policy("selector: {}"))


def test_a_policy_with_a_revision_is_for_the_control_plane_of_that_revision():
    """
    A tag is no revision; which revisions there are is not known here.
    """
    labelled = policy(meta=", labels: {istio.io/rev: canary}")
    mesh = mesh_of(AMBIENT + PODS + labelled)

    assert not is_known(AMBIENT + PODS + labelled)
    assert is_known(AMBIENT + PODS + labelled, "1.25.3")
    assert () == mesh.policy_conditions(the_policy(mesh))


def test_policies_of_namespaces_that_istiod_does_not_watch_are_not_there():
    """
    Discovery selectors leave their namespaces out.
    """
    config = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n"
        "data: {mesh: 'discoverySelectors: [{matchLabels: {watched: yes-please}}]'}\n"
    )
    mesh = mesh_of(AMBIENT + PODS + config + policy())

    assert [] == landed(AMBIENT + PODS + config + policy())
    assert () == mesh.policies_at(named(mesh, "cart"))
    assert () == mesh.policy_conditions(the_policy(mesh))


def test_a_dry_run_with_targets_gets_both_conditions():
    """
    The ztunnel's side asks the annotation before the targets, from 1.29; and enforced it is nowhere.
    """
    dry = policy(
        "targetRefs: [{kind: Service, name: cart}]", meta=", annotations: {istio.io/dry-run: 'true'}"
    )
    text = BOUND + service("cart", "shop") + dry
    types = []
    for version in ("1.28", "1.29"):
        mesh = mesh_of(text, version)
        types.append([condition.type for condition in mesh.policy_conditions(the_policy(mesh))])

    assert [["WaypointAccepted"], ["ZtunnelAccepted", "WaypointAccepted"]] == types
    assert [] == landed(text)


def test_the_rules_of_a_policy_with_targets_are_enforced_as_written_or_not_at_all():
    """
    At a waypoint every rule counts; without one there is no verdict.
    """
    spec = "targetRefs: [{kind: Service, name: cart}], rules: [{to: [{operation: {methods: [GET]}}]}]"
    found = []
    for text in (BOUND, namespace("shop")):
        mesh = mesh_of(text + service("cart", "shop") + policy(spec))
        attached = the_policy(mesh)
        assert isinstance(attached, AuthorizationPolicy)
        found.append([verdict.outcome.value for verdict in mesh.rule_verdicts(attached)])

    assert [["enforced"], []] == found


def test_policies_are_found_from_what_they_act_on():
    """
    A workload has ztunnel's and its waypoint's, a Service those of its waypoint.
    """
    text = (
        BOUND
        + PODS
        + service("shop-front", "shop")
        + policy(name="all")
        + policy(SELECTED, name="cart-only")
        + policy(name="root", where="istio-system")
        + policy("selector: {matchLabels: {app: till}}", name="root-till", where="istio-system")
        + policy("selector: {}", name="nobody")
        + policy("targetRefs: [{kind: Service, name: shop-front}]", name="front")
        + policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]", name="by-gateway")
        + policy(f"targetRefs: [{{{CLASS}, name: istio-waypoint}}]", name="by-class", where="istio-system")
        + policy("targetRefs: [{kind: Service, name: other}]", name="elsewhere")
    )
    mesh = mesh_of(text)

    def at(name: str) -> set[tuple[str, str]]:
        return {(policy.name, point.value) for policy, point in mesh.policies_at(named(mesh, name))}

    assert {("all", "ztunnel"), ("cart-only", "ztunnel"), ("root", "ztunnel")} == at("cart")
    assert {("all", "ztunnel"), ("root", "ztunnel"), ("root-till", "ztunnel")} == at("till")
    assert {("front", "waypoint"), ("by-gateway", "waypoint"), ("by-class", "waypoint")} == at("shop-front")


def test_a_workload_behind_a_waypoint_of_its_own_has_the_waypoint_s_policies():
    """
    Calls to the pods themselves pass the policies for the Gateway.
    """
    text = (
        AMBIENT
        + gateway("wp", "shop", waypoint_for="all")
        + deployment("cart", "shop", use_waypoint="wp")
        + policy(f"targetRefs: [{{{GATEWAY}, name: wp}}]")
    )
    mesh = mesh_of(text)
    found = mesh.policies_at(named(mesh, "cart"))

    assert [("policy", "waypoint")] == [(policy.name, point.value) for policy, point in found]


@pytest.mark.parametrize(
    ("class_name", "annotations", "expected"),
    [
        ("istio-waypoint", "", "shop/wp"),
        ("istio-waypoint", "gateway.istio.io/service-account: guard", "shop/guard"),
        ("istio", "", "shop/wp-istio"),
        ("istio", "gateway.istio.io/service-account: guard", "shop/guard"),
        ("istio-east-west", "", "shop/wp"),
        ("istio-agentgateway-waypoint", "", "shop/wp"),
        ("istio-remote", "", None),
        ("cilium", "", None),
    ],
)
def test_a_gateway_s_proxies_have_an_identity(class_name, annotations, expected):
    """
    The annotation names it, else the Gateway does, with its class behind it unless it is a waypoint.
    """
    text = gateway("wp", "shop", class_name=class_name)
    text = text.replace("  labels:", f"  annotations: {{{annotations}}}\n  labels:")
    mesh = mesh_of(text)

    assert [expected] == [mesh.waypoint_identity(wp).value for wp in mesh.gateways_named("wp")]
