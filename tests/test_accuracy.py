"""Healthy meshes stay silent, faults are found, and docs/accuracy.md says how it really is."""

import re

import pytest

from accuracy.measure import PAGE, failures, measure, rows
from accuracy.mesh import read_corpus
from accuracy.mutation import all_mutations
from meshlint.source.renderer import find_program

CORPUS = read_corpus()
MUTATIONS = all_mutations()


@pytest.mark.slow
@pytest.mark.parametrize("mesh", CORPUS, ids=lambda mesh: mesh.name)
def test_a_healthy_mesh_is_silent_and_its_faults_are_found(mesh):
    """
    Nothing at warning or above is said of a healthy mesh; what is missed in it is named on the page.
    """
    if mesh.has_kustomizations() and not (find_program("kustomize") or find_program("kubectl")):
        pytest.skip("nothing builds kustomizations here")
    measured = measure(mesh, MUTATIONS)
    page = PAGE.read_text(encoding="utf-8").splitlines()
    named = [line for line in page if re.match(rf"- `[a-z0-9-]+` in {re.escape(mesh.name)},", line)]

    assert () == measured.silence.alarms
    assert rows(measured)[0] in page, "run `make accuracy`"
    assert named == failures(measured), "run `make accuracy`"


def test_every_mesh_has_its_row():
    """
    The page tells of the meshes that are there, and of no others.
    """
    page = PAGE.read_text(encoding="utf-8").partition("## Healthy meshes")[2]

    assert [mesh.name for mesh in CORPUS] == re.findall(r"^\| ([a-z0-9-]+) \| \d", page, re.MULTILINE)
