"""Which waypoint an object really gets."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service

SHOP = namespace("shop")


def state(text: str, name: str, kind: str | None = None, **options: object) -> str:
    mesh = mesh_of(text, **options)  # type: ignore[arg-type]
    return mesh.waypoint_binding(named(mesh, name, kind)).state.value


def test_a_service_is_bound_to_the_waypoint_of_its_namespace():
    """
    Without a label of its own a Service takes its namespace's waypoint.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + service("cart", "shop")

    assert "bound" == state(text, "cart")


def test_an_object_label_hides_the_namespace_label_even_if_it_names_nothing():
    """
    There is no fall-back to the namespace's waypoint.
    """
    text = (
        namespace("shop", use_waypoint="wp")
        + gateway("wp", "shop")
        + service("cart", "shop", use_waypoint="x")
    )

    assert "WaypointIsNotReady" == state(text, "cart")


def test_none_opts_out_of_the_namespace_waypoint():
    """
    The value `none` on a Service means no waypoint, on a Namespace it means no label.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")

    assert "opted-out" == state(text + service("cart", "shop", use_waypoint="none"), "cart")
    assert "absent" == state(namespace("shop", use_waypoint="none") + service("cart", "shop"), "cart")


def test_none_is_exact():
    """
    `None` is the name of a Gateway, one that is not there.
    """
    assert "WaypointIsNotReady" == state(SHOP + service("cart", "shop", use_waypoint="None"), "cart")


def test_the_waypoint_namespace_counts_only_beside_use_waypoint():
    """
    `use-waypoint-namespace` of the Namespace is not inherited by a Service with its own name.
    """
    text = (
        namespace("shop", use_waypoint="wp", use_waypoint_namespace="infra")
        + namespace("infra")
        + gateway("wp", "infra", routes="{from: All}")
    )

    assert "bound" == state(text + service("cart", "shop"), "cart")
    assert "WaypointIsNotReady" == state(text + service("cart", "shop", use_waypoint="wp"), "cart")


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("", "AttachmentDenied"),
        ("{from: Same}", "AttachmentDenied"),
        ("{from: All}", "bound"),
        ("{from: Anything}", "AttachmentDenied"),
        ("{from: Selector}", "AttachmentDenied"),
        ("{from: Selector, selector: {}}", "bound"),
        ("{from: Selector, selector: {matchLabels: {team: a}}}", "AttachmentDenied"),
        ("{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}}", "bound"),
        (
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: NotIn, values: [b]}]}}",
            "bound",
        ),
    ],
)
def test_allowed_routes_decide_across_namespaces(routes, expected):
    """
    The HBONE listener's allowedRoutes admit by the labels of the object's namespace.
    """
    text = (
        SHOP
        + namespace("infra")
        + gateway("wp", "infra", routes=routes)
        + service("cart", "shop", use_waypoint="wp", use_waypoint_namespace="infra")
    )

    assert expected == state(text, "cart")


def test_before_1_23_only_the_own_namespace_can_be_named():
    """
    1.22 has no `use-waypoint-namespace` label: the waypoint is looked for beside the object.
    """
    text = (
        SHOP
        + namespace("infra")
        + gateway("wp", "infra", routes="{from: All}")
        + service("cart", "shop", use_waypoint="wp", use_waypoint_namespace="infra")
    )

    assert "WaypointIsNotReady" == state(text, "cart", version="1.22")
    assert "bound" == state(text + gateway("wp", "shop"), "cart", version="1.22")


def test_before_1_23_allowed_routes_are_not_looked_at():
    """
    1.22 has no attachment check: a selector that would refuse the namespace refuses nobody.
    """
    routes = "{from: Selector, selector: {matchLabels: {team: a}}}"
    text = SHOP + gateway("wp", "shop", routes=routes) + service("cart", "shop", use_waypoint="wp")

    assert "bound" == state(text, "cart", version="1.22")
    assert "AttachmentDenied" == state(text, "cart", version="1.23")


@pytest.mark.parametrize(
    ("waypoint_for", "service_state", "pod_state"),
    [
        ("service", "bound", "UnsupportedTrafficType"),
        ("workload", "UnsupportedTrafficType", "bound"),
        ("all", "bound", "bound"),
        ("none", "UnsupportedTrafficType", "UnsupportedTrafficType"),
        ("services", "UnsupportedTrafficType", "UnsupportedTrafficType"),
        ("", "UnsupportedTrafficType", "UnsupportedTrafficType"),
    ],
)
def test_waypoint_for_has_to_cover_the_kind_of_object(waypoint_for, service_state, pod_state):
    """
    An unknown value of waypoint-for behaves like `none`.
    """
    text = (
        SHOP
        + gateway("wp", "shop", waypoint_for=waypoint_for)
        + service("cart", "shop", use_waypoint="wp")
        + deployment("pods", "shop", use_waypoint="wp")
    )

    assert service_state == state(text, "cart")
    assert pod_state == state(text, "pods")


def test_a_pod_does_not_suffer_from_its_namespace_s_service_waypoint():
    """
    An inherited waypoint that is for Services leaves pods without one, and that is no error.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop") + deployment("pods", "shop")

    assert "absent" == state(text, "pods")


