"""What each cluster applies, as Flux and Argo CD say it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from meshlint.graph.entries import entry_points
from meshlint.source import applying, clusters, substitution
from meshlint.source.decision import Deciding, Decision, NamedSet
from meshlint.source.document import Manifest
from meshlint.source.input import read_input
from meshlint.source.renderer import find_program
from meshlint.source.sets import ManifestSet

kustomize = pytest.mark.skipif(
    not (find_program("kustomize") or find_program("kubectl")), reason="neither kustomize nor kubectl is here"
)


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.delenv("PRE_COMMIT", raising=False)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def obj(path: str, name: str, kind: str = "Service", metadata: str = "", more: str = "") -> None:
    """Write a file with one object, or add it to one."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    before = Path(path).read_text() + "---\n" if Path(path).exists() else ""
    within = f", {metadata}" if metadata else ""
    Path(path).write_text(
        f"{before}apiVersion: v1\nkind: {kind}\nmetadata: {{name: '{name}'{within}}}\n{more}\n"
    )


def flux(path: str, name: str, spec: str, namespace: str = "flux-system") -> None:
    """Write a Flux Kustomization, its spec in a line of its own."""
    write(
        path,
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n",
    )


def application(path: str, name: str, spec: str) -> None:
    write(
        path,
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        f"metadata: {{name: {name}, namespace: argocd}}\nspec: {{{spec}}}\n",
    )


def sets(*paths: str, render: bool = True, named: tuple[NamedSet, ...] = ()) -> dict[str, ManifestSet]:
    """The sets of some paths by name; no name may be there twice."""
    found = read_input(paths or ["."], render=render, deciding=Deciding(entry_points, named)).sets
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def names(one: ManifestSet) -> list[str]:
    """The objects of a set that are not delivering themselves."""
    return sorted(
        "/".join(filter(None, (it.value("metadata", "namespace"), str(it.value("metadata", "name")))))
        for it in one.manifests
        if it.value("kind") not in ("Kustomization", "Application", "ApplicationSet")
    )


def only(one: ManifestSet, name: str) -> Manifest:
    kinds = ("Kustomization", "Application")
    alike = (it for it in one.manifests if it.value("metadata", "name") == name)
    [found] = [it for it in alike if it.value("kind") not in kinds]
    return found


def place(manifest: Manifest, *path: str | int) -> str:
    """Where a field stands: file, line, and what is written there."""
    at = manifest.at(*path)
    return f"{at.file.path}:{at.span.start_line}: {at.file.text[slice(*at.offsets)]}"


def test_what_flux_applies_is_one_set_and_its_namespaces_stand_in_flux() -> None:
    """
    Directories that one cluster applies are together; a target namespace overrides what objects say.
    """
    flux("flux/a.yaml", "a", "path: ./apps/a, targetNamespace: shop")
    flux("flux/b.yaml", "b", "path: apps/b/")
    write("apps/a/kustomization.yaml", "resources: [a.yaml]\n")
    obj("apps/a/a.yaml", "a", metadata="namespace: other")
    obj("apps/b/deep/b.yaml", "b")

    [one] = sets().values()

    assert ("flux", Decision.FLUX, True, True) == (one.name, one.decision, one.rendered, one.explicit)
    assert ["b", "shop/a"] == names(one)
    assert "flux/a.yaml:4: targetNamespace: shop" == place(only(one, "a"), "metadata", "namespace")
    assert "apps/a/a.yaml:3: name: 'a'" == place(only(one, "a"), "metadata", "name")


def test_paths_start_from_the_top_of_the_repository() -> None:
    """
    A directory argument within a repository finds paths from the top of the repository.
    """
    flux("deploy/flux/a.yaml", "a", "path: ./deploy/apps, targetNamespace: shop")
    obj("deploy/apps/a.yaml", "a")

    assert ["shop/a"] == names(sets("deploy")["deploy/flux"])


