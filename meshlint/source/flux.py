"""Flux Kustomizations: which directory is applied, and what is done to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshlint.source.applying import Delivery, Substitution
from meshlint.source.delivered import Write, entries
from meshlint.source.document import Manifest
from meshlint.source.layout import Layout
from meshlint.source.origin import group_and_kind
from meshlint.source.renderer import Refusal
from meshlint.source.substitution import Variables

FLUX_GROUP = "kustomize.toolkit.fluxcd.io"

ConfigMaps = Mapping[tuple[str | None, str], Mapping[str, str]]
"""The data of ConfigMaps, by namespace and name."""

_AS_IN_KUSTOMIZE = ("components", "namePrefix", "nameSuffix", "images")
_OLD = ("patchesStrategicMerge", "patchesJson6902")


def is_flux_kustomization(manifest: Manifest) -> bool:
    """Whether an object has Flux apply a directory."""
    return group_and_kind(manifest) == (FLUX_GROUP, "Kustomization")


def flux_delivery(manifest: Manifest, layout: Layout) -> Delivery | None:
    """What a Flux Kustomization applies; None if nothing of it was read."""
    directory = layout.directory_of(manifest.value("spec", "path"))
    if directory is None:
        return None
    composition = layout.whole(directory)
    fields, said = _fields(manifest)
    namespace = manifest.value("spec", "targetNamespace")
    return Delivery(
        directory=directory,
        kustomizations=composition.kustomizations,
        files=composition.files,
        said_by=manifest,
        fields=fields,
        fields_said=said,
        namespace=_namespace(manifest, namespace),
        overrides=True,
        writes=tuple(_common_metadata(manifest)),
        substitution=_substitution(manifest),
        objection=_objection(manifest),
    )


def variables(delivery: Delivery, config_maps: ConfigMaps) -> Variables | None:
    """The variables of a delivery, from the ConfigMaps that are known; None if it substitutes nothing."""
    if delivery.substitution is None:
        return None
    values: dict[str, str] = {}
    complete = True
    for kind, namespace, name in delivery.substitution.sources:
        found = config_maps.get((namespace, name), config_maps.get((None, name)))
        # What is in a Secret is not read, and none of it may appear.
        if kind != "ConfigMap" or found is None:
            complete = False
        else:
            values |= found
    return Variables({**values, **delivery.substitution.values}, complete)


def _fields(manifest: Manifest) -> tuple[dict[str, Any], tuple[Write, ...]]:
    """What it has in common with a kustomization, and where that stands."""
    fields: dict[str, Any] = {}
    for key in _AS_IN_KUSTOMIZE:
        if value := manifest.value("spec", key):
            fields[key] = value
    patches = manifest.value("spec", "patches")
    if isinstance(patches, list) and patches:
        fields["patches"] = [_patch(patch) for patch in patches]
    said = tuple(Write((key,), value, manifest, ("spec", key)) for key, value in fields.items())
    return fields, said


def _patch(patch: object) -> dict[str, Any]:
    """A patch without anything but its text and its target: Flux knows no paths."""
    known = patch if isinstance(patch, dict) else {}
    return {key: known[key] for key in ("patch", "target") if known.get(key)}


def _namespace(manifest: Manifest, namespace: object) -> Write | None:
    if not isinstance(namespace, str) or not namespace or "${" in namespace:
        return None
    return Write(("metadata", "namespace"), namespace, manifest, ("spec", "targetNamespace"))


def _common_metadata(manifest: Manifest) -> Iterator[Write]:
    for kind in ("labels", "annotations"):
        at = ("spec", "commonMetadata", kind)
        yield from entries(("metadata", kind), manifest.value(*at), manifest, at)


def _substitution(manifest: Manifest) -> Substitution | None:
    post_build = manifest.value("spec", "postBuild")
    if not isinstance(post_build, dict):
        return None
    substitute = post_build.get("substitute")
    values = {
        str(key): value
        for key, value in (substitute.items() if isinstance(substitute, dict) else ())
        if isinstance(value, str) and "${" not in value
    }
    namespace = manifest.value("metadata", "namespace")
    own = namespace if isinstance(namespace, str) else None
    sources = post_build.get("substituteFrom")
    return Substitution(
        values,
        tuple(
            (str(source.get("kind")), own, str(source.get("name")))
            for source in (sources if isinstance(sources, list) else ())
            if isinstance(source, dict)
        ),
    )


def _objection(manifest: Manifest) -> Refusal | None:
    for key in _OLD:
        if manifest.value("spec", key):
            return Refusal(f"`{key}` of Flux is of an old version", manifest.at("spec", key))
    namespace = manifest.value("spec", "targetNamespace")
    if isinstance(namespace, str) and "${" in namespace:
        at = manifest.at("spec", "targetNamespace")
        return Refusal(f"the namespace {namespace!r} is not known", at)
    return None
