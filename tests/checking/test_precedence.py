"""Which of two built-in checks speaks where both could, from manifests to findings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from meshlint.checking.catalog import About, Catalog, Precedence, load_catalog
from meshlint.checking.vocabulary import Severity
from meshlint.lint import Options, lint
from meshlint.testing import fixtures, options_of

CATALOG = load_catalog()

SHOP = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
"""
INFRA = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: infra
"""
CART = """\
---
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
  labels:
    istio.io/use-waypoint: {value}
spec:
  ports:
    - port: 80
"""
WAYPOINT = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    istio.io/waypoint-for: {traffic}
spec:
  gatewayClassName: istio-waypoint
  listeners:
    - name: mesh
      port: 15008
      protocol: HBONE
"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata:
  name: cart
  namespace: shop
spec:
  containers: []
"""


def outsider(labels: str) -> str:
    """A namespace with metadata of its own, a waypoint that its Service asks for, and a pod."""
    return f"{SHOP}{labels}\n{CART.format(value='waypoint')}{waypoint('waypoint')}{POD}"


def half_named(metadata: str) -> str:
    """A Service that tells the namespace of its waypoint, and its name in a way that is not read."""
    lines = CART.format(value="waypoint").replace(
        "istio.io/use-waypoint:", "istio.io/use-waypoint-namespace:"
    )
    return SHOP + lines.replace("  labels:\n", metadata)


POLICY = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: read-only
  namespace: shop
spec:
  targetRefs:
    - group: {group}
      kind: {kind}
      name: {name}
  action: DENY
  rules:
    - to:
        - operation:
            methods: [DELETE]
"""
READ_ONLY = POLICY.format(group='""', kind="Service", name="cart")


def waypoint(name: str, namespace: str = "shop", traffic: str = "service") -> str:
    return WAYPOINT.format(name=name, namespace=namespace, traffic=traffic)


PUBLIC = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: public
  namespace: shop
spec:
  gatewayClassName: istio
  listeners:
    - name: http
      port: 80
      protocol: HTTP
"""
AMBIENT = f"{SHOP}  labels:\n    istio.io/dataplane-mode: ambient\n"
DEPLOYMENT = """\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
spec:
  selector:
    matchLabels:
      {label}
  template:
    metadata:
      labels:
        {label}
    spec:
      containers:
        - name: {name}
          image: registry.example/{name}:1
"""
CART_SERVICE = """\
---
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  selector:
    app: cart
  ports:
    - port: 80
"""
SELECTING = """\
---
apiVersion: {api}
kind: {kind}
metadata:
  name: chosen
  namespace: shop
spec:
  selector:
    matchLabels:
      {label}
"""
OPERATOR = """\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata:
  name: mesh
  namespace: istio-system
spec:
  profile: ambient
"""
ENTRY = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: api
  namespace: shop
  labels:
    istio.io/use-waypoint: waypoint
spec:
  hosts: [api.example.com]
  resolution: NONE
  ports:
    - number: 80
      name: http
      protocol: HTTP
"""
RULE = """\
---
apiVersion: networking.istio.io/v1
kind: {kind}
metadata:
  name: api
  namespace: shop
spec:
"""
TIMEOUT = """\
  hosts: [api.example.com]
  http:
    - timeout: 1s
      route:
        - destination:
            host: api.example.com
