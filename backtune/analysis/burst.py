"""The burst of noise at an onset: what it stands above, and how the analysis sees its course."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.attack import LEAD_IN_DB_S
from backtune.analysis.noise_tracks import SHORT_WINDOW
from backtune.analysis.observations import Observations

Floats = NDArray[np.float64]

BURST_S = (-0.03, 0.16)  # a burst is looked for here ...
LASTING_S = (0.1, 0.5)  # ... above what lasts here, followed back to the onset
STEEPEST_DB_S = -30.0  # of noise that lasts: a burst that falls for 0.4 s is not its own background
WINDOW_S = SHORT_WINDOW / 44100.0  # of the levels around an onset
KERNEL_STEPS = 12


def lasting_db(seen: Observations) -> Floats:
    """Return the level of the noise that lasts in the same take and band, followed back to the onset, dB (N,).

    A straight line through 0.1..0.5 s, where the burst is over; -200 where nothing was measured then.
    """
    time = seen.at["time_s"]
    out = np.full(len(time), -200.0)
    _, cell = np.unique(np.stack([seen.take, seen.at["hz"]]), axis=1, return_inverse=True)
    later = (time >= LASTING_S[0]) & (time <= LASTING_S[1])
    order = np.argsort(cell, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        known = rows[later[rows]]
        if not len(known):
            continue
        level, t = seen.measured_db[known], time[known]
        spread = t - t.mean()
        slope = np.clip(float(spread @ level) / max(float(spread @ spread), 1e-9), STEEPEST_DB_S, 0.0)
        out[rows] = level.mean() + slope * (np.maximum(time[rows], 0.0) - t.mean())
    return out + LEAD_IN_DB_S * np.minimum(time, 0.0)  # it was not there before the onset either


def seen_burst_db(time_s: Floats, rise_s: Floats | float, decay_s: Floats | float) -> Floats:
    """Return how the short windows of the analysis see a burst of peak 0 dB at `time_s`, dB (N,).

    The burst rises by 60 dB in `rise_s` up to the onset and falls by 60 dB in `decay_s`; a window sees its
    power averaged with the square of a Hann window.
    """
    at = np.linspace(-0.5, 0.5, KERNEL_STEPS + 2)[1:-1]
    kernel = np.cos(np.pi * at) ** 4
    t = time_s[:, None] + at * WINDOW_S
    rise, decay = np.broadcast_to(rise_s, time_s.shape)[:, None], np.broadcast_to(decay_s, time_s.shape)[:, None]
    power = 10 ** (np.where(t < 0, 6.0 * t / rise, -6.0 * t / decay))
    return np.asarray(10 * np.log10(np.maximum(power @ (kernel / kernel.sum()), 1e-20)))
