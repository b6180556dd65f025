"""Instruments for engine tests: a struck string and a blown pipe, from a few closed formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtune.notes import NoteEvent
from backtune.units import midi_to_hz
from backtune.voice import BANDS, Voice, frame_times


@dataclass(frozen=True)
class Struck:
    """Decaying, slightly inharmonic partials, a knock of noise, three body modes; the top keys have no damper."""

    lead_s: float = 0.01
    partials: int = 40

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of a note."""
        times = frame_times(seconds, self.lead_s)
        number = np.arange(1.0, self.partials + 1)
        hz = midi_to_hz(note.midi) * number * np.sqrt(1.0 + 1e-4 * number**2)
        rise = np.minimum(times, 0.0) * 6000.0
        level = -20.0 + 0.2 * (note.velocity - 90.0) - 12.0 * np.log2(number)
        fall = np.outer(6.0 + 1.5 * number, np.maximum(times, 0.0))
        beat = 1.5 * np.sin(2 * np.pi * np.outer(0.7 + 0.1 * number, times))
        release = np.full(self.partials, 0.0 if note.midi > 88 else 120.0)
        voice = Voice.silent(note, times, seed=round(note.midi * 128 + note.velocity)).with_(
            partial_number=number,
            partial_hz=hz,
            partial_db=level[:, None] + rise - fall + beat,
            phase_rad=1.7 * number,
            partial_release_db_s=release,
            noise_db=np.full((BANDS, 1), -55.0) + rise - 300.0 * np.maximum(times, 0.0),
        )
        return voice.adding_modes(np.array([92.0, 187.0, 245.0]), np.full(3, -40.0), np.full(3, 0.4))


@dataclass(frozen=True)
class Blown:
    """Steady harmonics with vibrato over a bed of breath."""

    lead_s: float = 0.03
    partials: int = 20
    vibrato_cents: float = 12.0

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of a note."""
        times = frame_times(seconds, self.lead_s)
        number = np.arange(1.0, self.partials + 1)
        rise = np.minimum(times - 0.05, 0.0) * 900.0
        return Voice.silent(note, times, seed=round(note.midi)).with_(
            partial_number=number,
            partial_hz=midi_to_hz(note.midi) * number,
            bend_cents=self.vibrato_cents * np.sin(2 * np.pi * 5.5 * times),
            partial_db=-18.0 - 9.0 * np.log2(number)[:, None] + rise,
            phase_rad=0.3 * number,
            partial_release_db_s=np.full(self.partials, 500.0),
            noise_db=np.full((BANDS, 1), -60.0) + rise,
        )