"""
OF_WAYPOINT = "gateway.networking.k8s.io/gateway-name: waypoint"
READING = "  rules:\n    - to: [{operation: {methods: [GET]}}]\n"
SELECTED = (
    ("l7-rule-at-ztunnel", "security.istio.io/v1", "AuthorizationPolicy", READING),
    ("unenforced-deny", "security.istio.io/v1", "AuthorizationPolicy", f"  action: DENY\n{READING}"),
    (
        "unsupported-ztunnel-action",
        "security.istio.io/v1",
        "AuthorizationPolicy",
        f"  action: CUSTOM\n  provider: {{name: authz}}\n{READING}",
    ),
    (
        "unchecked-jwt",
        "security.istio.io/v1",
        "RequestAuthentication",
        "  jwtRules:\n    - issuer: https://login.example\n",
    ),
    (
        "unattached-extension",
        "extensions.istio.io/v1alpha1",
        "WasmPlugin",
        "  url: oci://registry.example/waf\n",
    ),
    (
        "unattached-telemetry",
        "telemetry.istio.io/v1",
        "Telemetry",
        "  accessLogging:\n    - providers: [{name: otel}]\n",
    ),
)

CASES = {
    ("invalid-waypoint-for", "waypoint-traffic-mismatch"): (
        SHOP + CART.format(value="waypoint") + waypoint("waypoint", traffic="services")
    ),
    ("invalid-use-waypoint", "dangling-waypoint"): (
        SHOP + CART.format(value='"true"') + waypoint("waypoint")
    ),
    ("invalid-use-waypoint", "unused-waypoint"): (
        SHOP + CART.format(value="shop/waypoint") + waypoint("waypoint")
    ),
    ("waypoint-in-other-namespace", "dangling-waypoint"): (
        SHOP + INFRA + CART.format(value="waypoint") + waypoint("waypoint", "infra")
    ),
    ("waypoint-in-other-namespace", "unused-waypoint"): (
        SHOP + INFRA + CART.format(value="waypoint") + waypoint("waypoint", "infra")
    ),
    ("dangling-waypoint", "unused-waypoint"): (SHOP + CART.format(value="waypont") + waypoint("waypoint")),
    ("unquoted-label-value", "invalid-use-waypoint"): SHOP + CART.format(value="true"),
    ("unusable-waypoint-name", "unused-waypoint"): SHOP + waypoint("none"),
    ("misspelt-istio-key", "orphan-waypoint-namespace"): half_named(
        "  labels:\n    istio.io/use-waypoints: waypoint\n"
    ),
    ("label-as-annotation", "orphan-waypoint-namespace"): half_named(
        "  annotations:\n    istio.io/use-waypoint: waypoint\n  labels:\n"
    ),
    ("malformed-waypoint-listener", "non-waypoint-target"): (
        SHOP + CART.format(value="waypoint") + waypoint("waypoint").replace("istio-waypoint", "istio")
    ),
    ("invalid-dataplane-mode", "waypoint-without-ambient"): outsider(
        "  labels: {istio.io/dataplane-mode: enabled}"
    ),
    ("unquoted-label-value", "waypoint-without-ambient"): outsider(
        "  labels: {istio.io/dataplane-mode: true}"
    ),
    ("misspelt-istio-key", "waypoint-without-ambient"): outsider(
        "  labels: {istio.io/dataplane-mod: ambient}"
    ),
    ("label-as-annotation", "waypoint-without-ambient"): outsider(
        "  annotations: {istio.io/dataplane-mode: ambient}"
    ),
    ("invalid-use-waypoint", "invalid-label"): SHOP + CART.format(value="shop/waypoint"),
    ("dangling-waypoint", "dangling-policy-target"): (
        SHOP
        + CART.format(value="waypoint")
        + POLICY.format(group="gateway.networking.k8s.io", kind="Gateway", name="waypoint")
    ),
    ("dangling-waypoint", "policy-without-enforcer"): SHOP + CART.format(value="waypoint") + READ_ONLY,
    ("invalid-use-waypoint", "policy-without-enforcer"): SHOP + CART.format(value='"true"') + READ_ONLY,
    ("waypoint-in-other-namespace", "policy-without-enforcer"): (
        SHOP + INFRA + CART.format(value="waypoint") + waypoint("waypoint", "infra") + READ_ONLY
    ),
    ("waypoint-traffic-mismatch", "policy-without-enforcer"): (
        SHOP + CART.format(value="waypoint") + waypoint("waypoint", traffic="workload") + READ_ONLY
    ),
    ("denied-waypoint-attachment", "policy-without-enforcer"): (
        SHOP
        + INFRA
        + CART.format(value="waypoint\n    istio.io/use-waypoint-namespace: infra")
        + waypoint("waypoint", "infra")
        + READ_ONLY
    ),
    (
        "unquoted-label-value",
        "invalid-dataplane-mode",
    ): f"{SHOP}  labels:\n    istio.io/dataplane-mode: true\n",
    ("injecting-revision-label", "mixed-dataplane-modes"): (
        f"{AMBIENT}    istio.io/rev: stable\n{DEPLOYMENT.format(name='cart', label='app: cart')}"
        + DEPLOYMENT.format(name="plain", label='sidecar.istio.io/inject: "false"')
    ),
    ("l7-rule-at-ztunnel", "missing-waypoint-principal"): (
        f"{AMBIENT}    istio.io/use-waypoint: waypoint\n{waypoint('waypoint')}"
        + DEPLOYMENT.format(name="cart", label="app: cart")
        + CART_SERVICE
        + SELECTING.format(kind="AuthorizationPolicy", api="security.istio.io/v1", label="app: cart")
        + "  rules:\n    - to: [{operation: {methods: [GET]}}]\n"
        + "    - from: [{source: {namespaces: [web]}}]\n"
    ),
    **{
        ("selector-on-waypoint", silent): (
            AMBIENT
            + waypoint("waypoint")
            + DEPLOYMENT.format(name="cart", label=OF_WAYPOINT)
            + SELECTING.format(kind=kind, api=api, label=OF_WAYPOINT)
            + spec
        )
        for silent, api, kind, spec in SELECTED
    },
    ("contradictory-profile", "missing-ztunnel"): (
        f"{OPERATOR}  components:\n    ztunnel:\n      enabled: false\n"
    ),
    ("half-enabled-ambient", "disabled-ambient-cni"): (
        f"# test: complete\n{OPERATOR}  values:\n    cni: {{ambient: {{enabled: false}}}}\n---\n{AMBIENT}"
    ),
    ("service-entry-without-vip", "virtual-service-without-waypoint"): (
        AMBIENT + waypoint("waypoint") + ENTRY + RULE.format(kind="VirtualService") + TIMEOUT
    ),
    ("service-entry-without-vip", "destination-rule-without-waypoint"): (
        AMBIENT
        + waypoint("waypoint")
        + ENTRY
        + RULE.format(kind="DestinationRule")
        + "  host: api.example.com\n  trafficPolicy: {connectionPool: {http: {maxRetries: 1}}}\n"
    ),
    ("non-waypoint-target", "policy-without-enforcer"): (
        SHOP + CART.format(value="public") + PUBLIC + READ_ONLY
    ),
}

ROUTE = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: cart
  namespace: shop
spec:
  parentRefs: [{group: "", kind: Service, name: cart}]
"""
VIRTUAL_SERVICE = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
  namespace: shop
