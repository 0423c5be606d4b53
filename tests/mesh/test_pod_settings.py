"""What annotations of pods tell ambient mode, and what only a sidecar would have read."""

import pytest

from manifests import deployment, mesh_of, named, namespace
from meshlint.mesh.enrollment.pod_settings import CaptureSetting, Spared
from meshlint.mesh.mesh import Mesh
from meshlint.model.kinds.workload import Workload

TRAFFIC = "traffic.sidecar.istio.io/"
REROUTE = "istio.io/reroute-virtual-interfaces"
PORTS = "containers: [{name: cart, ports: [{containerPort: 8080}, {containerPort: 9090}]}]"


def cart(annotations: dict[str, str], version: str = "1.31", spec: str = "") -> tuple[Mesh, Workload]:
    """A mesh with a Deployment whose pods have annotations."""
    text = deployment("cart", "shop", spec=spec).replace(
        "    metadata:\n      labels:", f"    metadata:\n      annotations: {annotations}\n      labels:"
    )
    mesh = mesh_of(namespace("shop", dataplane_mode="ambient") + text, version)
    found = named(mesh, "cart")
    assert isinstance(found, Workload)
    return mesh, found


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("excludeInboundPorts", "9090, 15020", CaptureSetting("", Spared.INBOUND, (9090, 15020))),
        ("excludeInboundPorts", "metrics", CaptureSetting("", Spared.INBOUND)),
        ("includeInboundPorts", "8080", CaptureSetting("", Spared.INBOUND, (9090,))),
        ("includeInboundPorts", "", CaptureSetting("", Spared.INBOUND, (8080, 9090))),
        ("excludeOutboundPorts", "5432", CaptureSetting("", Spared.OUTBOUND)),
        ("excludeOutboundIPRanges", "10.0.0.0/8", CaptureSetting("", Spared.OUTBOUND)),
        ("includeOutboundIPRanges", "", CaptureSetting("", Spared.OUTBOUND)),
        ("excludeInterfaces", "net1", CaptureSetting("", Spared.OUTBOUND)),
        ("kubevirtInterfaces", "k6t-eth0", CaptureSetting("", Spared.VIRTUAL_INTERFACES, (), REROUTE)),
    ],
)
def test_annotations_that_keep_traffic_away_from_a_sidecar(name, value, expected):
    """
    Each is read with the ports that it names, or leaves out of those that are declared.
    """
    mesh, workload = cart({TRAFFIC + name: value}, spec=PORTS)

    assert (expected._replace(key=TRAFFIC + name),) == mesh.capture_settings(workload)
    assert () == mesh.sidecar_only(workload)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("excludeInboundPorts", ""),
        ("includeInboundPorts", "*"),
        ("includeOutboundIPRanges", " * "),
        ("excludeOutboundPorts", ""),
        ("includeOutboundPorts", "443"),
    ],
)
def test_annotations_that_keep_nothing_away_are_a_sidecars_alone(name, value):
    """
    What asks for capture, or leaves nothing out, does nothing that ambient mode does not do.
    """
    mesh, workload = cart({TRAFFIC + name: value})

    assert () == mesh.capture_settings(workload)
    assert (TRAFFIC + name,) == mesh.sidecar_only(workload)


def test_virtual_interfaces_have_an_annotation_of_their_own_from_1_25():
    """
    Where the successor is there, the old annotation is nothing but a sidecar's.
    """
    old = {TRAFFIC + "kubevirtInterfaces": "k6t-eth0"}
    mesh, workload = cart(old, "1.24")
    [setting] = mesh.capture_settings(workload)
    both, machine = cart({**old, REROUTE: "k6t-eth0"})

    assert setting.successor is None
    assert () == both.capture_settings(machine)
    assert tuple(old) == both.sidecar_only(machine)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sidecar.istio.io/proxyCPU", True),
        ("readiness.status.sidecar.istio.io/periodSeconds", True),
        ("status.sidecar.istio.io/port", True),
        ("proxy.istio.io/config", True),
        ("inject.istio.io/templates", True),
        ("prometheus.istio.io/merge-metrics", True),
        ("sidecar.istio.io/inject", False),
        ("sidecar.istio.io/status", False),
        ("sidecar.istio.io/unheard-of", False),
        (REROUTE, False),
        ("ambient.istio.io/dns-capture", False),
        ("prometheus.io/scrape", False),
    ],
)
def test_what_only_a_sidecar_reads(key, expected):
    """
    Known annotations of sidecars count, not those that decide injection or that ambient mode reads.
    """
    mesh, workload = cart({key: "x"})

    assert ((key,) if expected else ()) == mesh.sidecar_only(workload)


@pytest.mark.parametrize(
    ("version", "value", "expected"),
    [("1.24", "true", True), ("1.24", "1", True), ("1.24", "yes", False), ("1.23", "true", False)],
)
def test_capture_can_be_bypassed_from_1_24(version, value, expected):
    """
    Any boolean of Go is taken, nothing else.
    """
    mesh, workload = cart({"ambient.istio.io/bypass-inbound-capture": value}, version)

    assert expected is mesh.bypasses_inbound(workload).value


@pytest.mark.parametrize(
    ("version", "annotations", "expected"),
    [
        ("1.25", {"ambient.istio.io/dns-capture": "off"}, ["ambient.istio.io/dns-capture"]),
        ("1.24", {"ambient.istio.io/dns-capture": "off"}, []),
        ("1.25", {"ambient.istio.io/dns-capture": "F"}, []),
        (
            "1.24",
            {"ambient.istio.io/bypass-inbound-capture": ""},
            ["ambient.istio.io/bypass-inbound-capture"],
        ),
        ("1.23", {"ambient.istio.io/bypass-inbound-capture": ""}, []),
    ],
)
def test_switches_that_are_no_booleans_are_ignored(version, annotations, expected):
    """
    What Go does not take for a boolean is ignored, from the version on that reads the switch.
    """
    mesh, workload = cart(annotations, version)

    assert expected == list(mesh.ignored_switches(workload))


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("{containerPort: 15001}", [15001]),
        ("{containerPort: 15008, protocol: UDP}", []),
        ("{containerPort: 15053, protocol: UDP}", [15053]),
        ("{containerPort: 15021}", []),
        ("{name: odd}, {containerPort: 15006}", [15006]),
    ],
)
def test_ports_that_ztunnel_needs_in_pods(port, expected):
    """
    Each is shown at the line that declares it.
    """
    mesh, workload = cart({}, spec=f"containers: [{{name: cart, ports: [{port}]}}]")
    ports = mesh.reserved_ports(workload)

    assert expected == [found.number for found in ports]
    for found in ports:
        start, end = found.at.value_offsets
        assert str(found.number) == found.at.file.text[start:end]
