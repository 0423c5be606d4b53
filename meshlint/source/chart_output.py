"""What helm made of a chart, read: which template made what, and at which of its lines."""

import os
import posixpath
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.charts import MANIFESTS, TEMPLATES, Chart, dependencies, values_of
from meshlint.source.document import FieldPath, Location, Manifest, Place, Unread, UnreadReason
from meshlint.source.helm import UNKNOWN_NAMESPACE, ChartBuild, Release, unvendored
from meshlint.source.origin import Source
from meshlint.source.reading import read_text
from meshlint.source.rendered import Part, RenderedManifest
from meshlint.source.renderer import Refusal
from meshlint.source.template_places import TemplatePlaces
from meshlint.source.text import SourceFile

_LARGEST_TEMPLATE = 1024 * 1024
_SOURCE = regex(r"^---[ \t]*\n# Source: ([^\r\n]+)\n", re.MULTILINE)
_OF_THE_MESH = regex(r"istio\.io|gateway\.networking\.k8s\.io|kind: *(?:Namespace|Service)\b")


class RenderedChart(NamedTuple):
    """
    The objects of a chart, and what helm made that cannot be read.

    `namespace` is that of objects which name none; None if it is not known. `missing` says what was not
    there to be rendered, `partial` why there may be more in a cluster, which can have other reasons.
    """

    manifests: tuple[Manifest, ...]
    unread: tuple[Unread, ...]
    namespace: str | None
    missing: Refusal | None = None
    partial: Refusal | None = None


def read_output(
    chart: Chart, build: ChartBuild, release: Release, sources: Mapping[str, Source]
) -> RenderedChart:
    """Read what helm made of a chart; `sources` are the files that were read, by real path."""
    return _Output(chart, build, release, sources).read()


class _Output:
    """Reads what helm wrote: which template made what, and at which of its lines."""

    def __init__(
        self, chart: Chart, build: ChartBuild, release: Release, sources: Mapping[str, Source]
    ) -> None:
        self._chart = chart
        self._build = build
        self._release = release
        self._sources = sources
        self._templates: dict[str, tuple[SourceFile, TemplatePlaces] | None] = {}
        headers = list(_SOURCE.finditer(build.text))
        self._starts = [header.start() for header in headers]
        self._names = [header[1] for header in headers]
        self._made = frozenset(self._names)

    def read(self) -> RenderedChart:
        """The objects, and what cannot be read of them."""
        reading = read_text("", self._build.text.encode("utf-8", "surrogatepass"))
        namespace = self._release.namespace or _made_namespace(reading.manifests)
        manifests = tuple(
            self._rendered(_told(made.data, namespace), made.place.start, made.prefix)
            for made in reading.manifests
        )
        unread = [
            problem._replace(at=self._rendered({}, problem.at.offsets[0]).at()) for problem in reading.unread
        ]
        missing = self._missing()
        if missing is not None:
            unread.append(Unread(UnreadReason.TEMPLATE, missing.why, missing.at, namespace))
        return RenderedChart(manifests, tuple(unread), namespace, missing, missing or self._silent())

    def _silent(self) -> Refusal | None:
        """
        A template of something that the mesh is about, which makes nothing with the values of the chart.

        A chart is seldom installed with its own values alone, so it is likely to make something then.
        """
        if self._release.values_files:
            return None
        for path in self._build.copied.files:
            name = f"{self._chart.name}/{path}"
            if not path.startswith(f"{TEMPLATES}/") or not path.endswith(MANIFESTS) or name in self._made:
                continue
            template = self._found(name)
            if template is not None and _OF_THE_MESH.search(template[0].text):
                why = f"{path!r} makes nothing with the values of the chart, and may with others"
                return Refusal(why, Location(template[0], 0, 0))
        return None

    def _missing(self) -> Refusal | None:
        """What was left out because it is not vendored, which nobody fetches."""
        missing = self._build.missing
        if not missing:
            return None
        why = f"chart {self._chart.name!r}: {unvendored(missing)}, and not rendered"
        return Refusal(why, missing[0].at)

    def _rendered(self, data: dict[str, Any], start: int, prefix: FieldPath = ()) -> RenderedManifest:
        """What was made, at the lines of its template; of an archive, at the line that asks for the chart."""
        index = bisect_right(self._starts, start) - 1
        name = self._names[index] if index >= 0 else ""
        template = self._found(name)
        if template is not None:
            file, places = template
            origin = Manifest(file, data, places.place(data), prefix)
        else:
            at = self._asked_at(name)
            origin = Manifest(at.file, {}, Place(*at.offsets), prefix)
        return RenderedManifest(data, [Part(origin, origin.data)])

    def _found(self, name: str) -> tuple[SourceFile, TemplatePlaces] | None:
        if name not in self._templates:
            self._templates[name] = self._template(name)
        return self._templates[name]

    def _template(self, name: str) -> tuple[SourceFile, TemplatePlaces] | None:
        real = self._build.copied.find(name)
        if real is None:
            return None
        source = self._sources.get(real)
        file = source.file if source is not None and source.file.text else None
        file = file or SourceFile(source.file.path if source else self._shown(real), _content(real))
        is_own = self._build.copied.dependency(name) is None
        return file, TemplatePlaces(file.text, self._values if is_own else ())

    def _shown(self, real: str) -> str:
        below = os.path.relpath(real, self._chart.directory).replace(os.sep, "/")
        return posixpath.normpath(posixpath.join(self._chart.shown, below))

    @cached_property
    def _values(self) -> Sequence[Mapping[str, Any]]:
        own = self._build.copied.files.get("values.yaml")
        return values_of(map(_content, (*([own] if own else []), *self._release.values_files)))

    def _asked_at(self, name: str) -> Location:
        """Where the chart asks for the one that a template is in."""
        wanted = self._build.copied.dependency(name)
        listed = (it.at for it in dependencies(self._chart.manifest) if it.name == wanted)
        return next(listed, self._chart.manifest.at("name"))


def _made_namespace(manifests: Iterable[Manifest]) -> str | None:
    """The namespace of the release if the chart makes it itself, wherever that may be."""
    made = (m.value("metadata", "name") for m in manifests if m.value("kind") == "Namespace")
    return UNKNOWN_NAMESPACE if UNKNOWN_NAMESPACE in made else None


def _told(data: dict[str, Any], namespace: str | None) -> dict[str, Any]:
    """An object without a namespace that nobody knows."""
    metadata = data.get("metadata")
    if namespace is not None or not isinstance(metadata, dict):
        return data
    if metadata.get("namespace") != UNKNOWN_NAMESPACE:
        return data
    return {**data, "metadata": {key: value for key, value in metadata.items() if key != "namespace"}}


def _content(path: str) -> str:
    """The text of a file that holds no manifest, and therefore was not kept."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            return file.read(_LARGEST_TEMPLATE)
    except OSError:
        return ""
