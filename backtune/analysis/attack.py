"""How a note begins: the rise to its full tone, read from short windows, and what comes before the onset."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.bands import BAND_CENTRES_HZ, NOMINAL_RATE, SHORT, SHORT_FROM_HZ, SHORT_UNTIL_S, seen_quickly
from backtune.analysis.knots import pitch_knots
from backtune.analysis.seen_through import FINE_S, power_seen
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.analysis.tracks import ABOVE_FLOOR_DB, TRACK_TIMES_S, Tracks, partial_frequencies
from backtune.units import db_to_power, power_to_db
from backtune.voice import BAND_EDGES_HZ, SILENCE_DB, Voice

Floats = NDArray[np.float64]

ONSET_DB = -20.0  # the perceived onset is where a note is 20 dB below its plateau
LEAD_IN_DB_S = 900.0  # before it, unless a law tells, tone and noise rise by 20 dB in 22 ms
LEAD_INS_DB_S = [150.0 * 1.5**step for step in range(11)]  # up to 8,600: a hammer is there at once
# An attack is over when the level reaches that of the louder of these stretches: high strings fall within them.
FULL_TONE = [(low <= TRACK_TIMES_S) & (high >= TRACK_TIMES_S) for low, high in ((0.01, 0.04), (0.1, 0.4))]
LEADING = (TRACK_TIMES_S >= -0.05) & (TRACK_TIMES_S < 0)
ATTACKS_S = [0.001 * 2.0 ** (0.4 * step) for step in range(22)]  # 1 ms to 340 ms
NEAR = [2.0 ** (step / 4) for step in range(-4, 5)]  # what one turn of refitting may change of an attack
ATTACK_UNTIL_S, FAR_BELOW_DB = 0.15, 40.0
NEAR_FULL_DB, LEAK_DB = -6.0, 2.0
PITCH_SPACING = 12.0  # semitones between knots of attacks
OUT_OF_NOISE_DB = 6.0  # tone 4 dB over its noise, rising in 30 ms, seemed to be there after 1


def attack_db(t: Floats, attack_s: float, lead_in_db_s: float = LEAD_IN_DB_S) -> Floats:
    """Return the gain in dB of the attack: -20 dB at the onset, within 1 dB of full after `attack_s`."""
    tau = attack_s / np.log(0.9 / 0.109)
    late = 20 * np.log10(1 - 0.9 * np.exp(-np.maximum(t, 0.0) / tau))
    return np.asarray(np.where(t < 0, ONSET_DB + lead_in_db_s * t, late))


def measure_attack(tracks: Tracks) -> tuple[float, float | None] | None:
    """Return (attack_s, lead_in_db_s) of a take: the rise that, seen through short windows, is nearest to its course.

    The course is the power above 500 Hz. The lead-in is None where the recording begins with the onset; the whole
    is None where no full tone was heard, or noise covers it.
    """
    below = _below_full(_course(tracks)[None])[0]
    if not np.isfinite(below).any() or not _stands_out(tracks):
        return None
    shapes = db_to_power(np.stack([attack_db(FINE_S, attack) for attack in ATTACKS_S]))
    attack_s = ATTACKS_S[_nearest(below, (0.0, ATTACK_UNTIL_S), shapes)]
    if not np.isfinite(below[LEADING]).any():
        return attack_s, None
    shapes = db_to_power(np.stack([attack_db(FINE_S, attack_s, rise) for rise in LEAD_INS_DB_S]))
    return attack_s, LEAD_INS_DB_S[_nearest(below, (-0.05, 0.0), shapes)]


def refined_attack(tracks: Tracks, voice: Voice, attack_s: float) -> float | None:
    """Return the attack_s near the one given with which all that a patch makes of a take is nearest to its course.

    Overtones that speak late and noise that comes with the tone are no part of the attack: what `measure_attack` took
    for it before they were there is given back. None where no full tone was heard, or noise covers the tone.
    """
    below = _below_full(_course(tracks)[None])[0]
    tone, noise = seen_quickly(voice)
    if not np.isfinite(below).any() or not np.any(tone[FULL_TONE[0]] > noise[FULL_TONE[0]]):
        return None
    near = [attack_s * ratio for ratio in NEAR]
    settled_db = np.interp(FINE_S, TRACK_TIMES_S, power_to_db(tone) - attack_db(TRACK_TIMES_S, attack_s))
    rises = np.stack([attack_db(FINE_S, attack) for attack in near])
    courses = db_to_power(settled_db + rises) + np.interp(FINE_S, TRACK_TIMES_S, noise)
    return near[_nearest(below, (0.0, ATTACK_UNTIL_S), courses)]


def attacks_over_pitch(told: Sequence[tuple[float, float]]) -> tuple[Floats, Surface]:
    """Return attack_s at knots of pitch, (K,), and its surface, from (pitch, attack_s) of takes."""
    pitch, time = np.array(told).T
    surface = Surface(("pitch",), (pitch_knots(np.unique(pitch), PITCH_SPACING),), (3.0,))
    (values,) = fit_surfaces([surface], {"pitch": pitch}, np.log(time), np.ones(len(time)))
    return np.exp(values), surface


def attack_along(at: Mapping[str, Floats], attack_s: Callable[..., float]) -> Floats:
    """Return the gain in dB of the attack at N observations, (N,), from `attack_s(pitch=...)`."""
    gain = np.empty(len(at["pitch"]))
    for midi in np.unique(at["pitch"]):
        mine = at["pitch"] == midi
        gain[mine] = attack_db(at["time_s"][mine], attack_s(pitch=midi))
    return gain


def _stands_out(tracks: Tracks) -> bool:
    """Return whether the tone above 500 Hz stands out of the noise there once it is full: else the rise is noise's."""
    hz = partial_frequencies(tracks.pitch, np.inf)[: tracks.partials]
    full = FULL_TONE[1]
    own = np.where(tracks.partial_db > tracks.floor_db + ABOVE_FLOOR_DB, tracks.partial_db, SILENCE_DB)
    tone = 0.5 * np.sum(db_to_power(own[: len(hz)][hz >= SHORT_FROM_HZ][:, full]))
    noise = np.nansum(db_to_power(tracks.noise_db[BAND_EDGES_HZ[:-1] >= SHORT_FROM_HZ][:, full]))
    return bool(tone > noise * db_to_power(OUT_OF_NOISE_DB))


