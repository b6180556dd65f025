"""How a note ends: how fast each of its lowest partials falls once the key is up."""

from __future__ import annotations

import numpy as np

from backtune.analysis.motion import HOP_S, PARTIALS, Floats, envelopes
from backtune.analysis.pitch import Pitch
from backtune.notes import recorded_to_hz

SHORTEST_S = 0.15  # of sound after the gate; recordings that end with it tell nothing
BEFORE_S = 0.1
FROM_S = 0.02  # a damper takes this long to land, and a window to leave the held tone behind
CLEAR_DB = 10.0  # above what lies between the partials
RANGE_DB = 40.0
FEWEST_FRAMES = 4


def no_release() -> Floats:
    """Return what is known of a take without a release: nothing, NaN (12,)."""
    return np.full(PARTIALS, np.nan)


def has_release(seconds: float, gate_s: float | None) -> bool:
    """Return whether a recording of that length goes on long enough after its gate to tell of the release."""
    return gate_s is not None and seconds - gate_s >= SHORTEST_S


def measure_release(audio: Floats, rate: int, gate_s: float | None, pitch: Pitch) -> Floats:
    """Return how fast the lowest 12 partials fall after the gate, dB/s (12,); NaN where that cannot be told."""
    found = no_release()
    if gate_s is None or not has_release(len(audio) / rate, gate_s):
        return found
    n = np.arange(1.0, PARTIALS + 1)
    hz = pitch.partial_hz(n)
    z, power, time = envelopes(audio, rate, gate_s - BEFORE_S, hz, pitch.f0_hz, BEFORE_S + len(audio) / rate - gate_s)
    level, since = 10 * np.log10(power + 1e-20), time - BEFORE_S
    between = 20 * np.log10(np.abs(z[PARTIALS:]) + 1e-10)
    held = since < 0
    for index in np.flatnonzero(hz < recorded_to_hz(rate)):
        top = float(np.median(level[index, held]))
        floor = max(float(np.median(between[index, since > FROM_S])), float(level[index, -3:].mean())) + CLEAR_DB
        gone = np.flatnonzero((since > FROM_S) & (level[index] < max(floor, top - RANGE_DB)))
        falling = (since > FROM_S) & (np.arange(len(since)) < (gone[0] if len(gone) else len(since)))
        if falling.sum() >= FEWEST_FRAMES:
            found[index] = max(-float(np.polyfit(np.arange(falling.sum()) * HOP_S, level[index, falling], 1)[0]), 0.0)
    return found
