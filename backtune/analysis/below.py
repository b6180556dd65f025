"""Below the first partial: what sounds at fixed frequencies whatever the note - the body, struck along with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.voice import BAND_EDGES_HZ

Floats = NDArray[np.float64]

BELOW_HZ: Floats = np.arange(40.0, 1201.0, 8.0)
WINDOW_S = 0.25  # two Hann windows, one from the onset, one after it; their main lobes are 16 Hz wide
WINDOWS = 2
CLEAR_HZ, CLEAR_SHARE = 40.0, 0.88  # of the fundamental: nearer to it, its own skirt is heard
NOISE_WIDTH_HZ = 1.5 / WINDOW_S  # of a Hann window
FLOOR_MARGIN_DB = 6.0


def levels_below(audio: Floats, rate: int, onset_s: float, f0_hz: float) -> Floats:
    """Return (K, 2): squared peak amplitude in dB at `BELOW_HZ` over the first and second quarter second.

    NaN near and above the fundamental, and where the recording ends before the window does.
    """
    out = np.full((len(BELOW_HZ), WINDOWS), np.nan)
    clear = min(CLEAR_SHARE * f0_hz, f0_hz - CLEAR_HZ) > BELOW_HZ
    size = round(WINDOW_S * rate)
    window = np.hanning(size)
    start = round(onset_s * rate)
    for index in range(WINDOWS):
        segment = audio[start + index * size : start + (index + 1) * size]
        if len(segment) < size or not clear.any():
            break
        phase = np.exp(-2j * np.pi * np.outer(BELOW_HZ[clear], np.arange(size) / rate))
        amplitude = 2.0 * np.abs(phase @ (segment * window)) / window.sum()
        out[clear, index] = 20 * np.log10(np.maximum(amplitude, 1e-10))
    return out


def floor_below(noise_floor_db: Floats) -> Floats:
    """Return the level at `BELOW_HZ` under which the recording's own noise hides a mode, dB (K,)."""
    band = np.clip(np.searchsorted(BAND_EDGES_HZ, BELOW_HZ, side="right") - 1, 0, len(noise_floor_db) - 1)
    density = noise_floor_db[band] - 10 * np.log10(np.diff(BAND_EDGES_HZ)[band])
    return np.asarray(density + 10 * np.log10(2.0 * NOISE_WIDTH_HZ) + FLOOR_MARGIN_DB)


def below_onset_db(decay_s: Floats, from_s: float, window_s: float) -> Floats:
    """Return how far a Hann window from `from_s` after the onset sees a mode below its amplitude there, dB.

    `decay_s`: times to fall 60 dB, of any shape.
    """
    t = (np.arange(64) + 0.5) / 64
    weight = np.sin(np.pi * t) ** 2
    level = np.power(10.0, -3.0 * (from_s + window_s * t) / np.asarray(decay_s)[..., None])
    return np.asarray(-20 * np.log10(level @ (weight / weight.sum())))
