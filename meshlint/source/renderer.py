"""Running a renderer: a local program that makes manifests of files, and can do nothing else."""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.document import Location

if TYPE_CHECKING:
    from meshlint.cache import Cache
    from meshlint.source.helm import ChartBuild, Release
    from meshlint.source.kustomize import Build

TIME_LIMIT_SECONDS = 60
"""How long a renderer may take for one root."""

LARGEST_OUTPUT = 256 * 1024 * 1024
"""How many bytes of output are taken."""

MOST_MEMORY = 2 * 1024 * 1024 * 1024
"""How many bytes of memory a renderer may take, where the system can hold it to that."""

_LOG = regex(r"^[EF]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\] (?:\"command failed\" err=)?[<\"]?")
_OUT_OF_MEMORY = regex(r"out of memory|cannot allocate memory", re.IGNORECASE)
# Nothing listens on the discard port: what asks a proxy for the network gets no answer.
_DEAD_PROXY = "http://127.0.0.1:9"


class Output(NamedTuple):
    """
    What a renderer wrote in `directory`, or why there is nothing: `text` is None if it failed.

    `is_lasting` tells that it would fail again: it was neither ended, nor in want of time or memory.
    """

    text: str | None
    why: str = ""
    directory: str = ""
    is_lasting: bool = False


class Refusal(NamedTuple):
    """Why a root was not built, and the line that is the reason."""

    why: str
    at: Location


class Rendering:
    """
    What renderers are told in a run, and what they have made in it.

    `namespace` is where charts are installed of which nothing else says it. `values_files` are the files
    with values for charts, by the directory of the chart. `templates` are the files, as shown, of the charts
    that were rendered. `cache` knows what was rendered in earlier runs. `noted` is what was at the paths of
    which it depends what was rendered in this one, before it was: None once that cannot be told.
    """

    def __init__(
        self,
        namespace: str | None = None,
        values_files: Mapping[str, Sequence[str]] = MappingProxyType({}),
        cache: "Cache | None" = None,
    ) -> None:
        self.cache: Final = cache
        self.noted: dict[str, str] | None = {}
        self.namespace: Final = namespace
        self.values_files: Final = {
            os.path.realpath(directory): tuple(files) for directory, files in values_files.items()
        }
        self.kustomizations: Final[dict[str, Build | Refusal]] = {}
        self.templates: Final[set[str]] = set()
        self.charts: Final[dict[tuple[str, Release], ChartBuild | Refusal]] = {}

    def note(self, states: Mapping[str, str | None]) -> None:
        """Note what is at some paths. Only what stays the same can be told."""
        for path, state in states.items():
            if self.noted is not None and (state is None or self.noted.setdefault(path, state) != state):
                self.noted = None

    def is_untold(self) -> None:
        """Note that it cannot be told what this run depends on."""
        self.noted = None


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


def stamp(program: str) -> bytes:
    """What stands for a program as it is installed now."""
    status = os.stat(program)
    return f"{os.path.realpath(program)} {status.st_size} {status.st_mtime_ns}".encode(
        "utf-8", "surrogateescape"
    )


def run_renderer(command: Sequence[str], directory: str) -> Output:
    """
    Run a renderer in an empty directory that is its home too.

    It gets no credentials, no kubeconfig, no PATH on which to find git or plugins, and proxies that
    lead nowhere. It is ended when the time is over, when it wants too much memory, or writes too much.
    """
    import tempfile

    environment = {
        "HOME": directory,
        "TMPDIR": directory,
        "XDG_CONFIG_HOME": directory,
        "KUBECONFIG": os.devnull,
        "PATH": os.path.join(directory, "nothing"),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), _DEAD_PROXY),
        "GIT_TERMINAL_PROMPT": "0",
    }
    with tempfile.TemporaryFile(dir=directory) as written, tempfile.TemporaryFile(dir=directory) as said:
        failure = _run(command, directory, environment, (written, said))
        if written.seek(0, os.SEEK_END) >= LARGEST_OUTPUT:
            return Output(None, f"it wrote more than {LARGEST_OUTPUT} bytes")
        if failure is not None:
            why = failure or complaint(_text(said))
            return Output(None, why or "it failed without a reason", is_lasting=bool(why) and not failure)
        return Output(_text(written))


def _run(
    command: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes]],
) -> str | None:
    """Run a program to its end; why it failed, which is empty if it said so itself."""
    import subprocess

    try:
        process = subprocess.Popen(  # noqa: S603 - an absolute path, and no shell
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=streams[0],
            stderr=streams[1],
            start_new_session=True,
        )
    except OSError as error:
        return f"{os.path.basename(command[0])} cannot be started: {error.strerror}"
    _hold(process.pid)
    try:
        code = process.wait(timeout=TIME_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process.pid)
        process.wait()
        return f"it took longer than {TIME_LIMIT_SECONDS} seconds"
    except BaseException:
        _end(process.pid)
        raise
    if code and _OUT_OF_MEMORY.search(_text(streams[1])):
        return f"it needed more than {MOST_MEMORY // 2**30} GiB of memory"
    if code < 0:
        return f"it was ended by signal {-code}"
    return "" if code else None


def _hold(pid: int) -> None:
    """Limit what a process may take; only Linux lets others than the process itself do so."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        if hasattr(resource, "prlimit"):
            for limit, most in ((resource.RLIMIT_DATA, MOST_MEMORY), (resource.RLIMIT_FSIZE, LARGEST_OUTPUT)):
                resource.prlimit(pid, limit, (most, most))


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read(LARGEST_OUTPUT).decode("utf-8", "replace")


def complaint(text: str) -> str:
    """What a program said of its failure, on one line, without warnings and the head of a log."""
    lines = (line for line in text.splitlines() if not line.startswith("WARNING: "))
    said = _LOG.sub("", " ".join(" ".join(lines).split()))
    return said.removeprefix("Error: ").removeprefix("error: ").removesuffix(">").strip()


def _end(group: int) -> None:
    import signal

    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
