"""Resampling: the same sound at another rate."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def resampled(audio: Floats, rate: int, wanted: int) -> Floats:
    """Return mono audio at another rate in Hz (polyphase; its aliases lie below -80 dB)."""
    if rate == wanted:
        return audio
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(audio, wanted // common, rate // common, window=("kaiser", 8.0)))
