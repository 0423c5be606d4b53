"""Which services ztunnel can tell by an IP, and who goes through their waypoints."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.routing.egress import dynamic_dns_fault

HTTP = "spec: {ports: [{name: http, port: 80}]}"


def entry(spec: str, labels: str = "{}") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: ext, namespace: shop, labels: {labels}}}\nspec: {spec}\n"
    )


def istiod(name: str, value: str) -> str:
    return (
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\n"
        "spec: {template: {metadata: {labels: {app: istiod}}, spec: {containers: "
        f"[{{name: discovery, env: [{{name: {name}, value: '{value}'}}]}}]}}}}}}\n"
    )


@pytest.mark.parametrize(
    ("spec", "version", "expected"),
    [
        ("{hosts: [a.com], resolution: NONE}", "1.31", False),
        ("{hosts: [a.com]}", "1.31", False),
        ("{hosts: [a.com], resolution: NONE, addresses: [1.2.3.4]}", "1.27", True),
        ("{hosts: [a.com], resolution: NONE, addresses: [1.2.3.4]}", "1.28", True),
        ("{hosts: [a.com], resolution: STATIC}", "1.31", True),
        ("{hosts: [a.com], resolution: DNS}", "1.31", True),
        ("{hosts: [a.com], resolution: DNS_ROUND_ROBIN}", "1.25", True),
        ("{hosts: [a.com], resolution: DNS}", "1.24", None),
        ("{hosts: [a.com], resolution: DNS}", "1.22", False),
        ("{hosts: ['*.a.com'], resolution: STATIC}", "1.31", False),
        ("{hosts: ['*.a.com', b.com], resolution: STATIC}", "1.31", True),
        ("{hosts: ['*.a.com'], resolution: STATIC, addresses: [1.2.3.4]}", "1.31", True),
        ("{hosts: ['*.a.com'], resolution: DYNAMIC_DNS}", "1.28", True),
        ("{hosts: ['*.a.com'], resolution: DYNAMIC_DNS}", "1.27", False),
        ("{hosts: [a.com], resolution: STATIC, addresses: [10.0.0.0/8]}", "1.29", False),
        ("{hosts: [a.com], resolution: STATIC, addresses: [10.0.0.0/8]}", "1.30", True),
        ("{hosts: [a.com], resolution: STATIC, addresses: [10.0.0.1/32]}", "1.29", True),
        ("{hosts: [a.com], resolution: STATIC, addresses: [1.2.3.4, nonsense]}", "1.31", False),
    ],
)
def test_a_service_entry_has_a_virtual_ip(spec, version, expected):
    """
    By its addresses, or by one that istiod allocates; resolution NONE and wildcards get none.
    """
    mesh = mesh_of(entry(spec), version)

    assert expected is mesh.virtual_ip(named(mesh, "ext")).value


@pytest.mark.parametrize(("value", "expected"), [("false", False), ("False", False), ("true", True)])
def test_a_label_keeps_istiod_from_allocating(value, expected):
    """
    `networking.istio.io/enable-autoallocate-ip: "false"` opts out, in any case of letters.
    """
    spec = "{hosts: [a.com], resolution: DNS}"
    labels = f"{{networking.istio.io/enable-autoallocate-ip: '{value}'}}"
    mesh = mesh_of(entry(spec, labels))

    assert expected is mesh.virtual_ip(named(mesh, "ext")).value


@pytest.mark.parametrize(
    ("version", "value", "expected"), [("1.24", "true", True), ("1.24", "0", False), ("1.31", "false", False)]
)
def test_istiod_is_told_whether_to_allocate(version, value, expected):
    """
    `PILOT_ENABLE_IP_AUTOALLOCATE` of istiod overrides the default of the version.
    """
    text = entry("{hosts: [a.com], resolution: DNS}") + istiod("PILOT_ENABLE_IP_AUTOALLOCATE", value)
    mesh = mesh_of(text, version)

    assert expected is mesh.virtual_ip(named(mesh, "ext")).value


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ports: []", True),
        ("clusterIP: None", False),
        ("type: ExternalName\n  externalName: a.com", False),
        ("type: LoadBalancer", True),
    ],
)
def test_a_service_has_a_virtual_ip(spec, expected):
    """
    All but headless Services and aliases have one.
    """
    mesh = mesh_of(service("cart", "shop", spec=spec))

    assert expected is mesh.virtual_ip(named(mesh, "cart")).value


@pytest.mark.parametrize(
    ("protocol", "location", "labels", "taken_by"),
    [
        ("HTTP", "MESH_EXTERNAL", "{}", ("1.28", "1.29", "1.30")),
        ("TLS", "MESH_EXTERNAL", "{}", ("1.29", "1.30")),
        ("GRPC", "MESH_EXTERNAL", "{}", ("1.30",)),
        ("HTTP2", "MESH_EXTERNAL", "{}", ("1.30",)),
        ("TCP", "MESH_EXTERNAL", "{}", ()),
        ("HTTP", "MESH_INTERNAL", "{}", ("1.30",)),
        ("HTTP", "MESH_INTERNAL", "{istio.io/use-waypoint: none}", ("1.30",)),
        ("HTTP", "MESH_INTERNAL", "{istio.io/use-waypoint: wp}", ()),
    ],
)
def test_dynamic_dns_is_validated_by_version(protocol, location, labels, taken_by):
    """
    Protocols and locations that the validation takes grew from 1.28 to 1.30; before it takes nothing.
    """
    spec = (
        f"{{hosts: ['*.a.com'], resolution: DYNAMIC_DNS, location: {location}, "
        f"ports: [{{name: p, number: 80, protocol: {protocol}}}]}}"
    )
    taken = []
    for version in ("1.27", "1.28", "1.29", "1.30"):
        mesh = mesh_of(entry(spec, labels), version)
        if dynamic_dns_fault(named(mesh, "ext"), mesh.version) is None:
            taken.append(version)

    assert taken_by == tuple(taken)


SHOP = namespace("shop", dataplane_mode="ambient", use_waypoint="wp") + gateway("wp", "shop")


def passes(text: str, client: str, target: str = "cart", version: str = "1.31") -> bool | None:
    mesh = mesh_of(text, version)
    return mesh.passes_waypoint(named(mesh, client, "Deployment"), named(mesh, target)).value


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (deployment("a", "shop"), True),
        (deployment("a", "shop", inject="true", dataplane_mode="none"), False),
        (deployment("a", "shop", dataplane_mode="none"), False),
        (deployment("a", "shop", spec="hostNetwork: true"), False),
        (deployment("a", "elsewhere"), None),
    ],
)
def test_ztunnel_alone_takes_the_detour(client, expected):
    """
    Sidecars, host network and what is outside of the mesh pass by.
    """
    assert expected is passes(SHOP + service("cart", "shop") + client, "a")


def test_nobody_goes_through_for_a_headless_service():
    """
    Its clients call the pods.
    """
    text = SHOP + service("cart", "shop", spec="clusterIP: None") + deployment("a", "shop")

    assert passes(text, "a") is False


def test_the_waypoint_does_not_go_through_itself():
    """
    Its own pods call the service's pods.
    """
    own = deployment("wp", "shop").replace("app: wp", "gateway.networking.k8s.io/gateway-name: wp")

    assert passes(SHOP + service("cart", "shop") + own, "wp") is False


INGRESS = gateway("ing", "shop", class_name="istio") + deployment("ing", "shop").replace(
    "app: ing", "gateway.networking.k8s.io/gateway-name: ing, sidecar.istio.io/inject: 'false'"
).replace("labels:\n        gateway", "labels: {gateway").replace("'false'\n", "'false'}\n")


@pytest.mark.parametrize(
    ("on_service", "on_namespace", "version", "expected"),
    [
        ("true", "", "1.31", True),
        ("true", "", "1.24", True),
        ("true", "", "1.23", False),
        ("True", "", "1.24", False),
        ("True", "", "1.25", True),
        ("1", "", "1.29", False),
        ("1", "", "1.30", True),
        ("false", "true", "1.31", False),
        ("", "true", "1.31", True),
        ("", "true", "1.24", False),
        ("", "", "1.31", False),
    ],
)
def test_ingress_uses_a_waypoint_where_it_is_asked_to(on_service, on_namespace, version, expected):
    """
    `ingress-use-waypoint` on the Service, from 1.25 on its Namespace too.
    """
    on = {"ingress_use_waypoint": on_namespace} if on_namespace else {}
    of = {"ingress_use_waypoint": on_service} if on_service else {}
    text = namespace("shop", use_waypoint="wp", **on) + gateway("wp", "shop") + service("cart", "shop", **of)
    mesh = mesh_of(text + INGRESS, version)
    verdict = mesh.passes_waypoint(named(mesh, "ing", "Deployment"), named(mesh, "cart"))

    assert (expected, "gateway") == (
        verdict.value,
        mesh.dataplane_mode(named(mesh, "ing", "Deployment")).value.value,
    )


@pytest.mark.parametrize(("annotation", "expected"), [("'false'", False), ("'true'", True), ("maybe", True)])
def test_an_allocated_address_takes_captured_dns(annotation, expected):
    """
    A pod whose DNS passes ztunnel by never learns of the address that istiod allocates.
    """
    client = deployment("a", "shop").replace(
        "      labels:\n",
        f"      annotations: {{ambient.istio.io/dns-capture: {annotation}}}\n      labels:\n",
    )
    text = SHOP + entry("{hosts: [a.com], resolution: DNS}") + client

    assert expected is passes(text, "a", "ext")
