"""Where VirtualServices, DestinationRules and settings of whole namespaces act."""

import pytest

from manifests import gateway, mesh_of, named, namespace, service

PORTS = "ports: [{name: http, port: 80}, {name: tcp, port: 90}]"
OPEN = "{from: All}"
FQDN = "cart.shop.svc.cluster.local"
MESH = (
    namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
    + namespace("infra")
    + namespace("other")
    + gateway("wp", "infra", routes=OPEN)
    + service("cart", "shop", spec=PORTS)
)


def rule(kind: str, spec: str, where: str = "shop", name: str = "rule") -> str:
    group = "telemetry.istio.io" if kind == "Telemetry" else "networking.istio.io"
    return (
        f"---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {where}}}\n"
        f"spec: {spec}\n"
    )


def of_virtual_service(spec: str, where: str = "shop", version: str = "1.31", text: str = MESH) -> str:
    mesh = mesh_of(text + rule("VirtualService", spec, where), version)
    [effect] = mesh.virtual_service_effect(named(mesh, "rule"))
    return effect.effect.value


def of_destination_rule(spec: str, where: str = "shop", version: str = "1.31", text: str = MESH) -> str:
    mesh = mesh_of(text + rule("DestinationRule", spec, where), version)
    return mesh.destination_rule_effect(named(mesh, "rule")).effect.value


HTTP = "http: [{route: [{destination: {host: cart}}]}]"


@pytest.mark.parametrize(
    ("host", "where", "expected"),
    [
        (FQDN, "shop", "waypoint"),
        ("cart", "shop", "waypoint"),
        ("cart", "infra", "nowhere"),
        ("cart.shop", "shop", "unknown"),
        (FQDN, "infra", "waypoint"),
        (FQDN, "other", "nowhere"),
        ("'*.shop.svc.cluster.local'", "shop", "waypoint"),
        ("'*'", "shop", "waypoint"),
        ("ghost", "shop", "nowhere"),
        ("api.example.com", "shop", "unknown"),
    ],
)
def test_host_and_namespace_of_a_virtual_service(host, where, expected):
    """
    A waypoint takes those of the service's namespace and its own, by the whole host or a pattern.
    """
    assert expected == of_virtual_service(f"{{hosts: [{host}], {HTTP}}}", where)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (HTTP, "waypoint"),
        (f"gateways: [mesh], {HTTP}", "waypoint"),
        (f"gateways: [infra/gw], {HTTP}", "elsewhere"),
        (f"exportTo: ['*'], {HTTP}", "waypoint"),
        (f"exportTo: [infra], {HTTP}", "waypoint"),
        (f"exportTo: ['.'], {HTTP}", "nowhere"),
        (f"exportTo: ['~'], {HTTP}", "nowhere"),
        ("http: [{match: [{sourceLabels: {app: a}}]}]", "nowhere"),
        ("http: [{match: [{sourceLabels: {app: a}}]}, {route: []}]", "waypoint"),
        ("http: [{match: [{sourceNamespace: shop}]}]", "nowhere"),
        ("http: [{match: [{sourceNamespace: infra}]}]", "waypoint"),
        ("http: [{match: [{gateways: [infra/gw]}]}]", "elsewhere"),
        ("http: [{match: [{gateways: [mesh]}]}]", "waypoint"),
        ("http: [{match: [{port: 80}]}]", "waypoint"),
        ("http: [{match: [{port: 90}]}]", "nowhere"),
        (f"tls: [{{match: [{{port: 90, sniHosts: [{FQDN}]}}]}}]", "waypoint"),
        ("tls: [{match: [{port: 90, sniHosts: [a.com]}]}]", "nowhere"),
        (f"tls: [{{match: [{{port: 90, sniHosts: [{FQDN}, a.com]}}]}}]", "nowhere"),
        ("tls: [{route: []}]", "waypoint"),
        ("tcp: [{match: [{port: 90}]}]", "waypoint"),
        ("tcp: [{match: [{port: 80}]}]", "nowhere"),
    ],
)
def test_what_a_waypoint_makes_of_a_virtual_service(fields, expected):
    """
    By `gateways`, `exportTo`, and by matches that a waypoint can hold against a call.
    """
    assert expected == of_virtual_service(f"{{hosts: [cart], {fields}}}")


