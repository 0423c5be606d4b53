"""Which manifests are put together, and which are kept apart."""

from pathlib import Path

import pytest

from meshlint.source.discovery import discover
from meshlint.source.document import Unread, UnreadReason
from meshlint.source.reading import read_text
from meshlint.source.sets import ManifestSet, split_into_sets


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRE_COMMIT", raising=False)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def obj(path: str, name: str, kind: str = "Service", namespace: str = "", spec: str = "{}") -> None:
    """Write a file with one object."""
    within = f"\n  namespace: {namespace}" if namespace else ""
    write(path, f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}{within}\nspec: {spec}\n")


def sets(*paths: str) -> dict[str, ManifestSet]:
    """The sets of some paths by name; no name may be there twice."""
    found = discover(paths or ["."])
    readings, unread = [], []
    for file in found.files:
        content = file.read()
        if isinstance(content, Unread):
            unread.append(content)
        else:
            readings.append(read_text(file.path, content))
    split = split_into_sets(readings, found, unread=unread)
    assert len({one.name for one in split}) == len(split)
    return {one.name: one for one in split}


def files(*paths: str) -> dict[str, list[str]]:
    """The files of each set."""
    return {name: files_of(one) for name, one in sets(*paths).items()}


def files_of(one: ManifestSet) -> list[str]:
    return [manifest.file.path for manifest in one.manifests]


def test_a_directory_is_one_set_and_complete() -> None:
    """
    Plain files of a directory belong together.
    """
    obj("a.yaml", "a")
    obj("b/c.yaml", "c")

    [one] = sets().values()

    assert (".", ["a.yaml", "b/c.yaml"], True, False) == (one.name, files_of(one), one.rendered, one.explicit)


def test_each_directory_argument_is_a_set_and_named_files_are_one() -> None:
    """
    What the user names in one go as files belongs together; directories stand for themselves.
    """
    for path in ("x/a.yaml", "y/b.yaml", "z/c.yaml", "z/d.yaml"):
        obj(path, path[2])

    found = sets("x", "y", "z/c.yaml", "z/d.yaml")

    assert {"x": False, "y": False, "z": True} == {name: one.explicit for name, one in found.items()}
    assert ["z/c.yaml", "z/d.yaml"] == files_of(found["z"])


def test_named_files_are_never_divided() -> None:
    """
    Two versions of an object in files named by the user stay together.
    """
    obj("dev/a.yaml", "a", spec="{x: 1}")
    obj("prod/a.yaml", "a", spec="{x: 2}")

    assert {".": ["dev/a.yaml", "prod/a.yaml"]} == files("dev/a.yaml", "prod/a.yaml")


def test_files_from_anywhere_can_be_named_together(tmp_path: Path) -> None:
    """
    Relative paths and absolute ones of elsewhere make one set, named for the top.
    """
    obj("../other.yaml", "a")
    obj("here/b.yaml", "b")

    assert {"."} == sets(str(tmp_path.parent / "other.yaml"), "here/b.yaml").keys()


def test_sibling_overlays_never_mix_and_the_base_is_no_set() -> None:
    """
    Each overlay is a set with the base that it builds on.
    """
    write("base/kustomization.yaml", "resources: [web.yaml]\n")
    obj("base/web.yaml", "web")
    for stage in ("dev", "prod"):
        write(
            f"overlays/{stage}/kustomization.yaml", f"namespace: {stage}\nresources: [../../base, own.yaml]\n"
        )
        obj(f"overlays/{stage}/own.yaml", "own")

    found = sets()

    assert {
        "overlays/dev": ["base/web.yaml", "overlays/dev/own.yaml"],
        "overlays/prod": ["base/web.yaml", "overlays/prod/own.yaml"],
    } == {name: files_of(one) for name, one in found.items()}
    assert ["dev", "prod"] == [one.default_namespace for one in found.values()]
    assert all(one.rendered and one.explicit for one in found.values())


def test_the_outermost_namespace_wins() -> None:
    """
    A namespace that the root sets counts before that of its base.
    """
    write("kustomization.yaml", "namespace: outer\nresources: [base]\n")
    write("base/kustomization.yaml", "namespace: inner\nresources: [a.yaml]\n")
    obj("base/a.yaml", "a")

    assert ("outer", True) == (sets()["."].default_namespace, sets()["."].rendered)


