"""Velocity curve: how heavy the keyboard feels."""

from __future__ import annotations

from dataclasses import replace

from backtune.control import Control
from backtune.notes import NoteEvent


def _play(note: NoteEvent, value: float) -> NoteEvent:
    return replace(note, velocity=1.0 + 126.0 * ((max(note.velocity, 1.0) - 1.0) / 126.0) ** value)


VELOCITY_CURVE = Control(
    name="velocity_curve",
    short="Vel curve",
    group="dynamics",
    unit="",
    low=0.25,
    high=4.0,
    default=1.0,
    sentence="Above 1 the keys have to be struck harder for the same sound, below 1 less hard.",
    moves="the velocity every law is asked with: 1 + 126 ((v - 1) / 126)^value",
    cc=25,
    curve="log",
    smoothing_s=0.0,
    play=_play,
)
