"""
A Service opens STRICT ambient pods to clients outside of the mesh, which ztunnel refuses.

## What it does

Looks at Services of type LoadBalancer or NodePort, or with `externalIPs`, and at the Services that an
Ingress sends to. It speaks where the pods are ambient and a PeerAuthentication makes the port STRICT.

For an Ingress it depends on what carries its traffic. Istio's own class is left alone, and so is a
controller that is in the mesh itself. A controller that is not, or a load balancer of the cloud (`alb`,
`gce`), is a warning; where the manifests do not tell who serves the class it is a note. If another port
of the Service is open, one that is STRICT is a note, too: it may be meant so.

Gateways of Istio are not ambient pods, and their Services are left alone.

## Why it matters

Clients that come in by a load balancer or a node's port bring no certificate of the mesh. ztunnel of the
pods resets their connections. The Service has its address, health checks of the node pass, and every
request fails.

## How to fix it

Let a gateway of the mesh take the traffic in (a Gateway of class `istio`), and make the Service
ClusterIP. With another ingress controller, label its namespace or pods for ambient mode. Or open the port
of the pods by a PeerAuthentication that selects them, with `portLevelMtls` and PERMISSIVE: then
AuthorizationPolicies cannot tell these clients by identity.
"""

from collections.abc import Iterator

from meshlint import (
    Cause,
    DataplaneMode,
    ExposedPort,
    Fix,
    Impact,
    Ingress,
    Location,
    Mesh,
    MtlsMode,
    Problem,
    Service,
    Severity,
    Workload,
    check,
    kind,
)


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.OUTAGE,
    subjects=(kind.SERVICE, kind.INGRESS),
    reads=(
        kind.NAMESPACE,
        kind.PEER_AUTHENTICATION,
        kind.INGRESS_CLASS,
        *kind.WORKLOADS,
        *kind.INSTALLATION,
    ),
    since="0.1.0",
)
def strict_exposed_service(subject: Service | Ingress, mesh: Mesh) -> Iterator[Problem]:
    """Find Services and Ingresses that lead clients outside of the mesh to STRICT pods."""
    by_place: dict[Location, list[ExposedPort]] = {}
    for exposed in mesh.exposed_ports(subject):
        if exposed.port.protocol == "TCP" and exposed.is_outside.value is not False:
            by_place.setdefault(exposed.at, []).append(exposed)
    for at, ports in by_place.items():
        strict = [exposed for exposed in ports if _strict_pods(exposed, mesh)]
        if strict:
            yield _problem(subject, at, strict, mesh)._replace(severity=_severity(ports, mesh))


def _strict_pods(exposed: ExposedPort, mesh: Mesh) -> list[Workload]:
    return [
        workload for workload in _ambient_pods(exposed.service, mesh) if _is_strict(exposed, workload, mesh)
    ]


def _ambient_pods(service: Service, mesh: Mesh) -> Iterator[Workload]:
    for edge in mesh.selected_workloads(service):
        for workload in mesh.copies(edge.target):
            if isinstance(workload, Workload) and _is_ambient(workload, mesh):
                yield workload


def _is_ambient(workload: Workload, mesh: Mesh) -> bool:
    is_gateway = mesh.is_gateway_proxy(workload)
    return not is_gateway and mesh.dataplane_mode(workload).value is DataplaneMode.AMBIENT


def _is_strict(exposed: ExposedPort, workload: Workload, mesh: Mesh) -> bool:
    port = workload.pod_port(exposed.port.pod_port)
    return mesh.mtls(workload).on(port) is MtlsMode.STRICT


def _severity(ports: list[ExposedPort], mesh: Mesh) -> Severity:
    known = all(exposed.is_outside.value for exposed in ports)
    all_strict = all(_strict_pods(exposed, mesh) for exposed in ports)
    return Severity.WARNING if known and all_strict else Severity.NOTE


def _problem(subject: Service | Ingress, at: Location, strict: list[ExposedPort], mesh: Mesh) -> Problem:
    first = strict[0]
    workload = _strict_pods(first, mesh)[0]
    numbers = ", ".join(str(exposed.port.number) for exposed in strict)
    return Problem(
        f"{_who(subject)} refused at port {numbers} of Service {first.service.name!r}"
        f"{_unless(first)}: its pods are ambient and STRICT",
        at=at,
        related=(
            *first.is_outside.because,
            *_policies(workload, mesh),
            *mesh.dataplane_mode(workload).because,
        ),
        fix=Fix(_advice(subject, workload.pod_port(first.port.pod_port))),
    )


def _who(subject: Service | Ingress) -> str:
    is_ingress = isinstance(subject, Ingress)
    return (
        f"what comes in by Ingress {subject.name!r} is" if is_ingress else "clients outside of the mesh are"
    )


def _unless(exposed: ExposedPort) -> str:
    return "" if exposed.is_outside.value else ", unless the ingress controller is in the mesh"


def _policies(workload: Workload, mesh: Mesh) -> Iterator[Cause]:
    return (cause for cause in mesh.mtls(workload).because if cause.at.manifest is not workload.manifest)


def _advice(subject: Service | Ingress, port: int | None) -> str:
    opened = f"open port {port} of the pods" if port is not None else "open the port of the pods"
    way = "let a gateway of the mesh take the traffic in"
    if isinstance(subject, Ingress):
        way = "label the pods of the ingress controller for ambient mode"
    return f"{way}, or {opened} by a PeerAuthentication with 'portLevelMtls' and PERMISSIVE"
