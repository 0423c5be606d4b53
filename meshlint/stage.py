"""The stages of a run, told to whoever watches it."""

from collections.abc import Callable
from typing import Literal

Stage = Literal["read", "sets", "link", "check", "report"]
"""What a run is busy with; a run can come back to a stage."""

Watch = Callable[[Stage], None]
"""Called when a stage begins, which ends the one before."""

watchers: list[Watch] = []
"""Those who watch the runs of this process."""


def begin(stage: Stage) -> None:
    """Say that a stage begins."""
    for watch in watchers:
        watch(stage)
