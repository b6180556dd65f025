"""Dynamics: how far soft and loud lie apart."""

from __future__ import annotations

from backtune.control import Control
from backtune.controls._gains import louder
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

MIDDLE_VELOCITY = 64.0
VELOCITIES = 126.0  # from 1 to 127


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    return louder(voice, value * ((note.velocity - MIDDLE_VELOCITY) / VELOCITIES))


DYNAMICS = Control(
    name="dynamics",
    short="Dynamics",
    group="dynamics",
    unit="dB",
    low=-40.0,
    high=40.0,
    default=0.0,
    sentence="Brings the softest and the loudest notes closer together, or further apart.",
    moves="all levels: + value (velocity - 64) / 126 dB",
    cc=24,
    shape=_shape,
)
