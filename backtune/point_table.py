"""Tables of points over time as files: CSV or JSON rows, each with the place it was written at."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backtune.comma_table import header_of
from backtune.errors import InputError, nearest
from backtune.shapes import told
from backtune.whole_file import read_text

MOST_POINTS = 1_000_000
MOST_BYTES = 40_000_000  # a million points of 40 characters

Clock = Callable[[float], float]  # beats since the start -> s
Row = dict[str, Any]


@dataclass(frozen=True)
class Columns:
    """The columns of a table: `allowed` names, and `needed`, of each of which one must be there.

    `elsewhere`: names that tables of another kind have, each with a sentence on what they are and where it is played.
    """

    allowed: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...]
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def check(self, names: Sequence[str], where: str) -> None:
        """Raise InputError, beginning with `where`, for a column that is not allowed, missing or told in two ways."""
        for name in names:
            if name in self.elsewhere:
                raise InputError(f"{where}: '{name}' {self.elsewhere[name]}")
            if name not in self.allowed:
                hint = nearest(name[:60], self.allowed)
                raise InputError(f"{where}: '{name[:60]}' is no column of an automation table; {hint}")
        for either in self.needed:
            there = [name for name in either if name in names]
            if len(there) != 1:
                wanted = " or ".join(f"'{name}'" for name in either)
                raise InputError(
                    f"{where}: {wanted} is missing" if not there else f"{where}: only one of {wanted} is read"
                )


def read_rows(path: Path, columns: Columns) -> Iterable[tuple[str, Row]]:
    """Yield ("FILE line N", row) of a .csv table, or ("FILE point N", row) of a .json list of tables.

    Empty cells are left out. Raises InputError with the place for a file that cannot be read, an unknown or missing
    column, or a broken row.
    """
    text = read_text(path, MOST_BYTES, "a table of automation")
    rows = _json_rows if path.suffix.lower() == ".json" else _csv_rows
    return rows(path, text, columns)


def number(data: Any) -> float | None:
    """Return a finite number, or None for what is none."""
    if isinstance(data, bool):
        return None
    try:
        value = float(data)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def time_of(row: Row, where: str, clock: Clock) -> float:
    """Return when a row is, s, from its time_s or its beats; raise InputError, beginning with `where`, if never."""
    at = number(row.get("time_s", row.get("beats")))
    if at is None or at < 0.0:
        raise InputError(f"{where}: the time is '{row.get('time_s', row.get('beats'))}'; 0 or later is allowed")
    return at if "time_s" in row else clock(at)


def value_and_unit(row: Row) -> tuple[float | None, str, str]:
    """Return (number or None, text, unit or "") of a row's value: "3", "3 dB" or a choice; its column unit if any."""
    given, unit = row.get("value", ""), str(row.get("unit", ""))
    found = number(given)
    if found is None and isinstance(given, str):  # "3 dB" tells its unit itself
        first, _, rest = given.partition(" ")
        if number(first) is not None:
            return number(first), given, rest.strip() or unit
    return found, str(given), unit


def _csv_rows(path: Path, text: str, columns: Columns) -> Iterable[tuple[str, Row]]:
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = header_of(next(lines, []), f"{path} line 1", columns.allowed)
        columns.check(header, f"{path} line 1")
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


def _json_rows(path: Path, text: str, columns: Columns) -> Iterable[tuple[str, Row]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{path} line {line}: not readable as JSON ({error})") from None
    if not isinstance(data, list) or len(data) > MOST_POINTS:
        raise InputError(f"{path}: a list of up to {MOST_POINTS} points is needed")
    for place, row in enumerate(data, start=1):
        where = f"{path} point {place}"
        if not isinstance(row, dict):
            raise InputError(f"{where}: a table with time_s, control and value is needed")
        columns.check([str(key) for key in row], where)
        for key, cell in row.items():
            if cell is None or isinstance(cell, list | dict):  # null is no empty cell: its text would be "None"
                raise InputError(f"{where}: {key}: {told(cell)}; a number or a text is needed")
        yield where, row
