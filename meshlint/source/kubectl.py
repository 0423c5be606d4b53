"""Asking a cluster by the kubectl that is installed: `get` and nothing else, as the user who runs it."""

import contextlib
import os
import signal
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from meshlint.errors import UsageError
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.renderer import LARGEST_OUTPUT, complaint, find_program

if TYPE_CHECKING:
    import subprocess

REQUEST_LIMIT_SECONDS = 30
"""How long kubectl may wait for one answer of the API server, which is one page of a list."""

TIME_LIMIT_SECONDS = 300
"""How long kubectl may take for one kind."""

PAGE = 500
"""How many objects the API server is asked for at once."""

_UNKNOWN_TYPE = regex(r'error: the server doesn\'t have a resource type ".*"')
_FORBIDDEN = regex(r"\(Forbidden\)")
_WARNING = regex(r"Warning: .*|\s*")
_LOG = regex(r"[EIWF]\d{4} .*")
_NO_DISCOVERY = "API group list"
_LONGEST_COMPLAINT = 300


class Outcome(Enum):
    """How a question went: `ABSENT` if the cluster does not have that kind of objects."""

    TOLD = "told"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


class Answer(NamedTuple):
    """
    What kubectl wrote, and how it went; `why` is what it said of a failure.

    There may be a text where it failed: what kubectl had got by then.
    """

    text: str
    outcome: Outcome
    why: str = ""


class Kubectl:
    """
    The kubectl on PATH, for one context of the user's kubeconfig: None for the current one.

    It runs with the user's environment, because that says which cluster is meant and how to log in to it:
    plugins for credentials that the kubeconfig names are run by kubectl. Relative entries of PATH
    are left out: they may lead into a repository that somebody else wrote. Raises UsageError without
    a kubectl.
    """

    def __init__(self, context: str | None = None) -> None:
        program = find_program("kubectl")
        if program is None:
            raise UsageError("reading a cluster takes kubectl, and there is none on PATH")
        limit = f"--request-timeout={REQUEST_LIMIT_SECONDS}s"
        self._running: Final[set[subprocess.Popen[bytes]]] = set()
        self._start: Final = (program, "get", limit, *((f"--context={context}",) if context else ()))
        entries = os.environ.get("PATH", "").split(os.pathsep)
        self._environment: Final = {
            **os.environ,
            "PATH": os.pathsep.join(entry for entry in entries if os.path.isabs(entry)),
        }

    def list(self, resource: str) -> Answer:
        """All objects of a resource, `plural` or `plural.group`, in all namespaces: page by page, as JSON."""
        group = resource.partition(".")[2]
        pages = f"--chunk-size={PAGE}"
        return self.get(resource, "--all-namespaces", pages, "--output=json", group=group)

    def get(self, *arguments: str, group: str = "") -> Answer:
        """Run `kubectl get` with some arguments for a resource of a group; ended when the time is over."""
        import subprocess

        try:
            process = subprocess.Popen(  # noqa: S603 - an absolute path, and no shell
                (*self._start, *arguments),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return Answer("", Outcome.FAILED, f"kubectl cannot be started: {error.strerror}")
        self._running.add(process)
        try:
            written, said = process.communicate(timeout=TIME_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            process.communicate()
            return Answer("", Outcome.FAILED, f"it took longer than {TIME_LIMIT_SECONDS} seconds")
        except BaseException:
            _end(process)
            raise
        finally:
            self._running.discard(process)
        if len(written) > LARGEST_OUTPUT:
            return Answer("", Outcome.FAILED, f"it wrote more than {LARGEST_OUTPUT} bytes")
        text = written.decode("utf-8", "replace")
        if process.returncode == 0:
            return Answer(text, Outcome.TOLD)
        return _failure(text, said.decode("utf-8", "replace"), group)

    def end(self) -> None:
        """End what is running."""
        for process in tuple(self._running):
            _end(process)


def _failure(text: str, said: str, group: str) -> Answer:
    lines = [line for line in said.splitlines() if not _WARNING.fullmatch(line)]
    logged = [line for line in lines if _LOG.fullmatch(line)]
    told = [line for line in lines if line not in logged]
    # Where the API server does not tell what there is in a group, kubectl knows nothing of it either.
    hidden = any(_NO_DISCOVERY in line or (group and group in line) for line in logged)
    if told and not hidden and all(_UNKNOWN_TYPE.fullmatch(line) for line in told):
        return Answer("", Outcome.ABSENT)
    why = _shown(told or logged) or "it failed and said nothing"
    return Answer(text, Outcome.FORBIDDEN if _FORBIDDEN.search(said) else Outcome.FAILED, why)


def _shown(lines: Sequence[str]) -> str:
    said = complaint(" ".join(dict.fromkeys(lines)))
    text = "".join(letter for letter in said if letter.isprintable())
    return text if len(text) <= _LONGEST_COMPLAINT else f"{text[:_LONGEST_COMPLAINT]}…"


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
