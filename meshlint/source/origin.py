"""Where each manifest comes from: its file, and the path that led to it."""

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable

from meshlint.named import NamedTuple
from meshlint.source.discovery import CHART_FILE, Discovery, FoundFile, chart_above
from meshlint.source.document import Location, Manifest, Unread, UnreadReason
from meshlint.source.reading import Reading
from meshlint.source.text import SourceFile

_KUSTOMIZATION_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
STRUCTURAL_FILES = frozenset({*_KUSTOMIZATION_NAMES, CHART_FILE, "requirements.yaml"})
"""The names of files that say how others belong together."""

_CLUSTER_WIDE_GROUPS = frozenset(
    (
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "node.k8s.io",
        "scheduling.k8s.io",
    )
)
_CLUSTER_WIDE = frozenset(
    (
        *("Namespace", "Node", "PersistentVolume", "GatewayClass", "IngressClass"),
        *("CertificateSigningRequest", "PodSecurityPolicy", "CiliumClusterwideNetworkPolicy"),
    )
)


class Source(NamedTuple):
    """One file: where it is, the directory argument it came from, and what was read in it."""

    file: SourceFile
    real: str
    argument: str | None
    manifests: tuple[Manifest, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def directory(self) -> str:
        """The directory that holds the file, as shown."""
        return posixpath.dirname(self.file.path)


def sources_of(
    readings: Iterable[Reading], discovery: Discovery, unread: Iterable[Unread]
) -> dict[str, Source]:
    """Everything that was found, by real path, in the order of the paths as shown."""
    found = {file.path: file for file in discovery.files}
    sources: dict[str, Source] = {}
    for reading in readings:
        file = found[reading.file.path]
        text = reading.file if reading.file.text else _structural(file, reading.file)
        sources[file.real] = Source(text, file.real, file.directory, reading.manifests, reading.unread)
    for problem in unread:
        shown = problem.at.file.path
        real = found[shown].real if shown in found else os.path.realpath(shown)
        argument = found[shown].directory if shown in found else _argument(real, discovery)
        known = sources.get(real) or Source(problem.at.file, real, argument)
        sources[real] = known._replace(unread=(*known.unread, problem))
    return dict(sorted(sources.items(), key=lambda item: item[1].file.path))


def group_templates(sources: dict[str, Source]) -> dict[str, Source]:
    """Make one problem of all the templates of a chart that could not be read."""
    charts: dict[str, list[Source]] = defaultdict(list)
    chart_of: dict[str, str | None] = {}
    for source in sources.values():
        if any(problem.reason is UnreadReason.TEMPLATE for problem in source.unread):
            directory = os.path.dirname(source.real)
            if directory not in chart_of:
                chart_of[directory] = chart_above(directory)
            chart = chart_of[directory]
            if chart is not None:
                charts[chart].append(source)
    grouped = dict(sources)
    for chart, templates in charts.items():
        for template in templates:
            grouped[template.real] = template._replace(unread=without_templates(template.unread))
        home = sources.get(os.path.join(chart, CHART_FILE), templates[0])
        problem = _unrendered_chart(home, chart, len(templates))
        grouped[home.real] = grouped[home.real]._replace(unread=(*grouped[home.real].unread, problem))
    return grouped


def has_chart(sources: Iterable[str]) -> bool:
    """Whether there is a chart of Helm among some files."""
    return any(os.path.basename(real) == CHART_FILE for real in sources)


def only_broken(source: Source) -> Source:
    """Without manifests, and without what is unread for lack of a value: it would not be linted."""
    unfilled = {UnreadReason.TEMPLATE, UnreadReason.ENCRYPTED}
    broken = tuple(problem for problem in source.unread if problem.reason not in unfilled)
    return source._replace(manifests=(), unread=broken)


def common_directory(directories: set[str]) -> str:
    """The deepest directory that holds all; empty if there is none, as for `a` and `/b`."""
    slashed = {directory.rstrip("/") + "/" for directory in directories if directory}
    if not slashed or "" in directories:
        return ""
    prefix = posixpath.commonprefix([min(slashed), max(slashed)])
    end = prefix.rfind("/")
    return "/" if end == 0 else prefix[: max(end, 0)]


def group_and_kind(manifest: Manifest) -> tuple[str, str]:
    """The API group and kind of a manifest, as text whatever it holds."""
    data = manifest.data
    return str(data.get("apiVersion")).rpartition("/")[0], str(data.get("kind"))


def takes_namespace(manifest: Manifest) -> bool:
    """Whether an object is in a namespace; kinds that are not known to be cluster-wide are."""
    group, kind = group_and_kind(manifest)
    if group == "storage.k8s.io" or group in _CLUSTER_WIDE_GROUPS:
        return kind == "CSIStorageCapacity"
    is_named_so = kind.startswith("Cluster") and kind not in ("Cluster", "ClusterServiceVersion")
    return kind not in _CLUSTER_WIDE and not is_named_so


def _structural(found: FoundFile, file: SourceFile) -> SourceFile:
    """The file with its text, should it say how others belong together; readings only keep manifests."""
    if os.path.basename(found.real) not in STRUCTURAL_FILES:
        return file
    content = found.read()
    return (
        file if isinstance(content, Unread) else SourceFile(file.path, content.decode("utf-8-sig", "replace"))
    )


def _argument(real: str, discovery: Discovery) -> str | None:
    holding = (
        shown
        for shown, directory in discovery.directories.items()
        if real == directory or real.startswith(directory.rstrip(os.sep) + os.sep)
    )
    return max(holding, key=lambda shown: len(discovery.directories[shown]), default=None)


def without_templates(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    """What is unread for other reasons than that nobody has rendered it."""
    return tuple(problem for problem in unread if problem.reason is not UnreadReason.TEMPLATE)


def _unrendered_chart(home: Source, chart: str, count: int) -> Unread:
    text = home.file.text
    is_chart_file = os.path.basename(home.real) == CHART_FILE
    named = re.search(r"^name:[ \t]*[\"']?([^\s\"'#]+)", text, re.MULTILINE) if is_chart_file else None
    name = named[1] if named else os.path.basename(chart)
    templates = "1 template is" if count == 1 else f"{count} templates are"
    message = f"chart {name!r}: {templates} not rendered"
    first_line = re.match(r"[^\r\n]*", text)
    end = first_line.end() if first_line else 0
    return Unread(UnreadReason.TEMPLATE, message, Location(home.file, 0, end))