def test_an_open_scope_makes_a_missing_gateway_unknown():
    """
    Without the Namespace object the Gateway may have been made elsewhere.
    """
    assert "unknown" == state(service("cart", "shop", use_waypoint="wp"), "cart")


def test_a_gateway_without_namespace_may_be_the_one_that_is_meant():
    """
    A Gateway of that name whose namespace is not told keeps the answer open.
    """
    text = SHOP + gateway("wp") + service("cart", "shop", use_waypoint="wp")

    assert "unknown" == state(text, "cart")


def test_objects_without_namespace_are_together():
    """
    What is applied with one `-n` is taken to be in one namespace.
    """
    assert "bound" == state(gateway("wp") + service("cart", use_waypoint="wp"), "cart")


def test_external_names_and_waypoint_services_have_no_waypoint():
    """
    An alias is not known to ztunnel, and a waypoint does not go through itself.
    """
    text = namespace("shop", use_waypoint="wp") + gateway("wp", "shop")
    alias = service("bank", "shop", spec="type: ExternalName", use_waypoint="wp")
    own = service("wp", "shop").replace("app: wp", "gateway.istio.io/managed: istio.io-mesh-controller")

    assert "absent" == state(text + alias, "bank")
    assert "absent" == state(text + own, "wp", "Service")


def test_the_class_says_what_a_waypoint_is_for_unless_the_gateway_does():
    """
    The Gateway's label wins over its class's; a class that is not in the set may say anything.
    """
    the_class = """---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ours, labels: {istio.io/waypoint-for: workload}}
spec: {controllerName: istio.io/mesh-controller}
"""
    user = SHOP + service("cart", "shop", use_waypoint="wp")

    assert "UnsupportedTrafficType" == state(
        user + gateway("wp", "shop", class_name="ours") + the_class, "cart"
    )
    labelled = gateway("wp", "shop", class_name="ours", waypoint_for="all")
    assert "bound" == state(user + labelled + the_class, "cart")
    assert "unknown" == state(user + gateway("wp", "shop", class_name="ours"), "cart")


def test_a_binding_starts_its_causes_with_the_label():
    """
    The first cause is the label that asked, the next the line that decided.
    """
    mesh = mesh_of(namespace("shop", use_waypoint="wp") + gateway("wp", "shop", waypoint_for="workload"))
    binding = mesh.waypoint_binding(named(mesh, "shop"))
    lines = [cause.at.file.line(cause.at.span.start_line).strip() for cause in binding.because]

    assert ["istio.io/use-waypoint: 'wp'", "istio.io/waypoint-for: 'workload'"] == lines


def conditions(
    text: str, name: str, kind: str | None = None, **options: object
) -> list[tuple[str, str, str]]:
    """Status, reason and message of `istio.io/WaypointBound`, and the other conditions by their type."""
    mesh = mesh_of(text, **options)  # type: ignore[arg-type]
    return [
        (condition.status if condition.type.endswith("Bound") else condition.type, *condition[2:])
        for condition in mesh.binding_conditions(named(mesh, name, kind))
    ]


BOUND = "Successfully attached to waypoint shop/wp"
WP = gateway("wp", "shop")


