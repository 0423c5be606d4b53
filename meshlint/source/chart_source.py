"""What `helm template` writes above each object: the template that the object comes from."""

import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping

from meshlint.regex import regex
from meshlint.source.document import Location, Manifest
from meshlint.source.reading import Reading
from meshlint.source.rendered import Part, RenderedManifest, is_rendered
from meshlint.source.template_places import TemplatePlaces
from meshlint.source.text import SourceFile

_NAME = r"[A-Za-z0-9][\w.-]*"
_COMMENT = regex(rf"^# Source: ({_NAME}(?:/charts/{_NAME})*/templates/[^\r\n]+?)[ \t]*$", re.MULTILINE)
_CHART_NAME = regex(rf"^name:[ \t]*[\"']?({_NAME})", re.MULTILINE)
_MOST_DIRECTORIES = 2_000
_DEEPEST = 4
_LARGEST_FILE = 1024 * 1024


def source_comment(manifest: Manifest) -> Location | None:
    """The comment of helm that names the template of an object; None if there is none."""
    if is_rendered(manifest):
        return None
    start = manifest.place.start
    match = _COMMENT.search(manifest.file.text, manifest.file.text.rfind("\n---", 0, start) + 1, start)
    return Location(manifest.file, match.start(), match.end()) if match else None


def at_templates(reading: Reading) -> Reading:
    """
    What helm wrote, with its objects at the templates that they come from.

    That can be done where the chart is below the working directory, and is the only one of its name.
    What is not found stays where it was read.
    """
    if "\n# Source: " not in reading.file.text:
        return reading
    names = [_named(manifest) for manifest in reading.manifests]
    charts = _charts({name.partition("/")[0] for name in names if name})
    templates = {name: _template(name, charts) for name in names if name} if charts else {}
    manifests = tuple(
        manifest if (template := templates.get(name)) is None else _moved(manifest, *template)
        for manifest, name in zip(reading.manifests, names, strict=True)
    )
    return reading._replace(manifests=manifests)


def _named(manifest: Manifest) -> str:
    """The template that the comment names; empty if there is none."""
    at = source_comment(manifest)
    return at.file.text[at.start : at.end].removeprefix("# Source: ").rstrip() if at else ""


def _moved(manifest: Manifest, file: SourceFile, places: TemplatePlaces) -> Manifest:
    origin = Manifest(file, manifest.data, places.place(manifest.data), manifest.prefix)
    return RenderedManifest(manifest.data, [Part(origin, origin.data)])


def _charts(wanted: Collection[str]) -> dict[str, str]:
    """The directories of charts below the working directory, of those names that only one has."""
    found: dict[str, list[str]] = {}
    for directory in _directories() if wanted else ():
        text = _text(os.path.join(directory, "Chart.yaml"))
        name = _CHART_NAME.search(text) if text else None
        if name and name[1] in wanted:
            found.setdefault(name[1], []).append(directory)
    return {name: only[0] for name, only in found.items() if len(only) == 1}


def _directories() -> Iterator[str]:
    """Directories from the working directory down, the nearest first, and no end of them."""
    pending = ["."]
    for _ in range(_DEEPEST):
        deeper: list[str] = []
        for directory in pending:
            yield directory
            deeper.extend(_below(directory))
        pending = deeper[:_MOST_DIRECTORIES]
    yield from pending


def _below(directory: str) -> Iterator[str]:
    """The directories in a directory, without those that are links, are hidden, or hold code of others."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in names:
        if not (name.startswith(".") or name == "node_modules"):
            yield os.path.join(directory, name)


def _template(name: str, charts: Mapping[str, str]) -> tuple[SourceFile, TemplatePlaces] | None:
    chart, _, path = name.partition("/")
    if chart not in charts or ".." in path.split("/"):
        return None
    shown = posixpath.normpath(posixpath.join(charts[chart].replace(os.sep, "/"), path))
    text = _text(shown)
    return None if text is None else (SourceFile(shown, text), TemplatePlaces(text))


def _text(path: str) -> str | None:
    """The text of a file of the working directory; None if it is none, or somewhere else behind a link."""
    try:
        real = os.path.join(os.path.realpath("."), os.path.normpath(path))
        if os.path.realpath(path) != real or not os.path.isfile(real):
            return None
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            return file.read(_LARGEST_FILE)
    except OSError:
        return None
