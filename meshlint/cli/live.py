"""`--cluster` and `--context-cluster`: a cluster to look at, or to look at files in view of."""

import argparse
from typing import TYPE_CHECKING

from meshlint.cli.options import say
from meshlint.errors import UsageError

if TYPE_CHECKING:
    from meshlint.source.input import Input

_FOR_FILES = ("only_files", "fix", "unsafe_fixes", "diff", "add_ignore")


def read_asked_cluster(options: argparse.Namespace) -> "Input":
    """Read the cluster that options name, and say what of it could not be read. Raises UsageError."""
    from meshlint.source.cluster import read_cluster
    from meshlint.source.input import of_cluster

    cluster = read_cluster(options.kube_context)
    for complaint in cluster.complaints:
        say(complaint)
    return of_cluster(cluster)


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Raise UsageError for options that cannot be meant together."""
    if options.kube_context is not None and not (options.cluster or options.context_cluster):
        raise UsageError("`--kube-context` is for `--cluster` and `--context-cluster`")
    if not options.cluster:
        return
    if options.context_cluster:
        raise UsageError("a cluster is looked at, or is the context of files: not both")
    if options.paths:
        raise UsageError(
            f"`--cluster` looks at no files: to look at {options.paths[0]!r} in view of the cluster "
            "there is `--context-cluster`"
        )
    wrong = next((name for name in _FOR_FILES if getattr(options, name, False)), None)
    if wrong is not None:
        raise UsageError(f"`--{wrong.replace('_', '-')}` is for files: a cluster is only read")
