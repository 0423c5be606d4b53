"""Other tools that read manifests, as far as they are on PATH."""

import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple


class Peer(NamedTuple):
    """
    A tool: how it is asked for its version, how it checks a directory, and what it looks at.

    `program` is None where it is not installed; then `why` says so.
    """

    name: str
    version: str
    starting: tuple[str, ...]
    checking: tuple[str, ...]
    program: str | None
    looks_at: str
    why: str = ""


_NO_SCHEMAS = ("-schema-location", "none/{{ .ResourceKind }}.json", "-ignore-missing-schemas")
_PEERS = (
    Peer("kubeconform", "", ("-v",), _NO_SCHEMAS, None, "schemas; here without any, for want of a network"),
    Peer("kube-linter", "", ("version",), ("lint",), None, "security and good practice of each object"),
    Peer(
        "istioctl analyze",
        "",
        ("version", "--remote=false"),
        ("analyze", "--use-kube=false"),
        None,
        "Istio's configuration; of files, no Namespaces, Services or Pods",
    ),
    Peer(
        "checkov",
        "",
        ("--version",),
        ("--framework", "kubernetes", "--compact", "--quiet", "--directory"),
        None,
        "security and good practice of each object",
    ),
)


def found_peers() -> Iterator[Peer]:
    """All of them, with where each is and which version it says to be."""
    for peer in _PEERS:
        program = shutil.which(peer.name.split()[0])
        if program is None:
            yield peer._replace(why="not installed")
            continue
        said = subprocess.run([program, *peer.starting], capture_output=True, text=True, check=False).stdout
        yield peer._replace(program=program, version=_version(said))


def _version(said: str) -> str:
    """The word of what it says that looks like a version; empty if none does."""
    words = said.replace('"', " ").split()
    return next((word.strip(",") for word in words if word.lstrip("v")[:1].isdigit()), "")