def test_namespaces_that_differ_by_file_are_no_default() -> None:
    """
    A root over bases with different namespaces has no default, and is not rendered.
    """
    write("kustomization.yaml", "resources: [one, two]\n")
    for base in ("one", "two"):
        write(f"{base}/kustomization.yaml", f"namespace: {base}\nresources: [a.yaml]\n")
        obj(f"{base}/a.yaml", "a")

    assert (None, False) == (sets()["."].default_namespace, sets()["."].rendered)


def test_a_namespace_that_moves_objects_is_not_rendered() -> None:
    """
    A kustomization overrides the namespaces that objects say, which is not applied here.
    """
    write("kustomization.yaml", "namespace: shop\nresources: [a.yaml]\n")
    obj("a.yaml", "a", namespace="other")

    assert not sets()["."].rendered


@pytest.mark.parametrize(
    "patches",
    [
        "patches: [{path: ns.yaml}]",
        "patchesStrategicMerge: [ns.yaml]",
        "patchesJson6902: [{path: ns.yaml, target: {kind: Namespace, name: a}}]",
        "transformers: [ns.yaml]",
    ],
)
def test_a_patch_that_looks_like_a_namespace_is_no_resource(patches: str) -> None:
    """
    A file that a kustomization patches with is in no set, and the set says it is incomplete.
    """
    write("kustomization.yaml", f"resources: [a.yaml]\n{patches}\n")
    obj("a.yaml", "a")
    obj("ns.yaml", "a", kind="Namespace")

    assert {".": ["a.yaml"]} == files()
    assert not sets()["."].rendered


@pytest.mark.parametrize("active", [True, False])
def test_what_only_a_component_reaches_is_no_resource(active: bool) -> None:
    """
    The files of a component are in no set, whether it is applied or not.
    """
    write("app/kustomization.yaml", "resources: [a.yaml]\n" + "components: [../mesh]\n" * active)
    obj("app/a.yaml", "a")
    write("mesh/kustomization.yaml", "kind: Component\nresources: [ns.yaml, ../only]\n")
    obj("mesh/ns.yaml", "shop", kind="Namespace")
    write("only/kustomization.yaml", "resources: [b.yaml]\n")
    obj("only/b.yaml", "b")

    assert {"app": ["app/a.yaml"]} == files()
    assert (not active) == sets()["app"].rendered


@pytest.mark.parametrize(
    "remote", ["https://github.com/o/r//base?ref=v1", "github.com/o/r", "../outside", "missing.yaml"]
)
def test_what_is_remote_or_missing_makes_a_set_incomplete(remote: str) -> None:
    """
    A resource that is not in the input is not read, and the set is not taken as complete.
    """
    write("kustomization.yml", f"resources:\n- a.yaml\n- {remote}\n")
    obj("a.yaml", "a")

    assert (["a.yaml"], False) == (files_of(sets()["."]), sets()["."].rendered)


@pytest.mark.parametrize(
    "line",
    [
        "namePrefix: x-",
        "commonLabels: {a: b}",
        "helmCharts: [{name: x}]",
        "configMapGenerator: [{name: istio}]",
    ],
)
def test_what_is_not_applied_is_said(line: str) -> None:
    """
    Prefixes, labels, charts and generated mesh configuration are not applied here.
    """
    write("Kustomization", f"resources: [a.yaml]\n{line}\n")
    obj("a.yaml", "a")

    assert not sets()["."].rendered


@pytest.mark.parametrize("line", ["images: [{name: a, newTag: b}]", "configMapGenerator: [{name: app}]"])
def test_what_does_not_matter_to_a_mesh_leaves_a_set_complete(line: str) -> None:
    """
    Images and the configuration of an application have no say in a mesh.
    """
    write("kustomization.yaml", f"resources: [a.yaml]\n{line}\n")
    obj("a.yaml", "a")

    assert sets()["."].rendered


