"""Automation: settings that move over time, as a table of points with straight lines between them."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest

Floats = NDArray[np.float64]
COLUMNS = ("time_s", "part", "target", "value")
REQUIRED = ("time_s", "target", "value")
MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Curve:
    """Points of one setting over time.

    - `times_s` (K,): rising or equal; two points at one time are a jump.
    - `values` (K,): in the setting's own unit, joined by straight lines; the last one holds on.
    - `texts` (K,): instead of values, for a setting that is a choice; each holds until the next.
    Before the first point whatever was set without automation holds.
    """

    times_s: Floats
    values: Floats
    texts: tuple[str, ...] = ()

    def __call__(self, times_s: Any) -> Floats:
        """Return the value at times in s, NaN before the first point."""
        times = np.asarray(times_s, float)
        return np.where(times < self.times_s[0], np.nan, np.interp(times, self.times_s, self.values))


@dataclass(frozen=True)
class Automation:
    """Curves by (part, target): a part is a name or number in the score ("" = every part)."""

    curves: dict[tuple[str, str], Curve]

    def of_part(self, *names: str) -> dict[str, Curve]:
        """Return the curves of a part that goes by any of `names`, by target; its own before those of every part."""
        found = {target: curve for (part, target), curve in self.curves.items() if part == ""}
        return found | {target: curve for (part, target), curve in self.curves.items() if part and part in names}


def read_automation(path: Path) -> Automation:
    """Return the automation of a CSV table with columns time_s, target, value and optionally part.

    Raises InputError when it cannot be read, lacks a column, or a row's time is negative, no number or
    before the one above it of the same target.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from None
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = [cell.strip() for cell in rows[0]] if rows else []
    for name in REQUIRED:
        if name not in header:
            raise InputError(f"{path}: the column '{name}' is missing; {nearest(name, header)}")
    for name in header:
        if name not in COLUMNS:
            raise InputError(f"{path}: '{name}' is no column of an automation table; {nearest(name, COLUMNS)}")
    if len(rows) > MOST_POINTS:
        raise InputError(f"{path}: {len(rows)} points; allowed: {MOST_POINTS}")
    points: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise InputError(f"{path} row {number}: {len(cells)} cells, the header has {len(header)}")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        time_s = _number(row["time_s"])
        if time_s is None or time_s < 0:
            raise InputError(f"{path} row {number}: time_s is '{row['time_s']}'; allowed: 0 s or later")
        if not row["target"] or not row["value"]:
            raise InputError(f"{path} row {number}: target and value must not be empty")
        line = points.setdefault((row.get("part", ""), row["target"]), [])
        if line and line[-1][0] > time_s:
            raise InputError(f"{path} row {number}: {time_s:g} s is before the row above it of {row['target']}")
        line.append((time_s, row["value"]))
    return Automation({key: curve_of(line) for key, line in points.items()})


def curve_of(points: Iterable[tuple[float, str | float]]) -> Curve:
    """Return the curve through (time in s, value) points; a value that is no number makes it a choice."""
    line = list(points)
    times = np.array([time for time, _ in line], float)
    numbers = [_number(value) for _, value in line]
    if any(number is None for number in numbers):
        return Curve(times, np.zeros(len(line)), tuple(str(value) for _, value in line))
    return Curve(times, np.array(numbers, float))


def write_automation(automation: Automation, path: Path) -> None:
    """Write the table that `read_automation` gives back."""
    lines = io.StringIO(newline="")
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(COLUMNS)
    for (part, target), curve in automation.curves.items():
        values = curve.texts or [repr(float(value)) for value in curve.values]
        for time_s, value in zip(curve.times_s, values, strict=True):
            table.writerow([repr(float(time_s)), part, target, value])
    beside = path.with_name(path.name + ".part")
    beside.write_text(lines.getvalue(), encoding="utf-8", newline="")
    os.replace(beside, path)


def _number(text: str | float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
