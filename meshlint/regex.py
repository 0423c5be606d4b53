"""Regular expressions that are compiled when they are first used: most runs use few of them."""

import re
from typing import Any, cast


class _Regex:
    """Becomes a pattern with the first of its methods that is called."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what a pattern has
        if name.startswith("_"):
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        for method in ("findall", "finditer", "fullmatch", "match", "search", "split", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def regex(text: str, flags: int = 0) -> re.Pattern[str]:
    """Give what `re.compile` gives, without its cost where it is not used."""
    return cast("re.Pattern[str]", _Regex(text, flags))
