"""MeshConfig, wherever it is written."""

from textwrap import indent

import pytest

from manifests import mesh_of

VALUES = """---
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec:
  values:
"""


def config_map(mesh: str, name: str = "istio") -> str:
    """The ConfigMap that istiod reads."""
    head = f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n"
    return f"{head}data:\n  mesh: |\n{indent(mesh, '    ')}\n"


def operator(mesh: str) -> str:
    """An IstioOperator with MeshConfig."""
    head = "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: io}\nspec:\n"
    return f"{head}  meshConfig:\n{indent(mesh, '    ')}\n"


def sail(mesh: str) -> str:
    """Chart values with MeshConfig."""
    return f"{VALUES}    meshConfig:\n{indent(mesh, '      ')}\n"


def test_without_any_source_it_is_istios_default():
    """
    A value that no manifest sets has Istio's default, and no cause.
    """
    config = mesh_of("").mesh_config

    assert ("istio-system", ()) == config.root_namespace
    assert ("cluster.local", ()) == config.trust_domain
    assert None is config.discovery_selectors
    assert (None, ()) == config.hbone_enabled
    assert "ALLOW_ANY" == config.outbound_policy.value
    assert None is config.service_entry_visibility


@pytest.mark.parametrize("source", [config_map, operator, sail])
def test_each_source_is_read(source):
    """
    ConfigMap, IstioOperator and chart values hold the same MeshConfig, each with its lines.
    """
    text = "rootNamespace: mesh-root\ntrustDomain: example.org\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}"
    config = mesh_of(source(text)).mesh_config

    assert "mesh-root" == config.root_namespace.value
    assert "example.org" == config.trust_domain.value
    assert "REGISTRY_ONLY" == config.outbound_policy.value
    assert config.root_namespace.because


def test_the_config_map_comes_first_and_speaks_alone():
    """
    What a chart has rendered is complete; an IstioOperator beats chart values.
    """
    values = sail("rootNamespace: third\ntrustDomain: third")
    mid = operator("rootNamespace: second")

    assert "second" == mesh_of(values + mid).mesh_config.root_namespace.value
    assert "third" == mesh_of(values + mid).mesh_config.trust_domain.value
    rendered = mesh_of(values + mid + config_map("rootNamespace: first")).mesh_config
    assert ("first", "cluster.local") == (rendered.root_namespace.value, rendered.trust_domain.value)


def test_the_default_revisions_config_map_comes_before_others():
    """
    Of several control planes the one without a revision speaks.
    """
    text = config_map("rootNamespace: canary", "istio-1-31") + config_map("rootNamespace: stable")

    assert "stable" == mesh_of(text).mesh_config.root_namespace.value
    assert (
        "istio-system" == mesh_of(config_map("rootNamespace: no", "istiod")).mesh_config.root_namespace.value
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (config_map("defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: 'true'}}"), True),
        (config_map("defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: 'false'}}"), False),
        (config_map("defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: 'True'}}"), False),
        (config_map("trustDomain: td"), False),
        (config_map("trustDomain: td") + config_map("trustDomain: td", "istio-canary"), False),
        (
            config_map("trustDomain: td")
            + config_map("defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: 'true'}}", "istio-canary"),
            None,
        ),
        (operator("defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: true}}"), True),
        (VALUES + "    profile: ambient\n", True),
        (VALUES + "    profile: default\n", None),
        ("", None),
    ],
)
def test_whether_sidecars_listen_for_hbone(text, expected):
    """
    The profile switches it on; a rendered MeshConfig without it has it off.
    """
    assert expected is mesh_of(text).mesh_config.hbone_enabled.value


def test_discovery_selectors_bind_by_labels_and_by_name():
    """
    The API server's own label of a namespace's name can be selected.
    """
    text = config_map(
        "discoverySelectors:\n- matchLabels: {mesh: 'on'}\n"
        "- matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [shop]}]"
    )
    selectors = mesh_of(text).mesh_config.discovery_selectors

    assert selectors is not None
    assert [True, False] == [selector.matches({"mesh": "on"}) for selector in selectors.value]
    assert None is mesh_of(config_map("discoverySelectors: []")).mesh_config.discovery_selectors


def test_the_visibility_of_service_entries_is_that_of_the_first_policy_that_matches():
    """
    All rules of a policy must match; a policy without rules is for everything; a foreign rule for nothing.
    """
    text = config_map(
        "serviceEntryVisibility:\n  defaultVisibility: NAMESPACE\n  policies:\n"
        "  - {visibility: NONE, matchingRules: [{somethingNew: {}}]}\n"
        "  - {visibility: PUBLIC, matchingRules: [{namespaceSelector: {matchLabels: {team: a}}}]}"
    )
    rule = mesh_of(text).mesh_config.service_entry_visibility

    assert rule is not None
    assert ["PUBLIC", "NAMESPACE"] == [rule.of({"team": "a"}), rule.of({})]
    assert not rule.is_uniform
