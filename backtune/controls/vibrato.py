"""Vibrato: its depth and its rate."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

FROM_S, FADE_S = 0.3, 0.4  # players let a note speak before they move it
RATE_HZ = 5.5  # flutes and violins 5-6 Hz
COLOUR_DB_CENT = 0.03  # wind vibrato is mostly one of overtones above the second: 1 dB at 33 cents
COLOURED_FROM = 3.0  # partial number


def _wave(voice: Voice, rate_hz: Floats) -> Floats:
    """Return the swing -1..1 of the vibrato on the frames: in time, wherever the rate moves."""
    steps = np.diff(voice.times_s, prepend=voice.times_s[0])
    phase = 2.0 * np.pi * np.cumsum(steps * rate_hz)
    phase -= np.interp(FROM_S, voice.times_s, phase)
    grown = np.clip((voice.times_s - FROM_S) / FADE_S, 0.0, 1.0)
    return np.asarray(grown * np.sin(phase))


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    depth, rate_hz = value
    swing = depth * _wave(voice, rate_hz)
    coloured = (voice.partial_number >= COLOURED_FROM).astype(float)
    return voice.with_(
        bend_cents=voice.bend_cents + swing,
        partial_db=voice.partial_db + COLOUR_DB_CENT * coloured[:, None] * swing,
    )


VIBRATO = Control(
    name="vibrato",
    short="Vibrato",
    group="course",
    unit="cents",
    low=0.0,
    high=100.0,
    default=0.0,
    sentence="How wide the pitch swings, once the note has spoken; the colour swings along.",
    moves="all partials: + value sin(2 pi rate t) cents from 0.3 s on; those from the third: + 0.03 dB a cent",
    cc=77,
    shape=_shape,
    partners=("vibrato_rate",),
)
VIBRATO_RATE = Control(
    name="vibrato_rate",
    short="Vib rate",
    group="course",
    unit="Hz",
    low=1.0,
    high=10.0,
    default=RATE_HZ,
    sentence="How fast the vibrato swings.",
    moves="rate of the vibrato",
    cc=76,
    curve="log",
)
