"""Which objects a kustomization changes."""

import pytest

from manifests import reading
from meshlint.source.alteration import Target, alterations_by, altered
from meshlint.source.document import Manifest

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: web, stage: prod}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: wp, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: wp-metrics}
"""


def kustomization(text: str) -> Manifest:
    [manifest] = reading(
        f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{text}"
    ).manifests
    return manifest


def changed(text: str, patch: str = "") -> dict[str, str]:
    """The objects that a kustomization changes, each with the field that says so; `patch` is every file."""
    patches = alterations_by(kustomization(text), lambda _: reading(patch).manifests)
    found = altered(patches, reading(OBJECTS).manifests)
    return {
        manifest.value("metadata", "name"): "/".join(map(str, at.field)) for manifest, at in found.items()
    }


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("{kind: Namespace}", {"shop"}),
        ("{kind: Gateway, name: wp}", {"wp"}),
        ("{name: wp}", {"wp"}),
        ("{name: wp.*}", {"wp", "wp-metrics"}),
        ("{name: shop|wp}", {"shop", "wp"}),
        ("{kind: Name}", set()),
        ("{group: gateway.networking.k8s.io, version: v1}", {"wp"}),
        ("{namespace: other}", {"shop", "wp-metrics"}),
        ("{labelSelector: 'tier=web,stage!=dev'}", {"shop"}),
        ("{labelSelector: 'stage in (dev, prod), tier'}", {"shop"}),
        ("{labelSelector: 'stage notin (prod)'}", {"wp", "wp-metrics"}),
        ("{labelSelector: '!tier'}", {"wp", "wp-metrics"}),
        ("{annotationSelector: tier}", set()),
        ("{}", {"shop", "wp", "wp-metrics"}),
    ],
)
def test_a_target_selects_as_kustomize_does(target: str, names: set[str]) -> None:
    """
    Group, version, kind, name and namespace are whole regular expressions; selectors are Kubernetes' own.
    """
    assert names == changed(f"patches: [{{target: {target}, patch: '- {{op: remove, path: /a}}'}}]").keys()


@pytest.mark.parametrize(
    "target", ["{name: '(w+)+$'}", "{name: 'w?w?w?w?p'}", "{name: '['}", "{labelSelector: 'a b'}"]
)
def test_what_cannot_be_told_safely_selects_everything(target: str) -> None:
    """
    An expression that could take for ever, or is none, leaves no object certain.
    """
    assert 3 == len(changed(f"patches: [{{target: {target}, path: p.yaml}}]"))


@pytest.mark.parametrize(
    "text",
    [
        "patches: [{path: p.yaml}]",
        "patchesStrategicMerge: [p.yaml]",
        "patches:\n- patch: |-\n    kind: Gateway\n    metadata: {name: wp}\n",
        "patchesStrategicMerge:\n- |-\n  kind: Gateway\n  metadata: {name: wp}\n",
        "patchesJson6902: [{target: {kind: Gateway, name: wp}, path: p.yaml}]",
        "replacements: [{targets: [{select: {kind: Gateway}, fieldPaths: [spec]}]}]",
    ],
)
def test_each_kind_of_patch_changes_its_object_alone(text: str) -> None:
    """
    A strategic merge patch changes the object that it repeats, any other what it targets.
    """
    patch = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: wp}\nspec: {}\n"

    assert {"wp": f"{text.partition(':')[0]}/0"} == changed(text, patch)


@pytest.mark.parametrize(
    "text",
    [
        "namePrefix: x-",
        "nameSuffix: -x",
        "labels: [{pairs: {a: b}}]",
        "commonLabels: {a: b}",
        "commonAnnotations: {ambient.istio.io/x: b}",
        "transformers: [x.yaml]",
        "replacements: [{path: x.yaml}]",
        "patches: [{path: not-read.yaml}]",
    ],
)
def test_what_is_for_all_objects_changes_all(text: str) -> None:
    """
    Prefixes, labels and transformers change everything, and so may a patch that is not there to be read.
    """
    assert 3 == len(changed(text))


@pytest.mark.parametrize(
    "text", ["images: [{name: a, newTag: b}]", "commonAnnotations: {a: b}", "namespace: shop", "patches: x"]
)
def test_what_a_mesh_does_not_see_changes_nothing(text: str) -> None:
    """
    Images, other annotations and nonsense leave the objects as they are written.
    """
    assert not changed(text)


def test_many_patches_end(monkeypatch) -> None:
    """
    Beyond a bound, every object counts as changed rather than being compared.
    """
    compared = 0

    def selects(*_) -> bool:
        nonlocal compared
        compared += 1
        return False

    monkeypatch.setattr(Target, "selects", selects)
    patches = "".join(f"- {{target: {{name: n{number}}}}}\n" for number in range(2000))
    objects = "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: o{number}}}\n" for number in range(1000)
    )
    alterations = list(alterations_by(kustomization(f"patches:\n{patches}"), lambda _: ()))

    assert 1000 == len(altered(alterations, reading(objects).manifests))
    assert 1_000_000 == compared
