"""Which object installs which component of Istio, and which of them belong together."""

import pytest

from installations import cni, custom, istiod, release
from manifests import graph_of, mesh_of, resources
from meshlint.graph.build import build_graph
from meshlint.graph.scope import Told, closed_scopes, neighbours
from meshlint.mesh.installation.parts import Component
from meshlint.mesh.mesh import Mesh
from meshlint.model.version import IstioVersion

ZTUNNEL = (
    "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: ztunnel, namespace: kube-system}\n"
    "spec:\n  template: {metadata: {labels: {app: ztunnel}}, "
    "spec: {serviceAccountName: ztunnel, containers: [{name: istio-proxy}]}}\n"
)
AGENT = (
    "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: istio-cni-node, namespace: kube-system}\n"
    "spec:\n  template: {metadata: {labels: {k8s-app: istio-cni-node}}, spec: {containers: []}}\n"
)
ALL = ["istiod", "istio-cni", "ztunnel"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (istiod(), ["istiod"]),
        (cni() + AGENT, ["istio-cni"]),
        (AGENT, ["istio-cni"]),
        (ZTUNNEL, ["ztunnel"]),
        (release("ambient"), ALL),
        (release("base"), []),
        (release("cni"), ["istio-cni"]),
        (custom("Istio", "{}"), ["istiod"]),
        (custom("Istio", "{profile: remote}"), []),
        (custom("IstioOperator", "{}"), ["istiod"]),
        (custom("IstioOperator", "{profile: ambient}"), ALL),
        (custom("IstioOperator", "{profile: openshift}"), ["istiod", "istio-cni"]),
        (custom("IstioOperator", "{profile: empty}"), []),
        (custom("IstioOperator", "{profile: empty, components: {cni: {enabled: true}}}"), ["istio-cni"]),
        (custom("IstioOperator", "{components: {ztunnel: {namespace: a}}}"), ["istiod", "ztunnel"]),
        (
            custom("IstioOperator", "{profile: ambient, components: {cni: {enabled: false}}}"),
            ["istiod", "ztunnel"],
        ),
        (custom("ZTunnel", "{}").replace("{name: default}", "{}"), []),
    ],
)
def test_what_an_object_installs(text, expected):
    """
    Rendered objects, charts, and operators with their profiles; an object of Sail needs a name.
    """
    assert expected == [part.component.value for part in mesh_of(text).parts]


def test_a_profile_that_is_no_text_is_none():
    """
    What is no text is read as nothing, wherever a profile may stand.
    """
    text = custom("IstioOperator", "{profile: [a], values: {profile: {}, global: {profile: [b]}}}")

    assert None is mesh_of(text).istiod_ambient.value
    assert () == mesh_of(text).ambient_installation


def of_sets(*sets: str) -> Mesh:
    """The mesh of the first set of a run."""
    decoded = [resources(text) for text in sets]
    told = [Told(one) for one in decoded]
    scopes = closed_scopes(decoded[0], (), neighbours=neighbours(told)[0])
    return Mesh(build_graph(decoded[0], scopes), IstioVersion.parse("1.31"))


@pytest.mark.parametrize(
    ("sets", "found", "certain", "missing"),
    [
        ([release("istiod") + release("cni")], 1, True, False),
        ([release("istiod")], 0, False, True),
        ([release("istiod") + release("istio-x").replace("chart: istio-x", "chart: x")], 0, False, False),
        ([custom("IstioOperator", "{profile: ambient}") + release("cni")], 1, True, False),
        ([custom("IstioOperator", "{profile: default}") + release("cni")], 0, False, False),
        ([release("istiod"), release("cni")], 1, False, False),
        ([release("istiod"), release("cni"), cni()], 0, False, False),
        ([release("istiod"), release("cni") + release("istiod")], 0, False, False),
    ],
)
def test_what_is_installed_together(sets, found, certain, missing):
    """
    What is in one file is of one cluster; over several sets, only what can be meant by nothing else.
    """
    mesh = of_sets(*sets)
    beside = mesh.companions(mesh.parts[0], Component.CNI)

    assert (found, certain, missing) == (len(beside.parts), beside.is_certain, beside.is_missing)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        (istiod(CA_TRUSTED_NODE_ACCOUNTS="a/b,c/d,e"), "1.31", {("a", "b"), ("c", "d")}),
        (istiod(), "1.31", set()),
        (istiod(CA_TRUSTED_NODE_ACCOUNTS="${ACCOUNTS}"), "1.31", None),
        (istiod(ENABLE_CA_SERVER="false"), "1.31", None),
        (release("istiod"), "1.31", {("flux-system", "ztunnel")}),
        (release("istiod"), "1.22", None),
        (release("istiod", "{global: {platform: openshift}}"), "1.31", {("kube-system", "ztunnel")}),
        (release("istiod", "{trustedZtunnelNamespace: a, trustedZtunnelName: z}"), "1.31", {("a", "z")}),
        (
            release("istiod", "{trustedZtunnelNamespace: a, trustedZtunnelName: z}"),
            "1.24",
            {("a", "ztunnel")},
        ),
        (release("istiod", "{env: {CA_TRUSTED_NODE_ACCOUNTS: a/b}}"), "1.31", {("a", "b")}),
        (release("istiod", "{global: {caAddress: csr:443}}"), "1.31", None),
        (custom("Istio", "{}"), "1.31", {("istio-system", "ztunnel"), ("kube-system", "ztunnel")}),
        (custom("Istio", "{values: {pilot: {trustedZtunnelNamespace: z}}}"), "1.31", {("z", "ztunnel")}),
    ],
)
def test_whom_istiod_trusts(text, version, expected):
    """
    What it is given, else its own namespace, or that of the platform; nobody, if it is rendered without.
    """
    mesh = mesh_of(text, version)

    assert expected == mesh.trusted_by(mesh.parts[0]).value


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        (ZTUNNEL, "1.31", ("kube-system", "ztunnel")),
        (ZTUNNEL.replace("serviceAccountName: ztunnel, ", ""), "1.31", None),
        (ZTUNNEL.replace("{name: istio-proxy}", "{env: [{name: CA_ADDRESS, value: csr:443}]}"), "1.31", None),
        (release("ztunnel"), "1.31", ("flux-system", "ztunnel")),
        (release("ztunnel", "{resourceName: z}"), "1.31", ("flux-system", "z")),
        (release("ztunnel", "{resourceName: z}"), "1.24", ("flux-system", "ztunnel")),
        (release("ztunnel", "{caAddress: csr:443}"), "1.31", None),
        (custom("ZTunnel", "{}"), "1.31", ("ztunnel", "ztunnel")),
        (custom("ZTunnel", "{namespace: a, values: {ztunnel: {resourceName: z}}}"), "1.31", ("a", "z")),
    ],
)
def test_as_whom_ztunnel_asks(text, version, expected):
    """
    Its service account, in the namespace that it is installed in, if it asks istiod at all.
    """
    mesh = mesh_of(text, version)

    assert expected == mesh.runs_as(mesh.parts[0]).value


