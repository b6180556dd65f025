"""Slow twins of the kernels: one sine a sample, straight from the definitions, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from backtune.voice import Voice
from dsp_kernels.noise import STEP


def bank(tones: Any, n: int) -> Any:
    """Exponential sines with gliding frequency, added: rows of `tones` as in dsp_kernels.bank."""
    at = np.arange(n)
    total = np.zeros(n)
    for level, slope, phase, step, bend in np.asarray(tones).T:
        cycles = phase + step * at + 0.5 * bend * at * at
        total += np.exp(level + slope * at) * np.sin(2 * np.pi * cycles)
    return total


def partials(voice: Voice, rate: int, n: int, tilt_db: Any = 0.0) -> Any:
    """Partials of a voice, `n` samples from its first frame: np.interp of levels in dB and of the frequency factor.

    `tilt_db`: dB an octave above the lowest partial, at each sample.
    """
    frames = np.round(voice.times_s * rate) - round(voice.times_s[0] * rate)
    at = np.arange(n)
    ratio = np.interp(at, frames, 2.0 ** (voice.bend_cents / 1200.0))
    gate = damped_s(voice, rate, n)
    warp = np.concatenate([[0.0], np.cumsum(0.5 * (ratio[1:] + ratio[:-1]))])
    total = np.zeros(n)
    for p, hz in enumerate(voice.partial_hz):
        if hz * np.max(ratio) >= rate / 2:
            continue
        level_db = np.interp(at, frames, voice.partial_db[p]) - voice.partial_release_db_s[p] * gate
        level_db = level_db + tilt_db * np.log2(hz / np.min(voice.partial_hz))
        total += 10.0 ** (level_db / 20.0) * np.sin(voice.phase_rad[p] + 2 * np.pi * hz / rate * warp)
    return total


def modes(voice: Voice, rate: int, n: int) -> Any:
    """Modes of a voice, `n` samples from its first frame."""
    since_s = (np.arange(n) + round(voice.times_s[0] * rate)) / rate
    gate = damped_s(voice, rate, n)
    total = np.zeros(n)
    for hz, db, decay_s, release in zip(
        voice.mode_hz, voice.mode_db, voice.mode_decay_s, voice.mode_release_db_s, strict=True
    ):
        level_db = db - 60.0 * since_s / decay_s - release * gate
        total += np.where(since_s >= 0, 10.0 ** (level_db / 20.0) * np.sin(2 * np.pi * hz * since_s), 0.0)
    return total


def noise(voice: Voice, rate: int, n: int, tables: Any, loops: Any, offsets: Any) -> Any:
    """Noise of a voice, `n` samples from its first frame, read from looped tables."""
    frames = np.round(voice.times_s * rate) - round(voice.times_s[0] * rate)
    at = np.arange(n)
    gate = damped_s(voice, rate, n)
    total = np.zeros(n)
    for b, level in enumerate(voice.noise_db):
        level_db = np.interp(at, frames, level) - voice.noise_release_db_s[b] * gate
        total += 10.0 ** (level_db / 20.0) * STEP * tables[b][(int(offsets[b]) + at) % loops[b]]
    return total


def damped_s(voice: Voice, rate: int, n: int) -> Any:
    """For how many seconds the damper has been down, at each sample."""
    gate_s = voice.note.gate_s
    if gate_s is None:
        return np.zeros(n)
    start = round(gate_s * rate) - round(voice.times_s[0] * rate)
    return np.maximum(0, np.arange(n) - start) / rate
