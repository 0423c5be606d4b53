"""
Named tuples, made quickly: `NamedTuple` is that of `typing`, at a quarter of the cost of making a class.

A run on a few manifests makes 170 such classes, which took a fifth of its time: `typing` compiles source
for each, and sets each attribute on a class that is there already. Here a class is made at once, and the
code that takes its fields is compiled once for each number of them.
"""

import sys
from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING or sys.version_info >= (3, 14):
    # From 3.14 on, annotations are not there when a class is made.
    from typing import NamedTuple
else:
    from collections import _tuplegetter
    from collections.abc import Iterable, Mapping
    from functools import cache
    from types import CodeType, FunctionType
    from typing import Any, Self

    class _Record(tuple):
        """What all named tuples can do."""

        __slots__ = ()
        _fields = ()

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self:
            """Make one of so many values as there are fields."""
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, **values: object) -> Self:
            """Make another with other values."""
            made = self._make(map(values.pop, self._fields, self))
            if values:
                raise TypeError(f"Got unexpected field names: {[*values]!r}")
            return made

        def _asdict(self) -> dict[str, Any]:
            """The values by field."""
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            values = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    class _Maker(type):
        def __new__(cls, name: str, _bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            types = namespace.get("__annotations__", {})
            fields = tuple(types)
            defaults = {field: namespace[field] for field in fields if field in namespace}
            if fields[len(fields) - len(defaults) :] != tuple(defaults):
                raise TypeError(f"a field of {name} without a default follows one with a default")
            namespace.update(
                (field, _tuplegetter(index, f"Alias for field number {index}"))
                for index, field in enumerate(fields)
            )
            taking = _taking(fields, defaults, namespace["__qualname__"])
            taking.__annotations__ = types
            namespace |= {
                "__new__": taking,
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
            }
            return type(name, (_Record,), namespace)

    def _taking(fields: tuple[str, ...], defaults: Mapping[str, object], owner: str) -> FunctionType:
        """A `__new__` that takes some fields, by position or by name."""
        code = _code(len(fields)).replace(
            co_varnames=("_cls", *fields), co_name="__new__", co_qualname=f"{owner}.__new__"
        )
        return FunctionType(code, {"_tuple": tuple.__new__}, "__new__", tuple(defaults.values()))

    @cache
    def _code(count: int) -> CodeType:
        names = "".join(f"_{number}, " for number in range(count))
        function: FunctionType = eval(f"lambda _cls, {names}: _tuple(_cls, ({names}))")  # noqa: S307
        return function.__code__

    _BASE = type.__new__(_Maker, "NamedTuple", (), {})

    def NamedTuple() -> None:  # noqa: N802 - as in typing
        """Not called: a base of classes."""

    NamedTuple.__mro_entries__ = lambda _: (_BASE,)
