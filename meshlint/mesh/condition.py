"""Conditions that istiod will write into the status of an object."""

from typing import NamedTuple


class PredictedCondition(NamedTuple):
    """
    A condition as istiod writes it after apply: type, status, reason and message, in its own words.

    `status` is `True`, `False` or `Unknown`. An odd combination is istiod's: a headless Service
    is bound although nothing uses the waypoint.
    """

    type: str
    status: str
    reason: str
    message: str
