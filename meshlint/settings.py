"""
Settings of a repository: `meshlint.toml`, or the table `[tool.meshlint]` of `pyproject.toml`.

Loaded only where there are settings: pydantic costs more than a run without them. Settings name checks,
objects, and files below their own directory; nothing in them is run, and nothing is written outside.
"""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from meshlint.checking.catalog import find_check, find_word
from meshlint.checking.policy import Override, Policy
from meshlint.checking.run import field_text
from meshlint.checking.vocabulary import Severity
from meshlint.errors import UsageError
from meshlint.model import kind as kinds
from meshlint.model.kind import Kind, is_cluster_wide
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.decision import NamedSet
from meshlint.source.document import Manifest, Place
from meshlint.source.outline import Outline
from meshlint.source.patterns import FilePatterns, PatternsFrom, is_pattern
from meshlint.source.text import SourceFile
from meshlint.source.toml import toml_places

_PYPROJECT = "pyproject.toml"
_TABLE = ("tool", "meshlint")
_LARGEST = 1024 * 1024
_SYNTAX = regex(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_IN_OUR_WORDS = {
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "string_pattern_mismatch": "not a name that an object can have",
}
_OFF: Literal["off"] = "off"
_EXTERNAL_KINDS: Mapping[str, tuple[Kind, str]] = {
    "Namespace": (kinds.NAMESPACE, "v1"),
    "Service": (kinds.SERVICE, "v1"),
    "ServiceAccount": (kinds.SERVICE_ACCOUNT, "v1"),
    "ServiceEntry": (kinds.SERVICE_ENTRY, "networking.istio.io/v1"),
    "Gateway": (kinds.GATEWAY, "gateway.networking.k8s.io/v1"),
    "GatewayClass": (kinds.GATEWAY_CLASS, "gateway.networking.k8s.io/v1"),
}
"""What can be said to be there: kinds that others refer to. What a policy does only its manifest can tell."""
_TOLD_BY_LABELS = ("Namespace", "ServiceAccount")


def _version(text: str) -> str:
    IstioVersion.parse(text)
    return text


def _word(text: str) -> str:
    _translated(find_word, text)
    return text


def _check(text: str) -> str:
    _translated(find_check, text)
    return text


def _file_pattern(text: str) -> str:
    if not is_pattern(text):
        msg = f"not a pattern as in .gitignore, or one with too many `*`: {text!r}"
        raise ValueError(msg)
    return text


def _translated(find: Any, text: str) -> None:  # noqa: ANN401 - one of two functions
    try:
        find(text)
    except UsageError as error:
        raise ValueError(str(error)) from None


Word = Annotated[str, AfterValidator(_word)]
CheckId = Annotated[str, AfterValidator(_check)]
FilePattern = Annotated[str, AfterValidator(_file_pattern)]
Version = Annotated[str, AfterValidator(_version)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Level = Literal["error", "warning", "note", "off"]


class _Table(BaseModel):
    """A table of the settings: other keys than its own are wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OverrideTable(_Table):
    """What holds for some files or namespaces only. Of several that hold the last one wins."""

    files: list[FilePattern] = Field(
        default=[], description="files, as in .gitignore, from the settings file"
    )
    namespaces: list[str] = Field(default=[], description="namespaces; `*` and `?` stand for others")
    ignore: list[Word] = Field(default=[], description="checks, families or impacts not to report there")
    severity: dict[CheckId, Level] = Field(default={}, description="other severities there, by check")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.files and not self.namespaces:
            msg = "an override names `files` or `namespaces` that it is for"
            raise ValueError(msg)
        return self


class ExternalTable(_Table):
    """An object that is there though no manifest is: who refers to it does not refer to nothing."""

    kind: Literal["Namespace", "Service", "ServiceAccount", "ServiceEntry", "Gateway", "GatewayClass"]
    namespace: ObjectName | None = Field(default=None, description="where it is, unless it is cluster-wide")
    name: ObjectName
    labels: dict[str, str] = Field(default={}, description="its labels, as far as they matter")

    @model_validator(mode="after")
    def _has_its_namespace(self) -> Self:
        kind, _ = _EXTERNAL_KINDS[self.kind]
        if is_cluster_wide(kind) and self.namespace is not None:
            msg = f"a {self.kind} is cluster-wide and has no `namespace`"
            raise ValueError(msg)
        if not is_cluster_wide(kind) and self.namespace is None:
            msg = f"a {self.kind} has a `namespace`"
            raise ValueError(msg)
        return self


class SetTable(_Table):
    """A manifest set that the repository names itself."""

    name: str = Field(min_length=1, description="what the set is called in reports")
    paths: list[str] = Field(
        min_length=1, description="kustomizations, directories and files, from the settings file"
    )
    namespace: str | None = Field(default=None, description="the namespace of its objects that name none")
    complete: bool = Field(default=False, description="nothing is missing from it")


class ChartTable(_Table):
    """What a Helm chart is rendered with."""

    path: str = Field(min_length=1, description="the directory of the chart, from the settings file")
    values: list[str] = Field(
        min_length=1, description="values files, from the settings file, that come after the chart's own"
    )


class Settings(_Table):
    """What a repository wants of every run. Options of the command line come before it."""

    select: list[Word] = Field(default=[], description="checks, families or impacts to run; empty for all")
    ignore: list[Word] = Field(default=[], description="checks, families or impacts not to run")
    severity: dict[CheckId, Level] = Field(
        default={}, description="other severities, by check; `off` does not run it"
    )
    exclude: list[str] = Field(
        default=[], description="files not to read, as in a .gitignore beside the settings file"
    )
    context: list[str] = Field(
        default=[], description="paths, from the settings file, whose objects are there but not reported on"
    )
    fail_on: Literal["error", "warning", "note", "never"] = Field(
        default="warning", alias="fail-on", description="exit with 1 from this severity on"
    )
    istio_version: Version | None = Field(
        default=None, alias="istio-version", description="the Istio version in use, X.Y or X.Y.Z"
    )
    namespace: str | None = Field(default=None, description="the namespace of objects that name none")
    complete: bool = Field(default=False, description="nothing is missing from what is read")
    closed: list[ObjectName] = Field(default=[], description="namespaces of which nothing is missing")
    baseline: str | None = Field(
        default=None, description="a path, from the settings file, to the findings that are accepted"
    )
    require_reason: bool = Field(
        default=False, alias="require-reason", description="suppressions hold only with a reason"
    )
    sets: list[SetTable] = Field(
        default=[], alias="set", description="manifest sets; what is in none of them is decided automatically"
    )
    charts: list[ChartTable] = Field(default=[], alias="chart", description="the values of Helm charts")
    override: list[OverrideTable] = Field(default=[], description="what holds for some files or namespaces")
    external: list[ExternalTable] = Field(default=[], description="objects that no manifest is there for")

    @model_validator(mode="after")
    def _names_of_sets_differ(self) -> Self:
        name = _repeated(one.name for one in self.sets)
        if name is not None:
            msg = f"two sets are called {name!r}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _charts_differ(self) -> Self:
        path = _repeated(os.path.normpath(one.path) for one in self.charts)
        if path is not None:
            msg = f"two tables are for the chart {path!r}: `values` takes several files"
            raise ValueError(msg)
        return self


def _repeated(names: Iterable[str]) -> str | None:
    return next((name for name, times in Counter(names).items() if times > 1), None)


class SettingsFile(NamedTuple):
    """Settings with the file that they were read from. Paths in `settings` are relative to here."""

    settings: Settings
    file: SourceFile
    place: Place

    @property
    def home(self) -> str:
        """The directory of the file."""
        return os.path.dirname(self.file.path) or "."

    def line(self, key: str) -> int | None:
        """The line that a key stands on; None if the file does not have it."""
        span = (self.place.keys or {}).get(key)
        return self.file.span(*span).start_line if span else None

    @property
    def exclude(self) -> list[PatternsFrom]:
        """The patterns of files not to read, which hold from where the file is."""
        lines = tuple(self.settings.exclude)
        return [PatternsFrom(self.home, lines)] if lines else []

    @property
    def off(self) -> list[str]:
        """The checks that are not to run at all, for their severity."""
        return [check for check, level in self.settings.severity.items() if level == _OFF]

    @property
    def sets(self) -> list[NamedSet]:
        """The manifest sets, as those who decide on sets take them."""
        return [NamedSet(one.name, one.paths, one.namespace, one.complete) for one in self.settings.sets]

    @property
    def values_files(self) -> Mapping[str, Sequence[str]]:
        """The files with values for charts, by the directory of the chart."""
        return {one.path: tuple(one.values) for one in self.settings.charts}

    @property
    def policy(self) -> Policy:
        """What is made of findings, the baseline aside."""
        return Policy(
            severities=_severities(self.settings.severity),
            overrides=[_override(table, self.home) for table in self.settings.override],
            require_reason=self.settings.require_reason,
        )

    @property
    def externals(self) -> list[Manifest]:
        """The objects that are said to be there, each at its place in the file."""
        children = self.place.children if isinstance(self.place.children, dict) else {}
        tables = children["external"].children if "external" in children else []
        assert isinstance(tables, list)
        return [
            _manifest(table, self.file, place)
            for table, place in zip(self.settings.external, tables, strict=True)
        ]


def read_settings(path: Path) -> SettingsFile:
    """
    Read a settings file.

    Raises UsageError that names file, line and column of each wrong key or value, with the nearest right one.
    """
    file = _read(path)
    try:
        data: Any = tomllib.loads(file.text)
        place = toml_places(file.text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_syntax(file, str(error))) from None
    except RecursionError:
        raise UsageError(f"{file.path}: nested too deeply") from None
    if path.name == _PYPROJECT:
        data, place = _table(data, place)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise UsageError("\n".join(_complaints(error, file, place))) from None
    return SettingsFile(_with_paths_from_here(settings, file, place), file, place)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `meshlint.toml`, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://raw.githubusercontent.com/meshlint/meshlint/main/docs/meshlint.schema.json",
        "title": "Settings of meshlint",
        **_plain(Settings.model_json_schema(by_alias=True)),
    }


def _plain(schema: Any) -> Any:  # noqa: ANN401 - JSON holds anything
    """A schema without titles that repeat the keys, and without null, which TOML does not have."""
    match schema:
        case {"anyOf": [{"type": "string", **what}, {"type": "null"}], "description": description}:
            return {"description": description, "type": "string", **what}
        case dict():
            is_schema = isinstance(schema.get("title"), str)
            return {key: _plain(value) for key, value in schema.items() if not (is_schema and key == "title")}
        case list():
            return [_plain(item) for item in schema]
        case _:
            return schema


def _read(path: Path) -> SourceFile:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read the settings {str(path)!r}: {error.strerror}") from None
    shown = os.path.relpath(path)
    if len(raw) > _LARGEST:
        raise UsageError(f"{shown}: settings larger than {_LARGEST // 1024} KiB")
    try:
        return SourceFile(shown.replace(os.sep, "/"), raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown}: not TOML: {error}") from None


def _syntax(file: SourceFile, message: str) -> str:
    """What `tomllib` complains of, with its place in front."""
    match = _SYNTAX.fullmatch(message)
    end = file.span(len(file.text), len(file.text))
    line, column = (match["line"], match["column"]) if match else (None, None)
    what = match["what"] if match else message
    place = f"{line or end.start_line}:{column or end.start_column}"
    return f"{file.path}:{place}: not TOML: {what[:1].lower()}{what[1:]}"


def _table(data: Any, place: Place) -> tuple[Any, Place]:  # noqa: ANN401 - TOML holds anything
    for step in _TABLE:
        data = data.get(step, {}) if isinstance(data, dict) else {}
        children = place.children if isinstance(place.children, dict) else {}
        place = children.get(step, Place(0, 0, {}, {}))
    return data, place


def _with_paths_from_here(settings: Settings, file: SourceFile, place: Place) -> Settings:
    home = Path(file.path).parent
    context = [
        _below(home, entry, "context", (("context", number), file, place))
        for number, entry in enumerate(settings.context)
    ]
    baseline = settings.baseline
    if baseline is not None:
        baseline = _below(home, baseline, "baseline", (("baseline",), file, place))
    there = _There(file, place)
    sets = [
        one.model_copy(update={"paths": there.all(one.paths, ("set", number, "paths"))})
        for number, one in enumerate(settings.sets)
    ]
    charts = [
        ChartTable(
            path=there.one(one.path, ("chart", number, "path")),
            values=there.all(one.values, ("chart", number, "values")),
        )
        for number, one in enumerate(settings.charts)
    ]
    return settings.model_copy(
        update={"context": context, "baseline": baseline, "sets": sets, "charts": charts}
    )


class _There(NamedTuple):
    """Paths of the settings that have to be there."""

    file: SourceFile
    place: Place

    def one(self, entry: str, way: tuple[str | int, ...]) -> str:
        """A path from here. Raises UsageError for one that is not there, or leads out."""
        where = (way, self.file, self.place)
        path = _below(Path(self.file.path).parent, entry, str(way[2]), where)
        if not os.path.exists(path):
            raise UsageError(f"{_position(*where)}: {field_text(way)!r}: no such path: {entry!r}")
        return path

    def all(self, entries: Sequence[str], way: tuple[str | int, ...]) -> list[str]:
        """Each of several paths, in their order."""
        return [self.one(entry, (*way, number)) for number, entry in enumerate(entries)]


def _below(home: Path, entry: str, key: str, where: tuple[tuple[str | int, ...], SourceFile, Place]) -> str:
    """A path of the settings, which may not lead out of the settings' own directory."""
    inside = (home / entry).resolve() if "\0" not in entry else Path("/")
    if not inside.is_relative_to(home.resolve()):
        message = f"the settings may not lead outside of their directory: {key} {entry!r}"
        raise UsageError(f"{_position(*where)}: {message}")
    return os.path.relpath(inside)


def _complaints(error: ValidationError, file: SourceFile, place: Place) -> Iterator[str]:
    for problem in error.errors():
        way = tuple(step for step in problem["loc"] if step != "[key]")
        is_key = problem["type"] == "extra_forbidden" or len(way) < len(problem["loc"])
        yield f"{_position(way, file, place, is_key=is_key)}: {_complaint(problem, way)}"


def _complaint(problem: Any, way: tuple[str | int, ...]) -> str:  # noqa: ANN401 - pydantic's error details
    field = field_text(way)
    if problem["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in _model_at(way[:-1]).model_fields.items()]
        return f"{field!r} is not a setting{_hint(str(way[-1]), known)}"
    message = _IN_OUR_WORDS.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        message += _hint(problem["input"], re.findall("'([^']*)'", problem["ctx"]["expected"]))
    return f"{field!r}: {message}"


def _hint(word: str, known: Sequence[str]) -> str:
    meant = nearest(word, known, limit=3)
    return f"; did you mean {meant!r}?" if meant else ""


def _model_at(way: tuple[str | int, ...]) -> type[BaseModel]:
    tables: dict[str, type[BaseModel]] = {
        "set": SetTable,
        "chart": ChartTable,
        "override": OverrideTable,
        "external": ExternalTable,
    }
    return tables.get(str(way[0]) if way else "", Settings)


def _position(way: tuple[str | int, ...], file: SourceFile, place: Place, *, is_key: bool = False) -> str:
    """`path:line:column` of a value or its key, of the nearest thing around it that is there."""
    offset = place.start
    for step in way:
        children = place.children
        if isinstance(children, dict) and step in children:
            offset = (place.keys or {}).get(str(step), (place.start, 0))[0]
            place = children[str(step)]
        elif isinstance(children, list) and isinstance(step, int) and step < len(children):
            place = children[step]
            offset = place.start
        else:
            break
    else:
        offset = offset if is_key else place.start
    span = file.span(offset, offset)
    return f"{file.path}:{span.start_line}:{span.start_column}"


def _override(table: OverrideTable, home: str) -> Override:
    off = (check for check, level in table.severity.items() if level == _OFF)
    return Override(
        files=FilePatterns(home, table.files) if table.files else None,
        namespaces=table.namespaces,
        ignore=frozenset((*table.ignore, *off)),
        severities=_severities(table.severity),
    )


def _severities(levels: Mapping[str, str]) -> dict[str, Severity]:
    return {check: Severity(level) for check, level in levels.items() if level != _OFF}


def _manifest(table: ExternalTable, file: SourceFile, place: Place) -> Manifest:
    _, api_version = _EXTERNAL_KINDS[table.kind]
    metadata = {"name": table.name, "namespace": table.namespace, "labels": table.labels}
    data = {"apiVersion": api_version, "kind": table.kind, "metadata": metadata}
    kind = Manifest if table.kind in _TOLD_BY_LABELS else Outline
    return kind(file, data, _as_object(place))


def _as_object(place: Place) -> Place:
    """The places of a table of the settings, as those of the object that it stands for."""
    children = place.children if isinstance(place.children, dict) else {}
    keys = place.keys or {}
    inner = [key for key in children if key != "kind"]
    metadata = Place(
        place.start, place.end, {key: children[key] for key in inner}, {key: keys[key] for key in inner}
    )
    return Place(
        place.start,
        place.end,
        {"kind": children["kind"], "metadata": metadata},
        {"kind": keys["kind"], "metadata": (place.start, place.end)},
    )
