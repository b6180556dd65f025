"""Automation tables: points of controls over time as CSV or JSON, read with line numbers and written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backtune.automation import CURVES
from backtune.control import Control, Value
from backtune.errors import InputError, nearest
from backtune.lane import Lane
from backtune.panel import Panel
from backtune.point_table import Clock, Columns, Row, read_rows, time_of, value_and_unit

COLUMNS = Columns(
    ("time_s", "beats", "control", "value", "unit", "curve"),
    (("time_s", "beats"), ("control",), ("value",)),
    elsewhere={
        "part": "is the part of a song that a row moves: `backtune stem` plays such a table; a single patch has no "
        "parts",
        "target": "is what moves in a part of a song or its chain: `backtune stem` plays such a table; what moves in a "
        "single patch stands in a column 'control'",
    },
)


def read_table(path: Path, panel: Panel, clock: Clock) -> dict[str, Lane]:
    """Return the lanes of a .csv or .json table: columns time_s or beats, control, value and maybe unit and curve.

    JSON is a list of points with these names. `clock` turns beats into s. Raises InputError with the line (in JSON
    the point's number) for an unknown column or control, a value out of range, a wrong unit, or time going back.
    """
    points: dict[str, list[tuple[float, Value, str]]] = {}
    for where, row in read_rows(path, COLUMNS):
        _add_point(points, row, where, panel, clock)
    return {name: Lane(*(tuple(column) for column in zip(*line, strict=True))) for name, line in points.items()}


def table_text(lanes: Mapping[str, Lane], panel: Panel, as_json: bool) -> str:
    """Return the table that `read_table` gives back without any loss."""
    rows: list[dict[str, Any]] = [
        {"time_s": time_s, "control": name, "value": value, "unit": panel.controls[name].unit, "curve": curve}
        for name, lane in lanes.items()
        for time_s, value, curve in zip(lane.times_s, lane.values, lane.curves, strict=True)
    ]
    if as_json:
        return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    lines = io.StringIO(newline="")
    table = csv.DictWriter(lines, ("time_s", "control", "value", "unit", "curve"), lineterminator="\n")
    table.writeheader()
    table.writerows({key: repr(x) if isinstance(x, float) else x for key, x in row.items()} for row in rows)
    return lines.getvalue()


def _add_point(
    points: dict[str, list[tuple[float, Value, str]]], row: Row, where: str, panel: Panel, clock: Clock
) -> None:
    control = panel.find(str(row.get("control", "")), where)
    time_s = time_of(row, where, clock)
    curve = str(row.get("curve", "linear"))
    if curve not in CURVES:
        raise InputError(f"{where}: curve '{curve[:60]}'; {nearest(curve[:60], CURVES)}")
    line = points.setdefault(control.name, [])
    if line and line[-1][0] > time_s:
        raise InputError(f"{where}: {time_s:g} s is before the point above it of {control.name}, {line[-1][0]:g} s")
    line.append((time_s, checked(control, *value_and_unit(row), where), curve))


def checked(control: Control, found: float | None, text: str, unit: str, where: str) -> Value:
    """Return the value of a control that was written as a number (or as `text`) in `unit` ("" = not told).

    Raises InputError, beginning with `where`, for a wrong unit, or a value that is none or out of range.
    """
    if control.choices:
        return control.check(text, f"{where}: {control.name}")
    if unit and unit != control.unit:
        raise InputError(f"{where}: {control.name} is in '{control.unit}', not in '{unit[:20]}'")
    if found is None:
        raise InputError(f"{where}: {control.name}: '{text[:60]}' is no number")
    return control.check(found, f"{where}: {control.name}")
