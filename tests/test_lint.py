"""One whole run: from paths to findings."""

from pathlib import Path

from meshlint.lint import Options, lint

AMBIENT, SIDECARS = "istio.io/dataplane-mode: ambient", "istio-injection: enabled"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/proxyCPU: 100m
      labels:
        app: cart
    spec:
      containers:
        - name: cart
"""


def kustomization(directory: Path, *resources: str) -> None:
    """A kustomization that puts its resources into a namespace called as its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    text = f"kind: Kustomization\nnamespace: {directory.name}\nresources: [{', '.join(resources)}]\n"
    (directory / "kustomization.yaml").write_text(text)


def overlay(directory: Path, label: str) -> None:
    """An overlay of the base beside it, with a Namespace of its own."""
    kustomization(directory, "../base", "namespace.yaml")
    namespace = (
        f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {directory.name}, labels: {{{label}}}}}}}"
    )
    (directory / "namespace.yaml").write_text(namespace)


def is_safe(root: Path) -> bool:
    """Whether the one fix of a run is safe."""
    [finding] = lint(Options(paths=[str(root)], select=["sidecar-only-annotation"])).findings
    assert finding.fix is not None
    return finding.fix.safe


def test_a_fix_is_safe_only_if_it_is_so_in_every_set_that_holds_the_text(tmp_path):
    """
    What does nothing in the ambient overlay of a base is needed in the overlay with sidecars.
    """
    kustomization(tmp_path / "base", "deployment.yaml")
    (tmp_path / "base" / "deployment.yaml").write_text(DEPLOYMENT)
    overlay(tmp_path / "dev", AMBIENT)
    overlay(tmp_path / "stage", AMBIENT)

    assert is_safe(tmp_path)

    overlay(tmp_path / "prod", SIDECARS)

    assert not is_safe(tmp_path)


def test_a_fix_is_not_safe_where_a_patch_was_not_applied(tmp_path):
    """
    A patch may ask for the sidecar that the text itself does not have.
    """
    kustomization(tmp_path / "base", "deployment.yaml")
    (tmp_path / "base" / "deployment.yaml").write_text(DEPLOYMENT)
    overlay(tmp_path / "dev", AMBIENT)
    with (tmp_path / "dev" / "kustomization.yaml").open("a") as file:
        file.write("patches: [{path: patch.yaml}]\n")
    patch = "spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'true'}}}}"
    (tmp_path / "dev" / "patch.yaml").write_text(
        f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: cart}}, {patch}}}"
    )

    assert not is_safe(tmp_path)
