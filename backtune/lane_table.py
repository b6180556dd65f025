"""Automation tables: points of controls over time as CSV or JSON, read with line numbers and written."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from backtune.control import Control, Value
from backtune.errors import InputError, nearest
from backtune.lane import CURVES, Lane
from backtune.panel import Panel

COLUMNS = ("time_s", "beats", "control", "value", "unit", "curve")
MOST_POINTS = 1_000_000
MOST_BYTES = 100_000_000

Clock = Callable[[float], float]  # beats since the start -> s


def read_table(path: Path, panel: Panel, clock: Clock) -> dict[str, Lane]:
    """Return the lanes of a .csv or .json table: columns time_s or beats, control, value and maybe unit and curve.

    JSON is a list of points with these names. `clock` turns beats into s. Raises InputError with the line (in JSON
    the point's number) for an unknown column or control, a value out of range, a wrong unit, or time going back.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: over {MOST_BYTES} bytes; a table of automation is smaller")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from None
    rows = _json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text)
    points: dict[str, list[tuple[float, Value, str]]] = {}
    for where, row in rows:
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


def _csv_rows(path: Path, text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip() for cell in next(lines, [])]
        _check_columns(header, f"{path} line 1")
        for cells in lines:
            where = f"{path} line {lines.line_num}"
            if lines.line_num > MOST_POINTS:
                raise InputError(f"{where}: more than {MOST_POINTS} points")
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(f"{where}: {len(cells)} cells, the header has {len(header)}")
            yield where, {key: cell.strip() for key, cell in zip(header, cells, strict=True) if cell.strip()}
    except csv.Error as error:
        raise InputError(f"{path} line {lines.line_num}: not readable as CSV ({error})") from None


def _json_rows(path: Path, text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{path} line {line}: not readable as JSON ({error})") from None
    if not isinstance(data, list) or len(data) > MOST_POINTS:
        raise InputError(f"{path}: a list of up to {MOST_POINTS} points is needed")
    for number, row in enumerate(data, start=1):
        where = f"{path} point {number}"
        if not isinstance(row, dict):
            raise InputError(f"{where}: a table with time_s, control and value is needed")
        _check_columns([str(key) for key in row], where)
        yield where, row


def _check_columns(names: list[str], where: str) -> None:
    for name in names:
        if name not in COLUMNS:
            raise InputError(f"{where}: '{name[:60]}' is no column of an automation table; {nearest(name, COLUMNS)}")
    for name in ("control", "value"):
        if name not in names:
            raise InputError(f"{where}: '{name}' is missing")
    if ("time_s" in names) == ("beats" in names):
        raise InputError(f"{where}: one of time_s and beats is needed")


def _add_point(
    points: dict[str, list[tuple[float, Value, str]]], row: dict[str, Any], where: str, panel: Panel, clock: Clock
) -> None:
    control = panel.find(str(row.get("control", "")), where)
    at = _number(row.get("time_s", row.get("beats")))
    if at is None or at < 0.0:
        raise InputError(f"{where}: the time is '{row.get('time_s', row.get('beats'))}'; 0 or later is allowed")
    time_s = at if "time_s" in row else clock(at)
    curve = str(row.get("curve", "linear"))
    if curve not in CURVES:
        raise InputError(f"{where}: curve '{curve[:60]}'; {nearest(curve[:60], CURVES)}")
    line = points.setdefault(control.name, [])
    if line and line[-1][0] > time_s:
        raise InputError(f"{where}: {time_s:g} s is before the point above it of {control.name}, {line[-1][0]:g} s")
    line.append((time_s, _value(row, control, where), curve))


def _value(row: dict[str, Any], control: Control, where: str) -> Value:
    given, unit = row.get("value", ""), str(row.get("unit", control.unit))
    number = _number(given)
    if control.choices:
        return control.check(str(given), f"{where}: {control.name}")
    if number is None and isinstance(given, str):  # "3 dB" tells its unit itself
        first, _, rest = given.partition(" ")
        number, unit = _number(first), rest.strip() or unit
    if unit != control.unit:
        raise InputError(f"{where}: {control.name} is in '{control.unit}', not in '{unit[:20]}'")
    if number is None:
        raise InputError(f"{where}: {control.name}: '{str(given)[:60]}' is no number")
    return control.check(number, f"{where}: {control.name}")


def _number(data: Any) -> float | None:
    if isinstance(data, bool):
        return None
    try:
        value = float(data)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None
