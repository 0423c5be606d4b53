"""Reporting on some files only: the whole set is read, and what has to do with the files is said."""

import pytest

from meshlint.cli import run

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio.io/use-waypoint: waypont
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: waypoint
  namespace: shop
spec:
  gatewayClassName: istio-waypoint
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""
OTHER = NAMESPACE.replace("shop", "other").replace("waypont", "true")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("namespace", NAMESPACE), ("gateway", GATEWAY), ("other", OTHER)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize("named", ["namespace.yaml", "gateway.yaml", "./gateway.yaml", "{here}/gateway.yaml"])
def test_a_finding_is_kept_for_its_place_and_for_its_related_places(here, capsys, named):
    """
    Who changes the Gateway learns of the label that names it wrongly; others' faults stay out of it.
    """
    assert 1 == run(["check", "--only-files", named.format(here=here), "--format", "concise"])

    said = capsys.readouterr().out
    assert "namespace.yaml:7:5: error[dangling-waypoint]" in said
    assert "other.yaml" not in said
    assert "1 finding in other files not shown." in said


def test_the_exit_code_is_that_of_what_is_shown(here, capsys):
    """
    Faults in other files do not fail a change that has nothing to do with them.
    """
    (here / "healthy.yaml").write_text(GATEWAY.replace("waypoint", "spare", 1))

    assert 0 == run(["check", "--only-files", "healthy.yaml", "--ignore", "unused-waypoint"])


def test_a_file_that_is_not_there_is_said(here, capsys):
    """
    A list of changed files may hold deleted ones; a slip in a name would hide everything.
    """
    assert 0 == run(["check", "--only-files", "gone.yaml"])
    assert "not there, so nothing is said about it: 'gone.yaml'" in capsys.readouterr().err


def test_no_files_are_no_findings(here, capsys):
    """
    A change of no manifest has nothing to be told.
    """
    assert 0 == run(["check", "--only-files"])
