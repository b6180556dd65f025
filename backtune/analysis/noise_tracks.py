"""What one take's noise sounds like: levels of what is not partials, by band and time, and where partials cover it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.pitch import Pitch
from backtune.analysis.tracks import TOP_PARTIAL_HZ, TRACK_TIMES_S, cell_average, partial_frequencies, power_frames
from backtune.notes import recorded_to_hz
from backtune.units import db_to_power, power_to_db
from backtune.voice import BAND_EDGES_HZ, BANDS, SILENCE_DB

Floats = NDArray[np.float64]

NOISE_PERIODS = 16.0  # between partials 16 bins apart there is room to see the noise
LARGEST_NOISE_WINDOW = 32768
LOBE_BINS = 4.5  # half the main lobe of a Blackman-Harris window, and a little of its skirt
WAVER = 0.012  # partials waver by 20 cents
FEWEST_BINS = 6
# Lower quartile of k neighbouring bins of noise over its mean: 0.2877 of many (exponential distribution), more of few,
# which are one another's neighbours under the window (simulated to 1 % from 6 bins on; of 6 it was 2.6 dB too much).
QUARTILE, QUARTILE_OF_FEW = 0.2877, 1.5
SHORT_WINDOW = 512  # 12 ms: the onset as a band level
# Below, bands are narrower than its bins: a thump at 50 Hz showed at 120 Hz, 10 to 20 dB too loud in a saxophone.
LOW_HZ, LOW_WINDOW = 500.0, 1024
EARLY_S = 0.06
CLEARLY_NOISE = 0.5  # partials known to 2 dB leave a difference that means something where it is the larger part
QUIET_S = 0.1
FLOOR_WINDOW = 2048  # 46 ms: of the recording's own noise
# Windows that hold the onset see partials begin, which spreads them over all frequencies.
SETTLED_DB = 20.0  # later they spread less by this: only their attack and the window's own skirt
SPILT_MARGIN_DB = 4.0
HANN_POWER = 0.375  # mean square of a Hann window
LOBE_WIDTH = 0.72  # of a Hann window's main lobe as a bell, in bins


def track_noise(audio: Floats, rate: int, onset_s: float, pitch: Pitch, partial_db: Floats) -> tuple[Floats, Floats]:
    """Return (noise_db, cover_db), both (B, T): the noise, and how loud it may be where partials cover it.

    Late: the lower quartile of the bins in each band (Blackman-Harris, 16 periods), as a mean power. At the onset,
    where no long window fits: short-window band power less the power of the tracked partials. Where these leave
    little, the noise is taken to be what lasts, and `cover_db` is all that sounds in the band: it is not louder.
    Where it was seen, `cover_db` is `SILENCE_DB`. Bands above what the recording's rate holds are NaN.
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
        quartile = QUARTILE + QUARTILE_OF_FEW / bins[used].size
        late[b] = np.percentile(power[:, used], 25, axis=1) / quartile * (high - low) / bins[1]
    out = cell_average(late, centres / rate - onset_s)
    split = max(EARLY_S, 0.5 * size / rate)  # the first long window that does not reach back before the onset
    early = split >= TRACK_TIMES_S
    lasting = out[:, min(int(early.sum()), len(early) - 1)]
    noise, cover = _noise_at_onset(audio, rate, onset_s, pitch, partial_db, lasting)
    out[:, early] = noise[:, early]
    cover[:, ~early] = SILENCE_DB
    out[BAND_EDGES_HZ[1:] > recorded_to_hz(rate)] = np.nan
    return np.asarray(np.maximum(out, SILENCE_DB, where=~np.isnan(out), out=out)), cover


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
) -> tuple[Floats, Floats]:
    """Return what band levels of short windows leave over the tracked partials, and what these may cover, dB (B, T).

    `lasting_db` (B,): the noise that comes after.
    """
    hz = partial_frequencies(pitch, min(TOP_PARTIAL_HZ, recorded_to_hz(rate)))[: len(partial_db)]
    partial = np.nan_to_num(0.5 * db_to_power(partial_db))
    low = (BAND_EDGES_HZ[1:] <= LOW_HZ)[:, None]
    short, longer = (_band_levels(audio, rate, onset_s, hz, partial, window) for window in (SHORT_WINDOW, LOW_WINDOW))
    total, rest, spilt = (np.where(low, one, other) for one, other in zip(longer, short, strict=True))
    power = db_to_power(total)
    covered = (rest <= CLEARLY_NOISE * power) | (rest <= spilt)
    lasting = np.nan_to_num(db_to_power(lasting_db))[:, None]
    noise = np.where(rest > CLEARLY_NOISE * power, rest, np.minimum(power / 8.0, lasting))
    return power_to_db(noise), np.where(covered, total, SILENCE_DB)


