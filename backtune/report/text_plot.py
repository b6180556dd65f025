"""Text plots: a law over the keyboard, or over its first axis, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.axes import AXES
from backtune.formulas import FORMULAS
from backtune.law import Law
from backtune.units import note_name

Floats = NDArray[np.float64]

COLUMNS = 60  # of the plot itself: 80 less the labels
ROWS = 7
MOST_CURVES = 5
BLOCKS = "▁▂▃▄▅▆▇█"
AXIS_RANGE = {"velocity": (1.0, 127.0), "partial": (1.0, 32.0), "hz": (40.0, 16000.0), "time_s": (0.0, 4.0)}


@dataclass(frozen=True)
class Curve:
    """One line of a plot: what is held still along it ("velocity 64"), and its values, one a column."""

    label: str
    values: Floats


def number(value: float) -> str:
    """Return a number as a reader wants it: three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def law_plot(law: Law, pitches: tuple[float, float]) -> list[str]:
    """Return the plot of `law` as lines of at most 80 columns; `pitches` is the range of a keyboard axis."""
    if not law.axes:
        return [f"  = {number(float(law.values))} {law.unit}".rstrip()]
    axis = "pitch" if "pitch" in law.axes else law.axes[0]
    at = _columns(law, axis, pitches)
    curves = _curves(law, axis, at)
    drawn = _line(curves[0]) if len(curves) == 1 else _bands(curves)
    return [*drawn, _ruler(axis, at)]


def _columns(law: Law, axis: str, pitches: tuple[float, float]) -> Floats:
    if law.form in FORMULAS or axis == "pitch":
        low, high = pitches
    else:
        knots = law.coordinates[law.axes.index(axis)]
        low, high = (float(knots[0]), float(knots[-1])) if len(knots) > 1 else AXIS_RANGE[axis]
    if axis == "pitch":
        return np.round(np.linspace(low, high, COLUMNS))
    warped = np.asarray(AXES[axis](np.array([low, high])))
    fine = np.linspace(low, high, 20001) if axis != "hz" else np.geomspace(low, high, 20001)
    return np.interp(np.linspace(warped[0], warped[1], COLUMNS), np.asarray(AXES[axis](fine)), fine)


def _curves(law: Law, axis: str, at: Floats) -> list[Curve]:
    rest = [one for one in law.axes if one != axis]
    if not rest:
        return [Curve("", np.asarray(law(**{axis: at})))]
    first, others = rest[0], rest[1:]
    middle = {one: float(k[len(k) // 2]) for one, k in zip(law.axes, law.coordinates, strict=True) if one in others}
    held = "".join(f", {_place(one, x)}" for one, x in middle.items())
    knots = law.coordinates[law.axes.index(first)]
    picked = np.unique(np.linspace(0, len(knots) - 1, min(MOST_CURVES, len(knots))).round().astype(int))
    return [
        Curve(_place(first, float(x)) + held, np.asarray(law(**{axis: at, first: float(x), **middle})))
        for x in knots[picked]
    ]


def _place(axis: str, x: float) -> str:
    if axis == "pitch":
        return note_name(x)
    unit = {"hz": " Hz", "time_s": " s"}.get(axis, "")
    name = {"hz": "", "time_s": ""}.get(axis, f"{axis} ")
    return f"{name}{number(x)}{unit}"


def _line(curve: Curve) -> list[str]:
    low, high = float(curve.values.min()), float(curve.values.max())
    span = high - low or 1.0
    row = np.round((curve.values - low) / span * (ROWS - 1)).astype(int)
    lines = []
    for level in range(ROWS - 1, -1, -1):
        label = number(high) if level == ROWS - 1 else number(low) if level == 0 else ""
        lines.append(f"  {label:>11} │{''.join('•' if r == level else ' ' for r in row)}".rstrip())
    return lines


def _bands(curves: Sequence[Curve]) -> list[str]:
    low = min(float(curve.values.min()) for curve in curves)
    high = max(float(curve.values.max()) for curve in curves)
    span = high - low or 1.0
    lines = [f"  {'':11}  from {number(low)} (▁) to {number(high)} (█)"]
    for curve in curves:
        level = np.round((curve.values - low) / span * (len(BLOCKS) - 1)).astype(int)
        lines.append(f"  {curve.label.split(', ')[0][-12:]:>12} {''.join(BLOCKS[one] for one in level)}")
    held = curves[0].label.split(", ")[1:]
    return [*lines, *([f"  {'':11}  at {', '.join(held)}"] if held else [])]


def _ruler(axis: str, at: Floats) -> str:
    marks = [" "] * COLUMNS
    last = -9
    for column in range(COLUMNS):
        octave = axis == "pitch" and column > 0 and at[column] // 12 > at[column - 1] // 12
        if column == 0 or (octave and column - last > 4) or (axis != "pitch" and column % 15 == 0):
            x = 12 * (at[column] // 12) if octave else at[column]
            text = _place(axis, float(x)).removeprefix(f"{axis} ")
            if column + len(text) <= COLUMNS:
                marks[column : column + len(text)] = list(text)
                last = column
    label = {"pitch": "", "time_s": "", "hz": ""}.get(axis, axis)
    return f"  {label:>11}  {''.join(marks)}".rstrip()
