"""The charts among the files that were read: which are rendered, and what is left of the others."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from meshlint.source.chart_output import read_output
from meshlint.source.charts import DEFINITIONS, DEPENDENCIES, Chart, Charts
from meshlint.source.document import Unread, UnreadReason
from meshlint.source.helm import Helm, Release
from meshlint.source.origin import Source, without_templates
from meshlint.source.renderer import Refusal, Rendering, find_program


class ChartRendering:
    """
    Renders each chart that stands for itself.

    `rendered` are the charts with what was made of them; `namespaces` tells where they are installed, by
    directory, None that it is said and cannot be told.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        tops: Sequence[str],
        namespaces: Mapping[str, str | None],
        rendering: Rendering,
    ) -> None:
        self._charts = Charts(sources)
        self._namespaces = namespaces
        self._rendering = rendering
        helm = Helm(self._charts, tops, rendering)
        releases = [(chart, self._release(chart)) for chart in self._charts.roots]
        helm.render_all(releases)
        made = [(chart, release, helm.render(chart, release)) for chart, release in releases]
        self.rendered = [
            (chart, read_output(chart, it, release, sources))
            for chart, release, it in made
            if not isinstance(it, Refusal)
        ]
        self._refused = {chart.directory: it for chart, _, it in made if isinstance(it, Refusal)}
        self._done = {
            source.real: source
            for chart, _ in self.rendered
            for source in self._charts.files[chart.directory]
        }
        rendering.templates.update(source.file.path for source in self._done.values())
        self._by_chart_file = {chart.source.file.path: chart for chart in self._charts.by_directory.values()}

    @property
    def rendered_directories(self) -> frozenset[str]:
        """The directories of the charts that were rendered as they are delivered, with nothing left out."""
        return frozenset(
            chart.directory
            for chart, made in self.rendered
            if made.missing is None and self._namespaces.get(chart.directory, "") is not None
        )

    def definitions(self, chart: Chart) -> Sequence[Source]:
        """The files of a chart that helm applies as they are."""
        below = f"{chart.directory}{os.sep}"
        return [
            source for source in self._charts.files[chart.directory] if _is_definition(source.real, below)
        ]

    def without_rendered(self, sources: Iterable[Source]) -> list[Source]:
        """What is left of some files: those of rendered charts are done with, others say why they are not."""
        silent = {source.real for source in self._charts.of_libraries}
        left: list[Source] = []
        for source in sources:
            if source.real in self._done:
                continue
            unread = tuple(self.without_told(source.unread))
            chart = self._by_chart_file.get(source.file.path)
            if source.real in silent:
                unread = without_templates(unread)
            elif chart is not None and chart.directory in self._refused and unread == source.unread:
                unread = (*unread, *_not_rendered(chart, self._refused[chart.directory]))
            left.append(source._replace(unread=unread))
        return left

    def without_told(self, unread: Iterable[Unread]) -> Iterator[Unread]:
        """Some problems without those of charts that were rendered; others say why they were not."""
        for problem in unread:
            chart = self._by_chart_file.get(problem.at.file.path)
            if chart is None or problem.reason is not UnreadReason.TEMPLATE:
                yield problem
                continue
            root = self._charts.root_of(chart)
            if root in self._refused:
                yield problem._replace(message=f"{problem.message}: {self._refused[root].why}")

    def files_without(self, kept: Collection[str]) -> frozenset[str]:
        """The files of rendered charts as they are shown, less some real paths."""
        return frozenset(source.file.path for real, source in self._done.items() if real not in kept)

    def namespaces_of(self, paths: Collection[str]) -> Iterator[str | None]:
        """The namespaces of the rendered charts that some files, as they are shown, belong to."""
        for chart, made in self.rendered:
            own = (chart.source, *self._charts.files[chart.directory])
            if any(source.file.path in paths for source in own):
                yield made.namespace

    def _release(self, chart: Chart) -> Release:
        namespace = self._namespaces.get(chart.directory) or self._rendering.namespace
        return Release(None, namespace, self._rendering.values_files.get(chart.directory, ()))


def _is_definition(real: str, below: str) -> bool:
    """Whether a file is in the `crds/` of a chart, or of one that it depends on."""
    *directories, _ = real.removeprefix(below).split(os.sep)
    while directories[:1] == [DEPENDENCIES]:
        del directories[:2]
    return directories[:1] == [DEFINITIONS]


def _not_rendered(chart: Chart, refusal: Refusal) -> Iterator[Unread]:
    """That a chart was not rendered in which nothing is a template, as far as can be seen without helm."""
    if find_program("helm") is not None:
        message = f"chart {chart.name!r} is not rendered: {refusal.why}"
        yield Unread(UnreadReason.TEMPLATE, message, refusal.at)
