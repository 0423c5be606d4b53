"""From manifests to resources."""

from typing import TYPE_CHECKING, cast

import pytest

from manifests import resources
from meshlint.model.decode import decode
from meshlint.model.kind import WORKLOADS
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.model.kinds.workload import Workload
from meshlint.source.reading import read_text

if TYPE_CHECKING:
    from meshlint.model.kinds.core import Service


def test_a_namespace_is_never_guessed():
    """
    An object that names no namespace has none, or the default that is declared for its set.
    """
    text = b"apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
    manifests = read_text("a.yaml", text).manifests

    assert decode(manifests)[0].namespace is None
    assert "shop" == decode(manifests, "shop")[0].namespace


def test_cluster_wide_objects_get_no_namespace():
    """
    A default namespace is not for kinds that have none, and neither is one that is written.
    """
    text = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, namespace: nonsense}\n"

    assert decode(read_text("a.yaml", text).manifests, "other")[0].namespace is None


def test_the_group_is_told_from_the_version():
    """
    Identity has the group and not the version.
    """
    [route] = resources(
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: HTTPRoute\nmetadata: {name: r}\n"
    )

    assert ("gateway.networking.k8s.io", "HTTPRoute") == tuple(route.kind)


@pytest.mark.parametrize("kind", WORKLOADS, ids=lambda kind: kind.name)
def test_pod_labels_are_those_of_the_pods(kind):
    """
    Every workload kind gives the labels of its pods and the way to them, not its own labels.
    """
    version = f"{kind.group}/v1" if kind.group else "v1"
    template = "{metadata: {labels: {a: pod}}, spec: {hostNetwork: true}}"
    spec = {
        "CronJob": f"jobTemplate: {{spec: {{template: {template}}}}}",
        "Pod": "hostNetwork: true",
    }.get(kind.name, f"template: {template}")
    own = "pod" if kind.name == "Pod" else "own"
    head = f"apiVersion: {version}\nkind: {kind.name}\nmetadata: {{name: x, labels: {{a: {own}}}}}\n"
    text = f"{head}spec: {{{spec}}}\n"
    [workload] = resources(text)
    assert isinstance(workload, Workload)
    at = workload.pod_label_at("a")

    assert {"a": "pod"} == workload.pod_labels
    assert workload.host_network
    assert "a: pod" == at.file.text[slice(*at.offsets)]


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {x: true}}",
            ("metadata", "labels", "x"),
            "text",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: []}",
            ("metadata", "labels"),
            "a mapping of text",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: {}}",
            ("spec", "ports"),
            "a list",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [80]}",
            ("spec", "ports", 0),
            "a mapping",
        ),
        (
            (
                "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\n"
                "spec: {listeners: [{port: '1'}]}"
            ),
            ("spec", "listeners", 0, "port"),
            "a whole number",
        ),
        (
            (
                "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n"
                "spec: {rules: [{to: [{operation: {ports: [80]}}]}]}"
            ),
            ("spec", "rules", 0, "to", 0, "operation", "ports", 0),
            "text",
        ),
        ("apiVersion: v1\nkind: Service\nmetadata: text", ("metadata",), "a mapping"),
    ],
)
def test_a_wrong_type_is_kept_with_its_place(text, path, expected):
    """
    A field of a wrong type reads as empty and is noted at the exact field.
    """
    [malformed] = resources(text)[0].malformed

    assert (path, expected) == (malformed.path, malformed.expected)


def test_what_is_plainly_meant():
    """
    A number in quotes reads as that number, and one text in the place of a list as a list of one.
    """
    [found] = resources(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\n"
        "spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: '15008', protocol: HBONE}]}"
    )
    [policy] = resources(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n"
        "spec: {rules: [{from: [{source: {namespaces: shop}}]}]}"
    )

    assert 15008 == cast("Gateway", found).listeners[0].port
    assert ("shop",) == cast("AuthorizationPolicy", policy).rules[0].sources[0].values["namespaces"]
    assert [1, 1] == [len(each.malformed) for each in (found, policy)]


def test_null_is_absent():
    """
    A field that is null is as good as not there, and a null label is the empty text.
    """
    [found] = resources(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {x: }, annotations: }\n"
        "spec: {ports: , clusterIP: None}"
    )
    headless = cast("Service", found)

    assert {"x": ""} == headless.labels
    assert headless.is_headless
    assert not headless.malformed


def test_unknown_kinds_and_fields_are_kept():
    """
    What meshlint does not know is a resource with all its data.
    """
    [widget] = resources("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {deep: [1]}")

    assert 1 == widget.manifest.value("spec", "deep", 0)


def test_gateway_and_policy_are_read_whole():
    """
    Listeners, selectors and rules arrive typed, with the way to each.
    """
    gateway, policy = resources(
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: wp}
        spec:
          gatewayClassName: istio-waypoint
          listeners:
          - {name: mesh, port: 15008, protocol: HBONE,
             allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}}
        ---
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: p}
        spec:
          targetRef: {kind: Service, group: "", name: cart}
          rules:
          - from: [{source: {notPrincipals: [x]}}]
            when: [{key: "request.headers[a]", notValues: ["1"]}]
        """
    )
    assert isinstance(gateway, Gateway)
    assert isinstance(policy, AuthorizationPolicy)
    [listener] = gateway.listeners
    [rule] = policy.rules

    assert (15008, "HBONE", "Selector") == (listener.port, listener.protocol, listener.routes_from)
    assert ("ALLOW", "cart", None) == (policy.action, policy.targets[0].name, policy.selector)
    assert {"notPrincipals": ("x",)} == rule.sources[0].values
    assert ("1",) == rule.conditions[0].not_values