def entry(name: str, spec: str = "hosts: [example.com]", annotations: str = "{}", **labels: str) -> str:
    """A ServiceEntry in namespace `shop`."""
    listed = {f"istio.io/{key.replace('_', '-')}": value for key, value in labels.items()}
    head = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
    meta = f"{{name: {name}, namespace: shop, labels: {listed}, annotations: {annotations}}}"
    return f"{head}metadata: {meta}\nspec: {{{spec}}}\n"


@pytest.mark.parametrize(
    ("label", "waypoint_for", "expected"),
    [
        ("wp", "service", ("True", "WaypointAccepted", BOUND)),
        ("gone", "service", ("False", "WaypointIsNotReady", 'waypoint "shop/gone" is not ready')),
        (
            "wp",
            "workload",
            (
                "False",
                "UnsupportedTrafficType",
                'attempting to bind to traffic type "service" which the waypoint "shop/wp" does not support',
            ),
        ),
    ],
)
def test_what_istiod_writes_about_the_waypoint_of_a_service(label, waypoint_for, expected):
    """
    Reason and message are istiod's own.
    """
    text = SHOP + gateway("wp", "shop", waypoint_for=waypoint_for)

    assert [expected] == conditions(text + service("cart", "shop", use_waypoint=label), "cart")
    assert [expected] == conditions(text + entry("out", use_waypoint=label), "out")
    assert [] == conditions(text + service("cart", "shop", use_waypoint=label), "cart", version="1.23")


def test_a_denied_attachment_is_written_with_istiods_hint():
    """
    The message names the waypoint and guesses at allowedRoutes.
    """
    text = SHOP + namespace("infra") + gateway("wp", "infra")
    cart = service("cart", "shop", use_waypoint="wp", use_waypoint_namespace="infra")
    message = 'we are not permitted to attach to waypoint "infra/wp" (missing allowedRoutes?)'

    assert [("False", "AttachmentDenied", message)] == conditions(text + cart, "cart")


def test_nothing_is_written_where_no_waypoint_is_asked_for_or_it_is_not_known():
    """
    No label, the opt-out and an open set give no condition.
    """
    assert [] == conditions(SHOP + WP + service("cart", "shop"), "cart")
    assert [] == conditions(SHOP + WP + service("cart", "shop", use_waypoint="none"), "cart")
    assert [] == conditions(service("cart", "shop", use_waypoint="wp"), "cart")


@pytest.mark.parametrize(
    ("label", "on_namespace", "version", "expected"),
    [
        ("true", False, "1.31", ". Ingress traffic will traverse the waypoint"),
        ("true", False, "1.24", ""),
        ("TRUE", False, "1.29", ". Ingress traffic will traverse the waypoint"),
        ("tRUE", False, "1.29", ". Ingress traffic will traverse the waypoint"),
        ("tRUE", False, "1.31", "not using"),
        ("1", False, "1.29", "not using"),
        ("1", False, "1.31", ". Ingress traffic will traverse the waypoint"),
        ("true", True, "1.29", ""),
        ("true", True, "1.30", ". Ingress traffic will traverse the waypoint"),
        ("false", True, "1.30", "not using"),
    ],
)
def test_the_message_tells_whether_ingress_uses_the_waypoint(label, on_namespace, version, expected):
    """
    From 1.25 by the object's label, from 1.30 by its namespace's too, and as Go parses booleans.
    """
    if expected == "not using":
        expected = (
            ". Ingress traffic is not using the waypoint, "
            "set the istio.io/ingress-use-waypoint label to true if desired."
        )
    ingress = {"ingress_use_waypoint": label}
    text = namespace("shop", **(ingress if on_namespace else {})) + WP
    text += service("cart", "shop", use_waypoint="wp", **({} if on_namespace else ingress))

    assert [("True", "WaypointAccepted", BOUND + expected)] == conditions(text, "cart", version=version)


