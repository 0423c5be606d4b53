"""Argo CD Applications: which directories are applied to which cluster, and what is done to them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.applying import Delivery
from meshlint.source.delivered import DeliveredManifest, Write, entries
from meshlint.source.document import FieldPath, Manifest
from meshlint.source.layout import Choice, Composition, Layout, is_too_wide
from meshlint.source.origin import group_and_kind
from meshlint.source.renderer import Refusal

_GROUP = "argoproj.io"
_HERE = frozenset(("https://kubernetes.default.svc", "in-cluster"))
_KUSTOMIZE_FIELDS = ("components", "namePrefix", "nameSuffix", "namespace", "images", "replicas")
_PARAMETER = regex(r"\{\{-?[ \t]{0,9}\.?(?P<name>[\w.\[\]-]{1,100})[ \t]{0,9}-?\}\}")
_INDEXED = regex(r"\{\{-?[ \t]{0,9}index \.path\.segments (?P<index>\d{1,2})[ \t]{0,9}-?\}\}")
_MOST_APPLICATIONS = 1000


class ManagedNamespace(NamedTuple):
    """A Namespace that Argo CD labels: in which cluster, its object, and what is written into it."""

    cluster: str
    name: str
    manifest: Manifest
    writes: tuple[Write, ...]


def is_argo_cd(manifest: Manifest) -> bool:
    """Whether an object is an Application, or makes some."""
    group, kind = group_and_kind(manifest)
    return group == _GROUP and kind in ("Application", "ApplicationSet")


def applications(manifest: Manifest, layout: Layout) -> list[Manifest] | None:
    """
    The Applications that an object of Argo CD stands for: itself, or those of a set.

    Of a set only where its generators are lists, or directories of the repository; else None: they
    cannot be told.
    """
    if group_and_kind(manifest)[1] == "Application":
        return [manifest]
    parameters = _parameters(manifest, layout)
    template = manifest.value("spec", "template")
    if parameters is None or not isinstance(template, dict) or manifest.value("spec", "templatePatch"):
        return None
    return [_application(manifest, template, values) for values in parameters]


def cluster_of(application: Manifest) -> str:
    """The cluster that an Application goes to: its name or address, empty for the one that it is in."""
    destination = application.value("spec", "destination")
    known = destination if isinstance(destination, dict) else {}
    cluster = known.get("name") or known.get("server") or ""
    return "" if cluster in _HERE else str(cluster)


def argo_deliveries(application: Manifest, layout: Layout) -> Iterator[Delivery]:
    """What an Application applies of what was read; charts and sources of elsewhere are none of it."""
    for at in _sources(application):
        source = application.value(*at)
        if not isinstance(source, dict) or source.get("chart"):
            continue
        directory = layout.directory_of(source.get("path"))
        if directory is not None and not (source.get("helm") or source.get("plugin")):
            yield _delivery(application, at, source, directory, layout)


def charts_of(application: Manifest, layout: Layout) -> Iterator[str]:
    """The directories of the charts that an Application applies of what was read."""
    for at in _sources(application):
        source = application.value(*at)
        if isinstance(source, dict) and not source.get("chart"):
            directory = layout.chart_of(source.get("path"))
            if directory is not None:
                yield directory


def managed_namespace(application: Manifest) -> ManagedNamespace | None:
    """The Namespace that an Application has labelled, if it has any."""
    name = application.value("spec", "destination", "namespace")
    at: FieldPath = ("spec", "syncPolicy", "managedNamespaceMetadata")
    if not isinstance(name, str) or not isinstance(application.value(*at), dict) or not name:
        return None
    writes = [
        write
        for kind in ("labels", "annotations")
        for write in entries(("metadata", kind), application.value(*at, kind), application, (*at, kind))
    ]
    own = Write(("metadata", "name"), name, application, ("spec", "destination", "namespace"))
    metadata: dict[str, Any] = {"name": name}
    for write in writes:
        metadata.setdefault(str(write.field[1]), {})[write.field[2]] = write.value
    data = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    kinds = [Write(("metadata", kind), None, application, (*at, kind)) for kind in ("labels", "annotations")]
    manifest = DeliveredManifest(data, application, [Write((), None, application, at), *kinds, own, *writes])
    return ManagedNamespace(cluster_of(application), name, manifest, tuple(writes))


def _sources(application: Manifest) -> Iterator[FieldPath]:
    sources = application.value("spec", "sources")
    if isinstance(sources, list):
        yield from (("spec", "sources", index) for index in range(len(sources)))
    elif application.value("spec", "source") is not None:
        yield "spec", "source"


def _delivery(
    application: Manifest, at: FieldPath, source: Mapping[str, Any], directory: str, layout: Layout
) -> Delivery:
    plain = bool(source.get("directory")) or not layout.is_kustomization(directory)
    fields, said, objection = (
        ({}, (), _too_wide(application, (*at, "directory")))
        if plain
        else _kustomize(application, (*at, "kustomize"))
    )
    composition = (
        layout.chosen(directory, _choice(source.get("directory")))
        if plain
        else Composition(kustomizations=(directory,))
    )
    namespace = application.value("spec", "destination", "namespace")
    return Delivery(
        directory=directory,
        kustomizations=composition.kustomizations,
        files=composition.files,
        said_by=application,
        cluster=cluster_of(application),
        fields=fields,
        fields_said=said,
        namespace=Write(
            ("metadata", "namespace"), namespace, application, ("spec", "destination", "namespace")
        )
        if isinstance(namespace, str) and namespace and "{{" not in namespace
        else None,
        objection=objection,
    )


def _choice(directory: object) -> Choice:
    known = directory if isinstance(directory, dict) else {}
    include, exclude = known.get("include"), known.get("exclude")
    return Choice(
        recurse=known.get("recurse") is True,
        include=include if isinstance(include, str) and include else None,
        exclude=exclude if isinstance(exclude, str) and exclude else None,
    )


def _too_wide(application: Manifest, at: FieldPath) -> Refusal | None:
    for key in ("include", "exclude"):
        pattern = application.value(*at, key)
        if isinstance(pattern, str) and is_too_wide(pattern):
            return Refusal("the pattern has too many alternatives", application.at(*at, key))
    return None


def _kustomize(
    application: Manifest, at: FieldPath
) -> tuple[dict[str, Any], tuple[Write, ...], Refusal | None]:
    """What the options for kustomize add, where they stand, and what of them cannot be done."""
    options = application.value(*at)
    known = options if isinstance(options, dict) else {}
    fields = {key: known[key] for key in _KUSTOMIZE_FIELDS if known.get(key)}
    said = [Write((key,), None, application, (*at, key)) for key in fields]
    # Images and replicas have a form of their own, and change nothing that is read here.
    for key in ("images", "replicas"):
        fields.pop(key, None)
    if isinstance(labels := known.get("commonLabels"), dict) and labels:
        with_selectors = known.get("labelWithoutSelector") is not True
        entry = {"pairs": labels, "includeSelectors": with_selectors, "includeTemplates": with_selectors}
        if known.get("labelIncludeTemplates") is True:
            entry["includeTemplates"] = True
        fields["labels"] = [entry]
        said.append(Write(("labels", 0, "pairs"), labels, application, (*at, "commonLabels")))
    if isinstance(annotations := known.get("commonAnnotations"), dict) and annotations:
        fields["commonAnnotations"] = annotations
        said.append(Write(("commonAnnotations",), annotations, application, (*at, "commonAnnotations")))
    patches = known.get("patches")
    if isinstance(patches, list) and patches:
        if any(not isinstance(patch, dict) or patch.get("path") for patch in patches):
            return fields, tuple(said), Refusal("a patch in a file", application.at(*at, "patches"))
        fields["patches"] = [
            {key: patch[key] for key in ("patch", "target", "options") if patch.get(key)} for patch in patches
        ]
        said.append(Write(("patches",), patches, application, (*at, "patches")))
    return fields, tuple(said), None


def _parameters(application_set: Manifest, layout: Layout) -> list[dict[str, str]] | None:
    """The values for each Application of a set; None if they cannot be told from the repository."""
    generators = application_set.value("spec", "generators")
    found: list[dict[str, str]] = []
    for generator in generators if isinstance(generators, list) else (None,):
        match generator:
            case {"selector": _}:
                return None
            case {"list": {"elements": [*elements]}}:
                found.extend(_flat(element) for element in elements if isinstance(element, dict))
            case {"git": {"files": _} | {"values": _}}:
                return None
            case {"git": {"directories": [*directories]}}:
                found.extend(_of_directory(path) for path in _directories(directories, layout))
            case _:
                return None
        if len(found) > _MOST_APPLICATIONS:
            return None
    return found


def _flat(element: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in element.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str | int) and not isinstance(value, bool):
            flat[f"{prefix}{key}"] = str(value)
        elif isinstance(value, bool):
            flat[f"{prefix}{key}"] = str(value).lower()
    return flat


def _directories(entries: Iterable[object], layout: Layout) -> list[str]:
    taken: dict[str, None] = {}
    left_out: set[str] = set()
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("path"), str):
            found = layout.directories(entry["path"])
            if entry.get("exclude") is True:
                left_out.update(found)
            else:
                taken |= dict.fromkeys(found)
    return [path for path in taken if path not in left_out]


def _of_directory(path: str) -> dict[str, str]:
    """What Argo CD tells of a directory, in the words of either kind of template."""
    name = os.path.basename(path)
    values = {"path": path, "path.path": path, "path.basename": name, "path.basenameNormalized": name}
    return values | {f"path[{index}]": part for index, part in enumerate(path.split("/"))}


def _application(
    application_set: Manifest, template: Mapping[str, Any], values: Mapping[str, str]
) -> Manifest:
    """An Application of a set, with places in the template."""
    metadata = template.get("metadata")
    filled = {
        "apiVersion": application_set.value("apiVersion"),
        "kind": "Application",
        "metadata": {
            "namespace": application_set.value("metadata", "namespace"),
            **(_filled(metadata, values) if isinstance(metadata, dict) else {}),
        },
        "spec": _filled(template.get("spec"), values),
    }
    at: FieldPath = ("spec", "template")
    return DeliveredManifest(filled, application_set, [Write((), None, application_set, at)])


def _filled(data: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - YAML holds anything
    match data:
        case str():
            indexed = _INDEXED.sub(lambda match: values.get(f"path[{match['index']}]", match.group()), data)
            return _PARAMETER.sub(lambda match: values.get(match["name"], match.group()), indexed)
        case dict():
            return {key: _filled(value, values) for key, value in data.items()}
        case list():
            return [_filled(item, values) for item in data]
        case _:
            return data