def test_a_cluster_that_applies_its_own_directory_is_one_set() -> None:
    """
    What `flux bootstrap` makes points to the directory that it is in: nothing is there twice.
    """
    flux("clusters/prod/flux-system/sync.yaml", "flux-system", "path: ./clusters/prod")
    write("clusters/prod/flux-system/kustomization.yaml", "resources: [sync.yaml, more.yaml]\n")
    obj("clusters/prod/flux-system/more.yaml", "more")
    flux("clusters/prod/apps.yaml", "apps", "path: ./apps")
    obj("apps/a.yaml", "a")

    [one] = sets().values()

    assert ("clusters/prod", ["a", "more"]) == (one.name, names(one))


@pytest.mark.parametrize("root", [True, False])
def test_directories_that_apply_each_other_are_one_beginning(root: bool) -> None:
    """
    Of a cycle nothing comes first; what leads into it does.
    """
    flux("one/ks.yaml", "two", "path: ./two")
    flux("two/ks.yaml", "one", "path: ./one, targetNamespace: shop")
    obj("one/a.yaml", "a")
    if root:
        flux("zero/ks.yaml", "two", "path: ./two")

    [found] = sets().values()

    assert ("zero" if root else "one", ["shop/a"]) == (found.name, names(found))


def test_clusters_stay_apart_and_what_is_below_one_is_united() -> None:
    """
    What is below `clusters/dev/` is one cluster, although nothing of it leads to all of it.
    """
    for stage in ("dev", "prod"):
        for part in ("apps", "config"):
            write(f"clusters/{stage}/{part}/kustomization.yaml", "resources: [it.yaml]\n")
        flux(f"clusters/{stage}/apps/it.yaml", "app", f"path: ./app, targetNamespace: {stage}")
        obj(f"clusters/{stage}/config/it.yaml", f"settings-{stage}")
    obj("app/a.yaml", "a")

    found = sets()

    assert {
        "clusters/dev": ["dev/a", "settings-dev"],
        "clusters/prod": ["prod/a", "settings-prod"],
    } == {name: names(one) for name, one in found.items()}


def test_a_cluster_with_a_kustomization_says_itself_what_belongs_to_it() -> None:
    """
    What the kustomization of `clusters/dev/` leaves out is not applied.
    """
    write("clusters/dev/kustomization.yaml", "resources: [app.yaml]\n")
    flux("clusters/dev/app.yaml", "app", "path: ./app")
    obj("app/a.yaml", "a")
    write("clusters/dev/unused/kustomization.yaml", "resources: [b.yaml]\n")
    obj("clusters/dev/unused/b.yaml", "b")

    assert {"clusters/dev": ["a"], "clusters/dev/unused": ["b"]} == {
        name: names(one) for name, one in sets().items()
    }


def test_without_a_kustomization_flux_takes_all_files_and_the_kustomizations_below() -> None:
    """
    Below a directory with a kustomization, that alone says what is applied.
    """
    flux("flux/a.yaml", "a", "path: ./apps, targetNamespace: shop")
    obj("apps/a.yaml", "a")
    obj("apps/plain/b.yaml", "b")
    write("apps/chosen/kustomization.yaml", "resources: [c.yaml]\n")
    obj("apps/chosen/c.yaml", "c")
    obj("apps/chosen/left-out.yaml", "d")
    write("apps/part/kustomization.yaml", "kind: Component\nresources: [e.yaml]\n")
    obj("apps/part/e.yaml", "e")

    assert {"flux": ["shop/a", "shop/b", "shop/c"], ".": ["d"]} == {
        name: names(one) for name, one in sets().items()
    }


def test_a_path_that_is_not_there_is_beyond() -> None:
    """
    What Flux applies from elsewhere may be anything in the namespace that it goes to.
    """
    flux("flux/a.yaml", "a", "path: ./nowhere, targetNamespace: shop")
    flux("flux/b.yaml", "b", "path: ./apps, targetNamespace: shop")
    obj("apps/a.yaml", "a")

    assert {"shop"} == sets()["flux"].beyond


