"""How it was decided that manifests are a set."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum

from meshlint.named import NamedTuple

EntryPoints = Callable[[Mapping[str, Iterable[str]]], Sequence[frozenset[str]]]
"""From the edges of a graph to the groups of nodes to start from in order to come to all others."""


class Decision(Enum):
    """What makes a set of manifests; the value is what users are shown."""

    SETTINGS = "named in the settings"
    FLUX = "a cluster of Flux"
    ARGO_CD = "a cluster of Argo CD"
    BUILT = "a kustomization, built"
    READ = "a kustomization, read"
    CHART = "a chart, rendered by helm"
    FILES = "the files that were named"
    DIRECTORY = "a directory"
    ALTERNATIVE = "an alternative: it holds other versions of objects that are elsewhere too"


class NamedSet(NamedTuple):
    """
    A set that the settings name: its paths, which are kustomizations, directories or files.

    `namespace` is for objects that name none; `complete` tells that nothing is missing from it.
    """

    name: str
    paths: Sequence[str]
    namespace: str | None = None
    complete: bool = False


class Deciding(NamedTuple):
    """
    What sets are decided by beside the files: where to begin in a graph, and the sets of the settings.

    `entry_points` is handed in because algorithms on graphs are known to the room for graphs alone.
    """

    entry_points: EntryPoints
    named: Sequence[NamedSet] = ()
