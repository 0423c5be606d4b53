"""Short ways to meshes for tests: YAML in, graph and mesh out."""

from textwrap import dedent

from meshlint.graph.build import build_graph
from meshlint.graph.graph import ResourceGraph
from meshlint.graph.scope import closed_scopes
from meshlint.mesh.mesh import Mesh
from meshlint.model.decode import decode
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.source.reading import Reading, read_text

TWO_MODES = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio-injection: enabled
"""
"""A namespace in ambient mode into which sidecars are injected: `dual-mode-namespace`."""

MISSPELT_MODE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: Ambient
"""
"""A namespace with a mode that is none: `invalid-dataplane-mode`."""


def reading(text: str, path: str = "test.yaml") -> Reading:
    """Read a text."""
    return read_text(path, dedent(text).encode())


def resources(text: str) -> list[Resource]:
    """Decode the resources of a text."""
    return decode(reading(text).manifests)


def graph_of(text: str, *, complete: bool = False) -> ResourceGraph:
    """Link the resources of a text."""
    read = reading(text)
    decoded = decode(read.manifests)
    return build_graph(decoded, closed_scopes(decoded, read.unread, complete=complete))


def mesh_of(text: str, version: str = "1.31", *, complete: bool = False) -> Mesh:
    """Make the mesh of a text."""
    return Mesh(graph_of(text, complete=complete), IstioVersion.parse(version))


def named(mesh: Mesh, name: str, kind: str | None = None) -> Resource:
    """The one resource of a name."""
    [found] = [r for r in mesh.graph.resources if r.name == name and kind in (None, r.kind.name)]
    return found


def namespace(name: str, **labels: str) -> str:
    """A Namespace document; `_` in a label's name stands for `istio.io/` and `-`."""
    lines = "".join(f"\n    {key}: {value!r}" for key, value in labels_of(labels).items())
    return f"---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{}}\n".replace(
        " {}\n", f"{lines}\n" if lines else " {}\n"
    )


def labels_of(words: dict[str, str]) -> dict[str, str]:
    """Label keys from Python words: `use_waypoint` is `istio.io/use-waypoint`."""
    special = {"injection": "istio-injection", "inject": "sidecar.istio.io/inject"}
    return {special.get(word, "istio.io/" + word.replace("_", "-")): value for word, value in words.items()}


def deployment(name: str, namespace: str | None = None, *, spec: str = "", **labels: str) -> str:
    """A Deployment document, with labels of its pods."""
    lines = "".join(f"\n        {key}: {value!r}" for key, value in labels_of(labels).items())
    where = f"\n  namespace: {namespace}" if namespace else ""
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}{where}\n"
        f"spec:\n  template:\n    metadata:\n      labels:\n        app: {name}{lines}\n    spec:\n"
        f"      {spec or 'containers: []'}\n"
    )


def service(name: str, namespace: str | None = None, *, spec: str = "", **labels: str) -> str:
    """A Service document."""
    lines = "".join(f"\n    {key}: {value!r}" for key, value in labels_of(labels).items())
    where = f"\n  namespace: {namespace}" if namespace else ""
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}{where}\n"
        f"  labels:\n    app: {name}{lines}\nspec:\n  {spec or 'ports: []'}\n"
    )


def gateway(
    name: str,
    namespace: str | None = None,
    *,
    class_name: str = "istio-waypoint",
    routes: str = "",
    **labels: str,
) -> str:
    """A Gateway document with an HBONE listener; `routes` is its `allowedRoutes.namespaces` in flow style."""
    lines = "".join(f"\n    {key}: {value!r}" for key, value in labels_of(labels).items())
    where = f"\n  namespace: {namespace}" if namespace else ""
    allowed = f"\n    allowedRoutes:\n      namespaces: {routes}" if routes else ""
    return (
        f"---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: {name}{where}\n"
        f"  labels:\n    app: {name}{lines}\nspec:\n  gatewayClassName: {class_name}\n  listeners:\n"
        f"  - name: mesh\n    port: 15008\n    protocol: HBONE{allowed}\n"
    )