@kustomize
def test_a_parent_changes_what_its_children_do() -> None:
    """
    A namespace that a kustomization patches into Flux Kustomizations is theirs, at the line of the patch.
    """
    flux("flux/apps.yaml", "apps", "path: ./apps")
    write(
        "apps/kustomization.yaml",
        "resources: [ks.yaml]\npatches:\n  - target: {kind: Kustomization}\n    patch: |-\n"
        "      - op: add\n        path: /spec/targetNamespace\n        value: shop\n",
    )
    flux("apps/ks.yaml", "a", "path: ./a")
    obj("a/a.yaml", "a")

    one = sets()["flux"]

    assert ["shop/a"] == names(one)
    assert "apps/kustomization.yaml:7: value: shop" == place(only(one, "a"), "metadata", "namespace")


@kustomize
@pytest.mark.parametrize("render", [True, False])
def test_patches_of_flux_are_applied_or_said_to_be_missing(render: bool) -> None:
    """
    What a patch writes stands in the Flux Kustomization; without a build, the object is not as it will be.
    """
    patch = "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {mesh: 'on'}}"
    lines = "".join(f"\n        {line}" for line in patch.splitlines())
    flux("flux/a.yaml", "a", "path: ./apps, targetNamespace: shop")
    write(
        "flux/a.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n"
        f"  path: ./apps\n  targetNamespace: shop\n  patches:\n    - patch: |{lines}\n",
    )
    obj("apps/a.yaml", "a")
    obj("apps/b.yaml", "b")

    one = sets(render=render)["flux"]

    assert ["shop/a", "shop/b"] == names(one)
    if render:
        assert "flux/a.yaml:11: mesh: 'on'" == place(only(one, "a"), "metadata", "labels", "mesh")
        assert (True, ()) == (one.rendered, one.not_built)
    else:
        assert {"a"} == {str(it.value("metadata", "name")) for it in one.altered}
        assert ["nothing was to be rendered"] == [refusal.why for refusal in one.not_built]
        assert {"shop"} == one.beyond


@kustomize
def test_components_and_prefixes_of_flux_are_built() -> None:
    """
    A component is found from the directory that is applied; names get their prefix.
    """
    flux("flux/a.yaml", "a", "path: ./apps/a, components: [../../parts/b], namePrefix: my-")
    write("apps/a/kustomization.yaml", "resources: [a.yaml]\n")
    obj("apps/a/a.yaml", "a")
    write(
        "parts/b/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\n",
    )
    obj("parts/b/b.yaml", "b")

    assert {"flux": ["my-a", "my-b"]} == {name: names(one) for name, one in sets().items()}


def test_common_metadata_goes_into_every_object() -> None:
    """
    Labels of Flux come over those of the object, and stand in Flux; an edit is a person's to make.
    """
    flux("flux/a.yaml", "a", "path: ./apps, commonMetadata: {labels: {mesh: 'on'}}")
    obj("apps/a.yaml", "a", "Namespace", "labels: {mesh: 'off', own: x}")

    made = only(sets(render=False)["flux"], "a")

    assert {"mesh": "on", "own": "x"} == made.value("metadata", "labels")
    assert "flux/a.yaml:4: mesh: 'on'" == place(made, "metadata", "labels", "mesh")
    assert "apps/a.yaml:3: own: x" == place(made, "metadata", "labels", "own")


SUBSTITUTED = [
    ("substitute: {X: one}", "one"),
    ("substitute: {Y: one}", "-"),
    ("substitute: {Y: one}, substituteFrom: [{kind: Secret, name: s}]", "${X:=-}"),
    ("substituteFrom: [{kind: ConfigMap, name: settings}]", "two"),
    ("substituteFrom: [{kind: ConfigMap, name: settings}, {kind: Secret, name: s}]", "two"),
    ("substituteFrom: [{kind: ConfigMap, name: settings}], substitute: {X: one}", "one"),
    ("substituteFrom: [{kind: ConfigMap, name: unknown}]", "${X:=-}"),
]