spec:
  hosts: [cart]
  http: [{timeout: 1s}]
"""
DESTINATION_RULE = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: cart
  namespace: shop
spec:
  host: cart
  trafficPolicy: {outlierDetection: {}}
"""
ECHOES = {
    "route-without-waypoint": ROUTE,
    "virtual-service-without-waypoint": VIRTUAL_SERVICE,
    "destination-rule-without-waypoint": DESTINATION_RULE,
}
EGRESS = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
  namespace: shop
spec:
  hosts: [cart.example.com]
  gateways: [mesh, egress]
  http:
    - match: [{gateways: [mesh]}]
      route: [{destination: {host: egress.infra.svc.cluster.local}}]
    - match: [{gateways: [egress]}]
      route: [{destination: {host: cart.example.com}}]
"""
AMBIENT_SHOP = SHOP + "  labels: {istio.io/dataplane-mode: ambient}\n"
LOST = {
    "dangling-waypoint": CART.format(value="ghost"),
    "denied-waypoint-attachment": (
        CART.format(value="waypoint\n    istio.io/use-waypoint-namespace: infra")
        + INFRA
        + waypoint("waypoint", "infra")
    ),
    "invalid-use-waypoint": CART.format(value="shop/waypoint"),
    "waypoint-in-other-namespace": CART.format(value="waypoint") + INFRA + waypoint("waypoint", "infra"),
    "waypoint-traffic-mismatch": CART.format(value="pods") + waypoint("pods", traffic="workload"),
}


def as_entry(text: str) -> str:
    kind = text.replace("v1\nkind: Service\n", "networking.istio.io/v1\nkind: ServiceEntry\n")
    spec = "spec:\n  hosts: [cart.example.com]\n  resolution: DNS\n"
    return kind.replace("spec:\n  ports:\n    - port: 80\n", spec)


CASES |= {
    (label, echo): AMBIENT_SHOP + lost + rule for label, lost in LOST.items() for echo, rule in ECHOES.items()
}
CASES |= {
    (label, "bypassed-egress-gateway"): AMBIENT_SHOP + as_entry(lost) + EGRESS for label, lost in LOST.items()
}
CASES |= {
    ("unused-waypoint", echo): (
        AMBIENT_SHOP
        + CART.replace("  labels:\n    istio.io/use-waypoint: {value}\n", "")
        + waypoint("wp")
        + rule
    )
    for echo, rule in ECHOES.items()
}

CASES["waypoint-on-headless-service", "route-without-waypoint"] = (
    AMBIENT_SHOP
    + CART.format(value="waypoint").replace("spec:\n", "spec:\n  clusterIP: None\n")
    + waypoint("waypoint")
    + ROUTE
)


def live(text: str, status: str) -> str:
    """The objects as a cluster gives them, the Namespaces aside, and the last with a status."""
    return text.replace("  name:", "  uid: a\n  resourceVersion: '1'\n  name:") + f"status:\n{status}"


REFUSED = (
    "  conditions: [{type: istio.io/WaypointBound, status: 'False', "
    "reason: WaypointIsNotReady, message: no}]\n"
)
UNPROGRAMMED = (
    "  conditions: [{type: Programmed, status: 'False', reason: AddressNotAssigned, message: none}]\n"
)


def refused(value: str, rest: str = "") -> str:
    return SHOP + rest + live(CART.format(value=value), REFUSED)


CASES |= {
    ("dangling-waypoint", "failed-status-condition"): refused("ghost"),
    ("denied-waypoint-attachment", "failed-status-condition"): refused(
        "waypoint\n    istio.io/use-waypoint-namespace: infra", INFRA + waypoint("waypoint", "infra")
    ),
    ("invalid-use-waypoint", "failed-status-condition"): refused("shop/waypoint"),
    ("invalid-waypoint-for", "failed-status-condition"): refused("wp", waypoint("wp", traffic="services")),
    ("non-waypoint-target", "failed-status-condition"): refused(
        "wp", waypoint("wp").replace("istio-waypoint", "istio")
    ),
    ("waypoint-in-other-namespace", "failed-status-condition"): refused(
        "waypoint", INFRA + waypoint("waypoint", "infra")
    ),
    ("waypoint-traffic-mismatch", "failed-status-condition"): refused(
        "pods", waypoint("pods", traffic="workload")
    ),
    ("malformed-waypoint-listener", "failed-status-condition"): SHOP
    + live(waypoint("wp").replace("15008", "15009"), UNPROGRAMMED),
    ("unusable-waypoint-name", "failed-status-condition"): SHOP + live(waypoint("1wp"), UNPROGRAMMED),
}


def refused_as_well(check: str) -> str:
    """The first manifests of a check, with what istiod would have written on the objects that it finds."""
    fixture = fixtures(CATALOG.find(check))[0]
    text = fixture.read_text(encoding="utf-8")
    found = lint(options_of(fixture)._replace(select=[check]), CATALOG).findings
    named = {
        (one.resource.kind, one.resource.name)
        for one in found
        if one.resource and one.severity > Severity.NOTE
    }
    items = list(yaml.safe_load_all(text))
    for item in items:
        if (item["kind"], item["metadata"]["name"]) in named:
            item["metadata"] |= {"uid": "a", "resourceVersion": "1"}
            item["status"] = no_of_istiod(item)
    return f"{text.partition(chr(10))[0]}\n{yaml.safe_dump_all(items)}"


def no_of_istiod(item: dict[str, Any]) -> dict[str, Any]:
    no = {"status": "False", "message": "no"}
    if item["kind"] == "AuthorizationPolicy":
        return {"conditions": [{"type": "ZtunnelAccepted", "reason": "UnsupportedValue", **no}]}
    conditions = [{"type": "Accepted", "reason": "NoMatchingParent", **no}]
    controller = {"controllerName": "istio.io/gateway-controller", "conditions": conditions}
    return {"parents": [{**controller, "parentRef": parent} for parent in item["spec"].get("parentRefs", ())]}


OF_POLICIES_AND_ROUTES = (
    "broadened-deny",
    "dangling-policy-target",
    "dangling-route-parent",
    "invalid-policy-target",
    "l7-rule-at-ztunnel",
    "policy-without-enforcer",
    "route-without-waypoint",
    "selector-on-waypoint",
    "unenforced-deny",
    "unmatched-parent-port",
    "unsupported-ztunnel-action",
    "weakened-deny",
)
CASES |= {(check, "failed-status-condition"): refused_as_well(check) for check in OF_POLICIES_AND_ROUTES}


def found(tmp_path, text: str, pair: tuple[str, str], *, rules: tuple[Precedence, ...]) -> set[str]:
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(text)
    result = lint(options_of(mesh)._replace(select=[*pair]), Catalog(CATALOG.checks, rules))
    return {finding.check for finding in result.findings}


@pytest.mark.parametrize("pair", CASES, ids=" over ".join)
def test_one_of_two_checks_speaks_of_one_root_cause(tmp_path, pair):
    """
    Both checks find something; with the precedence that is declared only the first of them says so.
    """
    both = found(tmp_path, CASES[pair], pair, rules=())
    one = found(tmp_path, CASES[pair], pair, rules=CATALOG.precedence)

    assert set(pair) == both
    assert {pair[0]} == one


@pytest.mark.parametrize("rule", CATALOG.precedence, ids=lambda rule: f"{rule.speaks} over {rule.silent}")
def test_a_rule_of_precedence_is_needed(rule: Precedence):
    """
    Without it both checks would speak: in a case of this file, or in a fixture of one of them.
    """
    pair = (rule.speaks, rule.silent)

    assert pair in CASES or any(
        is_silenced(rule, fixture) for name in pair for fixture in fixtures(CATALOG.find(name))
    )


def is_silenced(rule: Precedence, fixture: Path) -> bool:
    options = options_of(fixture)._replace(select=[rule.speaks, rule.silent])
    without, with_rule = (
        sum(
            finding.check == rule.silent for finding in lint(options, Catalog(CATALOG.checks, rules)).findings
        )
        for rules in ((), (rule,))
    )
    return with_rule < without


def test_a_waypoint_without_a_value_of_its_own_does_not_silence_the_mismatch(tmp_path):
    """
    What is wrong with one waypoint's label says nothing of the users of another one.
    """
    pair = ("invalid-waypoint-for", "waypoint-traffic-mismatch")
    text = SHOP + CART.format(value="pods") + waypoint("pods", traffic="workload")
    other = waypoint("odd", traffic="services")

    assert set(pair) == found(tmp_path, text + other, pair, rules=CATALOG.precedence)


def test_a_place_outside_of_the_report_silences_nothing(tmp_path):
    """
    The Gateway with the bad label is context and not reported on: its user is told instead.
    """
    (tmp_path / "shop.yaml").write_text(SHOP + CART.format(value="waypoint"))
    context = tmp_path / "context"
    context.mkdir()
    (context / "waypoint.yaml").write_text(waypoint("waypoint", traffic="services").removeprefix("---\n"))
    result = lint(
        Options(paths=[str(tmp_path / "shop.yaml")], context=[str(context)], select=["waypoint"]), CATALOG
    )

    assert ["waypoint-traffic-mismatch"] == [finding.check for finding in result.findings]


def test_the_users_of_a_silenced_mismatch_are_related_places(tmp_path):
    """
    The finding on the Gateway names the label that would have been blamed otherwise.
    """
    pair = ("invalid-waypoint-for", "waypoint-traffic-mismatch")
    (tmp_path / "mesh.yaml").write_text(CASES[pair])
    [finding] = lint(Options(paths=[str(tmp_path)], select=[*pair]), CATALOG).findings

    assert ["Service 'cart' goes without a waypoint"] == [cause.message for cause in finding.related]
    assert {About.SHOWN} == {rule.about for rule in CATALOG.precedence if (rule.speaks, rule.silent) == pair}


def test_a_policy_is_told_of_where_its_label_is_not_reported_on(tmp_path):
    """
    The Namespace with the bad label is context: the policy that hangs on it is told instead, with the label.
    """
    cart = CART.format(value="x").replace("  labels:\n    istio.io/use-waypoint: x\n", "")
    (tmp_path / "cart.yaml").write_text(cart + READ_ONLY)
    context = tmp_path / "context"
    context.mkdir()
    (context / "shop.yaml").write_text(
        f"{SHOP}  labels:\n    istio.io/use-waypoint: waypont\n" + waypoint("waypoint")
    )
    result = lint(Options(paths=[str(tmp_path / "cart.yaml")], context=[str(context)]), CATALOG)
    [finding] = [found for found in result.findings if found.check != "unrendered-template"]

    assert "policy-without-enforcer" == finding.check
    assert "namespace 'shop' asks for waypoint 'waypont'" in [cause.message for cause in finding.related]