def test_a_cycle_of_kustomizations_is_one_set() -> None:
    """
    Kustomizations that refer to each other end, and their files are in a set.
    """
    write("a/kustomization.yaml", "resources: [../b, a.yaml]\n")
    write("b/kustomization.yaml", "resources: [../a, b.yaml]\n")
    obj("a/a.yaml", "a")
    obj("b/b.yaml", "b")

    assert {"a": ["a/a.yaml", "b/b.yaml"]} == files()


def test_a_kustomization_that_cannot_be_read_is_reported() -> None:
    """
    A broken kustomization, also one without end, ends nothing and is not lost.
    """
    write("a/kustomization.yaml", "resources: [a.yaml\nb: }\n")
    write("b/kustomization.yaml", "[" * 100_000)

    assert {"a": 1, "b": 1} == {name: len(one.unread) for name, one in sets().items()}


def test_a_flux_kustomization_file_is_a_resource() -> None:
    """
    The file name alone does not make a kustomization of what Flux reads.
    """
    write(
        "kustomization.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n",
    )

    assert {".": ["kustomization.yaml"]} == files()


def test_environments_are_apart_and_share_what_is_common() -> None:
    """
    Directories that hold an object in different versions are alternatives; each gets the rest.
    """
    obj("dev/ns.yaml", "shop", kind="Namespace", spec="{stage: dev}")
    obj("prod/ns.yaml", "shop", kind="Namespace", spec="{stage: prod}")
    obj("prod/app/a.yaml", "a")
    obj("common/b.yaml", "b")

    assert {
        "dev": ["common/b.yaml", "dev/ns.yaml"],
        "prod": ["common/b.yaml", "prod/app/a.yaml", "prod/ns.yaml"],
    } == files()
    assert all(one.rendered for one in sets().values())


