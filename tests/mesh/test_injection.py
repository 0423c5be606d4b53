"""Whether a sidecar injector takes a pod."""

import json

import pytest

from manifests import deployment, mesh_of, named, namespace

AMBIENT = {"dataplane_mode": "ambient"}


def mode(text: str, name: str = "cart", **options: object) -> str:
    mesh = mesh_of(text, **options)  # type: ignore[arg-type]
    return mesh.dataplane_mode(named(mesh, name)).value.value


def annotated(text: str, **annotations: str) -> str:
    """A Deployment with annotations of its pods."""
    return text.replace(
        "    metadata:\n      labels:", f"    metadata:\n      annotations: {annotations}\n      labels:"
    )


def injector(
    policy: str = "enabled", never: str = "[]", always: str = "[]", *, by_default: bool = False
) -> str:
    """The injector's ConfigMap."""
    values = json.dumps({"sidecarInjectorWebhook": {"enableNamespacesByDefault": by_default}})
    return f"""---
apiVersion: v1
kind: ConfigMap
metadata: {{name: istio-sidecar-injector, namespace: istio-system}}
data:
  values: '{values}'
  config: |
    policy: {policy}
    neverInjectSelector: {never}
    alwaysInjectSelector: {always}
"""


def webhooks(name: str, *selectors: tuple[str, str], labels: str = "{istio.io/rev: default}") -> str:
    """A webhook configuration of the injector: pairs of what it asks of namespaces and pods."""
    entries = "".join(
        f"- name: w{index}.sidecar-injector.istio.io\n  namespaceSelector: {ns}\n  objectSelector: {pods}\n"
        for index, (ns, pods) in enumerate(selectors)
    )
    return (
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\n"
        f"metadata: {{name: {name}, labels: {labels}}}\nwebhooks:\n{entries}"
    )


@pytest.mark.parametrize(
    ("namespace_labels", "pod_labels", "by_default", "expected"),
    [
        # rev.namespace.
        ({"rev": "stable"}, {}, False, "sidecar"),
        ({"rev": "stable"}, {"inject": "false"}, False, "none"),
        ({"rev": ""}, {"inject": "true"}, False, "none"),
        # rev.object.
        ({}, {"rev": "stable"}, False, "sidecar"),
        ({}, {"rev": "stable", "inject": "false"}, False, "none"),
        ({"injection": "disabled"}, {"rev": "stable"}, False, "none"),
        # namespace.
        ({"injection": "enabled"}, {}, False, "sidecar"),
        ({"injection": "enabled"}, {"inject": "false"}, False, "none"),
        ({"injection": "enabled", "rev": "stable"}, {}, False, "sidecar"),
        ({"injection": "enabled"}, {"rev": "other"}, False, "sidecar"),
        ({"injection": "Enabled"}, {"inject": "true"}, False, "none"),
        # object.
        ({}, {"inject": "true"}, False, "sidecar"),
        ({}, {"inject": "true", "rev": ""}, False, "none"),
        ({}, {"inject": "yes"}, False, "none"),
        ({}, {"inject": ""}, False, "none"),
        # auto.
        ({}, {}, True, "sidecar"),
        (AMBIENT, {}, True, "sidecar"),
        (AMBIENT, {"inject": "yes"}, True, "ambient"),
        ({"injection": "disabled"}, {}, True, "none"),
        ({}, {}, False, "none"),
    ],
)
def test_the_five_webhooks(namespace_labels, pod_labels, by_default, expected):
    """
    A pod is brought to the injector by the labels that one of the webhooks selects.
    """
    text = namespace("shop", **namespace_labels) + deployment("cart", "shop", **pod_labels)

    assert expected == mode(text + injector(by_default=by_default))


@pytest.mark.parametrize(
    ("config", "pod_labels", "annotation", "expected"),
    [
        ({}, {"inject": "yes"}, None, "sidecar"),
        ({}, {"inject": ""}, None, "sidecar"),
        ({}, {}, "false", "none"),
        ({}, {"inject": "true"}, "false", "sidecar"),
        ({}, {"inject": ""}, "false", "sidecar"),
        ({"policy": "disabled"}, {}, None, "none"),
        ({"policy": "disabled"}, {"inject": "true"}, None, "sidecar"),
        ({"policy": "disabled"}, {}, "true", "sidecar"),
        ({"policy": "off"}, {"inject": "true"}, None, "none"),
        ({"never": "[{matchLabels: {app: cart}}]"}, {}, None, "none"),
        ({"never": "[{matchLabels: {app: cart}}]"}, {"inject": "true"}, None, "sidecar"),
        ({"never": "[{}]"}, {}, None, "sidecar"),
        ({"policy": "disabled", "always": "[{matchLabels: {app: cart}}]"}, {}, None, "sidecar"),
        (
            {"never": "[{matchLabels: {app: cart}}]", "always": "[{matchLabels: {app: cart}}]"},
            {},
            None,
            "none",
        ),
    ],
)
def test_what_the_injector_makes_of_a_pod_that_a_webhook_brings(config, pod_labels, annotation, expected):
    """
    The label beats the annotation, both beat the selectors, `never` beats `always`, and the policy is last.
    """
    pods = deployment("cart", "shop", **pod_labels)
    if annotation is not None:
        pods = annotated(pods, **{"sidecar.istio.io/inject": annotation})

    assert expected == mode(namespace("shop", injection="enabled") + pods + injector(**config))


