"""Level: how loud the instrument is."""

from __future__ import annotations

from backtune.control import Control
from backtune.controls._gains import louder
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    return louder(voice, value)


LEVEL = Control(
    name="level",
    short="Level",
    group="dynamics",
    unit="dB",
    low=-60.0,
    high=12.0,
    default=0.0,
    sentence="Makes everything softer or louder.",
    moves="all partials, noise bands and modes: + value dB",
    cc=23,
    shape=_shape,
)