@pytest.mark.parametrize(
    ("spec", "annotations", "version", "expected"),
    [
        ("hosts: ['*.example.com']", "{}", "1.28", ["NoWaypointForWildcardService"]),
        ("hosts: ['*.example.com']", "{}", "1.27", []),
        ("hosts: [example.com]", "{}", "1.31", []),
        (
            "hosts: [example.com]",
            "{istio.io/connect-strategy: race_first_tcp_connect}",
            "1.30",
            ["NoWaypointForRacingConnectStrategy"],
        ),
        ("hosts: [example.com]", "{istio.io/connect-strategy: RACE_FIRST_TCP_CONNECT}", "1.29", []),
        ("hosts: ['*.example.com'], addresses: [nonsense]", "{}", "1.31", []),
        ("hosts: ['*.example.com'], addresses: [10.0.0.0/24]", "{}", "1.29", []),
        (
            "hosts: ['*.example.com'], addresses: [10.0.0.0/24]",
            "{}",
            "1.30",
            ["NoWaypointForWildcardService"],
        ),
    ],
)
def test_a_service_entry_that_needs_a_waypoint_is_told_so(spec, annotations, version, expected):
    """
    Wildcards from 1.28, racing connections from 1.30; what ambient mode drops is told nothing.
    """
    text = SHOP + entry("out", spec, annotations)

    assert expected == [reason for _, reason, _ in conditions(text, "out", version=version)]


def test_a_workload_entry_is_told_from_1_30():
    """
    A waypoint of its own that does not serve workloads is an error; its namespace's is not meant for it.
    """
    head = (
        "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm, namespace: shop"
    )
    asking = head + ", labels: {istio.io/use-waypoint: wp}}\n"
    message = 'attempting to bind to traffic type "workload" which the waypoint "shop/wp" does not support'

    assert [("False", "UnsupportedTrafficType", message)] == conditions(SHOP + WP + asking, "vm")
    assert [] == conditions(SHOP + WP + asking, "vm", version="1.29")
    assert [] == conditions(namespace("shop", use_waypoint="wp") + WP + head + "}\n", "vm")


@pytest.mark.parametrize(
    ("metadata", "spec", "version", "expected"),
    [
        ("{}", "{istio.io/use-waypoint: wp}", "1.24", "shop/wp"),
        ("{}", "{istio.io/use-waypoint: wp}", "1.23", None),
        ("{istio.io/use-waypoint: other}", "{istio.io/use-waypoint: wp}", "1.31", "shop/other"),
        ("{istio.io/use-waypoint-namespace: infra}", "{istio.io/use-waypoint: wp}", "1.31", "infra/wp"),
    ],
)
def test_the_spec_of_a_workload_entry_has_labels_too(metadata, spec, version, expected):
    """
    They are merged with those of the metadata, which come first.
    """
    text = (
        "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        f"metadata: {{name: vm, namespace: shop, labels: {metadata}}}\n"
        f"spec: {{address: 192.168.0.1, labels: {spec}}}\n"
    )
    mesh = mesh_of(SHOP + text, version, complete=True)
    wanted = mesh.waypoint_binding(named(mesh, "vm")).wanted

    assert expected == (wanted and f"{wanted.namespace}/{wanted.name}")


def test_an_instance_of_a_waypoint_has_no_waypoint():
    """
    Pods of a waypoint are exempt; a label with a name of no Gateway exempts nobody.
    """
    text = SHOP + gateway("wp", "shop", waypoint_for="all")
    pods = deployment("pods", "shop", use_waypoint="wp")
    instance = pods.replace("app: pods", "gateway.networking.k8s.io/gateway-name: wp")

    assert "bound" == state(text + pods, "pods")
    assert "absent" == state(text + instance, "pods")
    assert "bound" == state(text + instance.replace("name: wp", "name: gone"), "pods")


@pytest.mark.parametrize(
    ("managed", "version", "expected"),
    [
        ("istio.io-mesh-controller", "1.31", "absent"),
        ("istio.io-mesh-controller", "1.22", "bound"),
        ("istio.io-eastwest-controller", "1.31", "absent"),
        ("istio.io-eastwest-controller", "1.26", "bound"),
        ("istio.io-gateway-controller", "1.31", "bound"),
    ],
)
def test_the_service_of_a_waypoint_has_no_waypoint(managed, version, expected):
    """
    What Istio deploys as a waypoint or an east-west gateway is not sent through a waypoint.
    """
    labelled = service("cart", "shop", use_waypoint="wp").replace(
        "app: cart", f"gateway.istio.io/managed: {managed}"
    )

    assert expected == state(SHOP + WP + labelled, "cart", version=version)


