"""Stretch: wider or narrower octaves than the instrument was tuned with."""

from __future__ import annotations

from backtune.control import Control
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

MIDDLE_MIDI = 69.0  # the tuner's A stays where it is


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    return voice.with_(bend_cents=voice.bend_cents + value * (note.midi - MIDDLE_MIDI) / 12.0)


STRETCH = Control(
    name="stretch",
    short="Stretch",
    group="tuning",
    unit="cents/octave",
    low=-20.0,
    high=20.0,
    default=0.0,
    sentence="How much wider each octave is tuned than on the fitted instrument, away from A4.",
    moves="stretch_cents of the tone: + value (m - 69) / 12",
    cc=21,
    shape=_shape,
)
