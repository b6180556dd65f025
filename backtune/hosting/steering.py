"""Automation of effects and plugins: which settings change at which frame of a block, on the grid of 64 frames."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from backtune.automation import Curve, Floats, in_numbers
from backtune.errors import InputError
from backtune.hosting.plugin import Move, Plugin
from backtune.hosting.wire import GRID

RAW_POINTS = 33  # places along a moving parameter's range where the plugin is asked for its raw value


class Steered:
    """A plugin's parameters on their curves, by name, in the plugin's own units; `where` begins messages."""

    def __init__(self, plugin: Plugin, curves: Mapping[str, Curve], where: str) -> None:
        table = plugin.parameters
        self._indices = {name: table.find(name, where).index for name in curves}
        found = {name: in_raw_values(plugin, name, curve, where) for name, curve in curves.items()}
        self._curves = {name: curve for name, (curve, _, _) in found.items()}
        self._raw = {name: (numbers, raws) for name, (_, numbers, raws) in found.items()}
        self._now = dict.fromkeys(curves, math.nan)  # unlike every value: the first one is always sent
        self._frame = 0

    def moves(self, frames: int, rate: float) -> list[Move]:
        """Return the moves within the next `frames` frames at a rate in Hz."""
        moves = moves_of(self._curves, self._now, self._frame, frames, rate)
        self._frame += frames
        return [
            (at, self._indices[name], float(np.interp(value, *self._raw[name])))
            for at, changed in sorted(moves.items())
            for name, value in changed.items()
        ]


def moves_of(
    curves: Mapping[str, Curve], now: dict[str, float], frame: int, frames: int, rate: float
) -> dict[int, dict[str, float]]:
    """Return {frame within the block: {name: new value}} on the grid; `now` is brought up to the block's end."""
    moves: dict[int, dict[str, float]] = {}
    times = (frame + np.arange(0, frames, GRID)) / rate
    for name, curve in curves.items():
        values = curve(times)
        for place, value in enumerate(values):
            if not np.isnan(value) and value != now[name]:
                moves.setdefault(place * GRID, {})[name] = now[name] = float(value)
    return moves


def in_raw_values(plugin: Plugin, name: str, curve: Curve, where: str) -> tuple[Curve, Floats, Floats]:
    """Return (curve, numbers, raw values) of automation in a plugin's own unit or choices.

    The curve stays in the unit it was written in; between `numbers` the raw value runs on straight lines. A choice
    becomes a curve of raw values that hold until the next. Raises InputError for a value the plugin does not have,
    or numbers in more than one unit.
    """
    parameter = plugin.parameters.find(name, where)
    curve = curve if parameter.choices else in_numbers(curve)
    if len(set(curve.units)) > 1:
        told = ", ".join(f"'{unit}'" for unit in sorted(set(curve.units)))
        raise InputError(f"{where}: {name}: its points are in {told}; one unit is allowed")
    unit = next(iter(curve.units), "")
    if curve.texts:
        by_text = {text: plugin.raw_of(parameter, f"{text} {unit}".rstrip()) for text in sorted(set(curve.texts))}
        held = np.repeat([by_text[text] for text in curve.texts], 2)[:-1]
        steps = Curve(np.repeat(curve.times_s, 2)[1:], np.asarray(held, float))  # a jump: two points at one time
        return steps, np.array([0.0, 1.0]), np.array([0.0, 1.0])
    between = curve.values if parameter.steps else np.linspace(curve.values.min(), curve.values.max(), RAW_POINTS)
    numbers = np.unique(between)  # a parameter in steps has no settings in between
    raws = np.array([plugin.raw_of(parameter, f"{float(number)!r} {unit}".rstrip()) for number in numbers])
    return curve, numbers, raws
