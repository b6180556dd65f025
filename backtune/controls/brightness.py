"""Brightness: more or less of what is high, as loud as before."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.controls._gains import as_loud_as, tilted
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    fundamental = float(np.min(voice.partial_hz, initial=1000.0))
    return as_loud_as(tilted(voice, value, fundamental), voice)


BRIGHTNESS = Control(
    name="brightness",
    short="Brightness",
    group="colour",
    unit="dB/octave",
    low=-9.0,
    high=9.0,
    default=0.0,
    sentence="Tilts the balance from dark to bright without making the note louder.",
    moves="levels of partials, noise bands and modes: + value log2(f / f0) dB, then as loud as before",
    cc=74,
    shape=_shape,
)
