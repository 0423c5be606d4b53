"""Values that another check speaks of."""

from meshlint import Location


def is_no_scalar(at: Location) -> bool:
    """Whether a list or a mapping stands where text has to: `malformed-field` speaks of it."""
    return at.manifest is not None and isinstance(at.manifest.value(*at.field), list | dict)
