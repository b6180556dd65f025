"""Where the residual sits: at the onset, at fixed frequencies, following the pitch, fluctuating, or in single notes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import Residual
from backtune.units import midi_to_hz

Floats = NDArray[np.float64]

PLACES = ("onset", "sustained", "fixed frequency", "following pitch", "modulated")
ONSET_S = 0.08  # as the distance between sounds counts it
LARGEST_DB = 40.0  # an error larger than this is as bad
BINS_PER_OCTAVE = 2.0  # above the fundamental: where overtones are told from each other
OWN = 3.0  # observations that hold back a mean: what few takes share by chance is not shared
ROUNDS = 6  # of fixed frequencies against pitch; they settle within three
DECIMALS = 3


def whereabouts(residual: Residual) -> dict[str, float]:
    """Return which share of the squared error of the ear bands sits in each of `PLACES`; they sum to 1.

    - onset: from before the note to 80 ms. Of the rest, what departs from a straight course over logarithmic time
      is `modulated`; of the course, what all takes share at a frequency is `fixed frequency`, what they share at
      a ratio to the fundamental is `following pitch`, and what is left to single notes and dynamics is `sustained`.

    Errors are weighted by how far a band is heard. Nothing left at all gives no share to any.
    """
    bands = residual.bands
    error = np.clip(bands.missing_db, -LARGEST_DB, LARGEST_DB)
    early = bands.at["time_s"] < ONSET_S
    power = dict.fromkeys(PLACES, 0.0)
    power["onset"] = float(np.sum(bands.weight[early] * error[early] ** 2))
    late = bands.where(~early)
    if len(late.weight):
        course, fluctuation, rows = _courses(error[~early], late.weight, late.at["time_s"], late.take, late.at["hz"])
        power["modulated"] = float(np.sum(late.weight * fluctuation**2))
        weight = np.bincount(rows, weights=late.weight).astype(float)
        mean = np.bincount(rows, weights=late.weight * course) / np.maximum(weight, 1e-9)
        first = np.unique(rows, return_index=True)[1]
        hz = late.at["hz"][first]
        ratio = np.rint(BINS_PER_OCTAVE * np.log2(hz / np.asarray(midi_to_hz(late.at["pitch"][first]), float)))
        fixed, following = _shared(mean, weight, _numbered(hz), _numbered(ratio))
        own = course - (fixed + following)[rows]
        power["fixed frequency"] = float(np.sum(weight * fixed**2))
        power["following pitch"] = float(np.sum(weight * following**2))
        power["sustained"] = float(np.sum(late.weight * own**2))
    total = sum(power.values())
    return {place: round(one / total, DECIMALS) for place, one in power.items()} if total > 0 else power


def _courses(
    error: Floats, weight: Floats, time_s: Floats, take: NDArray[np.int64], hz: Floats
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the straight course of each band of each take, what departs from it, and the number of its row."""
    rows = _numbered(take * 1e6 + hz)
    x = np.log(time_s)
    weight = weight + 1e-9
    total = np.bincount(rows, weights=weight)
    x = x - (np.bincount(rows, weights=weight * x) / total)[rows]
    level = np.bincount(rows, weights=weight * error) / total
    slope = np.bincount(rows, weights=weight * x * error) / (np.bincount(rows, weights=weight * x * x) + 1e-6 * total)
    course = level[rows] + slope[rows] * x
    return course, error - course, rows


def _shared(mean: Floats, weight: Floats, band: NDArray[np.int64], ratio: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return what rows share by band and by ratio to the fundamental, each without the other."""
    fixed, following = np.zeros_like(mean), np.zeros_like(mean)
    held = OWN * float(np.mean(weight))
    for _ in range(ROUNDS):
        fixed = _group_mean(mean - following, weight, band, held)
        following = _group_mean(mean - fixed, weight, ratio, held)
    return fixed, following


def _group_mean(values: Floats, weight: Floats, group: NDArray[np.int64], held: float) -> Floats:
    sums = np.bincount(group, weights=weight * values)
    return np.asarray((sums / (np.bincount(group, weights=weight) + held))[group])


def _numbered(keys: NDArray[Any]) -> NDArray[np.int64]:
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
