"""
Charts as `helm template` renders them.

helm is run on a copy that was found harmless: no network, no plugins, no cluster, nothing from outside of
the repository. It says from which template an object comes; the line is found by what the template
looks like.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from meshlint.cache import digest
from meshlint.named import NamedTuple
from meshlint.parallel import processors
from meshlint.regex import regex
from meshlint.source.chart_copy import CopiedChart, Copier, NotCopiedError, is_within
from meshlint.source.charts import Chart, Charts, Dependency
from meshlint.source.renderer import Output, Refusal, Rendering, find_program, run_renderer, stamp

KUBERNETES_VERSION = "1.34.0"
"""The version that charts are told they are for."""

UNKNOWN_NAMESPACE = "release-namespace"
"""The namespace of a release of which nobody says where it goes."""

_OF_THE_MESH = regex(r"istio\.io|gateway\.networking\.k8s\.io|kind: *(?:Namespace|Service)\b")
_LONGEST_REASON = 300
_LONGEST_NAME = 53
_LARGEST_TEMPLATE = 1024 * 1024
_ANY_NAME = "release"
_RELEASE_NAME = regex(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_SOURCE = regex(r"^---[ \t]*\n# Source: ([^\r\n]+)\n", re.MULTILINE)
_ADVICE = regex(r"\s*Use --debug flag to render out invalid YAML$")
_FAILED_TEMPLATE = regex(
    r"^template: |^execution error at \((?P<at>[^)]*)\): |executing \"[^\"]*\" (?=at <)|error calling \w+: "
)
_ISTIO_NETWORKING = (
    *("DestinationRule", "EnvoyFilter", "Gateway", "ProxyConfig", "ServiceEntry"),
    *("Sidecar", "VirtualService", "WorkloadEntry", "WorkloadGroup"),
)
_ISTIO_SECURITY = ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication")
_API_VERSIONS: Mapping[str, Sequence[str]] = {
    "gateway.networking.k8s.io/v1": ("Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute"),
    "gateway.networking.k8s.io/v1beta1": ("Gateway", "GatewayClass", "HTTPRoute", "ReferenceGrant"),
    "gateway.networking.k8s.io/v1alpha2": ("TCPRoute", "TLSRoute", "UDPRoute"),
    "networking.istio.io/v1": _ISTIO_NETWORKING,
    "networking.istio.io/v1beta1": _ISTIO_NETWORKING,
    "networking.istio.io/v1alpha3": _ISTIO_NETWORKING,
    "security.istio.io/v1": _ISTIO_SECURITY,
    "security.istio.io/v1beta1": _ISTIO_SECURITY,
    "telemetry.istio.io/v1": ("Telemetry",),
    "telemetry.istio.io/v1alpha1": ("Telemetry",),
    "extensions.istio.io/v1alpha1": ("WasmPlugin",),
}


class Release(NamedTuple):
    """
    How a chart is installed, as far as that is known.

    `values_files` are paths of files whose values come after the chart's own.
    """

    name: str | None = None
    namespace: str | None = None
    values_files: tuple[str, ...] = ()


class ChartBuild(NamedTuple):
    """What helm made of a chart: its output, the copy that it was made of, and what was left out of that."""

    text: str
    copied: CopiedChart
    missing: tuple[Dependency, ...] = ()


class Helm:
    """
    Renders charts, each once for a release: `rendering` holds what was rendered already.

    `tops` are the directories that may be read in.
    """

    def __init__(self, charts: Charts, tops: Sequence[str], rendering: Rendering) -> None:
        self._charts = charts
        self._tops = tops
        self._rendering = rendering
        self._built = rendering.charts

    @cached_property
    def _program(self) -> str | None:
        return find_program("helm")

    def render_all(self, releases: Iterable[tuple[Chart, Release]]) -> None:
        """Render several charts side by side, as many as there are processors."""
        wanted = [it for it in releases if (it[0].directory, it[1]) not in self._built]
        if len(wanted) > 1 and self._program is not None:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(processors()) as pool:
                built = list(pool.map(lambda it: self._build(*it), wanted))
            for (chart, release), build in zip(wanted, built, strict=True):
                self._built[chart.directory, release] = build

    def render(self, chart: Chart, release: Release) -> ChartBuild | Refusal:
        """Render a chart, or say why it is not rendered."""
        key = chart.directory, release
        if key not in self._built:
            self._built[key] = self._build(chart, release)
        return self._built[key]

    def _build(self, chart: Chart, release: Release) -> ChartBuild | Refusal:
        import tempfile

        if self._program is None:
            return Refusal("helm is not on PATH", chart.manifest.at("name"))
        # What it reads comes out of archives and other directories as well.
        self._rendering.is_untold()
        with tempfile.TemporaryDirectory(prefix="meshlint-") as made:
            home = os.path.realpath(made)
            copier = Copier(self._tops, self._charts.sources.__contains__, os.path.join(home, "unpacked"))
            try:
                values = [_values_text(path, self._tops) for path in release.values_files]
                copied = copier.copy(chart, os.path.join(home, "chart"), values)
            except NotCopiedError as error:
                return Refusal(str(error), chart.manifest.at("name"))
            output = self._output(self._program, home, chart, release, values)
        if output.text is None:
            why = _reason(output.why, home)
            without = f"{unvendored(copier.missing)}; without it, {why}" if copier.missing else why
            return Refusal(without, chart.manifest.at("name"))
        return ChartBuild(output.text, copied, tuple(copier.missing))

    def _output(
        self, program: str, home: str, chart: Chart, release: Release, values: Sequence[str]
    ) -> Output:
        """What helm writes, or wrote for the same copy in an earlier run."""
        cache = self._rendering.cache
        if cache is None:
            return _run(program, home, chart, release, values)
        own = (chart.name, release.name, release.namespace, KUBERNETES_VERSION, *_api_versions())
        copy = os.path.join(home, "chart")
        parts = (b"helm", stamp(program), repr(own).encode(), *(text.encode() for text in values))
        key = digest(*parts, *_contents(copy))
        known = cache.get(key)
        if known is not None and isinstance(known.get("text"), str):
            return Output(known["text"])
        output = _run(program, home, chart, release, values)
        if output.text is not None:
            cache.put(key, {"text": output.text})
        return output


def _contents(directory: str) -> Iterator[bytes]:
    """The paths and contents of all files below a directory."""
    for home, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted(files):
            path = os.path.join(home, name)
            yield os.path.relpath(path, directory).encode("utf-8", "surrogateescape")
            with open(path, "rb") as file:
                yield file.read()


def unvendored(missing: Iterable[Dependency]) -> str:
    """That some dependencies are not there, and nobody fetches them."""
    names = list(dict.fromkeys(dependency.name for dependency in missing))
    what = "dependency {} is" if len(names) == 1 else "dependencies {} are"
    return f"{what.format(', '.join(map(repr, names)))} not vendored in `charts/`"


def _values_text(path: str, tops: Sequence[str]) -> str:
    """The text of a values file. Raises NotCopiedError if it may not be read."""
    if not is_within(os.path.realpath(path), tops):
        raise NotCopiedError(f"the values {path!r} are outside of the repository")
    if os.path.exists(path) and not os.path.isfile(path):
        raise NotCopiedError(f"the values {path!r} are not in a regular file")
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise NotCopiedError(f"the values {path!r} cannot be read: {why}") from None


def _run(program: str, home: str, chart: Chart, release: Release, values: Sequence[str]) -> Output:
    """Run helm where it finds no plugins, no repositories, and no cluster that `lookup` could ask."""
    name = (release.name or chart.name.lower().replace("_", "-"))[:_LONGEST_NAME].rstrip("-.")
    name = name if _RELEASE_NAME.fullmatch(name) else _ANY_NAME
    command = [program, "template", name, os.path.join(home, "chart")]
    command += ["--namespace", release.namespace or UNKNOWN_NAMESPACE, "--skip-tests"]
    command += ["--kube-version", KUBERNETES_VERSION]
    command += [word for version in _api_versions() for word in ("--api-versions", version)]
    for number, text in enumerate(values):
        path = os.path.join(home, f"values-{number}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        command += ["--values", path]
    return run_renderer(command, home)


def _api_versions() -> Iterator[str]:
    """What `.Capabilities.APIVersions` has in a cluster with the Gateway API and Istio."""
    for version, kinds in _API_VERSIONS.items():
        yield version
        yield from (f"{version}/{kind}" for kind in kinds)


def _reason(why: str, home: str) -> str:
    """What helm complains of, without the words that lead to it."""
    said = _ADVICE.sub("", why).replace(f"{home}{os.sep}chart{os.sep}", "")
    reason = _FAILED_TEMPLATE.sub(lambda match: f"{match['at']}: " if match["at"] else "", said)
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