@pytest.mark.parametrize(
    ("fields", "where", "version", "expected"),
    [
        ("tcp: [{match: [{port: 90}]}]", "shop", "1.25", "nowhere"),
        ("tcp: [{match: [{port: 90}]}]", "shop", "1.26", "waypoint"),
        ("http: [{match: [{gateways: [mesh], sourceLabels: {app: a}}]}]", "shop", "1.24", "waypoint"),
        ("http: [{match: [{gateways: [mesh], sourceLabels: {app: a}}]}]", "shop", "1.25", "nowhere"),
        (HTTP, "shop", "1.23", "nowhere"),
        (HTTP, "infra", "1.23", "waypoint"),
    ],
)
def test_virtual_services_by_version(fields, where, version, expected):
    """
    TCP from 1.26, no `sourceLabels` from 1.25, the service's namespace from 1.24.
    """
    assert expected == of_virtual_service(f"{{hosts: [{FQDN}], {fields}}}", where, version)


def test_without_a_waypoint_nothing_acts():
    """
    VirtualServices and DestinationRules are not read by ztunnel.
    """
    text = namespace("shop") + service("cart", "shop", spec=PORTS)
    loadbalancer = "{host: cart, trafficPolicy: {loadBalancer: {simple: RANDOM}}}"

    assert "nowhere" == of_virtual_service(f"{{hosts: [cart], {HTTP}}}", text=text)
    assert "nowhere" == of_destination_rule(loadbalancer, text=text)


def test_an_open_set_is_unknown():
    """
    A Namespace that is not in the set may carry the label.
    """
    text = service("cart", "shop", spec=PORTS)

    assert "unknown" == of_virtual_service(f"{{hosts: [cart], {HTTP}}}", text=text)


def test_headless_services_are_called_directly():
    """
    Their waypoint acts on nobody's calls.
    """
    text = MESH.replace(PORTS, f"clusterIP: None\n  {PORTS}")

    assert "nowhere" == of_virtual_service(f"{{hosts: [cart], {HTTP}}}", text=text)


LB = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"


@pytest.mark.parametrize(
    ("spec", "where", "expected"),
    [
        (f"{{host: cart, {LB}}}", "shop", "waypoint"),
        (f"{{host: {FQDN}, {LB}}}", "infra", "waypoint"),
        (f"{{host: {FQDN}, {LB}}}", "istio-system", "waypoint"),
        (f"{{host: {FQDN}, {LB}}}", "other", "nowhere"),
        (f"{{host: '*.svc.cluster.local', {LB}}}", "shop", "waypoint"),
        (f"{{host: cart, exportTo: ['.'], {LB}}}", "shop", "nowhere"),
        (f"{{host: cart, exportTo: [infra], {LB}}}", "shop", "waypoint"),
        (f"{{host: {FQDN}, exportTo: ['.'], {LB}}}", "infra", "waypoint"),
        (f"{{host: cart, workloadSelector: {{matchLabels: {{a: b}}}}, {LB}}}", "shop", "elsewhere"),
        ("{host: cart, subsets: [{name: v1}]}", "shop", "waypoint"),
        ("{host: cart, trafficPolicy: {tls: {mode: SIMPLE}}}", "shop", "waypoint"),
        ("{host: cart, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}", "shop", "nowhere"),
        ("{host: cart, trafficPolicy: {tls: {mode: DISABLE}}}", "shop", "nowhere"),
        ("{host: cart, trafficPolicy: {connectionPool: {}, tls: {mode: DISABLE}}}", "shop", "waypoint"),
        (f"{{host: ghost, {LB}}}", "shop", "nowhere"),
        (f"{{host: a.com, {LB}}}", "shop", "unknown"),
    ],
)
def test_a_waypoint_finds_a_destination_rule(spec, where, expected):
    """
    In its own namespace, then the service's, then the root namespace, as far as they export it.
    """
    assert expected == of_destination_rule(spec, where)


