"""Istio versions, and the ranges in which a statement about Istio is true."""

import re
from typing import Final, NamedTuple

_VERSION = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?$")
_BOUND = re.compile(r"^(>=|<=|==|<|>)\s*(\S+)$")
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
        for alternative in self._alternatives():
            for bound in alternative:
                _satisfies(OLDEST_KNOWN, bound)

    def __contains__(self, version: IstioVersion) -> bool:
        return any(
            all(_satisfies(version, bound) for bound in alternative) for alternative in self._alternatives()
        )

    def __str__(self) -> str:
        return self.text

    def _alternatives(self) -> list[list[str]]:
        if self.text == "all":
            return [[]]
        return [[bound.strip() for bound in part.split(",")] for part in self.text.split("||")]


def _satisfies(version: IstioVersion, bound: str) -> bool:
    match = _BOUND.match(bound)
    if match is None:
        msg = f"not a bound of an Istio version range: {bound!r}"
        raise ValueError(msg)
    operator, text = match.groups()
    limit = IstioVersion.parse(text)
    if limit.patch == _LATEST_PATCH:
        version, limit = version._replace(patch=0), limit._replace(patch=0)
    match operator:
        case ">=":
            return version >= limit
        case "<=":
            return version <= limit
        case "<":
            return version < limit
        case ">":
            return version > limit
        case _:
            return version == limit
