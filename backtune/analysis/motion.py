"""How a tone moves: vibrato, slow drift, beating and gliding of its lowest partials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.pitch import Pitch
from backtune.notes import recorded_to_hz
from backtune.units import ratio_to_cents

Floats = NDArray[np.float64]

PARTIALS = 12
HOP_S = 0.01
PERIODS, SHORTEST_S = 6.0, 0.03  # window of an envelope: neighbours stay apart, a vibrato of 8 Hz stays visible
BESIDE = 0.5  # noise is looked at half way between two partials: there a window of 6 periods is 3 bins off
HEARD_DB = {True: 20.0, False: 30.0}  # above that noise a partial moves by itself: noise moves it by 0.9 or 0.3 dB
SETTLED_S = 0.25  # after the attack
STRUCK_S = 4.0  # beats and glides of free notes are looked for in this long
VIBRATO_HZ = (3.5, 9.0)
DRIFT_HZ = (0.4, 3.5)  # slower is evolution, which laws know; faster is vibrato
BEAT_HZ = (0.4, 12.0)
GLIDE_S: Floats = np.array([0.03, 0.05, 0.08, 0.12, 0.18, 0.27, 0.4, 0.6, 0.9])
FFT = 4096
HANN_LOBE = 1.5  # powers of the five bins of a main lobe together, over that of its middle


@dataclass(frozen=True)
class Motion:
    """Movements of one take; H = 12 lowest partials, NaN where a partial cannot be told from noise.

    - `vibrato_hz`: rate; `vibrato_share`: how much of all movement in 2.5..12 Hz is near that rate, 0..1.
      `vibrato_cents`, `vibrato_db` (H,): peak depth of pitch and levels, levels signed against their common phase.
      `vibrato_start_s`: when it has grown to two thirds.
    - `drift_db` (H,): standard deviation of slow movement, 0.4..3.5 Hz. `drift_s`: how long it remembers itself.
    - `beat_hz`, `beat_db` (H,): strongest ripple of each partial's decay, rate and peak depth;
      `beat_share` (H,): its part of all ripple.
    - `glide_cents` (G,): pitch at `GLIDE_S` above that of the later note.
    """

    vibrato_hz: float
    vibrato_share: float
    vibrato_cents: float
    vibrato_start_s: float
    vibrato_db: Floats
    drift_db: Floats
    drift_s: float
    beat_hz: Floats
    beat_db: Floats
    beat_share: Floats
    glide_cents: Floats


def no_motion() -> Motion:
    """Return what is known of a take whose movements were not measured: nothing."""
    nothing = np.full(PARTIALS, np.nan)
    glide = np.full(len(GLIDE_S), np.nan)
    return Motion(0.0, 0.0, 0.0, 0.0, nothing, nothing, 0.0, nothing, nothing, nothing, glide)


def measure_motion(audio: Floats, rate: int, onset_s: float, pitch: Pitch, struck: bool) -> Motion:
    """Return how the partials of a take move, from their envelopes in steps of 10 ms."""
    n = np.arange(1.0, PARTIALS + 1)
    hz = pitch.partial_hz(n)
    z, power, time = envelopes(audio, rate, onset_s, hz, pitch.f0_hz, STRUCK_S if struck else np.inf)
    level = 10 * np.log10(power + 1e-20)
    between = 20 * np.log10(np.abs(z[PARTIALS:]) + 1e-10)
    late = time > SETTLED_S
    nothing = np.full(PARTIALS, np.nan)
    if late.sum() < 60:  # less than 0.6 s tells of no movement
        return no_motion()
    heard = np.median(level[:, late], axis=1) > np.median(between[:, late], axis=1) + HEARD_DB[struck]
    heard &= hz < recorded_to_hz(rate)
    cents = cents_over_time(z[:PARTIALS], hz, heard)
    flat = np.stack([detrended(row[late], time[late], struck) for row in level])
    rates = np.asarray(np.fft.rfftfreq(FFT, HOP_S), np.float64)
    spectra = _spectra(flat)
    if struck:
        beats = [_beat(row, rates) for row in spectra]
        beat_hz, beat_db, beat_share = (np.where(heard, column, np.nan) for column in np.array(beats).T)
        return Motion(
            0, 0, 0, 0, nothing, nothing, 0, beat_hz, beat_db, beat_share, _glide(z, hz, heard, time, pitch.f0_hz)
        )
    wander = cents[late] - np.polyval(np.polyfit(time[late], cents[late], 2), time[late])
    vibrato = _vibrato(flat, wander, heard, time[late], rates)
    drift = np.array([_drift(row) for row in flat])
    known = heard & (drift[:, 0] > 0)
    memory = float(np.median(drift[known, 1])) if known.any() else 0.0
    glide = np.full(len(GLIDE_S), np.nan)
    return Motion(*vibrato, np.where(heard, drift[:, 0], np.nan), memory, nothing, nothing, nothing, glide)


def envelopes(
    audio: Floats, rate: int, onset_s: float, hz: Floats, f0_hz: float, longest_s: float
) -> tuple[NDArray[np.complex128], Floats, Floats]:
    """Return complex envelopes of the partials, then of places half way to those below, (2 H, frames), the partials'
    powers summed over their main lobes, (H, frames), so that a swinging pitch moves no level, and times."""
    size = 2 * round(max(PERIODS / f0_hz, SHORTEST_S) * rate / 2)
    hop = HOP_S * rate
    start = round(onset_s * rate)
    stop = min(len(audio), start + round(min(longest_s, len(audio) / rate) * rate)) - size // 2
    centres = np.round(np.arange(start, max(stop, start + 1), hop)).astype(np.int64)
    padded = np.concatenate([np.zeros(size), audio, np.zeros(size)])
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    beside = np.array([[-2], [-1], [1], [2]]) * rate / size
    places = np.concatenate([hz, hz - BESIDE * f0_hz, *(hz + beside)])
    places = np.where(places < 0.49 * rate, places, 0.0)
    window = np.hanning(size)
    offset = (np.arange(size) - size // 2) / rate
    kernel = (2 / window.sum()) * window[:, None] * np.exp(-2j * np.pi * offset[:, None] * places)
    frames = views[centres + size - size // 2]
    z = frames @ kernel.real + 1j * (frames @ kernel.imag)
    at_s = centres / rate
    lobes = (np.abs(z) ** 2).reshape(len(z), -1, PARTIALS)
    power = (lobes[:, 0] + lobes[:, 2:].sum(axis=1)) / HANN_LOBE
    turned = z[:, : 2 * PARTIALS] * np.exp(-2j * np.pi * at_s[:, None] * places[: 2 * PARTIALS])
    return turned.T, power.T, at_s - onset_s


def cents_over_time(z: NDArray[np.complex128], hz: Floats, heard: NDArray[np.bool_]) -> Floats:
    """Return the pitch over time against the measured one, cents (frames,): mean of the heard partials by power."""
    turn = np.angle(z[:, 1:] * np.conj(z[:, :-1])) / (2 * np.pi * HOP_S)
    ratio = ratio_to_cents(1 + np.clip(turn / hz[:, None], -0.05, 0.05))
    power = np.abs(z[:, 1:] * z[:, :-1]) * heard[:, None]
    cents = np.sum(power * ratio, axis=0) / np.maximum(power.sum(axis=0), 1e-20)
    return np.append(cents[:1], cents)


def detrended(level: Floats, time: Floats, struck: bool) -> Floats:
    """Return a level less its slow course: a parabola over arcsinh time for decays, over time for held tones."""
    at = np.arcsinh(time / 0.1) if struck else time
    return np.asarray(level - np.polyval(np.polyfit(at, level, 3 if struck else 2), at))


def _spectra(rows: Floats) -> Floats:
    window = np.hanning(rows.shape[1])
    return np.asarray(np.abs(np.fft.rfft(rows * window, FFT, axis=1)) ** 2 * (2 / window.sum()) ** 2)


def _beat(power: Floats, rates: Floats) -> tuple[float, float, float]:
    """Return (rate, peak depth in dB, share of all ripple) of the strongest ripple."""
    inside = (rates >= BEAT_HZ[0]) & (rates <= BEAT_HZ[1])
    k = int(np.argmax(power * inside))
    near = np.abs(rates - rates[k]) < 0.6
    return float(rates[k]), float(np.sqrt(power[k])), float(power[near & inside].sum() / power[inside].sum())


def _vibrato(
    flat: Floats, wander: Floats, heard: NDArray[np.bool_], time: Floats, rates: Floats
) -> tuple[float, float, float, float, Floats]:
    """Return (rate, share, cents, start in s, depths in dB) of the movement that all heard partials share."""
    nothing = np.full(len(flat), np.nan)
    if not heard.any():
        return 0.0, 0.0, 0.0, 0.0, nothing
    rows = np.vstack([flat[heard], wander[None]])
    rows = rows / np.maximum(rows.std(axis=1, keepdims=True), 1e-6)
    power = _spectra(rows).mean(axis=0)
    inside = (rates >= VIBRATO_HZ[0]) & (rates <= VIBRATO_HZ[1])
    moving = (rates >= 2.5) & (rates <= 12.0)
    rate = float(rates[np.argmax(power * inside)])
    share = float(power[np.abs(rates - rate) < 0.75].sum() / power[moving].sum())
    window = np.hanning(len(time))
    turn = np.exp(-2j * np.pi * rate * time) * window * 2 / window.sum()
    depth, pitch = flat @ turn, complex(wander @ turn)
    axis = np.exp(0.5j * np.angle(np.sum(depth[heard] ** 2)))  # partials move up and down on one line: sign is free
    axis *= 1.0 if np.sum(np.real(depth[heard] * np.conj(axis))) >= 0 else -1.0
    signed = np.where(heard, np.real(depth * np.conj(axis)), np.nan)
    along = np.nansum(np.where(heard[:, None], flat * np.sign(np.nan_to_num(signed))[:, None], 0.0), axis=0)
    width = max(3, round(1.0 / rate / HOP_S))
    carrier = along * np.exp(-2j * np.pi * rate * time)
    strength = np.abs(np.convolve(carrier, np.hanning(2 * width + 1), "same"))
    grown = strength > 0.66 * np.median(strength[len(strength) // 2 :])
    return rate, share, abs(pitch), float(time[np.argmax(grown)]), signed


def _drift(row: Floats) -> tuple[float, float]:
    """Return (standard deviation in dB of movement in 0.4..3.5 Hz less that of noise, memory in s)."""
    spectrum = np.fft.rfft(row)
    rates = np.fft.rfftfreq(len(row), HOP_S)
    inside = (rates >= DRIFT_HZ[0]) & (rates <= DRIFT_HZ[1])
    fast = (rates >= 10.0) & (rates <= 20.0)
    power = 2 * np.abs(spectrum) ** 2 / len(row) ** 2
    noise = power[fast].mean() * inside.sum() if fast.any() else 0.0
    slow = np.fft.irfft(np.where(inside, spectrum, 0), len(row))
    after = np.correlate(slow, slow, "full")[len(slow) - 1 :]
    memory = np.argmax(after < 0.37 * after[0]) * HOP_S if after[0] > 0 else 0.0
    return float(np.sqrt(max(power[inside].sum() - noise, 0.0))), float(memory)


def _glide(z: NDArray[np.complex128], hz: Floats, heard: NDArray[np.bool_], time: Floats, f0_hz: float) -> Floats:
    """Return the pitch at `GLIDE_S` over that of 1 to 2 s, cents (G,)."""
    later = (time > 1.0) & (time < 2.0)
    out = np.full(len(GLIDE_S), np.nan)
    if not heard.any() or later.sum() < 50:
        return out
    cents = cents_over_time(z[:PARTIALS], hz, heard)
    edges = np.sqrt(np.append(GLIDE_S, GLIDE_S[-1] * 1.5) * np.append(GLIDE_S[0] / 1.6, GLIDE_S))
    first = max(0.5 * PERIODS / f0_hz, 0.5 * SHORTEST_S)  # a window that reaches back before the note tells nothing
    for index in range(len(GLIDE_S)):
        inside = (time >= max(edges[index], first)) & (time < edges[index + 1])
        if inside.sum() >= 2:
            out[index] = cents[inside].mean() - cents[later].mean()
    return out
