"""The movement spectrum of a tone: how far its levels and its pitch swing, by how fast they swing."""

from __future__ import annotations

import numpy as np

from backtune.analysis.motion import (
    HEARD_DB,
    HOP_S,
    PARTIALS,
    SETTLED_S,
    STRUCK_S,
    Floats,
    cents_over_time,
    detrended,
    envelopes,
)
from backtune.notes import recorded_to_hz

RATE_HZ: Floats = np.array([0.4, 0.7, 1.2, 2.0, 3.5, 4.5, 5.5, 6.5, 8.0, 12.0])  # edges of the bands of rates
SLOW = slice(0, 4)  # below 3.5 Hz a tone drifts ...
FAST = slice(4, 9)  # ... above, somebody moves it
CENT_DB = 0.2  # a swing of 3 cents is as easily heard as one of 0.6 dB
SHORTEST_S = 0.6  # less tells of no movement


def movement(audio: Floats, rate: int, onset_s: float, partial_hz: Floats, struck: bool) -> Floats:
    """Return the standard deviation of levels and of pitch in each band of rates, dB (2, 9).

    `partial_hz` (12,): the lowest partials. Row 0: levels of those that are heard, less their slow course,
    root mean square over them. Row 1: the pitch they share, a cent counted as 0.2 dB. NaN where the note is
    shorter than 0.6 s after its attack, or no partial stands clear of the noise.
    """
    z, power, time = envelopes(audio, rate, onset_s, partial_hz, partial_hz[0], STRUCK_S if struck else np.inf)
    late = time > SETTLED_S
    nothing = np.full((2, len(RATE_HZ) - 1), np.nan)
    if late.sum() < SHORTEST_S / HOP_S:
        return nothing
    level = 10 * np.log10(power + 1e-20)
    between = 20 * np.log10(np.abs(z[PARTIALS:]) + 1e-10)
    heard = np.median(level[:, late], axis=1) > np.median(between[:, late], axis=1) + HEARD_DB[struck]
    heard &= partial_hz < recorded_to_hz(rate)
    if not heard.any():
        return nothing
    levels = np.stack([detrended(row[late], time[late], struck) for row in level[heard]])
    wander = detrended(cents_over_time(z[:PARTIALS], partial_hz, heard)[late], time[late], struck)
    return np.stack([np.sqrt(np.mean(_powers(levels), axis=0)), CENT_DB * np.sqrt(_powers(wander[None])[0])])


def _powers(rows: Floats) -> Floats:
    """Return the variance of each row in each band of rates, (rows, bands)."""
    window = np.hanning(rows.shape[1])
    spectrum = np.abs(np.fft.rfft(rows * window, axis=1)) ** 2
    spectrum *= 2 / (rows.shape[1] * np.sum(window**2))
    at = np.fft.rfftfreq(rows.shape[1], HOP_S)
    inside = (at[:, None] >= RATE_HZ[:-1]) & (at[:, None] < RATE_HZ[1:])
    return np.asarray(spectrum @ inside.astype(float))
