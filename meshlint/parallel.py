"""Work that is shared with other processes, where that can be done without telling them anything first."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

Own = TypeVar("Own")

# What ends a result that was not cut off.
_WHOLE = b"whole"


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_share() -> bool:
    """Whether a process can go on as several that know the same: elsewhere they would have to start anew."""
    return sys.platform == "linux"


def share(own: Callable[[], Own], others: Sequence[Callable[[], bytes]]) -> tuple[Own, list[bytes | None]]:
    """
    Do one piece of work here, and others in processes of their own at the same time.

    Each begins with all that is known here, and gives bytes back; None for one that failed or was ended,
    whatever the reason: it can be done here then.
    """
    children = [_begin(other) for other in others]
    try:
        result = own()
        return result, [_end(*child) for child in children]
    except BaseException:
        for pid, _ in children:
            _kill(pid)
        raise


def _begin(work: Callable[[], bytes]) -> tuple[int, int]:
    """Start a process; its id, and what its result is read from. Both -1 if none can be started."""
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return -1, -1
    if pid == 0:
        _work(work, writing)
    os.close(writing)
    return pid, reading


def _work(work: Callable[[], bytes], writing: int) -> NoReturn:
    """Be the other process. It ends here: nothing of what the first one has begun is its business."""
    import signal

    code = 1
    try:
        # Ctrl-C is for the first process, which ends this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        result = work()
        with open(writing, "wb") as pipe:
            pipe.write(result)
            pipe.write(_WHOLE)
        code = 0
    finally:
        os._exit(code)


def _end(pid: int, reading: int) -> bytes | None:
    """Wait for the result of a process."""
    if pid < 0:
        return None
    with open(reading, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(pid, 0)
    return result.removesuffix(_WHOLE) if status == 0 and result.endswith(_WHOLE) else None


def _kill(pid: int) -> None:
    import signal

    if pid > 0:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
