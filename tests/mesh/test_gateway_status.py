"""What istiod will write into the status of a Gateway."""

import pytest

from manifests import mesh_of, named, namespace

WAYPOINT = 'Expected a single listener on port 15008 with protocol "HBONE"'
EASTWEST = (
    'East-west gateway listeners must be either port 15008 with protocol "HBONE" and TLS.Mode == Terminate, '
    "or TLS with TLS.Mode == Passthrough"
)
HBONE = "{name: mesh, port: 15008, protocol: HBONE}"
TERMINATED = "{name: mesh, port: 15008, protocol: HBONE, tls: {mode: Terminate}}"
PASSED = "{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}"


def gateway(*listeners: str, class_name: str = "istio-waypoint", labels: str = "{}", spec: str = "") -> str:
    """A Gateway with listeners in flow style."""
    return (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
        f"metadata: {{name: wp, namespace: shop, labels: {labels}}}\n"
        f"spec:\n  gatewayClassName: {class_name}\n  listeners: [{', '.join(listeners)}]\n{spec}"
    )


def conditions(text: str, **options: object) -> list[tuple[str, str, str, str]]:
    mesh = mesh_of(namespace("shop") + text, **options)  # type: ignore[arg-type]
    return [tuple(condition) for condition in mesh.gateway_conditions(named(mesh, "wp"))]  # type: ignore[arg-type]


def listeners(text: str, **options: object) -> list[str]:
    """The messages of the listeners that are refused, empty for one that is accepted."""
    mesh = mesh_of(namespace("shop") + text, **options)  # type: ignore[arg-type]
    return [
        "" if found.condition.status == "True" else found.condition.message
        for found in mesh.listener_conditions(named(mesh, "wp"))  # type: ignore[arg-type]
    ]


def test_a_waypoint_with_its_listener_is_programmed():
    """
    A Gateway that stands in the set counts as ready: accepted, programmed, its listener accepted.
    """
    assert [
        ("Accepted", "True", "Accepted", "Resource accepted"),
        (
            "Programmed",
            "True",
            "Programmed",
            "Resource programmed, assigned to service(s) wp.shop.svc.cluster.local:15008",
        ),
        ("Accepted", "True", "Accepted", "No errors found"),
    ] == conditions(gateway(HBONE))


@pytest.mark.parametrize(
    ("listener", "class_name", "version", "expected"),
    [
        ("{name: a, port: 8080, protocol: HBONE}", "istio-waypoint", "1.31", WAYPOINT),
        ("{name: a, port: 15008, protocol: HTTP}", "istio-waypoint", "1.31", WAYPOINT),
        ("{name: a, port: 15008, protocol: hbone}", "istio-waypoint", "1.31", WAYPOINT),
        ("{name: a, port: 8080, protocol: HTTP}", "istio-agentgateway-waypoint", "1.31", WAYPOINT),
        (HBONE, "istio-agentgateway-waypoint", "1.31", ""),
        (TERMINATED, "istio-east-west", "1.31", ""),
        (PASSED, "istio-east-west", "1.31", ""),
        (HBONE, "istio-east-west", "1.31", EASTWEST),
        (PASSED, "istio-east-west", "1.29", f"{WAYPOINT} and TLS.Mode == Terminate"),
        (HBONE, "istio", "1.31", 'protocol "HBONE" is only supported for waypoint proxies'),
        (
            "{name: a, port: 80, protocol: http}",
            "istio",
            "1.31",
            'protocol "http" is unsupported. hint: "HTTP" (uppercase) may be supported',
        ),
        ("{name: a, port: 80, protocol: UDP}", "istio", "1.31", 'protocol "UDP" is unsupported'),
        ("{name: a, port: 80, protocol: HTTP}", "istio", "1.31", ""),
    ],
)
def test_what_istiod_has_against_a_listener(listener, class_name, version, expected):
    """
    Each class has listeners of its own; istiod's words tell what it expected.
    """
    assert [expected] == listeners(gateway(listener, class_name=class_name), version=version)


def test_an_additional_listener_is_refused_alone():
    """
    The HBONE listener beside it stays accepted, and so does the Gateway.
    """
    text = gateway(HBONE, "{name: http, port: 80, protocol: HTTP}")

    assert ["", WAYPOINT] == listeners(text)
    assert ("Accepted", "True", "Accepted", "Resource accepted") == conditions(text)[0]
    assert conditions(text)[1][3].endswith("wp.shop.svc.cluster.local:15008 and wp.shop.svc.cluster.local:80")


def test_a_udp_port_is_no_port_of_the_service_for_istio():
    """
    Only the other ports are named as assigned.
    """
    udp = "{name: udp, port: 53, protocol: UDP}"

    assert "Resource programmed" == conditions(gateway(udp))[1][3]
    assert conditions(gateway(HBONE, udp))[1][3].endswith("wp.shop.svc.cluster.local:15008")


@pytest.mark.parametrize(
    ("listed", "version", "expected"),
    [
        (("{name: a, port: 15008, protocol: hbone}",), "1.30", ("True", "Accepted")),
        (("{name: a, port: 15008, protocol: hbone}",), "1.31", ("False", "ListenersNotValid")),
        ((HBONE, "{name: a, port: 80, protocol: UDP}"), "1.31", ("True", "ListenersNotValid")),
        (("{name: a, port: 15008, protocol: HTTP}",), "1.31", ("True", "Accepted")),
    ],
)
def test_from_1_31_a_gateway_is_told_of_listeners_that_are_not_valid(listed, version, expected):
    """
    Only what makes a listener impossible counts, not the advice that a waypoint gets.
    """
    assert expected == conditions(gateway(*listed), version=version)[0][1:3]


def test_a_remote_gateway_is_not_programmed():
    """
    Class `istio-remote` only declares what runs elsewhere.
    """
    assert [
        ("Accepted", "True", "Accepted", "Resource accepted"),
        ("Programmed", "True", "Programmed", "This Gateway is remote; Istio will not program it"),
    ] == conditions(gateway(HBONE, class_name="istio-remote"))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (gateway(HBONE, class_name="third-party"), {}),
        (gateway(HBONE, class_name="istio-east-west"), {"version": "1.26"}),
        (gateway(HBONE, class_name="istio-agentgateway-waypoint"), {"version": "1.30"}),
    ],
)
def test_other_classes_are_not_judged(text, options):
    """
    Istiod writes nothing into Gateways of classes that it does not know.
    """
    assert [] == conditions(text, **options)


def test_whether_a_manual_deployment_is_programmed_cannot_be_told():
    """
    A hostname in `addresses` names a Service that Istio does not make.
    """
    text = gateway(HBONE, spec="  addresses: [{type: Hostname, value: my-waypoint}]\n")

    assert ["Accepted", "Accepted"] == [condition[0] for condition in conditions(text)]


def test_a_class_of_the_set_says_whose_it_is():
    """
    A GatewayClass with the controller of waypoints makes waypoints under another name.
    """
    own = (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: mine}\n"
        "spec: {controllerName: istio.io/mesh-controller}\n"
    )

    assert [WAYPOINT] == listeners(gateway("{name: a, port: 80, protocol: HTTP}", class_name="mine") + own)


def test_a_listener_without_its_certificates_leaves_the_services_open():
    """
    Istiod makes no server of an HTTPS listener without `tls`, and then names no Service for its port.
    """
    found = conditions(gateway("{name: a, port: 15008, protocol: HTTPS}"))

    assert ["Accepted", "Accepted"] == [kind for kind, *_ in found]
