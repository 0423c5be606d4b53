"""From paths to all that was read of them."""

import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshlint.named import NamedTuple
from meshlint.source.discovery import CHART_FILE, STDIN, Discovery, FoundFile, discover
from meshlint.source.document import Unread
from meshlint.source.patterns import PatternsFrom
from meshlint.source.text import speaks_of_kubernetes
from meshlint.stage import begin

if TYPE_CHECKING:
    from meshlint.cache import Cache
    from meshlint.source.cluster import Cluster
    from meshlint.source.decision import Deciding
    from meshlint.source.reading import Reading
    from meshlint.source.renderer import Rendering
    from meshlint.source.sets import ManifestSet


class Input(NamedTuple):
    """
    All that was read from some paths.

    `files` is how many files were read; `readings` and `sets` are empty if none of them speaks
    of Kubernetes. `unread` could not even be opened. `named` are the paths, as shown, of the files
    that were named themselves, standard input included. `discovery` is how they were found, `rendering`
    what renderers made of directories: None if they were not to be asked. `deciding` is what sets are
    decided by. `live` tells that a cluster was read instead of files.
    """

    files: int
    readings: "Sequence[Reading]"
    sets: "Sequence[ManifestSet]"
    unread: Sequence[Unread]
    named: Sequence[str] = ()
    discovery: Discovery = Discovery(())
    rendering: "Rendering | None" = None
    deciding: "Deciding | None" = None
    live: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to look at and nothing to complain of."""
        return not (self.readings or self.unread or self.live)

    def unread_of(self, reading: "Reading") -> Sequence[Unread]:
        """What of a file could not be read, and was not rendered either."""
        if self.rendering is None or reading.file.path not in self.rendering.templates:
            return reading.unread
        return ()

    @property
    def in_vain(self) -> Sequence[str]:
        """
        What was named itself and should have held something of Kubernetes.

        Standard input always should: a render that failed writes nothing. Files should unless
        anything else does, so that `*.yaml` may take in a values file.
        """
        if not self.named:
            return ()
        holding = {reading.file.path for reading in self.readings if reading.manifests or reading.unread}
        holding.update(unread.at.file.path for unread in self.unread)
        if STDIN in self.named and STDIN not in holding:
            return (STDIN,)
        return () if holding else self.named


class Contents(NamedTuple):
    """
    The bytes of the files that some paths stand for; `unread` could not be opened.

    They are gone once they were read: they are kept as texts.
    """

    discovery: Discovery
    files: list[tuple[FoundFile, bytes]]
    unread: Sequence[Unread]

    @property
    def may_hold_manifests(self) -> bool:
        """Whether one of the files speaks of Kubernetes, or could not be opened."""
        return bool(self.unread) or any(speaks_of_kubernetes(content) for _, content in self.files)


def find_contents(
    paths: Sequence[str], exclude: Sequence[str | PatternsFrom] = (), context: Sequence[str] = ()
) -> Contents:
    """
    Find the files that some paths stand for, and their bytes; `-` is standard input.

    What lies in `context` is left out. Raises UsageError for a path that is not there.
    """
    begin("read")
    has_stdin = "-" in paths and sys.stdin is not None
    stdin = sys.stdin.buffer if has_stdin else None
    discovery = discover(paths, exclude=exclude, leave_out=context, stdin=stdin)
    files: list[tuple[FoundFile, bytes]] = []
    unread = list(discovery.unread)
    for found in discovery.files:
        content = found.read()
        if isinstance(content, Unread):
            unread.append(content)
        else:
            files.append((found, content))
    return Contents(discovery, files, unread)


def read_contents(  # noqa: PLR0913 - each tells something else of what is read
    contents: Contents,
    *,
    render: bool = False,
    deciding: "Deciding | None" = None,
    namespace: str | None = None,
    values_files: Mapping[str, Sequence[str]] = MappingProxyType({}),
    cache: "Cache | None" = None,
    jobs: int = 1,
) -> Input:
    """
    Read what some files say.

    `render` has kustomizations built that change objects, and charts rendered: into `namespace` if nothing
    says another one, with the `values_files` of their directories. `deciding` has the sets of the settings
    made, and what Flux and Argo CD apply followed. `cache` knows what was rendered before. Large
    files are read by as many processes as there are `jobs`.
    """
    # What a chart makes may stand in files that are no YAML.
    charts = render and any(os.path.basename(found.real) == CHART_FILE for found, _ in contents.files)
    if charts or contents.may_hold_manifests:
        return _parsed(contents, (namespace, values_files, cache) if render else None, deciding, jobs)
    discovery = contents.discovery
    return Input(len(contents.files), (), (), (), _named(discovery), discovery)


def read_input(  # noqa: PLR0913 - each tells something else of what is read
    paths: Sequence[str],
    exclude: Sequence[str | PatternsFrom] = (),
    context: Sequence[str] = (),
    *,
    render: bool = False,
    deciding: "Deciding | None" = None,
    namespace: str | None = None,
    values_files: Mapping[str, Sequence[str]] = MappingProxyType({}),
    jobs: int = 1,
) -> Input:
    """Read what some paths stand for: `find_contents` and `read_contents` at once."""
    contents = find_contents(paths, exclude, context)
    return read_contents(
        contents,
        render=render,
        deciding=deciding,
        namespace=namespace,
        values_files=values_files,
        jobs=jobs,
    )


def of_cluster(cluster: "Cluster") -> Input:
    """A cluster as something to look at."""
    from meshlint.source.sets import ManifestSet

    whole = ManifestSet("cluster", cluster.manifests, explicit=True, listed=cluster.listed)
    return Input(0, (), (whole,), (), live=True)


def with_texts(given: Input, texts: Mapping[str, str]) -> Input:
    """The same input with other texts in some of its files, which are named as shown."""
    from meshlint.source.reading import read_text
    from meshlint.source.sets import split_into_sets

    readings = [
        read_text(reading.file.path, texts[reading.file.path].encode("utf-8", "surrogatepass"))
        if reading.file.path in texts
        else reading
        for reading in given.readings
    ]
    sets = split_into_sets(
        readings, given.discovery, unread=given.unread, rendering=given.rendering, deciding=given.deciding
    )
    return given._replace(readings=readings, sets=sets)


def _parsed(
    contents: Contents,
    told: "tuple[str | None, Mapping[str, Sequence[str]], Cache | None] | None",
    deciding: "Deciding | None",
    jobs: int,
) -> Input:
    # What reads YAML is a third of the start-up: loaded only if there is something to read.
    from meshlint.source.renderer import Rendering
    from meshlint.source.sets import split_into_sets
    from meshlint.source.sharing import read_texts

    discovery, files, unread = contents
    count = len(files)
    texts = [(found.path, content) for found, content in files]
    files.clear()
    readings = read_texts(texts, jobs)
    if any(it.file.path == STDIN and "# Source: " in it.file.text for it in readings):
        from meshlint.source.chart_source import at_templates

        readings = [at_templates(it) if it.file.path == STDIN else it for it in readings]
    rendering = None if told is None else Rendering(*told)
    begin("sets")
    sets = split_into_sets(readings, discovery, unread=unread, rendering=rendering, deciding=deciding)
    return Input(count, readings, sets, unread, _named(discovery), discovery, rendering, deciding)


def _named(discovery: Discovery) -> Sequence[str]:
    return [found.path for found in discovery.files if found.directory is None]
