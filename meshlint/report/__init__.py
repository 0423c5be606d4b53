"""Say so: one module a format."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from meshlint.checking.result import LintResult

_RENDERERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "text": ("text", ("color", "links")),
    "concise": ("concise", ("color",)),
    "json": ("json_report", ()),
    "jsonl": ("jsonl", ()),
    "sarif": ("sarif", ("root",)),
    "github": ("github", ("root",)),
    "gitlab": ("gitlab", ("root",)),
    "junit": ("junit", ()),
    "markdown": ("markdown", ()),
}
"""Format to module, and the options that its `render` takes. A module is imported when it is wanted."""

FORMATS = tuple(_RENDERERS)
"""The names of the formats, the default first."""


def render(
    result: "LintResult",
    format: str,  # noqa: A002 - the option's name
    *,
    color: bool = False,
    links: bool = False,
    root: "Path | None" = None,
) -> str:
    """
    Write a result in one of `FORMATS`, with a line break at the end.

    `root` is the directory that paths are relative to in formats that are read elsewhere
    (the root of the repository); without it, the working directory. With `links`, names of checks
    are hyperlinks, for terminals that know them.
    """
    options = {"color": color, "links": links, "root": root}
    module, wanted = _RENDERERS[format]
    renderer = import_module(f"{__name__}.{module}")
    text: str = renderer.render(result, **{name: options[name] for name in wanted})
    return text
