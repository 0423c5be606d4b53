"""`meshlint config`: the settings that hold, and where each comes from."""

import argparse
from collections.abc import Iterator
from typing import Any

from meshlint.cli.options import add_choice_options, add_input_options, fill_in, write
from meshlint.named import NamedTuple

NAME = "config"
_ADDED = ("ignore", "exclude", "context")
"""Settings to which the command line adds, rather than to take their place."""


class _Setting(NamedTuple):
    """A setting with its value, and where it comes from: nowhere if it is the default."""

    name: str
    value: Any
    origins: list[dict[str, Any]]


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="show the settings that hold", description=__doc__)
    parser.set_defaults(run=run)
    add_input_options(parser)
    add_choice_options(parser)
    parser.add_argument("--fail-on", choices=("error", "warning", "note", "never"))
    parser.add_argument("--baseline", metavar="FILE")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to say it")


def run(options: argparse.Namespace) -> int:
    """Print each setting with its origin, as settings could be written, or as JSON."""
    given = dict(vars(options))
    fill_in(options)
    settings = list(_settings(options, given))
    write(_json(settings, options) if options.format == "json" else _text(settings))
    return 0


def _settings(options: argparse.Namespace, given: dict[str, Any]) -> Iterator[_Setting]:
    from meshlint.settings import Settings

    read = options.settings
    settings = read.settings if read else Settings()
    tables = settings.model_dump(
        by_alias=True, exclude_defaults=True, include={"sets", "charts", "override", "external"}
    )
    for name, of_file in {**settings.model_dump(by_alias=True), **tables}.items():
        asked = given.get(name.replace("-", "_"))
        is_added = name in _ADDED
        value = [*(asked or ()), *of_file] if is_added else asked or of_file
        line = read.line(name) if read and (is_added or not asked) else None
        origins: list[dict[str, Any]] = [{"path": read.file.path, "line": line}] if line else []
        yield _Setting(name, value, [*origins, *([{"option": f"--{name}"}] if asked else [])])


def _text(settings: list[_Setting]) -> str:
    from meshlint.report.terminal import plain

    lines = [(plain(_assignment(setting)), plain(_origin(setting))) for setting in settings]
    width = min(max(len(text) for text, _ in lines), 60)
    return "".join(f"{text:<{width}}  # {origin}\n" for text, origin in lines)


def _assignment(setting: _Setting) -> str:
    return f"# {setting.name} =" if setting.value is None else f"{setting.name} = {_toml(setting.value)}"


def _toml(value: Any) -> str:  # noqa: ANN401 - what TOML holds
    import json

    match value:
        case dict():
            entries = (f"{_key(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{ {', '.join(entries)} }}" if value else "{}"
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    import json
    import re

    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _origin(setting: _Setting) -> str:
    said = [o["option"] if "option" in o else f"{o['path']}:{o['line']}" for o in setting.origins]
    return ", ".join(said) or "default"


def _json(settings: list[_Setting], options: argparse.Namespace) -> str:
    import json

    report = {
        "version": 1,
        "file": options.settings.file.path if options.settings else None,
        "settings": {s.name: {"value": s.value, "from": s.origins} for s in settings},
    }
    return json.dumps(report, indent=2) + "\n"
