"""Who sends to subsets and, at gateways, to services; what DestinationRules set; detours by a gateway."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service


def istio(kind: str, name: str, spec: str, where: str = "shop") -> str:
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {where}}}\nspec: {spec}\n"
    )


SUBSETS = istio("DestinationRule", "rule", "{host: cart, subsets: [{name: v1}, {name: v2}]}")


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ("{route: [{destination: {host: cart, subset: v2}}]}", ["v2"]),
        ("{route: [{destination: {host: cart}}], mirror: {host: cart, subset: v1}}", ["v1"]),
        ("{route: [], mirrors: [{destination: {host: cart.shop, subset: v1}}]}", ["v1"]),
        ("{route: [{destination: {host: cart, subset: v3}}]}", []),
        ("{route: [{destination: {host: orders, subset: v1}}]}", []),
        ("{route: [{destination: {host: cart}}]}", []),
    ],
)
def test_subsets_are_sent_to_by_virtual_services(http, expected):
    """
    By routes and mirrors, whatever the host is written like.
    """
    mesh = mesh_of(SUBSETS + istio("VirtualService", "vs", f"{{hosts: [x.example], http: [{http}]}}"))
    lines = mesh.subset_senders(named(mesh, "rule"))

    assert expected == [cause.at.manifest.value(*cause.at.field) for cause in lines]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("hosts: [x.example], gateways: [gw]", True),
        ("hosts: [x.example], gateways: [mesh, gw]", True),
        ("hosts: [cart]", False),
        ("hosts: []", True),
    ],
)
def test_gateways_send_by_virtual_services(fields, expected):
    """
    One for the mesh alone is none of theirs; a delegate may be.
    """
    rule = istio(
        "VirtualService", "vs", f"{{{fields}, http: [{{route: [{{destination: {{host: cart}}}}]}}]}}"
    )
    mesh = mesh_of(service("cart", "shop") + rule)

    assert expected == any(mesh.gateway_senders(named(mesh, "cart")))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("tls: {mode: ISTIO_MUTUAL}", []),
        ("tls: {mode: DISABLE}, outlierDetection: {}", ["outlierDetection"]),
        ("tls: {mode: SIMPLE}", ["tls"]),
        ("portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]", []),
        ("portLevelSettings: [{port: {number: 80}, connectionPool: {}}]", ["connectionPool"]),
    ],
)
def test_a_waypoint_acts_by_traffic_settings(policy, expected):
    """
    TLS of the mesh itself is none, on single ports neither.
    """
    mesh = mesh_of(istio("DestinationRule", "rule", f"{{host: cart, trafficPolicy: {{{policy}}}}}"))

    assert expected == [setting.name for setting in mesh.traffic_settings(named(mesh, "rule"))]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}", True),
        ("trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]}", True),
        ("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}, subsets: [{name: v1}]", True),
        ("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, connectionPool: {}}", False),
        ("trafficPolicy: {tls: {mode: SIMPLE}}", False),
        ("subsets: [{name: v1}]", False),
        ("trafficPolicy: {}", False),
    ],
)
def test_a_rule_may_ask_for_mtls_alone(spec, expected):
    """
    Subsets without settings of their own do not count.
    """
    mesh = mesh_of(istio("DestinationRule", "rule", f"{{host: cart, {spec}}}"))

    assert expected == (mesh.mtls_setting(named(mesh, "rule")) is not None)


BANK = istio("ServiceEntry", "bank", "{hosts: [bank.example], resolution: DNS}")
PROXY = "containers: [{name: istio-proxy, image: docker.io/istio/proxyv2:1.29.0, args: [proxy, router]}]"


def sends(host: str, gateways: str = "[mesh]") -> str:
    http = f"[{{route: [{{destination: {{host: {host}}}}}]}}]"
    return f"{{hosts: [bank.example], gateways: {gateways}, http: {http}}}"


@pytest.mark.parametrize(
    ("more", "host", "expected"),
    [
        ("", "out.shop.svc.cluster.local", False),
        (
            service("out", "shop", spec="selector: {app: out}") + deployment("out", "shop", spec=PROXY),
            "out",
            True,
        ),
        (
            service("out", "shop", spec="selector: {app: out}") + deployment("out", "shop"),
            "out",
            False,
        ),
        (gateway("out", "shop", class_name="istio"), "out-istio", True),
        (istio("VirtualService", "on", sends("bank.example", "[gw]")), "out.shop.svc.cluster.local", True),
        (istio("VirtualService", "on", sends("bank.example", "[gw]")), "bank.example", False),
        (istio("VirtualService", "on", sends("out", "[gw]")), "out", False),
    ],
)
def test_a_detour_leads_by_a_gateway(more, host, expected):
    """
    The pods, the Gateway, or the rule that leads the host on from there show that it is one.
    """
    mesh = mesh_of(namespace("shop") + BANK + istio("VirtualService", "rule", sends(host)) + more)

    assert expected == bool(mesh.egress_detours(named(mesh, "rule")))
