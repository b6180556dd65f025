"""Attack: how fast a note comes in."""

from __future__ import annotations

import numpy as np

from backtune.control import Control
from backtune.voice import Floats

ATTACK_S = 0.15  # slow winds speak within this


def _clock(times_s: Floats, value: float) -> Floats:
    """Return times at which the note of normal attack is where this one is: slower at first, then alongside.

    What sounds before the onset is never drawn out: a note begins where its lead does, and would begin there loudly.
    """
    slowed = np.where(times_s <= ATTACK_S * value, times_s / value, times_s - ATTACK_S * (value - 1.0))
    return np.where(times_s < 0.0, times_s / min(value, 1.0), slowed)


ATTACK = Control(
    name="attack",
    short="Attack",
    group="onset",
    unit="x",
    low=0.25,
    high=4.0,
    default=1.0,
    sentence="How many times as long as on the fitted instrument notes take to come in.",
    moves="the first 150 ms of every law over time, attack_s among them: times after the onset stretched by value",
    cc=73,
    curve="log",
    smoothing_s=0.0,
    clock=_clock,
)
