"""What one take sounds like: its tracks, and how the levels of its partials are found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.aside import Aside, nothing_aside
from backtune.analysis.below import BELOW_HZ, WINDOWS
from backtune.analysis.lines import Lines, no_lines
from backtune.analysis.motion import Motion, no_motion
from backtune.analysis.pitch import Pitch
from backtune.analysis.release import no_release
from backtune.analysis.window import window
from backtune.notes import recorded_to_hz
from backtune.units import power_to_db

Floats = NDArray[np.float64]

# Where levels are kept, s after the onset: dense while the ear is busy (every 2-5 ms), sparse later.
# fmt: off
TRACK_TIMES_S: Floats = np.array([
    -0.05, -0.035, -0.02, -0.01, -0.005, 0, 0.003, 0.006, 0.01, 0.015, 0.02, 0.027, 0.035, 0.045, 0.06, 0.08, 0.1,
    0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.1, 1.35, 1.6, 1.9, 2.3, 2.7, 3.2, 3.8, 4.5, 5.3,
    6.3, 7.5, 9, 11, 13, 16, 20,
])
# fmt: on
MOST_PARTIALS = 100
TOP_PARTIAL_HZ = 16000.0
PERIODS = 4.5  # window of a track: neighbours stay apart by more than its main lobe
SHORTEST_WINDOW = 1024  # 23 ms at 44.1 kHz: shorter ones let noise through between few, high partials
SAMPLES_AT_ONCE = 2**16  # of frames: blocks that stay in the cache are 2.6 times as fast as blocks of 2^21
TRACK_BINS = (-2, -1, 0, 1, 2)  # around the strongest one: the main lobe of a Hann window
ABOVE_FLOOR_DB = 9.0  # a level is a partial's own when so far above the bins between: noise alone seldom is


@dataclass(frozen=True)
class Tracks:
    """Levels of one take on the common times `TRACK_TIMES_S`.

    Shapes: P partials, T times, B noise bands; NaN where the recording does not tell (before its start,
    after its end).

    - `pitch`: fundamental and inharmonicity as measured.
    - `partial_db` (P, T): peak amplitude, 0 dB = full scale. `floor_db` (P, T): what hides it: below
      this the recording only says that the partial is not louder.
    - `noise_db` (B, T): mean square of what is not partials, by band. `cover_db` (B, T): up to which level noise
      could hide among the partials where they cover it, else `SILENCE_DB`. `noise_floor_db` (B,): the
      recording's own noise, from its quietest 100 ms; `SILENCE_DB` where none can be told from the note.
    - `band_db` (K, T): mean square in each ear band, partials and noise together; see `bands`.
    - `release_db_s` (12,): fall of the lowest partials once the key is up, dB/s.
    - `below_db` (F, 2): what sounds below the first partial; see `below`. `aside`: what sounds between the
      partials. `motion`: how the partials move. `lines`: what sounds near the fundamentals of other keys.
    """

    pitch: Pitch
    partial_db: Floats
    floor_db: Floats
    noise_db: Floats
    cover_db: Floats
    noise_floor_db: Floats
    band_db: Floats
    below_db: Floats = field(default_factory=lambda: np.full((len(BELOW_HZ), WINDOWS), np.nan))
    aside: Aside = field(default_factory=nothing_aside)
    motion: Motion = field(default_factory=no_motion)
    release_db_s: Floats = field(default_factory=no_release)
    lines: Lines = field(default_factory=no_lines)

    @property
    def partials(self) -> int:
        """How many partials were tracked."""
        return len(self.partial_db)


def partial_frequencies(pitch: Pitch, top_hz: float) -> Floats:
    """Return the frequencies in Hz of all partials below `top_hz`, at most `MOST_PARTIALS`."""
    hz = pitch.partial_hz(np.arange(1.0, MOST_PARTIALS + 1))
    return np.asarray(hz[hz < top_hz])


def power_frames(audio: Floats, size: int, centres: NDArray[np.int64], shape: str) -> Floats:
    """Return (frames, size // 2 + 1) powers such that a sum over bins is the mean square around each centre."""
    w = window(shape, size)
    padded = np.concatenate([np.zeros(size), audio, np.zeros(size)])
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    out = np.empty((len(centres), size // 2 + 1))
    block = max(1, SAMPLES_AT_ONCE // size)
    for i in range(0, len(centres), block):
        start = centres[i : i + block] + size - size // 2
        spectrum = np.fft.rfft(views[start] * w, axis=1)
        out[i : i + block] = spectrum.real**2 + spectrum.imag**2
    out *= 2.0 / (size * np.sum(w * w))
    return out


def cell_average(power: Floats, at_s: Floats) -> Floats:
    """Return the mean over the cell around each of `TRACK_TIMES_S` of powers (K, frames) at times `at_s`, dB (K, T).

    Power, as the ear adds it: a string that beats is as loud as its waves are in the mean, its short dips hardly count.
    A cell without a frame takes the line between its neighbours' levels in dB, or NaN beyond the recording.
    """
    times = TRACK_TIMES_S
    edges = np.concatenate([[-np.inf], 0.5 * (times[1:] + times[:-1]), [np.inf]])
    cell = np.searchsorted(edges, at_s) - 1
    counts = np.bincount(cell, minlength=len(times)).astype(float)
    sums = np.stack([np.bincount(cell, weights=row, minlength=len(times)) for row in power])
    out = np.asarray(power_to_db(sums / np.maximum(counts, 1)), np.float64)
    empty = counts == 0
    for row, source in zip(out, power, strict=True):
        row[empty] = np.interp(times[empty], at_s, power_to_db(source))
    out[:, (times < at_s[0] - 0.003) | (times > at_s[-1] + 0.003)] = np.nan
    return out


def track_window_s(pitch: Pitch, rate: int) -> float:
    """Return the length in s of the window through which `track_partials` sees a note."""
    return _track_window(pitch, rate) / rate


def search_hz(hz: Floats, f0_hz: float, window_s: float) -> Floats:
    """Return how far from `hz` (P,) the strongest bin of a partial is looked for, in Hz to either side, (P,)."""
    return np.maximum(1.5 / window_s, np.minimum(0.25 * f0_hz, 0.02 * hz))


def _track_window(pitch: Pitch, rate: int) -> int:
    return max(SHORTEST_WINDOW, 2 * round(PERIODS * rate / pitch.f0_hz / 2))


def _frames(length: int, rate: int, onset_s: float, size: int) -> NDArray[np.int64]:
    """Return centres of analysis frames: every 3 ms around the onset, a quarter window later."""
    fine = max(1, round(0.003 * rate))
    onset = round(onset_s * rate)
    early = np.arange(max(0, onset - round(0.05 * rate)), min(length, onset + round(0.15 * rate)), fine)
    late = np.arange(onset + round(0.15 * rate), length - size // 4, max(fine, size // 4))
    return np.concatenate([early, late]).astype(np.int64)


def track_partials(audio: Floats, rate: int, onset_s: float, pitch: Pitch, struck: bool) -> tuple[Floats, Floats]:
    """Return (partial_db, floor_db), both (P, T), of a take.

    Each partial's power is the main lobe of a Hann window of 4.5 periods around its strongest bin, so a
    frequency that wavers is followed. Near the onset a window reaches back before the note: the level is
    that of the part of the window inside the note (`struck`: it starts at once; else inside the recording).
    """
    hz = partial_frequencies(pitch, min(TOP_PARTIAL_HZ, recorded_to_hz(rate)))
    size = _track_window(pitch, rate)
    centres = _frames(len(audio), rate, onset_s, size)
    power = power_frames(audio, size, centres, "hann")
    bin_hz = rate / size
    level, floor = np.empty((len(hz), len(centres))), np.empty((len(hz), len(centres)))
    rows = np.arange(len(centres))
    for i, (f, half) in enumerate(zip(hz, search_hz(hz, pitch.f0_hz, size / rate), strict=True)):
        low, high = max(1, round((f - half) / bin_hz)), round((f + half) / bin_hz) + 1
        k = low + power[:, low:high].argmax(axis=1)
        lobe = sum(power[rows, np.clip(k + d, 0, power.shape[1] - 1)] for d in TRACK_BINS)
        level[i] = 2.0 * np.asarray(lobe)  # mean square to squared peak amplitude
        around = power[:, max(1, int((f - 0.6 * pitch.f0_hz) / bin_hz)) : int((f + 0.6 * pitch.f0_hz) / bin_hz) + 2]
        floor[i] = 2.0 * len(TRACK_BINS) * np.percentile(around, 20, axis=1)
    inside = _share_inside(size, centres, round(onset_s * rate) if struck else 0, len(audio))
    at_s = centres / rate - onset_s
    track, hidden = cell_average(level / inside, at_s), cell_average(floor / inside, at_s)
    if struck:
        track[:, TRACK_TIMES_S < 0] = np.nan
    return track, hidden


def _share_inside(size: int, centres: NDArray[np.int64], start: int, stop: int) -> Floats:
    """Return the squared share of a Hann window's area that lies inside [start, stop), per frame."""
    area = np.concatenate([[0.0], np.cumsum(window("hann", size))])
    first = np.clip(start - (centres - size // 2), 0, size)
    last = np.clip(stop - (centres - size // 2), 0, size)
    share = (area[last] - area[first]) / area[-1]
    return np.asarray(np.maximum(share, 0.25) ** 2)
