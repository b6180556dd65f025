"""Rows: every take of an index.csv rendered under its own file name, so that any judge can score it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtune.errors import InputError, nearest
from backtune.instrument import LONGEST_S
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.reading.audio_files import audio_facts, inside
from backtune.reading.index_file import NAME, number_of, pitch_of, read_index
from backtune.render import render_take
from backtune.sound import FORMATS, write_sound
from backtune.whole_file import is_same_file
from backtune.workers import in_order

ALL = "all"
RATE = 44100  # of rows whose recording is not there to tell
CEILING = 1.0 - 2.0**-20  # full scale, less what rounding adds


@dataclass(frozen=True)
class Row:
    """What one row asks for: the note, its onset in s, the length in samples and the rate in Hz."""

    file: str
    note: NoteEvent
    onset_s: float
    frames: int
    rate: int


def read_rows(index: Path, split: str) -> list[Row]:
    """Return the rows of an index.csv whose `split` is the given one, or all.

    Rate and length are those of the recording beside the table, else 44100 Hz and `duration_s`.
    Raises InputError for a broken table, an unknown split, two rows of one file, or a row that tells no length.
    """
    table = _table(index)
    rows = read_index(table)
    splits = {row.get("split", "") for row in rows} - {""}
    if split != ALL and split not in splits:
        raise InputError(f"{table}: no row has split '{split}'; {nearest(split, [*splits, ALL])}")
    chosen = [(number, row) for number, row in enumerate(rows, start=2) if split == ALL or row.get("split") == split]
    first: dict[str, int] = {}
    for number, row in chosen:
        name = os.path.normcase(os.path.normpath(row["file"]))  # "./a.wav" is "a.wav", on Windows "A.wav" too
        if (before := first.setdefault(name, number)) != number:
            raise InputError(f"{table}: rows {before} and {number} would both be written to '{row['file'][:60]}'")
    return [_row(table, f"{table} row {number}", row) for number, row in chosen]


def _table(index: Path) -> Path:
    return index / NAME if index.is_dir() else index


def _row(table: Path, where: str, row: dict[str, str]) -> Row:
    path = inside(table.parent, table.parent / row["file"], where)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{where}: file is '{row['file'][:60]}'; allowed endings: {', '.join(FORMATS)}")
    velocity = number_of(row, "velocity", where, 1, 127)
    if velocity is None:
        raise InputError(f"{where}: velocity is empty; allowed: a number in 1..127")
    if path.is_file():
        facts = audio_facts(path)
        frames, rate = facts.frames, facts.rate
    else:
        seconds = number_of(row, "duration_s", where, 0.001, LONGEST_S)
        if seconds is None:
            raise InputError(f"{where}: neither the recording nor duration_s is there to tell the length")
        frames, rate = round(seconds * RATE), RATE
    onset_s = number_of(row, "onset_s", where, 0.0, LONGEST_S) or 0.0
    gate_s = number_of(row, "gate_s", where, 0.0, LONGEST_S)
    held_s = None if gate_s is None else max(0.0, gate_s - onset_s)
    return Row(row["file"], NoteEvent(pitch_of(row, where), velocity, held_s), onset_s, frames, rate)


def render_rows(
    patch: Patch, index: Path, split: str, folder: Path, jobs: int
) -> Iterator[tuple[int, int, str, float]]:
    """Render rows into `folder`; after each, yield (how many are done, of how many, file name, dB softer).

    A render that would exceed full scale is written softer by that much; else the last is 0.
    Raises InputError as `read_rows` does, when a file cannot be written, or would be written over its recording.
    """
    rows = read_rows(index, split)
    for row in rows:
        recording, path = _table(index).parent / row.file, folder / row.file
        if is_same_file(recording, path):
            raise InputError(f"{path}: is the recording itself; another folder for the renders is needed")
    calls = [(patch, row, folder) for row in rows]
    rendered = in_order(_render_row, calls, jobs, lambda patch, row, _: f"rendering {row.file}")
    for count, softer_db in enumerate(rendered, start=1):
        yield count, len(rows), rows[count - 1].file, softer_db


def _render_row(patch: Patch, row: Row, folder: Path) -> float:
    audio = render_take(patch, row.note, row.onset_s, row.frames / row.rate, row.rate)
    peak = float(np.max(np.abs(audio)))
    loudness = min(1.0, CEILING / peak) if peak > 0 else 1.0
    path = folder / row.file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sound(path, audio * loudness, row.rate)
    return float(-20 * np.log10(loudness)) if loudness < 1.0 else 0.0
