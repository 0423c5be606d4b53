"""Helm charts: which directories are charts, which stand for themselves, and which files are theirs."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.discovery import CHART_FILE
from meshlint.source.document import Location, Manifest
from meshlint.source.origin import Source
from meshlint.source.reading import parse_yaml, read_mapping

REQUIREMENTS_FILE = "requirements.yaml"
TEMPLATES, DEPENDENCIES, DEFINITIONS = "templates", "charts", "crds"
MANIFESTS = (".yaml", ".yml", ".json")
"""How the names of files end that are read as manifests."""

# It becomes a directory, and a word on a command line.
_NAME = regex(r"[A-Za-z0-9][\w.-]{0,200}")
_PARTS = frozenset({TEMPLATES, DEPENDENCIES, DEFINITIONS})


class Dependency(NamedTuple):
    """
    A chart that another one needs, as its `Chart.yaml` says.

    `alias` is the name that it has within the other, `condition` the values that turn it off, `at` the
    place of its name. `number` tells which of the entries it is.
    """

    name: str
    alias: str
    repository: str
    condition: str
    at: Location
    number: int

    def is_off(self, values: Sequence[Mapping[str, Any]]) -> bool:
        """Whether its condition is false in some values, the last of which count most."""
        for path in self.condition.split(","):
            found = [value for each in values if isinstance(value := _below(each, path.strip()), bool)]
            if found:
                return not found[-1]
        return False


class Chart(NamedTuple):
    """A directory with a `Chart.yaml`, read as `manifest`; `directory` is the real one."""

    source: Source
    manifest: Manifest
    directory: str
    name: str

    @property
    def is_library(self) -> bool:
        """Whether it makes no objects, and is only there for other charts to use."""
        return self.manifest.data.get("type") == "library"

    @property
    def shown(self) -> str:
        """The directory as users are shown it."""
        return self.source.directory or "."


class Charts:
    """The charts of the input: `roots` stand for themselves, all others are for their use."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.by_directory = {
            chart.directory: chart
            for source in sources.values()
            if os.path.basename(source.real) == CHART_FILE
            if (chart := read_chart(source)) is not None
        }
        self.roots = [
            chart
            for chart in self.by_directory.values()
            if not (chart.is_library or self._is_dependency(chart.directory))
        ]

    @cached_property
    def files(self) -> Mapping[str, Sequence[Source]]:
        """The templates, definitions and dependencies of each root, by its directory."""
        files: dict[str, list[Source]] = {root.directory: [] for root in self.roots}
        for real, source in self.sources.items():
            home = self._home(os.path.dirname(real))
            if home in files:
                files[home].append(source)
        return files

    @cached_property
    def of_libraries(self) -> Sequence[Source]:
        """The templates of charts that only others use: by themselves they make nothing."""
        libraries = {chart.directory for chart in self.by_directory.values() if chart.is_library}
        return [
            source
            for real, source in self.sources.items()
            if libraries and self._home(os.path.dirname(real)) in libraries
        ]

    def root_of(self, chart: Chart) -> str:
        """The directory of the chart that one is rendered with: its own, or the outermost that needs it."""
        directory = chart.directory
        while self._is_dependency(directory):
            directory = os.path.dirname(os.path.dirname(directory))
        return directory

    def _home(self, directory: str) -> str | None:
        """The chart that a directory is a part of, rather than lies in: the outermost of dependencies."""
        step = ""
        while directory not in self.by_directory:
            parent, step = os.path.split(directory)
            if parent == directory:
                return None
            directory = parent
        if step not in _PARTS:
            return None
        if self._is_dependency(directory):
            return self._home(os.path.dirname(directory))
        return directory

    def _is_dependency(self, directory: str) -> bool:
        holder, name = os.path.split(os.path.dirname(directory))
        return name == DEPENDENCIES and holder in self.by_directory


def read_chart(source: Source) -> Chart | None:
    """Read a `Chart.yaml`; None if it is none."""
    manifest = read_mapping(source.file)
    name = manifest.data.get("name") if manifest is not None else None
    if manifest is None or not (isinstance(name, str) and _NAME.fullmatch(name)):
        return None
    return Chart(source, manifest, os.path.dirname(source.real), name)


def dependencies(manifest: Manifest) -> Iterator[Dependency]:
    """What a `Chart.yaml`, or the `requirements.yaml` of older charts, asks for."""
    entries = manifest.data.get("dependencies")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not (isinstance(entry, dict) and isinstance(entry.get("name"), str)):
            continue
        at = manifest.at("dependencies", index, "name")
        name, alias, repository, condition = (
            _text(entry.get(key)) for key in ("name", "alias", "repository", "condition")
        )
        yield Dependency(name, alias, repository, condition, at, index)


def values_of(texts: Iterable[str]) -> list[Mapping[str, Any]]:
    """The values of some files that can be read."""
    return [values for text in texts if isinstance(values := parse_yaml(text), dict)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _below(values: object, path: str) -> object:
    for step in path.split("."):
        values = values.get(step) if isinstance(values, dict) else None
    return values