def test_the_annotation_alone_brings_no_pod_to_the_injector():
    """
    Webhooks select by labels: the annotation `true` in a namespace without labels does nothing.
    """
    pods = annotated(deployment("cart", "shop"), **{"sidecar.istio.io/inject": "true"})

    assert "none" == mode(namespace("shop") + pods)


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"])
def test_system_namespaces_are_never_injected(name):
    """
    The injector leaves the namespaces of Kubernetes itself alone.
    """
    text = namespace(name, injection="enabled") + deployment("cart", name, inject="true")

    assert "none" == mode(text)


def test_a_pod_on_the_hosts_network_is_never_injected():
    """
    Its rules would be the node's.
    """
    pods = deployment("cart", "shop", spec="hostNetwork: true", inject="true")

    assert "none" == mode(namespace("shop", injection="enabled") + pods)


TAGGED = "{matchExpressions: [{key: istio.io/rev, operator: In, values: [prod]}]}"


def test_the_webhooks_of_the_set_are_asked_themselves():
    """
    Selectors that were changed by hand decide as they are written, not as the charts write them.
    """
    free = "[{key: istio.io/dataplane-mode, operator: DoesNotExist}]"
    spared = f"{{matchLabels: {{istio-injection: enabled}}, matchExpressions: {free}}}"
    hooks = webhooks("istio-sidecar-injector", (spared, "{}"))
    pods = deployment("cart", "shop")

    assert "ambient" == mode(namespace("shop", **AMBIENT, injection="enabled") + pods + hooks)
    assert "sidecar" == mode(namespace("shop", injection="enabled") + pods + hooks)


def test_a_tags_webhook_serves_what_names_the_tag():
    """
    A revision tag has webhooks of its own; in a closed set nothing else serves a name.
    """
    labels = "{istio.io/rev: 1-30, istio.io/tag: prod}"
    hooks = webhooks("istio-revision-tag-prod", (TAGGED, "{}"), labels=labels)
    pods = deployment("cart", "shop")

    assert "sidecar" == mode(namespace("shop", rev="prod") + pods + hooks, complete=True)
    assert "none" == mode(namespace("shop", rev="gone") + pods + hooks, complete=True)
    assert "none" == mode(namespace("shop", injection="enabled") + pods + hooks, complete=True)
    assert "sidecar" == mode(namespace("shop", rev="gone") + pods + hooks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            namespace("shop") + deployment("cart", "shop", spec="hostNetwork: true", inject="true"),
            "host's network",
        ),
        (
            namespace("shop", injection="off") + deployment("cart", "shop", inject="true"),
            "'istio-injection: off'",
        ),
        (namespace("kube-system") + deployment("cart", "kube-system", inject="true"), "'kube-system' alone"),
        (
            namespace("shop") + annotated(deployment("cart", "shop"), **{"sidecar.istio.io/inject": "true"}),
            "labels",
        ),
        (namespace("shop") + deployment("cart", "shop", inject="true"), None),
        (deployment("cart", "shop", spec="hostNetwork: true", inject="true"), None),
    ],
)
def test_what_keeps_injectors_from_pods_is_told(text, expected):
    """
    The first reason that is enough, and none where a sidecar comes or the namespace is not known.
    """
    mesh = mesh_of(text)
    obstacle = mesh.injection_obstacle(named(mesh, "cart"))

    assert (expected is None) == (obstacle is None)
    assert obstacle is None or expected in obstacle.message


@pytest.mark.parametrize(
    ("namespace_labels", "pod_labels", "expected"),
    [
        ({"rev": "gone"}, {"inject": "true"}, "revision 'gone'"),
        ({}, {"rev": "gone", "inject": "true"}, "revision 'gone'"),
        ({}, {"inject": "true"}, "default revision"),
        ({"injection": "enabled"}, {"inject": "true"}, "default revision"),
    ],
)
def test_an_injector_that_is_not_installed_is_told_by_its_revision(namespace_labels, pod_labels, expected):
    """
    Where all of the cluster is known, a revision that has no injector is what is in the way.
    """
    text = namespace("shop", **namespace_labels) + deployment("cart", "shop", **pod_labels)
    selectors = ("{matchExpressions: [{key: istio.io/rev, operator: In, values: [stable]}]}", "{}")
    mesh = mesh_of(text + webhooks("istio-sidecar-injector", selectors), complete=True)
    obstacle = mesh.injection_obstacle(named(mesh, "cart"))

    assert obstacle is not None
    assert expected in obstacle.message
