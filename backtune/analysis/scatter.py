"""How individual notes are: the scatter of partial levels between neighbouring notes, whatever any law says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import HEARD_RANGE_DB, Heard
from backtune.analysis.tracks import ABOVE_FLOOR_DB, TRACK_TIMES_S

Floats = NDArray[np.float64]

TIMES_S: Floats = np.array([0.045, 0.1, 0.2, 0.4, 0.75, 1.35, 2.3])  # on TRACK_TIMES_S
ON_TRACKS = np.searchsorted(TRACK_TIMES_S, TIMES_S)
MOST_PARTIALS = 40
FARTHEST = 7.0  # semitones to a neighbour that can stand for a note
FEWEST = 12  # differences that tell a spread


@dataclass(frozen=True)
class Scatter:
    """Departures of notes from the line between their neighbours, scaled to one note's own.

    - `departure_db` (N, P, T): by note, partial and `TIMES_S`, NaN where unknown.
    """

    departure_db: Floats

    @property
    def spread_db(self) -> Floats:
        """Standard deviation over notes of the part that lasts over time, (P,); NaN with too few notes."""
        out = np.full(self.departure_db.shape[1], np.nan)
        for p in range(len(out)):
            rows = self.departure_db[:, p]
            products = [
                rows[:, i] * rows[:, j] for i in range(len(TIMES_S)) for j in range(len(TIMES_S)) if abs(i - j) >= 2
            ]
            known = np.concatenate([x[np.isfinite(x)] for x in products])
            if len(known) >= FEWEST:
                out[p] = np.sqrt(max(float(_middle(known)), 0.0))
        return out

    @property
    def wander_db(self) -> float:
        """Standard deviation of the part that changes between times of a note an octave of time apart."""
        change = np.diff(self.departure_db[:, :, ::2], axis=2)
        known = change[np.isfinite(change)]
        return float(1.4826 * np.median(np.abs(known)) / np.sqrt(2)) if len(known) >= FEWEST else 0.0

    @property
    def kinship(self) -> float:
        """Correlation between neighbouring partials of a note, -1..1."""
        mean = np.array([_mean(row) for row in self.departure_db]).reshape(-1, self.departure_db.shape[1])
        one, two = mean[:, :-1].ravel(), mean[:, 1:].ravel()
        known = np.isfinite(one) & np.isfinite(two)
        return float(np.corrcoef(one[known], two[known])[0, 1]) if known.sum() >= FEWEST else 0.0


def _mean(row: Floats) -> Floats:
    known = np.isfinite(row)
    total = np.where(known, row, 0.0).sum(axis=1)
    return np.asarray(np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan))


def _middle(values: Floats) -> float:
    """Return the mean without the farthest fiftieth on both sides: one note read wrongly must not tell."""
    low, high = np.quantile(values, [0.02, 0.98])
    return float(np.mean(np.clip(values, low, high)))


def measure_scatter(heard: Sequence[Heard], levels: Sequence[Floats]) -> Scatter:
    """Return how far notes depart from the line between their neighbours on both sides at the same velocity.

    `levels` holds for each take those of its partials at `TIMES_S`, dB (P, T), NaN where unknown.

    Levels are compared less each take's mean, so that loudness is left out. When all notes scatter
    independently, a departure from the line has (1 + a^2 + b^2) times one note's variance (a, b: shares).
    """
    rows = []
    for velocity in sorted({h.note.velocity for h in heard}):
        mine: dict[float, Floats] = {}
        for one, level in zip(heard, levels, strict=True):
            if one.note.velocity == velocity:
                mine.setdefault(one.note.midi, level)
        notes = sorted(mine)
        for low, here, high in zip(notes, notes[1:], notes[2:], strict=False):
            if here - low > FARTHEST or high - here > FARTHEST:
                continue
            rows.append(departure_db(mine[low], mine[here], mine[high], (here - low) / (high - low)))
    return Scatter(np.array(rows).reshape(-1, MOST_PARTIALS, len(TIMES_S)))


def departure_db(low: Floats, here: Floats, high: Floats, b: float) -> Floats:
    """Return how far levels (P, T) of a note lie from the line between its neighbours', scaled to one note's own.

    The note lies `b` (0..1) of the way from `low` to `high`. The mean is left out: it is loudness.
    """
    difference = (here - (1 - b) * low - b * high) / np.sqrt(1 + b * b + (1 - b) ** 2)
    return np.asarray(difference - np.nanmean(difference) if np.isfinite(difference).any() else difference)


def clear_levels(heard: Heard) -> Floats:
    """Return levels (P, T) at `TIMES_S` of what stands clear of the floor and within hearing, else NaN."""
    level = heard.tracks.partial_db[:MOST_PARTIALS, ON_TRACKS]
    floor = heard.tracks.floor_db[:MOST_PARTIALS, ON_TRACKS]
    out = np.full((MOST_PARTIALS, len(ON_TRACKS)), np.nan)
    top = np.nanmax(level, initial=-200.0)
    clear = (level > floor + ABOVE_FLOOR_DB) & (level > top - HEARD_RANGE_DB)
    out[: len(level)] = np.where(clear, level, np.nan)
    return out