@pytest.mark.parametrize(("post_build", "expected"), SUBSTITUTED)
def test_variables_are_substituted_as_far_as_they_are_known(post_build: str, expected: str) -> None:
    """
    From the Flux Kustomization and from ConfigMaps of the set, wherever they are; a Secret may hold anything.
    """
    flux("flux/a.yaml", "a", f"path: ./apps, postBuild: {{{post_build}}}")
    flux("flux/b.yaml", "b", "path: ./config")
    obj("config/c.yaml", "settings", "ConfigMap", "namespace: flux-system", "data: {X: two}")
    obj("config/c.yaml", "s", "Secret", "namespace: flux-system", "stringData: {X: secret}")
    obj("apps/a.yaml", "a", metadata="annotations: {note: '${X:=-}'}")

    assert expected == only(sets()["flux"], "a").value("metadata", "annotations", "note")


def test_a_document_that_only_values_make_complete_is_read() -> None:
    """
    A name, a label and a number with variables are checked with their values, at their lines.
    """
    flux("flux/a.yaml", "a", "path: ./apps, postBuild: {substitute: {X: one, N: '80', KEY: istio.io/x}}")
    obj("apps/a.yaml", "${X}", metadata="labels: {'${KEY}': '${X}'}", more="spec: {port: '${N}'}")

    made = only(sets()["flux"], "one")

    assert ({"istio.io/x": "one"}, 80) == (made.value("metadata", "labels"), made.value("spec", "port"))
    assert "apps/a.yaml:3: '${KEY}': '${X}'" == place(made, "metadata", "labels", "istio.io/x")


@kustomize
def test_what_is_built_is_substituted_too() -> None:
    """
    Variables in what kustomize made are filled, or the document is left out with its place.
    """
    flux("flux/a.yaml", "a", "path: ./apps, namePrefix: my-, postBuild: {substitute: {X: one}}")
    obj("apps/a.yaml", "a-${X}")
    flux("flux/b.yaml", "b", "path: ./more, namePrefix: my-")
    obj("more/b.yaml", "b-${X}")

    one = sets()["flux"]

    assert ["my-a-one"] == names(one)
    assert ["more/b.yaml:3"] == [f"{it.at.file.path}:{it.at.span.start_line}" for it in one.unread]


def test_an_object_may_opt_out_of_substitution() -> None:
    """
    As Flux does, by a label or an annotation.
    """
    flux("flux/a.yaml", "a", "path: ./apps, postBuild: {substitute: {X: one}}")
    disabled = "annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled, note: '${X}'}"
    obj("apps/a.yaml", "a", metadata=disabled)

    assert "${X}" == only(sets()["flux"], "a").value("metadata", "annotations", "note")


def test_one_directory_may_be_applied_several_times() -> None:
    """
    Two Flux Kustomizations with other values make two objects of one document.
    """
    for name in ("one", "two"):
        flux(f"flux/{name}.yaml", name, f"path: ./apps, postBuild: {{substitute: {{X: {name}}}}}")
    obj("apps/a.yaml", "a-${X}")

    assert ["a-one", "a-two"] == names(sets()["flux"])


def test_a_hostile_substitution_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An object that values would make larger than all bounds is left as it is.
    """
    monkeypatch.setattr(substitution, "MOST_INSERTED", 1000)
    flux("flux/a.yaml", "a", f"path: ./apps, postBuild: {{substitute: {{X: {'x' * 100}}}}}")
    obj("apps/a.yaml", "a", metadata=f"annotations: {{note: '{'${X}' * 100}'}}")

    assert "${X}" * 100 == only(sets()["flux"], "a").value("metadata", "annotations", "note")


def test_a_cycle_that_feeds_itself_ends() -> None:
    """
    A Flux Kustomization that makes a new one of itself is applied once on its way.
    """
    spec = "path: ./apps, postBuild: {substitute: {X: '${X}x'}}"
    flux("apps/a.yaml", "a", spec)
    flux("flux/a.yaml", "a", "path: ./apps, postBuild: {substitute: {X: x}}")
    obj("apps/b.yaml", "b-${X}")

    assert ["b-x"] == names(sets()["flux"])


def test_what_is_applied_too_often_is_not_applied_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Beyond a limit the namespaces are open, and the first that was left out is shown.
    """
    monkeypatch.setattr(clusters, "_MOST_DELIVERIES", 3)
    for number in range(5):
        flux(f"flux/{number}.yaml", f"a{number}", f"path: ./apps, targetNamespace: n{number}")
    obj("apps/a.yaml", "a")

    one = sets()["flux"]

    assert ["n0/a", "n1/a"] == names(one)
    assert {"n2", "n3", "n4"} == one.beyond
    assert ["flux/2.yaml"] == [refusal.at.file.path for refusal in one.not_built]


