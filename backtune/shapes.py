"""Shapes of hand-written data: what is allowed, told once, for the reader and for the published JSON Schema."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtune.errors import InputError, nearest

LONGEST_TEXT = 10_000


class Shape(ABC):
    """One kind of value: it reads plain data, refusing with a path into it, and states its JSON Schema."""

    @abstractmethod
    def read(self, data: Any, where: str) -> Any:
        """Return what `data` means; raise InputError beginning with `where` when it is not allowed."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what `read` accepts."""


def told(data: Any) -> str:
    """Return how a message calls a value: short, as it was written."""
    if isinstance(data, dict):
        return "a table"
    if isinstance(data, list):
        return "a list"
    if data is None:
        return "nothing"
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Number(Shape):
    """A finite number in `low`..`high`, in `unit`; with `whole`, an integer."""

    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    whole: bool = False

    def read(self, data: Any, where: str) -> float:
        number = isinstance(data, int | float) and not isinstance(data, bool)
        if not number or not math.isfinite(data) or (self.whole and data != int(data)):
            kind = "a whole number" if self.whole else "a number"
            raise InputError(f"{where}: {told(data)}; {kind} is needed")
        if data < self.low:
            raise InputError(f"{where}: {data:g} is below the allowed {self.low:g} {self.unit}".rstrip())
        if data > self.high:
            raise InputError(f"{where}: {data:g} is above the allowed {self.high:g} {self.unit}".rstrip())
        return int(data) if self.whole else float(data)

    def schema(self) -> dict[str, Any]:
        out: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        if math.isfinite(self.low):
            out["minimum"] = self.low
        if math.isfinite(self.high):
            out["maximum"] = self.high
        return out


@dataclass(frozen=True)
class Text(Shape):
    """A text, at most `longest` characters; with `allowed`, one of those."""

    allowed: tuple[str, ...] = ()
    longest: int = LONGEST_TEXT

    def read(self, data: Any, where: str) -> str:
        if not isinstance(data, str):
            raise InputError(f"{where}: {told(data)}; a text is needed (in quotation marks, if it looks like a number)")
        if self.allowed and data not in self.allowed:
            raise InputError(f"{where}: '{data[:60]}'; {nearest(data[:60], self.allowed)}")
        if len(data) > self.longest:
            raise InputError(f"{where}: {len(data)} characters; at most {self.longest} are allowed")
        return data

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.allowed)} if self.allowed else {"type": "string", "maxLength": self.longest}


class Flag(Shape):
    """true or false."""

    def read(self, data: Any, where: str) -> bool:
        if not isinstance(data, bool):
            raise InputError(f"{where}: {told(data)}; true or false is needed")
        return data

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Items(Shape):
    """A list of one shape, `fewest`..`most` long, read as a tuple."""

    item: Shape
    fewest: int = 0
    most: int = 1_000_000

    def read(self, data: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise InputError(f"{where}: {told(data)}; a list is needed")
        if not self.fewest <= len(data) <= self.most:
            raise InputError(f"{where}: {len(data)} entries; {self.fewest}..{self.most} are allowed")
        return tuple(self.item.read(one, f"{where}[{index}]") for index, one in enumerate(data))

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.fewest, "maxItems": self.most}


@dataclass(frozen=True)
class Names(Shape):
    """A table with any names as keys and one shape as values."""

    value: Shape

    def read(self, data: Any, where: str) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise InputError(f"{where}: {told(data)}; a table of names and values is needed")
        return {key: self.value.read(one, inside(where, key)) for key, one in data.items()}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.schema()}


@dataclass(frozen=True)
class Span(Shape):
    """Two finite numbers in `low`..`high`, the lower one first (or both the same)."""

    low: float
    high: float

    def read(self, data: Any, where: str) -> tuple[float, float]:
        first, last = self._items.read(data, where)
        if first > last:
            raise InputError(f"{where}: {first:g} to {last:g}; the lower one is needed first")
        return first, last

    def schema(self) -> dict[str, Any]:
        return self._items.schema()

    @property
    def _items(self) -> Items:
        return Items(Number(self.low, self.high), 2, 2)


class Anything(Shape):
    """Any plain data."""

    def read(self, data: Any, where: str) -> Any:
        if isinstance(data, float) and not math.isfinite(data):
            raise InputError(f"{where}: {data}; a finite number is needed")
        if isinstance(data, dict):
            return {key: self.read(one, inside(where, key)) for key, one in data.items()}
        if isinstance(data, list):
            return [self.read(one, f"{where}[{index}]") for index, one in enumerate(data)]
        return data

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Table(Shape):
    """A table with known keys; those without a default must be there."""

    fields: Mapping[str, Shape]
    required: frozenset[str] = frozenset()
    sentence: str = ""

    def read(self, data: Any, where: str) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise InputError(f"{where}: {told(data)}; a table with {', '.join(self.fields)} is needed")
        for key in data:
            if key not in self.fields:
                raise InputError(f"{inside(where, key)}: unknown key; {nearest(key[:60], self.fields)}")
        for key in sorted(self.required):
            if key not in data:
                raise InputError(f"{inside(where, key)}: missing")
        return {key: self.fields[key].read(one, inside(where, key)) for key, one in data.items()}

    def schema(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "type": "object",
            "properties": {key: shape.schema() for key, shape in self.fields.items()},
            "required": sorted(self.required),
            "additionalProperties": False,
        }
        return out | ({"description": self.sentence} if self.sentence else {})


def inside(where: str, key: str) -> str:
    """Return the path of `key` inside `where`."""
    key = key if len(key) <= 60 else key[:57] + "..."
    return f"{where}.{key}" if where else key
