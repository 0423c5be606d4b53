"""
A copy of a chart, for helm to render: only what may be read, and nothing that reaches outside.

What is linked from outside of the repository is refused. Charts in archives are unpacked here, within
bounds. JSON schemas are left out: helm would fetch what they refer to. What is not vendored is left out
too, so that the rest can be rendered.
"""

import io
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from meshlint.named import NamedTuple
from meshlint.source.charts import (
    DEPENDENCIES,
    MANIFESTS,
    REQUIREMENTS_FILE,
    TEMPLATES,
    Chart,
    Dependency,
    dependencies,
    read_chart,
    values_of,
)
from meshlint.source.discovery import CHART_FILE
from meshlint.source.document import Manifest
from meshlint.source.origin import Source
from meshlint.source.reading import read_mapping
from meshlint.source.text import SourceFile

if TYPE_CHECKING:
    from tarfile import TarInfo

MOST_BYTES = 128 * 1024 * 1024
"""How large a chart may be with all that it depends on, unpacked."""

MOST_FILES = 20_000
"""How many files it may have."""

_DEEPEST = 20
_LARGEST_TEXT = 1024 * 1024
_ARCHIVES = (".tgz", ".tar.gz")
_LEFT_OUT = frozenset({"values.schema.json", "Chart.lock", "requirements.lock"})
_LOCAL = "file://"


class NotCopiedError(Exception):
    """A chart that cannot be copied; the text is the reason."""


class CopiedChart(NamedTuple):
    """
    A chart that was copied.

    `files` are its files, without those of its `charts/`, each with where it really is: None if it
    is in an archive. `subcharts` are by name, `aliases` names by what they are called here.
    """

    name: str
    files: dict[str, str | None]
    subcharts: "dict[str, CopiedChart]"
    aliases: Mapping[str, str]

    def find(self, source: str) -> str | None:
        """
        The real path of what helm calls `shop/charts/redis/templates/x.yaml`.

        None if it is in an archive, or not there.
        """
        chart, path = self, source.partition("/")[2]
        while path.startswith(f"{DEPENDENCIES}/"):
            called, _, path = path.removeprefix(f"{DEPENDENCIES}/").partition("/")
            name = chart.aliases.get(called, called)
            if name not in chart.subcharts:
                return None
            chart = chart.subcharts[name]
        return chart.files.get(path)

    def dependency(self, source: str) -> str | None:
        """The name of the dependency that a path of helm leads into; None if it leads into none."""
        path = source.partition("/")[2]
        if not path.startswith(f"{DEPENDENCIES}/"):
            return None
        called = path.split("/")[1]
        return self.aliases.get(called, called)


class _Home(NamedTuple):
    """
    A chart to be copied; `tops` are the directories that may be read in.

    What was unpacked has files that people do not see.
    """

    chart: Chart
    tops: Sequence[str]
    is_unpacked: bool = False


