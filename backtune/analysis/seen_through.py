"""What a window makes of a course: levels of a voice as an analysis of that length would see them near the onset."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from backtune.units import db_to_power, power_to_db

Floats = NDArray[np.float64]

# A window of 23 to 150 ms that reaches over the onset sees a note begin up to half its length too early: a law
# fitted to such levels as if they were of one moment starts 10 dB too loud in the first 5 ms.
FINE_S: Floats = np.arange(-0.16, 0.32, 0.001)
UNTIL_S = 0.15  # later, courses are straighter than a window is long
LEAST_INSIDE = 0.25  # of a window's area; what tracking asks of a window that reaches beyond the note


@lru_cache(maxsize=512)
def _amplitude_weights(times: bytes, window_s: float, begin_s: float) -> tuple[Floats, Floats]:
    """Return weights of amplitudes for the K times before `UNTIL_S` (K, fine), and of dB on the fine grid (T, fine)."""
    at = np.frombuffer(times)
    near = at[at <= UNTIL_S]
    lag = FINE_S[None, :] - near[:, None]
    weights = np.where(np.abs(lag) < 0.5 * window_s, np.cos(np.pi * lag / window_s) ** 2, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    inside = np.maximum((weights * (begin_s <= FINE_S)).sum(axis=1, keepdims=True), LEAST_INSIDE)
    return weights / inside, _to_fine(at)


@lru_cache(maxsize=64)
def _power_weights(times: bytes, window_s: float) -> tuple[Floats, Floats]:
    """Return the same for powers, which a window's square weighs."""
    at = np.frombuffer(times)
    near = at[at <= UNTIL_S]
    lag = FINE_S[None, :] - near[:, None]
    weights = np.where(np.abs(lag) < 0.5 * window_s, np.cos(np.pi * lag / window_s) ** 4, 0.0)
    return weights / weights.sum(axis=1, keepdims=True), _to_fine(at)


def _to_fine(at: Floats) -> Floats:
    return np.stack([np.interp(FINE_S, at, unit) for unit in np.eye(len(at))])


def tone_seen_db(level_db: Floats, times_s: Floats, window_s: float, begin_s: float) -> Floats:
    """Return amplitudes `level_db` (P, T) at `times_s` (T,) as a Hann window of `window_s` sees them, dB.

    `begin_s`: where the note (or the recording) starts; tracking divides by the share of the window after it.
    """
    weights, fine = _amplitude_weights(times_s.tobytes(), window_s, begin_s)
    out = np.array(level_db)
    out[:, : len(weights)] = 2.0 * power_to_db(10.0 ** (level_db @ fine / 20.0) @ weights.T)
    return out


def power_seen(power: Floats, times_s: Floats, window_s: float) -> Floats:
    """Return mean squares `power` (B, T) at `times_s` (T,) as a Hann window of `window_s` sees them."""
    weights, fine = _power_weights(times_s.tobytes(), window_s)
    out = np.array(power)
    out[:, : len(weights)] = db_to_power(power_to_db(power) @ fine) @ weights.T
    return out
