"""Lines: what sounds near the fundamentals of other keys while a note is held - strings that ring along with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.aside import FINER, SERIES, sine_levels_db
from backtune.analysis.below import below_onset_db
from backtune.analysis.pitch import Pitch
from backtune.units import midi_to_hz

Floats = NDArray[np.float64]

KEYS: Floats = np.arange(76.0, 109.0)  # below, strings have dampers and bodies their modes
WINDOW_S = 0.5  # two windows, one after the other; 8 Hz wide
FROM_S = 0.1  # after the onset: the blow is over
HALF_SEMITONE = 2.0 ** (0.5 / 12)
PROMINENCE_DB = 10.0  # a peak stands this far out of its surroundings
NO_CHANCE_DB = 15.0  # above their median, none of the sixty bins of a noise near a key stands: once in 10 million times
CLEAR_SHARE, CLEAR_HZ = 0.012, 12.0  # nearer to a partial of the note, a peak is that partial


@dataclass(frozen=True)
class Lines:
    """The strongest line of one take within half a semitone of each of `KEYS`, none of them its partials; (K,) each.

    - `line_hz`, `line_db`, `line_fall_db_s`: where it is, its peak amplitude in the first window, its fall to the
      second; NaN where there is none, or the recording ends before.
    - `around_db`: the median level there, NaN where the note's own partials sound.
    """

    line_hz: Floats
    line_db: Floats
    line_fall_db_s: Floats
    around_db: Floats


def no_lines() -> Lines:
    """Return what is known of a take whose lines were not looked for: nothing."""
    return Lines(*np.full((4, len(KEYS)), np.nan))


def measure_lines(audio: Floats, rate: int, onset_s: float, pitch: Pitch) -> Lines:
    """Return the lines of a take."""
    from scipy.signal import find_peaks  # slow to load, as in `window`

    found = no_lines()
    size, start = round(WINDOW_S * rate), round((onset_s + FROM_S) * rate)
    if len(audio) < start + size:
        return found
    first = sine_levels_db(audio[start : start + size], "hann")
    second = sine_levels_db(audio[start + size : start + 2 * size], "hann") if len(audio) >= start + 2 * size else None
    step = rate / (FINER * size)
    series = pitch.partial_hz(np.arange(1.0, SERIES))
    for index, hz in enumerate(midi_to_hz(KEYS)):
        low, high = _around(hz, step)
        if high > len(first) or np.min(np.abs(series - hz)) < hz * (HALF_SEMITONE - 1):
            continue
        there = first[low:high]
        found.around_db[index] = np.median(there)
        peaks, _ = find_peaks(there, prominence=PROMINENCE_DB)
        peaks = [k for k in peaks + low if np.min(np.abs(series - k * step)) > max(CLEAR_HZ, CLEAR_SHARE * hz)]
        if not peaks:
            continue
        k = max(peaks, key=lambda k: first[k])
        a, b, c = first[k - 1 : k + 2]
        found.line_hz[index] = (k + 0.5 * (a - c) / min(a - 2 * b + c, -1e-9)) * step
        found.line_db[index] = b
        if second is not None:
            found.line_fall_db_s[index] = (b - second[k - FINER : k + FINER + 1].max()) / WINDOW_S
    return found


def standing_out_db(audio: Floats, rate: int, onset_s: float, line_hz: Floats) -> Floats:
    """Return how far a sound stands out of its surroundings at lines near `KEYS`, (takes, K) in Hz, dB of that shape.

    NaN where there is no line, or the sound is too short.
    """
    size, start = round(WINDOW_S * rate), round((onset_s + FROM_S) * rate)
    out = np.full(line_hz.shape, np.nan)
    if len(audio) < start + size:
        return out
    level, step = sine_levels_db(audio[start : start + size], "hann"), rate / (FINER * size)
    for take, key in np.argwhere(np.isfinite(line_hz)):
        low, high = _around(midi_to_hz(KEYS[key]), step)
        k = round(line_hz[take, key] / step)
        out[take, key] = level[k - FINER : k + FINER + 1].max() - np.median(level[low:high])
    return out


def _around(hz: float, step: float) -> tuple[int, int]:
    """Return the bins within half a semitone of a frequency, the second not included."""
    return int(hz / HALF_SEMITONE / step) - 1, int(hz * HALF_SEMITONE / step) + 2


def seen_below_onset_db(decay_s: Floats) -> Floats:
    """Return how far the first window sees a line below its amplitude at the onset, by its time to fall 60 dB."""
    return below_onset_db(decay_s, FROM_S, WINDOW_S)
