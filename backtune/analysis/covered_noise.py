"""Where the partials cover the noise: there an onset tells only how loud its noise is at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.tracks import (
    LARGEST_NOISE_WINDOW,
    NOISE_PERIODS,
    TRACK_TIMES_S,
    Tracks,
    partial_frequencies,
)
from backtune.voice import BAND_EDGES_HZ, BANDS

# At the onset noise is what short windows leave over the partials, and never less than 9 dB below the
# band's whole power: up to this far below the partials it may be all theirs.
COVERED_DB = 7.0
EARLY_S = 0.06


def covered_noise(tracks: Tracks, rate: int) -> NDArray[np.bool_]:
    """Return (B, T) where `tracks.noise_db` is only known not to be louder, because the partials cover it."""
    size = np.clip(2 ** np.ceil(np.log2(NOISE_PERIODS * rate / tracks.pitch.f0_hz)), 2048, LARGEST_NOISE_WINDOW)
    early = max(EARLY_S, 0.5 * size / rate) >= TRACK_TIMES_S
    hz = partial_frequencies(tracks.pitch, BAND_EDGES_HZ[-1])[: tracks.partials]
    power = np.nan_to_num(0.5 * 10 ** (tracks.partial_db[: len(hz)] / 10))
    band = np.clip(np.searchsorted(BAND_EDGES_HZ, hz) - 1, 0, BANDS - 1)
    tonal = np.full((BANDS, len(TRACK_TIMES_S)), 1e-20)
    np.add.at(tonal, band, power)
    with np.errstate(invalid="ignore"):
        return np.asarray((tracks.noise_db < 10 * np.log10(tonal) - COVERED_DB) & early)
