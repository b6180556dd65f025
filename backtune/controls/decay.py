"""Decay: how fast a struck note fades while its key is held."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.voice import Floats

FROM_S = 0.1  # the onset keeps its pace


def _clock(times_s: Floats, value: float) -> Floats:
    return np.asarray(np.where(times_s <= FROM_S, times_s, FROM_S + (times_s - FROM_S) / value))


DECAY = Control(
    name="decay",
    short="Decay",
    group="course",
    unit="x",
    low=0.2,
    high=5.0,
    default=1.0,
    sentence="How many times as long as on the fitted instrument struck notes ring.",
    moves="every law over time after 100 ms, fall_db_s among them: times stretched by value",
    cc=75,
    curve="log",
    smoothing_s=0.0,
    clock=_clock,
    offered=lambda kinds, struck: struck,
)