def test_equal_copies_are_no_alternatives() -> None:
    """
    The same object twice, written differently, is the same object.
    """
    write("a/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    write("b/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop # ours\n")

    assert {".": ["a/ns.yaml", "b/ns.yaml"]} == files()


def test_alternatives_in_one_directory_stay_together() -> None:
    """
    Versions of an object side by side are not told apart by directories.
    """
    obj("a-v1.yaml", "a", spec="{x: 1}")
    obj("a-v2.yaml", "a", spec="{x: 2}")

    assert {".": ["a-v1.yaml", "a-v2.yaml"]} == files()


def test_a_file_above_its_alternative_is_an_alternative() -> None:
    """
    An object beside the directory that holds another version of it does not meet it.
    """
    obj("a.yaml", "a", spec="{x: 1}")
    obj("b.yaml", "b")
    obj("canary/a.yaml", "a", spec="{x: 2}")

    assert {".": ["a.yaml", "b.yaml"], "canary": ["b.yaml", "canary/a.yaml"]} == files()


def test_alternatives_within_alternatives_are_divided_again() -> None:
    """
    Divisions go on below until no set holds two versions of anything.
    """
    for number, path in enumerate(("dev/eu/a.yaml", "dev/us/a.yaml", "prod/a.yaml")):
        obj(path, "a", spec=f"{{x: {number}}}")
    obj("dev/b.yaml", "b")

    assert {
        "dev/eu": ["dev/b.yaml", "dev/eu/a.yaml"],
        "dev/us": ["dev/b.yaml", "dev/us/a.yaml"],
        "prod": ["prod/a.yaml"],
    } == files()


def test_unrelated_alternatives_do_not_multiply_and_are_incomplete() -> None:
    """
    Two pairs of alternatives make four sets; each lacks a choice, and is not taken as complete.
    """
    for pair in ("one", "two"):
        for version in ("x", "y"):
            obj(f"{pair}/{version}/a.yaml", pair, spec=f"{{v: {version}}}")

    found = sets()

    assert ["one/x", "one/y", "two/x", "two/y"] == list(found)
    assert not any(one.rendered for one in found.values())


def test_there_are_some_hundreds_of_sets_at_most() -> None:
    """
    However many alternatives there are, the sets are bounded and no manifest is lost.
    """
    for number in range(400):
        obj(f"e{number:03}/a.yaml", "a", spec=f"{{x: {number}}}")

    found = sets()

    assert 300 == len(found)
    assert 400 == len({path for one in found.values() for path in files_of(one)})
    assert not found["."].rendered


def test_the_templates_of_a_chart_are_one_problem() -> None:
    """
    A chart that is not rendered is said once, where it says its name; its plain files are read.
    """
    write("charts/shop/Chart.yaml", "apiVersion: v2\nname: my-shop\n")
    for name in ("a", "sub/b"):
        write(f"charts/shop/templates/{name}.yaml", "apiVersion: v1\nkind: {{ .Values.kind }}\n{{ if }}\n")
    obj("charts/shop/crds/c.yaml", "c")

    [one] = sets().values()
    [problem] = one.unread

    assert ["charts/shop/crds/c.yaml"] == files_of(one)
    assert UnreadReason.TEMPLATE is problem.reason
    assert "chart 'my-shop': 2 templates are not rendered" == problem.message
    assert ("charts/shop/Chart.yaml", 1) == (problem.at.file.path, problem.at.span.start_line)


def test_a_chart_file_that_was_not_given_is_not_needed() -> None:
    """
    Given only the templates of a chart, the first of them carries the problem.
    """
    write("shop/Chart.yaml", "name: my-shop\n")
    write("shop/templates/a.yaml", "apiVersion: v1\nkind: Pod\n{{ if }}\n")

    [problem] = sets("shop/templates")["shop/templates"].unread

    assert ("chart 'shop': 1 template is not rendered", "shop/templates/a.yaml") == (
        problem.message,
        problem.at.file.path,
    )


def test_every_problem_is_in_a_set() -> None:
    """
    What could not be read is reported with the set it would be in, patches included.
    """
    write("app/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]\n")
    write("app/a.yaml", "apiVersion: v1\nkind: Pod\na: [\n")
    write("app/p.yaml", "apiVersion: v1\nkind: Pod\nb: [\n")

    found = sets()

    assert {".": ["app/p.yaml"], "app": ["app/a.yaml"]} == {
        name: [problem.at.file.path for problem in one.unread] for name, one in found.items()
    }


def delivery(kind: str, spec: str, namespace: str = "") -> None:
    """Write an object that has something delivered, beside an object of the set `.`."""
    groups = {
        "HelmRelease": "helm.toolkit.fluxcd.io/v2",
        "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
        "Application": "argoproj.io/v1alpha1",
        "ApplicationSet": "argoproj.io/v1alpha1",
        "ResourceSet": "fluxcd.controlplane.io/v1",
    }
    within = f", namespace: {namespace}" if namespace else ""
    write(
        "d.yaml", f"apiVersion: {groups[kind]}\nkind: {kind}\nmetadata: {{name: d{within}}}\nspec: {spec}\n"
    )


@pytest.mark.parametrize(
    ("kind", "spec", "beyond"),
    [
        ("HelmRelease", "{chart: {spec: {chart: x}}}", {"own"}),
        ("HelmRelease", "{targetNamespace: shop}", {"shop"}),
        ("HelmRelease", "{chart: {spec: {chart: cert-manager-crds}}}", set()),
        ("Application", "{source: {path: config/crd/standard}}", set()),
        ("Kustomization", "{path: ./config/crds}", set()),
        ("HelmRelease", "{targetNamespace: '${x}'}", {None}),
        ("Kustomization", "{path: ./elsewhere, targetNamespace: shop}", {"shop"}),
        ("Kustomization", "{path: ./elsewhere}", {None}),
        ("Kustomization", "{targetNamespace: shop}", {"shop"}),
        ("Kustomization", "{path: ./apps/a, targetNamespace: shop}", set()),
        ("Kustomization", "{path: ./apps}", set()),
        ("Kustomization", "{path: ./apps/chart}", {None}),
        ("Application", "{source: {path: elsewhere}, destination: {namespace: shop}}", {"shop"}),
        ("Application", "{source: {chart: x}, destination: {namespace: shop}}", {"shop"}),
        ("Application", "{source: {path: elsewhere}, destination: {name: x}}", {None}),
        ("Application", "{source: {path: apps/a}, destination: {namespace: shop}}", set()),
        ("Application", "{source: {path: apps/chart}, destination: {namespace: shop}}", {"shop"}),
        ("Application", "{sources: [{path: apps/a}, {ref: values}]}", set()),
        ("Application", "{sources: [{path: apps/a}, {chart: x}]}", {None}),
        ("Application", "x", {None}),
        ("ApplicationSet", "{template: {spec: {destination: {namespace: shop}}}}", {"shop"}),
        ("ApplicationSet", "{template: {spec: {destination: {namespace: '{{ x }}'}}}}", {None}),
        ("ResourceSet", "{}", {None}),
    ],
)
def test_what_is_delivered_from_beyond_is_known_by_its_namespace(
    kind: str, spec: str, beyond: set[str | None]
) -> None:
    """
    A chart or a path that was not read is delivered to a namespace, or it is not told to which.
    """
    obj("apps/a/a.yaml", "a", namespace="x")
    write("apps/chart/Chart.yaml", "apiVersion: v2\nkind: x\nname: chart\n")
    delivery(kind, spec, namespace="own")

    assert beyond == sets()["."].beyond


def test_a_release_without_a_namespace_goes_to_that_of_its_set() -> None:
    """
    A HelmRelease installs where it stands itself.
    """
    delivery("HelmRelease", "{}")

    assert {None} == sets()["."].beyond
    write("kustomization.yaml", "namespace: shop\nresources: [d.yaml]\n")
    assert {"shop"} == sets()["."].beyond


@pytest.mark.parametrize(
    ("line", "beyond"),
    [
        ("resources: [a.yaml, https://github.com/o/r]", {"shop"}),
        ("resources: [a.yaml]\nhelmCharts: [{name: x, namespace: own}, {name: y}]", {"own", "shop"}),
        ("resources: [a.yaml]\ncomponents: [../c]", {"shop"}),
        ("resources: [a.yaml]\npatches: [{target: {}}]", set()),
    ],
)
def test_a_kustomization_that_makes_more_is_a_delivery(line: str, beyond: set[str | None]) -> None:
    """
    What a kustomization fetches, inflates or generates is for its namespace.
    """
    write("kustomization.yaml", f"namespace: shop\n{line}\n")
    obj("a.yaml", "a")

    assert beyond == sets()["."].beyond


def test_a_patch_alters_what_its_kustomization_puts_together() -> None:
    """
    A patch in a base alters the base alone, one in a component what the kustomization over it puts together.
    """
    write("prod/kustomization.yaml", "resources: [../one, ../two, own.yaml]\n")
    obj("prod/own.yaml", "own")
    write("one/kustomization.yaml", "resources: [a.yaml]\npatches: [{target: {kind: Service}}]\n")
    obj("one/a.yaml", "a")
    write("two/kustomization.yaml", "resources: [b.yaml, c.yaml]\ncomponents: [../mesh]\n")
    obj("two/b.yaml", "b")
    obj("two/c.yaml", "c")
    write("mesh/kustomization.yaml", "kind: Component\npatches: [{target: {name: b}}]\n")

    [prod] = sets().values()
    places = {manifest.file.path: at.file.path for manifest, at in prod.altered.items()}

    assert {"one/a.yaml": "one/kustomization.yaml", "two/b.yaml": "mesh/kustomization.yaml"} == places
    assert prod.unapplied


@pytest.mark.parametrize("line", ["components: [../not-there]", "namePrefix: x-", "a: {{ broken"])
def test_a_kustomization_of_which_nothing_is_certain_alters_all(line: str) -> None:
    """
    A component that is not among the files, or a prefix, may change anything.
    """
    write("a/kustomization.yaml", f"resources: [a.yaml]\n{line}\n")
    obj("a/a.yaml", "a")

    assert all(len(one.altered) == len(one.manifests) for one in sets().values() if one.explicit)


def test_each_overlay_has_its_own_alterations() -> None:
    """
    What one overlay patches stands as it is written in another.
    """
    write("base/kustomization.yaml", "resources: [a.yaml]\n")
    obj("base/a.yaml", "a")
    write("dev/kustomization.yaml", "resources: [../base]\n")
    write("prod/kustomization.yaml", "resources: [../base]\npatches: [{target: {kind: Service}}]\n")

    assert {"dev": (0, False), "prod": (1, True)} == {
        name: (len(one.altered), one.unapplied) for name, one in sets().items()
    }