@pytest.mark.parametrize(
    ("policy", "version", "expected"),
    [
        (LB, "1.22", "nowhere"),
        (LB, "1.23", "waypoint"),
        (
            "trafficPolicy: {portLevelSettings: [{port: {number: 80}, connectionPool: {}}]}",
            "1.23.0",
            "nowhere",
        ),
        (
            "trafficPolicy: {portLevelSettings: [{port: {number: 80}, connectionPool: {}}]}",
            "1.23.1",
            "waypoint",
        ),
        ("subsets: [{name: v1}]", "1.22", "waypoint"),
    ],
)
def test_destination_rules_by_version(policy, version, expected):
    """
    Traffic policies act from 1.23, those of a port from 1.23.1, subsets always.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + service("cart", "shop", spec=PORTS)

    assert expected == of_destination_rule(f"{{host: cart, {policy}}}", version=version, text=text)


@pytest.mark.parametrize(
    ("host", "where", "expected"),
    [
        (FQDN, "infra", "nowhere"),
        ("'*.cluster.local'", "infra", "nowhere"),
        ("'*.shop.svc.cluster.local'", "shop", "waypoint"),
        (FQDN, "istio-system", "waypoint"),
        (FQDN, "other", "waypoint"),
    ],
)
def test_a_nearer_destination_rule_takes_precedence(host, where, expected):
    """
    One in the waypoint's namespace hides the service's, however wide; a wider one beside it does not.
    """
    other = rule("DestinationRule", f"{{host: {host}, {LB}}}", where, name="rival")

    assert expected == of_destination_rule(f"{{host: cart, {LB}}}", text=MESH + other)


@pytest.mark.parametrize(
    ("kind", "spec", "where", "version", "expected"),
    [
        ("Sidecar", "{egress: []}", "infra", "1.31", "elsewhere"),
        ("ProxyConfig", "{concurrency: 1}", "infra", "1.31", "waypoint"),
        ("ProxyConfig", "{concurrency: 1}", "shop", "1.31", "nowhere"),
        ("ProxyConfig", "{concurrency: 1}", "istio-system", "1.31", "waypoint"),
        ("ProxyConfig", "{selector: {matchLabels: {app: x}}}", "infra", "1.31", "nowhere"),
        (
            "ProxyConfig",
            "{selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: wp}}}",
            "infra",
            "1.31",
            "waypoint",
        ),
        ("Telemetry", "{tracing: []}", "infra", "1.31", "waypoint"),
        ("Telemetry", "{tracing: []}", "infra", "1.23", "nowhere"),
        ("Telemetry", "{tracing: []}", "istio-system", "1.24", "waypoint"),
        ("Telemetry", "{tracing: []}", "shop", "1.30.2", "nowhere"),
        ("Telemetry", "{tracing: []}", "shop", "1.30.3", "waypoint"),
        ("Telemetry", "{tracing: []}", "other", "1.31", "nowhere"),
        ("Telemetry", "{selector: {matchLabels: {app: a}}}", "infra", "1.31", "elsewhere"),
    ],
)
def test_settings_of_whole_namespaces(kind, spec, where, version, expected):
    """
    A waypoint reads those of its namespace and of the root namespace, ztunnel none.
    """
    mesh = mesh_of(MESH + rule(kind, spec, where), version)

    assert expected == mesh.settings_effect(named(mesh, "rule")).value.value


def test_hosts_are_looked_up():
    """
    A short name belongs to the namespace of what names it; in an open set nothing is absent.
    """
    mesh = mesh_of(MESH)
    found = [mesh.service_of_host(*asked) for asked in (("cart", "shop"), ("cart", "other"), (FQDN, None))]

    assert ["present", "unknown", "present"] == [answer.presence.value for answer in found]
