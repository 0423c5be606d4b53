"""Work that is shared with other processes, where that can be done without telling them anything first."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

Own = TypeVar("Own")

MOST_PROCESSES = 8
"""How many processes share some work at most: each needs memory of its own for what it touches."""

# What ends a result that was not cut off.
_WHOLE = b"whole"


def processors() -> int:
    """How many processors this process may use, as far as the system tells."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A container is often given less than the machine has.
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
        quota, period = file.read().split()
        found = min(found, max(1, int(quota) // int(period)))
    return found


def can_share() -> bool:
    """Whether a process can go on as several that know the same: elsewhere they would have to start anew."""
    return sys.platform == "linux"


def share(own: Callable[[], Own], others: Sequence[Callable[[], bytes]]) -> tuple[Own, list[bytes | None]]:
    """
    Do one piece of work here, and others in processes of their own at the same time.

    Each begins with all that is known here, and gives bytes back; None for one that failed, was ended or
    could not be started, whatever the reason: it can be done here then.
    """
    import signal

    children: list[_Child] = []
    try:
        # An interrupt in a process that has just begun would go on there as if it were here.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for other in others:
                children.append(_Child(other, children))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        result = own()
        return result, [child.result() for child in children]
    finally:
        for child in children:
            child.end()


class _Child:
    """A process that does some work; without one, there is no result."""

    def __init__(self, work: Callable[[], bytes], siblings: "Sequence[_Child]") -> None:
        self._pid = self._reading = -1
        writing = -1
        try:
            self._reading, writing = os.pipe()
            self._pid = os.fork()
            if self._pid == 0:
                self._work(work, writing, siblings)
        except OSError:
            self._close()
        finally:
            if writing >= 0:
                os.close(writing)

    def _work(self, work: Callable[[], bytes], writing: int, siblings: "Sequence[_Child]") -> NoReturn:
        """Be the other process. It ends here: nothing of what the first one has begun is its business."""
        code = 1
        try:
            import signal

            # Ctrl-C is for the first process, which ends this one.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # It has to notice when the first process is gone, and nobody reads what it writes.
            for child in (self, *siblings):
                child._close()  # noqa: SLF001 - one of us
            result = work()
            with open(writing, "wb", closefd=False) as pipe:
                pipe.write(result)
                pipe.write(_WHOLE)
            code = 0
        finally:
            os._exit(code)

    def result(self) -> bytes | None:
        """Wait for what it found out; None if it did not finish."""
        if self._pid < 0:
            return None
        with open(self._reading, "rb", closefd=False) as pipe:
            result = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        self._pid = -1
        return result.removesuffix(_WHOLE) if status == 0 and result.endswith(_WHOLE) else None

    def end(self) -> None:
        """End it, if it is still there, and let go of what it writes to."""
        import signal

        self._close()
        if self._pid > 0:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            self._pid = -1

    def _close(self) -> None:
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1
