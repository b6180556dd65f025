"""Dataclasses as shapes: annotations say what is allowed, defaults what may be left out."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from backtune.shapes import Anything, Flag, Items, Names, Number, Shape, Table, Text


@dataclass(frozen=True)
class Record(Shape):
    """A dataclass whose fields are plain: its annotations say what is allowed, its defaults what may be left out."""

    kind: type
    special: Mapping[str, Shape] = dataclasses.field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The table the dataclass is written as."""
        hints = typing.get_type_hints(self.kind)
        shapes, required = {}, set()
        for one in dataclasses.fields(self.kind):
            shapes[one.name] = self.special.get(one.name) or shape_of(hints[one.name])
            if one.default is MISSING and one.default_factory is MISSING:
                required.add(one.name)
        return Table(shapes, frozenset(required), (self.kind.__doc__ or "").split("\n")[0])

    def read(self, data: Any, where: str) -> Any:
        return self.kind(**self.table.read(data, where))

    def schema(self) -> dict[str, Any]:
        return self.table.schema()


def shape_of(annotation: Any) -> Shape:
    """Return the shape of a type annotation: texts, numbers, flags, tuples, dictionaries, dataclasses of those."""
    simple: dict[Any, Shape] = {str: Text(), float: Number(), int: Number(whole=True), bool: Flag(), Any: Anything()}
    if annotation in simple:
        return simple[annotation]
    if dataclasses.is_dataclass(annotation):
        return Record(typing.cast(type, annotation))
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple and inner[-1:] == (...,):
        return Items(shape_of(inner[0]))
    if origin is tuple and len(set(inner)) == 1:
        return Items(shape_of(inner[0]), len(inner), len(inner))
    if origin is dict and inner[0] is str:
        return Names(shape_of(inner[1]))
    if origin in (types.UnionType, typing.Union) and len(inner) == 2 and types.NoneType in inner:
        return Optional(shape_of(next(one for one in inner if one is not types.NoneType)))
    raise TypeError(f"no shape is known for {annotation}")


@dataclass(frozen=True)
class Optional(Shape):
    """A shape, or null."""

    shape: Shape

    def read(self, data: Any, where: str) -> Any:
        return None if data is None else self.shape.read(data, where)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.shape.schema(), {"type": "null"}]}


def changed(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults, in order."""
    out = {}
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if default is MISSING or value != default:
            out[one.name] = value
    return out
