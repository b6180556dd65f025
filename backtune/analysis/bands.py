"""Ear bands: how loud a take is in each critical band, partials and noise together."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.seen_through import power_seen
from backtune.analysis.tracks import TRACK_TIMES_S, cell_average, power_frames
from backtune.units import erb_to_hz, hz_to_erb, power_to_db
from backtune.voice import Voice

Floats = NDArray[np.float64]

STEP_ERB = 1.0
BAND_CENTRES_HZ: Floats = np.asarray(erb_to_hz(np.arange(1.0, hz_to_erb(18000.0), STEP_ERB)))
SHORT, LONG = 512, 2048  # windows; the short one tells the onset above 500 Hz
NOMINAL_RATE = 44100  # windows at other rates are as long within 10 %, which their lobes hardly show
SHORT_UNTIL_S, SHORT_FROM_HZ = 0.06, 500.0


def band_share(hz: Floats) -> Floats:
    """Return how much of a sound at each frequency falls into each band, triangular on the ERB scale, (K, len(hz))."""
    return np.asarray(np.maximum(0.0, 1 - np.abs(hz_to_erb(BAND_CENTRES_HZ)[:, None] - hz_to_erb(hz)[None, :])))


def track_bands(audio: Floats, rate: int, onset_s: float) -> Floats:
    """Return the mean square in each ear band on `TRACK_TIMES_S`, dB (K, T), NaN outside the recording."""
    slow, fast = (_levels(audio, rate, onset_s, size) for size in (LONG, SHORT))
    early = (TRACK_TIMES_S <= SHORT_UNTIL_S)[None, :] & (BAND_CENTRES_HZ >= SHORT_FROM_HZ)[:, None]
    return np.where(early, fast, slow)


def _levels(audio: Floats, rate: int, onset_s: float, size: int) -> Floats:
    start = max(0, round((onset_s - 0.06) * rate))
    centres = np.arange(start, len(audio), size // 4)
    bins = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    power = np.matmul(power_frames(audio, size, centres, "hann"), band_share(bins).T)
    return cell_average(power.T, centres / rate - onset_s)


def voice_bands(voice: Voice) -> Floats:
    """Return what `track_bands` is expected to find of a voice, powers of partials and noise added, dB (K, T)."""
    slow, fast = (_expected(voice, size) for size in (LONG, SHORT))
    early = (voice.times_s <= SHORT_UNTIL_S)[None, :] & (BAND_CENTRES_HZ >= SHORT_FROM_HZ)[:, None]
    return np.asarray(power_to_db(np.where(early, fast, slow)))


def seen_quickly(voice: Voice) -> tuple[Floats, Floats]:
    """Return the powers (T,) that short windows show of a voice's partials and of its noise, from 500 Hz on."""
    told = BAND_CENTRES_HZ >= SHORT_FROM_HZ
    noise = _seen_share(voice.band_centre_hz, SHORT)
    noise = noise[told].sum(axis=0) / np.maximum(noise.sum(axis=0), 1e-9)
    tone = _seen_share(voice.partial_hz, SHORT)[told].sum(axis=0) @ (0.5 * 10 ** (voice.partial_db / 10))
    return tone, noise @ 10 ** (voice.noise_db / 10)


def _expected(voice: Voice, size: int) -> Floats:
    tones = _seen_share(voice.partial_hz, size) @ (0.5 * 10 ** (voice.partial_db / 10))
    noise = _seen_share(voice.band_centre_hz, size)
    noise = noise / np.maximum(noise.sum(axis=0), 1e-9)  # a noise band's power is shared out among the ear bands
    seen = tones + noise @ 10 ** (voice.noise_db / 10)
    return power_seen(seen, voice.times_s, size / NOMINAL_RATE)


def _seen_share(hz: Floats, size: int) -> Floats:
    """Return how much of a sine at each frequency a Hann window of `size` lets be seen in each band, (K, len(hz)).

    A window of 46 ms spreads a bass partial over several ear bands: the lobe is that of Harris (1978), table 1.
    Takes of one pitch share their frequencies, and all voices their noise bands: what was worked out is remembered.
    """
    return _remembered_share(np.asarray(hz, np.float64).tobytes(), size)


@lru_cache(maxsize=512)
def _remembered_share(frequencies: bytes, size: int) -> Floats:
    hz = np.frombuffer(frequencies)
    bins = np.asarray(np.fft.rfftfreq(size, 1 / NOMINAL_RATE), np.float64)
    x = (bins[:, None] - hz[None, :]) / bins[1]
    lobe = np.sinc(x) / np.where(np.abs(np.abs(x) - 1) < 1e-6, 1e-6, 1 - x * x)
    lobe = np.where(np.abs(np.abs(x) - 1) < 1e-3, 0.5, lobe) ** 2
    return np.asarray(band_share(bins) @ (lobe / np.maximum(lobe.sum(axis=0), 1e-9)))
