"""Istio versions, and the ranges in which a statement about Istio is true."""

from functools import cache
from typing import Final

from meshlint.named import NamedTuple
from meshlint.regex import regex

_VERSION = regex(r"^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?$")
_BOUND = regex(r"^(>=|<=|==|<|>)\s*(\S+)$")
_LATEST_PATCH = 9999


class IstioVersion(NamedTuple):
    """A version of Istio. Without a patch number it stands for the newest patch of its minor."""

    major: int
    minor: int
    patch: int = _LATEST_PATCH

    @classmethod
    def parse(cls, text: str) -> "IstioVersion":
        """
        Read `1.24`, `1.24.3`, `v1.24.3` or a tag such as `1.24.3-distroless`.

        Raises ValueError for anything else.
        """
        match = _VERSION.match(text.strip())
        if match is None:
            msg = f"not an Istio version: {text!r} (wanted: X.Y or X.Y.Z)"
            raise ValueError(msg)
        major, minor, patch = match.groups()
        return cls(int(major), int(minor), int(patch) if patch else _LATEST_PATCH)

    @property
    def is_exact(self) -> bool:
        """Whether it names a patch."""
        return self.patch != _LATEST_PATCH

    @property
    def minor_release(self) -> str:
        """The version as `X.Y`."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        patch = "" if self.patch == _LATEST_PATCH else f".{self.patch}"
        return f"{self.minor_release}{patch}"


OLDEST_KNOWN = IstioVersion(1, 22)
NEWEST_KNOWN = IstioVersion(1, 31)


class VersionRange:
    """
    Versions of Istio: `>=1.22`, `>=1.23,<1.24.5 || >=1.25,<1.25.2`, or `all`.

    Raises ValueError for any other text.
    """

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self._spans: Final = _spans(text)

    def __contains__(self, version: IstioVersion) -> bool:
        return any(start <= version < end for start, end in self._spans)

    def __str__(self) -> str:
        return self.text

    @property
    def lowest(self) -> IstioVersion:
        """The version with which the range starts."""
        return min(start for start, _ in self._spans)


_LOWEST = IstioVersion(0, 0, 0)
_HIGHEST = IstioVersion(_LATEST_PATCH, 0, 0)


@cache
def _spans(text: str) -> tuple[tuple[IstioVersion, IstioVersion], ...]:
    parts = [] if text == "all" else [part.split(",") for part in text.split("||")]
    return tuple(_span(bounds) for bounds in parts) or ((_LOWEST, _HIGHEST),)


def _span(bounds: list[str]) -> tuple[IstioVersion, IstioVersion]:
    """The versions that keep to all bounds: from the first to before the second."""
    spans = [_of_bound(bound.strip()) for bound in bounds]
    return max(start for start, _ in spans), min(end for _, end in spans)


def _of_bound(bound: str) -> tuple[IstioVersion, IstioVersion]:
    match = _BOUND.match(bound)
    if match is None:
        msg = f"not a bound of an Istio version range: {bound!r}"
        raise ValueError(msg)
    operator, text = match.groups()
    limit = IstioVersion.parse(text)
    # Without a patch it is about the whole minor release.
    start = limit if limit.is_exact else limit._replace(patch=0)
    end = start._replace(patch=start.patch + 1) if limit.is_exact else start._replace(minor=start.minor + 1)
    match operator:
        case ">=":
            return start, _HIGHEST
        case "<=":
            return _LOWEST, end
        case "<":
            return _LOWEST, start
        case ">":
            return end, _HIGHEST
        case _:
            return start, end
