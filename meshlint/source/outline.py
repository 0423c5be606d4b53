"""Objects that are said to be there, of which little is known."""

from meshlint.source.document import Manifest


class Outline(Manifest):
    """An object of which the name and the labels are known, and nothing else."""

    __slots__ = ()


def is_outline(manifest: Manifest) -> bool:
    """Whether there is more to an object than what was read."""
    return isinstance(manifest, Outline)