@kustomize
@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("components: [../../elsewhere]", "outside of the repository"),
        ("components: ['https://github.com/o/r']", "is remote, and nothing is fetched"),
        ("targetNamespace: '${X}'", "the namespace '${X}' is not known"),
        ("patchesStrategicMerge: [{kind: Service}]", "`patchesStrategicMerge` of Flux is of an old version"),
        ("patches: [{path: ../../secret.yaml, target: {kind: Service}}]", "must specify"),
    ],
)
def test_what_leads_outside_or_cannot_be_told_is_refused(spec: str, why: str) -> None:
    """
    Nothing is built then; the reason is at the line of Flux, and the namespace is open.
    """
    write("../elsewhere/kustomization.yaml", "kind: Component\n")
    write("../secret.yaml", "kind: Service\nmetadata: {name: a, labels: {secret: s}}\n")
    flux("flux/a.yaml", "a", f"path: ./apps, {spec}")
    obj("apps/a.yaml", "a")

    one = sets()["flux"]

    assert [True] == [why in refusal.why for refusal in one.not_built]
    assert ["flux/a.yaml"] == [refusal.at.file.path for refusal in one.not_built]
    assert ({None}, False) == (one.beyond, one.rendered)
    assert ["a"] == names(one)


@pytest.mark.parametrize(
    ("address", "beyond"),
    [
        ("https://github.com/o/r//deploy?ref=v1", {"shop"}),
        ("https://github.com/o/r//config/crd?ref=v1", set()),
        (
            "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml",
            set(),
        ),
    ],
)
def test_definitions_from_elsewhere_open_nothing(address: str, beyond: set[str]) -> None:
    """
    A remote base is told once; only its namespace is open, and none if it holds definitions alone.
    """
    flux("flux/a.yaml", "a", "path: ./apps, targetNamespace: shop")
    write("apps/kustomization.yaml", f"resources: [a.yaml, '{address}']\n")
    obj("apps/a.yaml", "a")

    one = sets()["flux"]

    assert (beyond, True, 1) == (one.beyond, one.rendered, len(one.not_built))


def test_the_namespace_of_a_kustomization_is_where_a_remote_base_goes() -> None:
    """
    Its transformer puts all that it builds into one namespace, whatever a base says.
    """
    flux("flux/a.yaml", "a", "path: ./apps")
    write("apps/kustomization.yaml", "namespace: shop\nresources: [a.yaml, 'https://github.com/o/r']\n")
    obj("apps/a.yaml", "a")

    assert {"shop"} == sets()["flux"].beyond


def test_a_chart_is_no_directory_of_manifests() -> None:
    """
    A path that leads to a chart is not applied as it is, and what it makes is not known.
    """
    flux("flux/a.yaml", "a", "path: ./chart, targetNamespace: shop")
    write("chart/Chart.yaml", "apiVersion: v2\nkind: x\nname: chart\n")
    obj("chart/a.yaml", "a")

    assert {"shop"} == sets()["flux"].beyond


