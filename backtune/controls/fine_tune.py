"""Fine tune: the whole instrument higher or lower."""

from __future__ import annotations

from backtune.control import Control
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    return voice.with_(bend_cents=voice.bend_cents + value)


FINE_TUNE = Control(
    name="fine_tune",
    short="Fine tune",
    group="tuning",
    unit="cents",
    low=-100.0,
    high=100.0,
    default=0.0,
    sentence="Tunes the whole instrument up or down by up to a semitone.",
    moves="all partials: + value cents",
    cc=22,
    shape=_shape,
)
