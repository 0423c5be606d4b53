"""The closed sets of words that a finding is described with."""

from enum import Enum
from functools import total_ordering


@total_ordering
class Severity(Enum):
    """How grave a finding is: SARIF's levels, ordered from note to error."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    def __lt__(self, other: "Severity") -> bool:
        members = list(Severity)
        return members.index(self) < members.index(other)


class Impact(Enum):
    """
    Which way it fails.

    exposure: traffic is allowed, unencrypted or unchecked that the author meant to forbid,
    encrypt or check. outage: traffic is denied or broken that the author meant to allow.
    ineffective: the configuration does nothing. unsupported: ambient mode, or this version of
    it, does not have the feature. hygiene: everything else.
    """

    EXPOSURE = "exposure"
    OUTAGE = "outage"
    INEFFECTIVE = "ineffective"
    UNSUPPORTED = "unsupported"
    HYGIENE = "hygiene"
