"""Where the partials cover the noise: there an onset tells only how loud its noise is at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.tracks import (
    LARGEST_NOISE_WINDOW,
    NOISE_PERIODS,
    SHORT_WINDOW,
    TRACK_TIMES_S,
    Tracks,
    partial_frequencies,
)
from backtune.units import power_to_db
from backtune.voice import BAND_EDGES_HZ, BANDS, SILENCE_DB

Floats = NDArray[np.float64]

# At the onset noise is what short windows leave over the partials; what leaves little is set to the noise
# that lasts, at most 9 dB below the band: up to this far below the partials it may be all theirs.
COVERED_DB = 7.0
BOUND_DB = 3.0  # noise that was not seen is at most half of the partials in its band
EARLY_S = 0.06
STEP_S = 0.012  # windows this near to the onset see partials begin, which spreads them over all frequencies
SETTLED_DB = 20.0  # later they spread less by this: only their attack and the window's own skirt
HANN_POWER = 0.375  # mean square of a Hann window
MARGIN_DB = 4.0


def covered_noise(tracks: Tracks, rate: int) -> NDArray[np.bool_]:
    """Return (B, T) where `tracks.noise_db` is only known not to be louder, because the partials cover it."""
    with np.errstate(invalid="ignore"):
        return np.asarray((tracks.noise_db < power_to_db(_tonal(tracks)) - COVERED_DB) & _early(tracks, rate))


def noise_bound_db(tracks: Tracks, rate: int) -> Floats:
    """Return the level (B, T) up to which noise near the onset could hide among the partials, dB.

    The partials of the band itself, and what all partials spill into it by beginning; `SILENCE_DB` later on.
    """
    own = power_to_db(_tonal(tracks)) - BOUND_DB
    near = np.where(np.abs(TRACK_TIMES_S) <= STEP_S, 0.0, -SETTLED_DB)
    bound = np.maximum(own, power_to_db(_spilt(tracks, rate)) + near + MARGIN_DB)
    return np.asarray(np.where(_early(tracks, rate), bound, SILENCE_DB))


def _early(tracks: Tracks, rate: int) -> NDArray[np.bool_]:
    """Return at which of `TRACK_TIMES_S` no long window fits between the partials, (T,)."""
    size = np.clip(2 ** np.ceil(np.log2(NOISE_PERIODS * rate / tracks.pitch.f0_hz)), 2048, LARGEST_NOISE_WINDOW)
    return np.asarray(max(EARLY_S, 0.5 * size / rate) >= TRACK_TIMES_S)


def _powers(tracks: Tracks) -> tuple[Floats, Floats]:
    """Return frequency (P,) and mean square (P, T) of the partials; before the note they are as at its start."""
    hz = partial_frequencies(tracks.pitch, BAND_EDGES_HZ[-1])[: tracks.partials]
    power = np.nan_to_num(0.5 * 10 ** (tracks.partial_db[: len(hz)] / 10))
    start = int(np.searchsorted(TRACK_TIMES_S, STEP_S))
    near = np.abs(TRACK_TIMES_S) <= STEP_S  # a window around the onset holds part of what follows
    return hz, np.where(near, np.maximum(power, power[:, start : start + 1]), power)


def _tonal(tracks: Tracks) -> Floats:
    """Return the mean square of the partials in each band, (B, T)."""
    hz, power = _powers(tracks)
    tonal = np.full((BANDS, len(TRACK_TIMES_S)), 1e-20)
    np.add.at(tonal, np.clip(np.searchsorted(BAND_EDGES_HZ, hz) - 1, 0, BANDS - 1), power)
    return tonal


def _spilt(tracks: Tracks, rate: int) -> Floats:
    """Return the mean square that sines which begin within a short window spill into each band, (B, T).

    A step in the middle of a Hann window of T s leaves A^2 / (8 pi^2 0.375 T df^2) per Hz at a distance of df Hz.
    """
    hz, power = _powers(tracks)
    centre = 0.5 * (BAND_EDGES_HZ[1:] + BAND_EDGES_HZ[:-1])
    width = np.diff(BAND_EDGES_HZ)
    apart = np.maximum(np.abs(centre[:, None] - hz[None, :]), 0.5 * width[:, None])
    seconds = SHORT_WINDOW / rate
    share = width[:, None] / (4 * np.pi**2 * HANN_POWER * seconds * apart**2)
    return np.asarray(np.minimum(share, 1.0) @ power + 1e-20)