@kustomize
def test_reading_and_building_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is read because it only puts files together is what kustomize makes of it.
    """
    flux("flux/a.yaml", "a", "path: ./apps/a, targetNamespace: shop")
    flux("flux/b.yaml", "b", "path: ./apps/b, patches: [{target: {kind: Pod}, patch: '[]'}]")
    write("apps/a/kustomization.yaml", "namespace: inner\nresources: [a.yaml, ../c]\n")
    obj("apps/a/a.yaml", "a", metadata="namespace: own")
    obj("apps/a/a.yaml", "shop", "Namespace")
    write("apps/b/kustomization.yaml", "namespace: b\nresources: [b.yaml]\n")
    obj("apps/b/b.yaml", "b", metadata="namespace: own")
    write("apps/c/kustomization.yaml", "resources: [c.yaml]\n")
    obj("apps/c/c.yaml", "c")
    built: list[str] = []
    from meshlint.source.kustomize import Kustomizer

    run = Kustomizer._build
    monkeypatch.setattr(Kustomizer, "_build", lambda self, order: built.append(order.key) or run(self, order))

    read = names(sets()["flux"])
    assert [] == built
    monkeypatch.setattr(applying.Applier, "_is_plain", lambda *_: False)

    assert ["b/b", "shop", "shop/a", "shop/c"] == read == names(sets()["flux"])
    assert 3 == len(built)


def test_an_application_takes_the_files_that_it_names() -> None:
    """
    A directory of Argo CD is not searched below unless asked; patterns choose among its files.
    """
    expected = {
        "": ["a", "b"],
        "directory: {recurse: true}": ["a", "b", "c"],
        "directory: {include: 'a.yaml'}": ["a"],
        "directory: {include: '{a.yaml,deep/*}', recurse: true}": ["a", "c"],
        "directory: {exclude: '*/c.yaml', recurse: true}": ["a", "b"],
        "directory: {exclude: 'a*', include: '*a*'}": ["b"],
    }
    for path in ("a", "b", "deep/c"):
        obj(f"apps/{path}.yaml", path.rpartition("/")[2])
    for options, found in expected.items():
        application("argo/app.yaml", "app", f"source: {{path: apps, {options}}}")

        assert found == names(sets()["argo"]), options


def test_an_application_of_applications_is_one_set() -> None:
    """
    A root that applies its own directory leads to the others, each with the namespace that it fills in.
    """
    application("argo/root.yaml", "root", "source: {path: argo}, destination: {namespace: argocd}")
    application("argo/a.yaml", "a", "source: {path: apps/a}, destination: {namespace: shop}")
    application("argo/b.yaml", "b", "sources: [{path: apps/b}, {ref: x}], destination: {namespace: other}")
    obj("apps/a/a.yaml", "a")
    obj("apps/b/b.yaml", "b", metadata="namespace: own")

    [one] = sets().values()

    assert ("argo", Decision.ARGO_CD) == (one.name, one.decision)
    assert ["own/b", "shop/a"] == names(one)
    assert "argo/a.yaml:4: namespace: shop" == place(only(one, "a"), "metadata", "namespace")
    assert set() == one.beyond


@kustomize
def test_options_for_kustomize_are_built() -> None:
    """
    Names, labels and patches of an Application are applied to the kustomization.
    """
    application(
        "argo/a.yaml",
        "a",
        "source: {path: apps, kustomize: {namePrefix: my-, "
        "commonLabels: {mesh: 'on'}, labelWithoutSelector: true}}",
    )
    write("apps/kustomization.yaml", "resources: [a.yaml]\n")
    obj("apps/a.yaml", "a")

    made = only(sets()["argo"], "my-a")

    assert {"mesh": "on"} == made.value("metadata", "labels")
    assert "argo/a.yaml:4: mesh: 'on'" == place(made, "metadata", "labels", "mesh")


MANAGED = (
    "source: {path: apps}, destination: {namespace: shop}, "
    "syncPolicy: {managedNamespaceMetadata: {labels: {mesh: 'on', own: theirs}}}"
)


def test_a_namespace_that_argo_cd_labels_is_made() -> None:
    """
    The Namespace stands at the lines of the Application that has it labelled.
    """
    application("argo/a.yaml", "a", MANAGED)
    obj("apps/a.yaml", "a")

    made = only(sets()["argo"], "shop")

    assert ("Namespace", "on") == (made.value("kind"), made.value("metadata", "labels", "mesh"))
    assert "argo/a.yaml:4: mesh: 'on'" == place(made, "metadata", "labels", "mesh")
    assert "argo/a.yaml:4: namespace: shop" == place(made, "metadata", "name")


def test_a_namespace_of_the_set_gets_the_labels_of_argo_cd() -> None:
    """
    What its own manifest says comes before them.
    """
    application("argo/a.yaml", "a", MANAGED)
    obj("apps/a.yaml", "shop", "Namespace", "labels: {own: mine}")

    made = only(sets()["argo"], "shop")

    assert {"own": "mine", "mesh": "on"} == made.value("metadata", "labels")
    assert "argo/a.yaml:4: mesh: 'on'" == place(made, "metadata", "labels", "mesh")
    assert "apps/a.yaml:3: own: mine" == place(made, "metadata", "labels", "own")


def test_applications_are_put_together_by_cluster() -> None:
    """
    The same destination is one set; what goes elsewhere, a chart too, is no matter of the others.
    """
    application(
        "one/a.yaml", "a", "source: {path: a}, destination: {server: 'https://kubernetes.default.svc'}"
    )
    application("two/b.yaml", "b", "source: {path: b}, destination: {name: in-cluster}")
    application("one/c.yaml", "c", "source: {path: c}, destination: {name: west}")
    application("two/d.yaml", "d", "source: {path: d}, destination: {name: west}")
    application("two/e.yaml", "e", "source: {chart: e}, destination: {name: west, namespace: shop}")
    for name in "abcd":
        obj(f"{name}/it.yaml", name)

    found = sets()

    assert {"one": ["a", "b"], "one to west": ["c", "d"]} == {name: names(it) for name, it in found.items()}
    assert {"one": set(), "one to west": {"shop"}} == {name: it.beyond for name, it in found.items()}


def test_applications_that_contradict_each_other_are_of_several_clusters() -> None:
    """
    An object in two versions is not in one cluster, whatever the destination is called.
    """
    for stage in ("dev", "prod"):
        application(f"{stage}/app.yaml", "app", f"source: {{path: apps/{stage}}}")
        obj(f"apps/{stage}/a.yaml", "a", metadata="namespace: shop", more=f"spec: {{x: {stage}}}")

    assert {"dev", "prod"} == sets().keys()


def application_set(generator: str, template: str) -> None:
    write(
        "argo/set.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s, namespace: argocd}\n"
        f"spec: {{generators: [{generator}], template: {{metadata: {{name: x}}, spec: {{{template}}}}}}}\n",
    )


@pytest.mark.parametrize(
    ("generator", "template"),
    [
        (
            "list: {elements: [{app: a, ns: one}, {app: b, ns: two}]}",
            "source: {path: 'apps/{{app}}'}, destination: {namespace: '{{ ns }}'}",
        ),
        (
            "list: {elements: [{app: a, to: {ns: one}}, {app: b, to: {ns: two}}]}",
            "source: {path: 'apps/{{.app}}'}, destination: {namespace: '{{ .to.ns }}'}",
        ),
    ],
)
def test_a_list_of_an_application_set_is_expanded(generator: str, template: str) -> None:
    """
    Each element is an Application, in either kind of template.
    """
    application_set(generator, template)
    for name in "ab":
        obj(f"apps/{name}/it.yaml", name)

    assert ["one/a", "two/b"] == names(sets()["argo"])


@pytest.mark.parametrize("path", ["{{path}}", "{{.path.path}}", "apps/{{path[1]}}", "apps/{{path.basename}}"])
def test_directories_of_an_application_set_are_expanded(path: str) -> None:
    """
    Each directory that a pattern is for is an Application, unless it is left out.
    """
    application_set(
        "git: {directories: [{path: apps/*}, {path: apps/b, exclude: true}]}",
        f"source: {{path: '{path}'}}, destination: {{namespace: '{{{{path.basename}}}}'}}",
    )
    for name in "ab":
        obj(f"apps/{name}/it.yaml", name)
    obj("apps/a/deep/it.yaml", "deep")

    found = sets()

    assert ["a/a"] == names(found["argo"])
    assert ["b", "deep"] == names(found["."])


@pytest.mark.parametrize(
    "generator",
    ["pullRequest: {}", "clusters: {}", "matrix: {generators: []}", "git: {files: [{path: x}]}"],
)
def test_an_application_set_that_cannot_be_told_is_beyond(generator: str) -> None:
    """
    What it makes may be anything, in the namespace of its template.
    """
    application_set(generator, "source: {path: 'apps/{{x}}'}, destination: {namespace: shop}")
    obj("apps/a/it.yaml", "a")

    assert {"shop"} == sets()["argo"].beyond


def test_the_settings_come_first() -> None:
    """
    What is in a named set is in no other; what it has applied is followed, what is elsewhere is not touched.
    """
    flux("mine/a.yaml", "a", "path: ./apps/a, targetNamespace: shop")
    obj("apps/a/a.yaml", "a")
    obj("file.yaml", "f")
    obj("rest.yaml", "r")
    named = NamedSet("prod", ["mine", "file.yaml"], namespace="default-one", complete=True)

    found = sets(named=(named,))

    assert {"prod": ["f", "shop/a"], ".": ["r"]} == {name: names(one) for name, one in found.items()}
    prod = found["prod"]
    assert (Decision.SETTINGS, "default-one", True) == (prod.decision, prod.default_namespace, prod.complete)


@kustomize
def test_a_named_set_may_be_a_kustomization_or_hold_some() -> None:
    """
    A directory stands for its kustomization, else for those below that nothing refers to, and for its files.
    """
    write("base/kustomization.yaml", "resources: [a.yaml]\n")
    obj("base/a.yaml", "a")
    for stage in ("dev", "prod"):
        write(f"overlays/{stage}/kustomization.yaml", f"resources: [../../base]\nnamePrefix: {stage}-\n")
    obj("overlays/plain.yaml", "b")

    assert {"x": ["prod-a"]}.items() <= {
        name: names(one) for name, one in sets(named=(NamedSet("x", ["overlays/prod"]),)).items()
    }.items()
    assert ["b", "dev-a", "prod-a"] == names(sets(named=(NamedSet("x", ["overlays", "base/.."]),))["x"])


def test_a_named_set_that_was_read_in_part_is_not_complete() -> None:
    """
    That nothing is missing holds for all of its paths only.
    """
    obj("a/a.yaml", "a")
    obj("b/b.yaml", "b")
    named = NamedSet("both", ["a", "b"], complete=True)

    assert sets(named=(named,))["both"].complete
    assert not sets("a", named=(named,))["both"].complete
    assert ["x"] == [*sets("a", named=(NamedSet("x", ["a"]), NamedSet("y", ["b"])))]


Deliver = Callable[[str, str, str], None]


@pytest.mark.parametrize("deliver", [flux, application])
@pytest.mark.parametrize(
    "spec", ["path: 5", "path: ''", "path: ./", "source: [x]", "sources: {}", "patches: x"]
)
def test_nonsense_is_delivered_nowhere(deliver: Deliver, spec: str) -> None:
    """
    Fields of a wrong type lead to nothing, and to no crash.
    """
    deliver("flux/a.yaml", "a", spec)
    obj("apps/a.yaml", "a")

    assert ["a"] == names(sets()["."])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("Cluster", "shop/a"), ("ClusterRole", "a"), ("Namespace", "a"), ("StorageClass", "shop/a")],
)
def test_what_is_cluster_wide_gets_no_namespace(kind: str, expected: str) -> None:
    """
    Kinds that are not known are in a namespace, also one that is called Cluster.
    """
    application("argo/a.yaml", "a", "source: {path: apps}, destination: {namespace: shop}")
    obj("apps/a.yaml", "a", kind)

    assert [expected] == names(sets()["argo"])
