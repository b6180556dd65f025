"""Automation: settings of a chain, an instrument or a patch that move over time, as a table of points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest
from backtune.point_table import Clock, Columns, number, read_rows, time_of, value_and_unit

Floats = NDArray[np.float64]
CURVES = ("linear", "hold", "smooth", "exponential")
BEND = 3.0  # of exponential ways: the last quarter of the time takes half of the way
COLUMNS = Columns(
    ("time_s", "beats", "part", "target", "control", "value", "unit", "curve"),
    (("time_s", "beats"), ("target", "control"), ("value",)),
)


@dataclass(frozen=True)
class Curve:
    """Points of one setting over time.

    - `times_s` (K,): rising or equal; two points at one time are a jump.
    - `values` (K,): in the setting's own unit; the last one holds on.
    - `texts` (K,): instead of values, where one is no bare number: choices, each of which holds until the next, or
      numbers with their units ("3 dB").
    - `ways` (K,): the way from each point to the next, of `CURVES`; () = straight lines.
    - `places`, `units` (K,): where each point was written and in which unit, () or "" where nobody told.
    Before the first point whatever was set without automation holds.
    """

    times_s: Floats
    values: Floats
    texts: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __call__(self, times_s: Any) -> Floats:
        """Return the value at times in s, NaN before the first point."""
        times = np.asarray(times_s, float)
        if self.ways:
            found = along(self.times_s, self.values, self.ways, times)
        else:
            found = np.interp(times, self.times_s, self.values)
        return np.where(times < self.times_s[0], np.nan, found)


@dataclass(frozen=True)
class Automation:
    """Curves by (part, target): a part is a name or number in the score ("" = every part)."""

    curves: dict[tuple[str, str], Curve]

    def of_part(self, *names: str) -> dict[str, Curve]:
        """Return the curves of a part that goes by any of `names`, by target; its own before those of every part."""
        found = {target: curve for (part, target), curve in self.curves.items() if part == ""}
        return found | {target: curve for (part, target), curve in self.curves.items() if part and part in names}


def along(times_s: Floats, values: Floats, ways: Sequence[str], at_s: Floats) -> Floats:
    """Return the values at `at_s` (T,) of points `times_s`, `values` (K,) joined by ways of `CURVES` (K,).

    Before the first point its value holds, after the last one that of the last.
    """
    place = np.searchsorted(times_s, at_s, side="right") - 1
    here = np.clip(place, 0, len(times_s) - 1)
    there = np.minimum(here + 1, len(times_s) - 1)
    span = times_s[there] - times_s[here]
    way = np.clip(np.where(span > 0, (at_s - times_s[here]) / np.where(span > 0, span, 1.0), 0.0), 0.0, 1.0)
    kind = np.array([CURVES.index(way) for way in ways])[here]
    shapes = [way, np.zeros_like(way), way * way * (3.0 - 2.0 * way), np.expm1(BEND * way) / np.expm1(BEND)]
    share = np.select([kind == index for index in range(len(CURVES))], shapes)
    return np.asarray(values[here] + share * (values[there] - values[here]))


def read_automation(path: Path, clock: Clock = lambda beats: beats * 0.5) -> Automation:
    """Return the automation of a .csv or .json table: time_s or beats, target (or control), value, part, unit, curve.

    `clock` turns beats into s (120 beats a minute without a song). Raises InputError with the line when it cannot be
    read, lacks a column, or a row's time is negative, no number or before the one above it of the same target.
    """
    points: dict[tuple[str, str], list[tuple[float, str, str, str, str]]] = {}
    for where, row in read_rows(path, COLUMNS):
        target = str(row.get("target", row.get("control", "")))
        if not target or "value" not in row:
            raise InputError(f"{where}: target and value must not be empty")
        time_s = time_of(row, where, clock)
        way = str(row.get("curve", "linear"))
        if way not in CURVES:
            raise InputError(f"{where}: curve '{way[:60]}'; {nearest(way[:60], CURVES)}")
        line = points.setdefault((str(row.get("part", "")), target), [])
        if line and line[-1][0] > time_s:
            raise InputError(f"{where}: {time_s:g} s is before the point above it of {target}, {line[-1][0]:g} s")
        line.append((time_s, str(row["value"]), way, where, str(row.get("unit", ""))))
    return Automation({key: _curve(line) for key, line in points.items()})


def in_numbers(curve: Curve) -> Curve:
    """Return a curve whose texts are all numbers with units ("3 dB") as one of numbers, any other as it is."""
    units = curve.units or ("",) * len(curve.texts)
    told = [value_and_unit({"value": text, "unit": unit}) for text, unit in zip(curve.texts, units, strict=False)]
    values = [value for value, _, _ in told if value is not None]
    if not told or len(values) < len(told):
        return curve
    return replace(curve, values=np.array(values, float), texts=(), units=tuple(unit for _, _, unit in told))


def curve_of(points: Iterable[tuple[float, str | float]]) -> Curve:
    """Return the curve of straight lines through (time in s, value) points; a value that is no number is a choice."""
    line = list(points)
    times = np.array([time for time, _ in line], float)
    numbers = [number(value) for _, value in line]
    if any(one is None for one in numbers):
        return Curve(times, np.zeros(len(line)), tuple(str(value) for _, value in line))
    return Curve(times, np.array(numbers, float))


def _curve(line: Sequence[tuple[float, str, str, str, str]]) -> Curve:
    plain = curve_of((time_s, text) for time_s, text, *_ in line)
    _, _, ways, places, units = (tuple(column) for column in zip(*line, strict=True))
    bent = () if set(ways) == {"linear"} else ways
    return Curve(plain.times_s, plain.values, plain.texts, bent, places, units)
