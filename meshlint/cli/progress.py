"""What a run is busy with: a line on the terminal if it takes long, and the time that each stage took."""

import sys
from time import perf_counter
from typing import TYPE_CHECKING

from meshlint.cli.options import say

if TYPE_CHECKING:
    from threading import Event, Thread
    from types import TracebackType
    from typing import Self, TextIO

    from meshlint.stage import Stage

PATIENCE = 2.0
"""How many seconds a run may take before it says what it is busy with."""

_PAUSE = 0.2
_CLEAR = "\r\x1b[K"
_BUSY = {
    "read": "reading",
    "sets": "finding out what belongs together",
    "link": "linking",
    "check": "checking",
}


class Progress:
    """
    Watches a run.

    On a terminal, a line on standard error says what it is busy with if it takes longer than
    `PATIENCE`; the line is gone when the report begins. With `timings`, the times are said at the end.
    """

    def __init__(self, *, timings: bool) -> None:
        self._timings = timings
        self._began = self._since = perf_counter()
        self._stage: Stage | None = None
        self._seconds: dict[Stage, float] = {}
        self._stop: Event | None = None
        self._line: Thread | None = None

    def __enter__(self) -> "Self":
        from meshlint.stage import watchers

        watchers.append(self)
        stream = sys.stderr
        if _knows_lines(stream):
            from threading import Event, Thread

            self._stop = Event()
            self._line = Thread(target=self._show, args=(stream, self._stop), daemon=True)
            self._line.start()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        from meshlint.stage import watchers

        watchers.remove(self)
        self._end_line()
        self._close()
        if self._timings and kind is None:
            say(", ".join(f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in self._seconds.items()))

    def __call__(self, stage: "Stage") -> None:
        """Begin a stage, and so end the one before."""
        if stage == "report":
            self._end_line()
        self._close()
        self._stage = stage

    def _close(self) -> None:
        now = perf_counter()
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._since = now

    def _end_line(self) -> None:
        if self._stop is not None and self._line is not None:
            self._stop.set()
            self._line.join()

    def _show(self, stream: "TextIO", stop: "Event") -> None:
        if stop.wait(PATIENCE):
            return
        while True:
            seconds = perf_counter() - self._began
            stream.write(f"{_CLEAR}meshlint: {_BUSY.get(self._stage or '', 'busy')} ... {seconds:.0f} s")
            stream.flush()
            if stop.wait(_PAUSE):
                break
        stream.write(_CLEAR)
        stream.flush()


def _knows_lines(stream: "TextIO | None") -> bool:
    """Whether a line on it can be written over."""
    import os

    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
