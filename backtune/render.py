"""From voices to samples, offline: one voice, one take, one note."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.fading import faded_out
from backtune.instrument import Instrument, check_rate
from backtune.layout import Layout
from backtune.notes import NoteEvent
from backtune.sounding import RAMP_S, Sounding, Workspace, damp
from backtune.voice import Voice

Floats = NDArray[np.float64]
SHORTEST_S = 0.1  # a voice is asked for at least this long, for a note that begins at the very end of a file


def render_voice(voice: Voice, rate: int, n_frames: int | None = None) -> Floats:
    """Return the samples of one voice, the first at `voice.times_s[0]`.

    Mono, float64, (n_frames,); by default as long as the voice's frames. The voice is released at
    `voice.note.gate_s`, if that is not None. Nothing above -180 dB is left out.
    Raises InputError for a rate outside 8000..384000 Hz.
    """
    check_rate(rate)
    layout = Layout(voice, rate, hearing=False)
    return _run_gated(layout, voice.note, 0, layout.length if n_frames is None else n_frames)


def render_take(instrument: Instrument, note: NoteEvent, onset_s: float, duration_s: float, rate: int) -> Floats:
    """Return one performance of one note as a recording would hold it, (round(duration_s * rate),) float64.

    The perceived onset is at `onset_s`, the key is released `note.gate_s` later; sound before the start of the file
    is cut, and what still sounds at its end fades out in its last 5 ms.
    Raises InputError for a rate outside 8000..384000 Hz or a duration that is not positive.
    """
    check_rate(rate)
    length = round(duration_s * rate)
    if length <= 0:
        raise InputError(f"duration: {duration_s} s holds no sample; a positive length is needed")
    layout = Layout(instrument.voice(note, max(duration_s - onset_s, SHORTEST_S)), rate, hearing=False)
    start = round(onset_s * rate) + layout.first_frame
    audio = _run_gated(layout, note, max(0, -start), max(0, length - start))
    out = np.zeros(length)
    out[max(0, start) :] = audio[:length]
    return faded_out(out, rate, RAMP_S)


def render_note(instrument: Instrument, note: NoteEvent, seconds: float, rate: int) -> Floats:
    """Return one note from the start of its sound, `instrument.lead_s` before the perceived onset, for `seconds`."""
    return render_take(instrument, note, instrument.lead_s, seconds, rate)


def _run_gated(layout: Layout, note: NoteEvent, first: int, stop: int) -> Floats:
    """Return samples `first` to `stop` of a note, counted from its first frame, released at its gate."""
    sounding, workspace = Sounding(layout), Workspace()
    out = np.zeros(max(stop, first), np.float32)
    orders = []
    if note.gate_s is not None:
        orders = [(max(0, round(note.gate_s * layout.rate) - layout.first_frame), damp(1.0))]
    sounding.run(out, workspace, [(at, order) for at, order in orders if at < len(out)])
    return out[first:].astype(np.float64)
