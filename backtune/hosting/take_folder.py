"""The folder a sampled instrument is written to: takes, their table, and a record of what was sampled."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from backtune.errors import BacktuneError, InputError
from backtune.hosting.wire import Audio
from backtune.reading.index_file import COLUMNS, NAME
from backtune.sound import write_sound
from backtune.units import amplitude_to_db, db_to_amplitude, note_name
from backtune.whole_file import write_beside

RECORD = "corpus.json"
TAKES = "*_v???_1.flac"
HEADROOM_DB = 3.0  # below full scale, for notes louder than the one that was too loud
LEAD_S = 0.1  # of silence before the note-on: lets an analysis measure the floor under the note


def take_file(key: int, velocity: int) -> str:
    """Return the file name of a take."""
    return f"{key:03d}_{note_name(key).replace('#', 's')}_v{velocity:03d}_1.flac"


def take_label(key: int, velocity: int) -> str:
    """Return how messages call a take: "C4 at 96"."""
    return f"{note_name(key)} at {velocity}"


def check_folder(folder: Path, record: dict[str, Any]) -> None:
    """Raise InputError when the folder holds takes that do not belong to this instrument and plan."""
    if not (folder / RECORD).exists():
        if (folder / NAME).exists():
            raise InputError(f"{folder}: holds an index.csv that sampling did not write; give an empty folder")
        return
    before = read_record(folder).get("sampling")
    if before is None:
        raise InputError(f"{folder / RECORD}: was not written by sampling; give an empty folder")
    for name in ("instrument", "rate", "hold_s", "release_s", "gain_db"):
        if before.get(name) != record[name]:
            raise InputError(
                f"{folder}: was sampled with another {name} ({before.get(name)}, now {record[name]}); "
                "give another folder"
            )


def create_folder(folder: Path, record: dict[str, Any], deterministic: bool, silent: set[str]) -> None:
    """Make the folder if need be, and write what is sampled into it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, record, deterministic, silent)


def remove_if_bare(folder: Path) -> None:
    """Take away the record and the table of a folder without takes, and the folder when nothing else is in it."""
    if any(folder.glob(TAKES)):
        return
    for name in (RECORD, NAME):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds something of the user's
        folder.rmdir()


def read_record(folder: Path) -> dict[str, Any]:
    """Return the folder's record, {} when there is none; raise InputError when it cannot be read."""
    try:
        return dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder / RECORD}: not readable as JSON ({error})") from None


def write_record(folder: Path, record: dict[str, Any], deterministic: bool, silent: set[str]) -> None:
    """Write what was sampled, in the fields a folder of recordings is described by."""
    content = {
        "name": record["instrument"]["name"],
        "licence": "",
        "levels_natural": True,
        "deterministic": deterministic,
        "silent": sorted(silent),
        "sampling": record,
    }
    _replace(folder / RECORD, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_take(path: Path, audio: Audio, rate: int, gain_db: float) -> None:
    """Write one take: silence of `LEAD_S`, then the note; one channel when both are the same.

    Raises BacktuneError for a take above full scale, InputError when it cannot be written.
    """
    audio = audio[:1] if np.array_equal(audio[0], audio[-1]) else audio
    check_peak(path.name, float(np.max(np.abs(audio))), gain_db)
    audio = audio * db_to_amplitude(gain_db)
    lead = np.zeros((audio.shape[0], round(LEAD_S * rate)))
    write_sound(path, np.concatenate([lead, audio], axis=1).T, rate)


def check_peak(what: str, peak: float, gain_db: float) -> None:
    """Raise BacktuneError when a peak is above full scale once it is played with a gain in dB."""
    peak_db = float(amplitude_to_db(peak)) + gain_db
    if peak_db > 0.0:
        remedy = f"a gain of {np.floor(gain_db - peak_db - HEADROOM_DB):.0f} dB for all takes leaves room"
        raise BacktuneError(f"{what}: peaks at {peak_db:+.1f} dB, above full scale; {remedy}")


def write_index(folder: Path, hold_s: float, release_s: float) -> None:
    """Write the table of all takes in the folder."""
    lines = io.StringIO(newline="")
    table = csv.DictWriter(lines, COLUMNS, lineterminator="\n", restval="")
    table.writeheader()
    for path in sorted(folder.glob(TAKES)):
        key, velocity = int(path.name[:3]), int(path.stem[-5:-2])
        row = {"file": path.name, "midi": key, "velocity": velocity, "dynamic": f"v{velocity:03d}", "take": 1}
        row |= {"onset_s": LEAD_S, "gate_s": f"{LEAD_S + hold_s:.6g}"}
        table.writerow(row | {"duration_s": f"{LEAD_S + hold_s + release_s:.6g}"})
    _replace(folder / NAME, lines.getvalue())


def _replace(path: Path, text: str) -> None:
    write_beside(path, text.encode())