def test_of_what_a_patch_changes_nothing_is_known():
    """
    An object that a kustomization changes may be told anything.
    """
    graph = graph_of(istiod())
    graph.altered = {graph.resources[0].manifest: graph.resources[0].at()}

    assert None is Mesh(graph, IstioVersion.parse("1.31")).istiod_ambient.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (release("istiod", "{gobal: {}}"), [("gobal", "global")]),
        (release("istiod", "{pilot: {evn: {}}}"), [("pilot.evn", "pilot.env")]),
        (release("istiod", "{foo: {}, global: {gobal: {}}}"), []),
        (release("ambient", "{ztunnel: {ztunnel: {}}}"), [("ztunnel.ztunnel", "the top")]),
        (release("gateway", "{values: {labels: {}}}"), [("values", "the top")]),
        (custom("IstioOperator", "{pilot: {}}"), [("spec.pilot", "spec.components.pilot")]),
        (custom("IstioOperator", "{global: {}}"), [("spec.global", "spec.values.global")]),
        (custom("IstioOperator", "{values: {gobal: {}}}"), [("spec.values.gobal", "spec.values.global")]),
        (custom("ZTunnel", "{values: {env: {}}}"), [("spec.values.env", "spec.values.ztunnel.env")]),
        (custom("Istio", "{values: {env: {}}}"), [("spec.values.env", "spec.values.pilot.env")]),
    ],
)
def test_values_that_nothing_reads(text, expected):
    """
    A slip, or a value in the wrong place; what is merely unknown is left alone.
    """
    mesh = mesh_of(text)
    found = mesh.misplaced_values(mesh.graph.resources[0])

    assert expected == [(value.written, value.meant) for value in found]


@pytest.mark.parametrize(
    ("text", "version", "platforms", "profiles"),
    [
        (release("cni", "{profile: default, platform: eks}"), "1.31", ["eks"], ["default"]),
        (release("cni", "{platform: gke}"), "1.24", ["gke"], []),
        (release("cni", "{platform: eks}"), "1.23", [], []),
        (release("cni", "{profile: openshift-ambient}"), "1.23", [], []),
        (release("cni", "{profile: openshift-ambient}"), "1.31", [], ["openshift-ambient"]),
        (release("ambient", "{istiod: {global: {platform: aks}}}"), "1.31", ["aks"], []),
        (custom("IstioOperator", "{profile: minimal}"), "1.31", [], []),
        (custom("IstioOperator", "{profile: minimum}"), "1.31", [], ["minimum"]),
        (custom("IstioOperator", "{profile: ours.yaml}"), "1.31", [], []),
    ],
)
def test_choices_at_which_installing_fails(text, version, platforms, profiles):
    """
    Charts have profiles, and from 1.24 platforms; istioctl has more profiles, and takes files.
    """
    mesh = mesh_of(text, version)
    [resource] = mesh.graph.resources

    assert platforms == [found.value for found in mesh.refused_platforms(resource)]
    assert profiles == [found.value for found in mesh.refused_profiles(resource)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PILOT_ENABLE_HBONE": "true"}, ["PILOT_ENABLE_HBONE"]),
        ({"PILOT_ENABLE_SENDING_HBONE": "true"}, ["PILOT_ENABLE_SENDING_HBONE"]),
        ({"PILOT_ENABLE_SENDING_HBONE": "false"}, []),
        ({"PILOT_ENABLE_SENDING_HBONE": "true", "PILOT_ENABLE_AMBIENT": "true"}, []),
    ],
)
def test_switches_that_istiod_does_not_heed(environment, expected):
    """
    Those that are gone, and without ambient mode those that belong to it.
    """
    mesh = mesh_of(istiod(**environment))

    assert expected == [name for name, _ in mesh.dead_switches(mesh.parts[0])]
