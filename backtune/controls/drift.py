"""Timbral drift: how much the balance of the overtones moves while a note sounds."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.controls._gains import as_loud_as
from backtune.layer import Layer
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

FROM_S = 0.15  # the balance the note has reached by then is the one it drifts from
MOST_DB = 60.0  # overtones that have died away this far no longer drift apart audibly


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    if not voice.partial_db.size:
        return voice
    from_frame = min(int(np.searchsorted(voice.times_s, FROM_S)), len(voice.times_s) - 1)
    whole = 10.0 * np.log10(np.sum(10.0 ** (voice.partial_db / 10.0), axis=0) + 1e-30)
    balance = voice.partial_db - whole
    away = np.clip(balance - balance[:, from_frame, None], -MOST_DB, MOST_DB)
    away[:, :from_frame] = 0.0
    moved = voice.with_(partial_db=voice.partial_db + (value - 1.0) * away)
    return as_loud_as(moved, voice, partials_only=True)


def _moves_colour(kind: type[Layer]) -> bool:
    """Return whether a layer type can change levels of partials while a note sounds: in time, or at a rate."""
    units = {spec.unit for spec in kind.specs}
    in_time = any("time_s" in spec.axes for spec in kind.specs) or units & {"s", "dB/s", "Hz"}
    return kind.depth > 0 and not kind.adds_sound and "dB" in units and bool(in_time)


DRIFT = Control(
    name="drift",
    short="Drift",
    group="course",
    unit="x",
    low=0.0,
    high=2.0,
    default=1.0,
    sentence="How far the colour of a note moves while it sounds: 0 stands still, 2 moves twice as far.",
    moves="levels of partials after 150 ms: their way from the balance reached by then, times value",
    cc=30,
    shape=_shape,
    offered=lambda kinds, struck: struck or any(_moves_colour(kind) for kind in kinds),  # overtones fall differently
)
