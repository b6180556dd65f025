"""One note of a patch beside its recording: rendered alike, how far it is, and where both are to be heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import PARTS, Distance, Reference, prepare
from backtune.analysis.onset import find_onset
from backtune.notes import NoteEvent, Take
from backtune.patch import Patch
from backtune.render import render_take
from backtune.units import note_name

Floats = NDArray[np.float64]
TOTAL = "total"
DECIMALS = 4  # in dB: sums come out 1e-8 apart with another number of threads


@dataclass(frozen=True)
class NoteDistance:
    """How far one rendered note is from its recording: `distance_db` holds "total" and each component, in dB."""

    name: str
    midi: float
    velocity: float
    dynamic: str
    number: int
    split: str
    distance_db: dict[str, float]

    @classmethod
    def of(cls, take: Take, found: Distance) -> NoteDistance:
        """Return a distance as that of the note in `take`."""
        parts = {name: round(float(getattr(found, name)), DECIMALS) for name in (TOTAL, *PARTS)}
        return cls(take.name, take.midi, take.velocity, take.dynamic, take.number, take.split, parts)

    @property
    def region(self) -> str:
        """The octave the note lies in, such as C4-B4."""
        octave = round(self.midi) // 12 - 1
        return f"C{octave}-B{octave}"

    @property
    def facts(self) -> dict[str, Any]:
        """What tables say of the note before its distances, by column."""
        return {
            "name": self.name,
            "note": note_name(self.midi),
            "midi": self.midi,
            "velocity": self.velocity,
            "dynamic": self.dynamic,
            "take": self.number,
            "split": self.split,
            "region": self.region,
        }


def render_like(patch: Patch, take: Take) -> tuple[Floats, Floats, int, float]:
    """Return (recording, render, rate in Hz, onset in s): the take and the same note played by `patch`.

    Both (n,), float64; the render has the recording's length, its onset and its gate.
    """
    audio, rate = take.audio()
    onset_s = find_onset(audio, rate) if take.onset_s is None else take.onset_s
    gate_s = None if take.gate_s is None else max(0.0, take.gate_s - onset_s)
    note = NoteEvent(take.midi, take.velocity, gate_s)
    return audio, render_take(patch, note, onset_s, len(audio) / rate, rate), rate, onset_s


def ready_to_compare(patch: Patch, take: Take, level_matched: bool = False) -> tuple[Reference, Floats, Floats]:
    """Return (reference, recording, render): `render_like`, and the recording prepared as heard where `patch` sounds.

    `level_matched`: renders get the recording's level before they are compared.
    """
    recorded, rendered, rate, onset_s = render_like(patch, take)
    heard_hz = patch.heard(take).sounding_hz
    return prepare(recorded, rate, onset_s, heard_hz, patch.struck, level_matched), recorded, rendered


def level_ratio(recorded: Floats, rendered: Floats) -> float:
    """Return the gain that makes `rendered` as strong as `recorded`, both (n,); 1 for silence."""
    here, there = float(np.sum(recorded**2)), float(np.sum(rendered**2))
    return float(np.sqrt(here / there)) if there > 0 else 1.0


def listening_places(folder: Path, takes: Sequence[Take], pairs: int) -> dict[int, Path]:
    """Return how the sound files of `pairs` takes, spread over all, begin, by index: "060_C4_v096_1".

    The second take of that note and number is "060_C4_v096_1-2": not every source numbers its repeats.
    """
    names = [
        f"{take.midi:03.0f}_{note_name(take.midi).replace('#', 's')}_v{take.velocity:03.0f}_{take.number}"
        for take in takes
    ]
    chosen = np.linspace(0, len(takes) - 1, min(pairs, len(takes))).round().astype(int).tolist()
    before = {index: names[:index].count(names[index]) for index in chosen}
    return {index: folder / f"{names[index]}{f'-{many + 1}' if many else ''}" for index, many in before.items()}


def rounded(value: float) -> float | None:
    """Return a number to a thousandth; None where nothing is known."""
    return round(value, 3) if np.isfinite(value) else None
