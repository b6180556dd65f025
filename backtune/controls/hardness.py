"""Hardness: how hard a note begins - felt or wood, a soft or a pointed tongue."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

ONSET_S = 0.03  # what is heard as the transient is over after two or three of these
HARD_HZ = 1000.0  # above, hard and soft differ most (Askenfelt and Jansson 1993)
LEAST = 0.3  # share of the change that low partials get


def _weight(hz: Floats) -> Floats:
    high = hz**2 / (hz**2 + HARD_HZ**2)
    return np.asarray(LEAST + (1.0 - LEAST) * high)


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    early = value * np.exp(-np.maximum(voice.times_s, 0.0) / ONSET_S)
    return voice.with_(
        partial_db=voice.partial_db + _weight(voice.partial_hz)[:, None] * early,
        noise_db=voice.noise_db + _weight(voice.band_centre_hz)[:, None] * early,
    )


HARDNESS = Control(
    name="hardness",
    short="Hardness",
    group="onset",
    unit="dB",
    low=-18.0,
    high=18.0,
    default=0.0,
    sentence="Hardens or softens the beginning of notes, most of all its high overtones and its noise.",
    moves="levels of partials and noise bands: + value exp(-t / 30 ms), in full above 1 kHz",
    cc=71,
    shape=_shape,
)
