"""
Settings of a repository: `meshlint.toml`, or the table `[tool.meshlint]` of `pyproject.toml`.

Loaded only where there are settings: pydantic costs more than a run without them.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from meshlint.errors import UsageError
from meshlint.model.spelling import nearest
from meshlint.model.version import IstioVersion
from meshlint.source.decision import NamedSet

_PYPROJECT = "pyproject.toml"


def _is_version(text: str) -> str:
    IstioVersion.parse(text)
    return text


class SetSettings(BaseModel):
    """A manifest set that the repository names itself: one `[[set]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="what the set is called in reports")
    paths: list[str] = Field(
        min_length=1, description="kustomizations, directories and files, from the settings file"
    )
    namespace: str | None = Field(default=None, description="the namespace of its objects that name none")
    complete: bool = Field(default=False, description="nothing is missing from it")


class Settings(BaseModel):
    """What a repository wants of every run. Options of the command line come before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    select: list[str] = Field(default=[], description="checks, families or impacts to run; empty for all")
    ignore: list[str] = Field(default=[], description="checks, families or impacts not to run")
    exclude: list[str] = Field(default=[], description="files not to read, as in .gitignore")
    context: list[str] = Field(
        default=[], description="paths, from the settings file, whose objects are there but not reported on"
    )
    fail_on: Literal["error", "warning", "note", "never"] = Field(
        default="warning", alias="fail-on", description="exit with 1 from this severity on"
    )
    istio_version: Annotated[str, AfterValidator(_is_version)] | None = Field(
        default=None, alias="istio-version", description="the Istio version in use, X.Y or X.Y.Z"
    )
    namespace: str | None = Field(default=None, description="the namespace of objects that name none")
    complete: bool = Field(default=False, description="nothing is missing from what is read")
    sets: list[SetSettings] = Field(
        default=[], alias="set", description="manifest sets; what is in none of them is decided automatically"
    )

    @property
    def named_sets(self) -> list[NamedSet]:
        """The manifest sets, as those who decide on sets take them."""
        return [NamedSet(one.name, one.paths, one.namespace, one.complete) for one in self.sets]

    @model_validator(mode="after")
    def _names_of_sets_differ(self) -> Self:
        names = [one.name for one in self.sets]
        for name in names:
            if names.count(name) > 1:
                msg = f"two sets are called {name!r}"
                raise ValueError(msg)
        return self


def read_settings(path: Path) -> Settings:
    """
    Read a settings file.

    Raises UsageError that names the file and each wrong key, with the nearest right one.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the settings {str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    if path.name == _PYPROJECT:
        data = data.get("tool", {}).get("meshlint", {})
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {'; '.join(_complaints(error))}") from None
    context = [_below(path.parent, entry, "context") for entry in settings.context]
    sets = [_located(path, index, one) for index, one in enumerate(settings.sets)]
    return settings.model_copy(update={"context": context, "sets": sets})


def _located(settings: Path, index: int, one: SetSettings) -> SetSettings:
    """A set with its paths from here. Raises UsageError for one that is not there."""
    paths = [_below(settings.parent, entry, "paths") for entry in one.paths]
    for number, path in enumerate(paths):
        if not os.path.exists(path):
            key = f"set.{index}.paths.{number}"
            raise UsageError(f"{settings}: {key!r}: no such path: {one.paths[number]!r}")
    return one.model_copy(update={"paths": paths})


def _below(home: Path, entry: str, key: str) -> str:
    """A path of the settings, which may not lead out of the settings' own directory."""
    inside = (home / entry).resolve()
    if not inside.is_relative_to(home.resolve()):
        raise UsageError(f"the settings may not read outside of their directory: {key} {entry!r}")
    return os.path.relpath(inside)


def _complaints(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        key = ".".join(str(step) for step in problem["loc"])
        if not key:
            yield _in_words(problem)
        elif problem["type"] == "extra_forbidden":
            model = SetSettings if len(problem["loc"]) > 1 else Settings
            known = [field.alias or name for name, field in model.model_fields.items()]
            meant = nearest(str(problem["loc"][-1]), known, limit=3)
            yield f"{key!r} is not a setting" + (f"; did you mean {meant!r}?" if meant else "")
        else:
            yield f"{key!r}: {_in_words(problem)}"


def _in_words(problem: Any) -> str:  # noqa: ANN401 - pydantic's error details
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
