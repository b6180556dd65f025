"""Takes as a folder of recordings: what `read_index` and the door of sources read, written."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import soundfile

from backtune.notes import Take
from backtune.reading.index_file import COLUMNS, NAME
from backtune.units import note_name


def write_takes(takes: Iterable[Take], folder: Path) -> Path:
    """Write takes as 24-bit FLAC files with an index.csv beside them; return the table's path.

    Rates, levels, onsets, gates and splits are kept; files are named by pitch, dynamic or velocity, and number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for take in takes:
            audio, rate = take.audio()
            how = take.dynamic or f"v{take.velocity:03.0f}"
            name = f"{take.midi:03.0f}_{note_name(take.midi).replace('#', 's')}_{how}_{take.number}.flac"
            soundfile.write(folder / name, audio, rate, format="FLAC", subtype="PCM_24")
            note = (name, f"{take.midi:g}", f"{take.velocity:g}", take.dynamic, take.number)
            times = ("" if at is None else f"{at:.6g}" for at in (take.onset_s, take.gate_s, len(audio) / rate))
            table.writerow((*note, *times, take.split))
    return folder / NAME