class Copier:
    """
    Makes one copy.

    `tops` are the directories that may be read in; `takes` tells of a template of the chart whether it is
    to be rendered; archives are unpacked in `staging`. `missing` are the dependencies that were not
    there.
    """

    def __init__(self, tops: Sequence[str], takes: Callable[[str], bool], staging: str) -> None:
        self.missing: Final[list[Dependency]] = []
        self._tops = tops
        self._takes = takes
        self._staging = staging
        self._bytes = 0
        self._files = 0
        self._archives = 0

    def copy(self, chart: Chart, target: str, values: Sequence[str]) -> CopiedChart:
        """
        Copy a chart. `values` are texts that come after its own values, and say which dependencies are off.

        Raises NotCopiedError.
        """
        try:
            return self._copy(_Home(chart, self._tops), target, values, ())
        except OSError as error:
            name = os.path.basename(str(error.filename))
            raise NotCopiedError(f"{name!r} cannot be read: {error.strerror}") from None

    def _copy(
        self, home: _Home, target: str, values: Sequence[str], within: Sequence[Dependency]
    ) -> CopiedChart:
        if len(within) > _DEEPEST:
            raise NotCopiedError("its charts are nested too deeply")
        files = self._copy_files(home, target, is_root=not within)
        subcharts = {sub.chart.name: sub for sub in self._vendored(home)}
        listing = self._listing(home.chart)
        listed = list(dependencies(listing))
        needed = self._needed(home, listed, values)
        for dependency in needed:
            local = self._local(home, dependency) if dependency.name not in subcharts else None
            if local is not None:
                subcharts[dependency.name] = local
        self._leave_out([it for it in listed if it.name not in subcharts], listing, target)
        # What is missing further in is missed at the line that leads there.
        self.missing.extend(
            it._replace(at=within[0].at) if within else it for it in needed if it.name not in subcharts
        )
        by_name = {it.name: it for it in listed}
        copied = {
            name: self._copy(
                sub,
                os.path.join(target, DEPENDENCIES, name),
                (),
                (*within, by_name.get(name) or _unlisted(home.chart, name)),
            )
            for name, sub in subcharts.items()
        }
        return CopiedChart(home.chart.name, files, copied, {it.alias: it.name for it in listed if it.alias})

    def _copy_files(self, home: _Home, target: str, *, is_root: bool) -> dict[str, str | None]:
        files: dict[str, str | None] = {}
        for path, real in self._walk(home, home.chart.directory, ""):
            is_template = path.startswith(f"{TEMPLATES}/") and path.endswith(MANIFESTS)
            if path in _LEFT_OUT or (is_root and is_template and not self._takes(real)):
                continue
            _write(os.path.join(target, path), self._content(real))
            files[path] = None if home.is_unpacked else real
        return files

    def _walk(self, home: _Home, directory: str, path: str) -> Iterator[tuple[str, str]]:
        """The regular files below a directory, less `charts/`: the path in the chart, and the real one."""
        if path.count("/") > _DEEPEST:
            raise NotCopiedError("its directories are nested too deeply")
        for name in sorted(os.listdir(directory)):
            below = f"{path}{name}"
            if below == DEPENDENCIES or name == ".git":
                continue
            real = self._real(home, os.path.join(directory, name), below)
            mode = os.stat(real).st_mode
            if stat.S_ISDIR(mode):
                yield from self._walk(home, real, f"{below}/")
            elif stat.S_ISREG(mode):
                yield below, real

    def _real(self, home: _Home, path: str, shown: str) -> str:
        """Where a path really is, which must be a place that may be read."""
        real = os.path.realpath(path)
        if not is_within(real, home.tops):
            raise NotCopiedError(f"{shown!r} is outside of the repository")
        return real

    def _content(self, real: str) -> bytes:
        """The whole file; raises NotCopiedError if that is too much."""
        with open(real, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        self._count(1, len(content))
        return content

    def _count(self, files: int, size: int) -> None:
        self._files += files
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise NotCopiedError(f"it is larger than {MOST_BYTES // 2**20} MiB")
        if self._files > MOST_FILES:
            raise NotCopiedError(f"it has more than {MOST_FILES} files")

    def _vendored(self, home: _Home) -> Iterator[_Home]:
        """The charts in `charts/`, archives unpacked."""
        holder = os.path.join(home.chart.directory, DEPENDENCIES)
        if not os.path.isdir(holder):
            return
        holder = self._real(home, holder, DEPENDENCIES)
        for name in sorted(os.listdir(holder)):
            if name.startswith((".", "_")):
                continue
            real = self._real(home, os.path.join(holder, name), f"{DEPENDENCIES}/{name}")
            if name.endswith(_ARCHIVES) and os.path.isfile(real):
                sub = self._unpacked(real, f"{DEPENDENCIES}/{name}")
            else:
                sub = home._replace(chart=chart) if (chart := _chart_in(real)) else None
            if sub is not None:
                yield sub

    def _unpacked(self, archive: str, shown: str) -> _Home | None:
        """The chart in an archive: regular files alone, all below one directory."""
        import tarfile

        self._archives += 1
        target = os.path.join(self._staging, str(self._archives))
        top = ""
        try:
            with tarfile.open(fileobj=io.BytesIO(self._inflated(archive))) as tar:
                for member in tar:
                    top, *path = os.path.normpath(member.name).split("/")
                    extracted = (
                        tar.extractfile(member) if _is_plain(member) and top not in ("", "..") else None
                    )
                    if extracted is not None and path:
                        self._count(1, 0)
                        _write(os.path.join(target, top, *path), extracted.read())
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise NotCopiedError(f"{shown!r} cannot be unpacked: {error}") from None
        # An archive of nothing, or of something else, is not this program's to judge.
        chart = _chart_in(os.path.join(target, top)) if top else None
        return _Home(chart, (target,), is_unpacked=True) if chart else None

    def _inflated(self, archive: str) -> bytes:
        """An archive without its compression, as far as it may go."""
        import gzip

        with gzip.open(archive) as file:
            content = file.read(MOST_BYTES + 1 - self._bytes)
        self._count(0, len(content))
        return content

    def _listing(self, chart: Chart) -> Manifest:
        """What lists the dependencies of a chart."""
        requirements = os.path.join(chart.directory, REQUIREMENTS_FILE)
        if chart.manifest.data.get("dependencies") is not None or not os.path.isfile(requirements):
            return chart.manifest
        shown = f"{chart.source.directory}/{REQUIREMENTS_FILE}".lstrip("/")
        text = _text(requirements)
        return (read_mapping(SourceFile(shown, text)) if text is not None else None) or chart.manifest

    def _needed(self, home: _Home, listed: Iterable[Dependency], values: Sequence[str]) -> list[Dependency]:
        own = _text(os.path.join(home.chart.directory, "values.yaml"))
        known = values_of([*([] if own is None else [own]), *values])
        return [dependency for dependency in listed if not dependency.is_off(known)]

    def _local(self, home: _Home, dependency: Dependency) -> _Home | None:
        """A dependency that is a directory of the repository, where helm would take it from."""
        if not dependency.repository.startswith(_LOCAL):
            return None
        path = os.path.join(home.chart.directory, dependency.repository.removeprefix(_LOCAL))
        chart = _chart_in(self._real(home, path, dependency.repository))
        return home._replace(chart=chart) if chart and chart.name == dependency.name else None

    def _leave_out(self, missing: Sequence[Dependency], listing: Manifest, target: str) -> None:
        """Write what lists the dependencies without those that are missing, for helm would complain."""
        if not missing:
            return
        gone = {dependency.number for dependency in missing}
        entries = [it for index, it in enumerate(listing.data["dependencies"]) if index not in gone]
        text = json.dumps({**listing.data, "dependencies": entries})
        _write(os.path.join(target, os.path.basename(listing.file.path)), text.encode())


def is_within(real: str, tops: Iterable[str]) -> bool:
    """Whether a real path is one of some directories or in one."""
    return any(real == top or real.startswith(top.rstrip(os.sep) + os.sep) for top in tops)


def _chart_in(directory: str) -> Chart | None:
    path = os.path.join(directory, CHART_FILE)
    text = _text(path)
    return None if text is None else read_chart(Source(SourceFile(path, text), path, None))


def _text(path: str) -> str | None:
    """The text of a small file that is needed to find others; None if there is none."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read(_LARGEST_TEXT)
    except OSError:
        return None


def _is_plain(member: "TarInfo") -> bool:
    """Whether a member is a file that is as large as it is in the archive: sparse ones can be without end."""
    return member.isreg() and not member.issparse()


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def _unlisted(chart: Chart, name: str) -> Dependency:
    """A chart that is in `charts/` and in no list."""
    return Dependency(name, "", "", "", chart.manifest.at("name"), -1)