def _course(tracks: Tracks) -> Floats:
    """Return the power of a take above 500 Hz, dB (T,)."""
    return np.asarray(power_to_db(np.sum(db_to_power(tracks.band_db[BAND_CENTRES_HZ >= SHORT_FROM_HZ]), axis=0)))


def _below_full(courses_db: Floats) -> Floats:
    """Return courses (N, T) below their full tone, dB; NaN where none was heard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a stretch that was not recorded
        full = [np.nanmedian(courses_db[:, inside], axis=1) for inside in FULL_TONE]
    return np.asarray(courses_db - np.fmax(*full)[:, None])


def _nearest(below_db: Floats, between_s: tuple[float, float], powers: Floats) -> int:
    """Return which of the courses `powers` (N, fine), seen through short windows, comes nearest to one (T,).

    An attack of 4 ms bends between the times of tracks: taken there only, it looked half as long as it is. In short
    windows strong partials below 500 Hz are seen above it too, later not: either stretch may be that much louder.
    """
    fine = power_to_db(power_seen(powers, FINE_S, SHORT / NOMINAL_RATE))
    seen = _below_full(np.stack([np.interp(TRACK_TIMES_S, FINE_S, row) for row in fine]))
    used = (between_s[0] <= TRACK_TIMES_S) & (between_s[1] >= TRACK_TIMES_S) & np.isfinite(below_db)
    if not used.any():
        return 0
    apart = np.maximum(seen, -FAR_BELOW_DB) - np.maximum(below_db, -FAR_BELOW_DB)
    for stretch in (TRACK_TIMES_S <= SHORT_UNTIL_S, TRACK_TIMES_S > SHORT_UNTIL_S):
        sure = used & stretch & (below_db > NEAR_FULL_DB)
        if sure.any():
            apart[:, stretch] -= np.clip(np.median(apart[:, sure], axis=1, keepdims=True), -LEAK_DB, LEAK_DB)
    return int(np.argmin(np.abs(apart[:, used]).mean(axis=1)))
