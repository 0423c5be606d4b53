"""Whether sidecars listen for HBONE."""

import pytest

from manifests import deployment, mesh_of, named, namespace

PODS = namespace("bank", injection="enabled") + deployment("cart", "bank")
SWITCH = "ISTIO_META_ENABLE_HBONE"


def mesh_config(value: str = "") -> str:
    """A rendered MeshConfig."""
    metadata = f"{{proxyMetadata: {{{SWITCH}: {value}}}}}" if value else "{}"
    return (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n"
        f"data:\n  mesh: |\n    defaultConfig: {metadata}\n"
    )


def proxy_config(where: str, value: str, selector: str = "") -> str:
    """A ProxyConfig with the switch."""
    selected = f"  selector: {{matchLabels: {selector}}}\n" if selector else ""
    return (
        f"---\napiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\n"
        f"metadata: {{name: p, namespace: {where}}}\nspec:\n{selected}"
        f"  environmentVariables: {{{SWITCH}: {value}}}\n"
    )


def annotated(text: str) -> str:
    """The pods with a `proxy.istio.io/config` of their own."""
    annotation = f"      annotations: {{proxy.istio.io/config: '{text}'}}\n      labels:"
    return PODS.replace("      labels:", annotation)


ON, OFF = "'true'", "'false'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PODS, None),
        (PODS + mesh_config(), False),
        (PODS + mesh_config(ON), True),
        (PODS + mesh_config() + proxy_config("bank", ON), True),
        (PODS + mesh_config(ON) + proxy_config("bank", OFF), False),
        (PODS + mesh_config() + proxy_config("istio-system", ON), True),
        (PODS + mesh_config() + proxy_config("other", ON), False),
        (PODS + mesh_config() + proxy_config("bank", ON, "{app: cart}"), True),
        (PODS + mesh_config() + proxy_config("bank", ON, "{app: till}"), False),
        (PODS + mesh_config() + proxy_config("istio-system", ON, "{app: cart}"), False),
        (PODS + proxy_config("bank", OFF) + proxy_config("bank", ON, "{app: cart}"), True),
        (annotated(f'proxyMetadata: {{{SWITCH}: "true"}}') + mesh_config(), True),
        (annotated(f'proxyMetadata: {{{SWITCH}: "1"}}') + mesh_config(ON), False),
        (annotated("concurrency: 2") + mesh_config(ON), True),
        (annotated("[") + mesh_config(ON), True),
    ],
)
def test_the_most_specific_setting_decides(text, expected):
    """
    The pods' annotation, a ProxyConfig for them, their namespace or the mesh, then MeshConfig.
    """
    mesh = mesh_of(text)

    assert expected is mesh.hears_hbone(named(mesh, "cart", "Deployment")).value
