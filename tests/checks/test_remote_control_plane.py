"""Which lines of several files `remote-control-plane` takes for one installation."""

import pytest

from meshlint.checking.catalog import load_catalog
from meshlint.lint import Options, lint

ISTIO_OPERATOR = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {profile: remote}\n"
SAIL = "apiVersion: sailoperator.io/v1\nkind: Istio\nmetadata: {name: west}\nspec: {profile: remote}\n"
RENDERED = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ztunnel, namespace: istio-system}
spec: {template: {metadata: {labels: {app: ztunnel}}, spec: {containers: []}}}
"""
SAIL_ZTUNNEL = "apiVersion: sailoperator.io/v1\nkind: ZTunnel\nmetadata: {name: default}\nspec: {}\n"


@pytest.mark.parametrize(
    ("remote", "ambient", "expected"),
    [(ISTIO_OPERATOR, RENDERED, []), (SAIL, SAIL_ZTUNNEL, ["warning"]), (SAIL, RENDERED, ["warning"])],
)
def test_an_istio_operator_has_no_part_in_what_is_rendered_in_a_file_aside(
    tmp_path, remote, ambient, expected
):
    """
    An IstioOperator installs ztunnel itself; Sail's `Istio` has it installed by another object.
    """
    (tmp_path / "remote.yaml").write_text(remote)
    (tmp_path / "ztunnel.yaml").write_text(ambient)
    found = lint(Options(paths=[str(tmp_path)], select=["remote-control-plane"]), load_catalog()).findings

    assert expected == [finding.severity.value for finding in found]