def test_each_endpoint_of_a_service_entry_has_a_waypoint_of_its_own():
    """
    Inline endpoints are workloads: by their labels, else by the namespace's.
    """
    own = "{address: 1.1.1.1, labels: {istio.io/use-waypoint: wl}}"
    spec = f"hosts: [a.b], endpoints: [{own}, {{address: 1.1.1.2}}]"
    mesh = mesh_of(SHOP + gateway("wl", "shop", waypoint_for="workload") + entry("out", spec))
    bindings = mesh.endpoint_bindings(named(mesh, "out"))  # type: ignore[arg-type]

    assert ["bound", "absent"] == [binding.state.value for binding in bindings]


VISIBILITY = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: 'serviceEntryVisibility: {defaultVisibility: NAMESPACE}'
"""


def test_a_service_entry_for_its_own_namespace_gets_no_waypoint_elsewhere():
    """
    `serviceEntryVisibility: NAMESPACE` forbids it from 1.31; Services are not concerned.
    """
    labels = {"use_waypoint": "wp", "use_waypoint_namespace": "infra"}
    text = SHOP + namespace("infra") + gateway("wp", "infra", routes="{from: All}") + VISIBILITY
    text += entry("out", **labels) + service("cart", "shop", **labels)

    assert "CrossNamespaceWaypointForbidden" == state(text, "out")
    assert "bound" == state(text, "out", version="1.30")
    assert "bound" == state(text, "cart")
    assert ("istio.io/VisibilityApplied", "Namespace") == conditions(text, "out")[1][:2]


def canary(text: str) -> tuple[str, int] | None:
    mesh = mesh_of(namespace("infra") + text)
    found = mesh.canary_binding(named(mesh, "cart"))
    return (found.state.value, found.weight) if found else None


def weighted(text: str, weight: str) -> str:
    """An object with a canary's weight."""
    return text.replace(
        "metadata:\n", f"metadata:\n  annotations: {{istio.io/use-waypoint-canary-weight: {weight!r}}}\n", 1
    )


@pytest.mark.parametrize(
    ("cart", "expected"),
    [
        (service("cart", "shop", use_waypoint="wp"), None),
        (service("cart", "shop", use_waypoint="wp", use_waypoint_canary="new"), ("bound", 0)),
        (service("cart", "shop", use_waypoint="wp", use_waypoint_canary="none"), None),
        (service("cart", "shop", use_waypoint="wp", use_waypoint_canary=""), None),
        (service("cart", "shop", use_waypoint="wp", use_waypoint_canary="wp"), ("CanarySameAsPrimary", 0)),
        (service("cart", "shop", use_waypoint="wp", use_waypoint_canary="gone"), ("WaypointIsNotReady", 0)),
        (
            service(
                "cart",
                "shop",
                use_waypoint="wp",
                use_waypoint_canary="wp",
                use_waypoint_canary_namespace="infra",
            ),
            ("WaypointIsNotReady", 0),
        ),
        (service("cart", "shop", use_waypoint="gone", use_waypoint_canary="new"), None),
    ],
)
def test_what_becomes_of_a_canary(cart, expected):
    """
    A canary needs a bound waypoint beside it, and is refused like any waypoint.
    """
    assert expected == canary(SHOP + WP + gateway("new", "shop") + cart)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [("30", ("bound", 30)), ("+5", ("bound", 5)), ("101", None), ("-1", None), ("a", None), (" 5", None)],
)
def test_the_weight_of_a_canary_is_a_percentage(weight, expected):
    """
    Anything else leaves all traffic with the first waypoint, and istiod says so.
    """
    cart = weighted(service("cart", "shop", use_waypoint="wp", use_waypoint_canary="new"), weight)
    text = SHOP + WP + gateway("new", "shop") + cart
    refused = 'canary waypoint "shop/new" has an invalid weight; must be an integer in [0,100]'
    suffix = "" if expected else f". Canary waypoint not attached: {refused}"

    assert (expected or ("CanaryInvalidWeight", 0)) == canary(text)
    assert [("True", "WaypointAccepted", BOUND + suffix)] == conditions(text, "cart")


def test_the_namespaces_canary_is_only_for_what_takes_its_waypoint():
    """
    An object with a waypoint of its own has only a canary of its own.
    """
    text = weighted(namespace("shop", use_waypoint="wp", use_waypoint_canary="new"), "20")
    text += WP + gateway("new", "shop")

    assert ("bound", 20) == canary(text + service("cart", "shop"))
    assert None is canary(text + service("cart", "shop", use_waypoint="wp"))
