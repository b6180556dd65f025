"""Split halves: evidence for layers of single notes where none was recorded twice, by stretches that a fit skips.

Without a second take nobody can tell what a note would repeat, only that its recording is not of chance: then what
is fitted to every second stretch of it holds for the stretches between.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import Heard, Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.errors import Declined
from backtune.evidence import Gain, paired_gain
from backtune.fit import beside, without_closing
from backtune.layer import Layer
from backtune.patch import Patch

Floats = NDArray[np.float64]

FROM_S = 0.15  # earlier, neighbouring windows of up to 150 ms hear the same sound
STRETCH = 1.5  # each begins this many times later than the one before: half of what corrections may change over
SPLIT_HALF = "no note was recorded twice, so the stretches of each take that the fit skipped speak for it"
SKIPPED = (TRACK_TIMES_S >= FROM_S) & (
    np.floor(np.log(np.maximum(TRACK_TIMES_S, FROM_S) / FROM_S) / np.log(STRETCH)) % 2 == 1
)


def split_half_gain(patch: Patch, kind: type[Layer], residual: Residual, tried: int) -> tuple[Gain, float]:
    """Return by how much skipped stretches of fitted takes come nearer with a layer of `kind`, and what they miss, dB.

    Levels of partials, dB, weighted by how far they are heard; the interval is that of `paired_gain` over pitches,
    corrected for `tried` candidates. No gain when the layer declines.
    """
    patch = without_closing(patch)
    half = replace(residual, heard=tuple(_skipping(heard) for heard in residual.heard))
    try:
        larger = patch.with_layer(kind.guess(beside(patch, half)))
    except Declined:
        return Gain(0.0, 0.0, 0.0, 0), 0.0
    before = _misheard(patch, residual)
    falls = before - _misheard(larger, residual)
    known = np.isfinite(falls)
    pitches = np.array([heard.note.midi for heard in residual.heard])
    return paired_gain(falls[known], pitches[known], tried), float(before[known].mean()) if known.any() else 0.0


def _skipping(heard: Heard) -> Heard:
    """Return a take in which no partial was heard on the skipped stretches."""
    level = np.where(SKIPPED[None, :], np.nan, heard.tracks.partial_db)
    return replace(heard, tracks=replace(heard.tracks, partial_db=level))


def _misheard(patch: Patch, residual: Residual) -> Floats:
    """Return the weighted mean error of each take's partials on the skipped stretches, dB (takes,)."""
    seen = beside(patch, residual).partials
    weight = seen.weight_given() * np.isin(seen.at["time_s"], TRACK_TIMES_S[SKIPPED])
    count = len(residual.heard)
    total = np.bincount(seen.take, weight, count)
    error = np.bincount(seen.take, weight * np.abs(seen.missing_db), count)
    return np.where(total > 0, error / np.maximum(total, 1e-9), np.nan)
