"""Controls that a player makes: one knob that moves several laws and controls at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtune.control import Control
from backtune.errors import InputError, nearest
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.shapes import Items, Names, Number, Shape, Table, Text

MOST_MOVES = 32
FARTHEST = 1e9  # of a range: no unit needs more, and ways between farther ends leave floating point
GROUP = "made"
MADE_SHAPE = Table(
    {
        "value": Number(-FARTHEST, FARTHEST),
        "low": Number(-FARTHEST, FARTHEST),
        "high": Number(-FARTHEST, FARTHEST),
        "default": Number(-FARTHEST, FARTHEST),
        "unit": Text(longest=20),
        "short": Text(longest=12),
        "sentence": Text(longest=200),
        "cc": Number(0, 119, whole=True),
        "moves": Names(Items(Number(), 2, 2)),
    },
    frozenset({"moves"}),
    "a control of the player's own: its range, and for each law or control it moves how far at low and at high",
)


@dataclass(frozen=True)
class Move:
    """What a made control does to one target, "layer.law" or a control: `at_low` and `at_high` of its range.

    `times`: they are factors; else they are added, in the target's unit.
    """

    target: str
    at_low: float
    at_high: float
    times: bool

    def applied(self, base: Any, position: Any) -> Any:
        """Return `base` moved, for a position -1 (low) .. 0 (default) .. 1 (high)."""
        ends = [self.at_low, 1.0 if self.times else 0.0, self.at_high]
        if self.times:
            return base * np.exp(np.interp(position, [-1.0, 0.0, 1.0], np.log(ends)))
        return base + np.interp(position, [-1.0, 0.0, 1.0], ends)

    def told(self) -> str:
        """Return the move in words."""
        return f"{self.target}: {'times' if self.times else '+'} {self.at_low:g}..{self.at_high:g}"


@dataclass(frozen=True)
class MadeControl:
    """A player's own control: its surface, its value, and its moves."""

    control: Control
    value: float
    moves: tuple[Move, ...]

    def position(self, value: Any) -> Any:
        """Return where values lie: -1 (low) .. 0 (default) .. 1 (high)."""
        one = self.control
        points = {one.low: -1.0, one.high: 1.0, float(one.default): 0.0}
        return np.interp(value, sorted(points), [points[x] for x in sorted(points)])


def made_control(
    name: str, data: Any, known: Mapping[str, Control], layers: tuple[Layer, ...], where: str
) -> MadeControl:
    """Return the control described by `data`, which moves controls of `known` and laws of `layers`.

    Raises InputError, beginning with `where`, for anything that is not allowed, with the nearest name.
    """
    given = MADE_SHAPE.read(data, where)
    low, high = given.get("low", 0.0), given.get("high", 1.0)
    default = given.get("default", low)
    if not low < high:
        raise InputError(f"{where}.high: {high:g} is not above low, {low:g}")
    if not low <= default <= high:
        raise InputError(f"{where}.default: {default:g} is outside {low:g}..{high:g}")
    if not 0 < len(given["moves"]) <= MOST_MOVES:
        raise InputError(f"{where}.moves: {len(given['moves'])} given; 1..{MOST_MOVES} are allowed")
    moves = tuple(_move(target, ends, known, layers, f"{where}.moves") for target, ends in given["moves"].items())
    control = Control(
        name=name,
        short=given.get("short", name[:12]),
        group=GROUP,
        unit=given.get("unit", ""),
        low=low,
        high=high,
        default=default,
        sentence=given.get("sentence", f"Moves {', '.join(move.target for move in moves)}."),
        moves="; ".join(move.told() for move in moves),
        cc=given.get("cc"),
    )
    value = control.check(given.get("value", default), f"{where}.value")
    return MadeControl(control, float(value), moves)


def law_spec(target: str, layers: tuple[Layer, ...], where: str) -> tuple[Layer, LawSpec]:
    """Return the layer and the law that "layer.law" names; raise InputError with the nearest name if none."""
    kind, _, name = target.partition(".")
    found = {layer.kind: layer for layer in layers}
    if kind not in found:
        raise InputError(f"{where}: this patch has no layer '{kind[:60]}'; {nearest(kind[:60], found)}")
    specs = {spec.name: spec for spec in found[kind].specs}
    if name not in found[kind].laws:
        raise InputError(f"{where}: {kind} has no law '{name[:60]}'; {nearest(name[:60], found[kind].laws)}")
    return found[kind], specs[name]


def _move(
    target: str, ends: tuple[float, float], known: Mapping[str, Control], layers: tuple[Layer, ...], where: str
) -> Move:
    goal: Control | LawSpec
    if "." in target:
        goal = law_spec(target, layers, where)[1]
        times = goal.low > 0.0  # what cannot be 0 is multiplied
    else:
        if target not in known:
            raise InputError(f"{where}: '{target[:60]}' is no control; {nearest(target[:60], known)}")
        if known[target].choices:
            raise InputError(f"{where}: {target} is a choice of names, which nothing can be added to")
        goal = known[target]
        times = goal.curve == "log"
    if times and min(ends) <= 0.0:
        raise InputError(f"{where}.{target}: {min(ends):g} is no factor; numbers above 0 are allowed")
    widest = math.log(goal.high / goal.low) if times else goal.high - goal.low
    for end in ends:
        if abs(math.log(end) if times else end) > widest + 1e-9:  # logarithms of one ratio differ by rounding
            how = f"{'times' if times else 'plus'} {end:g}"
            reach = f"{goal.low:g}..{goal.high:g} {goal.unit}".rstrip()
            raise InputError(f"{where}.{target}: {how} leads out of the allowed {reach} from everywhere in it")
    return Move(target, ends[0], ends[1], times)


def made_schema() -> dict[str, Any]:
    """Return the JSON Schema of a made control."""
    return MADE_SHAPE.schema()


class SettingShape(Shape):
    """What a patch file holds for one control: a number, a choice, or a control of the player's own."""

    def read(self, data: Any, where: str) -> Any:
        """Return the setting; names and ranges are checked against the patch's own panel later."""
        if isinstance(data, dict):
            MADE_SHAPE.read(data, where)
            return data
        return Text(longest=4096).read(data, where) if isinstance(data, str) else Number().read(data, where)

    def schema(self) -> dict[str, Any]:
        """Return what is accepted."""
        return {"anyOf": [Number().schema(), Text(longest=4096).schema(), made_schema()]}
