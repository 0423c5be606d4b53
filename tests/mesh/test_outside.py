"""Who calls pods from outside of the mesh."""

import pytest

from manifests import deployment, mesh_of, named, namespace, service

POD = deployment(
    "hook",
    "shop",
    spec="containers: [{name: a, ports: [{name: https, containerPort: 8443}, {containerPort: 53}]}]",
)


def hook(kind: str, body: str) -> str:
    """Something that extends the API server."""
    group = {
        "APIService": "apiregistration.k8s.io",
        "CustomResourceDefinition": "apiextensions.k8s.io",
    }.get(kind, "admissionregistration.k8s.io")
    return f"---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: x}}\n{body}\n"


WEBHOOK = hook(
    "ValidatingWebhookConfiguration",
    "webhooks: [{name: a, clientConfig: {service: {namespace: shop, name: hook}}}]",
)


def called(text: str) -> list[tuple[int, int | None]]:
    """Port of the Service and of the pods, for each call."""
    mesh = mesh_of(text)
    return [(c.port, c.pod_port) for c in mesh.api_server_calls(named(mesh, "hook", "Deployment"))]


@pytest.mark.parametrize(
    ("extension", "port", "expected"),
    [
        (WEBHOOK, "{port: 443, targetPort: https}", [(443, 8443)]),
        (WEBHOOK.replace("Validating", "Mutating"), "{port: 443, targetPort: 9443}", [(443, 9443)]),
        (WEBHOOK, "{port: 443}", [(443, 443)]),
        (WEBHOOK, "{port: 443, targetPort: nowhere}", [(443, None)]),
        (WEBHOOK, "{port: 8080}", []),
        (WEBHOOK.replace("name: hook}", "name: hook, port: 8080}"), "{port: 8080}", [(8080, 8080)]),
        (WEBHOOK.replace("namespace: shop", "namespace: other"), "{port: 443}", []),
        (
            hook("APIService", "spec: {service: {namespace: shop, name: hook, port: 6443}}"),
            "{port: 6443}",
            [(6443, 6443)],
        ),
        (
            hook(
                "CustomResourceDefinition",
                "spec: {conversion: {webhook: {clientConfig: {service: {namespace: shop, name: hook}}}}}",
            ),
            "{port: 443}",
            [(443, 443)],
        ),
        (
            hook("MutatingWebhookConfiguration", "webhooks: [{clientConfig: {url: 'https://a'}}]"),
            "{port: 443}",
            [],
        ),
    ],
)
def test_the_api_server_calls_what_it_is_told_to(extension, port, expected):
    """
    At port 443 unless another is written, through to the port of the pods.
    """
    called_service = service("hook", "shop", spec=f"selector: {{app: hook}}\n  ports: [{port}]")

    assert expected == called(POD + called_service + extension)


def exposed(text: str, kind: str = "Service") -> list[tuple[int | None, bool | None]]:
    """Each port that is opened to the outside, and whether its clients are outside of the mesh."""
    mesh = mesh_of(text)
    return [(e.port.number, e.is_outside.value) for e in mesh.exposed_ports(named(mesh, "x", kind))]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("type: LoadBalancer", [(80, True)]),
        ("type: NodePort", [(80, True)]),
        ("externalIPs: [192.0.2.1]", [(80, True)]),
        ("type: ClusterIP", []),
        ("externalIPs: []", []),
        ("type: ExternalName", []),
    ],
)
def test_a_service_is_open_by_its_type_or_its_addresses(spec, expected):
    """
    What is for the cluster alone is not exposed.
    """
    assert expected == exposed(service("x", "shop", spec=f"{spec}\n  ports: [{{port: 80}}]"))


def test_the_services_that_istiod_makes_for_gateways_are_not_judged():
    """
    They lead to proxies, whatever the pods are labelled.
    """
    text = service("x", "shop", spec="type: LoadBalancer\n  ports: [{port: 80}]")

    assert [] == exposed(text.replace("app: x", "gateway.istio.io/managed: a"))


def ingress(spec: str, annotation: str = "{}", port: str = "number: 80") -> str:
    """An Ingress to a Service with two ports."""
    backend = f"{{service: {{name: web, port: {{{port}}}}}}}"
    return (
        service("web", "shop", spec="ports: [{name: http, port: 80}, {name: admin, port: 81}]")
        + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        + f"metadata: {{name: x, namespace: shop, annotations: {annotation}}}\n"
        + f"spec:\n  rules: [{{http: {{paths: [{{backend: {backend}}}]}}}}]\n  {spec}\n"
    )


def controller(argument: str, *, ambient: bool) -> str:
    """An ingress controller."""
    mode = {"dataplane_mode": "ambient"} if ambient else {}
    spec = f"containers: [{{name: a, args: [run, '{argument}']}}]"
    return namespace("edge", **mode) + deployment("controller", "edge", spec=spec)


CLASS = (
    "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\n"
    "spec: {controller: k8s.io/ingress-nginx}\n"
)
DEFAULT_CLASS = CLASS.replace(
    "name: nginx", "name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}"
)
MESH_CLASS = CLASS.replace("name: nginx", "name: mesh").replace(
    "k8s.io/ingress-nginx", "istio.io/ingress-controller"
)
NGINX = "--controller-class=k8s.io/ingress-nginx"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ingress("ingressClassName: istio"), False),
        (ingress("", "{kubernetes.io/ingress.class: istio}"), False),
        (ingress("ingressClassName: mesh") + MESH_CLASS, False),
        (ingress("ingressClassName: alb"), True),
        (ingress("ingressClassName: nginx"), None),
        (ingress("ingressClassName: nginx") + CLASS, None),
        (ingress("ingressClassName: nginx") + CLASS + controller(NGINX, ambient=False), True),
        (ingress("ingressClassName: nginx") + CLASS + controller(NGINX, ambient=True), False),
        (ingress("ingressClassName: nginx") + controller("--ingress-class=nginx", ambient=False), True),
        (ingress("ingressClassName: other") + CLASS + controller(NGINX, ambient=False), None),
        (ingress("") + DEFAULT_CLASS + controller(NGINX, ambient=False), True),
        (ingress("") + CLASS + controller(NGINX, ambient=False), None),
    ],
)
def test_an_ingress_is_outside_of_the_mesh_as_what_carries_it_is(text, expected):
    """
    Istio's own class is inside, a cloud's is outside, others are what their controller is.
    """
    assert [(80, expected)] == exposed(text, "Ingress")


@pytest.mark.parametrize(
    ("port", "expected"), [("name: admin", [81]), ("number: 80", [80]), ("number: 9", [])]
)
def test_an_ingress_opens_the_port_that_it_names(port, expected):
    """
    By number or by name.
    """
    assert expected == [number for number, _ in exposed(ingress("", port=port), "Ingress")]
