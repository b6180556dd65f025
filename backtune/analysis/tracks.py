"""What one take sounds like: levels of its partials and of the noise between them, over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

from backtune.analysis.aside import Aside, nothing_aside
from backtune.analysis.below import BELOW_HZ, WINDOWS
from backtune.analysis.motion import Motion, no_motion
from backtune.analysis.pitch import Pitch
from backtune.analysis.release import no_release
from backtune.voice import BAND_EDGES_HZ, BANDS, SILENCE_DB

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
NOISE_PERIODS = 16.0  # between partials 16 bins apart there is room to see the noise
LARGEST_NOISE_WINDOW = 32768
LOBE_BINS = 4.5  # half the main lobe of a Blackman-Harris window, and a little of its skirt
WAVER = 0.012  # partials waver by 20 cents
FEWEST_BINS = 6
CLEARLY_NOISE = 0.5
SHORT_WINDOW = 512  # 12 ms: the onset as a band level
QUARTILE_TO_MEAN = 1 / 0.2877  # of an exponential distribution: noise power of one bin
ABOVE_FLOOR_DB = 9.0  # a level is a partial's own when so far above the bins between: noise alone seldom is


@dataclass(frozen=True)
class Tracks:
    """Levels of one take on the common times `TRACK_TIMES_S`.

    Shapes: P partials, T times, B noise bands; NaN where the recording does not tell (before its start,
    after its end).

    - `pitch`: fundamental and inharmonicity as measured.
    - `partial_db` (P, T): peak amplitude, 0 dB = full scale. `floor_db` (P, T): what hides it: below
      this the recording only says that the partial is not louder.
    - `noise_db` (B, T): mean square of what is not partials, by band. `noise_floor_db` (B,): the
      recording's own noise, from its quietest 100 ms; `SILENCE_DB` where none can be told from the note.
    - `band_db` (K, T): mean square in each ear band, partials and noise together; see `bands`.
    - `release_db_s` (12,): fall of the lowest partials once the key is up, dB/s.
    - `below_db` (F, 2): what sounds below the first partial; see `below`. `aside`: what sounds between the
      partials. `motion`: how the partials move.
    """

    pitch: Pitch
    partial_db: Floats
    floor_db: Floats
    noise_db: Floats
    noise_floor_db: Floats
    band_db: Floats
    below_db: Floats = field(default_factory=lambda: np.full((len(BELOW_HZ), WINDOWS), np.nan))
    aside: Aside = field(default_factory=nothing_aside)
    motion: Motion = field(default_factory=no_motion)
    release_db_s: Floats = field(default_factory=no_release)

    @property
    def partials(self) -> int:
        """How many partials were tracked."""
        return len(self.partial_db)


def partial_frequencies(pitch: Pitch, top_hz: float) -> Floats:
    """Return the frequencies in Hz of all partials below `top_hz`, at most `MOST_PARTIALS`."""
    n = np.arange(1, MOST_PARTIALS + 1)
    hz = n * pitch.f0_hz * np.sqrt(1 + pitch.inharmonicity * n * n)
    return np.asarray(hz[hz < top_hz])


def power_frames(audio: Floats, size: int, centres: NDArray[np.int64], window: str) -> Floats:
    """Return (frames, size // 2 + 1) powers such that a sum over bins is the mean square around each centre."""
    w = get_window(window, size)
    padded = np.concatenate([np.zeros(size), audio, np.zeros(size)])
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    out = np.empty((len(centres), size // 2 + 1))
    block = max(1, 2**21 // size)
    for i in range(0, len(centres), block):
        start = centres[i : i + block] + size - size // 2
        out[i : i + block] = np.abs(np.fft.rfft(views[start] * w, axis=1)) ** 2
    return np.asarray(out * (2.0 / (size * np.sum(w * w))))


def cell_average(values: Floats, at_s: Floats, power: bool) -> Floats:
    """Return `values` (K, frames) at times `at_s`, averaged over the cell around each of `TRACK_TIMES_S`, (K, T).

    dB values are averaged as they are, or as powers. A cell without a frame takes the line between its
    neighbours, or NaN beyond the recording.
    """
    times = TRACK_TIMES_S
    edges = np.concatenate([[-np.inf], 0.5 * (times[1:] + times[:-1]), [np.inf]])
    cell = np.searchsorted(edges, at_s) - 1
    counts = np.bincount(cell, minlength=len(times)).astype(float)
    v = 10 ** (values / 10) if power else values
    sums = np.stack([np.bincount(cell, weights=row, minlength=len(times)) for row in v])
    mean = sums / np.maximum(counts, 1)
    out = 10 * np.log10(np.maximum(mean, 1e-20)) if power else mean
    empty = counts == 0
    for row, source in zip(out, values, strict=True):
        row[empty] = np.interp(times[empty], at_s, source)
    out[:, (times < at_s[0] - 0.003) | (times > at_s[-1] + 0.003)] = np.nan
    return np.asarray(out)


def track_window_s(pitch: Pitch, rate: int) -> float:
    """Return the length in s of the window through which `track_partials` sees a note."""
    return _track_window(pitch, rate) / rate


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
    hz = partial_frequencies(pitch, min(TOP_PARTIAL_HZ, 0.45 * rate))
    size = _track_window(pitch, rate)
    centres = _frames(len(audio), rate, onset_s, size)
    power = power_frames(audio, size, centres, "hann")
    bin_hz = rate / size
    level, floor = np.empty((len(hz), len(centres))), np.empty((len(hz), len(centres)))
    rows = np.arange(len(centres))
    for i, f in enumerate(hz):
        half = max(1.5 * bin_hz, min(0.25 * pitch.f0_hz, 0.02 * f))
        low, high = max(1, round((f - half) / bin_hz)), round((f + half) / bin_hz) + 1
        k = low + power[:, low:high].argmax(axis=1)
        lobe = sum(power[rows, np.clip(k + d, 0, power.shape[1] - 1)] for d in (-2, -1, 0, 1, 2))
        level[i] = 2.0 * np.asarray(lobe)  # mean square to squared peak amplitude
        around = power[:, max(1, int((f - 0.6 * pitch.f0_hz) / bin_hz)) : int((f + 0.6 * pitch.f0_hz) / bin_hz) + 2]
        floor[i] = 2.0 * 5.0 * np.percentile(around, 20, axis=1)
    inside = _share_inside(size, centres, round(onset_s * rate) if struck else 0, len(audio))
    to_db = lambda x: 10 * np.log10(np.maximum(x / inside, 1e-20))  # noqa: E731
    at_s = centres / rate - onset_s
    track, hidden = cell_average(to_db(level), at_s, False), cell_average(to_db(floor), at_s, False)
    if struck:
        track[:, TRACK_TIMES_S < 0] = np.nan
    return track, hidden


def _share_inside(size: int, centres: NDArray[np.int64], start: int, stop: int) -> Floats:
    """Return the squared share of a Hann window's area that lies inside [start, stop), per frame."""
    area = np.concatenate([[0.0], np.cumsum(get_window("hann", size))])
    first = np.clip(start - (centres - size // 2), 0, size)
    last = np.clip(stop - (centres - size // 2), 0, size)
    share = (area[last] - area[first]) / area[-1]
    return np.asarray(np.maximum(share, 0.25) ** 2)


def track_noise(audio: Floats, rate: int, onset_s: float, pitch: Pitch, partial_db: Floats) -> Floats:
    """Return noise_db (B, T): between the partials by long windows, at the onset by what the partials leave.

    Late: the lower quartile of the bins in each band (Blackman-Harris, 16 periods), as a mean power.
    Before 60 ms, where no long window fits: short-window band power less the power of the tracked partials,
    or, where these leave little, the noise that lasts.
    """
    size = int(np.clip(2 ** np.ceil(np.log2(NOISE_PERIODS * rate / pitch.f0_hz)), 2048, LARGEST_NOISE_WINDOW))
    centres = np.arange(round(onset_s * rate), max(len(audio) - size // 4, round(onset_s * rate) + 1), size // 8)
    power = power_frames(audio, size, centres, "blackmanharris")
    bins = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    free = _between_partials(bins, pitch)
    late = np.empty((BANDS, len(centres)))
    for b in range(BANDS):
        low, high = BAND_EDGES_HZ[b], BAND_EDGES_HZ[b + 1]
        used = free & (bins >= low) & (bins < high)
        if used.sum() < FEWEST_BINS:  # a band filled by a partial: its surroundings tell
            candidates = np.flatnonzero(free)
            used = candidates[np.argsort(np.abs(bins[candidates] - 0.5 * (low + high)), kind="stable")[:FEWEST_BINS]]
        late[b] = np.percentile(power[:, used], 25, axis=1) * QUARTILE_TO_MEAN * (high - low) / bins[1]
    out = cell_average(10 * np.log10(np.maximum(late, 1e-20)), centres / rate - onset_s, True)
    split = max(0.06, 0.5 * size / rate)  # the first long window that does not reach back before the onset
    use = split >= TRACK_TIMES_S
    lasting = out[:, min(int(use.sum()), len(use) - 1)]
    out[:, use] = _noise_at_onset(audio, rate, onset_s, pitch, partial_db, lasting)[:, use]
    return np.asarray(np.maximum(out, SILENCE_DB, where=~np.isnan(out), out=out))


def _between_partials(bins: Floats, pitch: Pitch) -> NDArray[np.bool_]:
    """Return which bins of a noise window lie clear of every partial's main lobe."""
    hz = partial_frequencies(pitch, bins[-1])
    free = bins >= bins[1]
    for f in hz:
        reach = max(LOBE_BINS * bins[1], min(WAVER * f, 0.4 * pitch.f0_hz))
        free &= np.abs(bins - f) > reach
    return free if free.sum() >= FEWEST_BINS else bins >= bins[1]


def _noise_at_onset(
    audio: Floats, rate: int, onset_s: float, pitch: Pitch, partial_db: Floats, lasting_db: Floats
) -> Floats:
    """Return what short-window band levels leave over the tracked partials, dB (B, T).

    `lasting_db` (B,): the noise that comes after.
    """
    hop = round(0.0015 * rate)
    centres = np.arange(max(0, round((onset_s - 0.055) * rate)), min(len(audio), round((onset_s + 0.6) * rate)), hop)
    power = power_frames(audio, SHORT_WINDOW, centres, "hann")
    bins = np.asarray(np.fft.rfftfreq(SHORT_WINDOW, 1 / rate), np.float64)
    weights = np.stack([_band_share(bins, rate / SHORT_WINDOW, b) for b in range(BANDS)])
    total = cell_average(10 * np.log10(np.maximum(weights @ power.T, 1e-20)), centres / rate - onset_s, True)
    hz = partial_frequencies(pitch, min(TOP_PARTIAL_HZ, 0.45 * rate))[: len(partial_db)]
    lobe = np.exp(-0.5 * ((bins[:, None] - hz[None, :]) / (0.72 * rate / SHORT_WINDOW)) ** 2)
    lobe /= np.maximum(lobe.sum(axis=0), 1e-9)
    tonal = weights @ lobe @ np.nan_to_num(0.5 * 10 ** (partial_db / 10))
    power = 10 ** (total / 10)
    rest = power - tonal
    lasting = np.nan_to_num(10 ** (lasting_db / 10))[:, None]
    # Partials known to 2 dB leave a difference that means something only when it is the larger part; else the
    # noise is what lasts, and at most 9 dB below the band.
    rest = np.where(rest > CLEARLY_NOISE * power, rest, np.minimum(power / 8.0, lasting))
    return np.asarray(10 * np.log10(np.maximum(rest, 1e-20)))


def _band_share(bins: Floats, bin_hz: float, band: int) -> Floats:
    """Return how much of each bin lies in a noise band, 0..1."""
    low = np.maximum(bins - bin_hz / 2, BAND_EDGES_HZ[band])
    high = np.minimum(bins + bin_hz / 2, BAND_EDGES_HZ[band + 1])
    return np.asarray(np.clip((high - low) / bin_hz, 0, 1))


def noise_floor(audio: Floats, rate: int) -> Floats:
    """Return the level of the recording's own noise in each band, dB (B,): its quietest 100 ms.

    A recording whose quietest moment is within 12 dB of its loudest has no moment without the note: then
    every band is `SILENCE_DB`.
    """
    window, hop = round(0.1 * rate), round(0.01 * rate)
    if len(audio) < 4 * window:
        return np.full(BANDS, SILENCE_DB)
    centres = np.arange(window // 2, len(audio) - window // 2 - round(0.03 * rate), hop)
    total = np.concatenate([[0.0], np.cumsum(audio * audio)])
    level = (total[centres + window // 2] - total[centres - window // 2]) / window
    quiet = int(np.argmin(level))
    if level[quiet] > level.max() * 10**-1.2:
        return np.full(BANDS, SILENCE_DB)
    around = centres[quiet] + np.arange(-window // 2, window // 2 + 1, 512)
    power = power_frames(audio, 2048, around, "hann").mean(axis=0)
    bins = np.asarray(np.fft.rfftfreq(2048, 1 / rate), np.float64)
    weights = np.stack([_band_share(bins, rate / 2048, b) for b in range(BANDS)])
    return np.asarray(10 * np.log10(np.maximum(weights @ power, 1e-20)))
