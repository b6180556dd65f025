"""Beside the harmonic series: inharmonic modes of bells and bars, and phantom partials of strings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.pitch import Pitch
from backtune.analysis.window import window
from backtune.notes import recorded_to_hz

Floats = NDArray[np.float64]

WINDOW_S = 0.5  # resolves 8 Hz
FROM_S = 0.02
FINER = 4  # bins of a spectrum in one of the window
SERIES = 200  # one more than the partials of a note beside which something may sound
PEAKS = 16  # of one note; a tubular bell sounds a dozen that are heard
TOP_HZ = 12000.0
PROMINENCE_DB = 15.0  # a mode stands this far above its surroundings
CLEAR_SHARE, CLEAR_HZ = 0.02, 12.0  # nearer to a harmonic, a peak is that harmonic
AUDIBLE_DB = 50.0  # below the strongest peak
PHANTOMS = 10  # pairs of partials whose sums are looked at
PHANTOM_CLEAR_HZ = 9.0  # from the nearest partial: outside its main lobe
PHANTOM_PROMINENCE_DB = 10.0


@dataclass(frozen=True)
class Aside:
    """What one take sounds beside its harmonics; levels are peak amplitudes in dB.

    - `mode_ratio`, `mode_db`, `mode_fall_db_s` (16,): strongest inharmonic peaks: frequency over the fundamental,
      level at the onset, fall; NaN where there are fewer.
    - `phantom_db` (10,): level at f_n + f_(n+1) over the product of the two partials' amplitudes, dB; NaN when
      too near to a partial or not heard.
    """

    mode_ratio: Floats
    mode_db: Floats
    mode_fall_db_s: Floats
    phantom_db: Floats


def nothing_aside() -> Aside:
    """Return what is known of a take that was not looked at beside its harmonics: nothing."""
    modes = np.full((3, PEAKS), np.nan)
    return Aside(modes[0], modes[1], modes[2], np.full(PHANTOMS, np.nan))


def measure_aside(audio: Floats, rate: int, onset_s: float, pitch: Pitch) -> Aside:
    """Return what a take sounds beside its harmonics, from two windows of half a second after the onset."""
    size = round(WINDOW_S * rate)
    start = round((onset_s + FROM_S) * rate)
    modes = np.full((3, PEAKS), np.nan)
    phantoms = np.full(PHANTOMS, np.nan)
    if len(audio) < start + size:
        return Aside(modes[0], modes[1], modes[2], phantoms)
    first = sine_levels_db(audio[start : start + size])
    second = sine_levels_db(audio[start + size : start + 2 * size]) if len(audio) >= start + 2 * size else None
    step = rate / (FINER * size)
    series = pitch.partial_hz(np.arange(1.0, SERIES))
    found = _strongest(first, series, step, pitch.f0_hz)
    for column, k in enumerate(found):
        fall = np.nan if second is None else (first[k] - second[max(0, k - 3) : k + 4].max()) / WINDOW_S
        at_onset = 0.0 if second is None else max(fall, 0.0) * (FROM_S + 0.48 * WINDOW_S)
        modes[:, column] = k * step / pitch.f0_hz, first[k] + at_onset, fall
    for index in range(PHANTOMS):
        parents = series[index : index + 2]
        hz = parents.sum()
        if hz > min(TOP_HZ, recorded_to_hz(rate)) or np.min(np.abs(series - hz)) < PHANTOM_CLEAR_HZ:
            continue
        k = round(hz / step)
        level = first[k - 2 : k + 3].max()
        around = np.concatenate([first[k - 24 : k - 8], first[k + 9 : k + 25]])
        if level < np.median(around) + PHANTOM_PROMINENCE_DB:
            continue
        levels = [first[round(p / step) - 3 : round(p / step) + 4].max() for p in parents]
        phantoms[index] = level - sum(levels)
    return Aside(modes[0], modes[1], modes[2], phantoms)


def sine_levels_db(segment: Floats, shape: str = "blackmanharris") -> Floats:
    """Return the level of a sine at each bin, dB, on a grid `FINER` times as fine as the window's own."""
    w = window(shape, len(segment))
    return np.asarray(20 * np.log10(np.abs(np.fft.rfft(segment * w, FINER * len(segment))) * (2 / w.sum()) + 1e-10))


def _strongest(level: Floats, series: Floats, step: float, f0_hz: float) -> list[int]:
    """Return the bins of the strongest peaks that belong to no harmonic, loudest first."""
    from scipy.signal import find_peaks  # slow to load, as in `window`

    low, high = round(0.45 * f0_hz / step), min(len(level) - 1, round(TOP_HZ / step))
    peaks, _ = find_peaks(level[low:high], prominence=PROMINENCE_DB, distance=12)
    peaks = peaks + low
    hz = peaks * step
    aside = np.min(np.abs(hz[:, None] - series), axis=1) > np.maximum(CLEAR_HZ, CLEAR_SHARE * hz)
    loud = level[peaks] > level[low:high].max() - AUDIBLE_DB if len(peaks) else np.zeros(0, bool)
    chosen = peaks[aside & loud]
    return [int(k) for k in chosen[np.argsort(-level[chosen], kind="stable")][:PEAKS]]
