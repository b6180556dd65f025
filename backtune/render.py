"""From voices to samples, offline: one voice, one take, one note."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.sounding import Sounding, Workspace
from backtune.voice import Voice

Floats = NDArray[np.float64]
LOWEST_RATE, HIGHEST_RATE = 8000, 384000


class Instrument(Protocol):
    """What can be played: all that rendering knows of a patch."""

    @property
    def lead_s(self) -> float:
        """Seconds by which sound may precede the perceived onset of a note."""
        ...

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of `note`, held, for at least `seconds` after the onset."""
        ...


def render_voice(voice: Voice, rate: int, n_frames: int | None = None) -> Floats:
    """Return the samples of one voice, the first at `voice.times_s[0]`.

    Mono, float64, (n_frames,); by default as long as the voice's frames. The voice is released at
    `voice.note.gate_s`, if that is not None. Nothing above -180 dB is left out.
    Raises InputError for a rate outside 8000..384000 Hz.
    """
    check_rate(rate)
    sounding = Sounding(voice, rate, hearing=False)
    length = int(sounding.frames[-2]) if n_frames is None else n_frames
    return _run_gated(sounding, Workspace(), 0, length)


def render_take(instrument: Instrument, note: NoteEvent, onset_s: float, duration_s: float, rate: int) -> Floats:
    """Return one performance of one note as a recording would hold it, (round(duration_s * rate),) float64.

    The perceived onset is at `onset_s`, the key is released `note.gate_s` later; sound before the
    start of the file is cut. Raises InputError for a rate outside 8000..384000 Hz or a duration that is not positive.
    """
    check_rate(rate)
    length = round(duration_s * rate)
    if length <= 0:
        raise InputError(f"duration: {duration_s} s holds no sample; a positive length is needed")
    voice = instrument.voice(note, max(duration_s - onset_s, 0.1))
    sounding = Sounding(voice, rate, hearing=False)
    start = round(onset_s * rate) + sounding.first_frame
    audio = _run_gated(sounding, Workspace(), max(0, -start), max(0, length - start))
    out = np.zeros(length)
    out[max(0, start) :] = audio[:length]
    return out


def render_note(instrument: Instrument, note: NoteEvent, seconds: float, rate: int) -> Floats:
    """Return one note from the start of its sound, `instrument.lead_s` before the perceived onset, for `seconds`."""
    return render_take(instrument, note, instrument.lead_s, seconds, rate)


def check_rate(rate: int) -> None:
    """Raise InputError for a sampling rate outside 8000..384000 Hz."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(f"rate: {rate} Hz; {LOWEST_RATE}..{HIGHEST_RATE} Hz is allowed")


def _run_gated(sounding: Sounding, workspace: Workspace, first: int, stop: int) -> Floats:
    """Return samples `first` to `stop` of a voice, counted from its first frame, with its note's gate."""
    out = np.zeros(max(stop, first), np.float32)
    gate_s = sounding.voice.note.gate_s
    gate = len(out) if gate_s is None else min(len(out), max(0, round(gate_s * sounding.rate) - sounding.first_frame))
    sounding.run(out[:gate], workspace)
    if gate < len(out):
        sounding.damp(1.0)
        sounding.run(out[gate:], workspace)
    return out[first:].astype(np.float64)
