"""What a voice sounds beside its partials: noise, and modes that belong to no partial - between them, and over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.seen_through import UNTIL_S, power_seen
from backtune.analysis.tracks import TRACK_BINS, search_hz
from backtune.units import db_to_power, power_to_db
from backtune.voice import Voice

Floats = NDArray[np.float64]


def between_partials_db(voice: Voice) -> Floats:
    """Return the mean square of noise and modes in each noise band of `voice`, dB (B, T)."""
    if not len(voice.mode_hz):
        return voice.noise_db
    power = 0.5 * _mode_power(voice)
    total = db_to_power(voice.noise_db)
    inside = (voice.mode_hz >= voice.band_hz[0]) & (voice.mode_hz < voice.band_hz[-1])
    np.add.at(total, np.searchsorted(voice.band_hz, voice.mode_hz[inside], side="right") - 1, power[inside])
    return np.asarray(power_to_db(total))


def over_partials_db(voice: Voice, hz: Floats, f0_hz: float, window_s: float) -> Floats:
    """Return what noise and modes of `voice` put into the tracks of partials at `hz` (P,), dB of peak (P, T).

    A track sums the bins, of a window of `window_s`, around the strongest near each; see `track_partials`. Noise counts
    while single windows tell a level: later, means of several seldom take it for a partial.
    """
    bands = np.clip(np.searchsorted(voice.band_hz, hz, side="right") - 1, 0, len(voice.noise_db) - 1)
    noise = power_seen(db_to_power(voice.noise_db), voice.times_s, window_s)[bands] * (voice.times_s <= UNTIL_S)
    power = noise * (2.0 * len(TRACK_BINS) / window_s / np.diff(voice.band_hz)[bands])[:, None]
    if len(voice.mode_hz):
        reach = search_hz(hz, f0_hz, window_s) + max(TRACK_BINS) / window_s
        near = np.abs(voice.mode_hz[None, :] - hz[:, None]) < reach[:, None]
        power = power + near @ _mode_power(voice)
    return np.asarray(power_to_db(power))


def _mode_power(voice: Voice) -> Floats:
    """Return the squared peak amplitude of each mode of `voice` at its times, (M, T)."""
    level = voice.mode_db[:, None] - 60.0 * np.maximum(voice.times_s, 0.0) / voice.mode_decay_s[:, None]
    return np.asarray(np.where(voice.times_s >= 0, db_to_power(level), 0.0))
