"""Running a renderer: a local program that makes manifests of files, and can do nothing else."""

import contextlib
import os
import re
import signal
from collections.abc import Sequence
from typing import NamedTuple

from meshlint.source.document import Location

TIME_LIMIT_SECONDS = 60
"""How long a renderer may take for one root."""

LARGEST_OUTPUT = 256 * 1024 * 1024
"""How many bytes of output are taken."""

_LOG = re.compile(r"^[EF]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\] (?:\"command failed\" err=)?[<\"]?")
# Nothing listens on the discard port: what asks a proxy for the network gets no answer.
_DEAD_PROXY = "http://127.0.0.1:9"


class Output(NamedTuple):
    """What a renderer wrote in `directory`, or why there is nothing: `text` is None if it failed."""

    text: str | None
    why: str = ""
    directory: str = ""


class Refusal(NamedTuple):
    """Why a root was not built, and the line that is the reason."""

    why: str
    at: Location


def find_program(name: str) -> str | None:
    """
    The absolute path of a program on PATH; None if it is not there.

    Relative entries of PATH are passed over: they may lead into a repository that somebody else wrote.
    """
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(directory, name)
        if os.path.isabs(directory) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run_renderer(command: Sequence[str], directory: str) -> Output:
    """
    Run a renderer in an empty directory that is its home too.

    It gets no credentials, no kubeconfig, no PATH on which to find git or plugins, and proxies that
    lead nowhere. It is ended when the time is over.
    """
    import subprocess

    environment = {
        "HOME": directory,
        "TMPDIR": directory,
        "XDG_CONFIG_HOME": directory,
        "KUBECONFIG": os.devnull,
        "PATH": os.path.join(directory, "nothing"),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), _DEAD_PROXY),
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        process = subprocess.Popen(  # noqa: S603 - an absolute path, and no shell
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Output(None, f"{os.path.basename(command[0])} cannot be started: {error.strerror}")
    try:
        written, said = process.communicate(timeout=TIME_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process.pid)
        process.communicate()
        return Output(None, f"it took longer than {TIME_LIMIT_SECONDS} seconds")
    except BaseException:
        _end(process.pid)
        raise
    if process.returncode:
        return Output(None, complaint(said.decode("utf-8", "replace")) or f"exit code {process.returncode}")
    if len(written) > LARGEST_OUTPUT:
        return Output(None, f"it wrote more than {LARGEST_OUTPUT} bytes")
    return Output(written.decode("utf-8", "replace"))


def complaint(text: str) -> str:
    """What a program said of its failure, on one line, without the head of a log."""
    said = _LOG.sub("", " ".join(text.split()))
    return said.removeprefix("Error: ").removeprefix("error: ").removesuffix(">").strip()


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
