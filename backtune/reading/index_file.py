"""index.csv: a table that names every take of a folder."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from backtune.comma_table import header_of
from backtune.errors import InputError, nearest
from backtune.units import parse_note
from backtune.whole_file import read_text

NAME = "index.csv"
COLUMNS = ("file", "midi", "velocity", "dynamic", "take", "onset_s", "gate_s", "duration_s", "split")
REQUIRED = ("file", "midi", "velocity")
MOST_BYTES = 20_000_000  # 100,000 rows of 200 characters
MOST_ROWS = 100_000


def read_index(path: Path) -> list[dict[str, str]]:
    """Return the rows of an index.csv as dictionaries of text by column.

    Raises InputError when the file is unreadable, over 20 MB, not UTF-8, lacks a required column
    (file, midi, velocity), holds one of the columns that are read twice, or has a row of another length.
    """
    text = read_text(path, MOST_BYTES, "a table of takes")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise InputError(f"{path}: not a comma-separated table ({error})") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise InputError(f"{path}: the table is empty")
    header = header_of(rows[0], str(path), COLUMNS)
    for name in REQUIRED:
        if name not in header:
            raise InputError(
                f"{path}: the column '{name}' is missing; {nearest(name, header).replace('allowed', 'found')}"
            )
    if len(rows) - 1 > MOST_ROWS:
        raise InputError(f"{path}: {len(rows) - 1} rows; allowed: {MOST_ROWS}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"{path}: row {number} has {len(row)} cells, the header has {len(header)}")
    return [dict(zip(header, (cell.strip() for cell in row), strict=True)) for row in rows[1:]]


def number_of(row: dict[str, str], column: str, where: str, low: float, high: float) -> float | None:
    """Return the number in a cell, None when it is empty or the column is missing.

    Raises InputError when it is no number or outside `low`..`high`; `where` begins the message.
    """
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise InputError(f"{where}: {column} is '{text[:40]}'; allowed: a number in {low:g}..{high:g}")
    return value


def pitch_of(row: dict[str, str], where: str) -> float:
    """Return the MIDI pitch in the cell `midi`: a number or a note name; raise InputError for others."""
    try:
        return parse_note(row["midi"][:40])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