def _band_levels(
    audio: Floats, rate: int, onset_s: float, hz: Floats, partial: Floats, window: int
) -> tuple[Floats, Floats, Floats]:
    """Return what a window shows in each band, dB, and the powers left over the partials and spilt by them, (B, T)."""
    hop = round(0.0015 * rate)
    centres = np.arange(max(0, round((onset_s - 0.055) * rate)), min(len(audio), round((onset_s + 0.6) * rate)), hop)
    frames = power_frames(audio, window, centres, "hann")
    bins = np.asarray(np.fft.rfftfreq(window, 1 / rate), np.float64)
    weights = _band_shares(bins, rate / window)
    total = cell_average(weights @ frames.T, centres / rate - onset_s)
    lobe = np.exp(-0.5 * ((bins[:, None] - hz[None, :]) / (LOBE_WIDTH * rate / window)) ** 2)
    lobe /= np.maximum(lobe.sum(axis=0), 1e-9)
    return total, db_to_power(total) - weights @ lobe @ partial, _spilt(hz, partial, rate, window)


def _spilt(hz: Floats, partial: Floats, rate: int, window: int) -> Floats:
    """Return the mean square that partials (P, T) which begin within a `window` spill into each band, (B, T).

    A step in the middle of a Hann window of T s leaves A^2 / (8 pi^2 0.375 T df^2) per Hz at a distance of df Hz.
    Before the note they are as at its start: a window around the onset holds part of what follows.
    """
    near = np.abs(TRACK_TIMES_S) <= window / rate
    start = int(np.searchsorted(TRACK_TIMES_S, window / rate))
    partial = np.where(near, np.maximum(partial, partial[:, start : start + 1]), partial)
    centre = 0.5 * (BAND_EDGES_HZ[1:] + BAND_EDGES_HZ[:-1])
    width = np.diff(BAND_EDGES_HZ)
    apart = np.maximum(np.abs(centre[:, None] - hz[None, :]), 0.5 * width[:, None])
    share = width[:, None] / (4 * np.pi**2 * HANN_POWER * (window / rate) * apart**2)
    gain_db = SPILT_MARGIN_DB - np.where(near, 0.0, SETTLED_DB)
    return np.asarray((np.minimum(share, 1.0) @ partial) * db_to_power(gain_db))


def _band_shares(bins: Floats, bin_hz: float) -> Floats:
    """Return how much of each bin lies in each noise band, 0..1, (B, bins)."""
    low = np.maximum(bins - bin_hz / 2, BAND_EDGES_HZ[:-1, None])
    high = np.minimum(bins + bin_hz / 2, BAND_EDGES_HZ[1:, None])
    return np.asarray(np.clip((high - low) / bin_hz, 0, 1))


def quietest(audio: Floats, rate: int) -> slice | None:
    """Return where the quietest 100 ms of a recording are, or None when they are within 12 dB of the loudest."""
    window, hop = round(QUIET_S * rate), round(0.01 * rate)
    start = np.arange(0, len(audio) - window - round(0.03 * rate), hop)
    if len(start) < 4:
        return None
    total = np.concatenate([[0.0], np.cumsum(audio * audio)])
    power = (total[start + window] - total[start]) / window
    first = int(start[np.argmin(power)])
    return slice(first, first + window) if power.min() < power.max() * 10**-1.2 else None


def noise_floor(audio: Floats, rate: int, quiet: slice | None) -> Floats:
    """Return the level of the recording's own noise in each band, dB (B,): that of its `quietest` moment.

    A recording whose quietest moment is near its loudest has no moment without the note, nor has one of less than
    0.4 s: then every band is `SILENCE_DB`.
    """
    window = round(QUIET_S * rate)
    if quiet is None or len(audio) < 4 * window:
        return np.full(BANDS, SILENCE_DB)
    size = min(FLOOR_WINDOW, 2 ** int(np.log2(window)))
    room = (window - size) // 2  # no frame reaches beyond the quiet moment: the note may begin right after it
    around = quiet.start + window // 2 + np.arange(-room, room + 1, size // 4)
    power = power_frames(audio, size, around, "hann").mean(axis=0)
    bins = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    return np.asarray(power_to_db(_band_shares(bins, rate / size) @ power))
