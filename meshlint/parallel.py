"""Work that is shared with other processes, where that can be done without telling them anything first."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import NoReturn, TypeVar

Result = TypeVar("Result")

MOST_PROCESSES = 8
"""How many processes share some work at most: each needs memory of its own for what it touches."""

MOST_PIECES = 256
"""Into how many pieces work can be divided."""

# Which piece is done, and how many bytes were found out.
_DONE = Struct("=BQ")


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
    return sys.platform == "linux" and hasattr(os, "memfd_create")


def division(size: int, *, worth: int, piece: int, jobs: int) -> tuple[int, int]:
    """
    By how many processes work of some size is done, and in how many pieces: one and one if it is not shared.

    `worth` is how much is worth another process, `piece` how much one does before it looks for more to do;
    `jobs` is how many processes there may be.
    """
    jobs = min(jobs, 1 + size // worth, MOST_PROCESSES) if can_share() else 1
    return (jobs, max(jobs, min(size // piece, MOST_PIECES))) if jobs > 1 else (1, 1)


def share(
    pieces: int,
    jobs: int,
    own: Callable[[int], Result],
    other: Callable[[int], bytes],
    arrived: Callable[[int, bytes], Result],
) -> list[Result]:
    """
    Do so many pieces of work in as many processes as there are `jobs`, each by whoever is free.

    Each process begins with all that is known here. What it finds out about a piece it gives back as bytes
    (`other`), of which the result is made here (`arrived`). What a process does not finish, or cannot be
    started for, whatever the reason, is done here (`own`).
    """
    import signal

    try:
        queue = _Queue(pieces)
    except OSError:
        return [*map(own, range(pieces))]
    children: list[_Child] = []
    done: dict[int, Result] = {}
    try:
        with contextlib.closing(queue):
            # An interrupt in a process that has just begun would go on there as if it were here.
            held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                for _ in range(jobs - 1):
                    children.append(_Child(queue, other, children))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
            for piece in queue:
                done[piece] = own(piece)
                for child in children:
                    done.update((it, arrived(it, result)) for it, result in child.results(0))
        for child in children:
            done.update((it, arrived(it, result)) for it, result in child.results())
    finally:
        for child in children:
            child.end()
    return [done[piece] if piece in done else own(piece) for piece in range(pieces)]


class _Queue:
    """The numbers of pieces of work, each for the process that asks first; until it is closed."""

    def __init__(self, pieces: int) -> None:
        if pieces > MOST_PIECES:
            raise ValueError(pieces)
        self._reading, writing = os.pipe()
        # It holds them all, and ends with them.
        os.write(writing, bytes(range(pieces)))
        os.close(writing)

    def close(self) -> None:
        """Ask for no more."""
        os.close(self._reading)

    def __iter__(self) -> Iterator[int]:
        while piece := os.read(self._reading, 1):
            yield piece[0]


class _Child:
    """A process that does pieces of work; what it finds out, it leaves in memory that both can read."""

    def __init__(self, queue: _Queue, work: Callable[[int], bytes], siblings: "Sequence[_Child]") -> None:
        self._pid = self._reading = self._results = -1
        self._taken = 0
        writing = -1
        try:
            self._results = os.memfd_create("meshlint")
            self._reading, writing = os.pipe()
            self._pid = os.fork()
            if self._pid == 0:
                self._work(queue, work, writing, siblings)
        except OSError:
            self._close()
        finally:
            if writing >= 0:
                os.close(writing)

    def _work(
        self, queue: _Queue, work: Callable[[int], bytes], writing: int, siblings: "Sequence[_Child]"
    ) -> NoReturn:
        """Be the other process. It ends here: nothing of what the first one has begun is its business."""
        try:
            import signal

            # Ctrl-C is for the first process, which ends this one.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # It has to notice when the first process is gone, and nobody reads what it writes.
            for child in (self, *siblings):
                child._stop_reading()  # noqa: SLF001 - one of us
            with open(self._results, "wb", closefd=False) as results:
                for piece in queue:
                    result = work(piece)
                    results.write(result)
                    results.flush()
                    os.write(writing, _DONE.pack(piece, len(result)))
        finally:
            os._exit(0)

    def results(self, seconds: float | None = None) -> Iterator[tuple[int, bytes]]:
        """
        What it has found out since it was asked, piece by piece.

        Until it ends, or says nothing for some seconds. What it does not finish is not among it.
        """
        import select

        if self._pid < 0:
            return
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        while poll.poll(seconds and seconds * 1000):
            told = os.read(self._reading, _DONE.size)
            if not told:
                break
            piece, size = _DONE.unpack(told)
            result = os.pread(self._results, size, self._taken)
            self._taken += size
            if len(result) == size:
                yield piece, result

    def end(self) -> None:
        """End it, if it is still there, and let go of what it writes to."""
        import signal

        self._close()
        if self._pid > 0:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            self._pid = -1

    def _stop_reading(self) -> None:
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1

    def _close(self) -> None:
        self._stop_reading()
        if self._results >= 0:
            os.close(self._results)
            self._results = -1
