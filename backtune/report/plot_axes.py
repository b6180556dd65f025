"""Axes of plots: where a law is drawn, how its axis is warped, which ticks a musician reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.axes import AXES
from backtune.formulas import FORMULAS
from backtune.law import Law
from backtune.report.text_plot import AXIS_RANGE, number
from backtune.units import note_name

Floats = NDArray[np.float64]

ACROSS = ("time_s", "pitch", "hz", "velocity", "partial")  # of several axes the first here runs across ...
UP = ("partial", "hz", "velocity", "pitch", "time_s")  # ... and of the others the first here runs up
LABELS = {
    "pitch": "key",
    "velocity": "velocity",
    "partial": "overtone (1 = fundamental)",
    "hz": "frequency",
    "time_s": "time after the onset, s",
}
TICKS = {
    "velocity": (1, 16, 32, 48, 64, 80, 96, 112, 127),
    "partial": (1, 2, 4, 8, 16, 32, 64, 100),
    "hz": (100, 500, 1000, 2000, 5000, 10000),
    "time_s": (-0.05, 0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
}
SOME_KEYS = 37  # with fewer, C, E and G# are named
FEW_KEYS = 13  # with fewer semitones than this between the ends, more than the Cs are named


def axis_range(law: Law, axis: str, pitches: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of `axis` on which `law` is drawn; `pitches` is the range of a keyboard axis of smooth laws."""
    if law.form in FORMULAS:
        return pitches if axis == "pitch" else AXIS_RANGE[axis]
    knots = law.coordinates[law.axes.index(axis)]
    if axis == "pitch" and law.form != "notes":
        return pitches
    if len(knots) > 1:
        return float(knots[0]), float(knots[-1])
    return pitches if axis == "pitch" else AXIS_RANGE[axis]


def drawn_axes(axes: Sequence[str]) -> list[str]:
    """Return `axes` in the order across, up, and those that are held still."""
    across, *rest = sorted(axes, key=ACROSS.index)
    return [across, *sorted(rest, key=UP.index)]


def axis_points(law: Law, axis: str, pitches: tuple[float, float], count: int) -> Floats:
    """Return rising coordinates on `axis`, (count,), evenly spaced for the ear; a law by notes has its own."""
    if axis == "pitch" and law.form == "notes":
        return law.known_pitches
    low, high = axis_range(law, axis, pitches)
    if low == high:
        return np.array([low])
    fine = np.geomspace(low, high, 20001) if axis in ("hz", "partial") else np.linspace(low, high, 20001)
    warped = warp(axis, fine)
    out = np.interp(np.linspace(warped[0], warped[-1], count), warped, fine)
    out[0], out[-1] = low, high
    return out


def warp(axis: str, x: Any) -> Floats:
    """Return coordinates as they are drawn: equal steps are about equal steps for the ear."""
    return np.asarray(AXES[axis](np.asarray(x, float)))


def ticks(axis: str, low: float, high: float) -> list[tuple[float, str]]:
    """Return (coordinate, text) of the ticks between `low` and `high`."""
    if axis == "pitch":
        keys = np.arange(np.ceil(low), np.floor(high) + 1)
        every = 3 if high - low < FEW_KEYS else 4 if high - low < SOME_KEYS else 12
        chosen = [key for key in keys if key % every == 0] or [low]
        return [(float(key), note_name(float(key))) for key in chosen]
    inside = [float(x) for x in TICKS[axis] if low <= x <= high] or [low, high]
    return [(x, place(axis, x)) for x in inside]


def place(axis: str, x: float) -> str:
    """Return a coordinate in a musician's words: C4, velocity 64, overtone 3, 2 kHz, 0.1 s."""
    if axis == "pitch":
        return note_name(x)
    if axis == "hz":
        return f"{number(x / 1000)} kHz" if x >= 1000 else f"{number(x)} Hz"
    return number(x)


def named_place(axis: str, x: float) -> str:
    """Return a coordinate that tells its axis too: 'velocity 64', 'overtone 3', '0.1 s', 'C4'."""
    told = place(axis, x)
    return {"velocity": f"velocity {told}", "partial": f"overtone {told}", "time_s": f"{told} s"}.get(axis, told)


def label_of(law: Law) -> str:
    """Return the label of a law's values: its name without its unit, and the unit."""
    suffix = "_" + law.unit.lower().replace("/", "_")
    name = law.name.removesuffix(suffix if law.unit else "").replace("_", " ")
    return f"{name}, {law.unit}" if law.unit else name
