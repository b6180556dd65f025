"""index.csv: a table that names every take of a folder; reading it, and writing takes with one."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from backtune.errors import InputError, nearest
from backtune.notes import Take
from backtune.units import note_name, parse_note
from backtune.whole_file import beside, read_text, write_beside

NAME = "index.csv"
COLUMNS = ("file", "midi", "velocity", "dynamic", "take", "onset_s", "gate_s", "duration_s", "split")
REQUIRED = ("file", "midi", "velocity")
MOST_BYTES = 20_000_000  # 100,000 rows of 200 characters
MOST_ROWS = 100_000


def read_index(path: Path) -> list[dict[str, str]]:
    """Return the rows of an index.csv as dictionaries of text by column.

    Raises InputError when the file is unreadable, over 20 MB, not UTF-8, lacks a required column
    (file, midi, velocity), repeats one, or has a row of another length.
    """
    text = read_text(path, MOST_BYTES, "a table of takes")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise InputError(f"{path}: not a comma-separated table ({error})") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise InputError(f"{path}: the table is empty")
    header = [cell.strip() for cell in rows[0]]
    for name in REQUIRED:
        if name not in header:
            raise InputError(
                f"{path}: the column '{name}' is missing; {nearest(name, header).replace('allowed', 'found')}"
            )
        if header.count(name) > 1:
            raise InputError(f"{path}: the column '{name}' is there twice")
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


def write_takes(takes: Iterable[Take], folder: Path) -> Path:
    """Write takes as 24-bit FLAC files with an index.csv beside them; return the table's path.

    Rates, levels, onsets, gates and splits are kept; file names are made of pitch, dynamic or velocity
    and number. Raises InputError when two takes would share a name, or one exceeds full scale.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = io.StringIO(newline="")
    table = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    table.writeheader()
    used: set[str] = set()
    for take in takes:
        audio, rate = take.audio()
        name = _file_name(take)
        if name in used:
            raise InputError(f"{take.name}: two takes would be written as '{name}'; give them different numbers")
        used.add(name)
        if np.max(np.abs(audio)) > 1.0:
            raise InputError(f"{take.name}: peaks at {np.max(np.abs(audio)):.2f}, above full scale; lower its gain_db")
        _write_flac(folder / name, audio, rate)
        table.writerow(
            {
                "file": name,
                "midi": f"{take.midi:g}",
                "velocity": f"{take.velocity:g}",
                "dynamic": take.dynamic,
                "take": take.number,
                "onset_s": "" if take.onset_s is None else f"{take.onset_s:.6g}",
                "gate_s": "" if take.gate_s is None else f"{take.gate_s:.6g}",
                "duration_s": f"{len(audio) / rate:.6g}",
                "split": take.split,
            }
        )
    index = folder / NAME
    write_beside(index, lines.getvalue().encode())
    return index


def _file_name(take: Take) -> str:
    how = "".join(sign for sign in take.dynamic if sign.isalnum()) or f"v{take.velocity:03.0f}"
    return f"{take.midi:03.0f}_{note_name(take.midi).replace('#', 's')}_{how}_{take.number}.flac"


def _write_flac(path: Path, audio: np.ndarray, rate: int) -> None:
    import soundfile

    with beside(path) as part:
        soundfile.write(part, audio, rate, format="FLAC", subtype="PCM_24")
