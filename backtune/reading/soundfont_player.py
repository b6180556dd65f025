"""Plays one key of a SoundFont preset: samples, loops, envelopes, LFOs and filter; no reverb, no chorus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backtune.reading.soundfont_zone import Zone

Floats = NDArray[np.float64]

BLOCK = 64  # frames between steps of envelopes and LFOs: 1.5 ms at 44.1 kHz
TAPS = 8  # of the windowed-sinc interpolator; -80 dB of images below a quarter of the sample rate
PHASES = 512  # positions between two frames; the nearest one is -60 dB near the top, -90 dB below 1 kHz
ATTENUATION_SHARE = 0.4  # of initialAttenuation that E-mu's hardware applied; all fonts are made for it
FULL_FALL_DB = 96.0  # what an envelope's decay or release time spans
VELOCITY_TO_CUTOFF_CENTS = -2400.0  # at velocity 0 (default modulator 8.4.2)
REFERENCE_HZ = 8.176  # MIDI key 0, where cutoff cents start
SILENT_PAN = 1e-3  # a zone panned off this channel is not played
CUTOFF_STEP_OCTAVES = 0.01  # 12 cents: 0.1 dB at the cutoff
HIGHEST_CUTOFF = 0.45  # of the rate; above, the filter does nothing
FARTHEST_FRAME = 2.0**52  # no fraction of a frame is left there; sped up by 100 octaves, notes end beyond all integers


def play_note(
    zones: Sequence[Zone], pool: NDArray[np.int16], key: int, velocity: int, seconds: tuple[float, float], channel: int
) -> tuple[Floats, int]:
    """Return (one channel, rate 44100 Hz) of a key held and released: `seconds` = (until release, after it).

    `zones` are those that sound for this key and velocity, `pool` the font's samples, `channel` 0 left or
    1 right. Generators and the velocity modulators of the SoundFont 2.04 specification; further
    modulators, which few fonts use, are not played.
    """
    rate = 44100
    gate, total = round(seconds[0] * rate), round((seconds[0] + seconds[1]) * rate)
    mixed = np.zeros(total)
    for zone in zones:
        gain = _gain(zone, velocity, channel)
        if gain > 0.0:
            mixed += gain * _play_zone(zone, pool, key, velocity, rate, gate, total)
    return mixed, rate


def _gain(zone: Zone, velocity: int, channel: int) -> float:
    pan = np.clip(zone.amount(17) / 1000.0, -0.5, 0.5) * (1.0 if channel else -1.0)
    share = np.sin((pan + 0.5) * np.pi / 2.0)
    if share < SILENT_PAN:
        return 0.0
    attenuation_db = ATTENUATION_SHARE * max(0, zone.amount(48)) / 10.0
    return float(share * (velocity / 127.0) ** 2 * 10.0 ** (-attenuation_db / 20.0))


def _play_zone(
    zone: Zone, pool: NDArray[np.int16], key: int, velocity: int, rate: int, gate: int, total: int
) -> Floats:
    key = zone.amount(46) if zone.amount(46) >= 0 else key
    times = np.arange(0, total + BLOCK, BLOCK) / rate
    gate_s = gate / rate
    volume = _envelope_db(zone, key, times, gate_s)
    pitch_lfo, filter_lfo, volume_lfo = zone.amount(5), zone.amount(10), zone.amount(13)
    modulation = (
        _envelope_share(zone, key, times, gate_s) if zone.amount(7) or zone.amount(11) else np.zeros(len(times))
    )
    slow = _lfo(times, zone.amount(21), zone.amount(22)) if pitch_lfo or filter_lfo or volume_lfo else 0.0 * times
    vibrato = _lfo(times, zone.amount(23), zone.amount(24)) if zone.amount(6) else 0.0 * times
    cents = zone.transposition_cents(key) + zone.amount(6) * vibrato + pitch_lfo * slow + zone.amount(7) * modulation
    speed = np.exp2(cents / 1200.0) * zone.sample.rate / rate
    ramp = np.arange(BLOCK) / BLOCK
    position = np.cumsum(_lines(speed, ramp)[:total]) - speed[0]
    sound = _interpolated(zone, pool, np.minimum(position, FARTHEST_FRAME), gate)
    cutoff = zone.amount(8) + VELOCITY_TO_CUTOFF_CENTS * (1.0 - velocity / 127.0)
    hz = REFERENCE_HZ * np.exp2((cutoff + zone.amount(11) * modulation + filter_lfo * slow) / 1200.0)
    sound = _low_passed(sound, np.maximum(hz, 5.0), zone.amount(9), rate)
    level = volume - volume_lfo / 10.0 * slow
    return sound * 10.0 ** (_lines(level, ramp)[:total] / 20.0)


def _lines(values: Floats, ramp: Floats) -> Floats:
    """Return straight lines between block values, one per sample."""
    return (values[:-1, None] + np.diff(values)[:, None] * ramp).ravel()


def _interpolated(zone: Zone, pool: NDArray[np.int16], position: Floats, gate: int) -> Floats:
    """Return the sample read at fractional positions (frames from its start), looped as the zone says."""
    sample = zone.sample
    start = sample.start + zone.amount(0) + 32768 * zone.amount(4)
    end = sample.end + zone.amount(1) + 32768 * zone.amount(12)
    start, end = max(0, min(start, len(pool))), max(0, min(end, len(pool)))
    if end - start < 2:
        return np.zeros(len(position))
    loop_start = sample.loop_start + zone.amount(2) + 32768 * zone.amount(45) - start
    loop_end = sample.loop_end + zone.amount(3) + 32768 * zone.amount(50) - start
    mode = zone.amount(54) & 3
    looped = mode in (1, 3) and 0 <= loop_start < loop_end <= end - start
    frames = np.concatenate([pool[start:end].astype(float) / 32768.0, np.zeros(1)])
    if mode == 3 and looped and gate < len(position):  # the loop is left at the release
        turns = np.floor((position[gate] - loop_start) / (loop_end - loop_start)) if position[gate] > loop_start else 0
        held = np.arange(len(position)) < gate
        after = position - max(0.0, turns) * (loop_end - loop_start)
        return np.where(held, _read(frames, position, loop_start, loop_end), _read(frames, after, 0, 0))
    return _read(frames, position, loop_start if looped else 0, loop_end if looped else 0)


def _read(frames: Floats, position: Floats, loop_start: int, loop_end: int) -> Floats:
    whole = np.floor(position).astype(np.int64)
    weights = _sinc_table()[np.round((position - whole) * PHASES).astype(np.int64)]
    sound = np.zeros(len(position))
    for tap in range(TAPS):
        index = whole + tap - TAPS // 2 + 1
        if loop_end > loop_start:
            beyond = index >= loop_end
            index = np.where(beyond, loop_start + (index - loop_start) % (loop_end - loop_start), index)
        index = np.where(index < 0, len(frames) - 1, np.minimum(index, len(frames) - 1))  # the last frame is silence
        sound += weights[:, tap] * frames[index]
    return sound


def _sinc_table() -> Floats:
    offset = np.arange(PHASES + 1)[:, None] / PHASES
    distance = np.arange(TAPS)[None, :] - TAPS // 2 + 1 - offset
    table = np.sinc(distance) * np.cos(np.pi * distance / (TAPS + 1.0)) ** 2
    return table / table.sum(1, keepdims=True)


def _seconds(timecents: float) -> float:
    return float(2.0 ** (min(timecents, 8000.0) / 1200.0)) if timecents > -11999 else 0.0


def _stages(zone: Zone, key: int, first: int) -> tuple[float, float, float, float, float]:
    """Return (delay, attack, hold, decay, release) in s of the envelope whose generators begin at `first`."""
    delay, attack, release = _seconds(zone.amount(first)), _seconds(zone.amount(first + 1)), zone.amount(first + 5)
    hold = _seconds(zone.amount(first + 2) + zone.amount(first + 6) * (60 - key))
    decay = _seconds(zone.amount(first + 3) + zone.amount(first + 7) * (60 - key))
    return delay, attack, hold, max(decay, 1e-3), max(_seconds(release), 1e-3)


def _envelope_db(zone: Zone, key: int, times: Floats, gate_s: float) -> Floats:
    """Return the volume envelope at `times`, dB: linear attack, then straight lines in dB."""
    delay, attack, hold, decay, release = _stages(zone, key, 33)
    sustain_db = -min(max(zone.amount(37), 0), 1440) / 10.0

    def pressed(time: Floats) -> Floats:
        rising = 20.0 * np.log10(np.clip((time - delay) / max(attack, 1e-3), 1e-5, 1.0))
        falling = np.maximum(-FULL_FALL_DB * (time - delay - attack - hold) / decay, sustain_db)
        return np.where(time < delay + attack, rising, np.minimum(falling, 0.0))

    held = pressed(np.minimum(times, gate_s))
    return np.maximum(held - FULL_FALL_DB * np.maximum(times - gate_s, 0.0) / release, -200.0)


def _envelope_share(zone: Zone, key: int, times: Floats, gate_s: float) -> Floats:
    """Return the modulation envelope at `times`, 0..1: straight lines, decay and release times of a full fall."""
    delay, attack, hold, decay, release = _stages(zone, key, 25)
    sustain = 1.0 - min(max(zone.amount(29), 0), 1000) / 1000.0
    time = np.minimum(times, gate_s)
    rising = np.clip((time - delay) / max(attack, 1e-3), 0.0, 1.0)
    falling = np.clip(1.0 - (time - delay - attack - hold) / decay, sustain, 1.0)
    held = np.where(time < delay + attack, rising, falling)
    return np.maximum(held - np.maximum(times - gate_s, 0.0) / release, 0.0)


def _lfo(times: Floats, delay_timecents: int, frequency_cents: int) -> Floats:
    """Return a triangle of -1..1 that starts at zero after its delay."""
    turns = np.maximum(times - _seconds(delay_timecents), 0.0) * REFERENCE_HZ * 2.0 ** (frequency_cents / 1200.0)
    return 2.0 * np.abs(2.0 * ((turns - 0.25) % 1.0) - 1.0) - 1.0


def _low_passed(sound: Floats, cutoff_hz: Floats, resonance_cb: int, rate: int) -> Floats:
    """Return `sound` through a second-order low-pass (RBJ cookbook), its cutoff stepped every block."""
    from scipy.signal import lfilter

    if cutoff_hz.min() > HIGHEST_CUTOFF * rate:
        return sound
    quality = 10.0 ** ((np.clip(resonance_cb, 0, 960) / 10.0 - 3.01) / 20.0)
    angle = 2.0 * np.pi * np.minimum(cutoff_hz, HIGHEST_CUTOFF * rate) / rate
    alpha, cosine = np.sin(angle) / (2.0 * quality), np.cos(angle)
    share = (1.0 - cosine) / (1.0 + alpha) / np.sqrt(max(quality, 1.0))
    forward = np.stack([share / 2.0, share, share / 2.0], 1)
    back = np.stack([np.ones_like(alpha), -2.0 * cosine / (1.0 + alpha), (1.0 - alpha) / (1.0 + alpha)], 1)
    state, filtered, start = np.zeros(2), np.empty_like(sound), 0
    while start < len(sound):  # one call for as many blocks as the cutoff stays put
        block = start // BLOCK
        moved = np.abs(np.log2(cutoff_hz[block:] / cutoff_hz[block])) > CUTOFF_STEP_OCTAVES
        stop = start + BLOCK * int(np.argmax(moved)) if moved.any() else len(sound)
        piece = slice(start, stop)
        filtered[piece], state = lfilter(forward[block], back[block], sound[piece], zi=state)
        start = stop
    return filtered
