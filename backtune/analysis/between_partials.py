"""What a voice sounds between its partials: noise, and modes that belong to no partial."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.units import db_to_power, power_to_db
from backtune.voice import Voice

Floats = NDArray[np.float64]


def between_partials_db(voice: Voice) -> Floats:
    """Return the mean square of noise and modes in each noise band of `voice`, dB (B, T)."""
    if not len(voice.mode_hz):
        return voice.noise_db
    after = np.maximum(voice.times_s, 0.0)
    level = voice.mode_db[:, None] - 60.0 * after / voice.mode_decay_s[:, None]
    power = np.where(voice.times_s >= 0, 0.5 * db_to_power(level), 0.0)
    total = db_to_power(voice.noise_db)
    inside = (voice.mode_hz >= voice.band_hz[0]) & (voice.mode_hz < voice.band_hz[-1])
    np.add.at(total, np.searchsorted(voice.band_hz, voice.mode_hz[inside], side="right") - 1, power[inside])
    return np.asarray(power_to_db(total))
