"""Directories as they are applied: built where that changes objects, with namespaces and variables."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from meshlint.named import NamedTuple
from meshlint.source.alteration import alterations_by, altered
from meshlint.source.compose import ComposeError, compose
from meshlint.source.delivered import DeliveredManifest, Write, with_fields
from meshlint.source.delivery import is_of_definitions
from meshlint.source.document import Location, Manifest, Place, Unread, UnreadReason
from meshlint.source.kustomization import Kustomization, Reach
from meshlint.source.layout import Layout
from meshlint.source.origin import Source, group_and_kind, takes_namespace
from meshlint.source.reading import split_documents
from meshlint.source.rendered import RenderedManifest
from meshlint.source.renderer import Refusal
from meshlint.source.substitution import Variables, substitute
from meshlint.source.text import SourceFile
from meshlint.source.unrendered import find_template, may_hold_template

if TYPE_CHECKING:
    from meshlint.source.kustomize import Build, Kustomizer, Made, Order

_NAMESPACE = ("metadata", "namespace")
# Of these kustomize changes more than the namespace of the object when it gives one.
_MOVED_DEEPLY = frozenset(
    (
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "APIService",
        "CustomResourceDefinition",
    )
)
_GENERATORS = ("configMapGenerator", "secretGenerator", "generators")


class Substitution(NamedTuple):
    """What Flux substitutes after a build: values, and what holds more, by kind, namespace and name."""

    values: Mapping[str, str]
    sources: tuple[tuple[str, str | None, str], ...] = ()


class Delivery(NamedTuple):
    """
    What is applied in one go: by Flux, by Argo CD, or by a person.

    `kustomizations` and `files` are put together; paths start from `directory`. `said_by` is the object that
    has it delivered, `cluster` the cluster that it has it delivered to, empty for its own. `fields` are
    those of a kustomization around it, `fields_said` where they stand. `namespace` is for objects that name
    none, or for all if it `overrides`. `writes` go into every object. `objection` tells why some of it
    cannot be done.
    """

    directory: str
    kustomizations: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    said_by: Manifest | None = None
    cluster: str = ""
    fields: Mapping[str, Any] = MappingProxyType({})
    fields_said: tuple[Write, ...] = ()
    namespace: Write | None = None
    overrides: bool = False
    writes: tuple[Write, ...] = ()
    substitution: Substitution | None = None
    objection: Refusal | None = None

    @property
    def key(self) -> str:
        """What tells apart what is not built alike."""
        what = self.directory, self.kustomizations, self.files, self.fields
        return json.dumps((*what, self._namespace_field), sort_keys=True, default=str)

    @property
    def identity(self) -> str:
        """What tells apart what is not applied alike."""
        namespace = self.namespace.value if self.namespace else None
        writes = [(write.field, write.value) for write in self.writes]
        what = self.key, self.cluster, namespace, writes, self.substitution
        return json.dumps(what, sort_keys=True, default=str)

    @property
    def given_namespace(self) -> str | None:
        """The namespace that all of it goes to, whatever its objects say; None if there is none such."""
        return str(self.namespace.value) if self.namespace is not None and self.overrides else None

    @property
    def _namespace_field(self) -> str | None:
        return self.given_namespace


class Applied(NamedTuple):
    """
    What became of a delivery.

    `refusal` says why some of it was not built, and then `altered` which objects are not as they will be,
    and `beyond` for which namespaces there may be more, None for any.
    """

    manifests: tuple[Manifest, ...]
    unread: tuple[Unread, ...] = ()
    refusal: Refusal | None = None
    altered: Mapping[Manifest, Location] = MappingProxyType({})
    beyond: frozenset[str | None] = frozenset()


class Applier:
    """Applies deliveries; without a `kustomizer`, nothing is built."""

    def __init__(self, layout: Layout, kustomizer: "Kustomizer | None") -> None:
        self._layout = layout
        self._kustomizer = kustomizer
        self._made: dict[str, list[Made]] = {}

    def prepare(self, deliveries: Iterable[Delivery]) -> None:
        """Have built side by side what several deliveries need."""
        if self._kustomizer is not None:
            changing = [delivery for delivery in deliveries if not self._is_plain(delivery)]
            self._kustomizer.build_all(map(self._order, changing))

    def files(self, delivery: Delivery) -> Iterator[str]:
        """The files of a delivery: those that it puts together, and the kustomizations themselves."""
        yield from delivery.files
        for reach in self._reaches(delivery):
            yield from reach.files
            yield from (known.source.real for known in reach.kustomizations.values())

    def directories(self, delivery: Delivery) -> Iterator[str]:
        """The directories of the kustomizations of a delivery, with all that they build upon."""
        for reach in self._reaches(delivery):
            yield from reach.kustomizations

    def apply(self, delivery: Delivery, variables: Variables | None) -> Applied:
        """The objects of a delivery as they will be; `variables` are what it has substituted, if anything."""
        if self._is_plain(delivery):
            return self._read(delivery, variables)
        if delivery.objection is not None:
            return self._refused(delivery, variables, delivery.objection)
        if self._kustomizer is None:
            at = self._known(delivery).at("kind")
            return self._refused(delivery, variables, Refusal("nothing was to be rendered", at))
        build = self._kustomizer.build(self._order(delivery))
        if isinstance(build, Refusal):
            return self._refused(delivery, variables, build)
        return self._built(delivery, variables, build)

    def _is_plain(self, delivery: Delivery) -> bool:
        """Whether nothing but files is put together, and at most a namespace given to what they hold."""
        if delivery.objection is not None or not self._is_without_effect(delivery):
            return False
        reaches = self._reaches(delivery)
        known = [known for reach in reaches for known in reach.kustomizations.values()]
        if any(reach.missing for reach in reaches) or any(map(_makes_more, known)):
            return False
        return not any(
            namespace is not None and _is_moved_deeply(manifest, namespace)
            for source, namespace, _ in self._files_with_namespace(delivery)
            for manifest in source.manifests
        )

    def _is_without_effect(self, delivery: Delivery) -> bool:
        """Whether the kustomization around it has patches at most, and these are for none of the objects."""
        if delivery.fields.keys() - {"patches", "images"}:
            return False
        patches = (
            list(alterations_by(self._known(delivery).manifest, lambda _: ())) if delivery.fields else []
        )
        return not patches or not altered(
            patches,
            (
                document
                for source, _, _ in self._files_with_namespace(delivery)
                for document in _documents(source, substituting=True)[0]
            ),
        )

    def _reaches(self, delivery: Delivery) -> list[Reach]:
        kustomizations = self._layout.kustomizations
        return [kustomizations.reach(kustomizations.by_directory[it]) for it in delivery.kustomizations]

    def _files_with_namespace(self, delivery: Delivery) -> Iterator[tuple[Source, str | None, Write | None]]:
        """The files, each with the namespace that its objects are put into, and what says so."""
        given = delivery.namespace if delivery.overrides else None
        for path in delivery.files:
            yield self._layout.sources[path], _value(given), given
        for reach in self._reaches(delivery):
            for path, namespace in reach.files.items():
                write = given or _namespace_of(reach, namespace)
                yield self._layout.sources[path], _value(write), write

    def _read(self, delivery: Delivery, variables: Variables | None) -> Applied:
        """What the files hold, each object with its namespace."""
        manifests, unread, _ = self._read_files(delivery, variables)
        return Applied(tuple(manifests), tuple(unread))

    def _refused(self, delivery: Delivery, variables: Variables | None, refusal: Refusal) -> Applied:
        """What the files hold, and which objects of them are changed by what is not built."""
        manifests, unread, as_written = self._read_files(delivery, variables)
        changed: dict[Manifest, Location] = {}
        for path in delivery.kustomizations:
            changed |= self._layout.kustomizations.altered(self._layout.kustomizations.by_directory[path])
        around = alterations_by(self._known(delivery).manifest, lambda _: ())
        changed |= altered(around, as_written.values())
        return Applied(
            manifests=tuple(manifests),
            unread=tuple(unread),
            refusal=refusal,
            altered={it: changed[as_written[it]] for it in manifests if as_written[it] in changed},
            beyond=self._beyond(delivery),
        )

    def _beyond(self, delivery: Delivery) -> frozenset[str | None]:
        """The namespaces of what is missing for lack of a build."""
        if self._lacks_definitions(delivery):
            return frozenset()
        if delivery.given_namespace is not None or delivery.fields or delivery.objection is not None:
            return frozenset({delivery.given_namespace})
        by_directory = self._layout.kustomizations.by_directory
        return frozenset(by_directory[path].namespace for path in delivery.kustomizations) or frozenset(
            {None}
        )

    def _lacks_definitions(self, delivery: Delivery) -> bool:
        """Whether nothing is missing but definitions of kinds, from another repository."""
        kustomizations = self._layout.kustomizations
        known = [known for reach in self._reaches(delivery) for known in reach.kustomizations.values()]
        missing = [
            path
            for it in known
            for path in it.resources
            if path not in self._layout.sources and path not in kustomizations.by_directory
        ]
        if not missing or delivery.fields or delivery.objection is not None or any(map(_makes_more, known)):
            return False
        return all(map(is_of_definitions, missing))

    def _read_files(
        self, delivery: Delivery, variables: Variables | None
    ) -> tuple[list[Manifest], list[Unread], dict[Manifest, Manifest]]:
        manifests: list[Manifest] = []
        unread: list[Unread] = list(self._unread_kustomizations(delivery))
        as_written: dict[Manifest, Manifest] = {}
        for source, namespace, write in self._files_with_namespace(delivery):
            documents, broken = _documents(source, substituting=variables is not None)
            unread.extend(_in_namespace(problem, namespace) for problem in broken)
            for document in documents:
                manifest = document if variables is None else substitute(document, variables)
                template = _left_template(manifest)
                if template is not None:
                    unread.append(_in_namespace(template, namespace))
                    continue
                made = with_fields(manifest, list(self._writes(delivery, manifest, write)))
                manifests.append(made)
                as_written[made] = document
        return manifests, unread, as_written

    def _writes(self, delivery: Delivery, manifest: Manifest, namespace: Write | None) -> Iterator[Write]:
        if takes_namespace(manifest):
            said = manifest.value(*_NAMESPACE)
            if namespace is not None and said != namespace.value:
                yield namespace
            elif namespace is None and delivery.namespace is not None and not said:
                yield delivery.namespace
        yield from delivery.writes

    def _built(self, delivery: Delivery, variables: Variables | None, build: "Build") -> Applied:
        from meshlint.source.kustomize_parts import without_annotations

        manifests: list[Manifest] = []
        unread = [*self._unread_kustomizations(delivery), *self._unread_files(delivery)]
        for made in self._objects(delivery, build):
            filled = made.manifest if variables is None else substitute(made.manifest, variables)
            data, _ = without_annotations(filled.data)
            manifest: Manifest = RenderedManifest(data, made.parts)
            manifest = with_fields(manifest, list(self._writes(delivery, manifest, None)))
            template = find_template(filled)
            if template is None:
                manifests.append(manifest)
            else:
                unread.append(self._left_in(manifest, template.message))
        return Applied(tuple(manifests), tuple(unread))

    def _objects(self, delivery: Delivery, build: "Build") -> "Sequence[Made]":
        if delivery.key not in self._made:
            assert self._kustomizer is not None
            self._made[delivery.key] = list(self._kustomizer.made(build))
        return self._made[delivery.key]

    def _left_in(self, manifest: Manifest, message: str) -> Unread:
        """A template that is left in what was built, where it is written if that was found by reading."""
        at = manifest.at("metadata", "name")
        source = self._by_path.get(at.file.path)
        start, end = manifest.place.start, manifest.place.end
        for problem in source.unread if source is not None else ():
            if problem.reason is UnreadReason.TEMPLATE and start <= problem.at.start <= end:
                at = problem.at
        namespace = manifest.value(*_NAMESPACE)
        return Unread(UnreadReason.TEMPLATE, message, at, namespace if isinstance(namespace, str) else None)

    @cached_property
    def _by_path(self) -> Mapping[str, Source]:
        return {source.file.path: source for source in self._layout.sources.values()}

    def _unread_kustomizations(self, delivery: Delivery) -> Iterator[Unread]:
        for reach in self._reaches(delivery):
            for known in reach.kustomizations.values():
                yield from known.source.unread

    def _unread_files(self, delivery: Delivery) -> Iterator[Unread]:
        """What of the files was not read; not the templates, which a build goes through."""
        for source, namespace, _ in self._files_with_namespace(delivery):
            for problem in source.unread:
                if problem.reason is not UnreadReason.TEMPLATE:
                    yield _in_namespace(problem, namespace)

    def _order(self, delivery: Delivery) -> "Order":
        from meshlint.source.kustomize import Order, order_of

        known = self._known(delivery)
        fields = dict(delivery.fields)
        if delivery.given_namespace is not None:
            fields["namespace"] = delivery.given_namespace
        if not fields and not delivery.files and len(delivery.kustomizations) == 1:
            return order_of(self._layout.kustomizations.by_directory[delivery.kustomizations[0]])
        return Order(delivery.key, known, delivery.kustomizations, delivery.files, fields)

    def _known(self, delivery: Delivery) -> Kustomization:
        """What a delivery does, as a kustomization that is written where the delivery is."""
        if delivery.said_by is None and delivery.kustomizations:
            return self._layout.kustomizations.by_directory[delivery.kustomizations[0]]
        says = delivery.said_by or self._layout.sources[delivery.files[0]].manifests[0]
        writes = list(delivery.fields_said)
        data = dict(delivery.fields)
        if delivery.namespace is not None and delivery.overrides:
            data["namespace"] = delivery.given_namespace
            writes.append(delivery.namespace._replace(field=("namespace",)))
        manifest = DeliveredManifest(data, says, writes)
        components = data.get("components") or ()
        return Kustomization(
            source=Source(says.file, says.file.path, None),
            manifest=manifest,
            directory=delivery.directory,
            is_component=False,
            namespace=delivery.given_namespace,
            resources=delivery.kustomizations,
            components=tuple(
                os.path.realpath(os.path.join(delivery.directory, str(path))) for path in components
            ),
            patches=frozenset(),
            generated_from=frozenset(),
            changes=True,
        )


def _value(write: Write | None) -> str | None:
    return None if write is None else str(write.value)


def _namespace_of(reach: Reach, namespace: str | None) -> Write | None:
    """The write of a namespace by one of the kustomizations that lead to a file."""
    for known in reach.kustomizations.values():
        if namespace is not None and known.namespace == namespace:
            return Write(_NAMESPACE, namespace, known.manifest, ("namespace",))
    return None


def _makes_more(known: Kustomization) -> bool:
    return known.changes or any(map(known.manifest.data.get, _GENERATORS))


def _is_moved_deeply(manifest: Manifest, namespace: str) -> bool:
    kind = group_and_kind(manifest)[1]
    renamed = kind == "Namespace" and manifest.value("metadata", "name") != namespace
    return renamed or kind in _MOVED_DEEPLY


def _in_namespace(problem: Unread, namespace: str | None) -> Unread:
    return problem if namespace is None else problem._replace(namespace=namespace)


def _documents(source: Source, *, substituting: bool) -> tuple[list[Manifest], list[Unread]]:
    """The objects of a file, those with variables too if they are substituted, and what could not be read."""
    if not substituting:
        return list(source.manifests), list(source.unread)
    found = list(source.manifests)
    unread: list[Unread] = []
    for problem in source.unread:
        document = None if problem.reason is not UnreadReason.TEMPLATE else _around(source.file, problem.at)
        if document is None:
            unread.append(problem)
        else:
            found.append(document)
    return found, unread


def _around(file: SourceFile, at: Location) -> Manifest | None:
    """The document of a file that holds a place, templates and all; None if it cannot be read so."""
    for start, end in split_documents(file.text):
        if not start <= at.start < end:
            continue
        try:
            composed = compose(file.text, start, end)
        except ComposeError:
            return None
        is_object = isinstance(composed.data, dict) and all(
            isinstance(composed.data.get(key), str) for key in ("apiVersion", "kind")
        )
        if composed.place is None or not is_object or str(composed.data["kind"]).endswith("List"):
            return None
        return Manifest(file, composed.data, composed.place)
    return None


def _left_template(manifest: Manifest) -> Unread | None:
    place: Place = manifest.place
    if not may_hold_template(manifest.file.text, place.start, place.end):
        return None
    template = find_template(manifest)
    if template is None:
        return None
    at = Location(manifest.file, template.start, template.end)
    namespace = manifest.value(*_NAMESPACE)
    said = namespace if isinstance(namespace, str) and "$" not in namespace else None
    return Unread(UnreadReason.TEMPLATE, template.message, at, said)
