"""How a note begins: the rise to its full tone, read from short windows, and what comes before the onset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.bands import BAND_CENTRES_HZ, NOMINAL_RATE, SHORT, SHORT_FROM_HZ
from backtune.analysis.seen_through import power_seen
from backtune.analysis.tracks import TRACK_TIMES_S, Tracks
from backtune.units import db_to_power, power_to_db

Floats = NDArray[np.float64]

ONSET_DB = -20.0  # the perceived onset is where a note is 20 dB below its plateau
LEAD_IN_DB_S = 900.0  # before it, unless a law tells, sound rises by 20 dB in 22 ms
LEAD_INS_DB_S = [150.0 * 1.5**step for step in range(11)]  # up to 8,600: a hammer is there at once
# An attack is over when the level reaches that of the louder of these stretches: high strings fall within them.
FULL_TONE = [(low <= TRACK_TIMES_S) & (high >= TRACK_TIMES_S) for low, high in ((0.01, 0.04), (0.1, 0.4))]
LEADING = (TRACK_TIMES_S >= -0.05) & (TRACK_TIMES_S < 0)
ATTACKS_S = [0.001 * 2.0 ** (0.4 * step) for step in range(22)]  # 1 ms to 340 ms
ATTACK_UNTIL_S, FAR_BELOW_DB = 0.15, 40.0


def attack_db(t: Floats, attack_s: float, lead_in_db_s: float = LEAD_IN_DB_S) -> Floats:
    """Return the gain in dB of the attack: -20 dB at the onset, within 1 dB of full after `attack_s`."""
    tau = attack_s / np.log(0.9 / 0.109)
    late = 20 * np.log10(1 - 0.9 * np.exp(-np.maximum(t, 0.0) / tau))
    return np.asarray(np.where(t < 0, ONSET_DB + lead_in_db_s * t, late))


def measure_attack(tracks: Tracks) -> tuple[float, float | None] | None:
    """Return (attack_s, lead_in_db_s) of a take: the rise that, seen through short windows, is nearest to its course.

    The course is the power above 500 Hz. The lead-in is None where the recording begins with the onset; the whole
    is None where no full tone was heard.
    """
    course = power_to_db(np.sum(db_to_power(tracks.band_db[BAND_CENTRES_HZ >= SHORT_FROM_HZ]), axis=0))
    full = [np.nanmedian(course[inside]) for inside in FULL_TONE if np.isfinite(course[inside]).any()]
    if not full:
        return None
    below = course - max(full)
    attack_s, _ = _nearest(below, (0.0, ATTACK_UNTIL_S), [(attack, LEAD_IN_DB_S) for attack in ATTACKS_S])
    if not np.isfinite(below[LEADING]).any():
        return attack_s, None
    return _nearest(below, (-0.05, 0.0), [(attack_s, rise) for rise in LEAD_INS_DB_S])


def _nearest(below_db: Floats, between_s: tuple[float, float], rises: list[tuple[float, float]]) -> tuple[float, float]:
    """Return which of `rises` (attack_s, lead_in_db_s) comes nearest to a course (T,) below its full tone."""
    shapes = np.stack([attack_db(TRACK_TIMES_S, *rise) for rise in rises])
    seen = power_to_db(power_seen(db_to_power(shapes), TRACK_TIMES_S, SHORT / NOMINAL_RATE))
    used = (between_s[0] <= TRACK_TIMES_S) & (between_s[1] >= TRACK_TIMES_S) & np.isfinite(below_db)
    miss = np.abs(np.maximum(seen, -FAR_BELOW_DB) - np.clip(below_db, -FAR_BELOW_DB, 0.0))[:, used]
    return rises[int(np.argmin(miss.mean(axis=1)))] if used.any() else rises[0]
